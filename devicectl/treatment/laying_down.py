"""The follow-ups that a session lays down when it is signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.writer import Job

from .follow_up import laid_down
from .opening import chain_of, course_facts


def lay_down(
    chain: Chain, session: UUID, *, by: UUID, at_utc_us: int, zone: tzinfo, new_id: Callable[[], UUID]
) -> Job[int]:
    """Lay down what the rule asks for (`devicectl.treatment.follow_up`); gives how many.

    A kind of follow-up that the session has already, by hand or from before, is left as it is.
    """

    def job(connection: sa.Connection) -> int:
        row = connection.execute(sa.select(t.sessions).where(t.sessions.c.id == session)).first()
        if row is None or row.client_id is None:
            return 0
        sessions = chain_of(connection, session)
        known = set(
            connection.execute(sa.select(t.follow_ups.c.kind).where(t.follow_ups.c.session_id.in_(sessions))).scalars()
        )
        first = connection.execute(
            sa.select(sa.func.min(t.sessions.c.opened_utc_us)).where(t.sessions.c.id.in_(sessions))
        ).scalar_one()
        day, start, min_days, left = _day(first, zone), _day(first, zone), None, 0
        if row.course_id is not None:
            course = course_facts(connection, row.course_id, before_utc_us=row.opened_utc_us, resumed=row.resumes_id)
            start = _day(
                connection.execute(
                    sa.select(sa.func.min(t.sessions.c.opened_utc_us)).where(t.sessions.c.course_id == row.course_id)
                ).scalar_one(),
                zone,
            )
            min_days, left = course.min_days, course.sessions_planned - course.session
        due = [
            one
            for one in laid_down(day, course_start=start, min_days=min_days, sessions_left=left)
            if one.kind not in known
        ]
        for one in due:
            values = {
                "id": new_id(),
                "client_id": row.client_id,
                "session_id": session,
                "kind": one.kind,
                "due_date": one.due.isoformat(),
            }
            chain.enter(connection, [Entry(t.follow_ups, values, by, at_utc_us, "laid-down")])
        return len(due)

    return job


def _day(utc_us: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(utc_us / 1e6, tz=UTC).astimezone(zone).date()
