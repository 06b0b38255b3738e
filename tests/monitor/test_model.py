"""What the monitor makes of what the station tells: states, the worst first, pens that are gone."""

from __future__ import annotations

from typing import Any

import pytest

from devicectl.bench.monitor import (
    FAULT,
    FILTERS,
    GONE,
    LATCHED,
    LOSING,
    LOSS_SHOWN_S,
    NO_LINK,
    OK,
    SORTS,
    STALE,
    UNSURE,
    Monitor,
    chosen,
    natural,
    summary,
)
from devicectl.cli import monitor as command


def pen(number: int = 1, **more: Any) -> dict[str, Any]:
    """One answer of ``pens.list``."""
    return {
        "address": f"serial:///dev/pts/{number}", "serial": f"REF-{number:04}", "model": "Reference pen", "firmware": "1.0.0",
        "simulated": True, "link": "up", "state": "idle", "motion": "still", "latched": False, "faults": [], "settling": False,
        "depth_um": 0, "rate_mhz": 0, "temperature_cc": 2300, "battery_pct": 92, "current_ma": 0, "sample_age_s": 0.01,
        "samples": 100, "lost_samples": 0, "session": None,
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("more", "state", "trouble"),
    [
        ({}, "idle", OK),
        ({"state": "running", "motion": "turning"}, "running", OK),
        ({"state": "stopped", "latched": True}, "STOPPED", LATCHED),
        ({"state": "lease_expired", "latched": True}, "LEASE EXPIRED", LATCHED),
        ({"motion": "unknown"}, "idle, unsure", UNSURE),
        ({"settling": True}, "idle, unsure", UNSURE),
        ({"sample_age_s": 0.31}, "NO DATA", STALE),
        ({"sample_age_s": None}, "NO DATA", STALE),
        ({"faults": ["stall"], "state": "fault", "latched": True}, "FAULT stall", FAULT),
        ({"link": "lost", "sample_age_s": 9.0}, "LINK LOST", NO_LINK),
        ({"link": "connecting", "sample_age_s": None}, "CONNECTING", NO_LINK),
        ({"motion": "turning"}, "idle, turns", OK),
    ],
)
def test_each_state_has_its_word_and_its_place(more: dict[str, Any], state: str, trouble: int) -> None:
    (row,) = Monitor().take([pen(**more)], 0.0)
    assert (row.state, row.trouble) == (state, trouble)
    assert row.turning is (more.get("motion") == "turning")


def test_the_worst_stands_first_and_names_are_in_natural_order() -> None:
    seen = [
        pen(10), pen(9), pen(3, state="stopped", latched=True), pen(4, faults=["stall"]), pen(5, link="lost"),
        pen(6, sample_age_s=2.0), pen(7, motion="unknown"),
    ]  # fmt: skip
    rows = Monitor().take(seen, 0.0)
    assert [row.serial[-2:] for row in chosen(rows)] == ["05", "04", "06", "07", "03", "09", "10"]
    assert natural("pts/9") < natural("pts/10") < natural("pts/x")


def test_a_loss_is_trouble_for_some_seconds_and_the_share_stays() -> None:
    monitor = Monitor()
    monitor.take([pen()], 0.0)
    (row,) = monitor.take([pen(samples=149, lost_samples=1)], 1.0)
    assert (row.trouble, row.state) == (LOSING, "idle, LOSING")
    assert row.rate_hz == 49
    assert row.loss == 1 / 150
    (row,) = monitor.take([pen(samples=700, lost_samples=1)], 1.5 + LOSS_SHOWN_S)
    assert (row.trouble, row.lost) == (OK, 1)


def test_a_loss_from_before_is_none_of_now() -> None:
    (row,) = Monitor().take([pen(lost_samples=7)], 0.0)
    assert (row.trouble, row.lost) == (OK, 7)
    assert row.rate_hz is None


def test_a_pen_that_is_gone_stays_to_be_seen_until_it_is_back() -> None:
    monitor = Monitor()
    monitor.take([pen(1), pen(2, motion="turning", state="running")], 0.0)
    rows = monitor.take([pen(1)], 5.0)
    worst = chosen(rows)[0]
    assert (worst.serial, worst.state, worst.trouble) == ("REF-0002", "GONE", GONE)
    assert monitor.take([pen(1)], 8.0)[1].gone_s == 3.0
    told = summary(monitor.rows)
    assert (told["pens"], told["gone"], told["turning"], told["trouble"]) == (1, 1, 0, 1)
    # The same pen at another address is back.
    back = monitor.take([pen(1), pen(2, address="serial:///dev/pts/77")], 9.0)
    assert [row.gone_s for row in back] == [None, None]
    monitor.take([], 10.0)
    assert summary(monitor.rows)["gone"] == 2
    monitor.forget_gone()
    assert monitor.rows == []


def test_filters_and_texts() -> None:
    rows = Monitor().take([pen(1), pen(2, motion="turning", state="running"), pen(3, link="lost")], 0.0)
    shown = {name: [row.serial[-1] for row in chosen(rows, "pen", name)] for name in FILTERS}
    assert shown == {"all": ["1", "2", "3"], "trouble": ["3"], "turning": ["2"], "still": ["1", "3"]}
    assert [row.serial for row in chosen(rows, text="ref-0002")] == ["REF-0002"]
    assert [row.serial for row in chosen(rows, text="link lost")] == ["REF-0003"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_takes_pens_of_which_nothing_is_known(sort: str) -> None:
    blank = dict.fromkeys(("depth_um", "rate_mhz", "temperature_cc", "battery_pct", "current_ma", "sample_age_s"))
    rows = Monitor().take([pen(2, serial="", **blank), pen(1, temperature_cc=4100, rate_mhz=5, depth_um=9)], 0.0)
    assert len(chosen(rows, sort)) == 2
    if sort in ("depth", "rate", "temp"):
        assert chosen(rows, sort)[0].serial == "REF-0001"


def test_the_command_line_knows_every_order_and_filter() -> None:
    assert set(command.SORT) == set(SORTS)
    assert set(command.SHOW) == set(FILTERS)
