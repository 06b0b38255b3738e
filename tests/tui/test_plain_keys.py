"""Line mode in a real terminal: any key is STOP while the motor may turn, and lines are typed again when it is still."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from devicectl.station.views import Reply, View
from tests.tui.fake_client import FakeClient
from tui import scenes
from tui.plain_terminal import show_plain

LONG_S = 20.0
LOST = replace(
    scenes.IDLE, pen=replace(scenes.PEN, link="lost", motion="unknown", link_text="unplugged"), run=None, session=None
)


class Seat:
    """Somebody at a pseudo-terminal with line mode in it."""

    def __init__(self, client: FakeClient, master: int) -> None:
        self.client, self._master = client, master
        self.said = ""

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Views go on arriving while it is waited."""
        end = asyncio.get_running_loop().time() + LONG_S
        while not true():
            assert asyncio.get_running_loop().time() < end, f"{what} never came:\n{self.said}"
            self.client.show()
            with contextlib.suppress(BlockingIOError):
                self.said += os.read(self._master, 1 << 16).decode()
            await asyncio.sleep(0.02)

    async def hears(self, words: str) -> None:
        await self.until(lambda: words in self.said, words)

    async def turns_to(self, view: View, words: str) -> None:
        """Another view, and the sentence that tells of it."""
        self.said = ""
        self.client.show(view)
        await self.hears(words)

    async def passes(self, seconds: float) -> None:
        """Nothing is done for so long."""
        end = asyncio.get_running_loop().time() + seconds
        await self.until(lambda: asyncio.get_running_loop().time() >= end, "the time")

    async def stops(self, number: int) -> None:
        await self.until(lambda: len(self.client.stops) >= number, "STOP")


@pytest.fixture
async def seat(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seat]:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    master, slave = os.openpty()
    os.set_blocking(master, False)
    client = FakeClient(scenes.IDLE)
    with os.fdopen(os.dup(slave), "w") as out:
        task = asyncio.ensure_future(show_plain(client, out=out, fd=slave))
        made = Seat(client, master)
        await made.hears("Motor still.")
        yield made
        made.client.show(scenes.IDLE)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("key", [b"k", b" ", b"\r", b"9", b"\x04", b"\x1b[A", b"\x1bOP", b"\x1b", "ü".encode()])
async def test_any_key_is_stop_while_the_motor_turns(seat: Seat, key: bytes) -> None:
    await seat.turns_to(scenes.needling(), "Any key is STOP now; only e is END, and x ends the run.")
    seat.type(key)
    await seat.stops(1)
    await seat.hears("STOP sent.")
    assert not seat.client.requests


@pytest.mark.parametrize("key", [b"\x1a", b"\x1c", b"\x13", b"\x11", b"\xe4", b"\xc3", b"\xff"])
async def test_a_key_that_the_terminal_or_its_encoding_would_keep_is_stop_too(seat: Seat, key: bytes) -> None:
    """Ctrl+Z, Ctrl+\\, Ctrl+S, Ctrl+Q, and letters of a terminal that does not write UTF-8."""
    await seat.turns_to(scenes.needling(), "Any key is STOP now")
    seat.type(key)
    await seat.stops(1)
    await seat.hears("STOP sent.")


async def test_a_key_right_after_yes_is_stop_though_nobody_has_seen_the_run_yet(seat: Seat) -> None:
    seat.client.answers["run.preview"] = scenes.start_sheet()
    seat.client.answers["run.start"] = Reply("confirmed", "started")
    seat.type(b"go\r")
    await seat.hears("yes within")
    await seat.passes(0.5)
    seat.type(b"yes\r")
    await seat.until(lambda: any(method == "run.start" for method, _ in seat.client.requests), "the start")
    seat.type(b"k")
    await seat.stops(1)


async def test_after_a_start_that_was_refused_lines_go_on(seat: Seat) -> None:
    seat.client.answers["run.preview"] = scenes.start_sheet()
    seat.client.answers["run.start"] = Reply("rejected", "The cover is open.")
    seat.type(b"go\r")
    await seat.hears("yes within")
    await seat.passes(0.5)
    seat.type(b"yes\r")
    await seat.hears("The cover is open.")
    seat.type(b"ack\r")
    await seat.until(lambda: ("alarm.acknowledge", {}) in seat.client.requests, "the command")
    assert not seat.client.stops


async def test_the_terminals_own_keys_are_its_own_again_when_the_pen_is_still(seat: Seat) -> None:
    def own() -> tuple[int, list[object]]:
        now = termios.tcgetattr(seat._master)
        return now[0] & termios.IXON, [now[6][termios.VSUSP], now[6][termios.VQUIT]]

    before = own()
    await seat.turns_to(scenes.needling(), "Any key is STOP now")
    assert own() == (0, [b"\0", b"\0"])
    await seat.turns_to(scenes.IDLE, "Lines again")
    assert own() == before
    assert before[0]


async def test_what_was_being_typed_when_the_motor_began_is_no_command(seat: Seat) -> None:
    seat.type(b"session cl")
    await seat.hears("session cl")
    await seat.turns_to(scenes.needling(), "Any key is STOP now")
    seat.type(b"o")
    await seat.stops(1)
    await seat.turns_to(scenes.IDLE, "Lines again")
    seat.type(b"ack\r")
    await seat.until(lambda: bool(seat.client.requests), "the command")
    assert seat.client.requests == [("alarm.acknowledge", {})]


@pytest.mark.parametrize(("key", "method"), [(b"e", "run.pause"), (b"x", "run.end")])
async def test_two_keys_end_a_run_as_it_should_end(seat: Seat, key: bytes, method: str) -> None:
    await seat.turns_to(scenes.needling(), "Any key is STOP now")
    seat.type(key)
    await seat.until(lambda: bool(seat.client.requests), method)
    assert seat.client.requests == [(method, {})]
    assert not seat.client.stops


async def test_without_a_run_those_two_are_stop_as_well(seat: Seat) -> None:
    needling = scenes.needling()
    await seat.turns_to(replace(needling, run=None), "Any key is STOP now.")
    seat.type(b"e")
    await seat.stops(1)


async def test_the_terminals_own_answers_are_no_keys(seat: Seat) -> None:
    await seat.turns_to(scenes.needling(), "Any key is STOP now")
    seat.type(b"\x1b[12;40R")
    seat.said = ""
    await seat.turns_to(scenes.IDLE, "Lines again")
    assert not seat.client.stops


async def test_a_pen_that_is_gone_is_stopped_once_and_then_one_can_leave(seat: Seat) -> None:
    await seat.turns_to(LOST, "Any key is STOP now.")
    seat.type(b"q")
    await seat.stops(1)
    await seat.hears("Lines again")
    seat.type(b"quit\r")
    await seat.hears("quit again sends STOP and leaves")


async def test_who_only_watches_types_lines_and_an_empty_one_stops(seat: Seat) -> None:
    await seat.turns_to(scenes.watching(), "Watching; dashboard on tty2 holds control.")
    seat.type(b"status\r")
    await seat.hears("Link: last heard")
    assert not seat.client.stops
    seat.type(b"\r")
    await seat.stops(1)


async def test_at_rest_lines_are_edited_and_the_terminal_gets_its_ways_back(seat: Seat) -> None:
    seat.type(b"zone XX\x7f\x7fVTX\r")
    await seat.until(lambda: bool(seat.client.requests), "the zone")
    assert seat.client.requests == [("zone.select", {"zone": "VTX"})]
    seat.type(b"\r")
    await seat.stops(1)
    seat.type(b"quit\r")
    await seat.until(lambda: seat.client.closed, "the end")
    await seat.until(lambda: bool(termios.tcgetattr(seat._master)[3] & termios.ICANON), "the line discipline")
