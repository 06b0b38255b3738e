"""The soak itself: the same seed gives the same, a violation is brought down to what breaks it, and the slice that CI runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from faults.defects import DEFECTS

from devicectl.bench.capture_file import Reader, Record
from devicectl.bench.minimise import captured, minimise
from devicectl.bench.schedule_file import parse, write
from devicectl.bench.soak import Plan, quiet, run
from devicectl.bench.truth import Sums
from devicectl.cli.app import run as command
from drivers.tap import Way

SLICE = 6
"""Seeds of two model minutes in CI; `make soak` runs 200 of an hour."""


def test_the_same_seed_gives_the_same_run() -> None:
    with quiet():
        first, second = (run(Plan(5, 40.0)) for _ in (1, 2))
    assert first.played == second.played
    assert first.passes == second.passes
    assert first.passes
    assert first.violations == second.violations == []


def test_another_seed_gives_another_run() -> None:
    with quiet():
        assert run(Plan(5, 20.0)).played != run(Plan(7, 20.0)).played


@pytest.mark.schedules
@pytest.mark.parametrize("seed", range(SLICE))
def test_a_slice_of_the_soak(seed: int) -> None:
    with quiet():
        result = run(Plan(1000 + seed, pens=1 + seed % 2))
    assert result.violations == []
    assert Sums.of(result.passes).strokes > 500


@pytest.mark.schedules
def test_a_slice_over_the_air() -> None:
    with quiet():
        assert run(Plan(1000, 60.0, link="ble")).violations == []


def test_a_violation_is_brought_down_to_what_breaks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DEFECTS["gaps_are_called_measured"].plant(monkeypatch)
    with quiet():
        seed = next(seed for seed in range(50) if run(Plan(seed)).violations)
        result = run(Plan(seed))
        smallest = minimise(result)
    schedule = smallest.plan.schedule
    assert schedule is not None
    assert len(schedule.faults) <= 6 < smallest.before
    assert smallest.violation.rule == result.violations[0].rule
    again = replace(smallest.plan, schedule=parse(write(schedule)))
    kept = captured(again, smallest.violation.pen, tmp_path / "found.pcapng")
    assert smallest.violation.rule in {one.rule for one in kept.violations}
    with Reader(tmp_path / "found.pcapng") as reader:
        records = list(reader)
    assert all(isinstance(record, Record) for record in records)
    assert {record.way for record in records if isinstance(record, Record)} >= {Way.IN, Way.OUT}


def test_the_command_line_writes_schedule_and_capture_and_says_how_to_see_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as planted:
        DEFECTS["strokes_are_one_percent_off"].plant(planted)
        assert command(["soak", "--hours", "0.02", "--seed", "0", "--out", str(tmp_path)]) == 1
        told = capsys.readouterr().out
        assert "[strokes]" in told
        (again,) = [line.split("again: ")[1] for line in told.splitlines() if "again: " in line]
        assert command([*again.split()[1:], "--out", str(tmp_path / "more")]) == 1
    assert sorted(path.name for path in tmp_path.glob("soak-0*")) == ["soak-0.pcapng", "soak-0.toml"]
    capsys.readouterr()
    assert command(["replay", str(tmp_path / "soak-0.pcapng")]) == 0
    capsys.readouterr()
    assert command(again.split()[1:]) == 0, "without the defect the same happenings break nothing"


def test_the_report_sets_the_record_beside_the_physics(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["soak", "--hours", "0.02", "--seed", "4", "--report", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    sums = told["sums"]
    assert sums["passes"] == len(told["runs"][0]["passes"]) > 3
    assert abs(sums["strokes"] - sums["strokes_true"]) <= 0.005 * sums["strokes_true"] + 2
    spans = sums["measured_ms"] + sums["inferred_ms"] + sums["unknown_ms"]
    assert spans == sums["duration_ms"]
    assert command(["soak", "--hours", "0.02", "--seed", "4", "--report", "table"]) == 0
    assert "strokes" in capsys.readouterr().out
