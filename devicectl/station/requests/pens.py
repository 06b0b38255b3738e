"""Pens: what there is, taking one up and letting go of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.station.station import Station, no_bluetooth
from devicectl.station.viewing import pen_view
from drivers.address import parse_address

from .common import Methods, obeying, reply

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

WAIT_S: Final = {"serial": 4.0, "tcp": 4.0, "ble": 13.0}
"""How long the first connection is waited for: a pen on the air is looked for, discovered and asked in small pieces."""


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
    desk = await c.station.open_desk(address, WAIT_S.get(address.scheme, 4.0) if q.wait_s is None else q.wait_s)
    if c.desk is not None and c.desk is not desk and c.controls:
        c.desk.holder_gone("another pen was chosen")
    c.desk = desk
    c.see_from_now()
    if desk.holder is None:
        c.take(desk)
    return {"pen": pen_view(desk), "you_control": c.controls}


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
    "pen.accept_firmware": (p.Empty, _accept_firmware),
}
