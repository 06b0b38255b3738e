"""The body of the simulated pen: stroke motor, depth drive, battery, heat, and the hand that holds it.

Everything is closed-form between changes, so a step costs the same whether it spans 1 ms or an hour. The model knows
nothing of the wire and nothing of what the firmware believes. Time in ms of the simulation, rate in mHz, depth in µm,
current in mA, temperature in °C.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import cos, exp, floor, inf, log, pi
from typing import Final, NamedTuple

from .faults import CALM, Faults
from .profile import Profile

_OFF: Final = 0.0
_HAND_DELAY: Final = (150.0, 450.0)
_HAND_ON: Final = (2000.0, 6000.0)
_HAND_OFF: Final = (300.0, 1100.0)
_HAND_LOAD: Final = (0.6, 1.4)
_MS_PER_H: Final = 3_600_000.0
PARK_MHZ: Final = 2000.0
"""A geared turn to a dead centre: half a second for a whole stroke."""
STROKE_UM: Final = 3000.0
"""How far the crank moves the needle."""


class Reading(NamedTuple):
    """What the pen's own sensors say: µm, mHz, mA."""

    depth: int
    rate: int
    current: int
    contact: bool


class Physics:
    """State at ``now`` ms; call :meth:`advance` before reading anything.

    ``on_motion(ms, turning)`` is called at the very ms (a fraction is possible) at which the needle begins or ceases
    to move, in order.
    """

    def __init__(self, profile: Profile, *, seed: int = 0, hand: bool = True) -> None:
        self.profile = profile
        self.now = 0.0
        self.rate = 0.0
        self.turning = False
        self.still_since: float | None = 0.0
        self.strokes = 0.0
        self.charge = profile.battery.charge
        self.temperature = profile.heat.ambient
        self.contact = False
        self.touched_ms = 0.0
        """ms for which the moving needle was in contact."""
        self.on_motion: Callable[[float, bool], None] | None = None
        self._motor, self._heat, self._actuator = profile.motor, profile.heat, profile.actuator
        self._random = random.Random(f"hand {seed}")
        self._noise = random.Random(f"noise {seed}").random
        self._hand = hand
        self._pressed: float | None = None
        self._load = 0.0
        self._hand_change = inf
        self._wanted = _OFF
        self._drive = _OFF
        self._goal = 0.0
        self._tau = 1.0
        self._current = (0.0, 0.0)
        self._zero_at = inf
        self._park_goal: float | None = None
        self._park_at = inf
        self._spindle = float(profile.depth_min)
        self._slide = self._spindle
        self._depth_goal = self._spindle
        self._faults = CALM
        self._frozen: Reading | None = None
        self._counter = 0

    # -- what the firmware does ------------------------------------------------------------------------------------

    def drive(self, rate: int) -> None:
        """Drive the stroke motor towards ``rate`` mHz; 0 lets it run down."""
        self._wanted = float(rate)
        if rate and not self._drive and self._faults.no_start:
            return
        if not rate and self._drive and self._faults.run_away:
            return
        self._park_goal = None
        self._set_drive(float(rate))

    def cut(self) -> None:
        """Open the motor's supply, as the STOP line does."""
        self._wanted = _OFF
        if not self._faults.stop_ignored:
            self._set_drive(_OFF)

    def move_depth(self, target: int) -> None:
        """Slew the depth drive to ``target`` µm."""
        self._depth_goal = float(target)

    def halt_depth(self) -> None:
        """Hold the depth drive where it is."""
        self._depth_goal = self._spindle

    def park(self, bottom: bool) -> None:
        """Turn the crank slowly, forward and by less than one stroke, to its bottom or top dead centre."""
        goal = floor(self.strokes) + (0.5 if bottom else 0.0)
        if goal < self.strokes - 1e-6:
            goal += 1.0
        if goal - self.strokes <= 1e-6:
            self.strokes = goal
            return
        self._park_goal = goal
        self._wanted = PARK_MHZ
        if not self._faults.no_start:
            self._set_drive(PARK_MHZ)

    @property
    def parking(self) -> bool:
        """True until the crank has come to the dead centre that it is to turn to."""
        return self._park_goal is not None

    @property
    def depth_moving(self) -> bool:
        """True while the depth drive has a way to go."""
        return self._spindle != self._depth_goal

    @property
    def depth_stuck(self) -> bool:
        """The depth drive's own step-loss signal."""
        return self._faults.stuck_actuator and self.depth_moving

    # -- what a person or a test does ------------------------------------------------------------------------------

    def press(self, load: float | None) -> None:
        """Hold the pen on something with ``load`` (1.0 is usual skin) until further notice; None gives it back."""
        self._pressed = load
        if load is not None:
            self.contact, self._load, self._hand_change = load > 0, load, inf
        else:
            self._release()
        self._solve()

    def set_faults(self, faults: Faults) -> None:
        """Replace the faults; those of the wire are not looked at."""
        if faults.frozen_sensor and not self._faults.frozen_sensor:
            self._frozen = self.read()
        elif not faults.frozen_sensor:
            self._frozen = None
        before, self._faults = self._faults, faults
        if faults.lying_counter and not before.lying_counter:
            self._counter = int(self.strokes)
        if faults.flat_battery:
            self.charge = min(self.charge, 0.01)
        elif before.flat_battery:
            self.charge = self.profile.battery.charge
        if faults.hot:
            self.temperature = max(self.temperature, 75.0)
        released = (before.run_away and not faults.run_away) or (before.stop_ignored and not faults.stop_ignored)
        if (released and not self._wanted) or (before.no_start and not faults.no_start):
            self._set_drive(self._wanted)
        self._solve()

    # -- what happens ----------------------------------------------------------------------------------------------

    def advance(self, to: float) -> None:
        """Go on to ``to`` ms; never back."""
        while True:
            change = self._zero_at if self._zero_at < self._hand_change else self._hand_change
            change = min(change, self._park_at)
            if change > to:
                if to > self.now:
                    self._step(to)
                return
            if change > self.now:
                self._step(change)
            if self._park_at <= self.now:
                self._come_to_park()
            if self._zero_at <= self.now:
                self._come_to_rest()
            if self._hand_change <= self.now:
                self._move_hand()

    @property
    def next_change(self) -> float:
        """ms of the next change that comes by itself, infinite when there is none."""
        return min(self._zero_at, self._hand_change, self._park_at)

    def _step(self, to: float) -> None:
        """Closed form from ``now`` to ``to``, between which no input changes."""
        span = to - self.now
        self.now = to
        mean = 0.0
        if self.turning or self._drive:
            if self.contact:
                self.touched_ms += span
            goal, tau = self._goal, self._tau
            gap = self.rate - goal
            decay = exp(-span / tau)
            turned = goal * span + gap * tau * (1.0 - decay)
            self.rate = goal + gap * decay
            if self.rate < 0.0:
                self.rate = 0.0
            if turned > 0.0:
                self.strokes += turned / 1e6
                mean = turned / span
            else:
                mean = self.rate
        if self._depth_goal != self._spindle and not self._faults.stuck_actuator:
            self._slew(span)
        base, slope = self._current
        current = max(0.0, base + slope * mean) if self._drive else 0.0
        heat = self._heat
        hot = heat.ambient + heat.rise_per_a2 * current * current * 1e-6
        if self._faults.hot:
            hot = 75.0
        self.temperature = hot + (self.temperature - hot) * exp(-span / (heat.time_constant_s * 1000.0))
        # 25 mA: the electronics of the pen itself.
        self.charge -= (current + 25.0) * span / (self.profile.battery.capacity_mah * _MS_PER_H)
        if self.charge < 0.0:
            self.charge = 0.0

    def _slew(self, span: float) -> None:
        way = self._actuator.slew_um_s * span / 1000.0
        gap = self._depth_goal - self._spindle
        self._spindle = self._depth_goal if abs(gap) <= way else self._spindle + (way if gap > 0 else -way)
        play = self._actuator.backlash_um / 2
        self._slide = min(max(self._slide, self._spindle - play), self._spindle + play)

    def _set_drive(self, rate: float) -> None:
        if not rate:
            self._park_goal, self._park_at = None, inf
        if rate == self._drive:
            return
        began, self._drive = not self._drive, rate
        if self._pressed is None:
            if not rate:
                self._release()
            elif began and self._hand and self._park_goal is None:
                self._hand_change = self.now + self._random.uniform(*_HAND_DELAY)
        self._solve()

    def _release(self) -> None:
        self.contact, self._load, self._hand_change = False, 0.0, inf

    def _move_hand(self) -> None:
        self.contact = not self.contact
        self._load = self._random.uniform(*_HAND_LOAD) if self.contact else 0.0
        self._hand_change = self.now + self._random.uniform(*(_HAND_ON if self.contact else _HAND_OFF))
        self._solve()

    @property
    def jammed(self) -> bool:
        """True when the load is more than the motor can turn."""
        return self._faults.stall or self._load >= self._motor.stall_load

    def _solve(self) -> None:
        """Coefficients until the next change: where the rate tends to, how fast, and the current as a line in it."""
        motor = self._motor
        self._park_at = inf
        if self._park_goal is not None and self._drive and not self.jammed:
            self._turn_to_park(self._park_goal)
            return
        if self._drive and not self.jammed:
            # A tired cell cannot hold the fastest rate: 3.4 V turn the motor at rate_max without load.
            ceiling = self.profile.rate_max * max(0.0, self.open_voltage() / 3400.0)
            self._goal = min(self._drive * motor.clock_gain, ceiling) * (1.0 - motor.droop * self._load)
            self._tau = motor.run_up_ms
            free = motor.idle_ma + motor.load_ma * self._load
            # Inrush falls in proportion to the missing speed; an undriven overshoot draws nothing more.
            slope = motor.speed_ma / 1000.0 - motor.inrush_ma / self._goal
            self._current = (free + motor.inrush_ma, slope)
            self._zero_at = inf
            if not self.turning:
                self._moves(True)
            return
        self._goal = -motor.friction_mhz * (1.0 + self._load)
        self._tau = motor.run_down_ms / (6.0 if self._faults.stall else 1.0)
        self._current = (motor.stall_ma, 0.0) if self._drive else (0.0, 0.0)
        self._zero_at = self.now + self._tau * log((self.rate - self._goal) / -self._goal) if self.turning else inf

    def _turn_to_park(self, goal: float) -> None:
        self.rate = self._goal = self._drive
        self._tau = 1.0
        self._current = (self._motor.idle_ma, 0.0)
        self._zero_at = inf
        if not self._faults.run_away:
            self._park_at = self.now + (goal - self.strokes) * 1e6 / self._drive
        if not self.turning:
            self._moves(True)

    def _come_to_park(self) -> None:
        """The crank is held by its gear: no running down."""
        assert self._park_goal is not None
        self.strokes, self._park_goal, self._park_at = self._park_goal, None, inf
        self._wanted = self._drive = _OFF
        self.rate, self._zero_at = 0.0, inf
        self._current = (0.0, 0.0)
        self._moves(False)

    def _come_to_rest(self) -> None:
        self.rate = 0.0
        self._zero_at = inf
        self._moves(False)

    def _moves(self, turning: bool) -> None:
        self.turning = turning
        self.still_since = None if turning else self.now
        if self.on_motion is not None:
            self.on_motion(self.now, turning)

    # -- what can be known -----------------------------------------------------------------------------------------

    @property
    def depth(self) -> float:
        """True needle protrusion in µm, which no sensor in the pen can see."""
        drive = self._actuator
        part = self._slide / self.profile.depth_max
        bow = drive.bow_um * 4.0 * part * (1.0 - part)
        drift = drive.drift_um_per_million * self.strokes * 1e-6
        return max(0.0, self._slide * drive.gain + drive.offset_um + bow + drift)

    @property
    def tip(self) -> float:
        """Where the needle tips really are, µm beyond the rim (negative: within): what a gauge at the pen can see."""
        return self.depth - STROKE_UM * (1.0 + cos(2.0 * pi * self.strokes)) / 2.0

    @property
    def driven(self) -> bool:
        """True when the motor really has current, whatever the firmware believes."""
        return bool(self._drive)

    def current(self) -> float:
        """Motor current in mA."""
        if not self._drive:
            return 0.0
        base, slope = self._current
        return max(0.0, base + slope * self.rate)

    def open_voltage(self) -> float:
        """Battery voltage in mV without load: a line over most of the charge, and the knee of a Li-ion cell."""
        if self.charge >= 0.1:
            return 3500.0 + 700.0 * self.charge
        return 2800.0 + 7700.0 * self.charge

    def battery_mv(self) -> int:
        """Battery voltage in mV under the load of this moment."""
        return int(self.open_voltage() - (self.current() + 25.0) * self.profile.battery.resistance_mohm / 1000.0)

    def counter(self) -> int:
        """The stroke counter, with its lies."""
        return self._counter if self._faults.lying_counter else int(self.strokes)

    def read(self) -> Reading:
        """What the sensors say now, with their noise and their lies."""
        if self._frozen is not None:
            return self._frozen
        faults = self._faults
        depth = int(self._slide + faults.lying_sensor + 0.5)
        rate = self.rate / self._motor.clock_gain
        rate = 0 if faults.lying_rate or not self.turning else int(rate + 300.0 * (self._noise() - 0.5))
        current = int(self.current() + 6.0 * (self._noise() - 0.5)) if self._drive else 0
        if faults.lying_current:
            current = 0
        return Reading(max(0, depth), max(0, rate), max(0, current), self.contact)
