"""Limits of the station: they come from a file, and are approved by somebody who may change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.limits_approval import CODE

from .common import Methods

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


async def _approve(c: Connection, q: p.ApproveLimits) -> Any:
    limits, operator = c.station.record.treatments.limits, c.presence.operator
    if operator is None:
        raise StationError("Nobody is signed in here; sign in first.", "no-operator")
    if q.digest != limits.digest:
        raise StationError(
            "The station runs with other limits than the file has now; end it with 'devicectl station --end' and ask again.",
            "other-limits",
        )
    await c.station.operators.note(CODE, operator, c.name, limits.text)
    limits.approve(operator.name)
    return {"digest": limits.digest, "text": f"{operator.name} has approved the limits in force."}


METHODS: Final[Methods] = {"limits.approve": (p.ApproveLimits, _approve)}
