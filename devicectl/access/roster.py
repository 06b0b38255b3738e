"""Everybody who works or worked here, as of now: the newest state of each operator. Knows neither files nor time."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from .roles import Role

NAME_MAX: Final = 60


class AccessRefused(Exception):
    """Not allowed, or not possible; the text is one sentence with the next step."""

    def __init__(self, text: str, code: str = "not-allowed") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator's newest state; ``seq`` counts them from 1. ``salt`` and ``kept`` are what is kept of the PIN."""

    id: UUID
    seq: int
    name: str
    role: Role
    active: bool
    salt: bytes
    kept: bytes


def tidy_name(name: str) -> str:
    """A name as it is kept. Raises :class:`AccessRefused` when it is none."""
    text = " ".join(unicodedata.normalize("NFC", name).split())
    if not text or len(text) > NAME_MAX:
        raise AccessRefused(f"A name has 1 to {NAME_MAX} characters; type another.", "bad-name")
    # Control and format characters (bidi overrides, zero widths) make one name look like another.
    if any(unicodedata.category(one)[0] == "C" for one in text) or not any(one.isalnum() for one in text):
        raise AccessRefused("The name holds characters that cannot be read; type letters and digits.", "bad-name")
    return text


def name_key(name: str) -> str:
    """Equal for names that a person would take for the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


class Roster:
    """Operators by key and by name. A name belongs to one operator for ever, retired or not."""

    def __init__(self, states: Iterable[Operator] = ()) -> None:
        self._by_id: dict[UUID, Operator] = {}
        for state in states:
            self.put(state)

    def put(self, state: Operator) -> None:
        """A newer state of an operator, or a new one."""
        known = self._by_id.get(state.id)
        if known is None or known.seq < state.seq:
            self._by_id[state.id] = state

    @property
    def empty(self) -> bool:
        """True until the first operator was added."""
        return not self._by_id

    @property
    def all(self) -> tuple[Operator, ...]:
        """By name; those who work here first."""
        return tuple(sorted(self._by_id.values(), key=lambda one: (not one.active, name_key(one.name))))

    def get(self, id: UUID | None) -> Operator | None:
        """Who works here under this key; None also for a retired one."""
        found = self._by_id.get(id) if id is not None else None
        return found if found is not None and found.active else None

    def named(self, name: str) -> Operator | None:
        """Who has or had this name."""
        key = name_key(name)
        return next((one for one in self._by_id.values() if name_key(one.name) == key), None)

    def need(self, name: str) -> Operator:
        """Who has or had this name. Raises :class:`AccessRefused`."""
        found = self.named(name)
        if found is None:
            raise AccessRefused(
                "There is no operator of that name; 'devicectl operators list' has them.", "no-such-operator"
            )
        return found

    def check(self, new: Operator) -> None:
        """Whether this state may follow. Raises :class:`AccessRefused`."""
        other = self.named(new.name)
        if other is not None and other.id != new.id:
            gone = "" if other.active else " (retired)"
            raise AccessRefused(f"There is an operator {other.name}{gone} already; choose another name.", "name-taken")
        rest = (one for one in self._by_id.values() if one.id != new.id)
        if not any(_administers(one) for one in (new, *rest)):
            raise AccessRefused(
                "Nobody would be administrator any more; make somebody else administrator first.", "last-administrator"
            )


def _administers(one: Operator) -> bool:
    return one.active and one.role is Role.ADMINISTRATOR
