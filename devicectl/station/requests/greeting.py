"""How a conversation begins: the greeting, and the wish for views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devicectl.about import VERSION
from devicectl.station import params as p
from devicectl.station.client_api import StationError

from .common import Methods

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


async def _hello(c: Connection, q: p.Hello) -> Any:
    if q.version != p.PROTOCOL_VERSION:
        raise StationError(
            f"This station speaks version {p.PROTOCOL_VERSION}, the client {q.version}; restart the station "
            "('devicectl station --end') or update the client.",
            "wrong-version",
        )
    held = c.station.record.database_hash
    if q.database and held and q.database != held:
        raise StationError("This station works on another database; check DEVICECTL_DATABASE.", "wrong-database")
    c.name, c.radio = q.client, q.radio
    return {"version": p.PROTOCOL_VERSION, "program": VERSION, "database": held}


async def _subscribe(c: Connection, _: p.Empty) -> Any:
    c.want_views()
    return {}


METHODS: Final[Methods] = {
    "station.hello": (p.Hello, _hello),
    "view.subscribe": (p.Empty, _subscribe),
}
