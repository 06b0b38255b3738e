"""What the groups of requests have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from devicectl.records.errors import RecordError
from devicectl.records.reader import find_session
from devicectl.records.writer import Job
from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.views import Reply
from drivers.api import Confirmed, NotSent, Outcome, Rejected, Unknown

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

T = TypeVar("T")
Handler = Callable[["Connection", Any], Awaitable[Any]]
Methods = Mapping[str, tuple[type[p.Params], Handler]]
"""Requests by name: their parameters, and what answers them."""


def reply(outcome: Outcome, done: str) -> Reply:
    """An outcome in the words of the wire."""
    match outcome:
        case Confirmed():
            return Reply("confirmed", done)
        case Rejected():
            return Reply("rejected", outcome.text)
        case NotSent():
            return Reply("not_sent", outcome.text)
        case Unknown():
            return Reply("unknown", outcome.text)


async def obeying(c: Connection) -> Desk:
    """The desk that this client controls, with a pen that obeys: on the air that needs pairing. Moves nothing."""
    desk = c.need_control()
    if desk.pen.connected and not desk.pen.obeys:
        await desk.pen.secure()
        # Somebody may have typed a passkey meanwhile, and much may have happened.
        desk = c.need_control()
    return desk


async def submitted(c: Connection, job: Job[T]) -> T:
    """What a job of the record gives, once it is stored. Raises :class:`StationError` in its own words."""
    try:
        result: T = await c.station.record.submit(job)
    except RecordError as error:
        raise StationError(str(error), error.code) from error
    return result


async def found_session(c: Connection, text: str, pen: UUID | None = None) -> UUID:
    """The session whose id begins with these digits, or the ``last`` one; with ``pen`` its last treatment."""
    return await submitted(c, lambda connection: find_session(connection, text, pen))


def need_no_run(desk: Desk) -> None:
    """Raises while a run is granted or about to be."""
    if desk.control.run is not None or desk.intents.starting or desk.parking.starting:
        raise StationError("A run is going on; END it first.", "running")
