"""How a note says that aftercare was given: it has no table of its own, so the phrase of a note names version and way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .texts import AFTERCARE_TEXT, AFTERCARE_VERSION, text_sha256
from .vocabulary import AFTERCARE_WAYS

_MARK: Final = "aftercare"


@dataclass(frozen=True, slots=True)
class Given:
    """Aftercare that was given. ``way`` is a word of the vocabulary."""

    version: str
    way: str

    @property
    def text(self) -> str:
        """One sentence."""
        return f"Given: {self.version}, {AFTERCARE_WAYS.get(self.way, self.way).casefold()}."


def phrase_of(given: Given) -> str:
    """The phrase of the note; behind the shipped text's version stands the beginning of its hash."""
    shipped = given.version == AFTERCARE_VERSION
    return " ".join([_MARK, given.version, given.way, *([text_sha256(AFTERCARE_TEXT)[:16]] if shipped else [])])


def given_in(phrase: str | None) -> Given | None:
    """What the phrase of a note says of aftercare; None when it is another note."""
    words = (phrase or "").split(" ")
    return Given(words[1], words[2]) if len(words) >= 3 and words[0] == _MARK else None
