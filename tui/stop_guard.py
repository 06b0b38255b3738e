"""STOP in the input thread, ahead of the event loop.

Textual reads the terminal in a thread of its own and posts what it reads to the event loop, where it queues behind
painting, timers and any slow handler. `StopGuard.install` wraps ``send_message`` of one driver, the funnel of every
driver, so that a STOP key calls the client in that thread before anything else happens. The guard can stop, never
start.

Three more rules live here because they must hold while the screen is frozen: an unbound key while the motor may turn
is STOP; keys that arrive faster than fingers are a scanner and never reach a binding; and the input thread's counter,
without which the station ends the lease.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from textual import events
from textual.driver import Driver
from textual.message import Message

from tui.keys import STOP_KEYS
from tui.terminal_input import read_anything

VIEW_FRESH_S: Final = 0.3
"""A view older than this says nothing about the motor."""
SCAN_GAP_S: Final = 0.03
"""Keys closer together than this come from a scanner or a paste."""
NOTE_MAX: Final = 4
"""Digits of a note; fewer than any scanner sends."""
SWITCH_INTERVAL_S: Final = 0.0005
"""A Python computation on the event loop gives way to the input thread after this long."""
INPUT_THREAD: Final = "textual-input"
_IGNORED: Final = ("_shift", "_control", "_alt", "_super", "_hyper", "_meta", "_lock", "ignore")


class StopPressed(Message):
    """STOP went out from the input thread; ``source`` says which key."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source


class Scanned(Message):
    """A burst of keys or a paste that was kept away from the bindings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class CountingEvent(threading.Event):
    """The driver's exit event, which its input loop reads at least every 100 ms, key or no key: it counts the looks.

    The count therefore stands still when the thread is dead or starved, and only then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def is_set(self) -> bool:
        """Whether the thread is to end; counted when the input thread asks."""
        if threading.current_thread().name == INPUT_THREAD:
            self.looks += 1
        return super().is_set()


class StopGuard:
    """What stands between the keyboard and the screen. Plain attributes: written by the screen, read by the thread."""

    def __init__(self, stop: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._stop = stop
        self._clock = clock
        self._turning = False
        self._controls = False
        self._heard_at: float | None = None
        self._counter: CountingEvent | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forward: Callable[[Any], Any] = lambda message: None
        self._burst: list[tuple[float, events.Key]] = []
        self._flush_at: asyncio.TimerHandle | None = None
        self.bound: frozenset[str] = frozenset()
        self.added_stops: frozenset[str] = frozenset()
        self.text_focus = False
        self.note_open = False
        """A note is being typed: a few digits are one, however fast they come."""
        self.holds_scans = False
        """Whether a burst of keys is kept together although letters go into a field."""
        self.gauge_field = False
        """A gauge that is a keyboard may type here: a blank in the middle of its burst is no SPACE while the pen stands still."""
        self._key_at: float | None = None
        self.stop_top = 1 << 30
        self.answered: Callable[[], None] = lambda: None
        """Called in the input thread when the terminal has answered where its cursor is."""
        self.pressed: Callable[[str], None] = lambda key: None
        """Called on the loop with a key that is kept until it is known not to begin a scan."""

    @property
    def may_turn(self) -> bool:
        """True while the motor turns, while that is unknown, and when the last view is older than 300 ms."""
        return self._turning or self._heard_at is None or self._clock() - self._heard_at > VIEW_FRESH_S

    @property
    def keys(self) -> int | None:
        """Looks of the input thread's loop so far; None where the driver has no such thread (headless)."""
        return self._counter.looks if self._counter is not None else None

    @property
    def holding(self) -> bool:
        """Whether a key is kept until it is known not to begin a scan."""
        return bool(self._burst)

    def heard(self, turning: bool, controls: bool) -> None:
        """A view arrived: the motor is not confirmed still, and this client holds control."""
        self._turning, self._controls, self._heard_at = turning, controls, self._clock()

    def install(self, driver: Driver) -> Driver:
        """Wrap ``driver`` and return it. Call it from an ``App._build_driver`` override, on the event loop."""
        self._loop = asyncio.get_running_loop()
        read_anything(driver)
        self._forward = driver.send_message
        driver.send_message = self._receive  # type: ignore[method-assign]
        if isinstance(getattr(driver, "exit_event", None), threading.Event):
            self._counter = CountingEvent()
            setattr(driver, "exit_event", self._counter)  # noqa: B010  (not every driver class declares it)
        return driver

    def _receive(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self._key(message)
        elif isinstance(message, events.CursorPosition):
            self.answered()
        elif isinstance(message, events.MouseDown) and int(message.y) >= self.stop_top:
            self._stop_from("mouse")
        elif isinstance(message, events.Paste) and (self.may_turn or not self.text_focus):
            self._forward(Scanned(message.text))
        else:
            self._forward(message)

    def _stop_from(self, source: str) -> None:
        self._stop(source)
        self._forward(StopPressed(source))

    def _key(self, event: events.Key) -> None:
        key, now = event.key, self._clock()
        burst = self._key_at is not None and now - self._key_at < SCAN_GAP_S
        self._key_at = now
        if key == "space" and burst and self.gauge_field and not self.may_turn:
            self._hold_soon(now, event)
            return
        if key in STOP_KEYS or key in self.added_stops or key.rpartition("+")[2] in ("space", "f9"):
            self._key_at = None  # SPACE pressed twice is STOP twice
            self._stop_from(key)
            return
        if key.endswith(_IGNORED):
            return  # a modifier on its own, as the kitty protocol reports it
        if self.may_turn and (self.text_focus or (self._controls and key not in self.bound)):
            self._stop_from(f"key {key}")
            return
        if self.text_focus and not self.holds_scans:
            self._forward(event)
            return
        self._hold_soon(now, event)

    def _hold_soon(self, at: float, event: events.Key) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._hold, at, event)
        except RuntimeError:
            pass  # the loop has closed: there is nobody left to tell

    def _hold(self, at: float, event: events.Key) -> None:
        """Keep a key for 30 ms: only then is it known not to begin a scan."""
        if self._burst and at - self._burst[-1][0] >= SCAN_GAP_S:
            self._flush()
        self._burst.append((at, event))
        if len(self._burst) == 1:
            self.pressed(event.key)
        if self._flush_at is not None:
            self._flush_at.cancel()
        assert self._loop is not None
        self._flush_at = self._loop.call_later(SCAN_GAP_S, self._flush)

    def _flush(self) -> None:
        burst, self._burst = self._burst, []
        typed = self.note_open and len(burst) <= NOTE_MAX and all(event.key.isdigit() for _, event in burst)
        if len(burst) == 1 or typed:
            for _, event in burst:
                self._forward(event)
        elif burst:
            self._forward(Scanned("".join(event.character or "" for _, event in burst)))
