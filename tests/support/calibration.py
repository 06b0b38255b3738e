"""The worked example of the domain notes 5.4, as printed there; as sources, as readings, and as a plan with its run."""

from collections.abc import Callable
from datetime import date
from typing import Any

from devicectl.calibration.budget import Distribution, Source
from devicectl.calibration.plan import Plan, Series, parse_plan
from devicectl.calibration.quantities import Direction, Measured
from devicectl.calibration.run import Phase, Run, Taken, steps

ROWS = (
    (0.25, (0.21, 0.22, 0.21), (0.24, 0.25, 0.24)),
    (0.50, (0.46, 0.45, 0.46), (0.49, 0.48, 0.49)),
    (1.00, (0.94, 0.95, 0.94), (0.98, 0.97, 0.98)),
    (1.50, (1.43, 1.44, 1.43), (1.47, 1.46, 1.47)),
    (2.00, (1.92, 1.91, 1.92), (1.95, 1.96, 1.95)),
    (2.50, (2.40, 2.41, 2.40), (2.44, 2.43, 2.44)),
)
READINGS = tuple(
    Measured(set_to, direction, value)
    for set_to, up, down in ROWS
    for direction, values in ((Direction.UP, up), (Direction.DOWN, down))
    for value in values
)
SOURCES = (
    Source("indicator", 0.004, Distribution.RECTANGULAR),
    Source("resolution", 0.001, Distribution.RESOLUTION),
    Source("gauge block", 0.00025, Distribution.NORMAL),
    Source("rim zero, seating", 0.010, Distribution.RECTANGULAR),
    Source("contact force", 0.005, Distribution.RECTANGULAR),
    Source("needle spread", 0.010, Distribution.RECTANGULAR),
)


STANDARDS: list[dict[str, Any]] = [
    {
        "name": "Dial indicator",
        "serial": "DI-7",
        "certificate": "K-2026-118",
        "due": date(2027, 3, 31),
        "mpe": 0.004,
        "resolution": 0.001,
    },
    {
        "name": "Gauge block 2.5 mm",
        "serial": "GB-2",
        "certificate": "K-2026-120",
        "due": date(2028, 3, 31),
        "uncertainty": 0.0005,
    },
]
TACHOMETER: dict[str, Any] = {
    "name": "Optical tachometer",
    "serial": "OT-3",
    "certificate": "K-2026-131",
    "due": date(2027, 6, 30),
    "unit": "Hz",
    "mpe": 0.1,
    "resolution": 0.01,
    "uncertainty": 0.05,
}


def golden_plan(**changes: Any) -> Plan:
    """A plan whose budget is that of the worked example."""
    series = {"method": "dial indicator on a flat anvil, light spring", "set_points": [row[0] for row in ROWS]}
    return parse_plan(
        {
            "pen_serial": "REF-0020",
            "cartridge_type": "R12",
            "cartridge_lot": "L2409",
            "technician": "jw",
            "place": "Workshop 2, bench 4",
            "temperature_c": 22.5,
            "humidity_pct": 45,
            "standards": STANDARDS,
            "series": [series],
            **changes,
        }
    )


def run_of(plan: Plan, series: Series, phase: Phase, value: Callable[[float, Direction, int], float]) -> Run:
    """A complete run; ``value`` gives the reading of a set-point, direction and repeat (from 1)."""
    most = max(series.set_points) * 1.2
    planned = steps(series, phase, plan.seed, 0.0, most)
    return Run(planned, [Taken(s.index, value(s.set_to, s.direction, s.repeat)) for s in planned])


def golden_reading(set_to: float, direction: Direction, repeat: int) -> float:
    """The reading of the worked example."""
    up, down = next((up, down) for at, up, down in ROWS if at == set_to)
    return (up if direction is Direction.UP else down)[repeat - 1]
