"""What every table is made of: STRICT, UUIDv7 keys as BLOB(16), UTC and host boot time in µs, scaled integers.

Units in names: ``_um`` µm, ``_mhz`` mHz, ``_ma`` mA, ``_ms`` and ``_us`` times, ``_mg`` mg, ``_mm2`` mm², ``_milli``
thousandths; ``clock_ms`` is the pen's own clock since its boot; ``_date`` is ISO 8601. ``_sealed`` is text under a client's own key.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class Guid(sa.types.TypeDecorator[UUID]):
    """A UUID as BLOB(16)."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """UUID to its 16 bytes."""
        return None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:  # noqa: ARG002
        """16 bytes to a UUID."""
        return None if value is None else UUID(bytes=bytes(value))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
INTEGER = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def integer(name: str, *, null: bool = False) -> sa.Column[int]:
    """A column of whole numbers."""
    return sa.Column(name, INTEGER, nullable=null)


def text(name: str, *, null: bool = False) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text, nullable=null)


def key(name: str = "id") -> sa.Column[UUID]:
    """The primary key."""
    return sa.Column(name, Guid, primary_key=True, nullable=False)


def ref(name: str, target: str, *, null: bool = False, **options: Any) -> sa.Column[UUID]:
    """A reference to another table's ``id``."""
    return sa.Column(name, Guid, sa.ForeignKey(f"{target}.id"), nullable=null, **options)


def one_of(column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    """The column holds one of these words, or NULL."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=column)


def flag(column: str) -> sa.CheckConstraint:
    """The column is 0, 1 or NULL."""
    return sa.CheckConstraint(f"{column} IN (0, 1)", name=column)


def together(name: str, *columns: str) -> sa.CheckConstraint:
    """These columns are NULL all at once or not at all."""
    first, *rest = columns
    return sa.CheckConstraint(" AND ".join(f"({first} IS NULL) = ({other} IS NULL)" for other in rest), name=name)


def table(name: str, *parts: sa.schema.SchemaItem, rowid: bool = False) -> sa.Table:
    """A STRICT table, without rowid unless asked."""
    return sa.Table(name, metadata, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def entry(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table of what somebody entered: key, when, who; then its own columns."""
    return table(name, key(), integer("at_utc_us"), ref("operator_id", "operators", null=True), *parts)


def sealed(name: str, *, null: bool = False) -> sa.Column[bytes]:
    """Text under a client's own key; see `devicectl.access.cipher`."""
    return sa.Column(f"{name}_sealed", sa.LargeBinary, nullable=null)


def at_least(column: str, least: int) -> sa.CheckConstraint:
    """The column is not below ``least``, or NULL."""
    return sa.CheckConstraint(f"{column} >= {least}", name=column)


def a_date(column: str) -> sa.CheckConstraint:
    """The column is a date ``YYYY-MM-DD``, or NULL."""
    return sa.CheckConstraint(f"{column} = date({column}) AND length({column}) = 10", name=column)
