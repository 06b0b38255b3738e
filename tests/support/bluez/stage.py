"""The stand-in for BlueZ as a stage: a private bus, ``org.bluez`` on it, the virtual radio behind it, two pens."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio

from .bus import PrivateBus, missing
from .daemon import Bluetoothd
from .play import Cast
from .world import RadioWorld


class StandIn:
    """A stage of the stories, and what only a stand-in can do."""

    def __init__(self, bus: PrivateBus, folder: Path, world: RadioWorld) -> None:
        self.bus = bus
        self.world = world
        self.daemon: Bluetoothd | None = None
        self._bonds = folder / "bonds.json"

    async def do(self, what: str, pen: Cast, **values: Any) -> Any:
        return await self.world.do(what, pen.address, **values)

    async def service(self, on: bool, *, adapter: bool = True) -> None:
        daemon, self.daemon = self.daemon, None
        if daemon is not None:
            await daemon.kill()
        if on:
            radio = await VirtualRadio.on(self.world.air, "C0:00:00:00:00:99", self._bonds)
            self.daemon = await Bluetoothd.start(self.bus.address, radio, adapter=adapter)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    """A bus in the place of the system's, with nobody on it."""
    if (why := missing()) is not None:
        pytest.skip(why)
    # A Unix socket's path has room for 108 bytes, less than pytest's own folders need.
    with tempfile.TemporaryDirectory(prefix="bus-") as folder:
        bus = PrivateBus(Path(folder))
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        yield bus
        bus.stop()


@pytest.fixture
async def stage(bus: PrivateBus, tmp_path: Path) -> AsyncIterator[StandIn]:
    """Everything is there and switched on."""
    world = await RadioWorld.make(Air(interval=0.0075))
    stage = StandIn(bus, tmp_path, world)
    await stage.service(True)
    yield stage
    await stage.service(False)
    await world.close()
