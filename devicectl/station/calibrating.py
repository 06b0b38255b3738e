"""The calibration in hand at one desk: drives the pen to each set-point, takes readings, has them judged, writes the correction.

Each step is in the record before it is answered; what is in memory is only what the record holds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from devicectl.access.roster import Operator
from devicectl.calibration import book
from devicectl.calibration.assessment import Assessment, assess, corrected, detail
from devicectl.calibration.binding import Binding
from devicectl.calibration.correction import NoCorrection
from devicectl.calibration.fit import NoFit
from devicectl.calibration.interval import add_months
from devicectl.calibration.keeping import keep_correction, read_correction
from devicectl.calibration.lookback import LookedBack, look_back
from devicectl.calibration.plan import Plan
from devicectl.calibration.process import Ended, Evaluated, Place, Process, Reading, Span, Written
from devicectl.calibration.quantities import Measurand, TooFew
from devicectl.calibration.readings import Parsed, ReadingRefused, implausible, outliers, parse_reading
from devicectl.calibration.run import OutOfStep
from devicectl.records import tables as t
from devicectl.records.calibrations import calibration_rows
from devicectl.records.clinic import Row
from devicectl.records.entries import Entry
from devicectl.records.errors import RecordError
from devicectl.records.writer import Job
from devicectl.treatment.opening import Asked
from drivers.api import Confirmed, NotSent, Outcome, Rejected
from drivers.correction import CorrectionTable, cartridge_key, table_key

from .approaching import Approaching, Prepared, refuse, words_of
from .client_api import StationError
from .treatments import Treatments

if TYPE_CHECKING:
    from .desk import Desk


class Calibrating:
    """One desk's calibration. ``submit`` hands a job to the record."""

    def __init__(self, desk: Desk, treatments: Treatments, submit: Callable[[Job[Any]], asyncio.Future[Any]]) -> None:
        self._desk, self._treatments, self._submit = desk, treatments, submit
        self._turn = asyncio.Lock()
        self.process: Process | None = None
        self.approaching = Approaching(desk)
        self._own_session = False

    # -- helpers

    @property
    def turn(self) -> asyncio.Lock:
        """One request at a time."""
        return self._turn

    def need(self) -> Process:
        """The calibration in hand. Raises :class:`StationError`."""
        if self.process is None:
            raise refuse("No calibration is in hand; begin one, or resume one.", "no-calibration")
        return self.process

    async def _store(self, job: Job[Any]) -> Any:
        try:
            return await self._submit(job)
        except RecordError as error:
            raise StationError(str(error), error.code) from error

    async def _enter(self, *entries: Entry) -> None:
        await self._store(self._treatments.chain.entered(*entries))

    def _now(self) -> int:
        return self._desk.source.utc_us()

    def _still(self) -> None:
        if not self._desk.confirmed_still:
            raise refuse("The pen is not confirmed still; END or STOP first.", "not-still")

    def pen_problem(self, process: Process) -> str | None:
        """Why the calibration cannot go on with what is connected now, or None."""
        control = self._desk.control
        identity, cartridge = control.identity, control.cartridge
        if identity is None or not self._desk.pen.connected:
            return "The pen is not connected; wait for the link."
        plan, now = process.plan, identity.serial
        if (now, identity.model, identity.manufacturer) != (plan.pen_serial, process.model, process.manufacturer):
            return f"This calibration is of pen {plan.pen_serial} and this is {now}; connect the right one."
        if process.origin != self._desk.recording.binding.origin:
            return "This calibration is of a simulated pen and this is none, or the reverse; connect the right one."
        if identity.firmware != process.firmware:
            return (
                f"The pen's firmware was {process.firmware} when this calibration began and is {identity.firmware}; abandon it "
                "and begin anew."
            )
        if cartridge.present and cartridge.type != plan.cartridge_type:
            return (
                f"The plan is for cartridge type {plan.cartridge_type} and {cartridge.type} is plugged in; change it."
            )
        return None

    def _pen(self, process: Process) -> None:
        problem = self.pen_problem(process)
        if problem is not None:
            raise refuse(problem, "wrong-pen")

    def span(self) -> Span:
        """What the pen that is connected can be set to now, its correction counted in. Raises :class:`StationError`."""
        control, calibrated = self._desk.control, self._desk.recording.calibrated
        caps = control.capabilities
        if caps is None:
            raise refuse("The pen is not connected; wait for the link.", "no-pen")
        if not calibrated.known:
            raise refuse("The pen's correction has not been read back yet; wait a second.", "unknown-correction")
        limit = min(caps.depth_max_um, control.limits.ceiling_um, control.cartridge.depth_max_um or caps.depth_max_um)
        bare = Span(caps.depth_min_um, limit, limit, caps.depth_step_um, caps.rate_min_mhz, caps.rate_max_mhz)
        return bare.through(calibrated.held if calibrated.applies else None)

    # -- beginning

    async def begin(self, plan: Plan, operator: Operator) -> Process:
        """Begin a calibration of the pen that is connected. Raises :class:`StationError`."""
        if self.process is not None and self.process.end is None:
            raise refuse("A calibration is in hand; finish it, or abandon it.", "calibration-open")
        self._still()
        await self._desk.recording.calibrated.settled()
        control, recording = self._desk.control, self._desk.recording
        identity, caps = control.identity, control.capabilities
        pen_id = recording.binding.pen_id
        if identity is None or caps is None or pen_id is None or not recording.binding.known:
            raise refuse("The record does not know this pen yet; wait a second.", "record")
        if plan.pen_serial != identity.serial:
            raise refuse(
                f"The plan is for pen {plan.pen_serial} and this is {identity.serial}; correct it in the plan.",
                "wrong-pen",
            )
        span = self.span()
        problems = plan.problems(caps, recording.calibrated.today, span.depth_most_um)
        if problems:
            raise StationError(problems[0], "bad-plan", {str(n): text for n, text in enumerate(problems)})
        source = self._desk.source
        process = Process(
            source.uuid(),
            plan.model_copy(update={"technician": operator.name}),
            span,
            identity.manufacturer,
            identity.model,
            identity.firmware,
            recording.binding.origin,
            self._now(),
            (recording.calibrated.table_key or 0) if recording.calibrated.applies else 0,
            recording.calibrated.held if recording.calibrated.applies else None,
        )
        self._pen(process)
        await self._session(operator)
        await self._enter(*book.begun(process, pen_id, source.uuid, operator.id, process.begun_utc_us))
        self.process, self.approaching.current = process, None
        self._desk.say(f"calibration begun by {operator.name}")
        return process

    async def resume(self, key: UUID, operator: Operator) -> Process:
        """Go on with a calibration of this pen as the record holds it. Raises :class:`StationError`."""
        if self.process is not None and self.process.id != key and self.process.end is None:
            raise refuse("Another calibration is in hand; finish it, or abandon it.", "calibration-open")
        process = await self.load(key)
        if process.end is not None:
            raise refuse(f"That calibration is {process.end.how}; begin a new one.", "calibration-ended")
        self._pen(process)
        self._still()
        await self._session(operator)
        self.process, self.approaching.current = process, None
        await self._settle(process, operator)
        self._desk.say(f"calibration resumed by {operator.name}")
        return process

    async def load(self, key: UUID) -> Process:
        """A calibration as the record holds it."""
        rows = await self._store(lambda connection: calibration_rows(connection, key))
        return book.process_of(rows)

    async def _session(self, operator: Operator) -> None:
        """Motion belongs to a session of the bench."""
        recording = self._desk.recording
        purpose = self._desk.control.purpose
        if purpose is not None and purpose.value != "bench":
            raise refuse("A treatment is open on this pen; close it first.", "session-open")
        if recording.session_id is None:
            await recording.open_session(Asked("bench", operator=operator.id))
            self._own_session = True

    async def _close_session(self) -> None:
        if self._own_session:
            self._own_session = False
            await self._desk.recording.close_session("closed")

    async def _settle(self, process: Process, operator: Operator) -> None:
        """What came of a correction whose writing was interrupted: what the pen holds tells."""
        written = process.open_correction
        if written is None:
            return
        answer = await read_correction(self._desk.control)
        if isinstance(answer, str):
            raise refuse(f"{answer} It is not known whether the pen holds the correction.", "unknown-correction")
        state, held = answer
        same = state.key == written.table_key and held == written.table
        outcome, text = (
            ("confirmed", "read back after an interruption") if same else ("not_sent", "the pen holds another")
        )
        await self._came_of(process, written, outcome, text, (state.key, held), operator)

    # -- a step

    async def approach(self, reseated: bool) -> Prepared:
        """Drive the pen to the next set-point from its side, and offer to park the needle. Raises :class:`StationError`."""
        process = self.need()
        self._pen(process)
        self._still()
        place = process.place()
        if place is None:
            self.approaching.current = None
            return Prepared(None, False, "", None, process.missing() or "Everything is measured and evaluated.")
        if place.run.reseat and not reseated:
            text = "Take the cartridge out, seat it anew and set the zero; then go on."
            return Prepared(place, True, "", None, text)
        return await self.approaching.drive(place, process.round)

    async def read(
        self, step: int, text: str, unit: str | None, source: str, anyway: str, operator: Operator
    ) -> tuple[Reading, bool]:
        """Take the reading of the next step; gives it, and whether it stands out among its own kind."""
        process = self.need()
        self._pen(process)
        place = process.place()
        if place is None:
            raise refuse("Every step has its reading; withdraw one to measure it again.", "complete")
        if step != place.step.index:
            raise refuse(
                f"The next reading is that of step {place.step.index + 1}, not {step + 1}; ask for the step.",
                "out-of-step",
            )
        parsed = self.parsed(place, text, unit, anyway)
        self.approaching.check(place, process.round)
        control = self._desk.control
        approach = self.approaching.current
        reading = Reading(
            self._desk.source.uuid(),
            len(process.readings),
            process.round,
            place.series.measurand,
            step,
            place.step.set_to,
            place.step.direction,
            book.micro(parsed.value) / book.MICRO,
            parsed.text if unit is None else f"{parsed.text} {unit}" if not parsed.text[-1:].isalpha() else parsed.text,
            source,
            self._desk.recording.calibrated.commanded_um(approach.depth_um) if approach is not None else None,
            control.readback.depth_um if control.readback is not None else None,
            anyway,
            at_utc_us=self._now(),
        )
        await self._enter(book.taken(process, reading, operator.id, reading.at_utc_us))
        process.took(reading)
        counted = process.counted(place.series, process.round)
        measured = process.measured(place.series, process.round)
        out = {counted[index].id for index in outliers(measured, process.plan.resolution(place.series))}
        return reading, reading.id in out

    def parsed(self, place: Place, text: str, unit: str | None, anyway: str) -> Parsed:
        """The reading, if it can be meant. Raises :class:`StationError`."""
        measurand = place.series.measurand
        try:
            parsed = parse_reading(text, measurand, unit)
        except ReadingRefused as error:
            raise refuse(str(error), "bad-reading") from error
        problem = implausible(parsed, place.step.set_to, measurand)
        if problem is not None and not anyway:
            raise refuse(problem, "implausible")
        return parsed

    async def annul(self, measurand: Measurand | None, step: int, reason: str, operator: Operator) -> Reading:
        """Withdraw the reading of a step, which stays in the record."""
        process = self.need()
        if measurand is None:
            place = process.place()
            measurand = place.series.measurand if place is not None else process.plan.series[-1].measurand
        try:
            reading = process.newest(measurand, step)
        except OutOfStep as error:
            raise refuse(str(error), "out-of-step") from error
        key = self._desk.source.uuid()
        await self._enter(book.withdrawn(reading.id, key, reason, operator.id, self._now()))
        process.withdrew(reading.id, reason)
        self.approaching.current = None
        return replace(reading, withdrawn=reason)

    # -- judging

    async def evaluate(self, operator: Operator) -> list[Evaluated]:
        """Judge every complete series of this round that is not judged as it stands."""
        process = self.need()
        self._still()
        found: list[Evaluated] = []
        for series in process.series_of(process.round):
            run = process.run(series, process.round)
            if not run.complete:
                left = len(run.steps) - len(run.measured())
                raise refuse(
                    f"{left} of {len(run.steps)} readings of {series.measurand} are missing; take them first.",
                    "too-few",
                )
            known = process.evaluated(series.measurand, process.round)
            if known is not None:
                found.append(known)
                continue
            assessment = await self._assessed(process, series.measurand, process.round)
            evaluated = Evaluated(
                self._desk.source.uuid(),
                len(process.evaluations),
                process.round,
                series.measurand,
                assessment.decision.verdict,
                json.loads(book.text_of(detail(assessment))),
            )
            await self._enter(book.judged(process, evaluated, operator.id, self._now()))
            process.evaluations.append(evaluated)
            found.append(evaluated)
            self._desk.say(f"{series.measurand} {process.phase}: {evaluated.verdict}")
        return found

    async def _assessed(self, process: Process, measurand: Measurand, round: int) -> Assessment:
        try:
            result: Assessment = await self._desk.aside(partial(assess, process, measurand, round))
        except (TooFew, NoFit) as error:
            raise refuse(str(error), "too-few") from error
        return result

    async def look_back(self) -> tuple[Row, ...]:
        """The sessions since the last good calibration, when the pen was found out of tolerance; else none."""
        process = self.need()
        found = process.verdict(0)
        if found is None or found.usable:
            return ()
        looked: LookedBack = await self._store(partial(look_back, process=process))
        return looked.sessions

    # -- adjusting

    async def proposal(self, kind: str) -> tuple[CorrectionTable | None, str]:
        """The table that takes the error of this round's protrusion away, and what it allows. Raises :class:`StationError`."""
        process, control = self.need(), self._desk.control
        caps = control.capabilities
        if caps is None or not caps.can_correct:
            raise refuse("This pen keeps no correction; it cannot be adjusted by a calibration.", "no-correction")
        if kind == "none":
            return None, "The pen's correction is taken away."
        series = next((one for one in process.plan.series if not one.measurand.is_rate), None)
        if series is None:
            raise refuse("No protrusion was measured; only that can be corrected.", "no-correction")
        if process.evaluated(series.measurand, process.round) is None:
            raise refuse("This series is not evaluated yet; evaluate it first.", "not-evaluated")
        assessment = await self._assessed(process, series.measurand, process.round)
        try:
            table = corrected(assessment, kind, process.in_force(process.round))
        except NoCorrection as error:
            raise refuse(str(error), "no-correction") from error
        most = process.span.through(table).depth_most_um
        return table, f"With it up to {most / 1000:.2f} mm can be asked for."

    async def correct(self, kind: str, operator: Operator) -> tuple[Outcome, str]:
        """Write the correction into the pen, read it back and compare; gives what came of it."""
        process, control = self.need(), self._desk.control
        self._pen(process)
        self._still()
        await self._settle(process, operator)
        if process.verdict(process.round) is None:
            raise refuse("Not every series of this round is evaluated; evaluate it first.", "not-evaluated")
        table, text = await self.proposal(kind)
        cartridge = process.plan.cartridge_type
        key = cartridge_key(cartridge) if table is not None else 0
        knots = table.knots if table is not None else ()
        written = Written(
            self._desk.source.uuid(),
            len(process.corrections),
            kind,
            key,
            table_key(knots, key) if table is not None else 0,
            table,
        )
        await self._enter(book.about_to_write(process, written, operator.id, self._now()))
        process.corrections.append(written)
        self.approaching.current = None
        outcome = await keep_correction(control, table, cartridge)
        answer = await read_correction(control)
        held = None if isinstance(answer, str) else (answer[0].key, answer[1])
        word = (
            "confirmed"
            if isinstance(outcome, Confirmed)
            else {NotSent: "not_sent", Rejected: "rejected"}.get(type(outcome), "unknown")
        )
        await self._came_of(process, written, word, words_of(outcome), held, operator)
        self._desk.recording.calibrated.refresh()
        return outcome, text

    async def _came_of(
        self,
        process: Process,
        written: Written,
        outcome: str,
        text: str,
        held: tuple[int, CorrectionTable | None] | None,
        operator: Operator,
    ) -> None:
        def job(connection: sa.Connection) -> int:
            c = t.calibration_correction_results.c
            seq = connection.execute(
                sa.select(sa.func.count())
                .select_from(t.calibration_correction_results)
                .where(c.correction_id == written.id)
            ).scalar_one()
            entry = book.came_of(
                self._desk.source.uuid(), written.id, seq, outcome, text, held, operator.id, self._now()
            )
            return self._treatments.chain.enter(connection, [entry])

        await self._store(job)
        process.settled(written.id, outcome, text)
        self._desk.say(f"correction: {outcome.replace('_', ' ')}{': ' + text if text else ''}")

    # -- ending

    def ending(self, operator: Operator) -> tuple[Ended, Binding]:
        """How the calibration would end now. Raises :class:`StationError`."""
        process = self.need()
        self._pen(process)
        lacking = process.missing()
        if lacking is not None:
            raise refuse(lacking, "incomplete")
        found, left = process.verdict(0), process.verdict(process.round)
        assert found is not None
        assert left is not None
        calibrated = self._desk.recording.calibrated
        if not calibrated.known or calibrated.table_key is None:
            raise refuse("The pen's correction has not been read back yet; wait a second.", "unknown-correction")
        confirmed = [one for one in process.corrections if one.outcome == "confirmed"]
        if confirmed and confirmed[-1].table_key != calibrated.table_key:
            raise refuse("The pen holds another correction than was written; write it again.", "unknown-correction")
        issued = calibrated.today
        expires = add_months(issued, process.plan.interval.months)
        method = "; ".join(dict.fromkeys(one.method for one in process.plan.series))
        end = Ended(
            "finished",
            "",
            self._now(),
            found,
            left,
            method,
            issued,
            expires,
            calibrated.table_key,
            book.content(process),
            "",
            operator.name,
        )
        binding = book.binding_of(replace_end(process, end))
        assert binding is not None
        return replace(end, binding=binding.hash()), binding

    async def finish(self, operator: Operator) -> Ended:
        """End it with its verdicts, signed by the station's key for who is signed in. Raises :class:`StationError`."""
        process = self.need()
        await self._desk.recording.calibrated.settled()
        end, binding = self.ending(operator)
        keys, interval = self._treatments.keys, process.plan.interval
        digest = bytes.fromhex(end.binding)
        row_id = self._desk.source.uuid()

        def job(connection: sa.Connection) -> int:
            key_id = connection.execute(
                sa.select(t.station_keys.c.id).where(t.station_keys.c.public_key == keys.public_key)
            ).scalar_one()
            row = {
                "id": row_id,
                "calibration_id": process.id,
                "how": end.how,
                "reason": end.reason,
                "verdict_found": str(end.found),
                "verdict_left": str(end.left),
                "method": end.method,
                "issued_date": binding.issued.isoformat(),
                "expires_date": binding.expires.isoformat(),
                "months": interval.months,
                "sessions": interval.sessions,
                "motor_milli_hours": None if interval.motor_hours is None else round(interval.motor_hours * 1000),
                "table_key": end.table_key,
                "content_sha256": end.content,
                "binding_sha256": end.binding,
                "name": end.name,
                "key_id": key_id,
                "signature": keys.signer.sign(digest),
            }
            entry = Entry(t.calibration_ends, row, operator.id, end.at_utc_us, "calibration-signed")
            return self._treatments.chain.enter(connection, [entry])

        await self._store(job)
        process.end = end
        await self._over(f"calibration finished: as found {end.found}, as left {end.left}")
        return end

    async def abandon(self, reason: str, operator: Operator) -> Ended:
        """End it without a result; what was measured stays."""
        process = self.need()
        end = Ended("abandoned", reason, self._now())
        row = {"id": self._desk.source.uuid(), "calibration_id": process.id, "how": end.how, "reason": reason}
        await self._enter(Entry(t.calibration_ends, row, operator.id, end.at_utc_us, "calibration-abandoned"))
        process.end = end
        await self._over(f"calibration abandoned: {reason}")
        return end

    async def _over(self, text: str) -> None:
        self.approaching.current = None
        self.process = None
        self._desk.say(text)
        await self._close_session()
        await self._desk.recording.calibrated.fresh()


def replace_end(process: Process, end: Ended) -> Process:
    """The process as if it had ended so."""
    return replace(process, end=end)
