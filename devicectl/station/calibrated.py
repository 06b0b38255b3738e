"""Whether the pen that is here now is calibrated, and what its correction makes of a target: read anew at every change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.calibration.binding import Binding, Present, why_invalid
from devicectl.calibration.book import binding_of, process_of
from devicectl.calibration.interval import Due, Interval, Use, due
from devicectl.calibration.keeping import read_correction
from devicectl.calibration.process import Process
from devicectl.control.gates import Gate, Purpose
from devicectl.records.calibrations import (
    Unit,
    calibration_rows,
    finished_of,
    motor_ms_since,
    sessions_since,
)
from devicectl.records.rows import PassSettingRow
from devicectl.records.writer import Job
from drivers.api import CorrectionState
from drivers.correction import CorrectionTable

from .treatments import Treatments

if TYPE_CHECKING:
    from .desk import Desk

AGAIN_S: Final = 2.0
"""How long after a failure the pen or the record is asked anew."""
HOUR_MS: Final = 3_600_000
log = logging.getLogger("devicectl.station")


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest finished calibration of a pen with a type of cartridge, and what the pen did since."""

    process: Process
    binding: Binding
    due: Due

    @property
    def recorded_hash(self) -> str:
        """The hash that was signed."""
        return self.process.end.binding if self.process.end is not None else ""


def standing_of(connection: sa.Connection, unit: Unit, cartridge_type: str, today: date) -> Standing | None:
    """What the record says, or None when there is no finished calibration."""
    found = finished_of(connection, unit, cartridge_type)
    if not found:
        return None
    process = process_of(calibration_rows(connection, found[0]))
    binding = binding_of(process)
    if binding is None or process.end is None:
        return None
    since = process.end.at_utc_us
    sessions = [row for row in sessions_since(connection, unit, since) if row["purpose"] == "treatment"]
    use = Use(binding.issued, len(sessions), motor_ms_since(connection, unit, since) / HOUR_MS)
    counted = process.plan.interval
    return Standing(process, binding, due(Interval(counted.months, counted.sessions, counted.motor_hours), use, today))


def reasons_against(standing: Standing | None, present: Present) -> tuple[str, ...]:
    """Every reason why the pen does not count as calibrated; empty when it does."""
    if standing is None:
        return why_invalid(None, present)
    end = standing.process.end
    reasons = list(why_invalid(standing.binding, present, standing.recorded_hash))
    if end is not None and end.left is not None and not end.left.usable:
        reasons.insert(
            0, f"The calibration of {standing.binding.issued} ended with {end.left}; mend the pen and calibrate again."
        )
    if present.today <= standing.binding.expires and standing.due.overdue:
        reasons.append(f"The calibration is used up: {', '.join(standing.due.reasons)}; calibrate again.")
    return tuple(reasons)


class Calibrated:
    """One desk's answer. ``submit`` hands a job to the record; ``unit`` names the pen as the record knows it."""

    def __init__(self, desk: Desk, treatments: Treatments, submit: Callable[[Job[Any]], asyncio.Future[Any]]) -> None:
        self._desk, self._treatments, self._submit = desk, treatments, submit
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._state: tuple[int, int, bool] | None = None
        self.standing: Standing | None = None
        self.known = False
        """True once pen and record were read."""
        self.table_key: int | None = None
        self.held: CorrectionTable | None = None
        """The correction that the pen holds, whether it applies or not."""
        self.applies = False

    # -- reading

    def refresh(self) -> None:
        """Something changed: read the pen's correction and the record anew."""
        if self._closed:
            return
        self.known = False
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = self._loop.create_task(self._read())

    def corrected(self, state: CorrectionState) -> None:
        """The pen told of its correction: another than before is read whole."""
        now = (state.key, state.cartridge, state.applies)
        if self._state is not None and now != self._state and (self._task is None or self._task.done()):
            self.refresh()
        self._state = now

    async def fresh(self) -> None:
        """Read pen and record now; returns when that is done, however it went."""
        self.refresh()
        await self.settled()

    async def settled(self) -> None:
        """Wait for what is being read just now."""
        while self._task is not None and not self._task.done():
            await asyncio.wait((self._task,))

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _read(self) -> None:
        while True:
            self._again = False
            try:
                done = await self._read_once()
            except Exception:
                log.exception("the calibration of %s could not be read", self._desk.address)
                done = False
            if self._again and not self._closed:
                continue
            if not done and not self._closed and self._desk.pen.connected:
                self._timer = self._loop.call_later(AGAIN_S, self.refresh)
            return

    async def _read_once(self) -> bool:
        control = self._desk.control
        unit = self._desk.recording.unit
        if unit is None or control.capabilities is None:
            return True
        if not control.capabilities.can_correct:
            self.table_key, self.held, self.applies = 0, None, False
        else:
            answer = await read_correction(control)
            if isinstance(answer, str):
                self.table_key = None
                return False
            state, self.held = answer
            self.table_key, self.applies = state.key, state.applies
            self._state = (state.key, state.cartridge, state.applies)
        control.correction_table = self.held if self.applies else None
        cartridge, today = control.cartridge.type, self.today
        self.standing = await self._submit(lambda connection: standing_of(connection, unit, cartridge, today))
        self.known = True
        return True

    # -- what it says

    @property
    def today(self) -> date:
        """The day at the place."""
        return self._treatments.now(self._desk.source.utc_us()).date()

    def reasons(self) -> tuple[str, ...]:
        """Why the pen does not count as calibrated now; empty when it does."""
        control = self._desk.control
        identity = control.identity
        if identity is None or not self.known:
            return ("The calibration of this pen has not been read yet; wait a second.",)
        present = Present(
            identity.serial,
            control.cartridge.type if control.cartridge.present else "",
            identity.firmware,
            self.table_key,
            self.today,
        )
        return reasons_against(self.standing, present)

    @property
    def calibration(self) -> UUID | None:
        """The calibration that holds now."""
        return None if self.standing is None or self.reasons() else self.standing.process.id

    def gates(self) -> tuple[Gate, ...]:
        """The gate of a treatment: shut on hardware; a simulated pen only says so."""
        control = self._desk.control
        if control.purpose is not Purpose.TREATMENT or control.identity is None:
            return ()
        reasons = self.reasons()
        if not reasons:
            assert self.standing is not None
            return (Gate("calibration", True, f"calibrated until {self.standing.binding.expires}"),)
        if control.identity.simulated:
            return (Gate("calibration", True, f"simulated pen, not calibrated: {reasons[0]}"),)
        return (Gate("calibration", False, reasons[0], waiting=not self.known),)

    def commanded_um(self, target_um: int | None) -> int | None:
        """What the depth drive is told for a target."""
        if target_um is None or self.held is None or not self.applies:
            return target_um
        return self.held.commanded_um(target_um)

    def setting(self, pass_id: UUID, target_um: int | None) -> PassSettingRow:
        """How a pass that begins now is set."""
        back = self._desk.control.readback
        return PassSettingRow(
            pass_id, self.calibration, target_um, self.commanded_um(target_um), back.depth_um if back else None
        )
