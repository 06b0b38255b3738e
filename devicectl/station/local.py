"""A client inside the station's own loop: the same messages without sockets or text, for virtual time and scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .client_api import StationError
from .connection import Connection
from .params import PROTOCOL_VERSION
from .station import Station
from .views import ChartView, View, charted


class LocalClient:
    """A :class:`devicectl.station.client_api.StationClient` that speaks to a station object directly."""

    def __init__(self, station: Station, name: str) -> None:
        self._station = station
        self._name = name
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._view_listeners: list[Callable[[View], None]] = []
        self._chart: ChartView | None = None
        self._lost_listeners: list[Callable[[str], None]] = []
        self._capture: Callable[[dict[str, Any]], None] = lambda rows: None
        self._connection = Connection(station, self._receive)

    async def hello(self) -> LocalClient:
        """Say hello; every other request needs it."""
        await self.request("station.hello", client=self._name, version=PROTOCOL_VERSION)
        return self

    def _receive(self, message: dict[str, Any]) -> None:
        if message.get("method") == "view":
            view = charted(message["params"], self._chart)
            self._chart = view.chart
            for listener in self._view_listeners:
                listener(view)
            return
        if message.get("method") == "capture":
            self._capture(message["params"])
            return
        future = self._waiting.pop(message["id"], None)
        if future is None or future.done():
            return
        error = message.get("error")
        if error is not None:
            future.set_exception(StationError(error["message"], error["data"]["code"], error["data"].get("fields")))
        else:
            future.set_result(message["result"])

    def on_view(self, listener: Callable[[View], None]) -> None:
        """Call ``listener`` for every view."""
        self._view_listeners.append(listener)
        if len(self._view_listeners) == 1:
            self._connection.want_views()

    def on_capture(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Give ``listener`` what a capture hands on."""
        self._capture = listener

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Never called: both live and die together."""
        self._lost_listeners.append(listener)

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """Never called: there is no way past a station in the same loop."""

    async def request(self, method: str, **params: Any) -> Any:
        """Ask and wait. Results are view objects, not JSON. Raises :class:`StationError`."""
        self._next += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._next] = future
        self._connection.receive({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        return await future

    def heartbeat(self, frame: int, keys: int) -> None:
        """Both counters must rise."""
        self._connection.receive({"method": "heartbeat", "params": {"frame": frame, "keys": keys}})

    def activity(self) -> None:
        """Somebody is at the keys."""
        self._connection.receive({"method": "activity"})

    def stop_now(self, source: str) -> None:
        """STOP every pen at once."""
        self._station.stop_all(f"{self._name}: {source}")

    async def close(self) -> None:
        """As a killed client would: the connection is simply gone."""
        self._connection.lost()
