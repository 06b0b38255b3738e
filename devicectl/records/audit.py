"""The audit chain: one link for each row that somebody entered, each with the hash of the one before.

Fields are length-prefixed, so that no two entries read the same. The hash is keyed: who can write the file but has not
the key cannot make a chain that fits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .errors import RecordError

START: Final = bytes(32)
"""The hash before the first entry."""

Value = int | str | bytes | UUID | None


def packed(value: Value) -> bytes:
    """A value as bytes that no other value has: kind, length, content."""
    match value:
        case None:
            kind, content = b"n", b""
        case int():
            kind, content = b"i", str(int(value)).encode()
        case str():
            kind, content = b"s", value.encode()
        case UUID():
            kind, content = b"b", value.bytes
        case _:
            kind, content = b"b", bytes(value)
    return kind + len(content).to_bytes(4, "big") + content


def body_sha256(table: sa.Table, row: Mapping[str, Any]) -> bytes:
    """SHA-256 of a row as it stands in its table; columns that are missing in ``row`` count as NULL."""
    content = hashlib.sha256(packed(table.name))
    for column in table.columns:
        content.update(packed(column.name))
        content.update(packed(row.get(column.name)))
    return content.digest()


def link_hash(
    key: bytes,
    previous: bytes,
    seq: int,
    station: UUID | bytes,
    at_utc_us: int,
    operator: UUID | bytes | None,
    action: str,
    table_name: str,
    row_id: bytes,
    body: bytes,
) -> bytes:
    """HMAC-SHA256 over everything in an entry and the hash before it."""
    fields: tuple[Value, ...] = (previous, seq, station, at_utc_us, operator, action, table_name, row_id, body)
    return hmac.digest(key, b"".join(packed(field) for field in fields), "sha256")


def fits(key: bytes, entry: Mapping[str, Any]) -> bool:
    """Whether the entry's hash is the one that its own columns give."""
    fields = (
        "previous",
        "seq",
        "station_id",
        "at_utc_us",
        "operator_id",
        "action",
        "table_name",
        "row_id",
        "body_sha256",
    )
    return hmac.compare_digest(link_hash(key, *(entry[name] for name in fields)), bytes(entry["hash"]))


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest entry at some time, kept elsewhere: what was cut off behind it, or written anew, can be found."""

    station: UUID
    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.station.hex}:{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """From ``STATION:NUMBER:HASH``, as it is printed. Raises ``ValueError`` with a sentence."""
        try:
            station, seq, digest = text.strip().split(":")
            found = cls(UUID(hex=station), int(seq), bytes.fromhex(digest))
        except ValueError:
            found = None
        if found is None or len(found.hash) != len(START) or not 0 <= found.seq < 1 << 63:
            raise ValueError(
                f"{text[:40]!r} is no anchor: it reads STATION:NUMBER:HASH, as 'devicectl audit head' prints it."
            )
        return found


def anchor(connection: sa.Connection) -> Anchor:
    """The anchor of the chain as it is now. Raises :class:`RecordError` when the record has no station yet."""
    station = connection.execute(_STATION).scalar()
    if station is None:
        raise RecordError("The record has no station yet: nothing was entered.")
    return Anchor(station, *head(connection))


_HEAD: Final = sa.select(t.audit.c.seq, t.audit.c.hash).order_by(t.audit.c.seq.desc()).limit(1)
_STATION: Final = sa.select(t.stations.c.id).limit(1)


def head(connection: sa.Connection) -> tuple[int, bytes]:
    """Number and hash of the newest entry; 0 and :data:`START` before the first."""
    found = connection.execute(_HEAD).first()
    return (0, START) if found is None else (int(found.seq), bytes(found.hash))


def append(
    connection: sa.Connection,
    key: bytes,
    *,
    at_utc_us: int,
    operator: UUID | None,
    action: str,
    table_name: str,
    row_id: bytes,
    body: bytes,
) -> int:
    """Add an entry inside the caller's transaction; returns its number."""
    before, previous = head(connection)
    station: UUID = connection.execute(_STATION).scalar_one()
    seq = before + 1
    values = {
        "seq": seq,
        "station_id": station,
        "at_utc_us": at_utc_us,
        "operator_id": operator,
        "action": action,
        "table_name": table_name,
        "row_id": row_id,
        "body_sha256": body,
        "previous": previous,
        "hash": link_hash(key, previous, seq, station, at_utc_us, operator, action, table_name, row_id, body),
    }
    connection.execute(t.audit.insert(), values)
    return seq
