"""Which firmware of a pen counts as checked: the first that was seen, then each that somebody accepted."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .writer import Job

ACCEPTED = "firmware-accepted"
"""Code of the event that accepts a changed firmware; its pen is the row with that firmware."""


def changed_from(pen_id: UUID) -> Job[str | None]:
    """The firmware of this pen (same maker, model, serial, origin) that was checked last, if it now has another.

    Going back to an older firmware is a change as well.
    """

    def job(connection: sa.Connection) -> str | None:
        pens, events = t.pens.c, t.events.c
        me = connection.execute(sa.select(t.pens).where(pens.id == pen_id)).one()
        same = sa.and_(
            pens.manufacturer == me.manufacturer,
            pens.model == me.model,
            pens.serial == me.serial,
            pens.origin == me.origin,
        )
        checked = connection.execute(
            sa.select(pens.firmware)
            .join(t.events, events.pen_id == pens.id)
            .where(same, events.code == ACCEPTED)
            .order_by(events.at_utc_us.desc(), events.id.desc())
            .limit(1)
        ).scalar()
        if checked is None:
            checked = connection.execute(
                sa.select(pens.firmware).where(same).order_by(pens.first_seen_utc_us, pens.id).limit(1)
            ).scalar()
        return None if checked in (None, me.firmware) else str(checked)

    return job
