"""What a signature covers: every row of a session and of those it resumes, as canonical JSON.

Rows that somebody entered are in the audit chain already. What the station wrote by itself (sessions, passes with their
segments and telemetry, commands, alarms, events, stops) is bound when the session is signed (`devicectl.records.bound`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from . import audit, bound
from . import tables as t
from .canonical import JsonValue, plain
from .chain_check import MACHINE
from .errors import RecordRefused
from .sealed import sealed_columns

FORMAT: Final = "devicectl-signature-2"

_CHILDREN: Final = (
    (t.anaesthetic_removals, "anaesthetic_id"),
    (t.cartridge_discards, "cartridge_use_id"),
    (t.pass_parts, "change_id"),
    (t.adverse_event_states, "adverse_event_id"),
    (t.follow_up_states, "follow_up_id"),
)
Row = dict[str, JsonValue]


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

    ``sessions`` as :func:`covered` gives them, bound right before by `devicectl.records.bound.bind`.
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
    for group in bound.groups(connection, up_to):
        found.setdefault(group.table, []).extend(map(_as_json, bound.rows_now(connection, group)))
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
        rows = _rows(connection, table, _chained(table, table.c.session_id.in_(sessions), up_to))
        keys[table.name] = [row["id"] for row in rows]
        found[table.name] = [*map(_as_json, rows)]
    for table, column in _CHILDREN:
        parent = next(iter(table.c[column].foreign_keys)).column.table.name
        rows = _rows(connection, table, _chained(table, table.c[column].in_(keys[parent]), up_to))
        found[table.name] = [*map(_as_json, rows)]
    return found


def _rows(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    query = sa.select(table).where(where).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


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
