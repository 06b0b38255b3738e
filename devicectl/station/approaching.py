"""Driving a pen to a set-point of a calibration so that it can be read: from its side, at rest, parked or having run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from devicectl.calibration.process import Place
from devicectl.calibration.quantities import Measurand
from devicectl.control.events import ControlEvent, RunGranted
from devicectl.control.motion import Motion
from devicectl.control.parking import ParkSheet
from drivers.api import Confirmed, Outcome

from .client_api import StationError

if TYPE_CHECKING:
    from .desk import Desk

REST_S: Final = 0.4
"""The depth stands when its samples of so long differ by at most :data:`REST_UM`."""
REST_UM: Final = 10
REST_MAX_S: Final = 6.0
LOOK_S: Final = 0.02
GATES_S: Final = 2.0


@dataclass(slots=True)
class Approach:
    """The step that the pen was driven to. ``ran``: it has run at this setpoint since."""

    measurand: Measurand
    round: int
    step: int
    stand: str
    depth_um: int | None
    rate_mhz: int | None
    at: float
    generation: int
    ran: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What driving to a step came to: ``sheet`` where the needle is to be parked."""

    place: Place | None
    reseat: bool
    stand: str
    sheet: ParkSheet | None
    text: str


def refuse(text: str, code: str = "calibration") -> StationError:
    """A refusal in one sentence."""
    return StationError(text, code)


def milli(value: float) -> int:
    """mm or Hz as the pen takes it: µm or mHz."""
    return round(value * 1000)


class Approaching:
    """One desk's approaches. ``current`` is the step that the pen was driven to last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.current: Approach | None = None
        desk.control.listen(self._event)

    def _event(self, event: ControlEvent) -> None:
        approach = self.current
        if isinstance(event, RunGranted) and approach is not None and approach.stand == "run":
            depth = approach.depth_um is None or event.depth_um == approach.depth_um
            approach.ran = approach.ran or (depth and event.rate_mhz == approach.rate_mhz)

    async def drive(self, place: Place, round: int) -> Prepared:
        """Drive to a step from its side, and offer to park the needle. Raises :class:`StationError`."""
        measurand, step = place.series.measurand, place.step
        self.current = None
        control = self._desk.control
        if control.latched:
            raise refuse("The pen is stopped and latched; reset it first.", "latched")
        depth_um = rate_mhz = None
        if measurand.is_rate:
            rate_mhz = await self._rate(step.via, step.set_to)
        else:
            depth_um = await self._depth(step.via, step.set_to)
            if measurand is Measurand.DYNAMIC and place.series.rate_hz is not None:
                rate_mhz = await self._rate(place.series.rate_hz)
        caps = control.capabilities
        stand = "run" if measurand.needs_motor else "park" if caps is not None and caps.can_park else "hand"
        self.current = Approach(
            measurand,
            round,
            step.index,
            stand,
            depth_um,
            rate_mhz,
            control.loop.time(),
            control.stop_generation,
        )
        sheet: ParkSheet | None = None
        if stand == "park":
            await self._gates_open()
            offered = self._desk.parking.offer(bottom=True)
            if not isinstance(offered, ParkSheet):
                raise refuse(offered, "cannot-park")
            sheet = offered
        return Prepared(place, False, stand, sheet, _STANDS[stand])

    async def _gates_open(self) -> None:
        """Give gates that open by themselves their time; what then is shut stands on the sheet."""
        control = self._desk.control
        until = control.loop.time() + GATES_S
        while control.loop.time() < until and not all(gate.passed for gate in control.gates()):
            await asyncio.sleep(LOOK_S)

    async def _set(self, act: Any, milli: int, name: str, *, exact: bool = True) -> int:
        outcome, _ = await act(milli, lower=not exact)
        if not isinstance(outcome, Confirmed):
            raise refuse(f"The pen was not set to this {name}: {words_of(outcome)}", "not-set")
        if exact and outcome.applied != milli:
            raise refuse(f"The pen took another {name} than was asked for; look at its limits.", "not-set")
        return milli

    async def _depth(self, via: float, set_to: float) -> int:
        for value in (via, set_to):
            # Where an approach begins need not lie on the pen's steps.
            await self._set(self._desk.intents.set_depth, milli(value), "depth", exact=value == set_to)
            await self._rest()
        return milli(set_to)

    async def _rate(self, *values: float) -> int:
        last = 0
        for value in values:
            last = await self._set(self._desk.intents.set_rate, milli(value), "rate", exact=value == values[-1])
        return last

    async def _rest(self) -> None:
        """Until the depth drive has come to rest at its target."""
        control = self._desk.control
        began = control.loop.time()
        generation = control.stop_generation
        seen: list[tuple[float, int]] = []
        while True:
            now = control.loop.time()
            if control.stop_generation != generation:
                raise refuse("STOP came in between; reset, then ask for the step again.", "stopped")
            sample = control.motion.sample
            if sample is not None and sample.at >= began and (not seen or sample.at > seen[-1][0]):
                seen = [one for one in seen if sample.at - one[0] <= REST_S + LOOK_S] + [(sample.at, sample.depth_um)]
            depths = [depth for _, depth in seen]
            rests = seen and seen[-1][0] - seen[0][0] >= REST_S and max(depths) - min(depths) <= REST_UM
            if rests and control.arrival.shortfall(sample, now) is None:
                return
            if now - began > REST_MAX_S:
                short = control.arrival.shortfall(sample, now)
                why = "it does not come to rest" if short is None else short.text
                raise refuse(f"The depth is not where it was set: {why}", "not-arrived")
            await asyncio.sleep(LOOK_S)

    def check(self, place: Place, round: int) -> None:
        """Raises :class:`StationError` unless the pen stands where, or has run as, this step wants it."""
        approach, control = self.current, self._desk.control
        expected = (place.series.measurand, round, place.step.index)
        if approach is None or (approach.measurand, approach.round, approach.step) != expected:
            raise refuse("The pen has not been driven to this step; ask for the step first.", "not-approached")
        if control.stop_generation != approach.generation:
            raise refuse("STOP came in between; reset, then ask for the step again.", "stopped")
        back = control.readback
        if back is None or (approach.depth_um is not None and back.depth_um != approach.depth_um):
            raise refuse("Another depth was set in between; ask for the step again.", "not-approached")
        if approach.stand == "park" and control.parked_at < approach.at:
            raise refuse("The needle was not parked at this set-point; park it first.", "not-parked")
        if approach.stand == "run" and not approach.ran:
            raise refuse("The pen has not run at this set-point yet; start it first.", "not-run")
        if approach.stand != "run" and control.motion.at(control.loop.time()) is not Motion.STILL:
            raise refuse("The pen is not confirmed still; wait until it is.", "not-still")


_STANDS: Final = {
    "park": "Park the needle at bottom dead centre, then read.",
    "hand": "Turn the needle by hand to its greatest protrusion, then read.",
    "run": "Start the pen, then read while it runs.",
}


def words_of(outcome: Outcome) -> str:
    """Why it was not confirmed; empty when it was."""
    return "" if isinstance(outcome, Confirmed) else outcome.text
