"""Daily checks as control charts, and what the newest of them means."""

from __future__ import annotations

from devicectl.calibration.watch import watched
from devicectl.records.calibrations import Checked


def checks(*errors_um: int, quantity: str = "depth", set_to: int = 1000) -> list[Checked]:
    return [Checked(at, quantity, set_to, set_to + error) for at, error in enumerate(errors_um)]


def test_each_quantity_and_set_point_has_its_own_chart() -> None:
    found = watched([*checks(10, 20), *checks(5, set_to=500), *checks(300, quantity="rate", set_to=100_000)])
    assert [(one.quantity, one.set_to, len(one.checks)) for one in found] == [
        ("depth", 0.5, 1), ("depth", 1.0, 2), ("rate", 100.0, 1),
    ]  # fmt: skip
    assert found[1].chart.values == (0.01, 0.02)
    assert found[1].sentence == "Control chart of depth at 1 mm: learning, 10 more checks until there are limits."


def test_a_jump_is_told_and_so_is_that_all_is_well() -> None:
    steady = [10, 12, 9, 11, 10, 12, 11, 9, 10, 12, 11, 10]
    assert watched(checks(*steady))[0].sentence == "Control chart of depth at 1 mm: in control."
    told = watched(checks(*steady, 90))[0].sentence
    assert told.startswith("Control chart of depth at 1 mm: out of control (")
    assert "1 point beyond 3 sigma" in told
    assert told.endswith("check again, and calibrate the pen if it stays so.")
