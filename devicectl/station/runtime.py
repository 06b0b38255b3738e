"""Puts a station together: from a database and this machine's ports, or from memory and virtual time."""

from __future__ import annotations

import asyncio
import gc
from importlib import import_module
from typing import Any, Final

from devicectl.about import VERSION
from devicectl.control.envelope import StationLimits
from devicectl.control.journal import Intent
from devicectl.records.ids import IdSource
from devicectl.records.journal import StoreJournal
from devicectl.records.store import Store
from drivers.address import Address
from drivers.api import Pen, PenError
from drivers.driver import installed_drivers, open_pen
from drivers.portlock import lock_port, lock_serial
from simulator.announce import announced

from .housekeeping import LeftPorts, keep_house
from .kept_journal import KeptJournal
from .limits_file import load_limits
from .paths import station_paths
from .recording import CLOSE_S, recorder_for
from .scanning import OWNER, scan_pens
from .server import serve
from .source import SeededSource, SystemSource
from .station import Ports, Record, Station
from .unwritten import Unwritten, leave_entries

UNWRITTEN_LAST_S: Final = 0.6
"""The last try for what waited long already."""


def _journal(store: Store) -> KeptJournal:
    return KeptJournal(StoreJournal(store.writer, Intent), store.submit)


def _record(store: Store, journal: KeptJournal, digest: str = "") -> Record:
    unwritten = Unwritten(store.submit)
    return Record(journal, recorder_for(store, unwritten, journal), unwritten, digest)


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
        if address.scheme == "ble":
            # Loaded here, beside the loop: another pen may be running on it.
            await asyncio.to_thread(import_module, "drivers.ble.link")
        if not address.where.startswith("/dev/pts/"):
            return None
        text = str(address)
        if text in {pen.address for pen in await asyncio.to_thread(announced)}:
            self._seen.add(text)
            return None
        if text in self._seen:
            return f"{text}: the simulated pen has ended; start another and choose that."
        return None


async def _nothing(
    _probe: tuple[str, ...], _held: tuple[str, ...], _radio: str | None, _ports: bool
) -> list[dict[str, Any]]:
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
    return Station(_record(store, _journal(store)), ports, source, limits=limits)


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
        station = Station(_record(store, journal, digest), ports, source, limits=limits)
        house = station.loop.create_task(keep_house(station, store, digest, left))
        try:
            await serve(station, paths, on_demand=on_demand, ready=lambda: None)
        finally:
            house.cancel()
            await journal.close(CLOSE_S)
            left_over = await station.record.unwritten.close(UNWRITTEN_LAST_S)
            await asyncio.to_thread(leave_entries, digest, left_over, source.uuid())
    finally:
        await asyncio.to_thread(store.close)
    return 0
