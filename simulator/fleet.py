"""Many simulated pens in one process, as on a burn-in bench: each with a port, a serial number and chance of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, Literal, NamedTuple

from .announce import announce
from .faults import FaultPlan
from .pen import SimulatedPen
from .profile import Profile, load_profile
from .serve import heed_signals, open_port

COUNT_MAX: Final = 256
"""A process may usually have 1,024 descriptors open, and a pen behind a pseudo-terminal takes two or three."""


class Member(NamedTuple):
    """One pen of a fleet."""

    address: str
    serial: str
    seed: int
    profile: str
    model: str


async def serve_fleet(
    kind: Literal["pty", "tcp"],
    count: int,
    told: Callable[[list[Member]], None],
    *,
    profiles: Sequence[Profile | str] = ("reference",),
    seed: int = 0,
    faults: FaultPlan | None = None,
    port: int = 0,
    paced: bool = True,
) -> None:
    """Run ``count`` pens until SIGTERM, SIGINT or cancellation; all of them are there, and announced, or none.

    Args:
        told: is given all of them once they can be opened.
        profiles: taken in turn.
        seed: of the first pen; each further one has the next.
        port: TCP port of the first pen, each further one has the next; 0 for any free ones. For ``tcp`` only.

    Raises:
        LinkRefused: a port is taken, or the system gives no more of them.
        ProfileError: there is no such profile.
    """
    made = [load_profile(one) if isinstance(one, str) else one for one in profiles]
    members: list[Member] = []
    async with AsyncExitStack() as stack:
        for number in range(count):
            pen = SimulatedPen(made[number % len(made)], seed=seed + number, faults=faults)
            stack.callback(pen.close)
            address = await open_port(kind, pen, port + number if port else 0, paced, stack)
            members.append(Member(address, pen.serial, pen.seed, pen.profile.name, pen.profile.model))
        for one in members:
            stack.enter_context(announce(one.address, one.model, one.serial, kind))
        over = asyncio.Event()
        heed_signals(over, stack)
        told(members)
        await over.wait()
