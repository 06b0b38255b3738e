"""The register as the screens show it: clients with course and treatments at a glance, and the newest protocols.

Shapes what `devicectl.records.clinic` finds. Nothing here is personal: a client is a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from . import clinic
from . import tables as t

CLIENTS_MAX: Final = 2_000
"""More are found by searching."""


@dataclass(frozen=True, slots=True)
class CourseSummary:
    """A course of a client; ``sessions`` have been opened of ``planned``. UTC in µs."""

    id: UUID
    protocol: str
    indication: str
    scale: str
    grade: str
    planned: int
    min_days: int
    sessions: int
    last_utc_us: int | None
    ended: bool


@dataclass(frozen=True, slots=True)
class TreatmentSummary:
    """A treatment of a client: ``depths_um`` by zone as last set there; ``signed`` as performed."""

    id: UUID
    opened_utc_us: int
    ended_utc_us: int | None
    end_reason: str | None
    passes: int
    depths_um: Mapping[str, int]
    signed: bool
    resumed: bool


@dataclass(frozen=True, slots=True)
class ClientSummary:
    """A client by code, with the open course (the newest) and the newest treatments, newest first."""

    code: str
    training: bool
    erased: bool
    created_utc_us: int
    course: CourseSummary | None
    treatments: tuple[TreatmentSummary, ...]


@dataclass(frozen=True, slots=True)
class ProtocolSummary:
    """The newest version of a protocol that is in the record, with its zones as they were entered."""

    id: UUID
    name: str
    version: int
    indication: str | None
    citation: str
    sessions: int | None
    min_days: int | None
    detail: str
    shipped: bool
    zones: tuple[Mapping[str, Any], ...]


def list_clients(connection: sa.Connection, text: str = "", limit: int = CLIENTS_MAX) -> list[ClientSummary]:
    """Clients whose code contains ``text``, who was treated last first."""
    courses = _courses(connection)
    treated = _treatments(connection)
    return [
        ClientSummary(
            row["code"],
            row["training"],
            row["erased"],
            row["created_utc_us"],
            courses.get(row["id"]),
            tuple(treated.get(row["id"], ())),
        )
        for row in clinic.clients(connection, text, limit)
    ]


def _courses(connection: sa.Connection) -> dict[UUID, CourseSummary]:
    """The newest course of each client; one that is open before one that has ended."""
    found: dict[UUID, CourseSummary] = {}
    for row in sorted(clinic.courses(connection), key=lambda row: bool(row["ended"])):
        found.setdefault(
            row["client_id"],
            CourseSummary(
                row["id"],
                row["protocol_name"],
                row["indication"],
                row["scale"],
                row["grade"],
                row["sessions_planned"],
                row["min_days"],
                row["sessions_done"],
                row["last_utc_us"],
                row["ended"],
            ),
        )
    return found


def _treatments(connection: sa.Connection) -> dict[UUID, list[TreatmentSummary]]:
    signed = set(
        connection.execute(
            sa.select(t.signature_sessions.c.session_id)
            .join(t.signatures, t.signatures.c.id == t.signature_sessions.c.signature_id)
            .where(t.signatures.c.meaning == "performed")
        ).scalars()
    )
    resumed = set(
        connection.execute(sa.select(t.sessions.c.resumes_id).where(t.sessions.c.resumes_id.is_not(None))).scalars()
    )
    passes: dict[UUID, tuple[int, dict[str, int]]] = {}
    done = sa.select(t.passes.c.id, t.passes.c.session_id, t.passes.c.zone, t.passes.c.depth_set_um).where(
        t.passes.c.kind == "granted"
    )
    given = _zones_given(connection)
    for row in connection.execute(done.order_by(t.passes.c.opened_utc_us)):
        number, depths = passes.get(row.session_id, (0, {}))
        zones = given.get(row.id, (row.zone,))
        passes[row.session_id] = (number + 1, {**depths, **dict.fromkeys(zones, row.depth_set_um)})
    query = (
        sa.select(t.sessions)
        .where(t.sessions.c.client_id.is_not(None), t.sessions.c.purpose == "treatment")
        .order_by(t.sessions.c.opened_utc_us.desc())
    )
    found: dict[UUID, list[TreatmentSummary]] = {}
    for row in connection.execute(query):
        number, depths = passes.get(row.id, (0, {}))
        found.setdefault(row.client_id, []).append(
            TreatmentSummary(
                row.id,
                row.opened_utc_us,
                row.ended_utc_us,
                row.end_reason,
                number,
                depths,
                row.id in signed,
                row.id in resumed,
            )
        )
    return found


def _zones_given(connection: sa.Connection) -> dict[UUID, tuple[str, ...]]:
    """The zones of passes that were given to another zone or split: a session that is repeated repeats no mistake."""
    newest = {
        row.pass_id: row.id
        for row in connection.execute(
            sa.select(t.pass_changes).order_by(t.pass_changes.c.at_utc_us, t.pass_changes.c.id)
        )
    }
    parts: dict[UUID, list[str]] = {}
    for part in connection.execute(sa.select(t.pass_parts).order_by(t.pass_parts.c.change_id, t.pass_parts.c.seq)):
        parts.setdefault(part.change_id, []).append(part.zone)
    return {done: tuple(parts[change]) for done, change in newest.items() if change in parts}


def list_protocols(connection: sa.Connection) -> list[ProtocolSummary]:
    """The newest version of every protocol that the record holds, by name."""
    return [
        ProtocolSummary(
            row["id"],
            row["name"],
            row["version"],
            row["indication"],
            row["citation"],
            row["sessions"],
            row["min_days"],
            row["detail"] or "",
            row["source"] == "shipped",
            tuple(row["zones"]),
        )
        for row in clinic.protocols(connection)
    ]
