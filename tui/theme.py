"""What text on the screens may look like: inks by their role, alarms by their priority, glyphs in Unicode or ASCII.

Rows carry roles, never colours; a `Look` turns them into styles when a row is drawn, so a theme can change while the
dashboard runs. The interface is grey. Red, yellow and cyan belong to alarms alone (and dull red to the STOP bar while
the motor may turn); whatever a colour says is also said by text, by a mark or by texture, so the screens work without
any colour and for colour-blind eyes. The colours themselves are in ``tui.palettes``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from rich.style import Style
from textual.theme import Theme

RGB = tuple[int, int, int]


class Ink(enum.Enum):
    """The role of a piece of text."""

    NONE = "none"
    DIM = "dim"
    FAINT = "faint"
    TEXT = "text"
    BRIGHT = "bright"
    BAND = "band"
    TRACE = "trace"
    SCALE = "scale"
    BADGE = "badge"
    CHIP = "chip"
    KEYCAP = "keycap"
    OVER = "over"
    HIGH_ON = "high on"
    HIGH_OFF = "high off"
    MEDIUM_ON = "medium on"
    MEDIUM_OFF = "medium off"
    LOW_ON = "low on"
    LOW_OFF = "low off"

    __hash__ = object.__hash__


NONE: Final = Ink.NONE
DIM: Final = Ink.DIM
FAINT: Final = Ink.FAINT
TEXT: Final = Ink.TEXT
BRIGHT: Final = Ink.BRIGHT
BAND: Final = Ink.BAND
TRACE: Final = Ink.TRACE
SCALE: Final = Ink.SCALE
BADGE: Final = Ink.BADGE
CHIP: Final = Ink.CHIP
KEYCAP: Final = Ink.KEYCAP
OVER: Final = Ink.OVER
"""More than was planned: the one thing beside alarms that has a colour, amber. It never flashes, and says so in words."""


@dataclass(frozen=True, slots=True)
class AlarmLook:
    """How one priority looks (IEC 60601-1-8): mark, banner in the "on" half, text in the "off" half, half period."""

    mark: str
    banner: Ink
    plain: Ink
    half_period_s: float | None


ALARMS: Final[dict[str, AlarmLook]] = {
    "high": AlarmLook("!!!", Ink.HIGH_ON, Ink.HIGH_OFF, 0.25),
    "medium": AlarmLook(" !!", Ink.MEDIUM_ON, Ink.MEDIUM_OFF, 0.83),
    "low": AlarmLook("  !", Ink.LOW_ON, Ink.LOW_OFF, None),
}
PRIORITIES: Final = tuple(ALARMS)


@dataclass(frozen=True, slots=True)
class MapColours:
    """The scalp map's greys."""

    ground: RGB
    skin: RGB
    seam: RGB
    cursor: RGB
    on_cursor: RGB
    empty: RGB
    full: RGB
    weave: RGB
    side: RGB
    over: RGB


@dataclass(frozen=True)
class Palette:
    """One theme: a style for every ink, the map's colours, and the colours Textual asks for by name."""

    name: str
    title: str
    inks: dict[Ink, Style]
    map: MapColours
    theme: Theme
    colourless: bool = False
    """Nothing may rest on a colour: shapes are drawn with characters, banners are reversed."""


class _Plain(dict[int, str]):
    """One ASCII character for each of ours; what is not known becomes a question mark, so widths never change."""

    def __missing__(self, code: int) -> str:
        return chr(code) if code < 128 else "?"


_OURS: Final = "▂▄▆█▚▞■□▶○◌‖✖✓›‹→←×≈²°·–µ…│─━◆≤±"
_THEIRS: Final = "||||###->o~=x+><><x~2 --u~|-=O<~"
ASCII: Final = _Plain({ord(ours): theirs for ours, theirs in zip(_OURS, _THEIRS, strict=True)})


@dataclass(frozen=True)
class Look:
    """What the user chose: a palette, and whether only ASCII may be written."""

    palette: Palette
    ascii: bool = False

    def style(self, ink: Ink) -> Style:
        """The style of a role."""
        return self.palette.inks[ink]

    def text(self, words: str) -> str:
        """``words`` in the characters this terminal has; as many cells as before."""
        return words if not self.ascii or words.isascii() else words.translate(ASCII)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """The colour ``share`` (0..1) of the way from ``a`` to ``b``."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def luminance(colour: RGB) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: RGB, b: RGB) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2); text needs 4.5."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable_on(ground: RGB) -> RGB:
    """Black or white, whichever stands out more: at least 4.5:1 on any colour."""
    black, white = (0, 0, 0), (255, 255, 255)
    return black if contrast(black, ground) > contrast(white, ground) else white
