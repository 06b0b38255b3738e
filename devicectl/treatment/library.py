"""Protocols to choose from: those that are shipped, and the clinic's own in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.clinic import protocols
from devicectl.records.entries import Chain, Entry

from .protocols import PROTOCOLS, Protocol

Row = dict[str, Any]


def library(connection: sa.Connection) -> list[Row]:
    """The newest version of every protocol by name: as rows of the record, ``id`` None while one was never used."""
    known = {row["name"]: row for row in protocols(connection)}
    shipped = [_as_row(one) for one in PROTOCOLS.values() if one.name not in known]
    return sorted((*known.values(), *shipped), key=lambda row: str(row["name"]).casefold())


def _as_row(one: Protocol) -> Row:
    zones = [
        {
            "seq": seq,
            "zone": zone.zone,
            "depth_um": zone.depth_um,
            "rate_mhz": zone.rate_mhz,
            "passes": dict(zone.passes),
            "end_point": zone.end_point,
            "seconds": zone.seconds,
        }
        for seq, zone in enumerate(one.zones)
    ]
    return {
        "id": None,
        "name": one.name,
        "version": one.version,
        "indication": one.indication or "",
        "citation": one.citation,
        "source": "shipped",
        "copied_from_id": None,
        "sessions": one.sessions,
        "min_days": one.min_days,
        "detail": one.detail,
        "zones": zones,
    }


def protocol_key(
    connection: sa.Connection, name: str, chain: Chain, at_utc_us: int, new_id: Callable[[], UUID]
) -> UUID | None:
    """The key of the newest version; a shipped one enters the record when it is used first. None when there is none."""
    newest = sa.select(t.protocols.c.id).where(t.protocols.c.name == name).order_by(t.protocols.c.version.desc())
    found: UUID | None = connection.execute(newest.limit(1)).scalar()
    if found is not None:
        return found
    shipped = PROTOCOLS.get(name)
    if shipped is None:
        return None
    row = _as_row(shipped)
    zones = row.pop("zones")
    row["id"] = new_id()
    entries = [Entry(t.protocols, row, None, at_utc_us, "shipped")]
    for zone in zones:
        values = {
            **zone,
            "id": new_id(),
            "protocol_id": row["id"],
            "passes": json.dumps(zone["passes"], sort_keys=True),
        }
        entries.append(Entry(t.protocol_zones, values, None, at_utc_us, "shipped"))
    chain.enter(connection, entries)
    key: UUID = row["id"]
    return key
