"""The worked example: every figure of it to the last digit that is printed."""

import math
from dataclasses import replace

import pytest
from support.calibration import READINGS, ROWS, SOURCES

from devicectl.calibration.budget import Budget, Distribution, Line, budget
from devicectl.calibration.correction import Correction, correct, linear
from devicectl.calibration.decision import DEPTH_TOLERANCE, Rule, Verdict, decide, judge
from devicectl.calibration.fit import fit_line
from devicectl.calibration.quantities import Direction, Measurand, Measured, evaluate

EVALUATION = evaluate(READINGS)
FIT = fit_line([reading.set_to for reading in READINGS], [reading.value for reading in READINGS])
BUDGET = budget(EVALUATION, SOURCES)


def test_the_table_of_points() -> None:
    printed = [
        (round(point.set_to, 2), f"{point.error:.4f}", f"{point.hysteresis:.4f}", point.count)
        for point in EVALUATION.points
    ]
    assert printed == [
        (0.25, "-0.0217", "0.0300", 6),
        (0.50, "-0.0283", "0.0300", 6),
        (1.00, "-0.0400", "0.0333", 6),
        (1.50, "-0.0500", "0.0333", 6),
        (2.00, "-0.0650", "0.0367", 6),
        (2.50, "-0.0800", "0.0333", 6),
    ]


def test_the_quantities_of_the_series() -> None:
    assert f"{EVALUATION.max_error:.3f}" == "0.080"
    assert f"{EVALUATION.hysteresis:.4f}" == "0.0367"
    assert f"{EVALUATION.backlash:.4f}" == "0.0328"
    assert f"{EVALUATION.repeatability:.5f}" == "0.00577"
    assert EVALUATION.dof == 24
    assert f"{EVALUATION.non_linearity(FIT):.4f}" == "0.0028"


def test_the_fit() -> None:
    assert f"{FIT.gain:.6f}" == "0.974630"
    assert f"{FIT.offset:.6f}" == "-0.014731"
    assert f"{FIT.residual_s:.5f}" == "0.01765"
    assert f"{FIT.gain_error:.6f}" == "0.003695"
    assert f"{FIT.offset_error:.6f}" == "0.005607"
    assert f"{FIT.r2:.6f}" == "0.999511"
    assert FIT.dof == 34


def test_what_is_commanded_for_a_target() -> None:
    assert f"{(1.0 - FIT.offset) / FIT.gain:.4f}" == "1.0411"
    assert f"{(1.5 - FIT.offset) / FIT.gain:.4f}" == "1.5542"
    table = linear(FIT, EVALUATION)
    # In whole µm, rounded down.
    assert [table.commanded_um(target) for target in (1000, 1500)] == [1041, 1554]


def test_the_budget_line_by_line() -> None:
    assert [(line.name, line.evaluated, f"{line.u:.5f}") for line in BUDGET.lines] == [
        ("repeatability of the mean", "A", "0.00236"),
        ("half of the hysteresis", "B", "0.01058"),
        ("indicator", "B", "0.00231"),
        ("resolution", "B", "0.00029"),
        ("gauge block", "B", "0.00025"),
        ("rim zero, seating", "B", "0.00577"),
        ("contact force", "B", "0.00289"),
        ("needle spread", "B", "0.00577"),
    ]
    assert f"{BUDGET.combined:.4f}" == "0.0141"
    assert f"{BUDGET.expanded:.3f}" == "0.028"
    assert f"{0.15 / BUDGET.expanded:.1f}" == "5.3"
    assert math.fsum(BUDGET.share(line) for line in BUDGET.lines) == pytest.approx(1)
    assert BUDGET.problem() is None


def test_the_verdict() -> None:
    decision = decide(EVALUATION, SOURCES, DEPTH_TOLERANCE, Measurand.STATIC)
    assert decision.verdict is Verdict.PASS
    assert {f"{point.guarded:.3f}" for point in decision.points} == {"0.122"}
    assert decision.reasons == decision.warnings == ()


def shifted(by: float) -> list[Measured]:
    return [reading._replace(value=reading.value + by) for reading in READINGS]


@pytest.mark.parametrize(
    ("by", "rule", "verdict"),
    [
        (-0.041, Rule.GUARD_BAND, Verdict.PASS),
        (-0.042, Rule.GUARD_BAND, Verdict.CONDITIONAL_PASS),
        (-0.069, Rule.GUARD_BAND, Verdict.CONDITIONAL_PASS),
        (-0.071, Rule.GUARD_BAND, Verdict.CONDITIONAL_FAIL),
        (-0.098, Rule.GUARD_BAND, Verdict.CONDITIONAL_FAIL),
        (-0.099, Rule.GUARD_BAND, Verdict.FAIL),
        (-0.069, Rule.SIMPLE, Verdict.PASS),
        (-0.071, Rule.SIMPLE, Verdict.FAIL),
    ],
)
def test_four_verdicts_around_the_limits(by: float, rule: Rule, verdict: Verdict) -> None:
    decision = decide(evaluate(shifted(by)), SOURCES, DEPTH_TOLERANCE, Measurand.STATIC, rule)
    assert decision.verdict is verdict
    assert bool(decision.reasons) is (verdict is not Verdict.PASS)
    if decision.reasons:
        assert "at 2.5 mm the error is" in decision.reasons[0]


def test_the_warning_limit_warns_and_passes() -> None:
    decision = decide(evaluate(shifted(-0.03)), SOURCES, DEPTH_TOLERANCE, Measurand.STATIC)
    assert decision.verdict is Verdict.PASS
    assert [warning.split(",")[0] for warning in decision.warnings] == ["at 2.5 mm the error is -0.110 mm"]


def test_hysteresis_and_repeatability_have_limits_of_their_own() -> None:
    tight = replace(DEPTH_TOLERANCE, hysteresis=0.03, repeatability=0.005)
    decision = decide(EVALUATION, SOURCES, tight, Measurand.STATIC)
    assert decision.verdict is Verdict.FAIL
    assert decision.reasons == (
        "fail: hysteresis is 0.037 mm, allowed is 0.030 mm",
        "fail: repeatability is 0.006 mm, allowed is 0.005 mm",
    )


def test_a_measurement_that_is_too_coarse_gives_no_pass() -> None:
    decision = decide(EVALUATION, SOURCES, replace(DEPTH_TOLERANCE, least_ratio=6), Measurand.STATIC)
    assert decision.verdict is Verdict.CONDITIONAL_PASS
    assert "better instrument" in decision.reasons[0]


def test_few_readings_are_named_when_k_2_does_not_hold() -> None:
    thin = Budget((Line("repeatability of the mean", "A", 0.01, Distribution.NORMAL, dof=5),))
    assert "5 effective degrees of freedom" in (thin.problem() or "")


def test_exactly_at_the_limit_belongs_to_the_better_side() -> None:
    assert judge(0.15, 0.03, 0.15, Rule.GUARD_BAND) is Verdict.CONDITIONAL_PASS
    assert judge(-0.15, 0.03, 0.15, Rule.SIMPLE) is Verdict.PASS
    assert 0.40 - 0.25 > 0.15, "as floats have it"
    assert judge(0.40 - 0.25, 0.03, 0.15, Rule.GUARD_BAND) is Verdict.CONDITIONAL_PASS
    assert judge(0.150001, 0.03, 0.15, Rule.GUARD_BAND) is Verdict.CONDITIONAL_FAIL


def test_rates_are_judged_in_per_cent_of_what_was_set() -> None:
    from devicectl.calibration.decision import RATE_TOLERANCE

    series = [
        Measured(set_to, direction, set_to * 0.93 + noise)
        for set_to in (50.0, 75.0, 100.0, 125.0, 150.0)
        for direction in Direction
        for noise in (-0.05, 0.05)
    ]
    decision = decide(evaluate(series), (), RATE_TOLERANCE, Measurand.RATE)
    assert decision.verdict is Verdict.PASS
    assert len(decision.warnings) == 5
    assert [point.limit for point in decision.points] == pytest.approx([5.0, 7.5, 10.0, 12.5, 15.0])


def test_the_correction_of_the_example_under_the_hard_limit() -> None:
    table = linear(FIT, EVALUATION)
    got = correct(table, 1000, least_um=0, step_um=50, limit_um=2500, limit="hard limit")
    assert got == Correction(1000, 1000, table.actual_um(1000), False)
    assert len(ROWS) == len(EVALUATION.points)
