"""A pen's firmware on a table: bytes in by hand, messages out in a list, time moved by hand."""

from collections.abc import Iterable
from typing import TypeVar

from drivers.api import PenState, Result
from drivers.penlink.frame import STOP, Decoder, encode
from drivers.penlink.messages import (
    Cmd,
    EventMessage,
    HelloRequest,
    Lease,
    Message,
    Opcode,
    ResultMessage,
    StatusMessage,
)
from simulator.faults import Faults
from simulator.firmware import Firmware
from simulator.nvm import Nvm
from simulator.physics import Physics
from simulator.profile import Profile, load_profile

T = TypeVar("T")


class Table:
    """Firmware and physics without any loop. ``now`` is ms of the simulation."""

    def __init__(
        self, profile: str | Profile = "reference", *, hand: bool = False, session: bool = True, seed: int = 1
    ) -> None:
        self.profile = load_profile(profile) if isinstance(profile, str) else profile
        self.body = Physics(self.profile, hand=hand, seed=seed)
        self.nvm = Nvm()
        self.writes: list[bytes] = []
        self.heard: list[Message] = []
        self._decoder = Decoder()
        self.now = 0
        self.id = 0
        self.renewals = 0
        self.pen = Firmware(self.profile, self.body, self.nvm, self._take, seed=seed)
        self.go(1)
        if session:
            self.say(HelloRequest(0, 77, 1))
            self.heard.clear()
            self.writes.clear()

    def _take(self, data: bytes) -> None:
        self.writes.append(data)
        self._decoder.feed(data, lambda frame: self.heard.append(frame.message))
        assert not self._decoder.errors

    def go(self, ms: int, *, renew: bool = False) -> None:
        """Let ``ms`` pass, with a renewal now and every 100 ms if asked."""
        end = self.now + ms
        while self.now < end:
            if renew:
                self.renew()
            self.now = min(end, self.now + 100)
            self.pen.tick(self.now)

    def sleep(self, ms: int) -> None:
        """Let ``ms`` pass in one piece, as after a suspended computer wakes."""
        self.now += ms
        self.pen.tick(self.now)

    def put(self, data: bytes) -> None:
        self.pen.receive(data, self.now)

    def say(self, message: Message) -> None:
        self.put(encode(message, 9))

    def renew(self) -> None:
        self.renewals += 1
        self.say(Lease(self.pen.boot_id, self.renewals & 0xFFFF))

    def order(
        self, opcode: int, argument: int = 0, *, cmd_id: int | None = None, not_after: int | None = None
    ) -> ResultMessage:
        """Send one CMD and give its RESULT."""
        if cmd_id is None:
            self.id = max(self.id, self.pen.last_cmd_id) + 1
            cmd_id = self.id
        begin = len(self.heard)
        self.say(Cmd(cmd_id, opcode, self.pen.clock + 300 if not_after is None else not_after, argument))
        return next(m for m in self.heard[begin:] if isinstance(m, ResultMessage) and m.cmd_id == cmd_id)

    def accept(self, opcode: int, argument: int = 0) -> ResultMessage:
        result = self.order(opcode, argument)
        assert result.result == Result.ACCEPTED, result
        return result

    def arm(self, lease: int = 500) -> int:
        return self.accept(Opcode.ARM, lease).token

    def start(self, run_ms: int = 180_000, *, depth: int = 1000, rate: int = 100_000, lease: int = 500) -> None:
        """The whole way to a turning motor."""
        if self.profile.rate_step:
            self.accept(Opcode.SET_RATE, rate)
        self.accept(Opcode.SET_DEPTH, depth)
        self.accept(Opcode.START, self.arm(lease) << 16 | run_ms // 100)
        assert self.pen.state is PenState.RUNNING

    def stop(self) -> None:
        self.put(STOP)

    def of(self, kind: type[T]) -> list[T]:
        return [m for m in self.heard if isinstance(m, kind)]

    def events(self) -> list[int]:
        return [event.code for event in self.of(EventMessage)]

    @property
    def status(self) -> StatusMessage:
        return self.of(StatusMessage)[-1]

    @property
    def state(self) -> PenState:
        """The state that the last STATUS told."""
        return PenState(self.status.state_result & 15)

    def into(self, state: PenState) -> None:
        """Bring a fresh pen into ``state`` by the wire alone (and the jammed needle for FAULT)."""
        match state:
            case PenState.IDLE:
                pass
            case PenState.ARMED:
                self.arm()
            case PenState.RUNNING:
                self.start()
                self.go(300)
                self.renew()
            case PenState.PAUSED:
                self.start()
                self.go(300)
                self.accept(Opcode.END, 1)
                self.renew()
            case PenState.PARKING:
                self.accept(Opcode.PARK, self.arm() << 16 | 1)
                self.go(50)
            case PenState.STOPPED:
                self.stop()
            case PenState.LEASE_EXPIRED:
                self.start()
                self.go(1000)
            case PenState.FAULT:
                self.start()
                self.body.set_faults(Faults(stall=True))
                self.go(1000, renew=True)
            case PenState.BOOT:
                self.pen.power_on(self.now, 80)
            case _:
                raise AssertionError(state)
        assert self.pen.state is state


STATES: Iterable[PenState] = tuple(s for s in PenState if s is not PenState.UPDATING)
