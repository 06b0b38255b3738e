"""Which pens there are: simulated ones that announce themselves, this machine's ports, and who is heard on the air."""

from __future__ import annotations

import asyncio
from typing import Any

from drivers.address import Address, parse_address
from drivers.api import PenError
from drivers.driver import open_pen
from drivers.portlock import holdings, lock_port
from drivers.scan import Found, scan_air, scan_ports
from simulator.announce import announced

from .ports import no_bluetooth

OWNER = "the devicectl station"


def _row(found: Found) -> dict[str, Any]:
    return {
        "address": found.address,
        "name": found.description,
        "simulated": found.simulated,
        "matched": found.matched,
        "why": found.why,
        "held": found.held,
        "rssi": found.rssi,
    }


async def scan_pens(
    probe: tuple[str, ...] = (), held: tuple[str, ...] = (), radio: str | None = None, ports: bool = True
) -> list[dict[str, Any]]:
    """Simulated pens that announce themselves, this machine's ports with the drivers' verdicts, and, with ``radio`` (a
    spec, empty for the computer's own Bluetooth), everything heard on the air.

    Only ports matched by USB id or named in ``probe`` are asked who they are, and never one that is held. Nobody on the
    air is connected to unless named: what is advertised says what it is. ``ports`` false leaves the ports out: a client
    that shows them while it listens on the air asks in two steps, and a port is asked who it is once only.
    """
    rows = await asyncio.to_thread(_announced, held)
    # A simulated pen brings its own air; on this computer's there may be others.
    airs = {parse_address(row["address"]).options.get("radio", "") for row in rows} - {"", radio}
    listening = [asyncio.create_task(_air(spec)) for spec in sorted(airs)] if radio is not None else []
    if radio is not None:
        listening.insert(0, asyncio.create_task(_air(radio)))
    try:
        if ports:
            rows += _new(rows, [_row(found) for found in await asyncio.to_thread(scan_ports)])
        for heard in listening:
            rows += _new(rows, await heard)
        rows += _new(rows, await asyncio.to_thread(_connected))
    finally:
        for heard in listening:
            heard.cancel()
    wanted = {str(parse_address(text)): text for text in probe}
    rows += _new(rows, [_row(Found(address, "", False, "named with --probe", "")) for address in sorted(wanted)])
    for row in rows:
        named = row["address"] in wanted
        asked = named or (row["matched"] and row["rssi"] is None)
        if asked and not row["simulated"] and not row["held"] and row["address"]:
            await _probe(row, wanted.get(row["address"], row["address"]))
    return rows


def _new(rows: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of ``more`` that are not in ``rows`` already; what is heard on the air adds its strength to a row that is."""
    known = {parse_address(row["address"]).port_key: row for row in rows if row["address"]}
    found = []
    for row in more:
        before = known.get(parse_address(row["address"]).port_key) if row["address"] else None
        if before is None:
            found.append(row)
        elif row["rssi"] is not None:
            before["rssi"] = row["rssi"]
    return found


def _announced(held: tuple[str, ...]) -> list[dict[str, Any]]:
    holders = {parse_address(address).port_key: OWNER for address in held}
    holders |= {parse_address(holding.address).port_key: holding.owner for holding in holdings()}
    rows = []
    for pen in announced():
        options = {"radio": pen.radio} if pen.radio else {}
        address = Address("ble", pen.address.partition("://")[2], options) if pen.radio else parse_address(pen.address)
        why = f"simulated pen, announced by process {pen.pid}"
        owner = holders.get(address.port_key, "")
        rows.append(_row(Found(str(address), f"{pen.model} {pen.serial}", True, why, owner, simulated=True)))
    return rows


async def _air(radio: str) -> list[dict[str, Any]]:
    try:
        return [_row(found) for found in await scan_air(radio)]
    except PenError as error:
        return [no_bluetooth(str(error))]


def _connected() -> list[dict[str, Any]]:
    """Pens on the air that a program here is connected to: they do not advertise."""
    why = "a program here is connected to it, so it does not show itself on the air"
    return [_row(Found(h.address, "", True, why, h.owner)) for h in holdings() if h.address.startswith("ble://")]


async def _probe(row: dict[str, Any], text: str) -> None:
    """Ask one port who it is; the handshake is read-only."""
    address = parse_address(text)
    try:
        lock = lock_port(address, "devicectl scan")
    except PenError as error:
        row["held"] = str(error)
        return
    pen = open_pen(address)
    try:
        up = await pen.connect()
        row["name"] = f"{up.identity.model} {up.identity.serial}"
        row["simulated"] = up.identity.simulated
        row["matched"] = True
        row["why"] += f"; answers as {up.identity.manufacturer} {up.identity.model}"
    except PenError as error:
        row["matched"] = False
        row["why"] = str(error)
    finally:
        await pen.close()
        # To ask is not to hold: a pen that a killed program left must not be forgotten because somebody looked.
        lock.release(used=False)
