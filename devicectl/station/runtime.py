"""Puts a station together: from a database and this machine's ports, or from memory and virtual time."""

from __future__ import annotations

import asyncio
import gc
import random
from datetime import UTC
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from devicectl.about import VERSION
from devicectl.access.keyring import Keyring
from devicectl.access.opening import open_keys, register
from devicectl.access.sitting import LOCK_AFTER_S
from devicectl.access.vault import MemoryVault
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

from .admission import QUICK, admit, hash_inline
from .housekeeping import LeftPorts, keep_house
from .kept_journal import KeptJournal
from .limits_approval import LimitsApproval, approved
from .limits_file import load_file
from .paths import station_paths
from .ports import Ports
from .recording import CLOSE_S, recorder_for
from .scanning import OWNER, scan_pens
from .server import serve
from .source import SeededSource, SystemSource
from .station import Record, Station
from .treatments import Treatments
from .unwritten import Unwritten, leave_entries

UNWRITTEN_LAST_S: Final = 0.6
"""The last try for what waited long already."""


def _journal(store: Store) -> KeptJournal:
    return KeptJournal(StoreJournal(store.writer, Intent), store.submit)


def _record(store: Store, journal: KeptJournal, treatments: Treatments, digest: str = "") -> Record:
    unwritten = Unwritten(store.submit)
    return Record(
        journal, recorder_for(store, unwritten, journal, treatments), unwritten, treatments, store.submit, digest
    )


def system_ports(record: str = "") -> Ports:
    """This machine's serial ports, sockets and locks; ``record`` is the hash of the database they are recorded in."""
    return Ports(
        open_pen=open_pen,
        lock_port=lambda address: lock_port(address, OWNER, record),
        lock_serial=lambda address, serial: lock_serial(address, serial, OWNER, record),
        scan=scan_pens,
        absent=SimulatorsGone(),
        aside=asyncio.to_thread,
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
        # Where a link leads now: it may be to the number of somebody else's terminal.
        port, text = address.port_key, str(address)
        if not port.startswith("serial:///dev/pts/"):
            return None
        if port in {f"serial://{pen.address.partition('://')[2]}" for pen in await asyncio.to_thread(announced)}:
            self._seen.add(text)
            return None
        if text in self._seen:
            return f"{text}: the simulated pen has ended; start another and choose that."
        return None


async def _nothing(
    _probe: tuple[str, ...], _held: tuple[str, ...], _radio: str | None, _ports: bool
) -> list[dict[str, Any]]:
    return []


@lru_cache(maxsize=1)
def _virtual_keys() -> Keyring:
    """Keys for virtual time, always the same; making some takes as long as a second of a pen's life."""
    return Keyring.open(MemoryVault(), make=True, entropy=random.Random("keys").randbytes)


def virtual_station(
    store: Store,
    source: SeededSource,
    pens: dict[str, Pen],
    limits: StationLimits | None = None,
    lock_after_s: float = LOCK_AFTER_S,
) -> Station:
    """A station without files, locks or threads, on the running loop; ``pens`` by address."""

    def find(address: Address) -> Pen:
        if str(address) not in pens:
            raise PenError(f"{address}: there is no such pen.", "no-such-port")
        return pens[str(address)]

    ports = Ports(open_pen=find, lock_port=lambda a: None, lock_serial=lambda a, s: None, scan=_nothing)
    keys = _virtual_keys()
    store.submit_sync(lambda connection: register(connection, keys, source.uuid(), source.utc_us()))
    operators = admit(
        store, source, keys, hash_pin=hash_inline(keys.pepper), salt=lambda: source.uuid().bytes, cost=QUICK
    )
    treatments = Treatments(keys, source.uuid, zone=lambda: UTC)
    return Station(
        _record(store, _journal(store), treatments),
        ports,
        source,
        operators=operators,
        limits=limits,
        lock_after_s=lock_after_s,
    )


async def run_station(database: str | None, *, on_demand: bool) -> int:
    """Open the database, serve, and close everything in order. Raises RecordError or LimitsRefused."""
    source = SystemSource()
    # Third parties' drivers are imported before a pen is held, not while one is.
    await asyncio.to_thread(installed_drivers)
    settings = load_file()
    store = await asyncio.to_thread(Store.open, database, ids=IdSource(), version=VERSION)
    try:
        assert store.location is not None
        digest = store.location.hash
        paths, journal = station_paths(digest), _journal(store)
        keys = await asyncio.to_thread(open_keys, store)
        operators = await asyncio.to_thread(admit, store, source, keys)
        treatments = Treatments(
            keys,
            source.uuid,
            photos=store.location.path.with_name(f"{store.location.path.name}.photos"),
            limits=LimitsApproval(settings, await asyncio.to_thread(store.submit_sync, approved)),
        )
        ports, left = system_ports(digest), LeftPorts()
        ports.stop_left = left.stop
        await asyncio.to_thread(left.look)
        # A full collection over everything imported holds up the loop, and a STOP, for 30 ms and more.
        gc.collect()
        gc.freeze()
        station = Station(
            _record(store, journal, treatments, digest),
            ports,
            source,
            operators=operators,
            limits=settings.limits(),
            lock_after_s=settings.lock_after_min * 60,
        )
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
