"""The pen's firmware as a sans-IO server of Penlink: bytes and ms in, bytes and motor commands out.

It believes only what it measures and what the wire says; the physics may well disagree. Its own limits, lease, run
time and latches hold whatever the host does. Time is the simulation's ms; the pen's clock counts from its boot.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink.frame import MAX_INNER, Decoder, Frame, StopMatcher
from drivers.penlink.messages import (
    CURRENT_MAX_MA,
    FLAG_SIMULATED,
    PAGE_COUNT,
    PROTOCOL,
    RATE_BITS,
    RATE_MASK,
    SAMPLE_CONTACT,
    SAMPLE_CONTACT_KNOWN,
    SAMPLE_DRIVING,
    SCHEMA_HASH,
    Cmd,
    HelloRequest,
    HelloSession,
    Lease,
    Opcode,
    Page,
    Query,
    QueryRequest,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
    VitalsMessage,
)

from . import commands, hello
from .correction import Correction
from .machine import BOOT, BUTTON, LEASE, NEVER, RUN, STATUS, TELEMETRY, VITALS, Machine
from .nvm import Nvm
from .outbox import Outbox
from .physics import Physics
from .profile import CartridgeData, Profile

STATUS_MS: Final = 200
VITALS_MS: Final = 500
BUTTON_MS: Final = 100
_TOO_LATE_MS: Final = 1000
"""Behind by more than this (the computer slept), samples are left out instead of sent in one burst."""


class Firmware(Machine):
    """One pen's firmware from power-on to power-off; :meth:`power_on` again is a reboot.

    Args:
        transmit: takes the bytes of one or more whole frames, to be sent in order.
    """

    def __init__(
        self, profile: Profile, physics: Physics, nvm: Nvm, transmit: Callable[[bytes], None], *, seed: int = 0
    ) -> None:
        self._nvm = nvm
        self._transmit = transmit
        self._protocol = PROTOCOL
        self._seed = seed
        self.on_sample: Callable[[TelemetryMessage], None] | None = None
        """Hears every sample that is sent, as it is sent."""
        self.serial = f"{profile.serial_prefix}{seed % 10_000:04d}"
        self.ignored = 0
        cartridge = profile.cartridge.model_copy(
            update={"serial": profile.cartridge.serial or f"C{seed % 10_000:04d}-1"}
        )
        correction = Correction(nvm, profile.depth_min)
        super().__init__(profile, physics, cartridge, Outbox(transmit), correction)
        self.power_on(0)

    # -- power and time --------------------------------------------------------------------------------------------

    def power_on(self, now: int, boot_ms: int = 0) -> None:
        """Start anew at ``now``: RAM is lost, the motor is off; HELLO is said after ``boot_ms``."""
        self.now = now
        self.physics.advance(now)
        boot = self._nvm.next_boot()
        self.restart(Outbox(self._transmit, self._protocol), random.Random(f"boot {self._seed} {boot}"))
        self.boot_id = boot << 16 | self.random.getrandbits(16)
        self._samples = 0
        self._stops, self._decoder = StopMatcher(), Decoder()
        self.at[BOOT] = now + boot_ms

    @property
    def protocol(self) -> int:
        """Version in the pen's frames; any other than Penlink's makes a pen that answers HELLO only."""
        return self._protocol

    @protocol.setter
    def protocol(self, version: int) -> None:
        self._protocol = self.out.protocol = version

    @property
    def errors(self) -> dict[str, int]:
        """Count of frames that were refused, by kind, since boot."""
        return self._decoder.errors

    @property
    def next_due(self) -> int:
        """ms at which :meth:`tick` has work to do."""
        return min(self.at)

    def tick(self, now: int) -> None:
        """Go on to ``now``, serving each timer at its own time and in order, however late the caller is."""
        at = self.at
        if now - self.now > _TOO_LATE_MS:
            self._leave_out(now)
        while (due := min(at)) <= now:
            if due > self.now:
                self.now = due
                self.physics.advance(due)
            for timer, when in enumerate(at):
                if when <= due:
                    at[timer] = NEVER
                    _TIMERS[timer](self)
            self._flush()
        if now > self.now:
            self.now = now
            self.physics.advance(now)

    def _leave_out(self, now: int) -> None:
        """Skip what the streams would have said meanwhile; the sample counter shows how much that is."""
        for timer, period in ((TELEMETRY, self.period), (STATUS, STATUS_MS), (VITALS, VITALS_MS)):
            missed = max(0, (now - self.at[timer]) // period)
            self.at[timer] += missed * period
            if timer == TELEMETRY:
                self._samples += missed

    def receive(self, data: bytes, now: int) -> None:
        """Bytes from the host. STOP is looked for first, as the receive interrupt would, whatever the state."""
        self.tick(now)
        if self._stops.feed(data):
            self.stop()
        if self.state is not PenState.BOOT:
            self._decoder.feed(data, self._frame)

    def stop(self) -> None:
        """Cut the motor, latch STOPPED, answer STATUS; every time anew."""
        self.physics.cut()
        self.physics.halt_depth()
        first = self.state is not PenState.STOPPED
        self.latch(PenState.STOPPED)
        if first:
            self.event(EventCode.STOP_SEEN)
        self.out.status = True
        self._flush()

    def status_frame(self) -> bytes:
        """STATUS of this instant as a frame."""
        return self.out.encode(self._status())

    def link_down(self, now: int) -> None:
        """The wire says that the host is gone: the lease ends now, and nothing is sent until a new session."""
        self.tick(now)
        self.end_lease()
        self._flush()
        self.session = False
        self.at[TELEMETRY] = self.at[STATUS] = self.at[VITALS] = NEVER

    # -- frames in -------------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> None:
        message = frame.message
        if self.protocol != PROTOCOL and not isinstance(message, HelloRequest):
            self.ignored += 1
            return
        if isinstance(message, Lease):
            self._renew(message)
        elif isinstance(message, Cmd):
            self._command(message)
        elif isinstance(message, QueryRequest):
            self._answer_query(message.what)
        elif isinstance(message, HelloRequest):
            self._say_hello(message)
        else:
            self.ignored += 1
            return
        self._flush()

    def _renew(self, lease: Lease) -> None:
        """A renewal counts only for this boot, a live lease, and once: a copy that comes late renews nothing."""
        if lease.boot_id != self.boot_id or self.at[LEASE] == NEVER:
            return
        ahead = 1 if self.lease_counter is None else (lease.counter - self.lease_counter) & 0xFFFF
        if 0 < ahead < 0x8000:
            self.lease_counter = lease.counter
            self.at[LEASE] = self.now + self.lease_ms

    def _command(self, cmd: Cmd) -> None:
        self.out.status = True
        if not self.session:
            self._refuse(cmd, Result.TEMPORARILY_REJECTED, Reason.NO_SESSION)
        elif self.last is not None and cmd.cmd_id == self.last_cmd_id:
            self.out.first.append(self.last)
            self._read_back_after(self.last.opcode)
        elif cmd.cmd_id <= self.last_cmd_id:
            self._refuse(cmd, Result.DENIED, Reason.STALE_ID)
        else:
            self.last_cmd_id = cmd.cmd_id
            answer = commands.execute(self, cmd)
            self.last = ResultMessage(cmd.cmd_id, cmd.opcode, *answer)
            self.out.first.append(self.last)
            self._read_back_after(cmd.opcode)

    def _refuse(self, cmd: Cmd, result: Result, reason: Reason) -> None:
        """Answer without remembering: the stored result stays that of the last command taken."""
        self.out.first.append(ResultMessage(cmd.cmd_id, cmd.opcode, result, reason, 0, 0))

    def _read_back_after(self, opcode: int) -> None:
        if opcode in (Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.LIMIT_DEPTH):
            self.out.rest.append(self._read_back())
        if opcode == Opcode.SET_DEPTH and self.correction.held:
            self.out.rest.append(self.correction.tell(self.depth))

    def _answer_query(self, what: int) -> None:
        if what == Query.STATUS:
            self.out.status = True
        elif what == Query.READBACK:
            self.out.rest.append(self._read_back())
        elif what == Query.VITALS:
            self.out.rest.append(self._vitals())
        elif what in (Query.CORRECTION, Query.TABLE) and self.profile.corrects:
            self.out.rest.append(self.correction.tell(self.depth))
            self.out.rest += self.correction.knots() if what == Query.TABLE else []

    def _say_hello(self, request: HelloRequest) -> None:
        if request.page != Page.SESSION:
            page = hello.fixed_page(request.page, request.nonce, self.profile, self.serial, self.cartridge)
            if page is not None:
                self.out.first.append(page)
            return
        if request.protocol == self.protocol:
            self.end_lease()
            self._open_session()
        self.out.first.append(self._session_page(request.nonce))

    def _open_session(self) -> None:
        self.lease_counter = None
        self.session_limit = self.profile.depth_max
        self.correction.forget()
        if not self.session:
            self.session = True
            self.at[TELEMETRY] = self.now + self.period
            self.at[STATUS] = self.now + STATUS_MS
            self.at[VITALS] = self.now + VITALS_MS

    # -- hands on the pen ------------------------------------------------------------------------------------------

    def press_button(self, now: int) -> None:
        """Within a granted run the button pauses and resumes; it never starts anything else."""
        self.tick(now)
        if self.state is PenState.BOOT:
            return
        self.event(EventCode.BUTTON_DOWN)
        self.at[BUTTON] = now + BUTTON_MS
        if self.state is PenState.RUNNING:
            self.pause()
        elif self.state is PenState.PAUSED:
            self.resume()
        elif self.state is PenState.PARKING:
            self.end()
        self._flush()

    def footswitch(self, down: bool, now: int) -> None:
        """Held to run: down goes on with a paused run, release always pauses."""
        self.tick(now)
        if self.state is PenState.BOOT:
            return
        self.event(EventCode.FOOTSWITCH_DOWN if down else EventCode.FOOTSWITCH_UP)
        if down and self.state is PenState.PAUSED:
            self.resume()
        elif not down and self.state is PenState.RUNNING:
            self.pause()
        self._flush()

    def change_cartridge(self, cartridge: CartridgeData | None, now: int) -> None:
        """Plug another cartridge in, or none. Without one a granted run ends in a fault."""
        self.tick(now)
        self.cartridge = cartridge
        self.ran_with_cartridge = False
        self.correction.cartridge(cartridge.type if cartridge else "")
        if self.state is PenState.BOOT:
            return
        if self.state in (PenState.RUNNING, PenState.PAUSED, PenState.PARKING):
            self.raise_fault(Fault.CARTRIDGE)
        elif self.state is PenState.ARMED:
            self.enter(PenState.IDLE)
        self.event(EventCode.CARTRIDGE_CHANGED)
        self._flush()

    def forget_limit(self, now: int) -> None:
        """The depth limit of the session is gone from RAM, without a restart."""
        self.tick(now)
        self.session_limit = self.profile.depth_max

    # -- timers ----------------------------------------------------------------------------------------------------

    def _on_boot(self) -> None:
        if self.state is PenState.BOOT:
            self.state = PenState.IDLE
        self.out.first.append(self._session_page(0))

    def _on_lease(self) -> None:
        self.end_lease()

    def _on_run_over(self) -> None:
        self.end()
        self.event(EventCode.RUN_TIME_OVER)

    def _on_pause_over(self) -> None:
        self.end()
        self.event(EventCode.PAUSE_OVER)

    def _on_arm_over(self) -> None:
        self.disarm()
        self.out.status = True

    def _on_test_over(self) -> None:
        reason = commands.hindrance(self)
        self.finish_test(Result.FAILED if reason else Result.ACCEPTED, reason)

    def _on_park(self) -> None:
        self.look_at_park()

    def _on_write(self) -> None:
        self.correction.finish(self.cartridge.type if self.cartridge else "")
        self.finish_write()

    def _on_button_up(self) -> None:
        self.event(EventCode.BUTTON_UP)

    def _on_telemetry(self) -> None:
        self.at[TELEMETRY] = self.now + self.period
        reading = self.physics.read()
        for fault in self.watch.faults(reading, self.physics, self.rate if self.state is PenState.RUNNING else 0):
            self.raise_fault(fault)
        flags = SAMPLE_DRIVING if self.state in (PenState.RUNNING, PenState.PARKING) else 0
        if self.profile.contact_sensor:
            flags |= SAMPLE_CONTACT_KNOWN | (SAMPLE_CONTACT if reading.contact else 0)
        self._samples += 1
        depth = self.correction.measured(reading.depth)
        packed = min(reading.rate, RATE_MASK) | min(reading.current, CURRENT_MAX_MA) << RATE_BITS
        sample = TelemetryMessage(self._samples & 0xFFFF, self.clock, depth, packed, flags)
        self.out.rest.append(sample)
        if self.on_sample is not None:
            self.on_sample(sample)

    def _on_status(self) -> None:
        self.at[STATUS] = self.now + STATUS_MS
        self.out.status = True

    def _on_vitals(self) -> None:
        self.at[VITALS] = self.now + VITALS_MS
        self.out.rest.append(self._vitals())

    # -- messages out ----------------------------------------------------------------------------------------------

    def _session_page(self, nonce: int) -> HelloSession:
        return HelloSession(
            page=Page.SESSION,
            nonce=nonce,
            page_count=PAGE_COUNT,
            boot_id=self.boot_id,
            clock=self.clock,
            last_cmd_id=self.last_cmd_id,
            schema_hash=SCHEMA_HASH,
            flags=FLAG_SIMULATED,
            frame_max=MAX_INNER,
        )

    def _status(self) -> StatusMessage:
        until = self.at[LEASE]
        left = 0 if until == NEVER else min(255, (until - self.now + 9) // 10)
        result = self.last.result if self.last is not None else 0
        return StatusMessage(
            self.boot_id, self.last_cmd_id, self.state | result << 4, self.faults, left, self.clock & 0xFFFF
        )

    def _read_back(self) -> ReadBackMessage:
        left = self.profile.run_max
        if self.state is PenState.RUNNING:
            left = self.at[RUN] - self.now
        elif self.state is PenState.PAUSED:
            left = self.run_left
        return ReadBackMessage(self.depth, self.rate, self.depth_limit, min(left // 100, 0xFFFF))

    def _vitals(self) -> VitalsMessage:
        physics = self.physics
        return VitalsMessage(
            self.clock,
            min(int(physics.temperature * 100), 0x7FFF),
            physics.battery_mv(),
            int(physics.charge * 100 + 0.5),
            physics.counter() & 0xFFFFFFFF,
        )

    def _flush(self) -> None:
        if self.out:
            self.out.flush(self._status)


_TIMERS: Final[tuple[Callable[[Firmware], None], ...]] = (
    Firmware._on_boot,
    Firmware._on_lease,
    Firmware._on_run_over,
    Firmware._on_pause_over,
    Firmware._on_arm_over,
    Firmware._on_test_over,
    Firmware._on_button_up,
    Firmware._on_park,
    Firmware._on_write,
    Firmware._on_telemetry,
    Firmware._on_status,
    Firmware._on_vitals,
)
