"""What a signature covers: every row of a session and of those it resumes, as canonical JSON.

Rows that somebody entered are in the audit chain already. What the station wrote by itself (sessions, passes with their
segments and telemetry, commands, alarms, events, stops) is bound when the session is signed: audit entries whose
``row_id`` is the keys of up to :data:`GROUP` rows, and whose body is the hash of theirs. What may still change by right
after signing (an alarm that is not acknowledged, an outcome that is not known) is bound by its fixed columns only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from . import audit, guards
from . import tables as t
from .canonical import JsonValue, plain
from .chain_check import BOUND, BOUND_OPEN, MACHINE
from .errors import RecordRefused
from .sealed import sealed_columns

GROUP: Final = 64
FORMAT: Final = "devicectl-signature-1"

_OF_SESSION: Final = (t.passes, t.commands, t.alarms, t.events, t.stops)
_FINAL: Final = {
    "commands": t.commands.c.outcome.is_not(None) & (t.commands.c.outcome != "unknown"),
    "alarms": t.alarms.c.cleared_utc_us.is_not(None) & t.alarms.c.acknowledged_utc_us.is_not(None),
    "stops": t.stops.c.still == 1,
}
_CHILDREN: Final = (
    (t.anaesthetic_removals, "anaesthetic_id"),
    (t.cartridge_discards, "cartridge_use_id"),
    (t.pass_parts, "change_id"),
    (t.adverse_event_states, "adverse_event_id"),
    (t.follow_up_states, "follow_up_id"),
)
_CONTEXT: Final = (
    (t.clients, "sessions", "client_id"),
    (t.courses, "sessions", "course_id"),
    (t.pens, "sessions", "pen_id"),
    (t.cartridges, "passes", "cartridge_id"),
)
"""Rows that those of the session point to."""

Row = dict[str, JsonValue]


class Group(NamedTuple):
    """Rows of one table that are bound together; ``whole`` is False when only their fixed columns are."""

    table: str
    keys: tuple[UUID, ...]
    whole: bool


def covered(connection: sa.Connection, session: UUID) -> list[UUID]:
    """The session and those it resumes, newest first. Raises :class:`RecordRefused` when there is none."""
    found: list[UUID] = []
    query = sa.select(t.sessions.c.resumes_id).where(t.sessions.c.id == sa.bindparam("key", type_=t.Guid))
    following: UUID | None = session
    while following is not None and following not in found:
        row = connection.execute(query, {"key": following}).first()
        if row is None:
            raise RecordRefused("The record has no such session.")
        found.append(following)
        following = row.resumes_id
    return found


# -- binding


def bind(connection: sa.Connection, key: bytes, sessions: Sequence[UUID], *, by: UUID, at_utc_us: int) -> None:
    """Add audit entries for what the station wrote of these sessions, inside the caller's transaction."""
    for group in _groups(connection, sessions):
        audit.append(
            connection,
            key,
            at_utc_us=at_utc_us,
            operator=by,
            action=BOUND if group.whole else BOUND_OPEN,
            table_name=group.table,
            row_id=b"".join(one.bytes for one in group.keys),
            body=group_sha256(connection, group),
        )


def _groups(connection: sa.Connection, sessions: Sequence[UUID]) -> Iterator[Group]:
    yield Group("sessions", tuple(sorted(sessions)), True)
    for table in _OF_SESSION:
        query = sa.select(table.c.id).where(table.c.session_id.in_(sessions)).order_by(table.c.id)
        final = _FINAL.get(table.name)
        for whole in (True,) if final is None else (True, False):
            chosen = (
                query if final is None else query.where(final if whole else sa.not_(sa.func.coalesce(final, False)))
            )
            keys = list(connection.execute(chosen).scalars())
            for start in range(0, len(keys), GROUP):
                yield Group(table.name, tuple(keys[start : start + GROUP]), whole)


def bound_groups(connection: sa.Connection, up_to: int) -> list[tuple[Group, bytes, int]]:
    """The groups that were bound right before entry ``up_to`` and with it: group, hash, number of the entry."""
    query = sa.select(t.audit).where(t.audit.c.seq <= up_to).order_by(t.audit.c.seq.desc())
    found = []
    with connection.execute(query.execution_options(yield_per=GROUP)) as entries:
        for entry in entries:
            if entry.action not in (BOUND, BOUND_OPEN):
                break
            content = bytes(entry.row_id)
            keys = tuple(UUID(bytes=content[at : at + 16]) for at in range(0, len(content), 16))
            group = Group(entry.table_name, keys, entry.action == BOUND)
            found.append((group, bytes(entry.body_sha256), int(entry.seq)))
    return found[::-1]


def group_sha256(connection: sa.Connection, group: Group) -> bytes:
    """The hash that binds the rows of a group as they are now; missing rows count as missing."""
    table = t.metadata.tables[group.table]
    content = hashlib.sha256()
    for row in _rows(connection, table, table.c.id.in_(group.keys), whole=group.whole):
        content.update(audit.body_sha256(table, row))
    if group.table == "passes":
        for part in (t.pass_segments, t.telemetry_blocks):
            for row in _rows(connection, part, part.c.pass_id.in_(group.keys)):
                content.update(audit.body_sha256(part, row))
    return content.digest()


def _rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], *, whole: bool = True
) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.columns] if whole else list(guards.FIXED[table.name])
    query = sa.select(*(table.c[name] for name in names)).where(where).order_by(*table.primary_key.columns)
    for row in connection.execute(query):
        yield dict(zip(names, row, strict=True))


# -- the payload


def payload(
    connection: sa.Connection,
    sessions: Sequence[UUID],
    at: audit.Anchor,
    *,
    meaning: str,
    operator: UUID,
    name: str,
    at_utc_us: int,
) -> Row:
    """What is signed, when the chain stands ``at`` its newest entry: the same again whenever it is asked for.

    ``sessions`` as :func:`covered` gives them, bound right before by :func:`bind`.
    """
    return {
        "format": FORMAT,
        "session": sessions[0].hex,
        "sessions": [one.hex for one in sessions],
        "meaning": meaning,
        "operator": operator.hex,
        "name": name,
        "at_utc_us": at_utc_us,
        "audit": {"station": at.station.hex, "seq": at.seq, "hash": at.hash.hex()},
        "rows": {**_bound_rows(connection, at.seq), **_entered(connection, sessions, at.seq)},
    }


def _bound_rows(connection: sa.Connection, up_to: int) -> Row:
    found: dict[str, list[JsonValue]] = {}
    pointed: dict[str, set[UUID]] = {table.name: set() for table, _, _ in _CONTEXT}
    for group, _, _ in bound_groups(connection, up_to):
        table = t.metadata.tables[group.table]
        for row in _rows(connection, table, table.c.id.in_(group.keys), whole=group.whole):
            found.setdefault(table.name, []).append(_as_json(row))
            for target, source, column in _CONTEXT:
                if source == table.name and row[column] is not None:
                    pointed[target.name].add(row[column])
        if group.table == "passes":
            for part in (t.pass_segments, t.telemetry_blocks):
                rows = _rows(connection, part, part.c.pass_id.in_(group.keys))
                found.setdefault(part.name, []).extend(map(_as_json, rows))
    for target, _, _ in _CONTEXT:
        found[target.name] = [*map(_as_json, _rows(connection, target, target.c.id.in_(pointed[target.name])))]
    return {**found}


def _as_json(row: dict[str, Any]) -> Row:
    """A row as JSON; telemetry by its hash."""
    if "data" in row and isinstance(row["data"], bytes):
        row = {**row, "data_sha256": hashlib.sha256(row["data"]).digest()}
        del row["data"]
    return {name: plain(value) for name, value in row.items()}


def entered_tables() -> list[sa.Table]:
    """Tables of what people entered for a session, each with ``session_id``."""
    return [table for table in t.metadata.sorted_tables if "session_id" in table.c and table.name not in MACHINE]


def _entered(connection: sa.Connection, sessions: Sequence[UUID], up_to: int) -> Row:
    found: Row = {}
    keys: dict[str, list[UUID]] = {}
    for table in entered_tables():
        rows = [*_rows(connection, table, _chained(table, table.c.session_id.in_(sessions), up_to))]
        keys[table.name] = [row["id"] for row in rows]
        found[table.name] = [*map(_as_json, rows)]
    for table, column in _CHILDREN:
        parent = next(iter(table.c[column].foreign_keys)).column.table.name
        rows = [*_rows(connection, table, _chained(table, table.c[column].in_(keys[parent]), up_to))]
        found[table.name] = [*map(_as_json, rows)]
    return found


def _chained(table: sa.Table, where: sa.ColumnElement[bool], up_to: int) -> sa.ColumnElement[bool]:
    """Rows whose audit entry is not newer than ``up_to``."""
    entry = sa.select(t.audit.c.seq).where(
        t.audit.c.table_name == table.name, t.audit.c.row_id == table.c.id, t.audit.c.seq <= up_to
    )
    return where & sa.exists(entry.correlate(table))


def belongs_to(connection: sa.Connection, table: sa.Table, row: UUID) -> UUID | None:
    """The session of a pass or of a row that was entered; None when it belongs to none or is not there."""
    if "session_id" in table.c:
        column: sa.ColumnElement[UUID] = table.c.session_id
    else:
        name = next(name for child, name in _CHILDREN if child is table)
        parent = next(iter(table.c[name].foreign_keys)).column.table
        column = sa.select(parent.c.session_id).where(parent.c.id == table.c[name]).correlate(table).scalar_subquery()
    found: UUID | None = connection.execute(sa.select(column).where(table.c.id == row)).scalar()
    return found


def is_sealed(table: sa.Table, column: str) -> bool:
    """Whether the column holds ciphertext under a client's key."""
    return column in sealed_columns().get(table.name, ())
