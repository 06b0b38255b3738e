"""What is printed: U to two significant digits, a result to the same place, halves away from zero."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.calibration.rounding import places, shown


@pytest.mark.parametrize(
    ("uncertainty", "to", "text"),
    [
        (0.02814, 3, "0.028"),
        (0.0996, 2, "0.10"),
        (0.0994, 3, "0.099"),
        (0.5, 2, "0.50"),
        (3.14, 1, "3.1"),
        (9.96, 0, "10"),
        (12.6, 0, "13"),
        (126.0, -1, "130"),
        (996.0, -2, "1000"),
    ],
)
def test_two_digits_of_an_uncertainty(uncertainty: float, to: int, text: str) -> None:
    assert places(uncertainty) == to
    assert shown(uncertainty, to) == text


def test_halves_go_away_from_zero_whatever_the_float_is() -> None:
    # 2.675 and 1.005 are less than they look as floats, and a mean may end in …4999999999.
    assert [shown(value, 2) for value in (2.675, 1.005, -1.005, 0.125)] == ["2.68", "1.01", "−1.01", "0.13"]
    assert shown(0.97833333333333328, 3) == "0.978"
    assert shown((0.94 + 0.95) / 2 - 1.0, 2) == "−0.06"


def test_signs() -> None:
    assert [shown(value, 3, sign=True) for value in (0.03, -0.03, 0.0, -0.0001)] == [
        "+0.030",
        "−0.030",
        "0.000",
        "0.000",
    ]


def test_an_uncertainty_of_0_has_no_digits() -> None:
    with pytest.raises(ValueError):
        places(0.0)


@given(st.floats(min_value=1e-6, max_value=1e5), st.floats(min_value=-1e5, max_value=1e5))
def test_rounding_is_off_by_half_a_place_at_most(uncertainty: float, value: float) -> None:
    to = places(uncertainty)
    assert len(shown(uncertainty, to).replace(".", "").lstrip("0").rstrip("0")) <= 2
    printed = Decimal(shown(value, to).replace("−", "-"))
    half = Decimal(5).scaleb(-to - 1)
    # 12 significant digits of the float count.
    assert abs(printed - Decimal(value)) <= half + abs(Decimal(value)) * Decimal("1e-11")
