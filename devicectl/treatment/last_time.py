"""What was answered the last time a client was here, and what of a client still stands open. Read-only queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t

from .forms.questions import checklist_again
from .opening import chain_of


@dataclass(frozen=True, slots=True)
class Answered:
    """The checklist as it was answered: answers by question. ``at_utc_us`` None: never.

    ``here`` are the answers of the session itself, when it has some already.
    """

    at_utc_us: int | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    here: Mapping[str, str] = field(default_factory=dict)


def last_answers(connection: sa.Connection, session: UUID) -> Answered:
    """The newest answers of the client of ``session`` in any other session, and those of this one and what it resumes."""
    client = connection.execute(sa.select(t.sessions.c.client_id).where(t.sessions.c.id == session)).scalar()
    if client is None:
        return Answered()
    mine = set(chain_of(connection, session))
    query = (
        sa.select(
            t.checklist_answers.c.session_id, t.checklist_answers.c.item, t.checklist_answers.c.answer,
            t.checklist_answers.c.at_utc_us,
        )
        .join(t.sessions, t.sessions.c.id == t.checklist_answers.c.session_id)
        .where(t.sessions.c.client_id == client)
        .order_by(t.checklist_answers.c.at_utc_us, t.checklist_answers.c.id)
    )  # fmt: skip
    before: dict[str, str] = {}
    here: dict[str, str] = {}
    at: int | None = None
    for row in connection.execute(query):
        if row.session_id in mine:
            here[row.item] = row.answer
        else:
            before[row.item], at = row.answer, row.at_utc_us
    return Answered(at, before, here)


def asked_again(answered: Answered) -> dict[str, object]:
    """The checklist with the answers of the last time in it, ready to be asked again: only "changed?" is left open."""
    values = checklist_again({**answered.answers, **answered.here})
    return values if answered.answers else {**values, "changed": "first"}


@dataclass(frozen=True, slots=True)
class Open:
    """What of a client stands open: adverse events that are not over, follow-ups by kind with their day (ISO 8601)."""

    events: int = 0
    follow_ups: tuple[tuple[str, str], ...] = ()


def open_matters(connection: sa.Connection, until: str) -> dict[str, Open]:
    """By client code: adverse events that go on, and follow-ups that nobody has said anything of, due until ``until``."""
    newer = t.adverse_event_states.alias()
    is_old = sa.exists().where(
        newer.c.adverse_event_id == t.adverse_event_states.c.adverse_event_id,
        newer.c.seq > t.adverse_event_states.c.seq,
    )
    over = sa.exists().where(
        t.adverse_event_states.c.adverse_event_id == t.adverse_events.c.id,
        t.adverse_event_states.c.outcome.not_in(("ongoing", "unknown")),
        ~is_old,
    )
    events = (
        sa.select(t.clients.c.code, sa.func.count())
        .join(t.adverse_events, t.adverse_events.c.client_id == t.clients.c.id)
        .where(~over)
        .group_by(t.clients.c.code)
    )
    found = {code: Open(number) for code, number in connection.execute(events)}
    done = sa.exists().where(t.follow_up_states.c.follow_up_id == t.follow_ups.c.id)
    due = (
        sa.select(t.clients.c.code, t.follow_ups.c.kind, t.follow_ups.c.due_date)
        .join(t.clients, t.clients.c.id == t.follow_ups.c.client_id)
        .where(~done, t.follow_ups.c.due_date <= until)
        .order_by(t.follow_ups.c.due_date)
    )
    for code, kind, day in connection.execute(due):
        known = found.get(code, Open())
        found[code] = Open(known.events, (*known.follow_ups, (kind, day)))
    return found
