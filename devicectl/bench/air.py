"""Simulated pens on one virtual radio, with one host that reaches them. Needs the extra ``simulator-ble``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.ble.link import BleLink, Target
from drivers.penlink.pen import BLE, PenlinkPen
from simulator.pen import SimulatedPen
from simulator.radio.air import Air
from simulator.radio.host import VirtualRadio
from simulator.radio.pen import RadioPen

INTERVAL_S: Final = 0.03
"""Connection interval: usual for a phone or a laptop."""


class AirWire:
    """The way to one pen over the air."""

    kind = "ble"
    way_s = INTERVAL_S + 0.01

    def __init__(self, sim: SimulatedPen, on_air: RadioPen, host: VirtualRadio) -> None:
        self.sim = sim
        self.on_air = on_air
        self._host = host

    def pen(self, address: str | None = None) -> PenlinkPen:
        """See :class:`devicectl.bench.stack.Wire`."""
        name, target = address or f"ble://{self.on_air.address}", Target(self.on_air.address)
        return PenlinkPen(name, lambda: BleLink(name, target, radio=self._host), BLE)


class AirWires:
    """All of them; made by :meth:`open`."""

    def __init__(self, wires: list[AirWire], host: VirtualRadio) -> None:
        self.wires = wires
        self._host = host

    @classmethod
    async def open(cls, sims: Sequence[SimulatedPen], seed: int) -> AirWires:
        """Put the pens on the air."""
        air = Air(interval=INTERVAL_S, seed=seed)
        on_air = [await RadioPen(air, sim).start() for sim in sims]
        host = await VirtualRadio.on(air)
        return cls([AirWire(sim, radio, host) for sim, radio in zip(sims, on_air, strict=True)], host)

    async def close(self) -> None:
        """Switch every radio off."""
        await self._host.close()
        for wire in self.wires:
            await wire.on_air.close()
