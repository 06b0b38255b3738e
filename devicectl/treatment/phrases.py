"""Quick phrases for notes: by digits while the motor turns, by a dot and letters where text is typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase: its digits, the letters behind the dot, and its text. No phrase says anything about a person."""

    digits: str
    dot: str
    text: str


PHRASES: Final = (
    Phrase("11", "pb", "Pinpoint bleeding reached."),
    Phrase("12", "me", "Mild erythema reached."),
    Phrase("13", "ee", "Even erythema over the zone."),
    Phrase("14", "nb", "No bleeding."),
    Phrase("15", "mb", "More bleeding than expected, zone paused."),
    Phrase("21", "pt", "Tolerated well."),
    Phrase("22", "pm", "Pain, depth lowered."),
    Phrase("23", "ps", "Pain, pass ended."),
    Phrase("24", "br", "Break at the client's wish."),
    Phrase("31", "gl", "Glide renewed."),
    Phrase("32", "wi", "Zone wiped with saline."),
    Phrase("33", "hr", "Hair in the way, parted anew."),
    Phrase("41", "sc", "Scar or lesion in the zone, left out."),
    Phrase("42", "ed", "Edge of the zone only."),
    Phrase("43", "ov", "Overlap with the zone beside it."),
    Phrase("51", "dz", "Client dizzy, session paused."),
    Phrase("52", "vv", "Client lay down, recovered."),
    Phrase("61", "cc", "Cartridge changed."),
    Phrase("62", "tp", "Tip cleaned."),
    Phrase("63", "ns", "Unusual noise from the pen."),
)
BY_DIGITS: Final = {phrase.digits: phrase for phrase in PHRASES}
BY_DOT: Final = {phrase.dot: phrase for phrase in PHRASES}

_DOT: Final = re.compile(r"(?<![\w.])\.([a-z]{2,4})(?![\w.])")


def expand(text: str) -> str:
    """The text with each dot phrase (``.pb``) that is known in full; all else stays as it is."""

    def full(found: re.Match[str]) -> str:
        phrase = BY_DOT.get(found[1])
        return phrase.text if phrase is not None else found[0]

    return _DOT.sub(full, text)
