"""Control of one pen: who has it, zone, setpoint, gates, runs and alarms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from devicectl.control.envelope import Bound
from devicectl.control.intents import NOT_BEFORE_S, TICKET_S, Sheet
from devicectl.control.lane import JOURNAL_DEADLINE_S
from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.viewing import gate_views
from devicectl.station.views import Reply, StartSheet
from devicectl.treatment.zones import parse_zone
from drivers.api import Action, Confirmed

from .common import Methods, obeying, reply

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


async def _take(c: Connection, _: p.Empty) -> Any:
    c.take(c.need_desk())
    return {}


async def _release(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    if not desk.confirmed_still:
        raise StationError("The pen is not confirmed still; STOP or END first.", "not-still")
    desk.holder_gone("control released")
    return {}


async def _override(c: Connection, q: p.Override) -> Any:
    desk = c.need_control()
    if isinstance(problem := desk.control.may_override(q.gate), str):
        raise StationError(problem, "override-refused")
    operator = c.presence.operator
    session = desk.recording.session_id
    stored = desk.recording.overriding(q.gate, q.reason, operator.id if operator is not None else None)
    await asyncio.wait((stored,), timeout=JOURNAL_DEADLINE_S)
    why = _not_stored(stored)
    if why is None:
        # Much may have happened meanwhile.
        why = "that session is over." if desk.recording.session_id != session else None
        why = why or (desk.control.override(q.gate, q.reason) if c.controls else "control was lost meanwhile.")
        code = "override-refused"
    else:
        code = "record"
    if why is None:
        return {}
    # What stands in the record, or will, did not happen.
    stored.add_done_callback(lambda future: _not_opened(desk, q.gate, future))
    raise StationError(f"The gate '{q.gate}' was not opened: {why}", code)


def _not_stored(stored: asyncio.Future[Any]) -> str | None:
    if not stored.done():
        return f"the record did not take the reason within {JOURNAL_DEADLINE_S} s; check the disk, then try again."
    if stored.cancelled():
        return "the record was closed."
    error = stored.exception()
    return None if error is None else f"the record did not take the reason: {error}"


def _not_opened(desk: Desk, gate: str, stored: asyncio.Future[Any]) -> None:
    if not stored.cancelled() and stored.exception() is None:
        desk.recording.log.event("gate-not-opened", f"{gate}: what was entered above came too late, it was not opened.")


async def _zone(c: Connection, q: p.SelectZone) -> Any:
    desk = c.need_control()
    zone = parse_zone(q.zone).code
    problem = desk.intents.select_zone(zone)
    if problem is not None:
        raise StationError(problem, "zone-refused")
    return await _as_planned(desk, zone)


async def _as_planned(desk: Desk, zone: str) -> dict[str, Any]:
    """The plan's depth and rate for the zone, asked of the pen and read back: only while it stands still."""
    chart = desk.recording.charting.chart
    plan = chart.plan.get(zone) if chart is not None else None
    answers: dict[str, Any] = {}
    if plan is None or not desk.confirmed_still or desk.control.latched:
        return answers
    for name, value, act in (
        ("depth", plan.depth_um, desk.intents.set_depth),
        ("rate", plan.rate_mhz, desk.intents.set_rate),
    ):
        if value is not None and desk.control.zone == zone:
            outcome, bound = await act(value, lower=True)
            answers[name] = reply(outcome, "; ".join(bound.reasons) if isinstance(bound, Bound) else "")
            if name == "depth" and isinstance(outcome, Confirmed):
                # The start sheet shows what was planned beside what a limit made of it.
                desk.intents.depth_request_um = value
    return answers


async def _setpoint(c: Connection, q: p.SetPoint) -> Any:
    desk = await obeying(c)
    answers: dict[str, Any] = {}
    intents = desk.intents
    asked = [
        (name, value, action, act)
        for name, value, action, act in (
            ("depth", q.depth_um, Action.SET_DEPTH, intents.set_depth),
            ("rate", q.rate_mhz, Action.SET_RATE, intents.set_rate),
        )
        if value is not None
    ]
    refused = {name: why for name, value, action, _ in asked if (why := intents.refusal(action, value, q.lower))}
    if refused and len(asked) > 1:
        # Both were asked for together: half of it is not what anybody wanted.
        other = f"nothing was sent, because the {next(iter(refused))} was refused."
        return {name: Reply("not_sent", refused.get(name, other)) for name, *_ in asked}
    for name, value, _, act in asked:
        outcome, bound = await act(value, lower=q.lower)
        done = "; ".join(bound.reasons) if isinstance(bound, Bound) else ""
        answers[name] = reply(outcome, done)
    return answers


async def _preview(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    sheet = desk.intents.preview()
    if not isinstance(sheet, Sheet):
        raise StationError(sheet, "cannot-start")
    return StartSheet(
        ticket=sheet.ticket,
        ok=sheet.ok,
        zone=sheet.zone,
        depth_asked_um=sheet.depth.asked,
        depth_applied_um=sheet.depth.applied,
        rate_asked_mhz=sheet.rate.asked,
        rate_applied_mhz=sheet.rate.applied,
        reasons=sheet.reasons,
        gates=gate_views(sheet.gates),
        valid_s=TICKET_S,
        not_before_s=NOT_BEFORE_S,
    )


async def _start(c: Connection, q: p.Start) -> Any:
    return reply(await c.need_control().intents.start(q.ticket, q.run_ms), "started")


async def _pause(c: Connection, _: p.Empty) -> Any:
    return reply(await c.need_control().intents.pause(), "paused")


async def _end(c: Connection, _: p.Empty) -> Any:
    return reply(await c.need_control().intents.end(), "ended")


async def _acknowledge(c: Connection, _: p.Empty) -> Any:
    return {"acknowledged": c.need_desk().alarms.acknowledge()}


async def _silence(c: Connection, _: p.Empty) -> Any:
    c.need_desk().alarms.silence()
    return {}


METHODS: Final[Methods] = {
    "control.take": (p.Empty, _take),
    "control.release": (p.Empty, _release),
    "gate.override": (p.Override, _override),
    "zone.select": (p.SelectZone, _zone),
    "setpoint": (p.SetPoint, _setpoint),
    "run.preview": (p.Empty, _preview),
    "run.start": (p.Start, _start),
    "run.pause": (p.Empty, _pause),
    "run.end": (p.Empty, _end),
    "alarm.acknowledge": (p.Empty, _acknowledge),
    "alarm.silence": (p.Empty, _silence),
}
