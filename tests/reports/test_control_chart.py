"""The control chart as a picture: limits, broken rules by shape and number, learning; the same bytes each time."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops
from support.pdf_text import page_texts

from devicectl.calibration.chart import RuleNumber, control_chart
from devicectl.calibration.quantities import Measurand
from devicectl.reports.control_chart import LAST, ChartPicture, chart_bytes, chart_page, write_chart
from devicectl.reports.setting import ReportFailed


def picture(count: int, drift: float = 0.0, jump: int | None = None, **changes: object) -> ChartPicture:
    """Checks at 1 mm that wander off from the 15th on and jump once."""
    chance = random.Random(5)
    values = [round(1 + chance.gauss(0, 0.004) + drift * max(0, n - 15), 3) for n in range(count)]
    if jump is not None:
        values[jump] += 0.03
    taken = tuple(datetime(2026, 1, 1, 8, tzinfo=UTC) + timedelta(days=n) for n in range(count))
    made = ChartPicture(control_chart(values), taken, Measurand.STATIC, "REF-0020", 1.0, "reading")
    return replace(made, **changes)  # type: ignore[arg-type]


BROKEN = picture(34, drift=0.0006, jump=22)


def test_every_broken_rule_has_its_shape_and_number() -> None:
    page = chart_page(BROKEN)
    signals = BROKEN.chart.signals
    assert {signal.rule for signal in signals} == set(RuleNumber)
    out = {signal.index + 1 for signal in signals if signal.rule is not RuleNumber.RANGE}
    marks = {mark["x"]: mark["shape"] for mark in page["individuals"]["marks"]}
    assert {at for at, shape in marks.items() if shape == "diamond"} == out
    notes = {note["x"]: note["text"] for note in page["individuals"]["notes"]}
    assert notes.keys() == out
    for at in out:
        rules = [str(s.rule.value) for s in signals if s.index + 1 == at and s.rule is not RuleNumber.RANGE]
        assert notes[at].split() == rules
    jumps = {signal.index + 1 for signal in signals if signal.rule is RuleNumber.RANGE}
    assert {note["x"] for note in page["ranges"]["notes"]} == jumps == {23, 24}
    assert [number for number, _ in page["rules"]] == ["R", "1", "2", "3", "4"]
    (text,) = page_texts(chart_bytes(BROKEN, "pdf"))
    assert "2 of 3 points beyond 2 sigma on one side" in text
    assert "limits from the first 12" in text


def test_the_limits_are_drawn_and_written() -> None:
    limits = BROKEN.chart.limits
    assert limits is not None
    page = chart_page(BROKEN)
    dashed = [line["points"][0][1] for line in page["individuals"]["lines"] if line["dash"] == "dashed"]
    assert dashed == pytest.approx([limits.upper, limits.lower])
    (over,) = [line["points"][0][1] for line in page["ranges"]["lines"] if line["dash"] == "dashed"]
    assert over == pytest.approx(limits.range_upper)
    assert ["limits (3 sigma)", f"{limits.lower:.5f} to {limits.upper:.5f} mm"] in page["limits"]
    for part in (page["individuals"], page["ranges"]):
        assert part["y"]["low"] <= min(mark["y"] for mark in part["marks"])
        assert part["y"]["high"] > max(mark["y"] for mark in part["marks"])


@pytest.mark.parametrize(("count", "sentence"), [(1, "11 more checks make them."), (11, "1 more check makes them.")])
def test_it_says_that_it_is_learning(count: int, sentence: str) -> None:
    data = picture(count)
    (text,) = page_texts(chart_bytes(data, "pdf"))
    assert f"LEARNING: {count} of 12 checks. There are no limits yet; {sentence}" in text
    assert chart_page(data)["limits"] == []
    assert {line["dash"] for line in chart_page(data)["individuals"]["lines"]} == {"solid"}


def test_a_quiet_chart_says_so() -> None:
    (text,) = page_texts(chart_bytes(picture(20), "pdf"))
    assert "No rule is broken." in text
    assert "LEARNING" not in text


def test_of_many_checks_the_last_are_drawn_with_their_own_numbers() -> None:
    page = chart_page(picture(250))
    assert [mark["x"] for mark in page["individuals"]["marks"]] == list(range(191, 251))
    assert len(page["ranges"]["marks"]) == LAST
    assert page["range"].startswith("Checks 191 to 250 of 250, 2026-07-10 to 2026-09-07; limits from the first 12")


def test_a_simulated_pen_is_named_so() -> None:
    (text,) = page_texts(chart_bytes(replace(BROKEN, simulated=True), "pdf"))
    assert "SIMULATED: no real pen was measured" in text


def test_svg_and_png(tmp_path: Path) -> None:
    data = replace(BROKEN, pen_serial="<P&20>")
    for name in ("chart.svg", "chart.PNG"):
        write_chart(data, tmp_path / name)
    svg = ElementTree.fromstring((tmp_path / "chart.svg").read_bytes())
    space = "{http://www.w3.org/2000/svg}"
    assert svg.tag == f"{space}svg"
    title = svg.find(f"{space}title")
    about = svg.find(f"{space}desc")
    assert title is not None
    assert title.text == "Daily check: needle protrusion, static, at 1 mm, pen <P&20>"
    assert about is not None
    assert "check 23: 1 point beyond 3 sigma" in (about.text or "")
    with Image.open(tmp_path / "chart.PNG") as png:
        assert png.width == 1191
        red, green, blue = png.convert("RGB").split()
    for other in (green, blue):
        assert ImageChops.difference(red, other).getextrema() == (0, 0), "no colour is needed"
    assert chart_bytes(data, "svg") == (tmp_path / "chart.svg").read_bytes()
    assert chart_bytes(data, "png") == (tmp_path / "chart.PNG").read_bytes()


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match=r"chart\.gif is no kind of picture"):
        write_chart(BROKEN, tmp_path / "chart.gif")
    assert not list(tmp_path.iterdir())


def test_a_chart_needs_a_time_for_each_check() -> None:
    with pytest.raises(ValueError, match="time"):
        replace(BROKEN, taken=BROKEN.taken[1:])
    with pytest.raises(ValueError, match="one check"):
        ChartPicture(control_chart([]), (), Measurand.STATIC, "REF-0020", 1.0)
