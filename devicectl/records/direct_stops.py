"""STOP that a client wrote straight to a port, as an event of the pen and the session that it belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from . import jobs
from . import tables as t
from .rows import EventRow
from .writer import Job

DIRECT: Final = "stop-direct"
AFTER_US: Final = 600_000_000
"""A session that a crash had interrupted is still what a STOP within the next 10 minutes was about."""


def direct_stop_logged(row: EventRow, serial: str) -> Job[None]:
    """Keep ``row`` with the pen of that serial number (empty: unknown), and its session of that time, if there was one."""

    def job(connection: sa.Connection) -> None:
        pens, sessions = t.pens.c, t.sessions.c
        pen = connection.execute(
            sa.select(pens.id).where(pens.serial == serial).order_by(pens.id.desc()).limit(1)
        ).scalar()
        session = connection.execute(
            sa.select(sessions.id, sessions.pen_id)
            .join(t.pens, pens.id == sessions.pen_id)
            .where(
                pens.serial == serial,
                sessions.opened_utc_us <= row.at_utc_us,
                sa.or_(
                    sessions.ended_utc_us.is_(None),
                    sessions.ended_utc_us >= row.at_utc_us,
                    sa.and_(sessions.end_reason == "interrupted", sessions.ended_utc_us >= row.at_utc_us - AFTER_US),
                ),
            )
            .order_by(sessions.opened_utc_us.desc())
            .limit(1)
        ).first()
        if session is not None:
            found = replace(row, session_id=session.id, pen_id=session.pen_id)
        else:
            found = replace(row, pen_id=pen)
        jobs.event_logged(found)(connection)

    return job
