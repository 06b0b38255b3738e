"""The state machine inside the simulated pen: who may turn the motor, for how long, and what takes that right away.

Time is the simulation's ms. Nothing here knows bytes; what is to be told goes into the outbox.
"""

from __future__ import annotations

import random
from typing import Final

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink.messages import EventMessage, Opcode, ResultMessage

from .outbox import Outbox
from .physics import Physics
from .profile import CartridgeData, Profile
from .watch import Watch

NEVER: Final = 1 << 62
ARMED_MS: Final = 10_000
INDICATE_MS: Final = 2_000
STILL_MHZ: Final = 500
STILL_MA: Final = 20

(BOOT, LEASE, RUN, PAUSE, ARMED, TEST, BUTTON, TELEMETRY, STATUS, VITALS) = range(10)
"""Timers, in the order in which they are served when several are due in one ms."""


class Machine:
    """State, grants and latches. ``at`` holds the ms at which each timer is due; ``now`` is the present ms."""

    def __init__(self, profile: Profile, physics: Physics, cartridge: CartridgeData, out: Outbox) -> None:
        self.profile = profile
        self.physics = physics
        self.cartridge: CartridgeData | None = cartridge
        self.ran_with_cartridge = False
        self.period = 1000 // profile.telemetry_hz
        self.at = [NEVER] * 10
        self.now = 0
        self.indicated = 0
        """How often it was asked to show itself."""
        self._shows_until = -1
        self.restart(out, random.Random(0))

    def restart(self, out: Outbox, chance: random.Random) -> None:
        """Forget everything that lives in RAM and take the motor's current away."""
        self.physics.drive(0)
        self.physics.halt_depth()
        self.random = chance
        self.out = out
        self.boot_at = self.now
        self.state = PenState.BOOT
        self.faults = 0
        self.session = False
        self.session_limit = self.profile.depth_max
        self.last_cmd_id = 0
        self.last: ResultMessage | None = None
        self.depth, self.rate = self.profile.depth_min, self.profile.rate_min
        self.token = 0
        self.lease_ms = self.profile.lease_min
        self.lease_counter: int | None = None
        self.run_left = 0
        self.watch = Watch(self.profile, self.period)
        self._test_id = 0
        self._events = 0
        self.at[:] = [NEVER] * len(self.at)

    @property
    def clock(self) -> int:
        """The pen's own clock: ms since boot, 32 bits."""
        return (self.now - self.boot_at) & 0xFFFFFFFF

    # -- state -----------------------------------------------------------------------------------------------------

    def enter(self, state: PenState) -> None:
        """Take a state in which no run is granted."""
        self.state = state
        self.token = 0
        at = self.at
        at[LEASE] = at[RUN] = at[PAUSE] = at[ARMED] = NEVER
        self.out.status = True

    def latch(self, state: PenState) -> None:
        """Take a state that only RESET leaves."""
        self.enter(state)
        self.cancel_test()

    def cancel_test(self) -> None:
        """End a running self-test early."""
        if self.at[TEST] != NEVER:
            self.at[TEST] = NEVER
            self.finish_test(Result.CANCELLED, Reason.NONE)

    @property
    def testing(self) -> bool:
        """True while the self-test runs."""
        return self.at[TEST] != NEVER

    def begin_test(self, duration: int) -> None:
        """Start the self-test, which ends by itself after ``duration`` ms."""
        self._test_id = self.last_cmd_id
        self.at[TEST] = self.now + duration

    def disarm(self) -> None:
        """Take the token back; a paused run stays paused."""
        self.token = 0
        self.at[ARMED] = NEVER
        if self.state is PenState.ARMED:
            self.enter(PenState.IDLE)

    def finish_test(self, result: Result, reason: Reason) -> None:
        """Give the self-test's second RESULT, which also becomes the stored one."""
        self.out.status = True
        done = ResultMessage(self._test_id, Opcode.SELF_TEST, result, reason, 0, 0)
        if self.last_cmd_id == self._test_id:
            self.last = done
        self.out.first.append(done)

    def show_itself(self) -> None:
        """Blink and buzz for two seconds."""
        self.indicated += 1
        self._shows_until = self.now + INDICATE_MS

    @property
    def indicating(self) -> bool:
        """True while it blinks and buzzes."""
        return self.now < self._shows_until

    def arm(self, lease_ms: int) -> int:
        """Hand out a one-use token; from PAUSED the paused run is kept."""
        self.lease_ms = lease_ms
        self.token = self.random.randrange(1, 1 << 16)
        self.at[ARMED] = self.now + ARMED_MS
        if self.state is not PenState.PAUSED:
            self.state = PenState.ARMED
        return self.token

    def start(self, run_ms: int) -> int:
        """Grant a run, or go on with the paused one for what is left of it at most; gives the ms granted."""
        self.token = 0
        self.at[ARMED] = NEVER
        paused = self.state is PenState.PAUSED
        self.run_left = min(run_ms, self.run_left if paused else self.profile.run_max)
        self.lease_counter = None
        self.at[LEASE] = self.now + self.lease_ms
        self.resume()
        return self.run_left

    def resume(self) -> None:
        """Turn the motor for what is left of the granted run."""
        if self.state is PenState.PAUSED:
            self.event(EventCode.RESUMED)
        self.state = PenState.RUNNING
        self.token = 0
        self.at[ARMED] = self.at[PAUSE] = NEVER
        self.at[RUN] = self.now + self.run_left
        self.watch.begin_run()
        self.physics.move_depth(self.depth)
        self.physics.drive(self.rate)
        self.ran_with_cartridge = True
        self.out.status = True

    def pause(self) -> None:
        """Let the motor run down and keep the run; the lease goes on."""
        self.run_left = self.at[RUN] - self.now
        self.state = PenState.PAUSED
        self.at[RUN] = NEVER
        self.at[PAUSE] = self.now + self.profile.pause_max
        self.physics.drive(0)
        self.event(EventCode.PAUSED)
        self.out.status = True

    def end(self) -> None:
        """Give the run back."""
        self.physics.drive(0)
        self.enter(PenState.IDLE)

    def end_lease(self) -> None:
        """The right to turn is gone: a granted run latches, an armed pen disarms."""
        if self.state in (PenState.RUNNING, PenState.PAUSED):
            self.physics.drive(0)
            self.latch(PenState.LEASE_EXPIRED)
            self.event(EventCode.LEASE_EXPIRED)
        elif self.state is PenState.ARMED:
            self.enter(PenState.IDLE)

    def raise_fault(self, fault: Fault) -> None:
        """Latch a fault: motor off, EVENT. Another latch that is already there keeps its name."""
        if self.faults & 1 << fault:
            return
        self.faults |= 1 << fault
        self.physics.drive(0)
        self.physics.halt_depth()
        self.latch(self.state if self.state.latched else PenState.FAULT)
        self.event(EventCode.FAULT_RAISED, fault)

    def still(self) -> bool:
        """As far as the pen's own sensors can tell, nothing turns."""
        reading = self.physics.read()
        return reading.rate < STILL_MHZ and reading.current < STILL_MA

    @property
    def depth_limit(self) -> int:
        """µm; the least of the pen's, the session's and the cartridge's limit."""
        own = min(self.profile.depth_max, self.session_limit)
        limit = self.cartridge.depth_max_um if self.cartridge else 0
        return min(own, limit) if limit else own

    def event(self, code: EventCode, argument: int = 0) -> None:
        """Queue an EVENT; before a session is open nobody is told."""
        if self.session:
            self._events += 1
            self.out.rest.append(EventMessage(self._events & 0xFF, code, self.clock, argument))
