"""One client's conversation: JSON-RPC 2.0 requests in, answers and views out. The transport is somebody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from devicectl.access.roster import AccessRefused
from devicectl.records.errors import RecordError
from devicectl.treatment.zones import UnknownZone
from drivers.address import Address, parse_address
from drivers.api import PenError

from . import params as p
from .capturing import Capture
from .client_api import StationError
from .desk import Desk, Holder
from .presence import Presence
from .requests import REQUESTS
from .requests.common import Handler
from .requests.needs import NEEDS
from .station import Station
from .views import ChartView

Send = Callable[[dict[str, Any]], None]
"""Takes one message; values may be view objects, which the transport turns into JSON if it needs text."""

PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS, REFUSED = -32700, -32600, -32601, -32602, -32000


class Connection:
    """One client. ``congested`` answers True while the client reads too slowly: it then misses views, never commands."""

    def __init__(self, station: Station, send: Send, congested: Callable[[], bool] = lambda: False) -> None:
        self.station = station
        self.name = ""
        self.radio = ""
        self.desk: Desk | None = None
        self._send = send
        self._congested = congested
        self._views = False
        self._position = 0
        self._chart: ChartView | None = None
        self._holder: Holder | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = False
        self.presence = Presence(self)
        self.capturing: Capture | None = None
        """The capture that this client asked for."""
        station.clients.append(self)

    # -- messages

    def receive_line(self, line: bytes) -> None:
        """One line of text from the wire."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._error(None, PARSE_ERROR, "This is not JSON; send one JSON-RPC 2.0 object a line.", "parse-error")
            return
        if not isinstance(message, dict):
            self._error(None, INVALID_REQUEST, "A request must be one JSON object.", "invalid-request")
            return
        self.receive(message)

    def receive(self, message: dict[str, Any]) -> None:
        """One request or notification. ``heartbeat`` and ``pen.stop`` are handled at once, the rest in order of arrival."""
        method, key = message.get("method"), message.get("id")
        if method == "heartbeat":
            self._heartbeat(message.get("params") or {})
            return
        if method == "activity":
            self.presence.sitting.active(self.station.loop.time())
            return
        if method == "pen.stop":
            self._stop(message)
            return
        entry = REQUESTS.get(method) if isinstance(method, str) else None
        if entry is None:
            self._error(key, UNKNOWN_METHOD, f"There is no request '{method}'; see docs/station.md.", "unknown-method")
            return
        if self.station.closing:
            self._error(key, REFUSED, "The station is ending; start devicectl again.", "station-ends")
            return
        if not self.name and method != "station.hello":
            self._error(key, REFUSED, "Say station.hello first.", "no-hello")
            return
        model, handler = entry
        try:
            params = model.model_validate(message.get("params") or {})
        except ValidationError as error:
            self._error(key, INVALID_PARAMS, p.sentence(str(method), error), "invalid-params")
            return
        task = asyncio.get_running_loop().create_task(self._run(key, str(method), handler, params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: Any, method: str, handler: Handler, params: Any) -> None:
        need = NEEDS[method]
        try:
            await self.presence.require(need.asked(self, params), method, locked=need.locked)
            result = await handler(self, params)
        except (StationError, PenError, AccessRefused, RecordError) as error:
            self._error(key, REFUSED, str(error), error.code, getattr(error, "fields", None))
        except UnknownZone as error:
            self._error(key, REFUSED, str(error), "unknown-zone")
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.station.loop.call_exception_handler({"message": "request failed", "exception": error})
            self._error(key, REFUSED, "The station failed at this request; the log has the details.", "internal")
        else:
            self._answer(key, result)

    def _answer(self, key: Any, result: Any) -> None:
        if key is not None and not self.closed:
            self._send({"jsonrpc": "2.0", "id": key, "result": result})

    def _error(self, key: Any, number: int, text: str, code: str, fields: Mapping[str, str] | None = None) -> None:
        if not self.closed:
            data = {"code": code, "fields": dict(fields)} if fields else {"code": code}
            self._send({"jsonrpc": "2.0", "id": key, "error": {"code": number, "message": text, "data": data}})

    def push(self) -> None:
        """Send a view, unless this client did not ask for views or still has not read the last ones."""
        if self._views and not self.closed and not self._congested():
            view, self._position = self.station.view_for(self, self.controls, self._position)
            if view.chart is not None and view.chart == self._chart:
                # Kilobytes that change once in minutes.
                view = replace(view, chart=None, chart_same=True)
            else:
                self._chart = view.chart
            self._send({"jsonrpc": "2.0", "method": "view", "params": view})

    def lost(self) -> None:
        """The client is gone. A controlling one takes the motion with it."""
        if self.closed:
            return
        self.closed = True
        self.station.clients.remove(self)
        self.station.quiet_since = self.station.loop.time()
        for task in self._tasks:
            task.cancel()
        if self.capturing is not None:
            self.capturing.end(f"{self.name} is gone")
        if self.desk is not None and self.controls:
            self.desk.holder_gone(f"{self.name} is gone")
        self.presence.gone()

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """One notification to this client."""
        if not self.closed:
            self._send({"jsonrpc": "2.0", "method": method, "params": params})

    @property
    def congested(self) -> bool:
        """True while this client has not read what it was sent."""
        return self._congested()

    # -- control

    @property
    def controls(self) -> bool:
        """True while this client holds control of its desk."""
        return self.desk is not None and self._holder is not None and self.desk.holder is self._holder

    @property
    def holder(self) -> Holder | None:
        """The control that this client has of its desk."""
        return self._holder if self.controls else None

    def _heartbeat(self, params: dict[str, Any]) -> None:
        try:
            beat = p.Heartbeat.model_validate(params)
        except ValidationError:
            return
        if self._holder is not None:
            self._holder.beat(beat.frame, beat.keys, self.station.loop.time())

    def _stop(self, message: dict[str, Any]) -> None:
        try:
            params = p.Stop.model_validate(message.get("params") or {})
        except ValidationError:
            params = p.Stop()
        source = f"{self.name or 'client'}: {params.source}"
        desk = None
        if params.address is not None:
            try:
                address = parse_address(params.address)
                desk = self.station.desk_at(address)
            except PenError as error:
                self._error(message.get("id"), REFUSED, str(error), error.code)
                return
            if desk is None and not self._on_the_air(address):
                text = f"{address}: this station does not hold that pen."
                self._error(message.get("id"), REFUSED, text, "not-held")
                return
        sent = self.station.pressed(source, desk)
        desks = [desk] if desk is not None else self.station.desks
        text = "STOP sent." if sent else "STOP could not be handed to every pen; use the pen's own switch."
        pens = [str(d.address) for d in desks]
        self._answer(message.get("id"), {"sent": sent, "text": text, "pens": pens})

    def _on_the_air(self, address: Address) -> bool:
        """Whether we hold BLE pens: one has names and a radio, and which is meant is nothing to ponder at a STOP."""
        return address.scheme == "ble" and any(desk.address.scheme == "ble" for desk in self.station.desks)

    def need_desk(self) -> Desk:
        """This client's desk. Raises when it has none."""
        if self.desk is None:
            raise StationError("No pen is open; choose one first.", "no-pen")
        return self.desk

    def need_control(self) -> Desk:
        """This client's desk if it holds control of it. Raises with the holder's name."""
        desk = self.need_desk()
        if not self.controls:
            who = desk.holder.name if desk.holder else "Nobody"
            raise StationError(f"{who} holds control of this pen; take control while it is still.", "not-in-control")
        return desk

    def take(self, desk: Desk) -> None:
        """Take control: at once when nobody holds it, else only while the pen is confirmed still."""
        if self.controls:
            return
        if desk.holder is not None and not desk.confirmed_still:
            raise StationError(
                f"{desk.holder.name} holds control and the pen is not confirmed still; press STOP first.", "not-still"
            )
        self._holder = desk.holder = Holder(self.name, self.station.loop.time(), lambda: self.presence.operator)
        desk.alarms.clear("clock")
        desk.say(f"{self.name} took control")

    def want_views(self) -> None:
        """From now on this client gets views."""
        self._views = True
        self.push()

    def see_from_now(self) -> None:
        """The trace of a newly opened pen starts here."""
        self._position = self.desk.trace.end if self.desk is not None else 0
