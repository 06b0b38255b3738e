"""Sessions: opening, closing, and notes in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from devicectl.control.gates import Purpose
from devicectl.control.motion import FRESH_S, RUN_DOWN_S, Motion
from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.recording import CLOSED
from devicectl.treatment.opening import Asked
from devicectl.treatment.zones import parse_zone

from .common import Methods, found_session, need_no_run, obeying

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


HARDWARE_TREATS: Final = False
"""Rule 11 of the design: until a real pen was driven and the texts for clients are no drafts any more. Behind it stand the gates."""


async def _session_open(c: Connection, q: p.OpenSession) -> Any:
    desk = c.need_control()
    identity = desk.control.identity
    if identity is None or not desk.pen.connected:
        raise StationError("The pen is not connected; wait for the link.", "no-pen")
    if not desk.confirmed_still and desk.control.motion.at(c.station.loop.time()) is not Motion.UNKNOWN:
        raise StationError("The pen is not confirmed still; wait until it is.", "not-still")
    purpose = Purpose(q.purpose)
    if purpose is Purpose.TREATMENT and not identity.simulated and not HARDWARE_TREATS:
        raise StationError(
            "Treatment with hardware is not possible in this version, which was never tried on a real pen; "
            "practise on a simulated pen with a training client.",
            "no-treatment",
        )
    if purpose is Purpose.TREATMENT and not q.client and not q.resumes:
        raise StationError("A treatment needs a client code; a simulated pen takes training clients only.", "no-client")
    if purpose is Purpose.BENCH and q.client:
        raise StationError("A bench session has no client; leave the client out.", "bench-client")
    plan = _plan(q.plan)
    desk = await obeying(c)
    operator = c.presence.operator
    asked = Asked(
        purpose.value,
        q.client,
        training=identity.simulated,
        course=q.course,
        operator=operator.id if operator is not None else None,
        resumes=None if q.resumes is None else await found_session(c, q.resumes, desk.recording.binding.pen_id),
        depths_um=plan,
    )
    return {"session": await desk.recording.open_session(asked, plan)}


def _plan(asked: Mapping[str, int]) -> dict[str, int]:
    plan: dict[str, int] = {}
    for text, depth_um in asked.items():
        code = parse_zone(text).code
        if code in plan:
            raise StationError(f"The plan names zone {code} twice; name it once.", "bad-plan")
        plan[code] = depth_um
    return plan


async def _session_close(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    need_no_run(desk)
    await _run_down(desk)
    need_no_run(desk)
    await desk.recording.close_session(CLOSED)
    return {}


async def _run_down(desk: Desk) -> None:
    """A motor that still runs down belongs to the pass before, not to motion that nobody granted."""
    motion, loop = desk.control.motion, desk.loop
    end = loop.time() + RUN_DOWN_S
    while loop.time() < end and motion.age(loop.time()) < FRESH_S and not desk.confirmed_still:
        await asyncio.sleep(0.01)


async def _note(c: Connection, q: p.Note) -> Any:
    desk = c.need_desk()
    await desk.recording.note(q.digits)
    desk.say(f"note {q.digits}")
    return {}


METHODS: Final[Methods] = {
    "session.open": (p.OpenSession, _session_open),
    "session.close": (p.Empty, _session_close),
    "note": (p.Note, _note),
}
