"""Who held control when a pass was begun: an event stored with the pass, which a signature covers with all others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from . import jobs
from . import tables as t
from .rows import EventRow, PassRow
from .writer import Job

PASS_OPERATOR: Final = "pass-operator"
"""Code of the event; its data are ``pass``, ``operator`` (keys) and ``name`` as it was then."""


def pass_opened_by(row: PassRow, event: EventRow | None) -> Job[None]:
    """Open a pass together with the event that says whose it is; None where nobody was signed in."""
    opened = jobs.pass_opened(row)
    if event is None:
        return opened
    told = jobs.event_logged(event)

    def job(connection: sa.Connection) -> None:
        opened(connection)
        told(connection)

    return job


def held_control(connection: sa.Connection, sessions: Sequence[UUID]) -> dict[UUID, str]:
    """Who held control of passes of these sessions: names, as they were then, by key."""
    query = sa.select(t.events.c.data).where(t.events.c.session_id.in_(sessions), t.events.c.code == PASS_OPERATOR)
    told = [json.loads(data) for data in connection.execute(query.order_by(t.events.c.at_utc_us)).scalars()]
    return {UUID(one["operator"]): str(one["name"]) for one in told}


def pass_operators(connection: sa.Connection, session: UUID) -> dict[UUID, str]:
    """Names of who held control, by pass; passes of whom nobody is known are left out."""
    query = sa.select(t.events.c.data).where(t.events.c.session_id == session, t.events.c.code == PASS_OPERATOR)
    found: dict[UUID, str] = {}
    for data in connection.execute(query).scalars():
        told = json.loads(data)
        found[UUID(told["pass"])] = str(told["name"])
    return found
