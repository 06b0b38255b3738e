"""A simulated pen on the running loop's clock: firmware over physics, with one timer for whatever comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from drivers.api import PenState

from .faults import CALM, MOMENTS, FaultPlan, Faults, RadioFaults, TimedFault, changed
from .firmware import Firmware
from .line import Line
from .nvm import Nvm
from .physics import Physics
from .profile import CartridgeData, Profile, load_profile

REBOOT_MS: Final = 80
BROWN_OUT_MA: Final = 420.0
"""Motor current at which a supply that is too weak breaks down; a motor that runs up takes more, a running one less."""
_EARLY_MS: Final = 0.001
"""A loop may call a timer so much before its time; without it a tick would come one ms too soon and do nothing."""


class Radio(Protocol):
    """The radio of a pen, as far as the rest of the pen has to tell it something."""

    def set_faults(self, faults: RadioFaults) -> None:
        """Take over what is wrong from now on."""

    def happen(self, moment: str) -> None:
        """One of :data:`~simulator.faults.MOMENTS` is there."""


class Truth(NamedTuple):
    """What is really so, whatever the pen reports. mHz, µm, mA, °C, %."""

    rate_mhz: float
    depth_um: float
    tip_um: float
    turning: bool
    driven: bool
    contact: bool
    current_ma: float
    temperature: float
    battery: float
    strokes: float
    state: PenState
    indicating: bool = False


class SimulatedPen:
    """A pen that is not there; must be made while a loop runs, and takes its time from that loop only.

    Args:
        profile: a :class:`Profile` or the name of a shipped one.
        seed: decides serial numbers, boot ids, tokens, the hand, noise and the wire's faults.
        faults: what is wrong from the beginning, or a plan with faults that come and go.
        nvm: memory that outlasts the pen; hand the same one to the next pen to simulate a power cycle.
        hand: press the pen on skin while it turns, about 85 % of the time.

    ``on_motion(loop_time, turning)`` is called for every begin and end of real motion.
    Raises :class:`~simulator.profile.ProfileError` for an unknown profile.
    """

    def __init__(
        self,
        profile: Profile | str = "reference",
        *,
        seed: int = 0,
        faults: Faults | FaultPlan | None = None,
        nvm: Nvm | None = None,
        hand: bool = True,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.seed = seed
        self.profile = load_profile(profile) if isinstance(profile, str) else profile
        self.faults = CALM
        self.on_motion: Callable[[float, bool], None] | None = None
        self.physics = Physics(self.profile, seed=seed, hand=hand)
        self.physics.on_motion = self._moved
        self._lines: list[Line] = []
        self._radio: Radio | None = None
        self._start = self.loop.time()
        self._fast = 1.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._cartridges = 1
        self.nvm = nvm or Nvm()
        self.firmware = Firmware(self.profile, self.physics, self.nvm, self._transmit, seed=seed)
        plan = faults if isinstance(faults, FaultPlan) else FaultPlan(faults or CALM)
        self._always = plan.always.lasting
        self._timed: list[TimedFault] = []
        self._handles = [self._plan(fault) for fault in plan.timed]
        self._apply()

    # -- time ------------------------------------------------------------------------------------------------------

    def _ms(self) -> float:
        return (self.loop.time() - self._start) * 1000.0 * self._fast + _EARLY_MS

    def _loop_time(self, ms: float) -> float:
        return self._start + ms / 1000.0 / self._fast

    def _drift(self, part: float) -> None:
        """Let the pen's clock go ``part`` too fast from this instant on."""
        now, ms = self.loop.time(), (self.loop.time() - self._start) * 1000.0 * self._fast
        self._fast = 1.0 + part
        self._start = now - ms / 1000.0 / self._fast

    def _catch_up(self) -> int:
        """Bring physics to this instant and give the firmware's ms."""
        now = self._ms()
        self.firmware.tick(int(now))
        self.physics.advance(now)
        return int(now)

    def _on_timer(self) -> None:
        self._timer = None
        self._catch_up()
        if self.faults.brown_out and self.physics.current() > BROWN_OUT_MA:
            self.reboot()
        self._schedule()

    def _schedule(self) -> None:
        if self._closed:
            return
        due = min(self.firmware.next_due, self.physics.next_change)
        when = self._loop_time(due)
        if self._timer is not None:
            # An earlier timer is left in place: waking once for nothing costs less than a cancelled timer each time.
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(when, self._on_timer)

    def close(self) -> None:
        """Switch the simulation off: no timer is left, every line is unplugged."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for handle in self._handles:
            handle.cancel()
        for line in tuple(self._lines):
            line.unplug("the simulated pen was switched off")

    # -- the wire --------------------------------------------------------------------------------------------------

    def line(self, baud: int | None = None, *, connection: bool = False) -> Line:
        """A new wire to this pen, not paced unless a baud rate is given."""
        return Line(self, baud, connection=connection)

    def add_line(self, line: Line) -> None:
        """Let ``line`` hear what the pen says."""
        if line not in self._lines:
            self._lines.append(line)

    def remove_line(self, line: Line) -> None:
        """The opposite of :meth:`add_line`."""
        if line in self._lines:
            self._lines.remove(line)

    def attach_radio(self, radio: Radio) -> None:
        """Tell ``radio`` what happens to the pen, its faults first."""
        self._radio = radio
        radio.set_faults(self.faults.radio)

    def status(self) -> bytes:
        """The present STATUS as one frame, COBS and closing zero included: what reading it over the air gives."""
        self._catch_up()
        return self.firmware.status_frame()

    def receive(self, data: bytes) -> None:
        """Bytes that have reached the pen."""
        if self._closed:
            return
        self.firmware.receive(data, int(self._ms()))
        self._schedule()

    def stop(self) -> None:
        """STOP by another way than a line (a second connection)."""
        self._catch_up()
        self.firmware.stop()
        self._schedule()

    def link_down(self) -> None:
        """The wire reports that the host has gone."""
        if not self._closed:
            self.firmware.link_down(self._catch_up())
            self._schedule()

    def _transmit(self, data: bytes) -> None:
        for line in self._lines:
            line.send(data)

    # -- the truth -------------------------------------------------------------------------------------------------

    @property
    def serial(self) -> str:
        """Serial number, as HELLO gives it."""
        return self.firmware.serial

    @property
    def truth(self) -> Truth:
        """What is really so at this instant."""
        self._catch_up()
        body = self.physics
        return Truth(
            rate_mhz=body.rate,
            depth_um=body.depth,
            tip_um=body.tip,
            turning=body.turning,
            driven=body.driven,
            contact=body.contact,
            current_ma=body.current(),
            temperature=body.temperature,
            battery=body.charge * 100.0,
            strokes=body.strokes,
            state=self.firmware.state,
            indicating=self.firmware.indicating,
        )

    @property
    def still_since(self) -> float | None:
        """Loop time since which the needle does not move; None while it does."""
        self._catch_up()
        since = self.physics.still_since
        return None if since is None else self._loop_time(since)

    def _moved(self, ms: float, turning: bool) -> None:
        if self.on_motion is not None:
            self.on_motion(self._loop_time(ms), turning)

    # -- hands -----------------------------------------------------------------------------------------------------

    def press_button(self) -> None:
        """Press the pen's button briefly. Raises ``ValueError`` when this model has none."""
        if not self.profile.button:
            raise ValueError(f"The {self.profile.name} pen has no button.")
        self.firmware.press_button(self._catch_up())
        self._schedule()

    def footswitch(self, down: bool) -> None:
        """Step on the footswitch or off it. Raises ``ValueError`` when this model has none."""
        if not self.profile.footswitch:
            raise ValueError(f"The {self.profile.name} pen has no footswitch.")
        self.firmware.footswitch(down, self._catch_up())
        self._schedule()

    def press(self, load: float | None) -> None:
        """Press the pen on something: 0 is air, 1 usual skin; None gives it back to the seeded hand."""
        self._catch_up()
        self.physics.press(load)
        self._schedule()

    def insert_cartridge(self, cartridge: CartridgeData | None = None) -> None:
        """Plug in ``cartridge``, or a fresh one of the profile's type with a serial number of its own."""
        if cartridge is None:
            self._cartridges += 1
            serial = f"C{self.seed % 10_000:04d}-{self._cartridges}"
            cartridge = self.profile.cartridge.model_copy(update={"serial": serial})
        self.firmware.change_cartridge(cartridge, self._catch_up())
        self._schedule()

    def remove_cartridge(self) -> CartridgeData | None:
        """Pull the cartridge out and give it; one that was run with is marked used."""
        taken = self.firmware.cartridge
        if taken is not None and self.firmware.ran_with_cartridge:
            taken = taken.model_copy(update={"used": True})
        self.firmware.change_cartridge(None, self._catch_up())
        self._schedule()
        return taken

    def reboot(self) -> None:
        """Take the power away for a moment: RAM is lost, HELLO follows after 80 ms."""
        self.firmware.power_on(self._catch_up(), REBOOT_MS)
        self._schedule()
        if self._radio is not None:
            self._radio.happen("reboot")

    # -- faults ----------------------------------------------------------------------------------------------------

    @property
    def on_air(self) -> bool:
        """True when it has a radio."""
        return self._radio is not None

    def set_faults(self, faults: Faults | None = None, **values: Any) -> None:
        """Replace the lasting faults by ``faults`` if given, then change single ones by name.

        Names are those of the fault texts; a dot is written as two underscores: ``to_pen__drop=0.1``. Raises
        :class:`~simulator.faults.FaultError`.
        """
        base = self._always if faults is None else faults
        wanted = changed(base, {name.replace("__", "."): value for name, value in values.items()})
        self._always = wanted.lasting
        self._apply()
        for moment in wanted.moments:
            self._happen(moment)

    def clear_faults(self) -> None:
        """Mend everything, and forget faults that are still to come."""
        for handle in self._handles:
            handle.cancel()
        self._timed.clear()
        self.set_faults(CALM)

    def _plan(self, fault: TimedFault) -> asyncio.TimerHandle:
        return self.loop.call_at(self._start + fault.start, self.begin, fault)

    def _happen(self, moment: str) -> None:
        if moment == "reboot":
            self.reboot()
        elif moment == "nvm_damage":
            self.nvm.damage()
        elif moment == "forget_limit":
            self.firmware.forget_limit(self._catch_up())
        elif self._radio is not None:
            self._radio.happen(moment)

    def begin(self, fault: TimedFault) -> None:
        """Let ``fault`` begin now, whatever its ``start``; it ends after its duration, or by :meth:`end`."""
        for moment in MOMENTS:
            if fault.values.get(moment):
                self._happen(moment)
                return
        self._timed.append(fault)
        if fault.duration is not None:
            self._handles.append(self.loop.call_later(fault.duration, self.end, fault))
        self._apply()

    def end(self, fault: TimedFault) -> None:
        """Let ``fault`` be over."""
        if any(one is fault for one in self._timed):
            self._timed = [one for one in self._timed if one is not fault]
            self._apply()

    def _apply(self) -> None:
        now = self._always
        for fault in self._timed:
            now = changed(now, fault.values)
        self._catch_up()
        if now.clock_drift != self.faults.clock_drift:
            self._drift(now.clock_drift)
        self.faults = now
        self.physics.set_faults(now)
        self.firmware.protocol = now.protocol
        for line in self._lines:
            line.set_faults(now)
        if self._radio is not None:
            self._radio.set_faults(now.radio)
        self._schedule()
