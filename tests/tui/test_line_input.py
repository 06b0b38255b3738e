"""Lines typed key by key, with the terminal's answers taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.line_input import LineEditor


@pytest.mark.parametrize(
    ("data", "lines", "echo"),
    [
        (b"zone vtx\r", ["zone vtx"], "zone vtx\r\n"),
        (b"\n", [""], "\r\n"),
        (b"ab\x7fc\n", ["ac"], "ab\b \bc\r\n"),
        (b"abc\x15d\n", ["d"], "abc\b \b\b \b\b \bd\r\n"),
        (b"\x7f\x7fa\n", ["a"], "a\r\n"),
        ("ä▚\n".encode(), ["ä▚"], "ä▚\r\n"),
        (b"a\x1b[Ab\x1bOPc\x00\n", ["abc"], "abc\r\n"),
    ],
)
def test_lines(data: bytes, lines: list[str], echo: str) -> None:
    editor = LineEditor()
    assert editor.feed(data) == lines
    assert editor.echo == echo


def test_an_answer_in_the_middle_of_a_word_in_pieces() -> None:
    editor = LineEditor()
    assert editor.feed(b"en\x1b[2") == []
    assert editor.feed(b"4;80Rd\n") == ["end"]
    assert editor.answers == 1


def test_end_of_input_only_on_an_empty_line() -> None:
    editor = LineEditor()
    editor.feed(b"a\x04")
    assert not editor.ended
    editor.feed(b"\n\x04")
    assert editor.ended


@given(st.binary(max_size=200), st.integers(1, 50))
def test_anything_in_any_pieces_and_then_a_line(data: bytes, step: int) -> None:
    editor, whole = LineEditor(), LineEditor()
    pieces = [line for at in range(0, len(data), step) for line in editor.feed(data[at : at + step])]
    assert pieces == whole.feed(data)
    assert editor.answers == whole.answers
    if not editor.ended:
        assert editor.feed(b"m" * 40 + b"\n\n")[-1] == ""
