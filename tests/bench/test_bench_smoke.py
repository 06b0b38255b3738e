"""The bench itself: that it runs, what it keeps, and how it judges. What it measures is for ``make bench`` to say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import Check, Line, figures, number, ratios, table

RUN = Path(__file__).with_name("run.py")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(RUN), *arguments], capture_output=True, text=True, check=False)


def test_a_row_is_measured_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "bench.json"
    done = run("--only", "c", "--quick", "--json", "--keep", str(kept))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(kept.read_text())
    assert json.loads(done.stdout) == result
    assert result["quick"] is True
    assert result["missed"] == []
    assert result["seconds"] > 0
    assert {"python", "system", "processor", "cores", "load"} <= result["machine"].keys()
    for line in result["lines"]:
        assert line["row"] == "c"
        assert line["verdict"] == "ok"
        assert line["ours"]["n"] == 6
        assert line["ours"]["least"] <= line["ours"]["median"] <= line["ours"]["p99"] <= line["ours"]["most"]
        assert [(check["limit"], check["passed"]) for check in line["checks"]] == [(100.0, True)]


def test_an_unknown_row_is_refused() -> None:
    assert run("--only", "a,x").returncode == 2


def test_order_statistics_are_of_nearest_rank() -> None:
    found = figures([float(n) for n in range(1, 101)])
    assert (found.n, found.least, found.median, found.p90, found.p99, found.most) == (100, 1, 50.5, 90, 99, 100)
    with pytest.raises(ValueError, match="nothing"):
        figures([])


def test_a_line_is_judged_by_every_bound_it_has() -> None:
    slow, fast = figures([3.0, 3.0, 9.0]), figures([1.0, 1.0, 1.0])
    assert Line("x", "free", "ms", slow, fast, ratios(slow, fast)).verdict == "–"
    assert Line("x", "median", "ms", slow, fast, ratios(slow, fast, 3.0)).verdict == "ok"
    missed = Line("x", "tail", "ms", slow, fast, ratios(slow, fast, 3.0, 5.0))
    assert missed.verdict == "MISSED"
    assert Line("x", "least", "ms", checks=(Check("speed", 99.0, 100.0, least=True),)).verdict == "MISSED"
    assert Line("x", "broken", "", failure="why").verdict == "ERROR"
    text = table([missed])
    assert "3.00 × / 9.00 ×" in text
    assert "≤ 3.00 × / ≤ 5.00 ×" in text


def test_numbers_have_three_digits() -> None:
    assert [number(v) for v in (0.0, 0.01234, 0.5, 12.345, 1234.5)] == ["0", "0.012", "0.500", "12.3", "1234"]
