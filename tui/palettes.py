"""The colours of the themes. Grey, but for alarms and amber for what is over plan; text has at least 4.5:1 on every ground it stands on (WCAG AA)."""

from __future__ import annotations

from typing import Final

from rich.color import Color
from rich.style import Style
from textual.theme import Theme

from tui.theme import Ink, MapColours, Palette

Pair = tuple[str, str | None, bool]
"""Colour of the text, of the ground where it has one of its own, and whether it is bold."""


def _inks(pairs: dict[Ink, Pair]) -> dict[Ink, Style]:
    styles = {
        ink: Style(color=Color.parse(text), bgcolor=Color.parse(ground) if ground else None, bold=bold)
        for ink, (text, ground, bold) in pairs.items()
    }
    return {Ink.NONE: Style.null(), **styles}


def _theme(name: str, colours: dict[str, str], dark: bool = True) -> Theme:
    return Theme(
        name=f"devicectl-{name}",
        primary=colours["frame"],
        secondary=colours["quiet"],
        accent=colours["strong"],
        foreground=colours["strong"],
        background=colours["ground"],
        surface=colours["side"],
        panel=colours["bar"],
        dark=dark,
        variables={
            **colours,
            "input-cursor-background": colours["strong"],
            "input-cursor-foreground": colours["ground"],
            "input-selection-background": colours["frame"],
        },
    )


DARK: Final = Palette(
    "dark",
    "dark grey",
    _inks(
        {
            Ink.DIM: ("#949ca3", None, False),
            Ink.FAINT: ("#565d64", None, False),
            Ink.TEXT: ("#c9ced3", None, False),
            Ink.BRIGHT: ("#ffffff", None, True),
            Ink.BAND: ("#8a929a", None, False),
            Ink.TRACE: ("#aeb8c0", None, False),
            Ink.SCALE: ("#858d94", None, False),
            Ink.BADGE: ("#000000", "#eceff1", True),
            Ink.CHIP: ("#ffffff", "#4a525a", True),
            Ink.KEYCAP: ("#e3e6e9", None, True),
            Ink.OVER: ("#e0a040", None, True),
            Ink.HIGH_ON: ("#ffffff", "#c21807", True),
            Ink.HIGH_OFF: ("#ff6a5e", None, True),
            Ink.MEDIUM_ON: ("#000000", "#f5d90a", True),
            Ink.MEDIUM_OFF: ("#f5d90a", None, True),
            Ink.LOW_ON: ("#000000", "#35c3d4", True),
            Ink.LOW_OFF: ("#35c3d4", None, True),
        }
    ),
    MapColours(
        ground=(21, 24, 26),
        skin=(36, 40, 43),
        seam=(11, 13, 15),
        cursor=(255, 255, 255),
        on_cursor=(10, 13, 16),
        empty=(58, 64, 70),
        full=(150, 160, 168),
        weave=(166, 178, 187),
        side=(148, 156, 163),
        over=(224, 160, 64),
    ),
    _theme(
        "dark",
        {
            "ground": "#15181a", "side": "#1b1f22", "bar": "#2a2f33", "sheet": "#23282c", "field": "#0e1113",
            "strong": "#ffffff", "quiet": "#949ca3", "frame": "#8a929a",
            "stop-on": "#8c1d18", "stop-off": "#3a4046", "stop-text": "#ffffff",
        },
    ),
)  # fmt: skip

LIGHT: Final = Palette(
    "light",
    "light grey",
    _inks(
        {
            Ink.DIM: ("#4d545b", None, False),
            Ink.FAINT: ("#a2a9af", None, False),
            Ink.TEXT: ("#23282c", None, False),
            Ink.BRIGHT: ("#000000", None, True),
            Ink.BAND: ("#5f676e", None, False),
            Ink.TRACE: ("#3a4147", None, False),
            Ink.SCALE: ("#4d545b", None, False),
            Ink.BADGE: ("#ffffff", "#15181a", True),
            Ink.CHIP: ("#ffffff", "#4d545b", True),
            Ink.KEYCAP: ("#0e1113", None, True),
            Ink.OVER: ("#6e4300", None, True),
            Ink.HIGH_ON: ("#ffffff", "#c21807", True),
            Ink.HIGH_OFF: ("#a81206", None, True),
            Ink.MEDIUM_ON: ("#000000", "#f5d90a", True),
            Ink.MEDIUM_OFF: ("#625200", None, True),
            Ink.LOW_ON: ("#000000", "#35c3d4", True),
            Ink.LOW_OFF: ("#005a66", None, True),
        }
    ),
    MapColours(
        ground=(241, 242, 243),
        skin=(222, 225, 228),
        seam=(247, 248, 249),
        cursor=(0, 0, 0),
        on_cursor=(255, 255, 255),
        empty=(198, 203, 207),
        full=(96, 105, 112),
        weave=(52, 60, 67),
        side=(77, 84, 91),
        over=(110, 67, 0),
    ),
    _theme(
        "light",
        {
            "ground": "#f1f2f3", "side": "#e6e8ea", "bar": "#d5d9dc", "sheet": "#fafbfb", "field": "#dde0e3",
            "strong": "#000000", "quiet": "#4d545b", "frame": "#5f676e",
            "stop-on": "#8c1d18", "stop-off": "#4d545b", "stop-text": "#ffffff",
        },
        dark=False,
    ),
)  # fmt: skip

CONTRAST: Final = Palette(
    "contrast",
    "high contrast",
    _inks(
        {
            Ink.DIM: ("#d9d9d9", None, False),
            Ink.FAINT: ("#8c8c8c", None, False),
            Ink.TEXT: ("#ffffff", None, False),
            Ink.BRIGHT: ("#ffffff", None, True),
            Ink.BAND: ("#d9d9d9", None, False),
            Ink.TRACE: ("#ffffff", None, False),
            Ink.SCALE: ("#d9d9d9", None, False),
            Ink.BADGE: ("#000000", "#ffffff", True),
            Ink.CHIP: ("#000000", "#d9d9d9", True),
            Ink.KEYCAP: ("#ffffff", None, True),
            Ink.OVER: ("#ffb84d", None, True),
            Ink.HIGH_ON: ("#ffffff", "#b01005", True),
            Ink.HIGH_OFF: ("#ff8a80", None, True),
            Ink.MEDIUM_ON: ("#000000", "#ffe60a", True),
            Ink.MEDIUM_OFF: ("#ffe60a", None, True),
            Ink.LOW_ON: ("#000000", "#4fe0f2", True),
            Ink.LOW_OFF: ("#4fe0f2", None, True),
        }
    ),
    MapColours(
        ground=(0, 0, 0),
        skin=(34, 34, 34),
        seam=(0, 0, 0),
        cursor=(255, 255, 255),
        on_cursor=(0, 0, 0),
        empty=(58, 58, 58),
        full=(225, 225, 225),
        weave=(255, 255, 255),
        side=(255, 255, 255),
        over=(255, 184, 77),
    ),
    _theme(
        "contrast",
        {
            "ground": "#000000", "side": "#000000", "bar": "#262626", "sheet": "#0d0d0d", "field": "#333333",
            "strong": "#ffffff", "quiet": "#d9d9d9", "frame": "#ffffff",
            "stop-on": "#8c1d18", "stop-off": "#333333", "stop-text": "#ffffff",
        },
    ),
)  # fmt: skip

_BOLD: Final = Style(bold=True)
_REVERSED: Final = Style(bold=True, reverse=True)
COLOURLESS: Final = Palette(
    "none",
    "no colour",
    {
        **dict.fromkeys(Ink, Style.null()),
        **dict.fromkeys((Ink.BRIGHT, Ink.KEYCAP, Ink.OVER, Ink.HIGH_OFF, Ink.MEDIUM_OFF, Ink.LOW_OFF), _BOLD),
        **dict.fromkeys((Ink.BADGE, Ink.CHIP, Ink.HIGH_ON, Ink.MEDIUM_ON, Ink.LOW_ON), _REVERSED),
    },
    DARK.map,
    _theme("none", {**{k: v for k, v in DARK.theme.variables.items() if not k.startswith("input-")}}),
    colourless=True,
)
"""For ``NO_COLOR``: the program writes no colour at all."""

THEMES: Final = {palette.name: palette for palette in (DARK, LIGHT, CONTRAST)}
"""What a user may choose."""
