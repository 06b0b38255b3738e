"""What a terminal sends is read whatever it is: no bytes end the reader, and none takes the keys behind it away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from tests.tui.fake_client import ModelClock
from tui.terminal_input import LETTER_S, PASTE_S, UNREADABLE, SturdyInput


class Typed:
    """A reader with a clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.clock = ModelClock()
        self._input = SturdyInput(lambda: XTermParser(False), self.clock)

    def reads(self, data: bytes) -> list[Message]:
        text = self._input.decode(data)
        return [*(self._input.feed(text) if text else ()), *self._input.tick()]

    def keys(self, data: bytes = b"", after_s: float = 0.0) -> list[str]:
        self.clock.now += after_s
        messages = self.reads(data) if data else list(self._input.tick())
        return [one.key for one in messages if isinstance(one, events.Key)]


def test_a_letter_of_another_encoding_is_a_key_though_nothing_follows() -> None:
    typed = Typed()
    assert typed.keys(b"\xe4") == []
    assert len(typed.keys(after_s=2 * LETTER_S)) == 1
    assert typed.keys(b" ") == ["space"]


def test_a_letter_in_two_pieces_is_one_key() -> None:
    typed = Typed()
    assert typed.keys(b"\xc3") == []
    assert typed.keys(b"\xbc") == typed.keys("\u00fc".encode())


@pytest.mark.parametrize("noise", [b"\x1b[1114112u", b"\x1b[999999999999u"])
def test_a_sequence_that_is_none_is_a_key_that_nobody_has_bound(noise: bytes) -> None:
    assert Typed().keys(noise + b" ") == [UNREADABLE, "space"]


def test_a_paste_whose_end_was_lost_does_not_take_the_keys_that_follow() -> None:
    typed = Typed()
    assert typed.keys(b"\x1b[200~half a sen") == []
    assert typed.keys(b"tence", after_s=PASTE_S / 2) == []
    assert typed.keys(b" ", after_s=PASTE_S) == ["space"]


@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_paste_in_pieces_is_one_paste(step: int) -> None:
    typed, data = Typed(), b"k\x1b[200~two words\x1b[201~ "
    found = [one for at in range(0, len(data), step) for one in typed.reads(data[at : at + step])]
    assert [type(one).__name__ for one in found] == ["Key", "Paste", "Key"]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_end_the_reader(pieces: list[bytes]) -> None:
    typed = Typed()
    for piece in pieces:
        typed.reads(piece)
    typed.clock.now += PASTE_S
    # What a sequence still waits for ends with characters that are part of none.
    typed.reads(b"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm")
    assert typed.keys(b" ")[-1:] == ["space"]
