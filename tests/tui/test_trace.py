"""Traces, gauges and big digits as plain text."""

from __future__ import annotations

from tui.widgets.big_number import big_rows
from tui.widgets.gauge import bar, gauge
from tui.widgets.line_board import width_of
from tui.widgets.trace import KEEP, TraceBuffer, braille


def _fed(values: list[float | None], start: int = 0, step: int = 20) -> TraceBuffer:
    buffer = TraceBuffer()
    buffer.feed([start + step * i for i in range(len(values))], values)
    return buffer


def test_a_slice_holds_least_and_greatest() -> None:
    buffer = _fed([1.0, 5.0, 3.0, *[2.0] * 7, 4.0])
    assert buffer.slices == [(1.0, 5.0)]


def test_a_gap_stays_a_gap() -> None:
    buffer = _fed([*[5.0] * 20, *[None] * 20, *[5.0] * 20, 5.0])
    assert buffer.slices == [(5.0, 5.0)] * 2 + [None] * 2 + [(5.0, 5.0)] * 2
    (row,) = braille(buffer.slices, 0, 10, 3, 1)
    assert [cell == " " for cell in row] == [False, True, False]


def test_time_without_samples_is_a_gap_too() -> None:
    buffer = _fed([5.0] * 10)
    buffer.feed([1000], [5.0])
    assert buffer.slices == [(5.0, 5.0), None, None, None, None]


def test_when_nothing_comes_the_trace_moves_on_and_leaves_a_gap() -> None:
    buffer = _fed([5.0] * 11)
    buffer.pass_time(500)
    assert buffer.slices == [(5.0, 5.0)]
    buffer.pass_time(1700)
    assert buffer.slices[2:] == [None] * (len(buffer.slices) - 2)
    assert len(buffer.slices) >= 5


def test_a_falling_clock_is_a_reboot_and_leaves_a_gap() -> None:
    buffer = _fed([5.0] * 10, start=90_000)
    buffer.feed([0, 200], [7.0, 7.0])
    assert buffer.slices == [(5.0, 5.0), None, (7.0, 7.0)]


def test_the_buffer_is_bounded() -> None:
    buffer = _fed([1.0] * 11)
    buffer.feed([100_000_000], [1.0])
    buffer.pass_time(1e9)
    assert len(buffer.slices) <= KEEP


def test_neighbours_are_joined_but_not_across_a_gap() -> None:
    joined = braille([(0, 0), (10, 10)], 0, 10, 1, 2)
    assert joined == ["⢸", "⣸"]
    apart = braille([(0, 0), None, (10, 10)], 0, 10, 2, 2)
    assert sum(bin(ord(c) - 0x2800).count("1") for row in apart for c in row if c != " ") == 2


def test_values_off_the_scale_stay_on_its_edge() -> None:
    assert braille([(99, 99), (-5, -5)], 0, 10, 1, 1) == ["⢹"]


def test_gauge() -> None:
    text = "".join(part for part, _ in gauge(5, 0, 10, (4, 8), 11))
    assert text == "────━◆━━━──"
    assert gauge(5, 0, 10, None, 2) == ()
    assert "".join(part for part, _ in gauge(99, 0, 10, None, 5)) == "────◆"


def test_bar_is_cut_to_its_width() -> None:
    assert width_of(bar(7.0, 10)) == 10
    assert width_of(bar(-1.0, 10)) == 10


def test_big_digits_are_four_equal_rows() -> None:
    for char in "0123456789.-? ":
        rows = big_rows(f"1{char}")
        assert len(rows) == 4
        assert len({len(row) for row in rows}) == 1
    assert big_rows("1.50")[0] != big_rows("1.60")[0]
