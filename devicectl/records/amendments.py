"""Corrections of signed sessions: what stood there stays, and the newest value stands beside it with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .audit import Value, packed
from .entries import Chain, Entry
from .errors import RecordRefused
from .signed import belongs_to, entered_tables, is_sealed
from .writer import Job

_NEVER: Final = frozenset({"id", "at_utc_us", "operator_id"})
_OF_PASSES: Final = ("zone", "direction")
"""What a person says of a pass; all else was measured."""
_FIRM: Final = frozenset({"signatures", "signature_sessions", "amendments"})


@dataclass(frozen=True, slots=True)
class Amendment:
    """One correction. ``old`` and ``new`` are as the column has them; of a sealed column they are ciphertext."""

    id: UUID
    session: UUID
    table: str
    row: UUID
    field: str
    old: int | str | bytes | None
    new: int | str | bytes | None
    reason_sealed: bytes
    at_utc_us: int
    by: UUID | None


def unpacked(content: bytes | None) -> int | str | bytes | None:
    """The value that `devicectl.records.audit.packed` wrote."""
    if content is None:
        return None
    kind, value = content[:1], content[5:]
    if kind == b"i":
        return int(value)
    if kind == b"s":
        return value.decode()
    return None if kind == b"n" else value


def amendable(table: str) -> tuple[str, ...]:
    """Columns of a table that an amendment may correct; none for tables that are not amended."""
    found = t.metadata.tables.get(table)
    if found is t.passes:
        return _OF_PASSES
    if found is None or table in _FIRM or (found not in entered_tables() and table not in _CHILD_TABLES):
        return ()
    return tuple(c.name for c in found.columns if c.name not in _NEVER and not c.foreign_keys and c.name != "seq")


_CHILD_TABLES: Final = frozenset(
    {"anaesthetic_removals", "cartridge_discards", "pass_parts", "adverse_event_states", "follow_up_states"}
)


def amended(
    chain: Chain,
    id: UUID,
    *,
    session: UUID,
    table: str,
    row: UUID,
    field: str,
    new: Value,
    reason_sealed: bytes,
    by: UUID,
    at_utc_us: int,
) -> Job[int]:
    """Add an amendment to a signed session; gives the number of its audit entry.

    What stood there is read in the same transaction: the column, or the newest amendment of it. The value of a sealed
    column is sealed for that column and row. The job raises :class:`RecordRefused` when the session is not signed, the
    row is not one of it, the column takes no amendment, or nothing would change.
    """

    def job(connection: sa.Connection) -> int:
        _check(connection, session, table, row, field, new)
        old = current(connection, table, row, field)
        if packed(new) == packed(old):
            raise RecordRefused("This is what stands there already: nothing was amended.")
        values = {
            "id": id,
            "session_id": session,
            "table_name": table,
            "row_id": row.bytes,
            "field": field,
            "old": packed(old),
            "new": packed(new),
            "reason_sealed": reason_sealed,
        }
        return chain.enter(connection, [Entry(t.amendments, values, by, at_utc_us, "amended")])

    return job


def _check(connection: sa.Connection, session: UUID, table: str, row: UUID, field: str, new: Value) -> None:
    if field not in amendable(table):
        raise RecordRefused(f"{table[:40]} has no field {field[:40]} that can be amended.")
    found = t.metadata.tables[table]
    if belongs_to(connection, found, row) != session:
        raise RecordRefused("This session has no such entry.")
    performed = (
        sa.select(t.signatures.c.id)
        .join(t.signature_sessions, t.signature_sessions.c.signature_id == t.signatures.c.id)
        .where(t.signature_sessions.c.session_id == session, t.signatures.c.meaning == "performed")
    )
    if connection.execute(performed).first() is None:
        raise RecordRefused("This session is not signed yet: enter the right value anew instead of amending it.")
    column = found.c[field]
    kind: type = int if isinstance(column.type, sa.BigInteger) else str if isinstance(column.type, sa.Text) else bytes
    if new is None and not column.nullable:
        raise RecordRefused(f"The field {field} cannot be empty.")
    if new is not None and not isinstance(new, kind):
        what = "ciphertext" if is_sealed(found, field) else "a whole number" if kind is int else "a text"
        raise RecordRefused(f"The field {field} takes {what}.")


def current(connection: sa.Connection, table: str, row: UUID, field: str) -> int | str | bytes | None:
    """What counts now: the newest amendment of a field, else the column."""
    newest = (
        sa.select(t.amendments.c.new)
        .join(t.audit, sa.and_(t.audit.c.table_name == "amendments", t.audit.c.row_id == t.amendments.c.id))
        .where(t.amendments.c.table_name == table, t.amendments.c.row_id == row.bytes, t.amendments.c.field == field)
        .order_by(t.audit.c.seq.desc())
        .limit(1)
    )
    found = connection.execute(newest).first()
    if found is not None:
        return unpacked(found.new)
    column = t.metadata.tables[table].c[field]
    value = connection.execute(sa.select(column).where(t.metadata.tables[table].c.id == row)).scalar_one()
    return value if value is None or isinstance(value, int | str) else bytes(value)


def amendments_of(connection: sa.Connection, sessions: Sequence[UUID]) -> list[Amendment]:
    """Every amendment of these sessions, in the order of entry: the last of a field counts."""
    query = (
        sa.select(t.amendments)
        .join(t.audit, sa.and_(t.audit.c.table_name == "amendments", t.audit.c.row_id == t.amendments.c.id))
        .where(t.amendments.c.session_id.in_(sessions))
        .order_by(t.audit.c.seq)
    )
    return [
        Amendment(
            row.id,
            row.session_id,
            row.table_name,
            UUID(bytes=bytes(row.row_id)),
            row.field,
            unpacked(row.old),
            unpacked(row.new),
            bytes(row.reason_sealed),
            row.at_utc_us,
            row.operator_id,
        )
        for row in connection.execute(query)
    ]
