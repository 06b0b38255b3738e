"""Captures: every byte of one pen's link for a client that keeps it, whoever drives the pen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from devicectl.about import VERSION
from devicectl.station import params as p
from devicectl.station.capturing import Capture
from devicectl.station.client_api import StationError
from devicectl.station.desk import Desk
from devicectl.station.station import Station
from drivers.address import parse_address
from drivers.tap import Tapped

from .common import Methods
from .pens import WAIT_S

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


async def _start(c: Connection, q: p.StartCapture) -> Any:
    if c.capturing is not None:
        raise StationError("This client captures a pen already; end that capture first.", "capturing")
    station, address = c.station, parse_address(q.address)
    held = station.desk_at(address)
    if held is not None:
        _listen(c, held, opened=False)
        return _header(station, held)
    wait_s = WAIT_S.get(address.scheme, 4.0) if q.wait_s is None else q.wait_s
    # Before the first byte, so that it holds what pen and host say to each other when they meet. Control stays free.
    desk = await station.open_desk(address, wait_s, prepare=lambda made: _listen(c, made, opened=True))
    return _header(station, desk)


def _listen(c: Connection, desk: Desk, *, opened: bool) -> None:
    pen = desk.pen
    if not isinstance(pen, Tapped):
        raise StationError(f"{desk.address}: the driver of this pen cannot be listened to.", "no-capture")
    if desk.capture is not None:
        raise StationError(f"{desk.address}: this pen is being captured already; end that capture first.", "capturing")

    def release() -> None:
        c.capturing = desk.capture = None
        pen.set_tap(None)
        if opened and _unused(c.station, desk):
            c.station.loop.create_task(c.station.close_desk(desk, "the capture ended"))

    c.capturing = desk.capture = Capture(
        lambda rows: c.tell("capture", rows), lambda: c.congested, c.station.source.utc_us, release
    )
    pen.set_tap(desk.capture)


def _unused(station: Station, desk: Desk) -> bool:
    """Nobody else is at a desk that was opened for a capture, and its pen stands still."""
    watched = any(client.desk is desk for client in station.clients)
    in_use = watched or desk.holder is not None or desk.recording.session_id is not None
    return desk in station.desks and not in_use and not desk.may_turn


def _header(station: Station, desk: Desk) -> dict[str, Any]:
    identity = desk.control.identity
    pen = None
    if identity is not None:
        pen = {name: getattr(identity, name) for name in ("manufacturer", "model", "serial", "firmware", "hardware")}
        pen |= {name: getattr(identity, name) for name in ("boot_id", "protocol", "schema_hash", "simulated")}
    return {
        "program": VERSION,
        "address": str(desk.address),
        "pen": pen,
        "origin": "" if identity is None else desk.recording.binding.origin,
        "at": station.loop.time(),
        "utc_ns": station.source.utc_us() * 1000,
    }


async def _stop(c: Connection, _: p.Empty) -> Any:
    if c.capturing is None:
        raise StationError("This client captures nothing.", "not-capturing")
    c.capturing.end("ended by the client")
    return {}


METHODS: Final[Methods] = {
    "capture.start": (p.StartCapture, _start),
    "capture.stop": (p.Empty, _stop),
}
"""``capture.start`` is answered before the first notification ``capture`` of a pen that is held already."""
