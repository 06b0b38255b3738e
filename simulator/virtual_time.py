"""An asyncio loop whose clock is a number: hours of waiting pass in the time their callbacks take.

When nothing is ready to run, the clock jumps to the next timer. No file descriptor, thread or child process may
exist under it, because none of them would know this clock: asking for one raises :class:`VirtualTimeError`.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class VirtualTimeError(RuntimeError):
    """Something was asked of the virtual clock that it cannot give; the text says what."""


class _Clock(selectors.BaseSelector):
    """The loop's selector: never waits, moves the clock instead. Holds the loop's own wake-up socket only."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.scheduled: list[asyncio.TimerHandle] = []
        self._map: dict[Any, selectors.SelectorKey] = {}
        self.closed_to_others = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self.closed_to_others:
            raise VirtualTimeError("A file descriptor cannot be waited for in virtual time; use a memory link.")
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._map[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._map.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._map

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise VirtualTimeError("Everything waits and no timer is set: this would hang for ever in real time.")
        if timeout > 0:
            # The timer's own value, not now + timeout: rounding must never wake a callback before its time.
            when = self.scheduled[0].when()
            if when > self.now:
                self.now = when
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that starts at ``start`` seconds and never sleeps.

    Raises :class:`VirtualTimeError` from whatever asks for a thread, a descriptor, a signal handler or a process, and
    from the running call itself when every task waits and no timer is set.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._clock = _Clock(start)
        super().__init__(self._clock)
        self._clock.closed_to_others = True

    def time(self) -> float:
        """Seconds on the virtual clock."""
        return self._clock.now

    def _run_once(self) -> None:
        # asyncio replaces this list when it purges cancelled timers, so the selector cannot keep it by reference.
        self._clock.scheduled = self._scheduled  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def _write_to_self(self) -> None:
        """Nothing ever blocks, so nobody needs waking."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> NoReturn:  # type: ignore[override]  # noqa: ARG002
        """Raises :class:`VirtualTimeError`."""
        raise VirtualTimeError(f"No thread may run in virtual time, and {func!r} asked for one.")

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> NoReturn:  # type: ignore[override]  # noqa: ARG002
        """Raises :class:`VirtualTimeError`."""
        raise VirtualTimeError("Signals arrive in real time; set their handlers outside the virtual loop.")

    async def _make_subprocess_transport(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise VirtualTimeError("No process may run in virtual time.")


def run_virtual(main: Coroutine[Any, Any, T], *, start: float = 1000.0) -> T:
    """Run ``main`` to its end on a new :class:`VirtualTimeLoop`, as :func:`asyncio.run` does, and give its result.

    Raises :class:`VirtualTimeError` also when a thread that was started meanwhile is still alive at the end.
    """
    before = set(threading.enumerate())
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start)) as runner:
        result = runner.run(main)
    if started := [thread.name for thread in threading.enumerate() if thread not in before]:
        raise VirtualTimeError(f"Threads were started in virtual time: {', '.join(started)}.")
    return result
