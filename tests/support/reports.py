"""Calibration reports to print: the worked example, a pen that was found bad and adjusted, and a stroke rate."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from devicectl.calibration.binding import Binding, content_hash
from devicectl.calibration.correction import linear
from devicectl.calibration.plan import Plan, parse_plan
from devicectl.calibration.quantities import Direction
from devicectl.calibration.run import Phase, Run
from devicectl.reports.calibration import (
    Adjustment,
    CalibrationReport,
    Item,
    LookBack,
    Party,
    PastSession,
    Signature,
)
from devicectl.reports.series import Needles, SeriesResult, series_result
from drivers.correction import cartridge_key
from support.calibration import TACHOMETER, golden_plan, golden_reading, run_of

DAY = date(2026, 11, 25)
ISSUED = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
NEEDLES = Needles(1.0, (0.962, 0.958, 0.955, 0.966, 0.949, 0.961, 0.957, 0.968, 0.953, 0.96, 0.964, 0.951))


def bound(plan: Plan, content: str, table_key: int = 0) -> Binding:
    """What a calibration of this plan holds for."""
    return Binding(
        "cal-0041",
        plan.pen_serial,
        plan.cartridge_type,
        "1.4.2",
        plan.series[0].method,
        plan.technician,
        DAY,
        date(2027, 5, 25),
        table_key,
        content,
    )


def report(plan: Plan, results: tuple[SeriesResult, ...], **changes: Any) -> CalibrationReport:
    """A report with everything that is not the measurement filled in."""
    content = content_hash({"values": [[list(reading) for reading in each.readings] for each in results]})
    return CalibrationReport(
        **{
            "number": "CR-2026-0041",
            "issued": ISSUED,
            "measured": (DAY, DAY),
            "laboratory": Party("Needle Workshop", ("12 Mill Lane", "Utrecht", "calibration@workshop.example")),
            "customer": Party("Scalp Clinic North", ("3 Harbour Street", "Groningen")),
            "item": Item("devicectl", "Penlink reference pen", "1.4.2", 12, "clean, no damage seen", DAY),
            "plan": plan,
            "results": results,
            "binding": bound(plan, content),
            "content": content,
            "technician": "Jo Winter",
            "authorised": Signature("Mara Lind", "technical manager", ISSUED),
            **changes,
        }
    )


def golden() -> CalibrationReport:
    """The worked example of the domain notes as found; no adjustment was needed."""
    plan = golden_plan()
    (series,) = plan.series
    found = series_result(plan, series, Phase.AS_FOUND, run_of(plan, series, Phase.AS_FOUND, golden_reading))
    return report(plan, (found,))


def adjusted() -> CalibrationReport:
    """Found out of tolerance, adjusted, good as left; with a withdrawn reading, an outlier and measured needles."""
    plan = golden_plan()
    (series,) = plan.series
    run = run_of(plan, series, Phase.AS_FOUND, lambda at, side, repeat: golden_reading(at, side, repeat) - 0.1)
    wrong = run.withdraw(7, "the indicator had slipped in its holder")
    run.take(7, round(wrong.value + 0.001, 3))
    found = series_result(plan, series, Phase.AS_FOUND, run)
    table = linear(found.fit, found.evaluation)
    chance = random.Random("as left")

    def left(at: float, side: Direction, _repeat: int) -> float:
        backlash = 0.012 if side is Direction.DOWN else -0.012
        return round(at + backlash + chance.gauss(0, 0.004), 3)

    second = run_of(plan, series, Phase.AS_LEFT, left)
    stray = second.taken[20]
    second = Run(
        second.steps, [each._replace(value=each.value + 0.03) if each == stray else each for each in second.taken]
    )
    after = series_result(plan, series, Phase.AS_LEFT, second, NEEDLES)
    key = table.key(cartridge_key(plan.cartridge_type))
    made = report(
        plan,
        (found, after),
        number="CR-2026-0042",
        adjustment=Adjustment(None, table, "pen", key, "The as-found error grew with the set-point."),
        look_back=LookBack(
            date(2026, 5, 20),
            tuple(
                PastSession(
                    f"S-2026-{number:04d}",
                    datetime(2026, 6 + number % 5, 3 + number, 9, 15, tzinfo=UTC),
                    f"C-{100 + number}",
                    380.0 + 17 * number,
                    None if number == 4 else 1000 + 50 * number,
                )
                for number in range(1, 8)
            ),
        ),
        remarks=("The cartridge was seated anew three times instead of twice.",),
        replaces="CR-2026-0040, in which the due date of the indicator was misprinted",
        simulated=True,
    )
    return replace(made, binding=bound(plan, made.content, key))


def rates() -> CalibrationReport:
    """A stroke rate without load and with a light one."""
    method = "optical tachometer, reflecting mark on the hub"
    points = [50.0, 75.0, 100.0, 125.0, 150.0]
    common = {"method": method, "set_points": points, "margin": 10.0, "order": "sweep", "seatings": 1}
    load = {"name": "drift of the load", "value": 0.002, "relative": True, "origin": "estimate from a trial run"}
    plan = parse_plan(
        golden_plan().model_dump()
        | {
            "standards": [TACHOMETER],
            "series": [
                common | {"measurand": "rate-no-load"},
                common | {"measurand": "rate-light-load", "effects": [load]},
            ],
        }
    )
    chance = random.Random("rates")

    def measured(sag: float) -> Any:
        return lambda at, side, _: round(
            at * (1 - sag) + (0.05 if side is Direction.DOWN else -0.05) + chance.gauss(0, 0.08), 2
        )

    results = tuple(
        series_result(plan, series, Phase.AS_FOUND, run_of(plan, series, Phase.AS_FOUND, measured(sag)))
        for series, sag in zip(plan.series, (0.012, 0.056), strict=True)
    )
    return report(plan, results, number="CR-2026-0043", authorised=None)
