"""The host's bytes of a capture, played to a simulated pen in virtual time. Nothing of it reaches a real pen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from drivers.penlink import cobs
from drivers.penlink.frame import STOP, Frame, encode
from drivers.penlink.messages import PROTOCOL, HelloRequest, ResultMessage
from drivers.tap import STREAM, Mark, Way
from simulator.nvm import Nvm
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .capture_file import Damage, Kind, Reader, Record
from .dissect import STOP_CHANNEL, Stream, fields_of, value_piece
from .replay import Clock, paced

AFTERWARDS_S: Final = 2.0
"""How long the pen is watched after the last byte: a lease that is renewed no more ends in that time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command: then, and now. Texts of RESULT, empty where no answer came."""

    cmd_id: int
    opcode: str
    captured: str
    simulated: str

    @property
    def same(self) -> bool:
        """Answered as then."""
        return self.captured == self.simulated


@dataclass(frozen=True, slots=True)
class Played:
    """How it went. ``boot_id`` of the captured pen and of the simulated one; ``turned_s``: how long the motor turned."""

    answers: tuple[Answer, ...]
    boot_ids: tuple[int, int]
    state: str
    strokes: int
    turned_s: float
    stops: int
    trouble: tuple[str, ...]


class _Ear:
    """RESULT messages out of the bytes of a pen."""

    def __init__(self) -> None:
        self.results: dict[int, tuple[str, str]] = {}
        self._stream = Stream()

    def hear(self, data: bytes, channel: int = STREAM) -> None:
        pieces = self._stream.feed(data) if channel == STREAM else iter((value_piece(data, data),))
        for piece in pieces:
            if piece.frame is not None:
                self._take(piece.frame)

    def _take(self, frame: Frame) -> None:
        if isinstance(frame.message, ResultMessage):
            fields = fields_of(frame)
            reason = "" if fields["reason"] == "NONE" else f" {fields['reason']}"
            # The first answer counts: a later one repeats it or says STALE_ID.
            self.results.setdefault(
                frame.message.cmd_id, (str(fields["opcode"]), f"{fields['result']}{reason} {fields['applied']}")
            )


class _Stage:
    def __init__(self, pen: SimulatedPen, *, connection: bool) -> None:
        self.pen = pen
        self.then, self.now = _Ear(), _Ear()
        self.stops = 0
        self.turned_s = 0.0
        self._turning_since: float | None = None
        self._line = pen.line(None, connection=connection)
        pen.on_motion = self._moved

    def _moved(self, at: float, turning: bool) -> None:
        if self._turning_since is not None:
            self.turned_s += at - self._turning_since
        self._turning_since = at if turning else None

    def take(self, record: Record) -> None:
        if record.kind is Kind.MARK:
            mark = record.mark()
            if mark in (Mark.OPENING, Mark.LOST, Mark.CLOSED):
                self._line.detach()
            if mark is Mark.JOINED:
                self._send(b"\x00" + encode(HelloRequest(0, 1, PROTOCOL), 0))
        elif record.kind is Kind.BYTES and record.way is Way.IN:
            self.then.hear(record.data, record.channel)
        elif record.kind is Kind.BYTES:
            self.stops += record.stop
            if record.channel == STREAM:
                self._send(record.data)
            elif record.channel == STOP_CHANNEL:
                self._send(STOP)
            else:
                self._send(cobs.encode(record.data) + b"\x00")

    def _send(self, data: bytes) -> None:
        if not self._line.attached:
            self._line.attach(self.now.hear, lambda reason: None)
        self._line.receive(data)


def play_to_simulator(
    reader: Reader,
    *,
    profile: str = "reference",
    seed: int = 0,
    speed: float | None = None,
    progress: Callable[[Record], None] = lambda record: None,
) -> Played:
    """Play a capture to a fresh simulated pen, which boots as often as the captured one had.

    A simulated pen of the same profile and seed gives the same boot number and tokens, and so the same answers; another
    one refuses what belongs to another boot. ``speed``: None for as fast as can be.
    """
    return run_virtual(_play(reader, profile, seed, paced(reader, speed), progress))


async def _play(
    reader: Reader, profile: str, seed: int, items: Iterable[Record | Damage], progress: Callable[[Record], None]
) -> Played:
    loop = asyncio.get_running_loop()
    captured = _boot_id(reader)
    memory = Nvm()
    memory.boots = max(0, (captured >> 16) - 1)
    pen = SimulatedPen(profile, seed=seed, nvm=memory)
    # A serial pen does not notice that its host has gone.
    stage = _Stage(pen, connection=not str(reader.header.get("address", "")).startswith("serial:"))
    trouble: list[str] = []
    clock, begun = Clock(), loop.time()
    try:
        for item in items:
            if isinstance(item, Damage):
                trouble.append(item.text)
                continue
            await asyncio.sleep(max(0.0, begun + clock.due(item) - loop.time()))
            stage.take(item)
            progress(item)
        await asyncio.sleep(AFTERWARDS_S)
        truth = pen.truth
    finally:
        pen.close()
    ids = sorted({*stage.then.results, *stage.now.results})
    answers = tuple(
        Answer(
            cmd_id,
            (stage.then.results.get(cmd_id) or stage.now.results[cmd_id])[0],
            stage.then.results.get(cmd_id, ("", ""))[1],
            stage.now.results.get(cmd_id, ("", ""))[1],
        )
        for cmd_id in ids
    )
    boots = (captured, pen.firmware.boot_id)
    return Played(
        answers, boots, truth.state.name, round(truth.strokes), round(stage.turned_s, 3), stage.stops, tuple(trouble)
    )


def _boot_id(reader: Reader) -> int:
    pen = reader.header.get("pen")
    found = pen.get("boot_id") if isinstance(pen, dict) else None
    return found if isinstance(found, int) and 0 <= found < 1 << 32 else 0
