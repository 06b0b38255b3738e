"""The pen's end of a memory link, played by a script, and a tap that keeps what the host wrote."""

from __future__ import annotations

from collections.abc import Callable

from drivers.links.memory import MemoryLink, PenEnd
from drivers.penlink.frame import Decoder, encode
from drivers.penlink.messages import (
    Cmd,
    HelloCapabilities,
    HelloCartridge,
    HelloModel,
    HelloRequest,
    HelloSession,
    HelloUnit,
    Message,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
)

BOOT_ID = 0x0005_1234


def page(number: int, nonce: int, *, boot_id: int = BOOT_ID, clock: int = 1000, last_cmd_id: int = 0) -> Message:
    """An honest page of HELLO."""
    match number:
        case 0:
            return HelloSession(0, nonce, 5, boot_id, clock, last_cmd_id, 0, 1, 63)
        case 1:
            return HelloModel(1, nonce, "Maker", "Pen")
        case 2:
            return HelloUnit(2, nonce, "S1", "1.0", "A")
        case 3:
            return HelloCapabilities(
                3, nonce, 0, 2500, 50, 1500, 50_000, 150_000, 1000, 200, 1000, 300_000, 60_000, 50, 7
            )
        case _:
            return HelloCartridge(4, nonce, 1, 12, 0, 20_301_231, "R12", "C1", "L1")


def sample(counter: int, clock: int, *, depth: int = 500, rate: int = 0) -> TelemetryMessage:
    return TelemetryMessage(counter & 0xFFFF, clock & 0xFFFFFFFF, depth, rate, 0)


class Script:
    """A pen that answers HELLO honestly and everything else as ``on_message`` says."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.boot_id = BOOT_ID
        self.last_cmd_id = 0
        self.clock = 1000
        self.on_message: Callable[[Message], bool] = lambda message: False
        self.attached = 0
        self.detached = 0
        self._decoder = Decoder()
        self._seq = 0

    def attach(self, transmit: Callable[[bytes], None], hang_up: Callable[[str], None]) -> None:
        self.transmit, self.hang_up = transmit, hang_up
        self.attached += 1

    def detach(self) -> None:
        self.detached += 1

    def receive(self, data: bytes) -> None:
        self._decoder.feed(data, lambda frame: self._message(frame.message))

    def _message(self, message: Message) -> None:
        self.heard.append(message)
        if not self.on_message(message) and isinstance(message, HelloRequest):
            self.say(
                page(message.page, message.nonce, boot_id=self.boot_id, clock=self.clock, last_cmd_id=self.last_cmd_id)
            )

    def say(self, *messages: Message) -> None:
        for message in messages:
            self._seq = (self._seq + 1) & 0xFFFF
            self.transmit(encode(message, self._seq))

    def result(self, cmd: Cmd, result: int = 0, reason: int = 0, applied: int = 0, token: int = 0) -> None:
        self.say(ResultMessage(cmd.cmd_id, cmd.opcode, result, reason, applied, token))

    def status(self, cmd: Cmd, result: int = 0, state: int = 1) -> None:
        self.say(StatusMessage(self.boot_id, cmd.cmd_id, state | result << 4, 0, 0, self.clock & 0xFFFF))

    def read_back(self, depth: int, rate: int = 50_000) -> None:
        self.say(ReadBackMessage(depth, rate, 2500, 3000))

    def commands(self) -> list[Cmd]:
        return [message for message in self.heard if isinstance(message, Cmd)]


class Tap(MemoryLink):
    """A memory link that keeps every byte which the host wrote, over all openings that share ``trace``."""

    def __init__(self, pen_end: PenEnd | None, trace: bytearray) -> None:
        super().__init__(pen_end)
        self._trace = trace

    def write(self, data: bytes) -> None:
        self._trace += data
        super().write(data)


def messages_in(trace: bytes) -> list[Message]:
    found: list[Message] = []
    decoder = Decoder()
    decoder.feed(bytes(trace), lambda frame: found.append(frame.message))
    assert not decoder.errors
    return found
