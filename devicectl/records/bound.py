"""What the station wrote of a session, bound by keys and hashes when the session is signed.

An audit entry binds up to :data:`GROUP` rows of one table: its ``row_id`` is, for each of them, the key (of segments and
telemetry the pass and the number) and the beginning of the SHA-256 of the row, its body hash that of all keys and whole
hashes. So a row that was edited, taken out or put in is found by name; that nothing was is for the signature to say, which
covers the rows themselves. What may still change by right after signing (an alarm that is not acknowledged, an outcome that is not known) is
bound by its fixed columns only. What comes late by right (a STOP that the disk did not take then) has an audit entry of
its own, which nobody can write without the key of the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from . import audit, guards
from . import tables as t
from .chain_check import BOUND, BOUND_OPEN, LATE
from .entries import Chain
from .writer import Job

GROUP: Final = 64
_MARK: Final = 8
"""Bytes of a row's hash by which an edited row is named; whole hashes would double what a signature costs on the disk."""
_SEQ: Final = 4

_OF_SESSION: Final = (t.passes, t.commands, t.alarms, t.events, t.stops)
_OF_PASS: Final = (t.pass_segments, t.telemetry_blocks, t.pass_settings)
"""Parts of a pass, by its key and a number; settings are one for each, with the number 0."""
_CONTEXT: Final = (
    (t.clients, t.sessions.c.client_id),
    (t.courses, t.sessions.c.course_id),
    (t.pens, t.sessions.c.pen_id),
    (t.cartridges, t.passes.c.cartridge_id),
)
"""Rows that those of the session point to."""
_FINAL: Final = {
    "commands": t.commands.c.outcome.is_not(None) & (t.commands.c.outcome != "unknown"),
    "alarms": t.alarms.c.cleared_utc_us.is_not(None) & t.alarms.c.acknowledged_utc_us.is_not(None),
    "stops": t.stops.c.still == 1,
}

Row = dict[str, Any]


class Group(NamedTuple):
    """Rows of one table with the beginnings of their hashes, as entry ``seq`` binds them; ``whole`` is False when only their fixed columns
    are."""

    table: str
    whole: bool
    rows: dict[bytes, bytes]
    seq: int


class Change(NamedTuple):
    """What was done to a row since: ``added``, ``deleted`` or ``edited``; ``seq`` is the entry that binds it."""

    kind: str
    table: str
    key: str
    seq: int | None


def bind(connection: sa.Connection, key: bytes, sessions: Sequence[UUID], *, by: UUID, at_utc_us: int) -> None:
    """Add audit entries for what the station wrote of these sessions, inside the caller's transaction."""
    for table, whole, rows in _batches(connection, sessions):
        content = b"".join(one + digest[:_MARK] for one, digest in rows)
        audit.append(
            connection,
            key,
            at_utc_us=at_utc_us,
            operator=by,
            action=BOUND if whole else BOUND_OPEN,
            table_name=table.name,
            row_id=content,
            body=hashlib.sha256(b"".join(one + digest for one, digest in rows)).digest(),
        )


def _batches(
    connection: sa.Connection, sessions: Sequence[UUID]
) -> Iterator[tuple[sa.Table, bool, list[tuple[bytes, bytes]]]]:
    for table, where, whole in _chosen(sessions):
        rows = [(_key(row), audit.body_sha256(table, row)) for row in _rows(connection, table, where, whole=whole)]
        for start in range(0, len(rows), GROUP):
            yield table, whole, rows[start : start + GROUP]


def _chosen(sessions: Sequence[UUID]) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool], bool]]:
    yield t.sessions, t.sessions.c.id.in_(sessions), True
    for table in _OF_SESSION:
        mine, final = table.c.session_id.in_(sessions), _FINAL.get(table.name)
        if final is None:
            yield table, mine, True
        else:
            yield table, mine & final, True
            yield table, mine & sa.not_(sa.func.coalesce(final, False)), False
    for table in _OF_PASS:
        yield table, table.c.pass_id.in_(_passes_of(sessions)), True
    for table, pointer in _CONTEXT:
        source = pointer.table
        session = source.c.id if source is t.sessions else source.c.session_id
        yield table, table.c.id.in_(sa.select(pointer).where(session.in_(sessions), pointer.is_not(None))), True


def _passes_of(sessions: Sequence[UUID]) -> sa.Select[Any]:
    return sa.select(t.passes.c.id).where(t.passes.c.session_id.in_(sessions))


def _rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], *, whole: bool = True
) -> Iterator[Row]:
    names = [column.name for column in table.columns] if whole else guards.fixed_columns(table)
    query = sa.select(*(table.c[name] for name in names)).where(where).order_by(*table.primary_key.columns)
    for row in connection.execute(query):
        yield dict(zip(names, row, strict=True))


def _key(row: Row) -> bytes:
    if "id" in row:
        return bytes(row["id"].bytes)
    return bytes(row["pass_id"].bytes) + int(row.get("seq", 0)).to_bytes(_SEQ, "big")


def _named(key: bytes) -> str:
    return key.hex() if len(key) == 16 else f"{key[:16].hex()}/{int.from_bytes(key[16:], 'big')}"


# -- reading


def groups(connection: sa.Connection, up_to: int) -> list[Group]:
    """What was bound right before entry ``up_to`` and with it, in order. Raises ``ValueError`` for an entry that no program
    wrote."""
    query = sa.select(t.audit).where(t.audit.c.seq <= up_to).order_by(t.audit.c.seq.desc())
    found = []
    with connection.execute(query.execution_options(yield_per=GROUP)) as entries:
        for entry in entries:
            if entry.action not in (BOUND, BOUND_OPEN):
                break
            found.append(_group(entry))
    return found[::-1]


def _group(entry: Any) -> Group:
    table, content = t.metadata.tables[entry.table_name], bytes(entry.row_id)
    size = (16 + _SEQ if table in _OF_PASS else 16) + _MARK
    if len(content) % size:
        raise ValueError(f"audit entry {entry.seq} binds half a row")
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    rows = {part[:-_MARK]: part[-_MARK:] for part in parts}
    return Group(table.name, entry.action == BOUND, rows, int(entry.seq))


def rows_now(connection: sa.Connection, group: Group) -> Iterator[Row]:
    """The rows of a group as they are now, in the order of their keys; what is gone is left out."""
    table = t.metadata.tables[group.table]
    if table not in _OF_PASS:
        yield from _rows(connection, table, table.c.id.in_([UUID(bytes=one) for one in group.rows]), whole=group.whole)
        return
    passes = {UUID(bytes=one[:16]) for one in group.rows}
    for row in _rows(connection, table, table.c.pass_id.in_(passes)):
        if 0 <= row.get("seq", 0) < 1 << 8 * _SEQ and _key(row) in group.rows:
            yield row


def edited(connection: sa.Connection, bound: Sequence[Group]) -> Iterator[Change]:
    """Rows that are not as they were bound, or are gone."""
    for group in bound:
        table = t.metadata.tables[group.table]
        now = {_key(row): audit.body_sha256(table, row)[:_MARK] for row in rows_now(connection, group)}
        for key, mark in group.rows.items():
            if now.get(key) != mark:
                yield Change("edited" if key in now else "deleted", group.table, _named(key), group.seq)


def added(connection: sa.Connection, bound: Sequence[Group]) -> Iterator[Change]:
    """Rows of the bound sessions that were neither bound nor came late by right."""
    keys: dict[str, set[str]] = {}
    for group in bound:
        keys.setdefault(group.table, set()).update(map(_named, group.rows))
    sessions = [UUID(hex=one) for one in keys.get("sessions", ())]
    passes = [UUID(hex=one) for one in keys.get("passes", ())]
    for table in _OF_SESSION:
        late = sa.exists().where(
            t.audit.c.table_name == table.name, t.audit.c.row_id == table.c.id, t.audit.c.action == LATE
        )
        found = sa.select(table.c.id).where(table.c.session_id.in_(sessions), ~late).order_by(table.c.id)
        for key in connection.execute(found).scalars():
            if key.hex not in keys.get(table.name, ()):
                yield Change("added", table.name, key.hex, None)
    for table in _OF_PASS:
        number = table.c.seq if "seq" in table.c else sa.literal(0).label("seq")
        parts = sa.select(table.c.pass_id, number).where(table.c.pass_id.in_(passes))
        for row in connection.execute(parts.order_by(*table.primary_key.columns)):
            name = f"{row.pass_id.hex}/{row.seq}"
            if name not in keys.get(table.name, ()):
                yield Change("added", table.name, name, None)


# -- late


def kept_late(chain: Chain, job: Job[Any], table: sa.Table, row: UUID, at_utc_us: int) -> Job[None]:
    """``job``, which stores ``row`` of ``table``, for something that is written later than it happened: when its session is
    signed by now, an audit entry in the same transaction says that the program wrote it."""

    def kept(connection: sa.Connection) -> None:
        job(connection)
        names = guards.fixed_columns(table)
        found = connection.execute(
            sa.select(*(table.c[name] for name in names)).where(table.c.id == row, _is_signed(table))
        ).first()
        known = sa.select(t.audit.c.seq).where(t.audit.c.table_name == table.name, t.audit.c.row_id == row.bytes)
        if found is None or connection.execute(known).first() is not None:
            return
        audit.append(
            connection,
            chain.key,
            at_utc_us=at_utc_us,
            operator=None,
            action=LATE,
            table_name=table.name,
            row_id=row.bytes,
            body=audit.body_sha256(table, dict(zip(names, found, strict=True))),
        )

    return kept


def _is_signed(table: sa.Table) -> sa.ColumnElement[bool]:
    return (
        sa.exists()
        .where(t.signature_sessions.c.session_id == table.c.session_id)
        .where(t.signatures.c.id == t.signature_sessions.c.signature_id, t.signatures.c.meaning == "performed")
    )
