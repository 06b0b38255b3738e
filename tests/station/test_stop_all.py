"""STOP for all pens: the bytes of the last leave before anything is written down about the first."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from support.links import Wire
from support.world import Screen

from devicectl.control.events import StopRequested
from devicectl.records.ids import IdSource
from devicectl.records.store import Store
from devicectl.station.local import LocalClient
from devicectl.station.runtime import virtual_station
from devicectl.station.source import SeededSource
from drivers.tap import Mark, Way
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

COUNT = 5


class Ear:
    """Notes each STOP as it leaves."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
        if stop:
            self._heard.append("bytes")

    def marked(self, mark: Mark, facts: Mapping[str, Any]) -> None:
        pass

    def known(self, data: bytes) -> None:
        pass


def test_the_bytes_of_all_pens_leave_before_the_bookkeeping_of_the_first() -> None:
    async def main() -> None:
        source, order = SeededSource(1), []
        store = Store.in_memory(None, ids=IdSource(source.utc_us, random.Random(1)), boot_us=source.boot_us)
        wires = {f"tcp://127.0.0.1:{7001 + n}": Wire("memory", SimulatedPen(seed=n)) for n in range(COUNT)}
        station = virtual_station(store, source, {address: wire.pen(address) for address, wire in wires.items()})
        screen = Screen(await LocalClient(station, "bench").hello())
        for address in wires:
            await screen.ask("pen.open", address=address, watch=True)
        assert [desk.holder for desk in station.desks] == [None] * COUNT
        for desk in station.desks:
            desk.pen.set_tap(Ear(order))  # type: ignore[attr-defined]
            desk.control.listen(lambda event: order.append("told") if isinstance(event, StopRequested) else None)
        # One whose bookkeeping fails keeps none behind it from theirs.
        station.desks[1].control.lease.stop = lambda: 1 / 0  # type: ignore[method-assign,assignment]
        assert station.stop_all("test") is False
        assert order == ["bytes"] * COUNT + ["told"] * (COUNT - 1)
        del station.desks[1].control.lease.stop
        order.clear()
        assert station.stop_all("test") is True
        assert order == ["bytes"] * COUNT + ["told"] * COUNT
        await screen.close()
        await station.close("end of test")
        for wire in wires.values():
            assert wire.sim.truth.state.latched
            wire.sim.close()
        store.close()

    run_virtual(main())


def test_who_only_watches_keeps_pen_and_control() -> None:
    async def main() -> None:
        source = SeededSource(1)
        store = Store.in_memory(None, ids=IdSource(source.utc_us, random.Random(1)), boot_us=source.boot_us)
        first, second = "tcp://127.0.0.1:7001", "tcp://127.0.0.1:7002"
        wires = {address: Wire("memory", SimulatedPen(seed=n)) for n, address in enumerate((first, second))}
        station = virtual_station(store, source, {address: wire.pen(address) for address, wire in wires.items()})
        screen = Screen(await LocalClient(station, "bench").hello())
        assert (await screen.ask("pen.open", address=first))["you_control"]
        assert not (await screen.ask("pen.open", address=second, watch=True))["you_control"]
        view = await screen.ask("pens.list")
        assert [pen.latched for pen in view] == [False, False]
        assert screen.client._connection.desk is station.desks[0]
        assert screen.client._connection.controls
        assert (await screen.ask("pen.open", address=first, watch=True))["you_control"]
        await screen.close()
        await station.close("end of test")
        for wire in wires.values():
            wire.sim.close()
        store.close()

    run_virtual(main())
