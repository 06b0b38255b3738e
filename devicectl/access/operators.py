"""Operators at work: signing in and out, who may what, adding and changing them. Each step is in the record before it
is answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

from devicectl.records.errors import RecordError

from . import pins
from .lockout import FREE, WAITS_S, LockOut, Moment, wait_text
from .pins import Cost, cost_of
from .roles import Permission, Role, may, refusal
from .roster import AccessRefused, Operator, Roster, tidy_name

Hash = Callable[[str, bytes, Cost], Awaitable[bytes]]
"""PIN, salt and cost to what is kept; not on the event loop where there is one in real time."""
log = logging.getLogger("devicectl.access")
WRONG: Final = "The name or the PIN is wrong"
NOBODY: Final = "No operator is known yet; 'devicectl operators add NAME' adds the first."


class Clock(Protocol):
    """Where keys and times come from."""

    def uuid(self) -> UUID:
        """A fresh UUIDv7."""

    def utc_us(self) -> int:
        """UTC in µs since 1970."""

    def boot_us(self) -> int:
        """µs since the computer started."""


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """Something that the record keeps of access. ``code`` is one of `devicectl.records` ``ACCESS_CODES``."""

    id: UUID
    at: Moment
    operator: UUID | None
    name: str
    client_name: str
    code: str
    text: str


class Ledger(Protocol):
    """Where access is recorded; both return when it is stored, and raise :class:`RecordError` if it is not in time."""

    async def logged(self, event: AccessEvent) -> None:
        """Keep an event."""

    async def stated(self, state: Operator, at_utc_us: int, by: UUID | None, reason: str) -> None:
        """Keep a new state of an operator."""


class Operators:
    """The one who decides. ``history``: events of the past, oldest first; wrong PINs among them still count."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        hash_pin: Hash,
        salt: Callable[[], bytes],
        *,
        states: Iterable[Operator] = (),
        history: Iterable[AccessEvent] = (),
        cost: Cost = Cost(),  # noqa: B008
    ) -> None:
        self.roster = Roster(states)
        self._ledger, self._clock, self._hash, self._salt, self._cost = ledger, clock, hash_pin, salt, cost
        self._lock_out = LockOut(self._now())
        # One hash at a time: 64 MB each.
        self._turn = asyncio.Lock()
        for event in history:
            self._count(event)

    # -- signing in

    async def sign_in(self, name: str, pin: str, client: str, before: UUID | None, locked: bool) -> Operator:
        """Who this is. Raises :class:`AccessRefused`: wrong PIN, unknown name, locked out.

        ``before``: who was signed in there; ``locked``: whether that sitting was locked. Once begun it is finished and
        counted, though the one who asked may be gone: do not cancel it.
        """
        async with self._turn:
            operator = self.roster.named(name)
            if operator is not None and not operator.active:
                operator = None
            if operator is not None:
                await self._refuse_locked_out(operator, client)
            if not await self._right(operator, pin):
                await self._wrong(operator, client)
            assert operator is not None
            same = before == operator.id
            if before is not None and not same:
                await self.signed_out(before, client, f"{operator.name} signs in")
            await self.note("unlocked" if same and locked else "sign-in", operator, client, f"as {operator.role}")
            return operator

    async def confirm(self, id: UUID, pin: str, client: str) -> Operator:
        """The PIN again, from who is signed in: for a signature. Wrong ones count as at signing in."""
        async with self._turn:
            operator = self.roster.get(id)
            if operator is not None:
                await self._refuse_locked_out(operator, client)
            if not await self._right(operator, pin):
                await self._wrong(operator, client)
            assert operator is not None
            if self._lock_out.tries_left(operator.id) < FREE:
                await self.note("unlocked", operator, client, "the right PIN")
            return operator

    async def signed_out(self, id: UUID, client: str, why: str) -> None:
        """Keep that somebody is not at work there any more."""
        await self._keep("sign-out", id, client, why)

    async def locked(self, id: UUID, client: str, why: str) -> None:
        """Keep that a sitting was locked."""
        await self._keep("locked", id, client, why)

    async def _right(self, operator: Operator | None, pin: str) -> bool:
        # An unknown name takes as long.
        salt = operator.salt if operator is not None else bytes(pins.SALT_BYTES)
        cost = cost_of(operator.kept) if operator is not None else self._cost
        made = await self._hash(pin, salt, cost)
        return pins.same(operator.kept if operator is not None else bytes(len(made)), made) and operator is not None

    async def _refuse_locked_out(self, operator: Operator, client: str) -> None:
        left = self._lock_out.left_s(operator.id, self._now())
        if left:
            await self.note("locked-out", operator, client, f"tried with {left:.0f} s left")
            raise AccessRefused(
                f"Too many wrong PINs for {operator.name}: try again in {wait_text(left)}, or an administrator unlocks "
                "the name ('devicectl operators unlock').",
                "locked-out",
            )

    async def _wrong(self, operator: Operator | None, client: str) -> None:
        if operator is None:
            # What was typed is not kept: it may be a PIN in the wrong field.
            await self.note("unknown-name", None, client, "")
            if self.roster.empty:
                raise AccessRefused(NOBODY, "no-operator")
            raise AccessRefused(f"{WRONG}; 'devicectl operators list' has the names.", "wrong-pin")
        await self.note("wrong-pin", operator, client, "")
        left = self._lock_out.left_s(operator.id, self._now())
        if left:
            raise AccessRefused(f"{WRONG}, and there were too many: try again in {wait_text(left)}.", "wrong-pin")
        tries = self._lock_out.tries_left(operator.id)
        more = "1 more try" if tries == 1 else f"{tries} more tries"
        raise AccessRefused(f"{WRONG}; {more}, then the name is locked for {wait_text(WAITS_S[0])}.", "wrong-pin")

    # -- permission

    async def require(
        self, id: UUID | None, locked: bool, permission: Permission | None, what: str, client: str
    ) -> Operator | None:
        """Whoever is signed in, if this may be done. Raises :class:`AccessRefused` once the refusal is in the record."""
        operator = self.roster.get(id)
        problem = self.problem(id, locked, permission)
        if problem is None:
            return operator
        text, code = problem
        try:
            await self.note("refused", operator, client, f"{what}: {text}")
        except RecordError as error:
            log.warning("a refusal could not be recorded (%s: %s): %s", client, what, error)
        raise AccessRefused(text, code)

    def problem(self, id: UUID | None, locked: bool, permission: Permission | None) -> tuple[str, str] | None:
        """Sentence and stable word of why this may not be done now, or None."""
        operator = self.roster.get(id)
        if locked and operator is not None:
            return f"Locked; {operator.name} or another operator must type a PIN. STOP works all the same.", "locked"
        if permission is None:
            return None
        if operator is None:
            first = "; add the first: devicectl operators add" if self.roster.empty else ""
            return f"Nobody is signed in here; sign in to {permission}{first}.", "no-operator"
        if not may(operator.role, permission):
            return refusal(operator.name, operator.role, permission), "not-allowed"
        return None

    # -- keeping operators

    async def add(self, by: UUID | None, name: str, role: Role, pin: str) -> Operator:
        """A new operator; the very first becomes administrator. Raises :class:`AccessRefused`."""
        async with self._turn:
            # Looked at again in our turn: of two who add the first one at once, one comes second.
            if by is None and not self.roster.empty:
                raise AccessRefused("There are operators already; an administrator must sign in first.", "no-operator")
            name = tidy_name(name)
            if self.roster.empty:
                role = Role.ADMINISTRATOR
            new = Operator(self._clock.uuid(), 1, name, role, True, b"", b"")
            self.roster.check(new)
            return await self._state(await self._with_pin(new, pin), by, "added")

    async def change(
        self, by: UUID, name: str, client: str, reason: str, pin: str | None = None, **fields: Any
    ) -> Operator:
        """A new state: ``name``, ``role``, ``active`` in ``fields``, or a new PIN, which also ends a lock-out.
        Raises :class:`AccessRefused`."""
        async with self._turn:
            old = self.roster.need(name)
            if "name" in fields:
                fields["name"] = tidy_name(fields["name"])
            new = replace(old, seq=old.seq + 1, **fields)
            if pin is None and new == replace(old, seq=new.seq):
                raise AccessRefused("That is how it is already; nothing was changed.", "no-change")
            self.roster.check(new)
            if pin is not None:
                new = await self._with_pin(new, pin)
            state = await self._state(new, by, reason)
            if pin is not None and self._lock_out.tries_left(state.id) < FREE:
                await self.note("unlocked", state, client, "a new PIN")
            return state

    async def unlock(self, by: UUID, name: str, client: str) -> Operator:
        """End a lock-out. Raises :class:`AccessRefused`."""
        operator = self.roster.need(name)
        who = self.roster.get(by)
        await self.note("unlocked", operator, client, f"lock-out ended by {who.name if who else 'nobody'}")
        return operator

    def left_s(self, id: UUID) -> float:
        """How much longer this operator is locked out."""
        return self._lock_out.left_s(id, self._now())

    async def _with_pin(self, operator: Operator, pin: str) -> Operator:
        problem = pins.problem(pin, operator.name)
        if problem is not None:
            raise AccessRefused(problem, "bad-pin")
        salt = self._salt()
        return replace(operator, salt=salt, kept=await self._hash(pin, salt, self._cost))

    async def _state(self, state: Operator, by: UUID | None, reason: str) -> Operator:
        await self._ledger.stated(state, self._clock.utc_us(), by, reason)
        self.roster.put(state)
        return state

    # -- the record

    def _now(self) -> Moment:
        return Moment(self._clock.utc_us(), self._clock.boot_us())

    async def _keep(self, code: str, id: UUID, client: str, text: str) -> None:
        known = next((one for one in self.roster.all if one.id == id), None)
        await self.note(code, known, client, text)

    async def note(self, code: str, operator: Operator | None, client: str, text: str) -> None:
        """Keep an event; returns when it is stored."""
        event = AccessEvent(
            self._clock.uuid(),
            self._now(),
            operator.id if operator else None,
            operator.name if operator else "",
            client,
            code,
            text,
        )
        # Counted before it is stored: a record that fails gives nobody more tries.
        if code == "wrong-pin":
            self._count(event)
        await self._ledger.logged(event)
        if code != "wrong-pin":
            self._count(event)

    def _count(self, event: AccessEvent) -> None:
        if event.operator is None:
            return
        if event.code == "wrong-pin":
            self._lock_out.wrong(event.operator, event.at)
        elif event.code in ("sign-in", "unlocked"):
            self._lock_out.cleared(event.operator)
