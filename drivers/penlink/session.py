"""The host's side of Penlink without any I/O: bytes and time in, typed inputs out, frames to send as bytes.

It keeps what must not be forgotten between frames (boot, clock, counters) and notices a reboot by any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from drivers.api import (
    Action,
    Command,
    CorrectionState,
    EventCode,
    Gap,
    LinkStatistics,
    PenEvent,
    PenInput,
    PenState,
    ReadBack,
    Rebooted,
    Result,
    Status,
    Telemetry,
    Vitals,
)

from .frame import Decoder, Frame, encode
from .messages import (
    CORRECTION_APPLIES,
    PROTOCOL,
    RATE_BITS,
    RATE_MASK,
    SAMPLE_CONTACT,
    SAMPLE_CONTACT_KNOWN,
    SAMPLE_DRIVING,
    Cmd,
    CorrectionMessage,
    EventMessage,
    HelloCapabilities,
    HelloCartridge,
    HelloModel,
    HelloRequest,
    HelloSession,
    HelloUnit,
    KnotMessage,
    Lease,
    Message,
    Opcode,
    Query,
    QueryRequest,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
    VitalsMessage,
)

NOT_AFTER_MS = 300
_NEVER = float("-inf")
Hello = HelloSession | HelloModel | HelloUnit | HelloCapabilities | HelloCartridge

_OPCODES = {
    Action.SET_DEPTH: Opcode.SET_DEPTH,
    Action.SET_RATE: Opcode.SET_RATE,
    Action.ARM: Opcode.ARM,
    Action.START: Opcode.START,
    Action.END: Opcode.END,
    Action.RESET: Opcode.RESET,
    Action.PARK: Opcode.PARK,
    Action.INDICATE: Opcode.INDICATE,
    Action.SELF_TEST: Opcode.SELF_TEST,
    Action.LIMIT_DEPTH: Opcode.LIMIT_DEPTH,
    Action.CALIBRATE: Opcode.CALIBRATION,
}
_STATES = {int(state): state for state in PenState}
_RESULTS = {int(result): result for result in Result}
_EVENTS = {int(code): code for code in EventCode}


def correction_state(at: float, m: CorrectionMessage) -> CorrectionState:
    """CORRECTION in the types of the pen interface."""
    key = m.knots << 16 | m.crc if m.knots else 0
    return CorrectionState(at, key, m.cartridge, bool(m.flags & CORRECTION_APPLIES), m.depth, m.commanded)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise ValueError("a number is none, or out of range")
    return value


class HostSession:
    """One conversation with one pen over one opening of a link.

    ``deliver`` gets every typed input in order; ``on_hello``, ``on_result`` and ``on_table`` get the answers that
    the runner waits for. ``established`` is set by the runner once all pages are in: only then does a new boot mean a reboot.
    """

    def __init__(
        self,
        deliver: Callable[[PenInput], None],
        on_hello: Callable[[Hello], None],
        on_result: Callable[[ResultMessage], None],
        on_table: Callable[[CorrectionState | KnotMessage], None],
        statistics: LinkStatistics,
    ) -> None:
        self.decoder = Decoder()
        self.established = False
        self.answers = 0
        """Frames that only a pen sends; an echo gives back our own."""
        self.boot_id = 0
        self.last_cmd_id = 0
        self.clock_ms = 0
        self.heard_at = _NEVER
        self._deliver = deliver
        self._on_hello = on_hello
        self._on_result = on_result
        self._on_table = on_table
        self._statistics = statistics
        self._frames_before, self._bad_before = statistics.frames, statistics.bad_frames
        self._seq = 0
        self._nonce = 0
        self._lease_counter = 0
        self._sample_counter: int | None = None
        self._now = 0.0
        self._depth_bound = 10_000
        self._rate_bound = RATE_MASK

    # -- bytes in

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes that arrived at loop time ``now``."""
        self._now = now
        self._statistics.bytes_in += len(data)
        self.decoder.feed(data, self._frame)
        self._statistics.frames = self._frames_before + self.decoder.frames
        if self.decoder.errors:
            self._statistics.bad_frames = self._bad_before + sum(self.decoder.errors.values())

    def bound(self, depth_max_um: int, rate_max_mhz: int) -> None:
        """Samples beyond these are impossible for this pen (1 mm and half the rate of margin) and are dropped."""
        self._depth_bound = depth_max_um + 1000
        self._rate_bound = rate_max_mhz + rate_max_mhz // 2

    def remembered(self) -> dict[str, Any]:
        """What later frames are judged by, as plain JSON values: for a listener that was not there from the beginning."""
        tail, overrun = self.decoder.unfinished
        return {
            "boot_id": self.boot_id,
            "last_cmd_id": self.last_cmd_id,
            "clock_ms": self.clock_ms,
            "heard_at": self.heard_at if self.heard_at > _NEVER else None,
            "sample_counter": self._sample_counter,
            "tail": tail.hex(),
            "overrun": overrun,
        }

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Go on where another session was (its :meth:`remembered`). Raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        self.boot_id = _whole(facts["boot_id"])
        self.last_cmd_id = _whole(facts["last_cmd_id"])
        self.clock_ms = _whole(facts["clock_ms"])
        heard_at = facts["heard_at"]
        if heard_at is not None and not (isinstance(heard_at, float) and isfinite(heard_at)):
            raise ValueError("heard_at is no time")
        self.heard_at = _NEVER if heard_at is None else heard_at
        counter = facts["sample_counter"]
        self._sample_counter = None if counter is None else _whole(counter)
        self.decoder.resume(bytes.fromhex(facts["tail"]), bool(facts["overrun"]))

    def _frame(self, frame: Frame) -> None:
        message = frame.message
        kind = type(message)
        if not self.established and not isinstance(message, HelloRequest | Cmd | QueryRequest | Lease):
            self.answers += 1
        if kind is TelemetryMessage:
            self._telemetry(message)  # type: ignore[arg-type]
        elif kind is StatusMessage:
            self._status(message)  # type: ignore[arg-type]
        elif kind is ResultMessage:
            self._on_result(message)  # type: ignore[arg-type]
        elif isinstance(message, ReadBackMessage):
            self._deliver(ReadBack(self._now, message.depth, message.rate, message.depth_limit, message.run_max * 100))
        elif isinstance(message, VitalsMessage):
            self._vitals(message)
        elif isinstance(message, EventMessage):
            code = _EVENTS.get(message.code)
            if code is not None:
                self._deliver(PenEvent(self._now, message.clock, code, message.argument))
        elif isinstance(message, Hello):
            self._hello(message)
        elif isinstance(message, CorrectionMessage):
            state = correction_state(self._now, message)
            self._on_table(state)
            self._deliver(state)
        elif isinstance(message, KnotMessage):
            self._on_table(message)

    def _telemetry(self, m: TelemetryMessage) -> None:
        last = self._sample_counter
        if last is not None:
            step = (m.counter - last) & 0xFFFF
            if step == 0 and m.clock == self.clock_ms:
                return None
            if step >= 0x8000 or step == 0:
                return self._reboot("its telemetry counter fell", self.boot_id)
            if m.clock < self.clock_ms and self.heard_at > _NEVER:
                return self._reboot("its clock fell", self.boot_id)
            if step > 1:
                self._statistics.lost_samples += step - 1
                self._deliver(Gap(self._now, step - 1))
        self._sample_counter = m.counter
        self._heard(m.clock)
        rate = m.rate_current & RATE_MASK
        if m.depth > self._depth_bound or rate > self._rate_bound:
            self._statistics.implausible += 1
            return None
        flags = m.flags
        self._deliver(
            Telemetry(
                self._now,
                m.counter,
                m.clock,
                m.depth,
                rate,
                m.rate_current >> RATE_BITS,
                bool(flags & SAMPLE_CONTACT) if flags & SAMPLE_CONTACT_KNOWN else None,
                bool(flags & SAMPLE_DRIVING),
            )
        )
        return None

    def _heard(self, clock_ms: int) -> None:
        self.clock_ms = clock_ms
        self.heard_at = self._now

    def _status(self, m: StatusMessage) -> None:
        if self.established and m.boot_id != self.boot_id:
            return self._reboot("its boot number changed", m.boot_id)
        clock = m.clock_low
        heard = self.clock_ms
        if self.heard_at > _NEVER:
            expected = heard + round((self._now - self.heard_at) * 1000)
            clock = expected + ((clock - expected + 0x8000) & 0xFFFF) - 0x8000
        if clock < heard:
            clock = heard
        state = _STATES.get(m.state_result & 0x0F)
        result = _RESULTS.get(m.state_result >> 4)
        if state is None or result is None:
            self._statistics.implausible += 1
            return None
        if m.last_cmd_id > self.last_cmd_id:
            self.last_cmd_id = m.last_cmd_id
        self._deliver(Status(self._now, m.boot_id, clock, m.last_cmd_id, result, state, m.faults, m.lease_left * 10))
        return None

    def _vitals(self, m: VitalsMessage) -> None:
        if self.established and m.clock < self.clock_ms - 1000:
            return self._reboot("its clock fell", self.boot_id)
        if m.battery_pct > 100 or not -4000 <= m.temperature <= 15000:
            self._statistics.implausible += 1
            return None
        self._deliver(Vitals(self._now, m.clock, m.temperature, m.battery_mv, m.battery_pct, m.strokes))
        return None

    def _hello(self, m: Hello) -> None:
        if isinstance(m, HelloSession):
            if self.established and m.boot_id != self.boot_id:
                return self._reboot("it said HELLO anew", m.boot_id)
            if self.established and m.nonce == 0 and m.clock < self.clock_ms:
                # A pen whose memory is worn out may have had this boot number before.
                return self._reboot("it said HELLO of itself", m.boot_id)
            self.boot_id = m.boot_id
            self.last_cmd_id = m.last_cmd_id
            self._heard(m.clock)
        self._on_hello(m)
        return None

    def _reboot(self, cause: str, boot_id: int) -> None:
        if not self.established:
            self._sample_counter = None
            return
        self.established = False
        self._sample_counter = None
        self.heard_at = _NEVER
        self.clock_ms = 0
        self._statistics.reboots += 1
        self._deliver(Rebooted(self._now, boot_id, cause))

    # -- bytes out

    def _send(self, message: Message) -> bytes:
        self._seq = (self._seq + 1) & 0xFFFF
        data = encode(message, self._seq)
        self._statistics.bytes_out += len(data)
        return data

    def hello(self, page: int) -> tuple[int, bytes]:
        """A request for one page and the nonce that its answer will carry."""
        self._nonce = self._nonce % 0xFFFF + 1
        return self._nonce, self._send(HelloRequest(page, self._nonce, PROTOCOL))

    def command(self, command: Command, cmd_id: int, not_after_ms: int) -> bytes:
        """One CMD. START packs its token and its run time (rounded down to 100 ms), PARK its token and where."""
        argument = command.value
        if command.action is Action.START:
            argument = command.token << 16 | min(command.value // 100, 0xFFFF)
        elif command.action is Action.PARK:
            argument = command.token << 16 | command.value
        return self._send(Cmd(cmd_id, _OPCODES[command.action], not_after_ms & 0xFFFFFFFF, argument))

    def not_after(self) -> int:
        """Default deadline in the pen's clock: the freshest pen time heard + 300 ms. An old one expires in the pen."""
        return self.clock_ms + NOT_AFTER_MS

    def lease(self) -> bytes:
        """One renewal."""
        self._lease_counter = (self._lease_counter + 1) & 0xFFFF
        return self._send(Lease(self.boot_id, self._lease_counter))

    def query(self, what: Query) -> bytes:
        """Ask for one message."""
        return self._send(QueryRequest(what))
