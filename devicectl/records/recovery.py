"""What a crash left open is closed at the next start, with what the stored telemetry proves and nothing more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from . import jobs
from . import tables as t
from .evidence import density_cm2, from_blocks
from .ids import IdSource
from .rows import EventRow, PassEnd, SegmentRow
from .telemetry_block import BlockDamaged, Columns, decode


@dataclass(frozen=True, slots=True)
class Recovered:
    """Keys of the sessions and passes that were found open, and how many of their blocks could not be read."""

    sessions: tuple[UUID, ...] = ()
    passes: tuple[UUID, ...] = ()
    damaged_blocks: int = 0


def recover(connection: sa.Connection, now_utc_us: int, ids: IdSource | None = None, boot_us: int = 0) -> Recovered:
    """Close every open pass and session as ``interrupted``; only for the one who holds the station lock.

    A pass ends with its last stored sample, by the pen's clock; its end in UTC is when that sample was stored. Open
    commands are left alone: they are settled with the pen. Is itself a job, and can run twice.
    """
    open_passes = connection.execute(
        sa.select(t.passes).where(t.passes.c.ended_utc_us.is_(None)).order_by(t.passes.c.id)
    ).all()
    damaged = sum(_close_pass(connection, row) for row in open_passes)
    open_sessions = connection.execute(
        sa.select(t.sessions.c.id, t.sessions.c.pen_id, t.sessions.c.opened_utc_us)
        .where(t.sessions.c.ended_utc_us.is_(None))
        .order_by(t.sessions.c.id)
    ).all()
    for session in open_sessions:
        mine = [row.id for row in open_passes if row.session_id == session.id]
        jobs.session_closed(session.id, _last_sign(connection, session), "interrupted")(connection)
        if ids is not None:
            text = (
                "The station did not close this session: it was killed, or could not write any more. Closed now, with "
                f"{len(mine)} interrupted passes."
            )
            data = json.dumps({"passes": [str(key) for key in mine]})
            event = EventRow(
                ids.uuid7(), session.id, session.pen_id, "session_interrupted", text, now_utc_us, boot_us, data
            )
            jobs.event_logged(event)(connection)
    return Recovered(tuple(row.id for row in open_sessions), tuple(row.id for row in open_passes), damaged)


def _close_pass(connection: sa.Connection, row: Any) -> int:
    blocks = connection.execute(
        sa.select(t.telemetry_blocks.c.data, t.telemetry_blocks.c.stored_utc_us)
        .where(t.telemetry_blocks.c.pass_id == row.id)
        .order_by(t.telemetry_blocks.c.seq)
    ).all()
    columns: list[Columns] = []
    damaged = 0
    for block in blocks:
        try:
            columns.append(decode(block.data))
        except BlockDamaged:
            damaged += 1
    evidence = from_blocks(columns)
    stored = max((block.stored_utc_us for block in blocks), default=row.opened_utc_us)
    if evidence is None:
        end = PassEnd(
            row.id, stored, row.opened_clock_ms, "interrupted", 0, 0, "unknown", 0, 0, 0, 0, None, None, None, None, 0, None
        )  # fmt: skip
        jobs.pass_closed(end, ())(connection)
        return damaged
    figures = evidence.figures()
    # A damaged first block leaves a start without samples: that stretch is unknown, like any other gap.
    missing = max(0, evidence.opened_clock_ms - row.opened_clock_ms)
    segments = [
        SegmentRow(row.id, number, *segment)
        for number, segment in enumerate(figures.segments, start=1 if missing else 0)
    ]
    if missing:
        segments.insert(0, SegmentRow(row.id, 0, "unknown", None, row.opened_clock_ms, evidence.opened_clock_ms))
    end = PassEnd(
        id=row.id,
        ended_utc_us=stored,
        ended_clock_ms=evidence.clock_ms,
        end_reason="interrupted",
        duration_ms=evidence.clock_ms - row.opened_clock_ms,
        contact_ms=figures.contact_ms,
        contact_kind=figures.contact_kind,
        unknown_ms=figures.unknown_ms + missing,
        strokes=figures.strokes,
        contact_strokes=figures.contact_strokes,
        density_cm2=density_cm2(figures.contact_strokes, row.needles, row.area_mm2),
        depth_min_um=figures.depth_min_um,
        depth_mean_um=figures.depth_mean_um,
        depth_max_um=figures.depth_max_um,
        current_max_ma=figures.current_max_ma,
        samples=figures.samples,
        lost_samples=None,
    )
    jobs.pass_closed(end, segments)(connection)
    return damaged


def _last_sign(connection: sa.Connection, session: Any) -> int:
    """UTC µs of the last thing stored of a session."""
    last: int = session.opened_utc_us
    for column, where in (
        (t.passes.c.ended_utc_us, t.passes.c.session_id),
        (t.commands.c.intended_utc_us, t.commands.c.session_id),
        (t.commands.c.settled_utc_us, t.commands.c.session_id),
        (t.events.c.at_utc_us, t.events.c.session_id),
        (t.stops.c.at_utc_us, t.stops.c.session_id),
    ):
        found = connection.execute(sa.select(sa.func.max(column)).where(where == session.id)).scalar()
        last = max(last, found or 0)
    return last
