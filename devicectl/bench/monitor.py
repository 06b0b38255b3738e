"""What there is to see of many pens at once: a row for each, the worst first. Knows no screen and no socket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

STALE_S: Final = 0.3
"""A sample older than this says nothing about now (the design's freshness of telemetry)."""
LOSS_SHOWN_S: Final = 10.0
"""So long a loss keeps its pen among those that need a look."""


@dataclass(frozen=True, slots=True)
class Row:
    """One pen. Units as in a view: µm, mHz, 0.01 °C; ``age_s`` of the newest sample; ``lost`` of ``samples``.

    ``trouble`` is 0 for a pen that is as it should be, more for worse; ``state`` says why in words.
    """

    address: str
    serial: str
    model: str
    firmware: str
    simulated: bool
    state: str
    trouble: int
    turning: bool
    depth_um: int | None
    rate_mhz: int | None
    temperature_cc: int | None
    battery_pct: int | None
    current_ma: int | None
    age_s: float | None
    samples: int
    lost: int
    rate_hz: float | None
    """Samples a second since the snapshot before; None in the first."""
    session: bool
    gone_s: float | None = None
    """So long ago the station let go of it; all else is as it was then."""

    @property
    def loss(self) -> float:
        """Share of the samples that were lost, 0 to 1."""
        return self.lost / (self.samples + self.lost) if self.lost else 0.0

    @property
    def name(self) -> str:
        """Its serial number, else its address."""
        return self.serial or self.address


OK, LATCHED, LOSING, UNSURE, STALE, FAULT, NO_LINK, GONE = range(8)
"""Kinds of trouble, the least first."""


def _state(pen: Mapping[str, Any], losing: bool) -> tuple[str, int]:
    if pen["link"] != "up":
        return ("LINK LOST" if pen["link"] == "lost" else "CONNECTING"), NO_LINK
    if pen["faults"]:
        return f"FAULT {', '.join(pen['faults'])}", FAULT
    age = pen["sample_age_s"]
    if age is None or age > STALE_S:
        return "NO DATA", STALE
    state = str(pen["state"]).replace("_", " ")
    if pen["motion"] == "unknown" or pen["settling"]:
        return f"{state}, unsure", UNSURE
    if pen["motion"] == "turning" and state not in ("running", "parking") and not pen["latched"]:
        state = f"{state}, turns"
    if losing:
        return f"{state}, LOSING", LOSING
    return (state.upper(), LATCHED) if pen["latched"] else (state, OK)


class Monitor:
    """Takes what the station tells of its pens, time by time, and keeps pens that it held once and does not now."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._at: dict[str, tuple[float, int, int]] = {}
        """By address: when, samples and lost samples, of the last snapshot."""
        self._lost_at: dict[str, float] = {}
        self._gone: dict[str, tuple[float, Row]] = {}

    def take(self, pens: Sequence[Mapping[str, Any]], now: float) -> list[Row]:
        """The rows of a snapshot, in the order of ``pens``, then those of pens that are gone. ``now`` in s."""
        rows = [self._row(pen, now) for pen in pens]
        held = {row.address for row in rows} | {row.serial for row in rows if row.serial}
        for row in self.rows:
            if row.gone_s is None and not held & {row.address, row.serial}:
                self._gone[row.address] = (now, replace(row, state="GONE", trouble=GONE, turning=False))
        for address, (_, row) in list(self._gone.items()):
            if held & {address, row.serial}:
                del self._gone[address]
        self.rows = rows + [replace(row, gone_s=round(now - at, 1)) for at, row in self._gone.values()]
        return self.rows

    def forget_gone(self) -> None:
        """Show those that are gone no more."""
        self._gone.clear()
        self.rows = [row for row in self.rows if row.gone_s is None]

    def _row(self, pen: Mapping[str, Any], now: float) -> Row:
        address, samples, lost = pen["address"], pen["samples"], pen["lost_samples"]
        before = self._at.get(address)
        if before is not None and samples < before[1]:
            before = None  # opened anew
        rate = None
        if before is not None and now > before[0]:
            rate = (samples - before[1]) / (now - before[0])
        if before is not None and lost > before[2]:
            self._lost_at[address] = now
        self._at[address] = (now, samples, lost)
        state, trouble = _state(pen, now - self._lost_at.get(address, float("-inf")) < LOSS_SHOWN_S)
        return Row(
            address=address,
            serial=pen["serial"],
            model=pen["model"],
            firmware=pen["firmware"],
            simulated=pen["simulated"],
            state=state,
            trouble=trouble,
            turning=pen["motion"] == "turning",
            depth_um=pen["depth_um"],
            rate_mhz=pen["rate_mhz"],
            temperature_cc=pen["temperature_cc"],
            battery_pct=pen["battery_pct"],
            current_ma=pen["current_ma"],
            age_s=pen["sample_age_s"],
            samples=samples,
            lost=lost,
            rate_hz=rate,
            session=pen["session"] is not None,
        )


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """A key by which ``pts/9`` comes before ``pts/10``."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part)


def _known(value: float | None) -> tuple[bool, float]:
    """Greatest first, what is unknown last."""
    return value is None, -(value or 0)


SORTS: Final[dict[str, Callable[[Row], Any]]] = {
    "worst": lambda row: (-row.trouble, -row.loss, natural(row.name)),
    "pen": lambda row: natural(row.name),
    "address": lambda row: natural(row.address),
    "depth": lambda row: (_known(row.depth_um), natural(row.name)),
    "rate": lambda row: (_known(row.rate_mhz), natural(row.name)),
    "temp": lambda row: (_known(row.temperature_cc), natural(row.name)),
    "age": lambda row: (_known(row.age_s), natural(row.name)),
    "loss": lambda row: (-row.loss, natural(row.name)),
}
"""By name: the key of an order."""
FILTERS: Final[dict[str, Callable[[Row], bool]]] = {
    "all": lambda row: True,
    "trouble": lambda row: row.trouble > OK,
    "turning": lambda row: row.turning,
    "still": lambda row: not row.turning and row.gone_s is None,
}
"""By name: which pens are shown."""


def chosen(rows: Iterable[Row], sort: str = "worst", show: str = "all", text: str = "") -> list[Row]:
    """The rows of one filter that have ``text`` in what is written of them, in one order."""
    words = text.casefold()
    kept = [row for row in rows if FILTERS[show](row)]
    if words:
        kept = [r for r in kept if words in f"{r.address} {r.serial} {r.model} {r.state}".casefold()]
    return sorted(kept, key=SORTS[sort])


def summary(rows: Sequence[Row]) -> dict[str, int]:
    """How many there are of what."""
    here = [row for row in rows if row.gone_s is None]
    return {
        "pens": len(here),
        "turning": sum(row.turning for row in here),
        "trouble": sum(row.trouble > OK for row in rows),
        "gone": len(rows) - len(here),
        "simulated": sum(row.simulated for row in here),
        "samples": sum(row.samples for row in here),
        "lost": sum(row.lost for row in here),
    }
