"""What is sealed about a client, opened for whoever may read it; that it was read is in the record before it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.access.key_errors import SealBroken
from devicectl.records import tables as t
from devicectl.records.entered import SealedText, sealed_texts
from devicectl.station import params as p
from devicectl.station.client_api import StationError

from .common import Methods, found_session, submitted

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

OPEN: Final = "open"
ERASED: Final = "erased"
BROKEN: Final = "broken"


async def _texts(c: Connection, q: p.ReadTexts) -> Any:
    operator = c.presence.operator
    if operator is None:
        raise StationError("Nobody is signed in here; sign in first.", "no-operator")
    session = await found_session(c, q.session)
    cipher = c.station.record.treatments.cipher
    await c.station.operators.note("identity-read", operator, c.name, f"texts of session {session}")

    def job(connection: sa.Connection) -> list[dict[str, Any]]:
        client = connection.execute(sa.select(t.sessions.c.client_id).where(t.sessions.c.id == session)).scalar()
        return [_opened(client, one) for one in sealed_texts(connection, session)] if client is not None else []

    def _opened(client: UUID, one: SealedText) -> dict[str, Any]:
        try:
            text = cipher.open(client, one.sealed, one.table, one.column, one.row)
            state = ERASED if text is None else OPEN
        except SealBroken:
            # One that was tampered with hides no other.
            text, state = None, BROKEN
        return {"table": one.shown_in, "row": str(one.shown_at), "field": one.field, "state": state, "text": text}

    return {"session": str(session), "texts": await submitted(c, job)}


METHODS: Final[Methods] = {"session.texts": (p.ReadTexts, _texts)}
