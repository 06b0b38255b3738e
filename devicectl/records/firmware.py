"""Which firmware of a pen has been seen before, and which was accepted after a change."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .writer import Job

ACCEPTED = "firmware-accepted"
"""Code of the event that accepts a changed firmware; its pen is the row with that firmware."""


def changed_from(pen_id: UUID) -> Job[str | None]:
    """The firmware this pen (same maker, model, serial, origin) had before, if it changed and nobody has accepted it."""

    def job(connection: sa.Connection) -> str | None:
        pens = t.pens.c
        me = connection.execute(sa.select(t.pens).where(pens.id == pen_id)).one()
        before = connection.execute(
            sa.select(pens.firmware)
            .where(
                pens.manufacturer == me.manufacturer,
                pens.model == me.model,
                pens.serial == me.serial,
                pens.origin == me.origin,
                pens.firmware != me.firmware,
                pens.id != me.id,
                pens.first_seen_utc_us <= me.first_seen_utc_us,
            )
            .order_by(pens.first_seen_utc_us.desc())
            .limit(1)
        ).scalar()
        if before is None:
            return None
        events = t.events.c
        accepted = connection.execute(
            sa.select(events.id).where(events.pen_id == pen_id, events.code == ACCEPTED).limit(1)
        ).scalar()
        return None if accepted is not None else str(before)

    return job
