"""Numbers as the screens write them. Fixed widths, so that nothing on the screen jumps."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Final

PURPOSES: Final = {"bench": "BENCH", "treatment": "TREATMENT"}


def mm(um: int | None, width: int = 0) -> str:
    """µm as millimetres with two decimals; ``--`` when unknown."""
    return ("--" if um is None else f"{um / 1000:.2f}").rjust(width)


def hz(mhz: int | None, width: int = 0) -> str:
    """mHz as strokes per second with one decimal."""
    return ("--" if mhz is None else f"{mhz / 1000:.1f}").rjust(width)


def rpm(mhz: int | None, width: int = 0) -> str:
    """mHz as rpm (one turn is one stroke)."""
    return ("--" if mhz is None else str(round(mhz * 60 / 1000))).rjust(width)


def rate(mhz: int | None) -> str:
    """A stroke rate in words, as control writes it too: ``100.0 Hz (6000 rpm)``."""
    return "--" if mhz is None else f"{hz(mhz)} Hz ({rpm(mhz)} rpm)"


def calm(mhz: int | None) -> int | None:
    """A measured rate to the nearest 0.5 Hz: what changes faster than it can be read says nothing."""
    return None if mhz is None else round(mhz / 500) * 500


def punctures(mhz: int | None, needles: int) -> str:
    """Punctures a second: strokes a second times needles."""
    return "-- punctures/s" if mhz is None else f"{count(mhz * needles / 1000)} punctures/s"


def amps(ma: int | None, width: int = 0) -> str:
    """mA as A with two decimals."""
    return ("--" if ma is None else f"{ma / 1000:.2f}").rjust(width)


def celsius(cc: int | None, width: int = 0) -> str:
    """0.01 °C as °C with one decimal."""
    return ("--" if cc is None else f"{cc / 100:.1f}").rjust(width)


def clock(seconds: float | None) -> str:
    """A duration as m:ss, or h:mm:ss from one hour on."""
    if seconds is None:
        return "-:--"
    whole = max(0, int(seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}"


SIGNAL: Final = (-90, -80, -70, -60)
"""dBm from which on a pen on the air gets one more bar: below the first, links break; from the last on, they are good."""


def bars(rssi: int | None) -> int | None:
    """Signal strength in dBm as 0 to 4 bars."""
    return None if rssi is None else sum(rssi >= step for step in SIGNAL)


def signal(rssi: int) -> str:
    """Signal strength as shape and number: ``▂▄▆· -62 dBm``."""
    filled = bars(rssi) or 0
    return f"{'▂▄▆█'[:filled]}{'·' * (len(SIGNAL) - filled)} {rssi} dBm"


def share(part: float | None) -> str:
    """A share of 0 to 1 in percent with one decimal; ``--`` when unknown, and never 0 when there was any."""
    if part is None:
        return "--"
    return f"{part:.1%}".replace("%", " %") if part == 0 or part >= 0.0005 else "<0.1 %"


def age(seconds: float | None) -> str:
    """An age as the link field shows it: ms below 1 s, then s."""
    if seconds is None:
        return "--"
    if seconds < 1:
        return f"{round(seconds * 1000 / 10) * 10} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def count(number: float) -> str:
    """A large number with thin groups: 12,400."""
    return f"{round(number):,}"


@lru_cache(maxsize=512)
def wrap(words: str, width: int) -> tuple[str, ...]:
    """``words`` in lines of at most ``width`` cells; a word that is longer is broken. At least one line."""
    return tuple(textwrap.wrap(words, max(1, width), break_on_hyphens=False)) or ("",)


def within(words: str, width: int, rows: int, more: str = "…") -> list[str]:
    """`wrap` in at most ``rows`` lines; ``more`` ends the last when there was more to say."""
    lines = list(wrap(words, width))
    if len(lines) > rows:
        lines = lines[:rows]
        lines[-1] = ended(lines[-1], width, more)
    return lines


def ended(line: str, width: int, more: str = "…") -> str:
    """``line`` with ``more`` at its end in at most ``width`` cells; cut between words, so that no number is halved."""
    room = max(0, width - len(more))
    if len(line) > room:
        line = line[:room].rpartition(" ")[0] or line[:room]
    return f"{line}{more}"


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
