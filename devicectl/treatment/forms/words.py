"""Text as a person types it: trimmed, normalised, and free of what cannot be shown or would be shown as something else."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_TURNS: Final = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates turn the order of what stands around them (Unicode bidirectional algorithm)."""
_ENDS_LINE: Final = "\n\r\u2028\u2029"
_CONTROL: Final = "\\x00-\\x1f\\x7f-\\x9f\ufff9-\ufffb\ud800-\udfff"
_UNFIT: Final = re.compile(f"[{_TURNS}{_ENDS_LINE}{_CONTROL}]")
_UNFIT_LINES: Final = re.compile(f"[{_TURNS}\r\u2028\u2029]|(?!\\n)[{_CONTROL}]")
_GAP: Final = re.compile(r"\s+")


class BadEntry(ValueError):
    """What was typed cannot be taken; the text is one sentence that says what is expected."""


class BadEntries(ValueError):
    """Several refusals at once; ``errors`` has one sentence by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def quoted(text: str, most: int = 24) -> str:
    """What was typed, short and harmless enough to stand in a sentence."""
    safe = "".join(sign if sign.isprintable() else "?" for sign in text[: most + 1])
    return f"“{safe[:most]}…”" if len(safe) > most else f"“{safe}”"


def clean(label: str, raw: object, *, most: int, lines: bool = False) -> str:
    """The text of one entry, at most ``most`` characters; empty when nothing visible is left.

    ``lines`` allows line breaks. Raises :class:`BadEntry`.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise BadEntry(f"{label} must be text.")
    # A number of thousands of digits may not be turned into text at all.
    if isinstance(raw, int) and abs(raw) >= 10**18:
        raise BadEntry(f"{label} is too large a number.")
    text = raw if isinstance(raw, str) else repr(raw)
    if len(text) > 8 * most + 64:
        raise BadEntry(f"{label} may have {most} characters at most.")
    text = text.replace("\r\n", "\n").replace("\r", "\n") if lines else text
    text = text.strip()
    unfit = (_UNFIT_LINES if lines else _UNFIT).search(text)
    if unfit is not None:
        raise BadEntry(f"{label} {_why(unfit[0])}.")
    text = unicodedata.normalize("NFC", text)
    if len(text) > most:
        raise BadEntry(f"{label} may have {most} characters at most; this has {len(text)}.")
    return text if any(unicodedata.category(sign)[0] not in "ZCM" for sign in text) else ""


def _why(sign: str) -> str:
    if sign in _ENDS_LINE:
        return "must be one line"
    if unicodedata.category(sign) == "Cf" and sign < "\ufff9":
        return "may not contain signs that turn the direction of writing; type it again without them"
    return "may not contain control characters; type it again without them"


def folded(text: str) -> str:
    """For comparing words: lower case, one space between."""
    return _GAP.sub(" ", text.replace("_", " ").replace("-", " ")).strip().casefold()
