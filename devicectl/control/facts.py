"""What the gates look at, gathered from a controller at one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .gates import Facts
from .motion import Motion

if TYPE_CHECKING:
    from .controller import Controller

VITALS_AGE_MAX_S: Final = 5.0
"""Vitals come twice a second; older ones say nothing about the battery now."""


def facts(c: Controller, depth_follows: bool = False) -> Facts:
    """Everything as of now; ``depth_follows`` as in :class:`Facts`."""
    now = c.loop.time()
    identity, vitals = c.identity, c.vitals
    return Facts(
        connected=c.pen.connected,
        serial=identity.serial if identity else "",
        simulated=bool(identity and identity.simulated),
        firmware=identity.firmware if identity else "",
        firmware_problem=c.firmware_problem(),
        latched=c.latched,
        faults=c.fault_names(),
        still=c.motion.at(now) is Motion.STILL,
        unsettled=c.lane.unsettled,
        cartridge_present=c.cartridge.present,
        cartridge_used=c.cartridge.used,
        battery_pct=vitals.battery_pct if vitals and now - vitals.at <= VITALS_AGE_MAX_S else None,
        sample_age_s=c.motion.age(now),
        status_age_s=now - c.status.at if c.status else float("inf"),
        record_problem=c.record_problem(),
        depth_limit_problem=c.depth_limit.problem(),
        depth_shortfall=c.arrival.shortfall(c.motion.sample, now),
        depth_follows=depth_follows,
        purpose=c.purpose,
        client_training=c.client_training,
        controller_alive=c.alive() is None,
        overrides=c.overrides,
    )
