"""What a person types and what a series looks like: every mistake gets one clear sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.calibration import READINGS

from devicectl.calibration.quantities import Direction, Measurand, Measured, TooFew, evaluate, needle_spread
from devicectl.calibration.readings import ReadingRefused, implausible, outliers, parse_reading, suspicious

STATIC, RATE = Measurand.STATIC, Measurand.RATE


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("0.94", 0.94, 0.01),
        ("0,94", 0.94, 0.01),
        (" .940 mm ", 0.94, 0.001),
        ("+0.94mm", 0.94, 0.01),
        ("940 µm", 0.94, 0.001),
        ("940um", 0.94, 0.001),
        ("0.0370 in", 0.9398, 0.00254),
        ('0.0370"', 0.9398, 0.00254),
        ("37 mil", 0.9398, 0.0254),
        ("1", 1.0, 1.0),
        ("1.", 1.0, 1.0),
    ],
)
def test_readings_of_depth(text: str, value: float, step: float) -> None:
    parsed = parse_reading(text, STATIC)
    assert parsed.value == pytest.approx(value)
    assert parsed.step == pytest.approx(step)


@pytest.mark.parametrize(
    ("text", "value"), [("100.2", 100.2), ("6012 rpm", 100.2), ("6012 RPM", 100.2), ("100,2 Hz", 100.2)]
)
def test_readings_of_rate(text: str, value: float) -> None:
    assert parse_reading(text, RATE).value == pytest.approx(value)


def test_a_gauge_may_have_another_unit_and_a_typed_unit_wins() -> None:
    assert parse_reading("0.0370", STATIC, "in").value == pytest.approx(0.9398)
    assert parse_reading("0.94 mm", STATIC, "in").value == pytest.approx(0.94)


@pytest.mark.parametrize(
    ("text", "measurand", "words"),
    [
        ("", STATIC, "is no reading"),
        ("abc", STATIC, "is no reading"),
        ("0.9.4", STATIC, "is no reading"),
        ("1 000", STATIC, "is no reading"),
        ("nan", STATIC, "is no reading"),
        ("1e3", STATIC, "no unit of this reading"),
        ("1,000.5", STATIC, "comma and a point"),
        ("0.94 cm", STATIC, "mm, µm, in or mil"),
        ("6000 rpm", STATIC, "mm, µm, in or mil"),
        ("0.94 mm", RATE, "Hz or rpm"),
        ("-0.02", STATIC, "zero of the instrument"),
    ],
)
def test_what_is_no_reading_is_refused(text: str, measurand: Measurand, words: str) -> None:
    with pytest.raises(ReadingRefused, match=words) as refused:
        parse_reading(text, measurand)
    assert str(refused.value).endswith(".")


@given(st.text(max_size=30))
def test_any_text_is_a_reading_or_a_sentence(text: str) -> None:
    words = ""
    try:
        assert parse_reading(text, STATIC).value >= 0
    except ReadingRefused as refused:
        words = str(refused)
    assert not words or (words.endswith(".") and ";" in words)


@pytest.mark.parametrize(
    ("text", "set_to", "measurand", "words"),
    [
        ("0.0370", 1.0, STATIC, "write 0.0370 in."),
        ("37", 1.0, STATIC, "write 37 mil."),
        ("942", 1.0, STATIC, "write 942 µm."),
        ("0.94 in", 1.0, STATIC, "write 0.94 mm."),
        ("0,942 µm", 1.0, STATIC, "write 0,942 mm."),
        ("94", 1.0, STATIC, "decimal point were missing"),
        ("6012", 100.0, RATE, "write 6012 rpm."),
        ("2.4", 1.0, STATIC, "cannot be: check that the pen stands"),
        ("0.3", 1.0, STATIC, "cannot be: check that the pen stands"),
    ],
)
def test_a_reading_in_another_unit_is_told_how_to_be_written(
    text: str, set_to: float, measurand: Measurand, words: str
) -> None:
    answer = implausible(parse_reading(text, measurand), set_to, measurand)
    assert answer is not None
    assert words in answer
    assert answer.endswith(".")


def test_every_reading_of_the_worked_example_is_plausible() -> None:
    for reading in READINGS:
        assert implausible(parse_reading(f"{reading.value}", STATIC), reading.set_to, STATIC) is None


def test_outliers_are_shown_and_stay() -> None:
    assert outliers(READINGS, 0.001) == ()
    spoilt = list(READINGS)
    spoilt[7] = spoilt[7]._replace(value=spoilt[7].value + 0.08)
    assert outliers(spoilt, 0.001) == (7,)
    assert len(spoilt) == len(READINGS)


def test_a_coarse_instrument_makes_no_outliers_of_its_steps() -> None:
    same = [
        Measured(set_to, direction, set_to + (0.01 if repeat == 2 else 0.0))
        for set_to in (0.5, 1.0, 1.5, 2.0, 2.5)
        for direction in Direction
        for repeat in range(3)
    ]
    assert outliers(same, 0.01) == ()


def test_up_and_down_swapped() -> None:
    assert suspicious(READINGS, STATIC) == ()
    swapped = [
        reading._replace(direction=Direction.DOWN if reading.direction is Direction.UP else Direction.UP)
        for reading in READINGS
    ]
    (words,) = suspicious(swapped, STATIC)
    assert "up and down look swapped" in words


def test_a_stuck_gauge() -> None:
    (words,) = suspicious([reading._replace(value=0.94) for reading in READINGS], STATIC)
    assert "held or stuck" in words


def test_identical_repeats() -> None:
    copied = [reading._replace(value=reading.set_to - 0.02) for reading in READINGS]
    (words,) = suspicious(copied, STATIC)
    assert "repeats are identical" in words


def test_too_few_set_points_and_too_few_repeats() -> None:
    with pytest.raises(TooFew, match="4 set-points and 5 are needed; measure at more"):
        evaluate(reading for reading in READINGS if reading.set_to < 2)
    with pytest.raises(TooFew, match=r"Set-point 0.25 has 1 reading down and 2 are needed"):
        evaluate([*READINGS[:4], *READINGS[6:]])
    with pytest.raises(TooFew, match="2 needles"):
        needle_spread([1.0])


def test_one_direction_only_has_no_hysteresis() -> None:
    up = evaluate(reading for reading in READINGS if reading.direction is Direction.UP)
    assert up.hysteresis is up.backlash is None
    assert up.points[2].error == pytest.approx(-0.0567, abs=1e-4)


def test_needle_spread() -> None:
    spread = needle_spread([1.00, 1.02, 0.99, 1.01])
    assert (spread.mean, spread.half_width) == (pytest.approx(1.005), pytest.approx(0.015))
