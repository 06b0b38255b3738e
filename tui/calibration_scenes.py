"""Scenes of a calibration for documentation pictures: a made-up process through the real evaluation. Never a real pen."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from typing import Any, Final
from uuid import UUID

from devicectl.calibration.assessment import assess, corrected, detail
from devicectl.calibration.plan import Plan, parse_plan
from devicectl.calibration.process import Evaluated, Process, Reading, Span, Written
from devicectl.calibration.quantities import Direction, Measurand
from devicectl.calibration.watch import Watched, watched
from devicectl.records.calibrations import Checked
from devicectl.station.calibration_view import calibration_view, plan_view, step_view
from devicectl.station.views import OperatorView, View
from tui import scenes
from tui.calibration_book import OpenCalibration

TECHNICIAN: Final = OperatorView("Tom Reed", "technician", False, 240.0)
PRACTITIONER: Final = OperatorView("Dr Ada Berg", "practitioner", False, 240.0)
BEGUN: Final = int(scenes.NOON * 1e6) - 2_400_000_000
_SET_POINTS: Final = (0.25, 0.5, 1.0, 1.5, 2.0)


def plan() -> Plan:
    """Five set-points, one standard and a gauge block."""
    return parse_plan(
        {
            "pen_serial": "PL-A113",
            "cartridge_type": "R16",
            "cartridge_lot": "L2409",
            "technician": "Tom Reed",
            "place": "Workshop 2, bench 4",
            "temperature_c": 22.5,
            "humidity_pct": 45,
            "standards": [
                {
                    "name": "Dial indicator", "serial": "DI-7", "certificate": "K-2026-118", "due": "2027-03-31", "mpe": 0.004,
                    "resolution": 0.001, "uncertainty": 0.0005,
                },
            ],
            "series": [
                {"method": "dial indicator on a flat anvil, needle at bottom dead centre", "set_points": list(_SET_POINTS)}
            ],
        }
    )  # fmt: skip


def _key(number: int) -> UUID:
    return UUID(int=(0x018F << 112) + number)


def process(taken: int, *, gain: float = 0.975, offset: float = -0.015, seed: int = 4) -> Process:
    """A pen of which so many steps are measured; one reading stands out, one was withdrawn."""
    made = Process(
        _key(1),
        plan(),
        Span(0, 2500, 2500, 10, 10_000, 150_000),
        "devicectl",
        "Reference pen",
        "1.0.2",
        "simulated",
        BEGUN,
    )
    _measure(made, taken, gain, offset, seed)
    return made


def _measure(made: Process, taken: int, gain: float, offset: float, seed: int) -> None:
    chance = random.Random(seed)
    (series,) = made.plan.series
    for step in made.steps(series, made.round)[:taken]:
        half = 0.015 if step.direction is Direction.DOWN else -0.015
        value = round(offset + gain * step.set_to + half + chance.gauss(0, 0.003), 3)
        if step.index == 5 and not made.round:
            _take(made, step, round(value + 0.06, 3), withdrawn="the spindle stuck")
        if step.index == 8 and not made.round:
            value = round(value + 0.04, 3)
        _take(made, step, value)


def _take(made: Process, step: Any, value: float, withdrawn: str | None = None) -> None:
    number = len(made.readings)
    commanded = round(step.set_to * 1000)
    made.took(
        Reading(
            _key(100 + number), number, made.round, Measurand.STATIC, step.index, step.set_to, step.direction, value,
            f"{value:.3f}", "keyboard", commanded, commanded, "", withdrawn, BEGUN + number * 30_000_000,
        )
    )  # fmt: skip


def judge(made: Process) -> None:
    """Evaluate the round."""
    found = assess(made, Measurand.STATIC, made.round)
    number = len(made.evaluations)
    made.evaluations.append(
        Evaluated(_key(500 + number), number, made.round, Measurand.STATIC, found.decision.verdict, detail(found))
    )


@cache
def measured(taken: int = 13) -> dict[str, Any]:
    """A calibration in its middle."""
    return calibration_view(process(taken))


@cache
def judged(bad: bool = False) -> dict[str, Any]:
    """As found: whole and judged; a pen that reads short by a tenth when ``bad``."""
    made = process(1000, gain=0.9, offset=-0.02) if bad else process(1000)
    judge(made)
    return calibration_view(made)


@cache
def as_left() -> dict[str, Any]:
    """Found bad, corrected, and good as left."""
    made = process(1000, gain=0.9, offset=-0.02)
    judge(made)
    table = corrected(assess(made, Measurand.STATIC, 0), "linear", None)
    made.corrections.append(Written(_key(900), 0, "linear", 7, 9, table, "confirmed"))
    _measure(made, 1000, 1.0, 0.004, 8)
    judge(made)
    return calibration_view(made)


@cache
def proposal() -> dict[str, Any]:
    """The correction of the bad pen."""
    made = process(1000, gain=0.9, offset=-0.02)
    judge(made)
    table = corrected(assess(made, Measurand.STATIC, 0), "linear", None)
    return {
        "kind": "linear",
        "knots": [list(knot) for knot in table.knots],
        "text": f"With it up to {made.span.through(table).depth_most_um / 1000:.2f} mm can be asked for.",
    }


def step(taken: int = 13) -> dict[str, Any]:
    """An answer to ``calibration.next``: the pen stands there and can be parked."""
    made = process(taken)
    place = made.place()
    assert place is not None
    return {
        "phase": str(made.phase), "round": made.round, "done": False, "reseat": False, "stand": "park",
        "text": "Park the needle at bottom dead centre, then read.",
        "step": {
            "measurand": str(place.series.measurand), "unit": "mm", "method": place.series.method,
            **step_view(place.step, len(place.run.steps)),
        },
        "sheet": {"ticket": "t", "ok": True, "depth_um": 1000, "gates": [], "valid_s": 10.0, "not_before_s": 0.0},
    }  # fmt: skip


def planned() -> dict[str, Any]:
    """An answer to ``calibration.plan``."""
    return plan_view(plan(), (), 30)


def at_bench(who: OperatorView | None = TECHNICIAN) -> View:
    """A pen on the bench, and who is signed in."""
    return replace(scenes.no_session(), operator=who)


INTERRUPTED: Final = (OpenCalibration(str(_key(1)), BEGUN, "R16", "Tom Reed", 13),)


DUE: Final[tuple[dict[str, Any], ...]] = (
    {
        "pen": "PL-A097", "model": "Reference pen", "origin": "hardware", "cartridge_type": "R16", "open": None, "valid": False,
        "verdict": "pass", "overdue": True, "soon": False, "on": "2026-09-14", "reasons": ["due since 2026-09-14"],
        "next": {"months": 9, "sessions": 300, "motor_hours": None, "why": "twice found within 80 % of the tolerance"},
    },
    {
        "pen": "PL-A113", "model": "Reference pen", "origin": "simulated", "cartridge_type": "R16", "open": str(_key(1)), "valid": True,
        "verdict": "conditional pass", "overdue": False, "soon": True, "on": "2026-10-12", "reasons": ["19 days left"],
        "next": {"months": 6, "sessions": 200, "motor_hours": None, "why": "not enough calibrations yet to change it"},
    },
)  # fmt: skip


@cache
def charts() -> tuple[Watched, ...]:
    """Three weeks of daily checks of which the last ones drift away, and a young chart of the rate."""
    chance = random.Random(12)
    day = 86_400_000_000
    depth = [
        Checked(BEGUN - (30 - n) * day, "depth", 1000, round(1012 + chance.gauss(0, 6) + (7 * max(0, n - 20))))
        for n in range(26)
    ]
    rate = [Checked(BEGUN - (5 - n) * day, "rate", 100_000, round(100_100 + chance.gauss(0, 60))) for n in range(5)]
    return watched([*depth, *rate])


def answers(name: str) -> dict[str, Any]:
    """What a station answers in the scene ``name``."""
    calibration: dict[str, Any] | None = {
        "measuring": measured(),
        "judged": judged(),
        "found-bad": judged(bad=True),
        "as-left": as_left(),
    }.get(name)
    evaluated = None if calibration is None else {
        "verdict": "pass", "phase": "as-found", "calibration": calibration,
        "look_back": [{"session": str(_key(70 + n)), "client": f"C-{n}", "purpose": "treatment"} for n in range(3)]
        if name == "found-bad" else [],
    }  # fmt: skip
    return {
        "calibration.state": {"calibration": calibration},
        "calibration.next": step(),
        "calibration.evaluate": evaluated,
        "calibration.propose": proposal(),
        "calibration.plan": planned(),
    }
