"""The control chart against published figures: NIST's example, the rules' definitions, the known false-alarm rates."""

import random

import pytest

from devicectl.calibration.chart import RuleNumber, Signal, control_chart, limits_of, western_electric

FLOWRATE = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
"""NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 (individuals control charts)."""


def test_limits_of_the_nist_example() -> None:
    limits = limits_of(FLOWRATE)
    assert f"{limits.centre:.2f}" == "50.81"
    assert f"{limits.mean_range:.4f}" == "1.8778"
    assert f"{limits.upper:.3f}" == "55.804"
    assert f"{limits.lower:.3f}" == "45.816"
    assert limits.upper - limits.centre == pytest.approx(2.66 * limits.mean_range, rel=1e-3)
    assert limits.range_upper == pytest.approx(3.267 * 1.87778, rel=1e-5)
    assert western_electric(FLOWRATE, limits.centre, limits.sigma) == []


B3, B2, B1, ABOVE = (
    RuleNumber.BEYOND_3_SIGMA,
    RuleNumber.TWO_OF_THREE,
    RuleNumber.FOUR_OF_FIVE,
    RuleNumber.EIGHT_ON_ONE_SIDE,
)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.1, 3.1], [Signal(1, B3, 1)]),
        ([0.1, -3.1], [Signal(1, B3, -1)]),
        ([3.0, 0.0], []),
        ([2.1, 0.5, 2.1], [Signal(2, B2, 1)]),
        ([2.1, 2.1], [Signal(1, B2, 1)]),
        ([2.1, 0.5, -0.5, 2.1], []),
        ([2.1, -2.1, 0.5], []),
        ([2.0, 2.0, 2.0], []),
        ([1.1, 1.1, 0.5, 1.1, 1.1], [Signal(4, B1, 1)]),
        ([-1.1, -1.1, -1.1, -1.1], [Signal(3, B1, -1)]),
        ([1.1, 1.1, 0.5, 0.5, 1.1, 1.1], []),
        ([1.1, 1.1, -1.1, -1.1, 1.1], []),
        ([0.5] * 7, []),
        ([0.5] * 8, [Signal(7, ABOVE, 1)]),
        ([-0.5] * 9, [Signal(7, ABOVE, -1), Signal(8, ABOVE, -1)]),
        ([0.5] * 7 + [0.0] + [0.5] * 7, []),
    ],
)
def test_the_rules_of_the_western_electric_handbook(values: list[float], found: list[Signal]) -> None:
    assert western_electric(values, 0.0, 1.0) == found


RUN_LENGTHS = {
    (B3,): 370.4,
    (B3, B2): 225.44,
    (B3, B1): 166.05,
    (B3, ABOVE): 152.73,
    (B3, B2, B1, ABOVE): 91.75,
}
"""Mean points until a false alarm: Champ and Woodall, Technometrics 29 (1987), 393-399, table 1."""


def test_false_alarms_come_as_seldom_as_published() -> None:
    chance = random.Random(1987)
    values = [chance.gauss(0.0, 1.0) for _ in range(150_000)]
    signals = western_electric(values, 0.0, 1.0)
    for rules, published in RUN_LENGTHS.items():
        alarms, start = 0, 0
        for signal in signals:
            if signal.rule not in rules or signal.index < start:
                continue
            # After an alarm the chart begins anew: what came before it counts no more, and no rule sees over eight.
            seen = values[max(start, signal.index - 7) : signal.index + 1]
            again = western_electric(seen, 0.0, 1.0)
            if any(each.index == len(seen) - 1 and each.rule is signal.rule for each in again):
                alarms, start = alarms + 1, signal.index + 1
        assert start / alarms == pytest.approx(published, rel=4 / alarms**0.5)


def test_a_chart_learns_before_it_judges() -> None:
    young = control_chart([*FLOWRATE[:9], 90.0])
    assert young.learning
    assert (young.still_needed, young.signals) == (2, ())
    grown = control_chart([*FLOWRATE, 50.0, 51.0, 90.0])
    assert not grown.learning
    assert {signal.rule for signal in grown.signals} == {B3, RuleNumber.RANGE}
    assert all(signal.rule.text and signal.index == 12 for signal in grown.signals)


def test_the_limits_stay_those_of_the_first_points() -> None:
    """A slow drift would otherwise draw its own limits along."""
    steady = [0.01 * (-1) ** step for step in range(12)]
    first = control_chart(steady).limits
    assert control_chart(steady + [0.03] * 10).limits == first
    assert any(signal.rule is ABOVE for signal in control_chart(steady + [0.005] * 10).signals)


def test_eight_points_are_the_least_that_may_be_asked_for() -> None:
    assert control_chart(FLOWRATE, learn=1).needed == 8
