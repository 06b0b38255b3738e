"""Keep one pen connected: endless, gentle, and only ever the read-only handshake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from drivers.api import Lost, Pen, PenError, PenInput

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 5.0
log = logging.getLogger("devicectl.link")


class KeepConnected:
    """Connects, waits for the loss, and connects again, each failure doubling the pause up to 5 s.

    ``on_failure`` gets the sentence of each failed attempt. ``absent`` is asked before each: a sentence why there is
    nothing to connect to, or None. A connect never moves anything, so neither does this.
    """

    def __init__(
        self,
        pen: Pen,
        on_failure: Callable[[PenError], None],
        absent: Callable[[], Awaitable[str | None]] | None = None,
    ) -> None:
        self._pen = pen
        self._on_failure = on_failure
        self._absent = absent
        self._lost = asyncio.Event()
        self._unsubscribe = pen.subscribe(self._input)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep())

    def _input(self, item: PenInput) -> None:
        if type(item) is Lost:
            self._lost.set()

    async def _keep(self) -> None:
        wait = FIRST_WAIT_S
        while True:
            self._lost.clear()
            try:
                if self._absent is not None and (why := await self._absent()) is not None:
                    raise PenError(why, "no-such-port")
                await self._pen.connect()
            except PenError as error:
                self._on_failure(error)
            except Exception as error:
                # Whatever it was: one that gives up here would leave the pen unreachable, for a STOP too.
                log.exception("connecting failed in an unforeseen way")
                self._on_failure(PenError(f"The link failed ({error}); it is tried again, the log has the details."))
            else:
                wait = FIRST_WAIT_S
                await self._lost.wait()
                self._pen.statistics.reconnects += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

    async def close(self) -> None:
        """Stop trying, and let go of the link."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            try:
                await self._task
            except asyncio.CancelledError:
                pass
            self._task = None
        await self._pen.close()
