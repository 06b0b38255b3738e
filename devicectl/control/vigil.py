"""Ten times a second: whether the run may go on, and which conditions have come or gone by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devicectl.alarms.board import Priority

from .journal import WRITER_SILENT_S
from .motion import FRESH_S, Motion

if TYPE_CHECKING:
    from .controller import Controller

WATCH_S: Final = 0.1
SILENT_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0


class Vigil:
    """The timer of one controller; begins when it is made."""

    def __init__(self, controller: Controller) -> None:
        self._c = controller
        self._timer = controller.loop.call_later(WATCH_S, self._look)

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        c = self._c
        now = c.loop.time()
        self._timer = c.loop.call_later(WATCH_S, self._look)
        self._run(now)
        turning = c.motion.turning and c.motion.age(now) < FRESH_S
        if c.latched and turning and not c.stop_lane.active and now > c.quiet_until:
            c.stop("motion while latched")
        self._silence(now)
        self._disbelieve()
        self._clear_alarms(now)

    def _run(self, now: float) -> None:
        c, run = self._c, self._c.run
        if run is None or run.phase == "starting":
            return
        if run.phase == "running":
            run.ran_s += WATCH_S
        elif run.phase == "parking" and now - run.since > run.run_max_s:
            c.stop("parking did not end")
            return
        why = c.permit()
        if why is not None:
            c.lease_refused(why)
        elif run.phase == "paused" and now - run.paused_at > self._pause_max_s():
            c.end_run("pause over")

    def _pause_max_s(self) -> float:
        """The pen ends a pause by itself; half a second later we stop believing in it."""
        caps = self._c.capabilities
        return (caps.pause_max_ms / 1000 if caps else PAUSE_MAX_S) + 0.5

    def _silence(self, now: float) -> None:
        """An open line is not a pen that answers: one that says nothing is told, though the link stays open for STOP."""
        c = self._c
        if c.stood():
            return  # what the pen said meanwhile is still to be read
        if c.pen.connected and c.up_at is not None and min(c.motion.age(now), now - c.up_at) > SILENT_S:
            text = "The link is open but the pen says nothing. Check cable and battery."
            c.alarms.raise_("silent", Priority.MEDIUM, text)
        else:
            c.alarms.clear("silent")

    def _disbelieve(self) -> None:
        """What the sensors say cannot be true: told; whether to go on is for the hand that holds the pen."""
        c = self._c
        if (problem := c.sensors.problem) is not None:
            c.alarms.raise_("sensor", Priority.MEDIUM, problem)
        else:
            c.alarms.clear("sensor")

    def _clear_alarms(self, now: float) -> None:
        c = self._c
        if c.alarms.active("uncommanded") and c.motion.at(now) is Motion.STILL:
            c.alarms.clear("uncommanded")
        if not c.latched:
            for code in ("lease", "fault", "lease-refused", "reboot"):
                c.alarms.clear(code)
        if c.record_problem() is None and c.journal.silent_for() < WRITER_SILENT_S:
            c.alarms.clear("record")
