"""Where the record keeps what is sealed under a client's key."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from . import tables as t

SUFFIX: Final = "_sealed"
SEALED: Final = "sealed"
"""Stands where a text is that was not opened."""


def sealed_columns() -> dict[str, tuple[str, ...]]:
    """Table → its columns that are ciphertext under a client's key."""
    found = {
        table.name: tuple(column.name for column in table.columns if column.name.endswith(SUFFIX))
        for table in t.metadata.sorted_tables
    }
    return {table: columns for table, columns in found.items() if columns}


def client_of(table: sa.Table) -> ColumnElement[UUID]:
    """The client to whom a row of a treatment table belongs, as an expression; NULL when it belongs to none.

    Raises ``LookupError`` when rows of the table belong to nobody.
    """
    if "client_id" in table.c:
        return table.c.client_id
    if "session_id" in table.c:
        return (
            sa.select(t.sessions.c.client_id)
            .where(t.sessions.c.id == table.c.session_id)
            .correlate(table)
            .scalar_subquery()
        )
    for key in table.foreign_keys:
        parent = key.column.table
        if parent is not table and "client_id" in parent.c:
            query = sa.select(parent.c.client_id).where(parent.c.id == key.parent)
            return query.correlate(table).scalar_subquery()
    raise LookupError(table.name)


def anything_sealed(connection: sa.Connection, client: UUID) -> bool:
    """Whether the record holds anything that was sealed for this client."""
    for name, columns in sealed_columns().items():
        table = t.metadata.tables[name]
        some = sa.or_(*(table.c[column].is_not(None) for column in columns))
        if connection.execute(sa.select(sa.literal(1)).where(client_of(table) == client, some).limit(1)).first():
            return True
    return False
