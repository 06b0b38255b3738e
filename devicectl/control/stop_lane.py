"""The stop lane: bytes first, then repetition until the pen is latched and seen still. It waits for nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from devicectl.alarms.board import AlarmBoard, Priority
from drivers.api import Pen, Status

from .motion import MotionMonitor

REPEAT_S: Final = 0.04
SLOW_REPEAT_S: Final = 0.1
ALARM_S: Final = 0.3
NOT_STILL = "stop-not-still"
log = logging.getLogger("devicectl.control")


class StopLane:
    """STOP of one pen. ``on_done`` gets the source and the ms from the intent to the first still sample."""

    def __init__(
        self, pen: Pen, motion: MotionMonitor, alarms: AlarmBoard, on_done: Callable[[str, float], None]
    ) -> None:
        self._pen = pen
        self._motion = motion
        self._alarms = alarms
        self._on_done = on_done
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._source = ""
        self._latched_seen = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def active(self) -> bool:
        """True from the intent until the pen is latched and still."""
        return self._since is not None

    def begin(self, source: str) -> bool:
        """STOP now; True when the link took the bytes. A second call sends again and keeps the first intent's time.

        After :meth:`close` it is sent once and followed up no more.
        """
        sent = self._send()
        if self._since is None and not self._closed:
            self._since = self._loop.time()
            self._source = source
            self._latched_seen = False
            self._timer = self._loop.call_later(REPEAT_S, self._again)
        return sent

    def _send(self) -> bool:
        try:
            return self._pen.stop()
        except Exception:  # a driver that fails must keep neither the repetition nor the next pen from its STOP
            log.exception("the driver failed at STOP")
            return False

    def _again(self) -> None:
        if self._since is None:
            return
        sent = self._send()
        late = self._loop.time() - self._since > ALARM_S
        if late:
            why = "the pen is not seen still" if sent else "the pen cannot be reached"
            self._alarms.raise_(NOT_STILL, Priority.HIGH, f"STOP sent but {why}. Switch the pen off and lift it.")
        self._timer = self._loop.call_later(SLOW_REPEAT_S if late else REPEAT_S, self._again)

    def connected(self) -> None:
        """The link is back: a stop that was never confirmed is sent at once."""
        if self._since is not None:
            # It may have restarted meanwhile, and would then not be latched any more.
            self._latched_seen = False
            self._send()

    def status(self, status: Status) -> None:
        """A latched state heard after the intent is half of the proof."""
        if self._since is not None and status.at > self._since and status.state.latched:
            self._latched_seen = True
            self.check()

    def check(self) -> None:
        """Called for each sample: stillness is the other half."""
        since = self._since
        if since is None or not self._latched_seen or not self._motion.still_after(since):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._since = None
        self._alarms.clear(NOT_STILL)
        began = max(self._motion.still_since or since, since)
        self._on_done(self._source, (began - since) * 1000)

    def close(self) -> None:
        """End the timer."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
