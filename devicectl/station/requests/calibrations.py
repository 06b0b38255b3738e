"""Calibrating a pen, step by step. What each answers is in docs/calibration.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from devicectl.access.roster import Operator
from devicectl.calibration.plan import Plan, PlanRefused, parse_plan, proposed
from devicectl.calibration.process import Process
from devicectl.calibration.quantities import Measurand
from devicectl.control.intents import NOT_BEFORE_S, TICKET_S
from devicectl.records.calibrations import find_calibration
from devicectl.records.errors import RecordError
from devicectl.station import calibration_params as cp
from devicectl.station import params as p
from devicectl.station.calibrating import Calibrating
from devicectl.station.calibration_view import calibration_view, plan_view, reading_view, step_view
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.viewing import gate_views

from .common import Methods, obeying, reply, submitted

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

T = TypeVar("T")


def _operator(c: Connection) -> Operator:
    operator = c.presence.operator
    if operator is None:
        raise StationError("Nobody is signed in here; sign in first.", "no-operator")
    return operator


async def _through(c: Connection, calibrating: Calibrating, work: Awaitable[T]) -> T:
    """One at a time, and brought to its end though the one who asked may be gone."""

    async def whole() -> T:
        async with calibrating.turn:
            try:
                return await work
            except RecordError as error:
                raise StationError(str(error), error.code) from error

    return await asyncio.shield(c.station.in_background(whole()))


def _parsed(data: dict[str, Any]) -> Plan:
    try:
        return parse_plan(data)
    except PlanRefused as error:
        raise StationError(str(error), "bad-plan") from error


async def _plan(c: Connection, q: cp.PlanCalibration) -> Any:
    desk = c.need_desk()
    control = desk.control
    identity, caps = control.identity, control.capabilities
    if identity is None or caps is None:
        raise StationError("The pen is not connected; wait for the link.", "no-pen")
    await desk.recording.calibrated.settled()
    span = desk.recording.calibrating.span()
    data = proposed(
        q.plan,
        caps,
        span.depth_most_um,
        pen_serial=identity.serial,
        cartridge_type=control.cartridge.type,
        cartridge_lot=control.cartridge.lot,
        technician=_operator(c).name,
    )
    plan = _parsed(data)
    draft = Process(c.station.source.uuid(), plan, span, "", "", "", "", 0)
    readings = sum(len(draft.steps(series, 0)) for series in plan.series)
    return plan_view(plan, plan.problems(caps, desk.recording.calibrated.today, span.depth_most_um), readings)


async def _begin(c: Connection, q: cp.BeginCalibration) -> Any:
    plan = _parsed(q.plan)
    desk = await obeying(c)
    calibrating, operator = desk.recording.calibrating, _operator(c)
    return calibration_view(await _through(c, calibrating, calibrating.begin(plan, operator)))


async def _resume(c: Connection, q: cp.ResumeCalibration) -> Any:
    desk = await obeying(c)
    calibrating, operator = desk.recording.calibrating, _operator(c)
    key = await submitted(c, lambda connection: find_calibration(connection, q.calibration, open_only=True))
    return calibration_view(await _through(c, calibrating, calibrating.resume(key, operator)))


async def _state(c: Connection, _: p.Empty) -> Any:
    process = c.need_desk().recording.calibrating.process
    return {"calibration": None if process is None else calibration_view(process)}


def _hand(c: Connection) -> tuple[Desk, Calibrating, Operator]:
    desk = c.need_control()
    desk.recording.calibrating.need()
    return desk, desk.recording.calibrating, _operator(c)


async def _next(c: Connection, q: cp.NextStep) -> Any:
    await obeying(c)
    _, calibrating, _ = _hand(c)
    prepared = await _through(c, calibrating, calibrating.approach(q.reseated))
    process, place, sheet = calibrating.need(), prepared.place, prepared.sheet
    return {
        "phase": str(process.phase),
        "round": process.round,
        "done": place is None,
        "step": None
        if place is None
        else {
            "measurand": str(place.series.measurand),
            "unit": place.series.measurand.unit,
            "method": place.series.method,
            **step_view(place.step, len(place.run.steps)),
        },
        "reseat": prepared.reseat,
        "stand": prepared.stand,
        "text": prepared.text,
        "sheet": None
        if sheet is None
        else {
            "ticket": sheet.ticket,
            "ok": sheet.ok,
            "depth_um": sheet.depth_um,
            "gates": gate_views(sheet.gates),
            "valid_s": TICKET_S,
            "not_before_s": NOT_BEFORE_S,
        },
    }


async def _park(c: Connection, q: cp.ParkNeedle) -> Any:
    desk, _, _ = _hand(c)
    return reply(await desk.parking.park(q.ticket), "the needle stands at bottom dead centre")


async def _reading(c: Connection, q: cp.TakeReading) -> Any:
    desk, calibrating, operator = _hand(c)
    reading, outlier = await _through(
        c, calibrating, calibrating.read(q.step, q.text, q.unit, q.source, q.anyway, operator)
    )
    text = ""
    if outlier:
        text = (
            "This reading stands out among those of its set-point and side; it is kept, withdraw it only with a reason."
        )
    desk.say(f"reading {reading.value:g} {reading.measurand.unit} at {reading.set_to:g}, {reading.direction}")
    return {"reading": reading_view(reading), "outlier": outlier, "text": text}


async def _annul(c: Connection, q: cp.AnnulReading) -> Any:
    _, calibrating, operator = _hand(c)
    measurand = None if q.measurand is None else Measurand(q.measurand)
    reading = await _through(c, calibrating, calibrating.annul(measurand, q.step, q.reason, operator))
    return {"reading": reading_view(reading), "text": "Withdrawn; it stays in the record, and the step comes again."}


async def _evaluate(c: Connection, _q: p.Empty) -> Any:
    _, calibrating, operator = _hand(c)
    await _through(c, calibrating, calibrating.evaluate(operator))
    process = calibrating.need()
    back = await calibrating.look_back() if not process.round else ()
    verdict = process.verdict(process.round)
    return {
        "verdict": None if verdict is None else str(verdict),
        "phase": str(process.phase),
        "look_back": [
            {
                "session": str(row["id"]),
                "purpose": row["purpose"],
                "opened_utc_us": row["opened_utc_us"],
                "client": row["client"],
                "deepest_um": row["deepest_um"],
            }
            for row in back
        ],
        "calibration": calibration_view(process),
    }


async def _propose(c: Connection, q: cp.Correction) -> Any:
    _, calibrating, _ = _hand(c)
    table, text = await _through(c, calibrating, calibrating.proposal(q.kind))
    return {"kind": q.kind, "knots": [] if table is None else [list(knot) for knot in table.knots], "text": text}


async def _correct(c: Connection, q: cp.Correction) -> Any:
    await obeying(c)
    _, calibrating, operator = _hand(c)
    outcome, text = await _through(c, calibrating, calibrating.correct(q.kind, operator))
    return {"reply": reply(outcome, text), "calibration": calibration_view(calibrating.need())}


async def _finish(c: Connection, q: cp.FinishCalibration) -> Any:
    desk, calibrating, operator = _hand(c)
    process = calibrating.need()
    await desk.recording.calibrated.settled()
    calibrating.ending(operator)
    await c.station.operators.confirm(operator.id, q.pin.get_secret_value(), c.name)
    end = await _through(c, calibrating, calibrating.finish(operator))
    return {
        "text": f"As found {end.found}, as left {end.left}; signed by {end.name}, valid until {end.expires}.",
        "calibration": calibration_view(process),
    }


async def _abandon(c: Connection, q: cp.AbandonCalibration) -> Any:
    _, calibrating, operator = _hand(c)
    process = calibrating.need()
    await _through(c, calibrating, calibrating.abandon(q.reason, operator))
    return {"text": "Abandoned; what was measured stays in the record.", "calibration": calibration_view(process)}


METHODS: Final[Methods] = {
    "calibration.plan": (cp.PlanCalibration, _plan),
    "calibration.begin": (cp.BeginCalibration, _begin),
    "calibration.resume": (cp.ResumeCalibration, _resume),
    "calibration.state": (p.Empty, _state),
    "calibration.next": (cp.NextStep, _next),
    "calibration.park": (cp.ParkNeedle, _park),
    "calibration.reading": (cp.TakeReading, _reading),
    "calibration.annul": (cp.AnnulReading, _annul),
    "calibration.evaluate": (p.Empty, _evaluate),
    "calibration.propose": (cp.Correction, _propose),
    "calibration.correct": (cp.Correction, _correct),
    "calibration.finish": (cp.FinishCalibration, _finish),
    "calibration.abandon": (cp.AbandonCalibration, _abandon),
}
