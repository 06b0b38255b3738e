"""The control chart of the daily check as a picture: individuals above, moving ranges below, broken rules with numbers.

What is out of rule has a shape of its own and the numbers of its rules above it, so that the picture says the same in black
and white.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from devicectl.calibration.chart import Chart, Limits, RuleNumber
from devicectl.calibration.quantities import Measurand
from devicectl.calibration.rounding import places, shown

from .axes import Axis, axis
from .calibration_pages import MEASURANDS
from .setting import Form, ReportFailed, name_picture, set_page, write_whole

Spec = dict[str, Any]
LAST: Final = 60
"""Checks that a picture has room for; of more the last ones are drawn."""
DATES: Final = 8
RANGE_MARK: Final = "R"
"""What a moving range over its limit has above it; the rules of the individuals have their numbers."""


@dataclass(frozen=True, slots=True)
class ChartPicture:
    """A chart with what is written around it.

    Args:
        chart: As :func:`~devicectl.calibration.chart.control_chart` made it; in ``measurand``'s unit.
        taken: When each check was made (aware), as many as the chart has values.
        pen_serial, set_to: Which pen, and the set-point of the check in the unit of ``measurand``.
        quantity: What the values are: errors (measured minus set) or readings.
        simulated: True for a simulated pen: the picture says so.

    Raises:
        ValueError: there is no check, or not as many times as values.
    """

    chart: Chart
    taken: tuple[datetime, ...]
    measurand: Measurand
    pen_serial: str
    set_to: float
    quantity: Literal["error", "reading"] = "error"
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.taken or len(self.taken) != len(self.chart.values):
            raise ValueError("a chart is drawn from one check or more, each with its time")


def write_chart(data: ChartPicture, path: Path) -> None:
    """Write the picture; the ending of ``path`` says which kind: ``.svg``, ``.png`` or ``.pdf``. A file that is there is
    replaced. Raises :class:`~devicectl.reports.setting.ReportFailed`."""
    form = {".svg": "svg", ".png": "png", ".pdf": "pdf"}.get(path.suffix.lower())
    if form is None:
        raise ReportFailed(f"{path.name} is no kind of picture that is made here; end it with .svg, .png or .pdf.")
    write_whole(path, chart_bytes(data, form))  # type: ignore[arg-type]


def chart_bytes(data: ChartPicture, form: Form) -> bytes:
    """The content of the file; the same data give the same bytes. Raises :class:`ReportFailed`."""
    page = chart_page(data)
    made = set_page("control_chart", page, form, data.taken[-1])
    return name_picture(made, page["title"], page["alt"]) if form == "svg" else made


def chart_page(data: ChartPicture) -> Spec:
    """Everything that is drawn and written, for the template ``control_chart.typ``."""
    chart, unit = data.chart, data.measurand.unit
    first = max(0, len(chart.values) - LAST)
    title = f"Daily check: {MEASURANDS[data.measurand].lower()}, at {data.set_to:g} {unit}, pen {data.pen_serial}"
    signals = [signal for signal in chart.signals if signal.index >= first]
    return {
        "title": title,
        "alt": _alt(data, first),
        "simulated": data.simulated,
        "learning": _learning(chart),
        "range": _range(data, first),
        "limits": [] if chart.limits is None else _limits(chart.limits, unit),
        "individuals": _individuals(data, first),
        "ranges": _ranges(data, first),
        "rules": [
            [RANGE_MARK if rule is RuleNumber.RANGE else str(rule.value), rule.text]
            for rule in RuleNumber
            if any(signal.rule is rule for signal in signals)
        ],
        "quiet": "" if chart.learning or signals else "No rule is broken.",
    }


def _learning(chart: Chart) -> str:
    if not chart.learning:
        return ""
    return (
        f"LEARNING: {len(chart.values)} of {chart.needed} checks. There are no limits yet; {chart.still_needed} more "
        f"{'check makes' if chart.still_needed == 1 else 'checks make'} them."
    )


def _range(data: ChartPicture, first: int) -> str:
    count = len(data.taken)
    dates = " to ".join(dict.fromkeys((_day(data.taken[first]), _day(data.taken[-1]))))
    shown_ = f"Checks {first + 1} to {count} of {count}" if first else f"{count} {'check' if count == 1 else 'checks'}"
    basis = "" if data.chart.learning else f"; limits from the first {data.chart.needed}"
    return f"{shown_}, {dates}{basis}."


def _places(limits: Limits) -> int:
    return places(limits.sigma) + 1 if limits.sigma else 4


def _limits(limits: Limits, unit: str) -> list[list[str]]:
    to = _places(limits)
    return [
        ["centre", f"{shown(limits.centre, to)} {unit}"],
        ["limits (3 sigma)", f"{shown(limits.lower, to)} to {shown(limits.upper, to)} {unit}"],
        ["sigma", f"{shown(limits.sigma, to)} {unit}"],
        ["mean moving range", f"{shown(limits.mean_range, to)} {unit}"],
        ["limit of the moving range", f"{shown(limits.range_upper, to)} {unit}"],
    ]


def _individuals(data: ChartPicture, first: int) -> Spec:
    chart = data.chart
    points = [(index + 1, chart.values[index]) for index in range(first, len(chart.values))]
    broken: dict[int, list[int]] = defaultdict(list)
    for signal in chart.signals:
        if signal.rule is not RuleNumber.RANGE:
            broken[signal.index + 1].append(signal.rule.value)
    x = _check_axis(data, first, "")
    known = [value for _, value in points]
    if chart.limits is not None:
        known += [chart.limits.lower, chart.limits.upper]
    y = axis(f"{data.quantity} in {data.measurand.unit}", known, ticks=10, margin=0.12)
    return {
        "x": x.spec(),
        "y": y.spec(),
        "left": 14,
        "lines": [*_levels(chart.limits, (x.low, x.high)), _join(points)],
        "marks": _marks(points, broken),
        "notes": [
            {
                "x": at,
                "y": value,
                "text": " ".join(map(str, broken[at])),
                "above": chart.limits is None or value >= chart.limits.centre,
            }
            for at, value in points
            if at in broken
        ],
    }


def _ranges(data: ChartPicture, first: int) -> Spec:
    chart = data.chart
    # A range belongs to the later of its two checks.
    points = [(index + 2, width) for index, width in enumerate(chart.ranges) if index + 1 >= first]
    over = {signal.index + 1: [0] for signal in chart.signals if signal.rule is RuleNumber.RANGE}
    x = _check_axis(data, first, "check (day)")
    top = [0.0] if chart.limits is None else [chart.limits.range_upper]
    y = axis(
        f"moving range in {data.measurand.unit}",
        [0.0, *(value for _, value in points), *top],
        ticks=6,
        margin=0.1,
        floor=0.0,
    )
    lines: list[Spec] = []
    if chart.limits is not None:
        lines = [
            _line(chart.limits.range_upper, (x.low, x.high), "dashed", 1.1),
            _line(chart.limits.mean_range, (x.low, x.high), "solid", 0.6),
        ]
    return {
        "x": x.spec(),
        "y": y.spec(),
        "left": 14,
        "lines": lines + ([_join(points)] if points else []),
        "marks": _marks(points, over),
        "notes": [{"x": at, "y": value, "text": RANGE_MARK} for at, value in points if at in over],
    }


def _check_axis(data: ChartPicture, first: int, label: str) -> Axis:
    count = len(data.taken)
    every = max(1, -(-(count - first) // DATES))
    ticks = tuple((float(n), f"{n} ({_day(data.taken[n - 1])})") for n in range(first + 1, count + 1, every))
    if not label:
        ticks = tuple((at, "") for at, _ in ticks)
    return Axis(label, first + 0.4, max(count, first + 2) + 0.6, ticks)


def _levels(limits: Limits | None, across: tuple[float, float]) -> list[Spec]:
    if limits is None:
        return []
    made = [_line(limits.centre, across, "solid", 0.6)]
    for sigmas, dash, weight in ((1, "dotted", 0.5), (2, "dotted", 0.5), (3, "dashed", 1.1)):
        made += [_line(limits.centre + side * sigmas * limits.sigma, across, dash, weight) for side in (1, -1)]
    return made


def _line(value: float, across: tuple[float, float], dash: str, weight: float) -> Spec:
    return {"points": [[across[0], value], [across[1], value]], "dash": dash, "weight": weight}


def _join(points: Sequence[tuple[int, float]]) -> Spec:
    return {"points": [list(point) for point in points], "dash": "solid", "weight": 0.7, "grey": 45}


def _marks(points: Sequence[tuple[int, float]], broken: dict[int, list[int]]) -> list[Spec]:
    return [
        {"x": at, "y": value, "shape": "diamond", "filled": False, "big": 8}
        if at in broken
        else {"x": at, "y": value, "shape": "circle", "filled": True, "big": 3.6}
        for at, value in points
    ]


def _alt(data: ChartPicture, first: int) -> str:
    signals = [
        f"check {signal.index + 1}: {signal.rule.text}" for signal in data.chart.signals if signal.index >= first
    ]
    told = "; ".join(signals) if signals else "no rule is broken"
    return f"{_range(data, first)} {_learning(data.chart) or told + '.'}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
