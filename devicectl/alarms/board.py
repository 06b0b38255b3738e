"""The board of alarm conditions: raised, cleared, acknowledged; high ones latch (after IEC 60601-1-8)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

log = logging.getLogger("devicectl.alarms")


class Priority(IntEnum):
    """IEC 60601-1-8 priorities; a greater number is more urgent."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(slots=True)
class Alarm:
    """One condition. It leaves the board when it is gone, and, if high, also acknowledged."""

    code: str
    priority: Priority
    text: str
    since: float
    active: bool = True
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """What happened to a condition: raised, cleared, or acknowledged, at loop time ``at``."""

    kind: str
    alarm: Alarm
    at: float


SILENCE_S = 120.0
"""How long silence pauses the sound (IEC 60601-1-8 "audio paused"); the text stays."""


class AlarmBoard:
    """All conditions of one station. ``clock`` is loop time; listeners are called synchronously for each change."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._alarms: dict[str, Alarm] = {}
        self._listeners: list[Callable[[AlarmChange], None]] = []
        self._silent_until = float("-inf")

    def subscribe(self, listener: Callable[[AlarmChange], None]) -> None:
        """Call ``listener`` for every change."""
        self._listeners.append(listener)

    def _tell(self, kind: str, alarm: Alarm) -> None:
        change = AlarmChange(kind, alarm, self._clock())
        for listener in self._listeners:
            # Whoever raises an alarm goes on to stop the pen: a listener that fails must not keep him from it.
            try:
                listener(change)
            except Exception:
                log.exception("a listener failed at alarm %s", alarm.code)

    def raise_(self, code: str, priority: Priority, text: str) -> None:
        """Raise a condition, or renew its text; one that had cleared starts anew and unacknowledged."""
        alarm = self._alarms.get(code)
        if alarm is not None and alarm.active and alarm.priority is priority:
            alarm.text = text
            return
        alarm = self._alarms[code] = Alarm(code, priority, text, self._clock())
        self._silent_until = float("-inf")
        self._tell("raised", alarm)

    def clear(self, code: str) -> None:
        """The condition is gone; a high alarm that nobody has acknowledged stays on the board."""
        alarm = self._alarms.get(code)
        if alarm is None or not alarm.active:
            return
        alarm.active = False
        self._tell("cleared", alarm)
        if alarm.priority is not Priority.HIGH or alarm.acknowledged:
            del self._alarms[code]

    def acknowledge(self) -> int:
        """Somebody has seen everything on the board; returns how many that were."""
        seen = [alarm for alarm in self._alarms.values() if not alarm.acknowledged]
        for alarm in seen:
            alarm.acknowledged = True
            self._tell("acknowledged", alarm)
            if not alarm.active:
                del self._alarms[alarm.code]
        return len(seen)

    def silence(self) -> None:
        """Pause the sound for :data:`SILENCE_S`; a new condition ends the pause."""
        self._silent_until = self._clock() + SILENCE_S

    @property
    def silent_for(self) -> float:
        """Seconds of silence left, 0 when sounding."""
        return max(0.0, self._silent_until - self._clock())

    def active(self, code: str) -> bool:
        """True while the condition ``code`` holds."""
        alarm = self._alarms.get(code)
        return alarm is not None and alarm.active

    def priority(self, code: str) -> Priority | None:
        """The priority of the condition ``code`` while it holds, else None."""
        alarm = self._alarms.get(code)
        return alarm.priority if alarm is not None and alarm.active else None

    def standing(self) -> list[Alarm]:
        """Highest priority first, then newest."""
        return sorted(self._alarms.values(), key=lambda a: (-a.priority, -a.since))
