"""Is the audit chain whole, and are the rows those it speaks of? Reads as a stream (100,000 entries with their rows in about 2 s)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from . import audit, guards
from . import tables as t
from .audit import START, Anchor

BOUND: Final = "bound"
BOUND_OPEN: Final = "bound-open"
"""Actions of entries that bind rows of what pens did when a session is signed; see `devicectl.records.bound`."""
LATE: Final = "late"
"""Action of an entry for one such row that came to a session when it was signed already."""

MACHINE: Final = frozenset(table.name for table in t.metadata.sorted_tables if table.name in {
    "stations", "boots", "pens", "cartridges", "sessions", "passes", "pass_segments", "pass_settings", "telemetry_blocks",
    "commands", "alarms", "events", "stops",
})  # fmt: skip
"""What the station writes by itself; bound when it is signed."""
_LATER: Final = frozenset({"clients"})
"""Filled by versions that knew no chain: an entry is checked where there is one."""

MOST: Final = 20
"""Damages told of one kind; the first is what matters."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that was done to the record. ``seq`` is the audit entry, None where there is none.

    ``kind``: edited, actor-changed, deleted, swapped, replaced, cut, row-edited, row-deleted, row-added, signed-edited,
    signed-deleted, signed-added, signature-broken, unreadable, foreign-anchor, guards. ``row`` is its key, of segments and
    telemetry ``PASS/NUMBER``.
    """

    kind: str
    seq: int | None
    table: str
    row: str
    text: str


class Entry(NamedTuple):
    """An audit entry as it lies in the file, keys as bytes."""

    seq: int
    station_id: bytes
    at_utc_us: int
    operator_id: bytes | None
    action: str
    table_name: str
    row_id: bytes
    body_sha256: bytes
    previous: bytes
    hash: bytes

    def link(self, key: bytes, **changed: Any) -> bytes:
        """The hash that belongs to these fields, some of them ``changed``."""
        own = self._replace(**changed) if changed else self
        return audit.link_hash(
            key,
            own.previous,
            own.seq,
            own.station_id,
            own.at_utc_us,
            own.operator_id,
            own.action,
            own.table_name,
            own.row_id,
            own.body_sha256,
        )

    def damage(self, kind: str, text: str) -> Damage:
        """A damage of this entry."""
        return Damage(kind, self.seq, self.table_name, self.row_id[:16].hex(), text)


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was read: number of entries that are sound, hash of the last of them, and the first damage, if any."""

    entries: int
    hash: bytes
    damage: Damage | None


def check_chain(
    key: bytes,
    entries: Iterable[Entry],
    *,
    anchors: Mapping[int, bytes] | None = None,
    operators: Mapping[bytes, str] | None = None,
) -> ChainReport:
    """Follow the chain from its first entry to the first that does not fit.

    ``anchors`` are hashes by entry that were kept elsewhere; ``operators`` names by key, to tell who an entry really came
    from when somebody else was put in.
    """
    anchors = anchors or {}
    expected, previous = 1, START
    rest = iter(entries)
    for entry in rest:
        if entry.seq != expected or entry.previous != previous or entry.link(key) != entry.hash:
            return ChainReport(
                expected - 1, previous, _diagnosis(key, entry, expected, previous, rest, operators or {})
            )
        kept = anchors.get(entry.seq)
        if kept is not None and kept != entry.hash:
            text = f"Audit entry {entry.seq} is not the one that its anchor names: the chain was written anew with its key."
            return ChainReport(expected - 1, previous, entry.damage("replaced", text))
        expected, previous = expected + 1, entry.hash
    last = max((seq for seq in anchors if seq >= expected), default=None)
    if last is not None:
        text = f"The audit chain ends at entry {expected - 1}, and entry {last} was kept as an anchor: its end was cut off."
        return ChainReport(expected - 1, previous, Damage("cut", last, "audit", "", text))
    return ChainReport(expected - 1, previous, None)


def _diagnosis(
    key: bytes,
    entry: Entry,
    expected: int,
    previous: bytes,
    rest: Iterator[Entry],
    operators: Mapping[bytes, str],
) -> Damage:
    what = f"Audit entry {entry.seq}"
    if entry.seq > expected:
        many = entry.seq - expected
        text = (
            f"Audit entry {expected} was deleted."
            if many == 1
            else f"Audit entries {expected} to {entry.seq - 1} were deleted."
        )
        return Damage("deleted", expected, "audit", "", text)
    if entry.link(key) == entry.hash:
        return entry.damage("replaced", f"{what} does not follow from the one before: one of the two was written anew.")
    for operator in (*operators, None):
        if operator != entry.operator_id and entry.link(key, operator_id=operator, previous=previous) == entry.hash:
            who = "nobody" if operator is None else operators[operator]
            return entry.damage("actor-changed", f"{what} was entered by {who}, and somebody else was put in.")
    for other in rest:
        moved = other.link(key, seq=entry.seq, previous=previous)
        if moved in (entry.hash, other.hash):
            return entry.damage("swapped", f"{what} and entry {other.seq} were swapped.")
    return entry.damage("edited", f"{what} was edited, or written without the key.")


_LATE: Final = f"= '{LATE}'"
_ENTERED: Final = f"NOT IN ('{BOUND}', '{BOUND_OPEN}', '{LATE}')"
_COLUMNS: Final = ", ".join(Entry._fields)


def read_chain(connection: sa.Connection) -> Iterator[Entry]:
    """Every entry of the record, in order, as a stream."""
    for row in connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM audit ORDER BY seq"):
        yield Entry._make(row)


def anchors_of(connection: sa.Connection, kept: Sequence[Anchor] = ()) -> dict[int, bytes]:
    """Hashes by entry: those that were ``kept`` elsewhere, and those that signatures hold."""
    found = {
        int(row.audit_seq): bytes(row.audit_hash)
        for row in connection.execute(sa.select(t.signatures.c.audit_seq, t.signatures.c.audit_hash))
    }
    found.update({one.seq: one.hash for one in kept if one.seq > 0})
    return found


def names_of(connection: sa.Connection) -> dict[bytes, str]:
    """The newest name of every operator, by key as bytes."""
    query = sa.select(t.operator_states.c.operator_id, t.operator_states.c.name).order_by(t.operator_states.c.seq)
    known: dict[bytes, str] = {id.bytes: "an operator without a name" for id in _operators(connection)}
    known.update({row.operator_id.bytes: row.name for row in connection.execute(query)})
    return known


def _operators(connection: sa.Connection) -> list[UUID]:
    return list(connection.execute(sa.select(t.operators.c.id)).scalars())


def check_rows(connection: sa.Connection) -> tuple[int, list[Damage]]:
    """Compare every row with its audit entry; answers how many were compared, and what was done to them."""
    count, found = 0, list[Damage]()
    named = set(connection.execute(sa.select(t.audit.c.table_name).distinct()).scalars())
    late = set(connection.execute(sa.select(t.audit.c.table_name).where(t.audit.c.action == LATE)).scalars())
    for table in t.metadata.sorted_tables:
        if table is t.audit:
            continue
        if table.name in MACHINE:
            if table.name in late:
                seen, damages = _compared(connection, table, guards.fixed_columns(table), late=True)
                count += seen
                found += damages
            continue
        if table.name in named:
            seen, damages = _compared(connection, table, [column.name for column in table.columns], late=False)
            count += seen
            found += damages
        if table.name not in _LATER:
            found += _without_entry(connection, table)
    return count, sorted(found, key=lambda one: one.seq or 0)


def _compared(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], *, late: bool
) -> tuple[int, list[Damage]]:
    columns = ", ".join(f"r.{name}" for name in names)
    rows = connection.exec_driver_sql(
        f"SELECT a.seq, a.row_id, a.body_sha256, {columns} FROM audit a LEFT JOIN {table.name} r ON r.id = a.row_id "
        f"WHERE a.table_name = '{table.name}' AND a.action {_LATE if late else _ENTERED}"
    )
    count, found = 0, list[Damage]()
    for seq, key, body, *values in rows:
        count += 1
        row = dict(zip(names, values, strict=True))
        if row["id"] is None:
            text = f"{_named(table, key)} is gone from the record; audit entry {seq} speaks of it."
            found.append(Damage("row-deleted", seq, table.name, key.hex(), text))
        elif audit.body_sha256(table, row) != body:
            text = f"{_named(table, key)} was edited after audit entry {seq} was written."
            found.append(Damage("row-edited", seq, table.name, key.hex(), text))
        if len(found) >= MOST:
            break
    return count, found


def _named(table: sa.Table, key: bytes) -> str:
    """A row as people find it in ``sessions show``: the table and the last digits of the key."""
    return f"Entry {key.hex()[-8:]} of {table.name}"


def _without_entry(connection: sa.Connection, table: sa.Table) -> Iterator[Damage]:
    rows = connection.exec_driver_sql(
        f"SELECT r.id FROM {table.name} r WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.table_name = '{table.name}' "
        f"AND a.row_id = r.id) LIMIT {MOST}"
    )
    for (key,) in rows:
        text = f"{_named(table, key)} has no audit entry: it was put in past the program, or the end of the chain was cut off."
        yield Damage("row-added", None, table.name, key.hex(), text)


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One audit entry for people: ``operator`` is the newest name, None where nobody was signed in."""

    seq: int
    at_utc_us: int
    operator: str | None
    action: str
    table: str
    row: str
    hash: str


def newest_entries(connection: sa.Connection, last: int, table: str | None = None) -> list[EntryLine]:
    """The newest ``last`` entries, oldest of them first; of one table when it is named."""
    query = sa.select(t.audit).order_by(t.audit.c.seq.desc()).limit(last)
    if table is not None:
        query = query.where(t.audit.c.table_name == table)
    names = names_of(connection)
    return [
        EntryLine(
            row.seq,
            row.at_utc_us,
            None if row.operator_id is None else names.get(row.operator_id.bytes, row.operator_id.hex),
            row.action,
            row.table_name,
            bytes(row.row_id)[:16].hex(),
            bytes(row.hash).hex(),
        )
        for row in reversed(connection.execute(query).all())
    ]
