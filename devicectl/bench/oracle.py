"""The judge of a soak: the safety rules of one pen, looked at all the time, by the physics and by what reaches the pen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from drivers.api import Lost, PenInput, PenState, Rebooted, Result, Telemetry, Up
from drivers.penlink.messages import Cmd, Lease, Opcode
from drivers.penlink.pen import PenlinkPen
from simulator.commands import TIMED
from simulator.firmware import Firmware

from .stack import Person, Seat, Stack, written_for

LOOK_S: Final = 0.02
HEARTBEAT_S: Final = 0.4
FRESH_S: Final = 0.3
SLACK_S: Final = 0.06
STOP_S: Final = 0.07
TOKEN_MS: Final = 10_000
SOFT_UM: Final = 1500
HARD_UM: Final = 2500
RECORD_S: Final = 3.5
"""A record in trouble is noticed at the next write or, when it is silent, after 2 s; the look comes each second."""
CLOCK_S: Final = 1.2
"""The station compares its clocks each second."""
_MOVES: Final = (PenState.RUNNING, PenState.PARKING)
DELAY_S: Final = {"memory": 0.2, "ble": 0.92}
"""How long bytes may be on their way by a fault; a radio keeps them until its connection counts as lost."""


class Violation(NamedTuple):
    """A rule that was broken. ``at``: loop time; ``pen``: its seat, from 0."""

    at: float
    pen: int
    rule: str
    text: str


class Oracle:
    """Judges one seat from when it is made until :meth:`close`; each violation goes to ``report``.

    The stack tells it what people did (the methods named for that), so that it need not believe the program.
    """

    def __init__(self, stack: Stack, seat: Seat, report: Callable[[Violation], None]) -> None:
        self.stack = stack
        self.seat = seat
        self.states: set[str] = set()
        """Every state that the pen was in."""
        self.heard: set[str] = set()
        """What the host heard of the link: up, lost, rebooted."""
        self.ups = 0
        self._pens: list[PenlinkPen] = []
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._sim = seat.sim
        self._calm = seat.sim.faults
        self._delay_s = DELAY_S.get(seat.wire.kind, DELAY_S["memory"])
        self._ever: set[str] = set()
        self._dirty_until = self._loop.time()
        self._stop_at: float | None = None
        self._stop_linked = False
        self._alive_at = self._granted_at = self._renewed_at = self._heard_at = self._listened_at = self._loop.time()
        self._driven_since: float | None = None
        self._highest: dict[tuple[int, int], int] = {}
        self._tokens: dict[tuple[int, int], dict[int, int]] = {}
        self._suspects: set[str] = set()
        firmware: Firmware = seat.sim.firmware
        self._firmware, self._take, self._renew = firmware, firmware._command, firmware._renew
        firmware._command = self._command  # type: ignore[method-assign]
        firmware._renew = self._renewed  # type: ignore[method-assign]
        seat.sim.on_motion = self._moved
        self.listen()
        self._task = self._loop.create_task(self._watch())

    def close(self) -> None:
        """Judge no more."""
        self._task.cancel()

    def listen(self) -> None:
        """Hear the pen object of the present station."""
        self._pens.append(self.seat.pen)
        self.seat.pen.subscribe(self._input)

    def counted(self, name: str) -> int:
        """One of the link's statistics, over every station of this run."""
        return sum(int(getattr(pen.statistics, name)) for pen in self._pens)

    def broken(self, rule: str, text: str) -> None:
        """A rule is broken; told once for each rule and run."""
        if rule not in self._suspects:
            self._suspects.add(rule)
            self._report(Violation(self._loop.time(), self.seat.index, rule, text))

    # -- what people and machines did

    def stop_pressed(self) -> None:
        """STOP, which stops every pen."""
        for oracle in self.all_of():
            desk = oracle.stack.desk(oracle.seat)
            if desk is not None:
                oracle._stop_at = self._loop.time()
                oracle._stop_linked = desk.pen.connected

    all_of: Callable[[], Sequence[Oracle]]

    def reset_confirmed(self) -> None:
        """The latch was left, the station says."""
        if self._sim.truth.driven and not self._uncontrolled:
            self.broken("latch", "RESET was confirmed while the motor was driven")
        self._stop_at = None

    def client_left(self, person: Person) -> None:
        """The client of this seat ended; a pen that may turn is stopped."""
        desk = self.stack.desk(self.seat)
        if desk is not None and desk.may_turn and desk.holder is not None:
            self._stop_at = self._loop.time()
        self._alive_at = max(self._alive_at, person.alive_at)

    def may_be_stopped(self) -> None:
        """Somebody else was here and may have stopped the pen."""

    def station_killed(self) -> None:
        """Nobody has said stop; only the pen's own lease ends the run."""
        for oracle in self.all_of():
            oracle._stop_at = None

    def disk_troubled(self) -> None:
        """The record refuses or does not answer."""
        self._ever.add("disk")

    def clock_broken(self, far: bool) -> None:
        """The computer slept or its clock was set; ``far`` when by more than a second: then the motor has to stop."""
        for oracle in self.all_of():
            oracle._ever.add("clock")
            if far and oracle.stack.desk(oracle.seat) is not None:
                self._loop.call_later(CLOCK_S, oracle._after_clock, self._loop.time())

    def _after_clock(self, at: float) -> None:
        if self._driven_since is not None and self._driven_since < at and not self._uncontrolled:
            late = self._loop.time() - at
            if late > CLOCK_S + self._bound_s or self._clean_since(at):
                self.broken("clock", f"still driven {late:.1f} s after the computer slept or its clock was set")

    def asked_to_start(self, zone: str) -> None:
        """A start was asked for; motion is expected from now on."""
        self.zone = zone

    zone = ""

    def started(self, *, hasty: bool, latched: bool, age_s: float, closed: list[str]) -> None:
        """A start was confirmed; how it was when it was asked for."""
        if hasty:
            self.broken("start", "a run was started sooner than 150 ms after the sheet was shown")
        if latched:
            self.broken("start", "a run was started while latched")
        if age_s > FRESH_S + LOOK_S:
            self.broken("stale", f"a run was started on data of the pen that were {age_s:.2f} s old")
        if closed:
            self.broken("gates", f"a run was started although the gate {closed[0]} was shut")

    def depth_confirmed(self, asked_um: int) -> None:
        """The station says that the pen has this depth."""
        held = self._firmware.depth
        if asked_um > HARD_UM:
            self.broken("limit", f"{asked_um} µm was confirmed, above the hard limit")
        elif self._long_up and held != self._allowed(asked_um):
            self.broken("confirmed", f"depth {asked_um} µm was confirmed and the pen holds {held} µm")

    def _allowed(self, asked_um: int) -> int:
        """What is left of a depth by the soft limit and the pen's steps, rounded down."""
        profile = self._sim.profile
        least = profile.depth_min
        return least + (min(asked_um, SOFT_UM, profile.depth_max) - least) // profile.depth_step * profile.depth_step

    def rate_confirmed(self, asked_mhz: int) -> None:
        """The station says that the pen has this rate."""
        held = self._firmware.rate
        if self._long_up and held != asked_mhz:
            self.broken("confirmed", f"rate {asked_mhz} mHz was confirmed and the pen holds {held} mHz")

    @property
    def _long_up(self) -> bool:
        return self._firmware.clock > 1000 + self._delay_s * 1000

    # -- what the physics show

    @property
    def _lease_s(self) -> float:
        return self.seat.pen.lease_ms / 1000

    @property
    def _bound_s(self) -> float:
        """How long after permission ends the pen's own lease may keep it turning, with delays on the way."""
        return self._lease_s + self._delay_s + SLACK_S

    @property
    def _uncontrolled(self) -> bool:
        """The pen's own electronics are broken: no rule of the host can hold."""
        return bool(self._ever & {"run_away", "stop_ignored"})

    def _clean_since(self, at: float) -> bool:
        """True when nothing was wrong with link or pen around ``at`` and since."""
        return self._dirty_until <= at - self._delay_s

    def _moved(self, at: float, turning: bool) -> None:
        if not turning or self._uncontrolled or not self._sim.physics.driven:
            return
        desk = self.stack.desk(self.seat)
        if desk is not None and desk.control.run is not None:
            return
        clean = desk is not None and self._clean_since(self._granted_at)
        allowed = LOOK_S + self.seat.wire.way_s if clean else self._bound_s
        if self._loop.time() - self._granted_at > allowed:
            self.broken("granted", f"the motor started at {at:.3f} without a granted run")

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        now, sim = self._loop.time(), self._sim
        person, desk = self.seat.person, self.stack.desk(self.seat)
        if sim.faults is not self._calm:
            self._note_faults(now)
        if person is not None and person.alive_at > self._alive_at:
            self._alive_at = person.alive_at
        if desk is not None and desk.control.run is not None:
            self._granted_at = now
        # What the timers have made of it; asking for the truth would move the pen on.
        state, driven = self._firmware.state, sim.physics.driven
        self.states.add(state.name)
        if self._firmware.depth > SOFT_UM:
            self.broken("limit", f"the pen was told {self._firmware.depth} µm, above the limit of {SOFT_UM} µm")
        self._look_at_latch(now, state.latched)
        if not driven:
            self._driven_since = None
            return
        if self._driven_since is None:
            self._driven_since = now
        if not self._uncontrolled:
            self._look_at_motion(now, state)

    def _look_at_latch(self, now: float, latched: bool) -> None:
        """STOP that came through latches until a reset or a restart."""
        at = self._stop_at
        if at is None or latched or not self._clean_since(at) or now - at < self._bound_s:
            return
        if self._stop_linked and self._firmware.clock > (now - at) * 1000 * 1.05 + 100:
            self.broken("latch", f"the pen is not latched {now - at:.2f} s after STOP")

    def _look_at_motion(self, now: float, state: PenState) -> None:
        if state not in _MOVES:
            self.broken(
                "latch" if state.latched else "granted", f"the motor is driven although the pen is {state.name}"
            )
        if self._stop_at is not None:
            since, clean = now - self._stop_at, self._clean_since(self._stop_at)
            if since > (STOP_S + LOOK_S + self.seat.wire.way_s if clean else self._bound_s + LOOK_S):
                self.broken("stop", f"still driven {since:.3f} s after STOP (clean link: {clean})")
        silent = now - self._alive_at
        if silent > HEARTBEAT_S + self._lease_s / 4 + self._bound_s + LOOK_S:
            self.broken("client", f"driven although no client was alive for {silent:.2f} s")
        trouble = now - self.stack.disk.since
        if trouble > RECORD_S + self._bound_s:
            self.broken("record", f"driven {trouble:.1f} s into trouble with the record")
        unrenewed = now - self._renewed_at
        if unrenewed > self._firmware.lease_ms / 1000 * 1.05 + SLACK_S:
            self.broken("lease", f"the pen drove its motor {unrenewed:.2f} s after the last renewal")

    def _note_faults(self, now: float) -> None:
        faults = self._sim.faults
        self._dirty_until = now + LOOK_S
        for way in (faults.to_pen, faults.from_pen):
            late = way.delay + way.jitter + (4096 / way.pressure if way.pressure else 0.0)
            self._delay_s = max(self._delay_s, DELAY_S["memory"] + late if late > DELAY_S["memory"] else 0.0)
        self._delay_s = max(self._delay_s, faults.radio.delay + DELAY_S["ble"] if faults.radio.delay else 0.0)
        for name in ("run_away", "stop_ignored"):
            if getattr(faults, name):
                self._ever.add(name)

    # -- what the host hears

    def _input(self, item: PenInput) -> None:
        if isinstance(item, Telemetry):
            self._heard_at = self._loop.time()
        elif isinstance(item, Up):
            self.ups += 1
            self.heard.add("up")
        elif isinstance(item, Lost):
            self.heard.add("lost")
        elif isinstance(item, Rebooted):
            self.heard.add("rebooted")

    # -- what reaches the pen

    def _renewed(self, lease: Lease) -> None:
        """A renewal arrives."""
        now, late = self._loop.time(), self._delay_s if not self._clean_since(self._loop.time() - 1) else LOOK_S
        allowed = self._lease_s / 4 + late + SLACK_S + self.seat.wire.way_s
        if now - self._alive_at > HEARTBEAT_S + 0.1 + allowed:
            self.broken(
                "renewal", f"the lease was renewed {now - self._alive_at:.2f} s after the last sign of a client"
            )
        if now - self._heard_at > FRESH_S + allowed:
            self.broken("stale", f"the lease was renewed on data that were {now - self._heard_at:.2f} s old")
        if self._stop_at is not None and now - self._stop_at > late + self.seat.wire.way_s + SLACK_S:
            self.broken("renewal", f"the lease was renewed {now - self._stop_at:.2f} s after STOP")
        latched = self._firmware.state.latched
        self._renew(lease)
        self._renewed_at = now
        if latched and not self._firmware.state.latched:
            self.broken("latch", "a renewal left the latch of the pen")

    def _command(self, cmd: Cmd) -> None:
        """A command arrives: it is in the record, its id rises, it is not late, and START has a fresh token."""
        firmware = self._firmware
        boot, before = (firmware.boot_id, firmware.boot_at), firmware.last
        highest = self._highest.get(boot, 0)
        written = written_for(self.stack.store, cmd.cmd_id)
        if cmd.opcode in (Opcode.START, Opcode.PARK):
            self._renewed_at = self._loop.time()
        latched = firmware.state.latched
        self._take(cmd)
        if latched and not firmware.state.latched and cmd.opcode != Opcode.RESET:
            self.broken("latch", f"the command {cmd.opcode} left the latch of the pen")
        done = firmware.last
        taken = done is not None and done is not before and done.cmd_id == cmd.cmd_id
        # What was on its way while the pen restarted is written down for the boot before, and refused. A depth limit may be
        # taken all the same when a new session was opened meanwhile: it starts nothing, and the new station sends its own.
        limit = cmd.opcode == Opcode.LIMIT_DEPTH
        if not written or (taken and firmware.boot_id not in written and not limit):
            self.broken("written", f"command {cmd.cmd_id} reached the pen and is not in the record")
        if done is None or not taken:
            return
        if cmd.cmd_id <= highest:
            self.broken("ids", f"the pen took command {cmd.cmd_id} after {highest}")
        self._highest[boot] = max(highest, cmd.cmd_id)
        if done.result == Result.ACCEPTED:
            self._accepted(cmd, boot, done.token)

    def _accepted(self, cmd: Cmd, boot: tuple[int, int], token: int) -> None:
        firmware = self._firmware
        name = Opcode(cmd.opcode).name
        late = (firmware.clock - cmd.not_after) & 0xFFFFFFFF
        if cmd.opcode in TIMED and 0 < late < 0x80000000:
            self.broken("late", f"the pen did {name} {late} ms too late")
        if cmd.opcode == Opcode.RESET:
            self._stop_linked = False
        tokens = self._tokens.setdefault(boot, {})
        if cmd.opcode == Opcode.ARM:
            tokens[token] = firmware.clock
        elif cmd.opcode in (Opcode.START, Opcode.PARK):
            given = tokens.pop(cmd.argument >> 16, None)
            if given is None or firmware.clock - given > TOKEN_MS:
                self.broken("token", f"the pen did {name} without a fresh token")
            desk = self.stack.desk(self.seat)
            if cmd.opcode == Opcode.START and desk is not None and desk.control.zone and self.zone:
                problem = self._stop_at is not None and self._clean_since(self._stop_at)
                if problem and self._loop.time() - (self._stop_at or 0) > STOP_S + self.seat.wire.way_s:
                    self.broken("start", "the pen was started after STOP and before a reset")

    # -- at the end

    def settle(self) -> None:
        """After faults have ended and everything had time: what must be so then."""
        desk, truth = self.stack.desk(self.seat), self._sim.truth
        if truth.driven or truth.turning:
            self.broken("stop", "the motor still turns after the last STOP")
        if desk is None or not desk.pen.connected:
            return
        if desk.control.lane.unsettled:
            self.broken("settled", "a command is still open although the pen answers")
        rows = self.stack.rows(
            "select action, outcome from commands c join pens p on p.id = c.pen_id where p.serial = :serial and "
            "(outcome is null or outcome = 'unknown')",
            serial=self._sim.serial,
        )
        if rows:
            row = rows[0]
            self.broken("settled", f"{row['action']} is open in the record ({row['outcome']}) although the pen answers")
