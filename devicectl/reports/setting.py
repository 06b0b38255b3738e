"""Sets a template with its data and writes the file: PDF/A-2b, PNG or SVG, the same bytes for the same input.

Text of people never becomes markup: it goes in as one JSON value and the templates only ever show strings of it. Only the
fonts inside of typst are used, so that a report looks the same on every computer; what they cannot show is written as
[U+1F600]. typst is imported when something is set.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    import typst

TEMPLATES: Final = Path(__file__).with_name("templates")
PDF_STANDARD: Final = "a-2b"
"""ISO 19005-2, level B: to be kept for years. It also makes typst refuse a character that no font has."""
PPI: Final = 144.0
Form = Literal["pdf", "png", "svg"]
BREAKS: Final = frozenset("\t\n\r\v\f\x85\u2028\u2029")
UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Categories without a glyph of a known meaning: controls, formats, halves of pairs, private use, unassigned. A format character
could turn the direction of the line around a name or hide in it."""
JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters without which some scripts are misspelt."""
NO_GLYPH: Final = "could not be displayed"
"""Part of what typst says of a character that none of its fonts has."""
_FONTS: Final[dict[str, bool]] = {}
_PROBE: Final = b"#for c in json(bytes(sys.inputs.data)) [#c#parbreak()]"


class ReportFailed(RuntimeError):
    """No file was made; the text is one sentence with the next step."""


def set_page(template: str, data: Mapping[str, Any], form: Form, created: datetime) -> bytes:
    """The file's content: a PDF of all pages, or a picture of a template that has one page. ``created`` (aware) is the only
    time in it. Raises :class:`ReportFailed`."""
    made = _set(template, data, form, created, PPI)
    if isinstance(made, list):
        raise ReportFailed("The picture has more than one page; this is a fault of devicectl: report it.")
    return made


def set_pictures(template: str, data: Mapping[str, Any], created: datetime, ppi: float = PPI) -> list[bytes]:
    """Every page as a PNG of ``ppi`` pixels per inch, to be looked at. Raises :class:`ReportFailed`."""
    made = _set(template, data, "png", created, ppi)
    return made if isinstance(made, list) else [made]


def _set(template: str, data: Mapping[str, Any], form: Form, created: datetime, ppi: float) -> bytes | list[bytes]:
    import typst

    def setting(how: Callable[[str], str]) -> bytes | list[bytes]:
        shown = _shown(data, how)
        return typst.compile(
            TEMPLATES / f"{template}.typ",
            root=TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(shown, ensure_ascii=False, allow_nan=False, sort_keys=True)},
            format=form,
            ppi=ppi,
            pdf_standards=[PDF_STANDARD] if form == "pdf" else [],
            timestamp=created,
        )

    try:
        try:
            return setting(printable)
        except typst.TypstError:
            # Characters that a font has one by one may still make a cluster that none has.
            return setting(plainest)
    except typst.TypstError as error:
        raise ReportFailed(
            f"The page could not be set ({error.message}); this is a fault of devicectl: report it with this sentence."
        ) from error


def name_picture(svg: bytes, title: str, description: str) -> bytes:
    """The same SVG with a title and a description for who cannot see it."""
    head, end, rest = svg.partition(b">")
    text = f"<title>{escape(printable(title))}</title><desc>{escape(printable(description))}</desc>"
    return head + b' role="img"' + end + text.encode() + rest


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none, an older one of that name replaced. Raises :class:`ReportFailed`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        why = error.strerror or "it cannot be written"
        raise ReportFailed(f"{path} was not written: {why}; choose another file or free the space.") from error


def printable(text: str) -> str:
    """``text`` with everything that cannot be printed as its number: ``[U+0007]``. Line breaks and tabs become spaces."""
    plain = "".join(" " if character in BREAKS else character for character in text)
    _look_up({character for character in plain if not "\x20" <= character <= "\x7e"})
    return "".join(character if _FONTS.get(character, True) else f"[U+{ord(character):04X}]" for character in plain)


def plainest(text: str) -> str:
    """``text`` in ASCII, everything else as its number."""
    return "".join(each if each.isascii() else f"[U+{ord(each):04X}]" for each in printable(text))


def _look_up(characters: set[str]) -> None:
    """Learn which of these have a font; most texts need one probe for all of them, or none."""
    unknown = sorted(characters - _FONTS.keys())
    fit = [each for each in unknown if each in JOINERS or unicodedata.category(each) not in UNPRINTED]
    _FONTS.update(dict.fromkeys(unknown, False))
    if fit:
        together = _have_fonts(fit)
        _FONTS.update((each, together or _have_fonts([each])) for each in fit)


@functools.cache
def _fonts() -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=False)


def _have_fonts(characters: list[str]) -> bool:
    import typst

    try:
        typst.compile(
            _PROBE,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(characters)},
            format="pdf",
            pdf_standards=[PDF_STANDARD],
            timestamp=0,
        )
    except typst.TypstError as error:
        if NO_GLYPH not in error.message:
            raise
        return False
    return True


def _shown(value: Any, how: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return how(value)
    if isinstance(value, Mapping):
        return {key: _shown(each, how) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each, how) for each in value]
    return value
