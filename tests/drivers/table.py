"""The reference firmware on a table: frames in by hand, frames out in a list, time moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drivers.api import PenState
from drivers.penlink.frame import STOP, Decoder, Frame, encode
from drivers.penlink.messages import Cmd, HelloRequest, Lease, Message, Opcode, ResultMessage
from simulator.firmware import Firmware
from simulator.nvm import Nvm
from simulator.physics import Physics
from simulator.profile import load_profile

T = TypeVar("T")
LATCH = {PenState.STOPPED, PenState.LEASE_EXPIRED, PenState.FAULT}
STATES = tuple(state for state in PenState if state is not PenState.UPDATING)


class Table:
    """Firmware and physics without any loop. ``on_bytes`` gets every write of the pen."""

    def __init__(self, *, session: bool = True, seed: int = 1) -> None:
        self.profile = load_profile("reference")
        self.body = Physics(self.profile, hand=False, seed=seed)
        self.on_bytes: Callable[[bytes], None] | None = None
        self.raw = bytearray()
        self.frames: list[Frame] = []
        self.seq = 0
        self.renewals = 0
        self.now = 0
        self._decoder = Decoder()
        self.pen = Firmware(self.profile, self.body, Nvm(), self._take, seed=seed)
        self.go(1)
        if session:
            self.say(HelloRequest(0, 1, 1))

    def _take(self, data: bytes) -> None:
        self.raw += data
        self._decoder.feed(data, self.frames.append)
        assert not self._decoder.errors
        if self.on_bytes is not None:
            self.on_bytes(data)

    def of(self, kind: type[T]) -> list[T]:
        return [frame.message for frame in self.frames if isinstance(frame.message, kind)]

    def go(self, ms: int, *, renew: bool = False) -> None:
        end = self.now + ms
        while self.now < end:
            if renew:
                self.renew()
            self.now = min(end, self.now + 100)
            self.pen.tick(self.now)

    def put(self, data: bytes) -> None:
        self.pen.receive(data, self.now)

    def say(self, message: Message) -> bytes:
        self.seq += 1
        data = encode(message, self.seq)
        self.put(data)
        return data

    def renew(self) -> None:
        self.renewals += 1
        self.say(Lease(self.pen.boot_id, self.renewals & 0xFFFF))

    def order(self, opcode: int, argument: int = 0, *, late: bool = False) -> ResultMessage | None:
        """One CMD with a fresh id; its RESULT, or None for a pen that does not answer."""
        before = len(self.frames)
        not_after = 0 if late or opcode == Opcode.END else self.pen.clock + 300
        self.say(Cmd(self.pen.last_cmd_id + 1, opcode, not_after, argument))
        return next((f.message for f in self.frames[before:] if isinstance(f.message, ResultMessage)), None)

    def accept(self, opcode: int, argument: int = 0) -> ResultMessage:
        result = self.order(opcode, argument)
        assert result is not None
        assert result.result == 0, result
        return result

    def start(self, run_ms: int = 180_000) -> None:
        self.accept(Opcode.SET_RATE, 100_000)
        self.accept(Opcode.SET_DEPTH, 1000)
        token = self.accept(Opcode.ARM, 500).token
        self.accept(Opcode.START, token << 16 | run_ms // 100)

    def into(self, state: PenState, run_ms: int = 180_000) -> Table:
        """A fresh pen brought into ``state``; latched ones with a needle that has come to rest."""
        match state:
            case PenState.ARMED:
                self.accept(Opcode.ARM, 500)
            case PenState.RUNNING:
                self.start(run_ms)
                self.go(300, renew=True)
            case PenState.PAUSED:
                self.start(run_ms)
                self.go(300, renew=True)
                self.accept(Opcode.END, 1)
                self.go(300, renew=True)
            case PenState.PARKING:
                token = self.accept(Opcode.ARM, 500).token
                self.accept(Opcode.PARK, token << 16 | 1)
                self.go(50)
            case PenState.STOPPED:
                self.put(STOP)
            case PenState.LEASE_EXPIRED:
                self.start()
                self.go(1500)
            case PenState.FAULT:
                self.start()
                self.pen.change_cartridge(None, self.now)
                self.go(1000)
                self.pen.change_cartridge(self.profile.cartridge, self.now)
            case PenState.BOOT:
                self.pen.power_on(self.now, 80)
        assert self.pen.state is state
        return self
