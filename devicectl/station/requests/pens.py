"""Pens: what there is, taking one up and letting go of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.ports import no_bluetooth
from devicectl.station.station import Station
from devicectl.station.viewing import pen_view
from drivers.address import Address, parse_address
from drivers.api import Outcome

from .common import Methods, obeying, reply

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

WAIT_S: Final = {"serial": 4.0, "tcp": 4.0, "ble": 13.0}
"""How long the first connection is waited for: a pen on the air is looked for, discovered and asked in small pieces."""
LOOK_S: Final = 0.02
"""How often a scan looks whether a pen was started meanwhile."""
LET_GO_S: Final = 2.0
"""How long a scan that was called off may take to leave the radio."""

READY_S: Final = 2.0
"""So long a pen may take until it can be asked to show itself."""


async def _scan(c: Connection, q: p.Scan) -> Any:
    held = tuple(str(d.address) for d in c.station.desks)
    turning = any(desk.may_turn and desk.address.scheme == "ble" for desk in c.station.desks)
    # Listening takes the radio away from a link now and then: not while a motor may turn.
    radio = None if turning or not q.bluetooth else c.radio if q.radio is None else q.radio
    rows = await _scanned(c.station, q, held, radio)
    if turning and q.bluetooth:
        rows.append(no_bluetooth("A pen on the air may turn; look again when it stands still."))
    return [_with_ours(c.station, row) for row in rows]


async def _scanned(station: Station, q: p.Scan, held: tuple[str, ...], radio: str | None) -> list[dict[str, Any]]:
    """What the scan found; listening ends when a pen on the air is started meanwhile."""
    if radio is None:
        return await station.ports.scan(q.probe, held, None, q.ports)
    scan = asyncio.ensure_future(station.ports.scan(q.probe, held, radio, q.ports))
    try:
        while not scan.done() and not station.turns_on_air():
            await asyncio.wait((scan,), timeout=LOOK_S)
        if scan.done():
            return scan.result()
    finally:
        scan.cancel()
    await asyncio.wait((scan,), timeout=LET_GO_S)
    told = no_bluetooth("Listening ended, because a pen on the air was started; look again when it stands still.")
    return [*(await station.ports.scan((), held, None, q.ports)), told]


def _with_ours(station: Station, row: dict[str, Any]) -> dict[str, Any]:
    desk = station.desk_at(parse_address(row["address"])) if row["address"] else None
    if desk is None:
        return {**row, "ours": False}
    who = desk.holder.name if desk.holder is not None else "nobody"
    return {**row, "ours": True, "held": f"this station; {who} has control"}


async def _open(c: Connection, q: p.OpenPen) -> Any:
    address = parse_address(q.address)
    await _ready_to_open(c, address)
    wait_s = WAIT_S.get(address.scheme, 4.0) if q.wait_s is None else q.wait_s
    desk = await c.station.open_desk(address, wait_s, c.holder)
    if q.watch:
        return {"pen": pen_view(desk), "you_control": c.desk is desk and c.controls, "moved_from": desk.moved_from}
    if c.desk is not None and c.desk is not desk and c.controls:
        c.desk.holder_gone("another pen was chosen")
    c.desk = desk
    c.see_from_now()
    if desk.holder is None:
        c.take(desk)
    return {"pen": pen_view(desk), "you_control": c.controls, "moved_from": desk.moved_from}


async def _ready_to_open(c: Connection, address: Address) -> None:
    """Raises when looking for the pen would disturb another one. A pen that is open without the passkey that came now is
    let go, to be opened with it."""
    station = c.station
    desk = station.desk_at(address)
    if desk is None:
        if address.scheme == "ble" and station.turns_on_air():
            text = "A pen on the air is running, and looking for another would disturb it; END or STOP first."
            raise StationError(text, "not-still")
        return
    if "passkey" not in address.options or desk.pen.obeys:
        return
    watched = any(client.desk is desk for client in station.clients if client is not c)
    if watched or desk.recording.session_id is not None or (desk.pen.connected and not desk.confirmed_still):
        text = f"{address} is open already without this passkey; close it first, then open it with the passkey."
        raise StationError(text, "open-already")
    await station.close_desk(desk, "opened anew with a passkey")


async def _close(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    if not desk.confirmed_still and desk.pen.connected:
        raise StationError("The pen is not confirmed still; STOP or END first.", "not-still")
    await c.station.close_desk(desk, "pen closed")
    return {}


async def _pens(c: Connection, q: p.ListPens) -> Any:
    station = c.station
    return [*map(pen_view, station.desks), *(station.closed_pens() if q.closed else ())]


async def _reset(c: Connection, _: p.Empty) -> Any:
    desk = await obeying(c)
    return reply(await desk.intents.reset(), "reset")


async def _indicate(c: Connection, q: p.Indicate) -> Any:
    if q.address is None:
        return reply(await _blink(c, c.need_desk()), "the pen shows itself")
    address, station = parse_address(q.address), c.station
    desk, opened = station.desk_at(address), False
    if desk is None:
        if address.scheme == "ble" and any(d.may_turn and d.address.scheme == "ble" for d in station.desks):
            raise StationError("A pen on the air may turn; ask again when it stands still.", "not-still")
        desk, opened = await station.open_desk(address, WAIT_S.get(address.scheme, 4.0)), True
    try:
        return reply(await _blink(c, desk), "the pen shows itself")
    finally:
        # A pen that is let go before it was seen still is stopped, and latches: the question must not cost a reset.
        end = desk.loop.time() + READY_S
        while opened and not desk.confirmed_still and desk.pen.connected and desk.loop.time() < end:
            await asyncio.sleep(0.02)
        if opened and desk.holder is None and not any(client.desk is desk for client in station.clients):
            await station.close_desk(desk, "only asked which pen it is")


async def _blink(c: Connection, desk: Desk) -> Outcome:
    if desk.may_turn and desk.holder is not None and not (c.desk is desk and c.controls):
        raise StationError(f"{desk.holder.name} uses that pen and it may turn; ask when it stands still.", "not-still")
    lane, limit, end = desk.control.lane, desk.control.depth_limit, desk.loop.time() + READY_S
    # Right after the connection its clock has not been heard, what was open before is being settled, and the depth limit is
    # on its way, to which this would give way.
    while (not lane.clock_ms or lane.unsettled or lane.busy or limit.pushing) and desk.loop.time() < end:
        await asyncio.sleep(0.02)
    return await desk.intents.indicate()


async def _accept_firmware(c: Connection, _: p.Empty) -> Any:
    desk = c.need_control()
    await desk.recording.accept_firmware()
    desk.say("firmware accepted")
    return {}


METHODS: Final[Methods] = {
    "pens.scan": (p.Scan, _scan),
    "pens.list": (p.ListPens, _pens),
    "pen.open": (p.OpenPen, _open),
    "pen.close": (p.Empty, _close),
    "pen.reset": (p.Empty, _reset),
    "pen.indicate": (p.Indicate, _indicate),
    "pen.accept_firmware": (p.Empty, _accept_firmware),
}
