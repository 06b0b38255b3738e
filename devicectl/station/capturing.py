"""What passes on a pen's link, for a client that keeps it: taken on the loop, handed on in bundles, never waited for."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from drivers.tap import STREAM, Mark, Way

BUNDLE_S: Final = 0.1
ROWS_AT_ONCE: Final = 100
"""Rows of one message at most: about 1 ms of the loop."""
LAST_S: Final = 0.01
"""Between the last messages of a capture that is over."""
PATIENCE_S: Final = 3.0
"""How long a client that does not read gets the rest of a capture that is over."""
ROWS_KEPT: Final = 4_000
BYTES_KEPT: Final = 1 << 20
"""What waits for a slow client at most, in rows and in bytes; what comes beyond is counted and becomes a gap."""

Row = list[Any]
"""``[kind, at, utc_ns, way, channel, stop, data]``: data is base64 for ``bytes`` and ``known``, an object for ``mark`` and
``gap``; ``at`` is the station's loop time in s."""


class Capture:
    """A :class:`drivers.tap.Tap` on one pen for one client.

    ``send`` takes the parameters of one notification ``capture``; ``congested`` says that the client reads too slowly;
    ``release`` takes the tap off, once.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        congested: Callable[[], bool],
        utc_us: Callable[[], int],
        release: Callable[[], None],
    ) -> None:
        self._send = send
        self._congested = congested
        self._utc_us = utc_us
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._rows: list[Row] = []
        self._bytes = 0
        self._missed: dict[str, Any] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._why: str | None = None
        self._patience = 0.0
        self.ended = False
        """Nothing more is listened to; what waits may still be handed on."""

    # -- from the link

    def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._put("bytes", int(way), channel, stop, data)

    def known(self, data: bytes) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._put("known", int(Way.IN), STREAM, False, data)

    def marked(self, mark: Mark, facts: Mapping[str, Any]) -> None:
        """See :class:`drivers.tap.Tap`."""
        self._put("mark", 0, STREAM, False, {"mark": mark.name, **facts})

    def _put(self, kind: str, way: int, channel: int, stop: bool, data: bytes | dict[str, Any]) -> None:
        if self.ended:
            return
        size = len(data) if isinstance(data, bytes) else 0
        if len(self._rows) >= ROWS_KEPT or self._bytes + size > BYTES_KEPT:
            self._miss(way, size, stop)
            return
        if self._missed:
            self._rows.append(self._gap())
        self._rows.append([kind, self._loop.time(), self._utc_us() * 1000, way, channel, stop, data])
        self._bytes += size
        if self._timer is None:
            self._timer = self._loop.call_later(BUNDLE_S, self._hand_on)

    def _miss(self, way: int, size: int, stop: bool) -> None:
        if not self._missed:
            begun = {"from": self._loop.time(), "from_utc_ns": self._utc_us() * 1000}
            self._missed = {"rows": 0, "bytes_in": 0, "bytes_out": 0, "stops": 0, **begun}
        self._missed["rows"] += 1
        self._missed["stops"] += stop
        if way:
            self._missed["bytes_in" if way == Way.IN else "bytes_out"] += size

    def _gap(self) -> Row:
        missed, self._missed = self._missed, {}
        return ["gap", self._loop.time(), self._utc_us() * 1000, 0, STREAM, False, missed]

    # -- to the client

    def _hand_on(self) -> None:
        self._timer = None
        if not self._congested():
            self._hand_over(ROWS_AT_ONCE)
        if self._why is None:
            if self._rows or self._missed:
                self._timer = self._loop.call_later(BUNDLE_S, self._hand_on)
        elif not self._rows and not self._missed:
            self._send({"rows": [], "end": self._why})
        elif self._loop.time() < self._patience:
            self._timer = self._loop.call_later(LAST_S, self._hand_on)
        else:
            self._give_up()
            self._send({"rows": [self._gap()], "end": self._why})

    def _give_up(self) -> None:
        """What waits will not be read any more: it is missing too."""
        for kind, *_, way, _, stop, data in self._rows:
            self._miss(way, len(data) if isinstance(data, bytes) else 0, stop)
            if kind == "gap":
                for name in ("rows", "stops", "bytes_in", "bytes_out"):
                    self._missed[name] += data[name]
        self._rows = []

    def _hand_over(self, count: int) -> None:
        rows, self._rows = self._rows[:count], self._rows[count:]
        for row in rows:
            if isinstance(row[-1], bytes):
                self._bytes -= len(row[-1])
                row[-1] = base64.b64encode(row[-1]).decode()
        if not self._rows and self._missed:
            rows.append(self._gap())
        if rows:
            self._send({"rows": rows})

    def end(self, why: str) -> None:
        """Hand on what waits, say why it ends, and listen no more. What is told twice counts once."""
        if self.ended:
            return
        self.ended = True
        self._why, self._patience = why, self._loop.time() + PATIENCE_S
        self._release()
        if self._timer is not None:
            self._timer.cancel()
        self._hand_on()
