"""A series as a whole: from plan, run and measured needles to what a report shows."""

import pytest
from support.calibration import golden_plan, golden_reading, run_of

from devicectl.calibration.budget import Distribution
from devicectl.calibration.decision import Verdict
from devicectl.calibration.quantities import TooFew
from devicectl.calibration.run import Phase, Run
from devicectl.reports.series import Needles, series_result

PLAN = golden_plan()
(SERIES,) = PLAN.series


def test_the_worked_example_through_plan_and_run() -> None:
    made = series_result(PLAN, SERIES, Phase.AS_FOUND, run_of(PLAN, SERIES, Phase.AS_FOUND, golden_reading))
    assert f"{made.fit.gain:.6f} {made.fit.offset:.6f}" == "0.974630 -0.014731"
    made_budget = made.budget_at(1.0)
    assert f"{made_budget.combined:.4f} {made_budget.expanded:.3f}" == "0.0141 0.028"
    assert made.decision.verdict is Verdict.PASS
    assert made.part == pytest.approx(0.08 / 0.15)
    assert (made.outliers, made.remarks) == (frozenset(), ())


def test_outliers_are_named_by_their_step_and_count() -> None:
    run = run_of(PLAN, SERIES, Phase.AS_FOUND, golden_reading)
    run.withdraw(3, "slipped")
    run.take(3, 0.481)
    odd = next(step for step in run.steps if step.set_to == 2.0 and step.repeat == 2)
    run.withdraw(odd.index, "read again")
    run.take(odd.index, 2.05)
    made = series_result(PLAN, SERIES, Phase.AS_FOUND, run)
    assert made.outliers == {odd.index}
    assert len(made.readings) == 36
    assert 2.05 in [reading.value for reading in made.readings]


def test_measured_needles_replace_the_estimate() -> None:
    run = run_of(PLAN, SERIES, Phase.AS_FOUND, golden_reading)
    made = series_result(PLAN, SERIES, Phase.AS_FOUND, run, Needles(1.0, (0.94, 0.97, 0.95)))
    (line,) = [line for line in made.budget_at(1.0).lines if line.name == "needle spread"]
    assert (line.value, line.distribution) == (pytest.approx(0.015), Distribution.RECTANGULAR)
    assert line.origin == "3 needles measured at 1 mm"
    assert len(made.sources) == len(PLAN.sources(SERIES))

    own = SERIES.model_copy(update={"effects": ()})
    bare = PLAN.model_copy(update={"series": (own,)})
    added = series_result(bare, own, Phase.AS_FOUND, run, Needles(1.0, (0.94, 0.97, 0.95)))
    assert added.sources[-1].name == "needle spread"


def test_too_few_readings_are_said() -> None:
    run = run_of(PLAN, SERIES, Phase.AS_FOUND, golden_reading)
    with pytest.raises(TooFew, match="measure"):
        series_result(PLAN, SERIES, Phase.AS_FOUND, Run(run.steps, run.taken[:9]))
    with pytest.raises(TooFew, match="2 needles"):
        series_result(PLAN, SERIES, Phase.AS_FOUND, run, Needles(1.0, (0.94,)))
