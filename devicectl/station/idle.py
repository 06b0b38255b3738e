"""When a station that was started on demand may end: nobody needs it, and nobody would miss what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from .station import Station

IDLE_END_S: Final = 5.0
SESSION_KEPT_S: Final = 30 * 60.0
"""How long an open session waits for somebody to come back to it."""
UNWRITTEN_S: Final = 10 * 60.0
"""How long what could not be written waits for the record before it is left to the next station."""
LOOK_S: Final = 0.5
NOBODY: Final = "nobody needs the station any more"


async def watch_idle(station: Station, ask_end: Callable[[str], None]) -> None:
    """Call ``ask_end`` when nobody has been connected for 5 s and nothing here waits for anybody; run until cancelled.

    A session that somebody left open, because a screen was killed, keeps its station for 30 min. Then it is closed as
    abandoned. What could not be written keeps it for 10 min, because the record may be written again.
    """
    unwritten_since: float | None = None
    while True:
        await asyncio.sleep(LOOK_S)
        now = station.loop.time()
        quiet = now - station.quiet_since
        if not station.record.unwritten.some and all(desk.recording.written for desk in station.desks):
            unwritten_since = None
        elif unwritten_since is None:
            unwritten_since = now
        if station.clients or quiet <= IDLE_END_S or any(desk.control.run for desk in station.desks):
            continue
        open_ones = [desk.recording for desk in station.desks if desk.recording.session_id is not None]
        if not open_ones:
            if unwritten_since is None or now - unwritten_since > UNWRITTEN_S:
                ask_end(NOBODY)
        elif quiet > SESSION_KEPT_S:
            for recording in open_ones:
                recording.abandon(f"Nobody came back to this session for {SESSION_KEPT_S / 60:.0f} minutes.")
