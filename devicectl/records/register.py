"""Clients, their courses and the protocols at a glance: read-only queries for screens and the command line.

Nothing here is personal: a client is a code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

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
    last = sa.select(sa.func.max(t.sessions.c.opened_utc_us)).where(t.sessions.c.client_id == t.clients.c.id)
    query = sa.select(t.clients).order_by(
        sa.func.coalesce(last.scalar_subquery(), t.clients.c.created_utc_us).desc(), t.clients.c.code
    )
    if text:
        query = query.where(sa.func.instr(sa.func.lower(t.clients.c.code), text.casefold()) > 0)
    erased = set(connection.execute(sa.select(t.erasures.c.client_id)).scalars())
    courses = _courses(connection)
    treated = _treatments(connection)
    return [
        ClientSummary(
            row.code,
            bool(row.training),
            row.id in erased,
            row.created_utc_us,
            courses.get(row.id),
            tuple(treated.get(row.id, ())),
        )
        for row in connection.execute(query.limit(limit))
    ]


def _courses(connection: sa.Connection) -> dict[UUID, CourseSummary]:
    """The newest course of each client; one that is open before one that has ended."""
    own = t.sessions.c.resumes_id.is_(None) & (t.sessions.c.course_id == t.courses.c.id)
    query = (
        sa.select(
            t.courses,
            t.protocols.c.name,
            sa.exists().where(t.course_ends.c.course_id == t.courses.c.id).label("ended"),
            sa.select(sa.func.count()).where(own).scalar_subquery().label("held"),
            sa.select(sa.func.max(t.sessions.c.opened_utc_us)).where(own).scalar_subquery().label("last"),
        )
        .join(t.protocols, t.protocols.c.id == t.courses.c.protocol_id)
        .order_by(t.courses.c.at_utc_us, t.courses.c.id)
    )
    found: dict[UUID, CourseSummary] = {}
    for row in connection.execute(query):
        before = found.get(row.client_id)
        if before is not None and row.ended and not before.ended:
            continue
        found[row.client_id] = CourseSummary(
            row.id,
            row.name,
            row.indication,
            row.scale,
            row.grade,
            row.sessions_planned,
            row.min_days,
            row.held,
            row.last,
            bool(row.ended),
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
    done = sa.select(t.passes.c.session_id, t.passes.c.zone, t.passes.c.depth_set_um).where(
        t.passes.c.kind == "granted"
    )
    for row in connection.execute(done.order_by(t.passes.c.opened_utc_us)):
        number, depths = passes.get(row.session_id, (0, {}))
        passes[row.session_id] = (number + 1, {**depths, row.zone: row.depth_set_um})
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


def list_protocols(connection: sa.Connection) -> list[ProtocolSummary]:
    """The newest version of every protocol that the record holds, by name."""
    newest: dict[str, sa.Row[Any]] = {}
    for row in connection.execute(sa.select(t.protocols).order_by(t.protocols.c.version)):
        newest[row.name] = row
    zones: dict[UUID, list[Mapping[str, Any]]] = {}
    for zone in connection.execute(sa.select(t.protocol_zones).order_by(t.protocol_zones.c.seq)).mappings():
        zones.setdefault(zone["protocol_id"], []).append({**zone, "passes": json.loads(zone["passes"])})
    return [
        ProtocolSummary(
            row.id,
            row.name,
            row.version,
            row.indication,
            row.citation,
            row.sessions,
            row.min_days,
            row.detail or "",
            row.source == "shipped",
            tuple(zones.get(row.id, ())),
        )
        for _, row in sorted(newest.items())
    ]
