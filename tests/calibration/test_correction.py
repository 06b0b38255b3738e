"""The correction: what it is made of, what it may never do, for any table that passes the check."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.calibration import READINGS

from devicectl.calibration.correction import Correction, NoCorrection, Refused, correct, linear, piecewise
from devicectl.calibration.fit import fit_line
from devicectl.calibration.quantities import Direction, Evaluation, Measured, evaluate
from drivers.correction import BadTable, CorrectionTable, Knot, table_problem


@st.composite
def tables(draw: st.DrawFn) -> CorrectionTable:
    knots = [Knot(draw(st.integers(0, 400)), draw(st.integers(0, 400)))]
    for _ in range(draw(st.integers(1, 7))):
        run = draw(st.integers(1, 900))
        rise = draw(st.integers((run + 1) // 2, 2 * run))
        knots.append(Knot(knots[-1].commanded_um + run, knots[-1].actual_um + rise))
    assume(table_problem(knots) is None)
    return CorrectionTable(tuple(knots))


TARGETS = st.integers(0, 3000)
STEPS = st.sampled_from([0, 1, 5, 10, 50, 100])


@given(tables(), TARGETS, TARGETS)
def test_more_is_never_less(table: CorrectionTable, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert table.commanded_um(low) <= table.commanded_um(high)
    assert table.actual_um(low) <= table.actual_um(high)


@given(tables(), TARGETS)
def test_forth_and_back_is_the_same_and_never_more(table: CorrectionTable, target: int) -> None:
    back = table.actual_um(table.commanded_um(target))
    # One µm of command is at most two of protrusion, and the last division rounds down once more.
    assert target - 3 <= back <= target


@given(tables())
def test_the_knots_are_met_exactly(table: CorrectionTable) -> None:
    for knot in table.knots:
        assert table.commanded_um(knot.actual_um) == knot.commanded_um
        assert table.actual_um(knot.commanded_um) == knot.actual_um


@given(tables(), st.integers(-500, 4000), STEPS, st.integers(0, 300), st.integers(500, 3000))
def test_the_limit_holds_for_the_target_and_for_what_is_commanded(
    table: CorrectionTable, target: int, step: int, least: int, limit: int
) -> None:
    got = correct(table, target, least_um=least, step_um=step, limit_um=limit, limit="hard limit")
    if isinstance(got, Refused):
        exact = table.commanded_um(target)
        assert target > limit or exact > limit or exact < least + max(step, 1)
        assert got.text.endswith(".")
        return
    assert got.target_um == target <= limit
    assert least <= got.commanded_um <= limit
    assert not step or (got.commanded_um - least) % step == 0
    # Rounding goes down: by less than a step, never to more protrusion than was asked for.
    assert 0 <= table.commanded_um(target) - got.commanded_um < max(step, 1)
    assert got.estimated_um <= target


@given(tables(), st.integers(500, 3000), STEPS)
def test_the_greatest_target_that_a_refusal_names_is_taken(table: CorrectionTable, limit: int, step: int) -> None:
    got = correct(table, limit, least_um=0, step_um=step, limit_um=limit, limit="hard limit")
    if isinstance(got, Refused) and "at most" in got.text:
        named = round(float(got.text.split("at most ")[1].split(" mm")[0]) * 1000)
        again = correct(table, named, least_um=0, step_um=step, limit_um=limit, limit="hard limit")
        assert isinstance(again, Correction) or "pen's least" in again.text


def test_a_shallow_pen_at_the_hard_limit_is_refused_with_the_way_out() -> None:
    table = CorrectionTable((Knot(250, 230), Knot(2500, 2422)))
    got = correct(table, 2500, least_um=0, step_um=1, limit_um=2500, limit="hard limit")
    assert got == Refused(
        "Depth 2.50 mm would have to be commanded as 2.58 mm, above the hard limit 2.50 mm; ask for at most 2.42 mm."
    )
    assert correct(table, 2600, least_um=0, step_um=1, limit_um=2500, limit="hard limit") == Refused(
        "Depth 2.60 mm is above the hard limit 2.50 mm; ask for less."
    )


def test_outside_what_was_measured_is_said() -> None:
    table = CorrectionTable((Knot(250, 230), Knot(2500, 2422)))
    below = correct(table, 100, least_um=0, step_um=1, limit_um=2500, limit="hard limit")
    within = correct(table, 1000, least_um=0, step_um=1, limit_um=2500, limit="hard limit")
    assert isinstance(below, Correction)
    assert isinstance(within, Correction)
    assert (below.extrapolated, within.extrapolated) == (True, False)


@pytest.mark.parametrize(
    ("knots", "words"),
    [
        ([(0, 0)], "2 to 8 points"),
        ([(step * 100, step * 100) for step in range(9)], "2 to 8 points"),
        ([(0, 0), (2500, 3100)], "is over 0.5 mm"),
        ([(0, 0), (1000, 1000), (900, 1100)], "does not rise"),
        ([(0, 0), (1000, 1000), (1100, 1000)], "does not rise"),
        ([(0, 0), (1000, 1000), (1100, 990)], "does not rise"),
        ([(0, 0), (300, 700)], "does not rise"),
        ([(0, 0), (500, 200)], "does not rise"),
        ([(0, -1), (1000, 1000)], "between 0 and 5 mm"),
        ([(0, 0), (5001, 5001)], "between 0 and 5 mm"),
    ],
)
def test_what_is_no_correction_is_a_sentence(knots: list[tuple[int, int]], words: str) -> None:
    with pytest.raises(BadTable, match=words) as refused:
        CorrectionTable(tuple(Knot(*knot) for knot in knots))
    assert str(refused.value).endswith(".")


def pen(*means: tuple[float, float]) -> Evaluation:
    return evaluate(
        Measured(set_to, direction, mean + noise)
        for set_to, mean in means
        for direction in Direction
        for noise in (-0.002, 0.002)
    )


def test_both_models_of_the_worked_example() -> None:
    evaluation = evaluate(READINGS)
    fit = fit_line([reading.set_to for reading in READINGS], [reading.value for reading in READINGS])
    assert linear(fit, evaluation).knots == (Knot(250, 229), Knot(2500, 2422))
    assert piecewise(evaluation).knots == (
        Knot(250, 229), Knot(500, 472), Knot(1000, 960), Knot(1500, 1450), Knot(2000, 1935), Knot(2500, 2420),
    )  # fmt: skip


def test_means_that_do_not_rise_make_no_piecewise_correction() -> None:
    bent = pen((0.25, 0.25), (0.5, 0.5), (1.0, 1.1), (1.2, 1.08), (2.0, 1.9))
    with pytest.raises(NoCorrection, match="does not rise"):
        piecewise(bent)


def test_too_many_set_points_are_sent_to_the_linear_model() -> None:
    many = pen(*((round(0.2 * step, 1), 0.2 * step) for step in range(1, 10)))
    with pytest.raises(NoCorrection, match="use the linear one"):
        piecewise(many)
