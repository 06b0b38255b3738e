"""Opening a session of treatment: its client, course and plan, and what an interrupted session before it already has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import jobs
from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.rows import SessionRow
from devicectl.records.writer import Job

from .intake import Row, open_course, refused
from .plan import DonePass, PlannedZone

RESUME_US: Final = 12 * 3600 * 1_000_000
"""How long after its begin an interrupted treatment can be resumed: what was asked and used then counts no longer."""
CHAIN_MAX: Final = 100
_KEPT: Final = (
    t.consents, t.checklist_answers, t.anaesthetics, t.cartridge_uses, t.skin_preparations, t.zone_results,
    t.notes, t.topicals, t.adverse_events, t.photos, t.assessments, t.pass_changes,
)  # fmt: skip
_COMPLETIONS: Final = (
    (t.anaesthetic_removals, t.anaesthetics, "anaesthetic_id"),
    (t.cartridge_discards, t.cartridge_uses, "cartridge_use_id"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What session is wanted. ``client`` is a code; ``course``: its newest open course belongs to it;
    ``resumes``: the interrupted session that goes on."""

    purpose: str
    client: str | None = None
    training: bool = True
    course: bool = True
    operator: UUID | None = None
    resumes: UUID | None = None
    depths_um: Mapping[str, int] = field(default_factory=dict)
    """Needle protrusion by zone that is planned instead of the course's; zones that it has not are added."""


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """The course of a session. ``session`` counts from 1; ``last_utc_us`` is when the client's last one was opened."""

    id: UUID
    protocol: str
    sessions_planned: int
    min_days: int
    session: int
    last_utc_us: int | None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as it was opened. ``rows``: what it and the sessions it resumes have, by table, oldest first; ``resumes``:
    those sessions, newest first."""

    id: UUID
    client: UUID | None
    code: str
    course: CourseFacts | None
    plan: tuple[PlannedZone, ...]
    rows: Mapping[str, tuple[Row, ...]]
    passes: tuple[DonePass, ...]
    resumes: tuple[UUID, ...]
    pen: UUID
    ended_utc_us: int | None = None
    signatures: tuple[str, ...] = ()


class Opener:
    """Opens sessions in the record. ``new_id`` makes keys."""

    def __init__(self, chain: Chain, new_id: Callable[[], UUID]) -> None:
        self._chain, self._new_id = chain, new_id

    def opened(self, asked: Asked, pen: UUID, boot: UUID, utc_us: int, boot_us: int) -> Job[Opened]:
        """Open a session; the job raises :class:`RecordRefused` with a sentence when the record forbids it."""
        key = self._new_id()

        def job(connection: sa.Connection) -> Opened:
            old = _resumed(connection, asked, utc_us)
            client, code = self._client(connection, asked, old, utc_us)
            course_id = old.course_id if old is not None else _course_of(connection, asked, client)
            course = None if course_id is None else course_facts(connection, course_id, resumed=asked.resumes)
            row = SessionRow(
                key, boot, pen, client, asked.purpose, utc_us, boot_us, course_id, asked.operator, asked.resumes
            )
            jobs.session_opened(row)(connection)
            plan = plan_of(connection, course_id, asked.resumes)
            plan = plan if client is None else with_depths(plan, asked.depths_um)
            entries = [_planned(self._new_id(), key, seq, zone) for seq, zone in enumerate(plan)]
            self._chain.enter(connection, [Entry(t.session_plan, row, asked.operator, utc_us) for row in entries])
            before = chain_of(connection, asked.resumes)
            return Opened(
                key,
                client,
                code,
                course,
                plan,
                rows_of(connection, before, pen),
                passes_of(connection, before),
                before,
                pen,
            )

        return job

    def _client(
        self, connection: sa.Connection, asked: Asked, old: sa.Row[Any] | None, utc_us: int
    ) -> tuple[UUID | None, str]:
        if old is not None:
            known = connection.execute(sa.select(t.clients).where(t.clients.c.id == old.client_id)).one()
            _suits(known, asked)
            of_old: UUID | None = old.client_id
            return of_old, str(known.code)
        if asked.client is None:
            return None, ""
        found = connection.execute(sa.select(t.clients).where(t.clients.c.code == asked.client)).first()
        if found is None and not asked.training:
            raise refused(f"There is no client {asked.client}; add the client first.", "no-such-client")
        if found is None:
            # Whoever practises needs no register: a training client is made as it is named.
            made = self._new_id()
            row = {"id": made, "code": asked.client, "training": 1, "created_utc_us": utc_us}
            self._chain.enter(connection, [Entry(t.clients, row, asked.operator, utc_us)])
            return made, asked.client
        _suits(found, asked)
        key: UUID = found.id
        return key, asked.client


def _suits(client: sa.Row[Any], asked: Asked) -> None:
    """Training clients and simulated pens meet only each other."""
    if bool(client.training) != asked.training:
        mark = "a training client" if client.training else "a real client"
        pen = "a simulated pen" if asked.training else "a pen"
        raise refused(f"The code {client.code} belongs to {mark}, and this is {pen}; choose another.", "other-client")


def _resumed(connection: sa.Connection, asked: Asked, utc_us: int) -> sa.Row[Any] | None:
    if asked.resumes is None:
        return None
    old = connection.execute(sa.select(t.sessions).where(t.sessions.c.id == asked.resumes)).first()
    if old is None or old.purpose != asked.purpose or old.client_id is None:
        raise refused("There is no such treatment to resume; open a new session.", "no-session")
    if asked.client is not None:
        code = connection.execute(sa.select(t.clients.c.code).where(t.clients.c.id == old.client_id)).scalar()
        if code != asked.client:
            raise refused(
                f"That session is one of another client than {asked.client}; resume one of theirs.", "other-client"
            )
    if old.ended_utc_us is None:
        raise refused("That session is still open; go on in it.", "session-open")
    if old.end_reason != "interrupted":
        raise refused("That session was closed in order; open a new one.", "not-interrupted")
    if connection.execute(sa.select(t.sessions.c.id).where(t.sessions.c.resumes_id == old.id)).first():
        raise refused("That session was resumed already; resume the newer one.", "resumed-before")
    first = connection.execute(
        sa.select(sa.func.min(t.sessions.c.opened_utc_us)).where(t.sessions.c.id.in_(chain_of(connection, old.id)))
    ).scalar_one()
    if not 0 <= utc_us - first <= RESUME_US:
        raise refused("That treatment began more than 12 h ago; open a new one and ask everything again.", "too-old")
    if connection.execute(
        sa.select(t.signature_sessions.c.id).where(t.signature_sessions.c.session_id == old.id)
    ).first():
        raise refused("That session is signed; open a new one.", "signed")
    return old


def _course_of(connection: sa.Connection, asked: Asked, client: UUID | None) -> UUID | None:
    course = open_course(connection, client) if client is not None else None
    if course is not None and not asked.course:
        # Else the days between sessions and the limits of the plan could be left behind without a reason.
        raise refused("This client has an open course; open the session in it, or end the course first.", "open-course")
    return course


def course_facts(
    connection: sa.Connection, course: UUID, *, before_utc_us: int | None = None, resumed: UUID | None
) -> CourseFacts:
    """A course as a session sees it that was opened at ``before_utc_us`` (None: is about to be), maybe resuming another."""
    ended = sa.exists().where(t.course_ends.c.course_id == t.courses.c.id).label("ended")
    row = connection.execute(
        sa.select(t.courses, t.protocols.c.name, t.protocols.c.version, ended)
        .join(t.protocols, t.protocols.c.id == t.courses.c.protocol_id)
        .where(t.courses.c.id == course)
    ).one()
    # A session that resumes another is the same one of the course.
    mine = sa.select(t.sessions.c.opened_utc_us).where(
        t.sessions.c.course_id == course, t.sessions.c.resumes_id.is_(None)
    )
    if before_utc_us is not None:
        mine = mine.where(t.sessions.c.opened_utc_us < before_utc_us)
    earlier = sorted(connection.execute(mine).scalars())
    if resumed is not None:
        del earlier[-1:]
    # Days are kept between any two treatments of a client, whatever course they belong to.
    others = sa.select(sa.func.max(t.sessions.c.opened_utc_us)).where(
        t.sessions.c.client_id == row.client_id, t.sessions.c.id.not_in(chain_of(connection, resumed))
    )
    if before_utc_us is not None:
        others = others.where(t.sessions.c.opened_utc_us < before_utc_us)
    last = connection.execute(others).scalar()
    return CourseFacts(
        course,
        f"{row.name} v{row.version}",
        row.sessions_planned,
        row.min_days,
        len(earlier) + 1,
        last,
        bool(row.ended),
    )


def plan_of(connection: sa.Connection, course: UUID | None, resumes: UUID | None) -> tuple[PlannedZone, ...]:
    if resumes is not None:
        query = sa.select(t.session_plan).where(t.session_plan.c.session_id == resumes)
        table = t.session_plan
    elif course is not None:
        table = t.protocol_zones
        of = sa.select(t.courses.c.protocol_id).where(t.courses.c.id == course).scalar_subquery()
        query = sa.select(table).where(table.c.protocol_id == of)
    else:
        return ()
    rows = connection.execute(query.order_by(table.c.seq))
    return tuple(
        PlannedZone(row.zone, row.depth_um, row.rate_mhz, json.loads(row.passes), row.end_point, row.seconds)
        for row in rows
    )


def _planned(id: UUID, session: UUID, seq: int, zone: PlannedZone) -> Row:
    return {
        "id": id,
        "session_id": session,
        "seq": seq,
        "zone": zone.zone,
        "depth_um": zone.depth_um,
        "rate_mhz": zone.rate_mhz,
        "passes": json.dumps(dict(zone.passes), sort_keys=True, separators=(",", ":")),
        "end_point": zone.end_point,
        "seconds": zone.seconds,
    }


def chain_of(connection: sa.Connection, session: UUID | None) -> tuple[UUID, ...]:
    """A session and those it resumes, newest first."""
    found: list[UUID] = []
    while session is not None and len(found) < CHAIN_MAX:
        found.append(session)
        session = connection.execute(sa.select(t.sessions.c.resumes_id).where(t.sessions.c.id == session)).scalar()
    return tuple(found)


def rows_of(
    connection: sa.Connection, sessions: tuple[UUID, ...], pen: UUID, until_utc_us: int | None = None
) -> dict[str, tuple[Row, ...]]:
    """What was entered in these sessions, by table, oldest first; and the newest check of the pen up to a time."""
    rows: dict[str, tuple[Row, ...]] = {}
    for table in _KEPT:
        query = sa.select(table).where(table.c.session_id.in_(sessions)).order_by(table.c.at_utc_us, table.c.id)
        rows[table.name] = tuple(dict(row) for row in connection.execute(query).mappings())
    for table, parent, column in _COMPLETIONS:
        query = sa.select(table).join(parent, parent.c.id == table.c[column]).where(parent.c.session_id.in_(sessions))
        rows[table.name] = tuple(dict(row) for row in connection.execute(query.order_by(table.c.at_utc_us)).mappings())
    checks = sa.select(t.pen_checks).where(t.pen_checks.c.pen_id == pen).order_by(t.pen_checks.c.at_utc_us.desc())
    if until_utc_us is not None:
        checks = checks.where(t.pen_checks.c.at_utc_us <= until_utc_us)
    rows[t.pen_checks.name] = tuple(dict(row) for row in connection.execute(checks.limit(1)).mappings())
    return rows


def passes_of(connection: sa.Connection, sessions: tuple[UUID, ...]) -> tuple[DonePass, ...]:
    """Granted passes of these sessions that have ended, as they count: one that was changed counts by its parts."""
    passes = sa.select(t.passes).where(
        t.passes.c.session_id.in_(sessions), t.passes.c.kind == "granted", t.passes.c.ended_utc_us.is_not(None)
    )
    newest = {
        row.pass_id: row.id
        for row in connection.execute(
            sa.select(t.pass_changes)
            .where(t.pass_changes.c.session_id.in_(sessions))
            .order_by(t.pass_changes.c.at_utc_us, t.pass_changes.c.id)
        )
    }
    parts: dict[UUID, list[DonePass]] = {}
    for part in connection.execute(sa.select(t.pass_parts).where(t.pass_parts.c.change_id.in_(newest.values()))):
        length = part.to_clock_ms - part.from_clock_ms
        parts.setdefault(part.change_id, []).append(DonePass(part.zone, part.direction, "ended", length))
    done: list[DonePass] = []
    for row in connection.execute(passes.order_by(t.passes.c.opened_utc_us, t.passes.c.seq)):
        changed = parts.get(newest[row.id]) if row.id in newest else None
        if changed is None:
            done.append(DonePass(row.zone, row.direction, row.end_reason, row.duration_ms))
        else:
            done += [replace(part, end_reason=row.end_reason) for part in changed]
    return tuple(done)


def with_depths(plan: tuple[PlannedZone, ...], depths: Mapping[str, int]) -> tuple[PlannedZone, ...]:
    """The plan with the depths (µm) that somebody asked for by zone; zones that it has not are added."""
    known = {zone.zone for zone in plan}
    changed = tuple(replace(zone, depth_um=depths.get(zone.zone, zone.depth_um)) for zone in plan)
    return changed + tuple(PlannedZone(code, depth) for code, depth in depths.items() if code not in known)
