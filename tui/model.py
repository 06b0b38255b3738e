"""What the screens know: the last view, when it came, what was asked since, and the alarms only a screen can raise.

No Textual here. A view holds ages at the moment of sending; every age shown adds the time since the view arrived, so
it is computed when it is painted and never stored as a flag.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from devicectl.station.views import AlarmView, ChartView, LogView, PenView, Reply, View, from_json
from devicectl.treatment.steps import next_step
from tui.keys import DEFAULT, Keymap, show_key
from tui.theme import PRIORITIES

STALE_S: Final = 0.3
GONE_S: Final = 1.0
SILENT_S: Final = 0.5
NOTICE_S: Final = 8.0
DEAD_S: Final = 3.0
PRESSED_S: Final = 0.5
REPEAT_S: Final = 0.25
LOG_KEPT: Final = 1000
LOSS_S: Final = 60.0
"""Over how long lost samples are counted."""
LOSS_STEP_S: Final = 1.0
NEWS_KEPT: Final = 20


class Freshness(enum.Enum):
    """How a value may be shown: as it is, dim with a question mark, or not at all."""

    FRESH = "fresh"
    STALE = "stale"
    GONE = "gone"


def freshness(age_s: float | None) -> Freshness:
    """The staleness ladder: above 0.3 s stale, above 1 s gone; an age nobody knows is gone."""
    if age_s is None or age_s > GONE_S:
        return Freshness.GONE
    return Freshness.STALE if age_s > STALE_S else Freshness.FRESH


@dataclass(slots=True)
class Pending:
    """What this screen asked for and the station has not yet shown."""

    zone: str | None = None
    depth_um: int | None = None
    rate_mhz: int | None = None


@dataclass(slots=True)
class Live:
    """The state every screen reads. ``clock`` counts seconds and never steps; tests bring their own."""

    clock: Callable[[], float] = time.monotonic
    view: View | None = None
    heard_at: float | None = None
    lost: str | None = None
    blurred: bool = False
    mute: bool = False
    """The terminal answers no question: that it is gone may be seen late."""
    keymap: Keymap = DEFAULT
    pending: Pending = field(default_factory=Pending)
    started_at: float = 0.0
    log: list[LogView] = field(default_factory=list)
    news: list[tuple[float, str]] = field(default_factory=list)
    """What was said lately, oldest first, with the clock's time."""
    heard_rssi: dict[str, int] = field(default_factory=dict)
    """Signal strength in dBm that the pen chooser saw, by address."""
    _counts: deque[tuple[float, int, int]] = field(default_factory=deque)
    """Samples and lost samples of this link, about once a second over the last minute."""
    _notice: tuple[float, str] | None = None
    _pressed: tuple[float, str] = (0.0, "")
    _raised: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def hear(self, view: View) -> None:
        """Take a view that has just arrived."""
        if _worse(self.pen, view.pen) and not self.notice.startswith("STOP"):
            self._notice = None  # "started" is no news any more: the line is needed for what to do now
        if self.pen is not None and view.pen is not None and self.pen.address != view.pen.address:
            self.log.clear()  # another pen has another log
            self._counts.clear()
        self.view, self.heard_at = view, self.clock()
        self._keep_log(view.log)
        if view.pen is not None:
            self._count(view.pen)
        pending = self.pending
        if pending.zone == view.zone:
            pending.zone = None
        if pending.depth_um == view.depth_request_um:
            pending.depth_um = None
        if pending.rate_mhz == view.rate_request_mhz:
            pending.rate_mhz = None

    def _keep_log(self, lines: tuple[LogView, ...]) -> None:
        """Keep lines of the session log beyond what a view carries; a view repeats its newest ones."""
        if not lines or (self.log and self.log[-1] == lines[-1]):
            return
        known_lines = set(self.log[-len(lines) :])
        self.log += [line for line in lines if line not in known_lines]
        del self.log[:-LOG_KEPT]

    def _count(self, pen: PenView) -> None:
        """Keep what the pen's counters were; when they fall, another link counts anew."""
        counts, now = self._counts, self.clock()
        if counts and (pen.samples < counts[-1][1] or pen.lost_samples < counts[-1][2]):
            counts.clear()
        if not counts or now - counts[-1][0] >= LOSS_STEP_S:
            counts.append((now, pen.samples, pen.lost_samples))
        while len(counts) > 1 and now - counts[1][0] >= LOSS_S:
            counts.popleft()

    @property
    def loss(self) -> float | None:
        """Share (0 to 1) of the samples that were lost over the last minute, or as long as they have been counted.

        None when none came in that time: what was lost then nobody can know.
        """
        pen = self.pen
        if pen is None or not self._counts:
            return None
        _, samples, lost = self._counts[0]
        came, missed = pen.samples - samples, pen.lost_samples - lost
        return missed / (came + missed) if came > 0 and missed >= 0 else None

    @property
    def rssi_at_scan(self) -> int | None:
        """dBm with which this pen was heard before it was opened; None on a wire, or when nobody looked."""
        return self.heard_rssi.get(self.pen.address) if self.pen is not None else None

    @property
    def since(self) -> float:
        """Seconds since the last view; since the start when there was none."""
        return self.clock() - (self.started_at if self.heard_at is None else self.heard_at)

    @property
    def pen(self) -> PenView | None:
        """The pen of the last view."""
        return self.view.pen if self.view is not None else None

    def age(self, age_s: float | None) -> float | None:
        """An age of the view as it is now."""
        return None if age_s is None else age_s + self.since

    @property
    def sample_age(self) -> float | None:
        """Seconds since the pen measured what is shown."""
        return self.age(self.pen.sample_age_s) if self.pen is not None else None

    @property
    def link_age(self) -> float | None:
        """Seconds since the pen was last heard in any way."""
        pen = self.pen
        ages = [] if pen is None else [a for a in (pen.sample_age_s, pen.status_age_s) if a is not None]
        return self.age(min(ages)) if ages else None

    @property
    def answering(self) -> bool:
        """Whether the station has been heard within 0.5 s."""
        return self.lost is None and self.since <= SILENT_S

    @property
    def still(self) -> bool:
        """Whether the pen is confirmed still now; without a pen there is nothing that could turn."""
        view = self.view
        if view is None or self.lost is not None or self.since > STALE_S:
            return False
        return view.pen is None or view.pen.motion == "still"

    @property
    def at_rest(self) -> bool:
        """Still, and no run that a button or footswitch could resume: text fields and leaving are safe."""
        return self.still and self.view is not None and self.view.run is None

    @property
    def controls(self) -> bool:
        """Whether this client holds control, as far as it knows."""
        return self.view is not None and self.view.you_control

    def say(self, text: str) -> None:
        """Show news under the state line for some seconds; the alarm list keeps them longer."""
        self._notice = (self.clock(), self.own(text))
        self.news = [*self.news[1 - NEWS_KEPT :], self._notice]

    def press(self, key: str) -> None:
        """A key was heard."""
        self._pressed = (self.clock(), key)

    @property
    def pressed(self) -> str:
        """The key that was heard last, as people read it, for half a second; empty otherwise."""
        at, key = self._pressed
        return show_key(key) if key and self.clock() - at <= PRESSED_S else ""

    def own(self, sentence: str) -> str:
        """``sentence`` without the address of this screen's pen in front: that is known here, and can be long."""
        head = f"{self.pen.address}: " if self.pen is not None else ""
        rest = sentence.removeprefix(head) if head else sentence
        return rest if rest == sentence or not rest else rest[0].upper() + rest[1:]

    def key(self, *names: str) -> str:
        """The keys of commands as the user knows them."""
        return self.keymap.shown(*names)

    @property
    def notice(self) -> str:
        """The line of news, empty when it has grown old."""
        if self._notice is None or self.clock() - self._notice[0] > NOTICE_S:
            return ""
        return self._notice[1]

    def alarms(self) -> list[AlarmView]:
        """Station's and screen's own alarms, highest priority first, then newest, acknowledged ones last."""
        stationed = self.view.alarms if self.view is not None else ()
        found = [replace(alarm, text=self.own(alarm.text)) for alarm in stationed]
        found += self._own_alarms()
        return sorted(found, key=lambda a: (a.acknowledged, PRIORITIES.index(a.priority), a.age_s))

    def _own_alarms(self) -> list[AlarmView]:
        own: list[tuple[str, str, str]] = []
        if self.lost is not None:
            own.append(("station-lost", "high", "STATION LOST. Pen stops by itself; if not, switch it off."))
        elif self.since > SILENT_S:
            own.append(("station-silent", "high", f"Station not answering for {self.since:.1f} s. Switch the pen off."))
        elif self.blurred and not self.still and self.pen is not None:
            own.append(("keyboard-away", "low", "Keyboard is in another window: SPACE does not stop there."))
        elif self.mute and self.controls:
            own.append(("terminal-mute", "low", "Terminal answers nothing: a dead line stops the pen late."))
        now = self.clock()
        self._raised = {code: self._raised.get(code, now) for code, _, _ in own}
        return [AlarmView(f"screen-{c}", c, p, text, now - self._raised[c], True, False) for c, p, text in own]


def _worse(before: PenView | None, now: PenView | None) -> bool:
    """Whether the pen has just been latched, faulted or lost."""
    if before is None or now is None:
        return False
    lost = before.link == "up" and now.link != "up"
    return lost or (now.latched and not before.latched) or (bool(now.faults) and not before.faults)


def known(*values: int | None) -> int | None:
    """The first value that is known; 0 is a value."""
    return next((value for value in values if value is not None), None)


def replies(answer: Any) -> list[Reply]:
    """The replies in a station's answer: one, or one for each part of a setpoint, as objects or as JSON."""
    if isinstance(answer, Reply):
        return [answer]
    if not isinstance(answer, dict):
        return []
    if answer.keys() >= {"outcome", "text"}:
        return [from_json(Reply, answer)]
    return [reply for part in answer.values() for reply in replies(part)]


class RepeatFilter:
    """Drops what the keyboard repeats by itself: the same key within 250 ms of its last press."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def passes(self, key: str) -> bool:
        """Whether this press of ``key`` counts."""
        now = self._clock()
        last, self._last[key] = self._last.get(key), now
        return last is None or now - last >= REPEAT_S


def next_of(chart: ChartView) -> str | None:
    """The step to do next. A session that was opened without a course gets none any more: that step is passed over."""
    if chart.next_step != "course":
        return chart.next_step
    found = next_step(step for step in chart.steps if step.name != "course")
    return found.name if found is not None else "course"
