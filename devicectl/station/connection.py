"""One client's conversation: JSON-RPC 2.0 requests in, answers and views out. The transport is somebody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from devicectl.about import VERSION
from devicectl.control.envelope import Bound
from devicectl.control.gates import Purpose
from devicectl.control.intents import NOT_BEFORE_S, TICKET_S, Sheet
from devicectl.control.motion import FRESH_S, RUN_DOWN_S, Motion
from devicectl.treatment.zones import UnknownZone, parse_zone
from drivers.address import Address, parse_address
from drivers.api import Confirmed, NotSent, Outcome, PenError, Rejected, Unknown

from . import params as p
from .client_api import StationError
from .desk import Desk, Holder
from .station import Station, no_bluetooth
from .viewing import gate_views, pen_view
from .views import Reply, StartSheet

Send = Callable[[dict[str, Any]], None]
"""Takes one message; values may be view objects, which the transport turns into JSON if it needs text."""

WAIT_S: Final = {"serial": 4.0, "tcp": 4.0, "ble": 13.0}
"""How long the first connection is waited for: a pen on the air is looked for, discovered and asked in small pieces."""

PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS, REFUSED = -32700, -32600, -32601, -32602, -32000


def reply(outcome: Outcome, done: str) -> Reply:
    """An outcome in the words of the wire."""
    match outcome:
        case Confirmed():
            return Reply("confirmed", done)
        case Rejected():
            return Reply("rejected", outcome.text)
        case NotSent():
            return Reply("not_sent", outcome.text)
        case Unknown():
            return Reply("unknown", outcome.text)


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
        self._holder: Holder | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
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
        if method == "pen.stop":
            self._stop(message)
            return
        entry = _METHODS.get(method) if isinstance(method, str) else None
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
            self._error(key, INVALID_PARAMS, _sentence(str(method), error), "invalid-params")
            return
        task = asyncio.get_running_loop().create_task(self._run(key, handler, params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: Any, handler: _Handler, params: Any) -> None:
        try:
            result = await handler(self, params)
        except (StationError, PenError) as error:
            self._error(key, REFUSED, str(error), error.code)
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
        if key is not None and not self._closed:
            self._send({"jsonrpc": "2.0", "id": key, "result": result})

    def _error(self, key: Any, number: int, text: str, code: str) -> None:
        if not self._closed:
            self._send(
                {"jsonrpc": "2.0", "id": key, "error": {"code": number, "message": text, "data": {"code": code}}}
            )

    def push(self) -> None:
        """Send a view, unless this client did not ask for views or still has not read the last ones."""
        if self._views and not self._closed and not self._congested():
            view, self._position = self.station.view_for(self, self.controls, self._position)
            self._send({"jsonrpc": "2.0", "method": "view", "params": view})

    def lost(self) -> None:
        """The client is gone. A controlling one takes the motion with it."""
        if self._closed:
            return
        self._closed = True
        self.station.clients.remove(self)
        self.station.quiet_since = self.station.loop.time()
        for task in self._tasks:
            task.cancel()
        if self.desk is not None and self.controls:
            self.desk.holder_gone(f"{self.name} is gone")

    # -- control

    @property
    def controls(self) -> bool:
        """True while this client holds control of its desk."""
        return self.desk is not None and self._holder is not None and self.desk.holder is self._holder

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
        self._holder = desk.holder = Holder(self.name, self.station.loop.time())
        desk.say(f"{self.name} took control")

    def want_views(self) -> None:
        """From now on this client gets views."""
        self._views = True
        self.push()

    def see_from_now(self) -> None:
        """The trace of a newly opened pen starts here."""
        self._position = self.desk.trace.end if self.desk is not None else 0


def _sentence(method: str, error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "parameters"
    return f"{method}: {where}: {first['msg']}."


async def _hello(c: Connection, q: p.Hello) -> Any:
    if q.version != p.PROTOCOL_VERSION:
        raise StationError(
            f"This station speaks version {p.PROTOCOL_VERSION}, the client {q.version}; restart the station "
            "('devicectl station --end') or update the client.",
            "wrong-version",
        )
    held = c.station.record.database_hash
    if q.database and held and q.database != held:
        raise StationError("This station works on another database; check DEVICECTL_DATABASE.", "wrong-database")
    c.name, c.radio = q.client, q.radio
    return {"version": p.PROTOCOL_VERSION, "program": VERSION, "database": held}


async def _subscribe(c: Connection, _: p.Empty) -> Any:
    c.want_views()
    return {}


async def _scan(c: Connection, q: p.Scan) -> Any:
    held = tuple(str(d.address) for d in c.station.desks)
    turning = any(desk.may_turn and desk.address.scheme == "ble" for desk in c.station.desks)
    # Listening takes the radio away from a link now and then: not while a motor may turn.
    radio = None if turning or not q.bluetooth else c.radio if q.radio is None else q.radio
    rows = await c.station.ports.scan(q.probe, held, radio, q.ports)
    if turning and q.bluetooth:
        rows.append(no_bluetooth("A pen on the air may turn; look again when it stands still."))
    return [_with_ours(c.station, row) for row in rows]


def _with_ours(station: Station, row: dict[str, Any]) -> dict[str, Any]:
    desk = station.desk_at(parse_address(row["address"])) if row["address"] else None
    if desk is None:
        return {**row, "ours": False}
    who = desk.holder.name if desk.holder is not None else "nobody"
    return {**row, "ours": True, "held": f"this station; {who} has control"}


async def _open(c: Connection, q: p.OpenPen) -> Any:
    address = parse_address(q.address)
    wait_s = WAIT_S.get(address.scheme, 4.0) if q.wait_s is None else q.wait_s
    desk = await c.station.open_desk(address, wait_s, c._holder if c.controls else None)
    if c.desk is not None and c.desk is not desk and c.controls:
        c.desk.holder_gone("another pen was chosen")
    c.desk = desk
    c.see_from_now()
    if desk.holder is None:
        c.take(desk)
    return {"pen": pen_view(desk), "you_control": c.controls, "moved_from": desk.moved_from}


async def _close(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    if not desk.confirmed_still and desk.pen.connected:
        raise StationError("The pen is not confirmed still; STOP or END first.", "not-still")
    await c.station.close_desk(desk, "pen closed")
    return {}


async def _pens(c: Connection, q: p.ListPens) -> Any:
    station = c.station
    return [*map(pen_view, station.desks), *(station.closed_pens() if q.closed else ())]


async def _take(c: Connection, _: p.Empty) -> Any:
    c.take(c.need_desk())
    return {}


async def _release(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    if not desk.confirmed_still:
        raise StationError("The pen is not confirmed still; STOP or END first.", "not-still")
    desk.holder_gone("control released")
    return {}


async def _session_open(c: Connection, q: p.OpenSession) -> Any:
    desk = c.need_control()
    identity = desk.control.identity
    if identity is None or not desk.pen.connected:
        raise StationError("The pen is not connected; wait for the link.", "no-pen")
    if not desk.confirmed_still and desk.control.motion.at(c.station.loop.time()) is not Motion.UNKNOWN:
        raise StationError("The pen is not confirmed still; wait until it is.", "not-still")
    purpose = Purpose(q.purpose)
    if purpose is Purpose.TREATMENT and not identity.simulated:
        raise StationError(
            "Treatment with hardware is not possible in this version: calibration, consent and operators are missing.",
            "no-treatment",
        )
    if purpose is Purpose.TREATMENT and not q.client:
        raise StationError("A treatment needs a client code; a simulated pen takes training clients only.", "no-client")
    if purpose is Purpose.BENCH and q.client:
        raise StationError("A bench session has no client; leave the client out.", "bench-client")
    plan = _plan(q.plan)
    desk = await _obeying(c)
    return {"session": await desk.recording.open_session(purpose, q.client, plan)}


def _plan(asked: Mapping[str, int]) -> dict[str, int]:
    plan: dict[str, int] = {}
    for text, depth_um in asked.items():
        code = parse_zone(text).code
        if code in plan:
            raise StationError(f"The plan names zone {code} twice; name it once.", "bad-plan")
        plan[code] = depth_um
    return plan


async def _obeying(c: Connection) -> Desk:
    """The desk that this client controls, with a pen that obeys: on the air that needs pairing. Moves nothing."""
    desk = c.need_control()
    if desk.pen.connected and not desk.pen.obeys:
        await desk.pen.secure()
        # Somebody may have typed a passkey meanwhile, and much may have happened.
        desk = c.need_control()
    return desk


def _need_no_run(desk: Desk) -> None:
    if desk.control.run is not None or desk.intents.starting:
        raise StationError("A run is going on; END it first.", "running")


async def _run_down(desk: Desk) -> None:
    """A motor that still runs down belongs to the pass before, not to motion that nobody granted."""
    motion, loop = desk.control.motion, desk.loop
    end = loop.time() + RUN_DOWN_S
    while loop.time() < end and motion.age(loop.time()) < FRESH_S and not desk.confirmed_still:
        await asyncio.sleep(0.01)


async def _session_close(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    _need_no_run(desk)
    await _run_down(desk)
    _need_no_run(desk)
    await desk.recording.close_session("closed")
    return {}


async def _zone(c: Connection, q: p.SelectZone) -> Any:
    problem = c.need_control().intents.select_zone(parse_zone(q.zone).code)
    if problem is not None:
        raise StationError(problem, "zone-refused")
    return {}


async def _setpoint(c: Connection, q: p.SetPoint) -> Any:
    desk = await _obeying(c)
    answers: dict[str, Any] = {}
    for name, value, act in (
        ("depth", q.depth_um, desk.intents.set_depth),
        ("rate", q.rate_mhz, desk.intents.set_rate),
    ):
        if value is None:
            continue
        outcome, bound = await act(value, lower=q.lower)
        done = "; ".join(bound.reasons) if isinstance(bound, Bound) else ""
        answers[name] = reply(outcome, done)
    return answers


async def _preview(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    sheet = desk.intents.preview()
    if not isinstance(sheet, Sheet):
        raise StationError(sheet, "cannot-start")
    return StartSheet(
        ticket=sheet.ticket,
        ok=sheet.ok,
        zone=sheet.zone,
        depth_asked_um=sheet.depth.asked,
        depth_applied_um=sheet.depth.applied,
        rate_asked_mhz=sheet.rate.asked,
        rate_applied_mhz=sheet.rate.applied,
        reasons=sheet.reasons,
        gates=gate_views(sheet.gates),
        valid_s=TICKET_S,
        not_before_s=NOT_BEFORE_S,
    )


async def _start(c: Connection, q: p.Start) -> Any:
    return reply(await c.need_control().intents.start(q.ticket, q.run_ms), "started")


async def _pause(c: Connection, _: p.Empty) -> Any:
    return reply(await c.need_control().intents.pause(), "paused")


async def _end(c: Connection, _: p.Empty) -> Any:
    return reply(await c.need_control().intents.end(), "ended")


async def _reset(c: Connection, _: p.Empty) -> Any:
    desk = await _obeying(c)
    return reply(await desk.intents.reset(), "reset")


async def _acknowledge(c: Connection, _: p.Empty) -> Any:
    return {"acknowledged": c.need_desk().alarms.acknowledge()}


async def _silence(c: Connection, _: p.Empty) -> Any:
    c.need_desk().alarms.silence()
    return {}


async def _note(c: Connection, q: p.Note) -> Any:
    desk = c.need_desk()
    await desk.recording.note(q.digits)
    desk.say(f"note {q.digits}")
    return {}


async def _override(c: Connection, q: p.Override) -> Any:
    desk = c.need_control()
    problem = desk.control.override(q.gate, q.reason)
    if problem is not None:
        raise StationError(problem, "override-refused")
    return {}


async def _accept_firmware(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    await desk.recording.accept_firmware()
    desk.say("firmware accepted")
    return {}


_Handler = Callable[[Connection, Any], Awaitable[Any]]
_METHODS: Final[dict[str, tuple[type[p.Params], _Handler]]] = {
    "station.hello": (p.Hello, _hello),
    "view.subscribe": (p.Empty, _subscribe),
    "pens.scan": (p.Scan, _scan),
    "pens.list": (p.ListPens, _pens),
    "pen.open": (p.OpenPen, _open),
    "pen.close": (p.Empty, _close),
    "pen.reset": (p.Empty, _reset),
    "pen.accept_firmware": (p.Empty, _accept_firmware),
    "control.take": (p.Empty, _take),
    "control.release": (p.Empty, _release),
    "session.open": (p.OpenSession, _session_open),
    "session.close": (p.Empty, _session_close),
    "gate.override": (p.Override, _override),
    "zone.select": (p.SelectZone, _zone),
    "setpoint": (p.SetPoint, _setpoint),
    "run.preview": (p.Empty, _preview),
    "run.start": (p.Start, _start),
    "run.pause": (p.Empty, _pause),
    "run.end": (p.Empty, _end),
    "alarm.acknowledge": (p.Empty, _acknowledge),
    "alarm.silence": (p.Empty, _silence),
    "note": (p.Note, _note),
}
METHODS: Final = (*_METHODS, "heartbeat", "pen.stop")
"""Every request and notification a client may send."""
