"""One row in every table of a treatment, made from the tables themselves."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry

KEY = bytes(range(32))
SPECIAL = {
    "dwell_max_s": 9,
    "to_clock_ms": 2_000,
    "from_clock_ms": 1_000,
    "passes": "{}",
    "grade": 3,
    "purpose": "bench",
}


def words(table: sa.Table, column: str) -> list[str]:
    """The words that a column may hold."""
    for one in table.constraints:
        if isinstance(one, sa.CheckConstraint) and (found := re.match(rf"{column} IN \((.*)\)$", str(one.sqltext))):
            return [word.strip(" '") for word in found.group(1).split(",")]
    return []


def value(table: sa.Table, column: sa.Column[Any], known: dict[str, UUID], fresh: UUID) -> object:
    """Something that the column takes."""
    if column.name == "id":
        return fresh
    if column.foreign_keys:
        return known.get(next(iter(column.foreign_keys)).column.table.name)
    if table is t.calibrations and column.name == "origin":
        return "simulated"
    if column.name in SPECIAL:
        return SPECIAL[column.name]
    if column.name.endswith("_date") or (column.name == "expiry" and table is not t.cartridges):
        return "2027-01-31"
    if choices := words(table, column.name):
        return choices[0] if not choices[0].isdecimal() else int(choices[0])
    if isinstance(column.type, sa.LargeBinary):
        return b"\1" * 16
    return "x" if isinstance(column.type, sa.Text) else 1


def fill(world: Any, known: dict[str, UUID]) -> dict[str, UUID]:
    """Enter one row into each table that has none yet; ``known`` are keys by table. Gives all keys."""
    chain = Chain(KEY)
    late = (t.signatures, t.signature_sessions, t.amendments, t.calibration_ends)
    tables = [table for table in t.metadata.sorted_tables if table.name not in known and table not in late]
    for table in (*tables, *late):
        if table in (t.audit, t.pass_segments, t.pass_settings, t.telemetry_blocks):
            continue
        fresh = world.ids.uuid7()
        row = {column.name: value(table, column, known, fresh) for column in table.columns}
        by = row.get("operator_id")
        world.do(chain.entered(Entry(table, row, by, world.clock())))
        known[table.name] = fresh
    return known
