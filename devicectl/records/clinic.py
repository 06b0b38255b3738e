"""Queries over clients, courses, protocols, cartridges and follow-ups: the one place that asks the database. Read-only.

Rows are plain mappings with the columns' names, as the command line prints them; `devicectl.records.register` shapes them for
the screens. What is sealed is left out, whoever may read it asks the station.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .errors import RecordError
from .sealed import SEALED, sealed_columns

Row = dict[str, Any]


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _ended() -> sa.ColumnElement[bool]:
    return sa.exists().where(t.course_ends.c.course_id == t.courses.c.id)


def clients(connection: sa.Connection, text: str = "", limit: int = 200) -> list[Row]:
    """Clients whose code holds ``text`` in capitals or not, those seen last first: ``code``, ``training``, ``sessions``,
    ``last_utc_us``, ``created_utc_us``, ``erased``, and as ``course`` the newest that is open (:func:`courses`)."""
    of_client = t.sessions.c.client_id == t.clients.c.id
    first = sa.and_(of_client, t.sessions.c.resumes_id.is_(None))
    last = sa.select(sa.func.max(t.sessions.c.opened_utc_us)).where(of_client).scalar_subquery().label("last_utc_us")
    query = sa.select(
        t.clients.c.id,
        t.clients.c.code,
        t.clients.c.training,
        t.clients.c.created_utc_us,
        sa.select(sa.func.count()).select_from(t.sessions).where(first).scalar_subquery().label("sessions"),
        last,
        sa.exists().where(t.erasures.c.client_id == t.clients.c.id).label("erased"),
    ).where(sa.func.lower(t.clients.c.code).contains(text.lower(), autoescape=True))
    seen = sa.func.coalesce(last.element, t.clients.c.created_utc_us)
    found = _rows(connection, query.order_by(seen.desc(), t.clients.c.code).limit(limit))
    newest: dict[UUID, Row] = {}
    for course in courses(connection, open_only=True):
        newest.setdefault(course["client_id"], course)
    for row in found:
        row["training"], row["erased"] = bool(row["training"]), bool(row["erased"])
        row["course"] = newest.get(row["id"])
    return found


def client_key(connection: sa.Connection, code: str) -> UUID:
    """The key of a client. Raises :class:`RecordError` when there is none of that code."""
    found: UUID | None = connection.execute(sa.select(t.clients.c.id).where(t.clients.c.code == code)).scalar()
    if found is None:
        error = RecordError(f"There is no client {code}; 'devicectl clients list' has them.")
        error.code = "no-such-client"
        raise error
    return found


def client_at_a_glance(connection: sa.Connection, code: str) -> Row:
    """One client: courses, sessions, assessments, adverse events with their newest state, follow-ups, photographs."""
    key = client_key(connection, code)
    of = {table.name: sa.select(table).where(table.c.client_id == key) for table in _OF_CLIENT}
    facts = sa.select(t.clients.c.training, sa.exists().where(t.erasures.c.client_id == key).label("erased"))
    one = connection.execute(facts.where(t.clients.c.id == key)).one()
    shown: Row = {"code": code, "id": key, "training": bool(one.training), "erased": bool(one.erased)}
    shown["courses"] = courses(connection, key)
    shown["sessions"] = _rows(
        connection,
        sa.select(
            t.sessions.c.id, t.sessions.c.opened_utc_us, t.sessions.c.ended_utc_us, t.sessions.c.end_reason,
            t.sessions.c.origin, t.sessions.c.resumes_id,
            sa.exists().where(t.signature_sessions.c.session_id == t.sessions.c.id).label("signed"),
        )
        .where(t.sessions.c.client_id == key)
        .order_by(t.sessions.c.opened_utc_us.desc()),
    )  # fmt: skip
    for row in shown["sessions"]:
        row["signed"] = bool(row["signed"])
    for name, query in of.items():
        shown[name] = [unsealed(name, row) for row in _rows(connection, query.order_by(sa.desc("at_utc_us")))]
    for row in shown["adverse_events"]:
        row["state"] = _newest(connection, t.adverse_event_states, "adverse_event_id", row["id"])
    for row in shown["follow_ups"]:
        row["state"] = _newest(connection, t.follow_up_states, "follow_up_id", row["id"])
    return shown


_OF_CLIENT = (t.assessments, t.adverse_events, t.follow_ups, t.photos)


def unsealed(table: str, row: Row) -> Row:
    """A row without its ciphertexts; :data:`SEALED` says that there is one."""
    hidden = sealed_columns().get(table, ())
    return {
        name.removesuffix("_sealed") if name in hidden else name: (SEALED if value else None)
        if name in hidden
        else value
        for name, value in row.items()
    }


def _newest(connection: sa.Connection, table: sa.Table, column: str, key: UUID) -> Row | None:
    query = sa.select(table).where(table.c[column] == key).order_by(table.c.seq.desc()).limit(1)
    return next((unsealed(table.name, row) for row in _rows(connection, query)), None)


def courses(connection: sa.Connection, client: UUID | None = None, *, open_only: bool = False) -> list[Row]:
    """Courses, newest first, with ``code`` of the client, ``protocol``, ``sessions_done``, ``last_utc_us`` and ``ended``."""
    mine = sa.and_(t.sessions.c.course_id == t.courses.c.id, t.sessions.c.resumes_id.is_(None))
    query = (
        sa.select(
            t.courses,
            t.clients.c.code,
            t.protocols.c.name.label("protocol_name"),
            (t.protocols.c.name + " v" + sa.cast(t.protocols.c.version, sa.Text)).label("protocol"),
            sa.select(sa.func.count()).select_from(t.sessions).where(mine).scalar_subquery().label("sessions_done"),
            sa.select(sa.func.max(t.sessions.c.opened_utc_us)).where(mine).scalar_subquery().label("last_utc_us"),
            _ended().label("ended"),
        )
        .join(t.clients, t.clients.c.id == t.courses.c.client_id)
        .join(t.protocols, t.protocols.c.id == t.courses.c.protocol_id)
    )
    if client is not None:
        query = query.where(t.courses.c.client_id == client)
    if open_only:
        query = query.where(~_ended())
    found = _rows(connection, query.order_by(t.courses.c.at_utc_us.desc(), t.courses.c.id.desc()))
    for row in found:
        row["ended"] = bool(row["ended"])
    return found


def protocols(connection: sa.Connection, name: str | None = None) -> list[Row]:
    """The newest version of each protocol by name, or every version of one (newest first); with ``zones``."""
    query = sa.select(t.protocols)
    if name is None:
        newer = t.protocols.alias()
        is_old = sa.exists().where(newer.c.name == t.protocols.c.name, newer.c.version > t.protocols.c.version)
        query = query.where(~is_old)
    else:
        query = query.where(t.protocols.c.name == name)
    found = _rows(connection, query.order_by(t.protocols.c.name, t.protocols.c.version.desc()))
    for row in found:
        zones = sa.select(t.protocol_zones).where(t.protocol_zones.c.protocol_id == row["id"])
        row["zones"] = _rows(connection, zones.order_by(t.protocol_zones.c.seq))
        for zone in row["zones"]:
            zone["passes"] = json.loads(zone["passes"])
    return found


def cartridge_uses(connection: sa.Connection, lot: str | None = None, limit: int = 200) -> list[Row]:
    """Registered cartridges, newest first, with ``code`` of the client, ``session_id`` and ``discarded_utc_us``.

    ``lot`` finds every client on whom a cartridge of that lot was used, also those that only the pen read.
    """
    query = (
        sa.select(
            t.cartridge_uses,
            t.clients.c.code,
            t.sessions.c.origin,
            t.sessions.c.opened_utc_us.label("session_utc_us"),
            t.cartridge_discards.c.discarded_utc_us,
        )
        .join(t.sessions, t.sessions.c.id == t.cartridge_uses.c.session_id)
        .outerjoin(t.clients, t.clients.c.id == t.sessions.c.client_id)
        .outerjoin(t.cartridge_discards, t.cartridge_discards.c.cartridge_use_id == t.cartridge_uses.c.id)
    )
    if lot is not None:
        query = query.where(t.cartridge_uses.c.lot == lot)
    return _rows(connection, query.order_by(t.cartridge_uses.c.at_utc_us.desc()).limit(limit))


def read_cartridges(connection: sa.Connection, lot: str) -> list[Row]:
    """Sessions in which a pen read a cartridge of this lot, with ``code``, ``serial``, ``type`` and ``passes``."""
    query = (
        sa.select(
            t.sessions.c.id.label("session_id"),
            t.sessions.c.opened_utc_us,
            t.sessions.c.origin,
            t.clients.c.code,
            t.cartridges.c.type,
            t.cartridges.c.serial,
            sa.func.count().label("passes"),
        )
        .join(t.passes, t.passes.c.session_id == t.sessions.c.id)
        .join(t.cartridges, t.cartridges.c.id == t.passes.c.cartridge_id)
        .outerjoin(t.clients, t.clients.c.id == t.sessions.c.client_id)
        .where(t.cartridges.c.lot == lot)
        .group_by(t.sessions.c.id, t.cartridges.c.id)
    )
    return _rows(connection, query.order_by(t.sessions.c.opened_utc_us.desc()))


def follow_ups_due(connection: sa.Connection, until: str) -> list[Row]:
    """Follow-ups without a state whose day is not after ``until`` (ISO 8601), oldest first, with the client's ``code``."""
    done = sa.exists().where(t.follow_up_states.c.follow_up_id == t.follow_ups.c.id)
    query = (
        sa.select(t.follow_ups, t.clients.c.code)
        .join(t.clients, t.clients.c.id == t.follow_ups.c.client_id)
        .where(~done, t.follow_ups.c.due_date <= until)
    )
    return _rows(connection, query.order_by(t.follow_ups.c.due_date, t.clients.c.code))
