"""What people enter: a row and its audit entry in one transaction, never one without the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from . import audit
from .errors import RecordRefused
from .writer import Job


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to be entered: ``values`` by column, ``id`` among them. ``by`` is who entered it, ``at_utc_us`` when.

    Columns ``operator_id`` and ``at_utc_us`` are filled from these where the table has them and ``values`` does not.
    """

    table: sa.Table
    values: Mapping[str, Any]
    by: UUID | None
    at_utc_us: int
    action: str = "entered"

    def row(self) -> dict[str, Any]:
        """The values with who and when."""
        row = dict(self.values)
        if "operator_id" in self.table.c:
            row.setdefault("operator_id", self.by)
        if "at_utc_us" in self.table.c:
            row.setdefault("at_utc_us", self.at_utc_us)
        return row


@dataclass(frozen=True, slots=True)
class Chain:
    """Enters rows under the key of the audit chain."""

    key: bytes = field(repr=False)

    def entered(self, *entries: Entry) -> Job[int]:
        """Keep these rows, all or none, and an audit entry for each; gives the number of the newest audit entry.

        A row that is there already, the same in every column, is passed over. The job raises :class:`RecordRefused`
        when another row has its key.
        """

        def job(connection: sa.Connection) -> int:
            return self.enter(connection, entries)

        return job

    def enter(self, connection: sa.Connection, entries: Iterable[Entry]) -> int:
        """As :meth:`entered`, inside the caller's transaction."""
        for entry in entries:
            self._enter(connection, entry)
        return audit.head(connection)[0]

    def _enter(self, connection: sa.Connection, entry: Entry) -> None:
        table, row = entry.table, entry.row()
        unknown = row.keys() - {column.name for column in table.columns}
        if unknown:
            raise ValueError(f"{table.name} has no columns {sorted(unknown)}")
        found = connection.execute(sa.select(table).where(table.c.id == row["id"])).mappings().first()
        body = audit.body_sha256(table, row)
        if found is not None:
            if audit.body_sha256(table, dict(found)) != body:
                raise RecordRefused("Another entry has this key already; nothing was stored.")
            return
        connection.execute(table.insert(), row)
        audit.append(
            connection,
            self.key,
            at_utc_us=entry.at_utc_us,
            operator=entry.by,
            action=entry.action,
            table_name=table.name,
            row_id=row["id"].bytes,
            body=body,
        )
