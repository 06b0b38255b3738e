"""Depth and rate as people type them. Plain numbers are mm and Hz, as on the command line; rpm when it is said."""

from __future__ import annotations

import math
import re
from typing import Final

_NUMBER: Final = re.compile(r"(\d{1,9}(?:[.,]\d{1,9})?)\s*([a-z]*)", re.ASCII)


class EntryError(ValueError):
    """What was typed is no value; the text is one sentence with the next step."""


def parse_depth(words: str) -> int:
    """Needle protrusion in µm from ``1.25`` or ``1.25mm``.

    Raises:
        EntryError: no number, another unit, or finer than 1 µm.
    """
    number, unit = _split(words, "Depth is a number in mm such as 1.25.")
    if unit not in ("", "mm"):
        raise EntryError(f"Depth is in mm, not {unit}; type a number such as 1.25.")
    return _whole(number * 1000, "Depth has at most three decimals; type a number such as 1.25.")


def parse_rate(words: str) -> int:
    """Stroke rate in mHz from ``100``, ``100Hz`` or ``6000rpm``.

    Raises:
        EntryError: no number, another unit, or finer than 1 mHz.
    """
    number, unit = _split(words, "Rate is a number in Hz such as 100, or 6000rpm.")
    if unit == "rpm":
        return round(number * 1000 / 60)
    if unit not in ("", "hz"):
        raise EntryError(f"Rate is in Hz or rpm, not {unit}; type 100 or 6000rpm.")
    return _whole(number * 1000, "Rate has at most three decimals; type a number such as 100.")


def _split(words: str, sentence: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(words.strip().lower())
    if match is None:
        raise EntryError(sentence)
    return float(match[1].replace(",", ".")), match[2]


def _whole(value: float, sentence: str) -> int:
    if not math.isclose(value, round(value), abs_tol=1e-6):
        raise EntryError(sentence)
    return round(value)
