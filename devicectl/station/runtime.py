"""Puts a station together: from a database and this machine's ports, or from memory and virtual time."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from devicectl.about import VERSION
from devicectl.control.envelope import StationLimits
from devicectl.control.journal import Intent
from devicectl.records.ids import IdSource
from devicectl.records.journal import StoreJournal
from devicectl.records.store import Store
from drivers.address import Address, parse_address
from drivers.api import Pen, PenError
from drivers.driver import installed_drivers, open_pen
from drivers.portlock import lock_port, lock_serial
from drivers.scan import Found, scan_ports
from simulator.announce import announced

from .housekeeping import LeftPorts, keep_house
from .kept_journal import KeptJournal
from .limits_file import load_limits
from .paths import station_paths
from .recording import CLOSE_S, recorder_for
from .server import serve
from .source import SeededSource, SystemSource
from .station import Ports, Record, Station

OWNER = "the devicectl station"


def _journal(store: Store) -> KeptJournal:
    return KeptJournal(StoreJournal(store.writer, Intent), store.submit)


def system_ports(record: str = "") -> Ports:
    """This machine's serial ports, sockets and locks; ``record`` is the hash of the database they are recorded in."""
    return Ports(
        open_pen=open_pen,
        lock_port=lambda address: lock_port(address, OWNER, record),
        lock_serial=lambda address, serial: lock_serial(address, serial, OWNER, record),
        scan=scan_pens,
        absent=SimulatorsGone(),
    )


class SimulatorsGone:
    """The number of a pseudo-terminal is soon somebody else's: after its simulated pen has ended it is left alone."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    async def __call__(self, address: Address) -> str | None:
        """The sentence why not to connect, for an address that a simulated pen announced once and does not now."""
        if not address.where.startswith("/dev/pts/"):
            return None
        text = str(address)
        if text in {pen.address for pen in await asyncio.to_thread(announced)}:
            self._seen.add(text)
            return None
        if text in self._seen:
            return f"{text}: the simulated pen has ended; start another and choose that."
        return None


async def _nothing(_probe: tuple[str, ...], _held: tuple[str, ...]) -> list[dict[str, Any]]:
    return []


def virtual_station(
    store: Store, source: SeededSource, pens: dict[str, Pen], limits: StationLimits | None = None
) -> Station:
    """A station without files, locks or threads, on the running loop; ``pens`` by address."""

    def find(address: Address) -> Pen:
        if str(address) not in pens:
            raise PenError(f"{address}: there is no such pen.", "no-such-port")
        return pens[str(address)]

    ports = Ports(open_pen=find, lock_port=lambda a: None, lock_serial=lambda a, s: None, scan=_nothing)
    return Station(Record(_journal(store), recorder_for(store)), ports, source, limits=limits)


async def run_station(database: str | None, *, on_demand: bool) -> int:
    """Open the database, serve, and close everything in order. Raises RecordError or LimitsRefused."""
    source = SystemSource()
    # Third parties' drivers are imported before a pen is held, not while one is.
    await asyncio.to_thread(installed_drivers)
    limits = load_limits()
    store = await asyncio.to_thread(Store.open, database, ids=IdSource(), version=VERSION)
    try:
        assert store.location is not None
        digest = store.location.hash
        paths, journal = station_paths(digest), _journal(store)
        ports, left = system_ports(digest), LeftPorts()
        ports.stop_left = left.stop
        await asyncio.to_thread(left.look)
        # A full collection over everything imported holds up the loop, and a STOP, for 30 ms and more.
        gc.collect()
        gc.freeze()
        station = Station(Record(journal, recorder_for(store), digest), ports, source, limits=limits)
        house = station.loop.create_task(keep_house(station, store, digest, left))
        try:
            await serve(station, paths, on_demand=on_demand, ready=lambda: None)
        finally:
            house.cancel()
            await journal.close(CLOSE_S)
    finally:
        await asyncio.to_thread(store.close)
    return 0


def _row(found: Found) -> dict[str, Any]:
    return {
        "address": found.address,
        "name": found.description,
        "simulated": False,
        "matched": found.matched,
        "why": found.why,
        "held": found.held,
    }


async def scan_pens(probe: tuple[str, ...] = (), held: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Simulated pens that announce themselves, then this machine's ports with the drivers' verdicts.

    Only ports matched by USB id or named in ``probe`` are asked who they are, and never one that is held.
    """
    rows: list[dict[str, Any]] = []
    for pen in await asyncio.to_thread(announced):
        owner = OWNER if pen.address in held else ""
        rows.append(
            {
                "address": pen.address,
                "name": f"{pen.model} {pen.serial}",
                "simulated": True,
                "matched": True,
                "why": f"simulated pen, announced by process {pen.pid}",
                "held": owner,
            }
        )
    known = {row["address"] for row in rows}
    wanted = {str(parse_address(text)) for text in probe}
    for found in await asyncio.to_thread(scan_ports):
        if found.address not in known:
            rows.append(_row(found))
            known.add(found.address)
    for address in sorted(wanted - known):
        rows.append(_row(Found(address, "", False, "named with --probe", "")))
    for row in rows:
        asked = row["matched"] or row["address"] in wanted
        if not row["simulated"] and asked and not row["held"]:
            await _probe(row)
    return rows


async def _probe(row: dict[str, Any]) -> None:
    """Ask one port who it is; the handshake is read-only."""
    address = parse_address(row["address"])
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
