"""Whether photographs of a client may be kept, and whether a kept copy belongs to one of the record."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.amendments import current


def consent_problem(connection: sa.Connection, client: UUID) -> str | None:
    """Why no photograph of a client may be kept, or None: the newest consent counts, as it was amended."""
    query = sa.select(t.consents.c.id).where(t.consents.c.client_id == client)
    newest = connection.execute(query.order_by(t.consents.c.at_utc_us.desc(), t.consents.c.id.desc()).limit(1)).scalar()
    if newest is None:
        return "No consent of this client is recorded; ask, and record it before the photograph."
    if not current(connection, "consents", newest, "photos"):
        return "The client's consent allows no photographs; nothing was kept. Ask, and record the consent again."
    return None


def photo_known(connection: sa.Connection, copy_sha256: str) -> bool:
    """Whether some photograph of the record has this copy."""
    query = sa.select(t.photos.c.id).where(t.photos.c.copy_sha256 == copy_sha256)
    return connection.execute(query.limit(1)).first() is not None
