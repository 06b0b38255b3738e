"""The plan at the edge, the order of steps, interruption, and what a calibration is bound to."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.calibration.binding import Binding, Present, content_hash, why_invalid
from devicectl.calibration.plan import PlanRefused, Series, default_set_points, parse_plan
from devicectl.calibration.quantities import Direction, Measurand
from devicectl.calibration.run import OutOfStep, Phase, Run, Taken, steps
from drivers.api import Capabilities

CAPABILITIES = Capabilities(
    0, 2500, 50, 50_000, 150_000, 1_000, 200, 1_000, 300_000, 60_000, 50, True, True, True, 1_500
)
TODAY = date(2026, 11, 25)


def series(**changes: Any) -> dict[str, Any]:
    return {"method": "dial indicator", "set_points": [0.25, 0.5, 1.0, 1.5, 2.0], **changes}


def plan(**changes: Any) -> dict[str, Any]:
    standard = {
        "name": "Dial indicator",
        "serial": "DI-7",
        "certificate": "K-2026-118",
        "due": "2027-03-31",
        "mpe": 0.004,
        "resolution": 0.001,
        "uncertainty": 0.0005,
    }
    return {
        "pen_serial": "REF-0020",
        "cartridge_type": "R12",
        "technician": "jw",
        "temperature_c": 22.5,
        "humidity_pct": 45,
        "standards": [standard],
        "series": [series()],
        **changes,
    }


def test_the_default_plan_has_the_budget_of_the_worked_example() -> None:
    made = parse_plan(plan())
    lines = [(source.name, source.value) for source in made.sources(made.series[0])]
    assert lines == [
        ("Dial indicator: limit of error", 0.004),
        ("Dial indicator: resolution", 0.001),
        ("Dial indicator: calibration", 0.0005),
        ("zero on the rim, seating of the cartridge", 0.010),
        ("contact force", 0.005),
        ("needle spread", 0.010),
    ]
    tolerance = made.series[0].tolerance()
    assert (tolerance.error, tolerance.warn, tolerance.hysteresis, tolerance.repeatability) == (0.15, 0.1, 0.05, 0.02)
    assert "Exceed" in tolerance.source
    assert made.problems(CAPABILITIES, TODAY, 2500) == ()
    assert made.resolution(made.series[0]) == 0.001


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"series": [series(set_points=[0.5, 1.0, 1.5, 2.0])]},
            "series.0.set_points: 5 set-points at least are needed",
        ),
        ({"series": [series(set_points=[0.5, 0.5, 1.0, 1.5, 2.0, 2.5])]}, "a set-point is named twice"),
        ({"series": [series(repeats=1)]}, "series.0.repeats"),
        ({"series": [series(seatings=4)]}, "more seatings than repeats"),
        ({"series": [series(), series()]}, "a measurand is planned twice"),
        ({"series": [series(measurand="protrusion-dynamic")]}, "rate_hz"),
        ({"series": [series(measurand="rate-no-load")]}, "no standard measures in Hz"),
        ({"series": [series(limits={"error": 0.1, "warn": 0.15})]}, "warning limit is above"),
        ({"standards": []}, "standards"),
        ({"temperature_c": 400}, "temperature_c"),
        ({"tolerence": 0.1}, "tolerence"),
        ({"series": [series(set_points=[float("nan"), 0.5, 1.0, 1.5, 2.0])]}, "set_points"),
    ],
)
def test_a_wrong_plan_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanRefused, match=words) as refused:
        parse_plan(plan(**changes))
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith("correct it in the plan.")


def test_what_this_pen_and_this_day_do_not_allow() -> None:
    made = parse_plan(plan(series=[series(set_points=[0.25, 0.51, 1.0, 1.5, 2.5])]))
    assert made.problems(CAPABILITIES, date(2027, 4, 1), 2000) == (
        "Dial indicator DI-7 was due on 2027-03-31; use one whose certificate is valid.",
        "Set-point 0.51 mm is not on the pen's steps of 0.05 mm; choose another.",
        "Set-point 2.5 mm is outside 0 to 2 mm; choose another.",
    )


def test_default_set_points_lie_on_the_steps_of_the_pen() -> None:
    assert default_set_points(CAPABILITIES, Measurand.STATIC, 2500) == (0.25, 0.65, 1.25, 1.9, 2.5)
    assert default_set_points(CAPABILITIES, Measurand.STATIC, 1500) == (0.15, 0.4, 0.75, 1.15, 1.5)
    assert default_set_points(CAPABILITIES, Measurand.RATE, 2500) == (50.0, 75.0, 100.0, 125.0, 150.0)
    fixed = replace(CAPABILITIES, rate_min_mhz=117_000, rate_max_mhz=117_000, rate_step_mhz=0)
    assert default_set_points(fixed, Measurand.RATE, 2500) == (117.0,)


def planned(**changes: Any) -> Series:
    return parse_plan(plan(series=[series(**changes)])).series[0]


@given(seed=st.integers(0, 10_000), order=st.sampled_from(["random", "sweep"]), repeats=st.integers(2, 4))
def test_every_set_point_is_approached_from_both_sides_as_often_as_planned(seed: int, order: str, repeats: int) -> None:
    made = planned(order=order, repeats=repeats, seatings=1)
    listed = steps(made, Phase.AS_FOUND, seed, 0.0, 2.5)
    assert sorted((step.set_to, step.direction, step.repeat) for step in listed) == sorted(
        (set_to, direction, repeat)
        for set_to in made.set_points
        for direction in Direction
        for repeat in range(1, repeats + 1)
    )
    for step in listed:
        assert 0.0 <= step.via <= 2.5
        assert (step.via < step.set_to) is (step.direction is Direction.UP)
    assert steps(made, Phase.AS_FOUND, seed, 0.0, 2.5) == listed


def test_no_room_beyond_a_set_point_means_no_approach_from_there() -> None:
    made = planned(set_points=[0.02, 0.5, 1.0, 1.5, 2.5])
    visited = {(step.set_to, step.direction) for step in steps(made, Phase.AS_FOUND, 1, 0.0, 2.5)}
    assert (2.5, Direction.DOWN) not in visited
    assert (0.02, Direction.UP) not in visited
    assert len(visited) == 8


def test_a_sweep_goes_up_and_down_again_and_chance_does_not() -> None:
    sweep = [step.set_to for step in steps(planned(order="sweep"), Phase.AS_FOUND, 1, 0.0, 2.5)][:10]
    assert sweep == [0.25, 0.5, 1.0, 1.5, 2.0, 2.0, 1.5, 1.0, 0.5, 0.25]
    found, left = (
        [step.set_to for step in steps(planned(), phase, 1, 0.0, 2.5)] for phase in (Phase.AS_FOUND, Phase.AS_LEFT)
    )
    assert found[:10] != sweep
    assert found != left


def test_the_cartridge_is_seated_anew_between_the_parts() -> None:
    run = Run(steps(planned(repeats=3, seatings=2), Phase.AS_FOUND, 1, 0.0, 2.5))
    reseated = []
    while (step := run.next) is not None:
        if run.reseat:
            reseated.append(step.index)
        run.take(step.index, step.set_to)
    assert reseated == [20]
    assert run.complete
    assert not run.reseat


@given(st.integers(0, 30), st.integers(0, 10_000))
def test_a_run_is_taken_up_where_it_was_left(taken: int, seed: int) -> None:
    listed = steps(planned(), Phase.AS_FOUND, seed, 0.0, 2.5)
    run = Run(listed)
    for step in listed[:taken]:
        run.take(step.index, step.set_to)
    again = Run(steps(planned(), Phase.AS_FOUND, seed, 0.0, 2.5), run.taken)
    assert again.next == run.next
    assert again.measured() == run.measured()
    assert len(again.measured()) == taken


def test_a_withdrawn_reading_stays_and_is_measured_again() -> None:
    run = Run(steps(planned(), Phase.AS_FOUND, 1, 0.0, 2.5))
    for _ in range(3):
        run.take(run.next.index, 0.5)  # type: ignore[union-attr]
    assert run.withdraw(1, " gauge slipped ") == Taken(1, 0.5, "gauge slipped")
    assert run.next is not None
    assert run.next.index == 1
    run.take(1, 0.6)
    assert [(each.step, each.value, each.withdrawn) for each in run.taken] == [
        (0, 0.5, None),
        (1, 0.5, "gauge slipped"),
        (2, 0.5, None),
        (1, 0.6, None),
    ]
    assert len(run.measured()) == 3


def test_readings_out_of_step_are_refused() -> None:
    run = Run(steps(planned(), Phase.AS_FOUND, 1, 0.0, 2.5))
    with pytest.raises(OutOfStep, match="at step 1 and this is a reading of step 6"):
        run.take(5, 1.0)
    with pytest.raises(OutOfStep, match="no step 31"):
        run.take(30, 1.0)
    with pytest.raises(OutOfStep, match="has no reading to withdraw"):
        run.withdraw(0, "slipped")
    run.take(0, 1.0)
    with pytest.raises(OutOfStep, match="write one"):
        run.withdraw(0, "  ")


BINDING = Binding(
    "cal-1", "REF-0020", "R12", "1.0.0", "dial indicator", "jw", date(2026, 11, 1), date(2027, 5, 1), 0x1234, "c0ffee"
)
PRESENT = Present("REF-0020", "R12", "1.0.0", 0x1234, TODAY)


def test_a_calibration_holds_for_what_it_was_made_of() -> None:
    assert why_invalid(BINDING, PRESENT, BINDING.hash()) == ()


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (replace(PRESENT, pen_serial="REF-0021"), "is for pen REF-0020 and this is REF-0021"),
        (replace(PRESENT, cartridge_type="R36"), "is for cartridge type R12 and this is R36"),
        (replace(PRESENT, cartridge_type=""), "this is unknown"),
        (replace(PRESENT, firmware="1.0.1"), "is for firmware 1.0.0 and this is 1.0.1"),
        (replace(PRESENT, today=date(2027, 5, 2)), "was valid until 2027-05-01"),
        (replace(PRESENT, today=date(2026, 10, 31)), "set this computer's clock"),
        (replace(PRESENT, table_key=0), "another correction"),
        (replace(PRESENT, table_key=None), "not been read back yet"),
    ],
)
def test_any_change_makes_it_invalid_with_its_reason(present: Present, words: str) -> None:
    (reason,) = why_invalid(BINDING, present)
    assert words in reason
    assert reason.endswith(".")


def test_its_last_day_still_counts() -> None:
    assert why_invalid(BINDING, replace(PRESENT, today=date(2027, 5, 1))) == ()
    assert why_invalid(BINDING, replace(PRESENT, today=date(2026, 11, 1))) == ()


def test_a_changed_record_is_found_out_and_no_calibration_is_said() -> None:
    for changed in (
        replace(BINDING, technician="xx"),
        replace(BINDING, method="microscope"),
        replace(BINDING, content="decaf"),
        replace(BINDING, expires=date(2028, 5, 1)),
    ):
        (reason,) = why_invalid(changed, PRESENT, BINDING.hash())
        assert "changed after it was signed" in reason
    assert "calibrate it" in why_invalid(None, PRESENT)[0]


def test_the_hash_does_not_hang_on_order_and_refuses_what_json_does_not_know() -> None:
    assert content_hash({"a": 1.5, "b": date(2026, 1, 2)}) == content_hash({"b": date(2026, 1, 2), "a": 1.5})
    assert content_hash({"a": 1.5}) != content_hash({"a": 1.50001})
    with pytest.raises(ValueError):
        content_hash({"a": float("nan")})
    with pytest.raises(TypeError, match="no place in a calibration"):
        content_hash({"a": object()})
