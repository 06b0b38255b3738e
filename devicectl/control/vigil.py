"""Ten times a second: whether the run may go on, and which conditions have come or gone by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devicectl.alarms.board import Priority

from .envelope import hz, mm
from .events import PlannedTime
from .journal import WRITER_SILENT_S
from .motion import FRESH_S, Motion

if TYPE_CHECKING:
    from .controller import Controller

WATCH_S: Final = 0.1
SILENT_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
BATTERY_LOW_PCT: Final = 20
BATTERY_MEDIUM_PCT: Final = 10
BATTERY_BACK_PCT: Final = 2
"""A battery recovers a little when the motor stops: by so much before it counts as better."""
READ_BACK_S: Final = 2.0
"""How often a still pen is asked what it holds."""
LIMIT_PATIENCE_S: Final = 3.0
"""How long a still pen may be without the depth limit before that is an alarm."""


class Vigil:
    """The timer of one controller; begins when it is made."""

    def __init__(self, controller: Controller) -> None:
        self._c = controller
        self._asked_at = controller.loop.time()
        self._limit_since: float | None = None
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
        self._battery()
        self._rate()
        self._limit(now)
        self._clear_alarms(now)

    def _run(self, now: float) -> None:
        c, run = self._c, self._c.run
        if run is None or run.phase == "starting":
            return
        if run.phase == "running":
            run.ran_s += WATCH_S
            if run.planned_s is not None and not run.planned_told and run.ran_s >= run.planned_s - 1e-9:
                run.planned_told = True
                c.tell(PlannedTime(now, run.zone, run.indicate))
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

    def _limit(self, now: float) -> None:
        """A pen may forget the depth limit without a restart (a brown-out of its settings): it is asked what it holds, and
        told anew while it is still."""
        c = self._c
        still = c.motion.at(now) is Motion.STILL
        if c.pen.connected and still and c.run is None and not c.lane.busy and now - self._asked_at >= READ_BACK_S:
            self._asked_at = now
            c.pen.query()
        if c.readback is None or c.depth_limit.problem() is None:
            self._limit_since = None
            c.alarms.clear("limit")
            return
        if self._limit_since is None:
            self._limit_since = now
        if still and not c.depth_limit.pushing:
            c.push_limit()
        # A pen that has only just been reached says what it holds before it says that it is still.
        may_turn = c.run is not None or c.motion.at(now) is Motion.TURNING
        if may_turn or now - self._limit_since > LIMIT_PATIENCE_S:
            text = f"The pen does not hold the depth limit {mm(c.depth_limit.to_hold_um)}"
            rest = "it is set anew, or switch the pen off and on" if still else "END, and it is set anew while still"
            c.alarms.raise_("limit", Priority.MEDIUM, f"{text}: {rest}.")

    def _disbelieve(self) -> None:
        """What the sensors say cannot be true: told; whether to go on is for the hand that holds the pen."""
        c = self._c
        if (problem := c.sensors.problem) is not None:
            c.alarms.raise_("sensor", Priority.MEDIUM, problem)
        else:
            c.alarms.clear("sensor")

    def _battery(self) -> None:
        c = self._c
        percent = c.vitals.battery_pct if c.vitals is not None else None
        if percent is None:
            return
        was = c.alarms.priority("battery")
        back = BATTERY_BACK_PCT
        if percent < BATTERY_MEDIUM_PCT + (back if was is Priority.MEDIUM else 0):
            text = f"Battery {percent} %: it may end within this pass. Charge the pen."
            c.alarms.raise_("battery", Priority.MEDIUM, text)
        elif percent < BATTERY_LOW_PCT + (back if was is not None else 0):
            c.alarms.raise_("battery", Priority.LOW, f"Battery {percent} %: charge the pen soon.")
        else:
            c.alarms.clear("battery")

    def _rate(self) -> None:
        c = self._c
        measured = c.rate_watch.deviates
        if measured is not None and c.run is not None:
            text = (
                f"Rate {hz(measured)} measured, {hz(c.run.rate_mhz)} set. Lift the pen; look at cartridge and battery."
            )
            c.alarms.raise_("rate", Priority.MEDIUM, text)
        else:
            c.alarms.clear("rate")

    def _clear_alarms(self, now: float) -> None:
        c = self._c
        if c.alarms.active("uncommanded") and c.motion.at(now) is Motion.STILL:
            c.alarms.clear("uncommanded")
        if not c.latched:
            for code in ("lease", "fault", "lease-refused", "reboot"):
                c.alarms.clear(code)
        if c.record_problem() is None and c.journal.silent_for() < WRITER_SILENT_S:
            c.alarms.clear("record")
