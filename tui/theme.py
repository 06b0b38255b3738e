"""Every colour of the screens, in one place.

The interface is grey. Red, yellow and cyan belong to alarms alone; whatever a colour says is also said by text, by a
mark or by texture, so the screens work with ``NO_COLOR`` and for colour-blind eyes. Contrast of text on its ground is
at least 4.5:1 (WCAG AA).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rich.color import Color
from rich.style import Style
from textual.theme import Theme

RGB = tuple[int, int, int]

GROUND: Final = "#15181a"
PANEL: Final = "#1b1f22"
BAR: Final = "#2a2f33"
STOP_ON: Final = "#8c1d18"
STOP_OFF: Final = "#3a4046"


@lru_cache(maxsize=512)
def ink(colour: str, bold: bool = False, ground: str | None = None) -> Style:
    """A cached text style from ``#rrggbb`` colours."""
    return Style(color=Color.parse(colour), bold=bold, bgcolor=Color.parse(ground) if ground else None)


DIM: Final = ink("#8f979e")
FAINT: Final = ink("#565d64")
TEXT: Final = ink("#c9ced3")
BRIGHT: Final = ink("#ffffff", True)
BAND: Final = ink("#8a929a")
TRACE: Final = ink("#aeb8c0")
SCALE: Final = ink("#6d757c")
BADGE: Final = ink("#000000", True, "#eceff1")
CHIP: Final = ink("#ffffff", True, "#4a525a")
KEYCAP: Final = ink("#e3e6e9", True)


@dataclass(frozen=True, slots=True)
class AlarmLook:
    """How one priority looks (IEC 60601-1-8): mark, banner in the "on" half, text in the "off" half, half period."""

    mark: str
    banner: Style
    plain: Style
    half_period_s: float | None


ALARMS: Final[dict[str, AlarmLook]] = {
    "high": AlarmLook("!!!", ink("#ffffff", True, "#c21807"), ink("#ff6a5e", True), 0.25),
    "medium": AlarmLook(" !!", ink("#000000", True, "#f5d90a"), ink("#f5d90a", True), 0.83),
    "low": AlarmLook("  !", ink("#000000", True, "#35c3d4"), ink("#35c3d4", True), None),
}
PRIORITIES: Final = tuple(ALARMS)


@dataclass(frozen=True, slots=True)
class MapColours:
    """The scalp map's greys."""

    ground: RGB = (21, 24, 26)
    skin: RGB = (36, 40, 43)
    seam: RGB = (11, 13, 15)
    cursor: RGB = (255, 255, 255)
    empty: RGB = (58, 64, 70)
    full: RGB = (150, 160, 168)
    weave: RGB = (166, 178, 187)
    text: RGB = (232, 235, 238)
    dark_text: RGB = (10, 13, 16)
    side: RGB = (143, 151, 158)


MAP: Final = MapColours()

GREY: Final = Theme(
    name="devicectl-grey",
    primary="#8a929a",
    secondary="#6d757c",
    accent="#c9ced3",
    foreground="#c9ced3",
    background=GROUND,
    surface=PANEL,
    panel=BAR,
    dark=True,
    variables={
        "ground": GROUND,
        "side": PANEL,
        "bar": BAR,
        "stop-on": STOP_ON,
        "stop-off": STOP_OFF,
        "quiet": "#8f979e",
        "frame": "#8a929a",
        "sheet": "#23282c",
        "field": "#0e1113",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
        "input-selection-background": "#565d64",
    },
)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """The colour ``share`` (0..1) of the way from ``a`` to ``b``."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )
