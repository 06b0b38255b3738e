"""What a driver made of a link, made again from what was captured: the same bytes and marks in, the same inputs out.

It sends nothing and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drivers.api import LinkStatistics, Lost, PenInput, Up
from drivers.tap import STREAM, Mark

from . import cobs
from .hello import Pages
from .messages import ResultMessage
from .session import Hello, HostSession


class Replay:
    """The ears of a :class:`drivers.penlink.pen.PenlinkPen`. Times are those of the captured link's clock, in s.

    ``deliver`` gets every :data:`drivers.api.PenInput` that the pen object gave to its listeners. ``on_result`` gets the
    answers to commands, which a pen object turns into outcomes.
    """

    def __init__(
        self,
        deliver: Callable[[PenInput], None],
        on_result: Callable[[ResultMessage], None] = lambda result: None,
    ) -> None:
        self.statistics = LinkStatistics()
        self._deliver = deliver
        self._on_result = on_result
        self._pages = Pages()
        self._session: HostSession | None = None

    def _begin(self) -> HostSession:
        self._pages = Pages()
        self._session = HostSession(self._deliver, self._hello, self._on_result, self.statistics)
        return self._session

    def _hello(self, hello: Hello) -> None:
        self._pages.take(hello)

    def known(self, data: bytes) -> None:
        """A frame from before the capture: it counts, and nobody is told of it."""
        aside = HostSession(lambda item: None, self._hello, lambda result: None, LinkStatistics())
        aside.feed(data, 0.0)

    def heard(self, channel: int, data: bytes, at: float) -> None:
        """Bytes from the pen."""
        session = self._session or self._begin()
        session.feed(data if channel == STREAM else cobs.encode(data) + b"\x00", at)

    def marked(self, mark: Mark, facts: Mapping[str, Any], at: float) -> None:
        """What became of the link. Raises ``ValueError`` when the capture does not hold what a driver would know."""
        match mark:
            case Mark.OPENING:
                self._begin()
            case Mark.UP:
                self._establish(self._session or self._begin(), at)
            case Mark.JOINED:
                pages = self._pages
                session = self._begin()
                self._pages = pages
                try:
                    session.recall(facts)
                except (KeyError, TypeError, ValueError) as error:
                    raise ValueError("what the driver knew is not told") from error
                if facts.get("up", True):
                    self._establish(session, at)
            case Mark.LOST:
                self._session = None
                self._deliver(Lost(at, str(facts.get("reason", ""))))
            case Mark.CLOSED:
                self._session = None

    def _establish(self, session: HostSession, at: float) -> None:
        if not self._pages.complete:
            raise ValueError("the pages of HELLO are not all there")
        capabilities = self._pages.capabilities()
        session.bound(capabilities.depth_max_um, capabilities.rate_max_mhz)
        session.established = True
        self._deliver(Up(at, self._pages.identity(), capabilities, self._pages.cartridge()))
