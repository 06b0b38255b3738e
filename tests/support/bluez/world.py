"""The two pens of the BlueZ stories on one air, and the hand that reaches into them."""

from __future__ import annotations

import asyncio
from typing import Any

from simulator.pen import SimulatedPen
from simulator.radio.air import Air
from simulator.radio.options import RadioOptions
from simulator.radio.pen import RadioPen

from .play import KEYED, PLAIN, Cast


class RadioWorld:
    """Make it with :meth:`make` while a loop runs."""

    def __init__(self, air: Air) -> None:
        self.air = air
        self.pens: dict[str, SimulatedPen] = {}
        self.on_air: dict[str, RadioPen] = {}

    @classmethod
    async def make(cls, air: Air) -> RadioWorld:
        """Both pens switched on."""
        world = cls(air)
        for seed, cast in enumerate((PLAIN, KEYED), 1):
            pen = SimulatedPen("reference", seed=seed)
            options = RadioOptions(cast.address, cast.name)
            if cast.passkey is not None:
                options = RadioOptions(cast.address, cast.name, "passkey", cast.passkey)
            world.pens[cast.address] = pen
            world.on_air[cast.address] = await RadioPen(air, pen, options).start()
            assert pen.serial == cast.serial
        return world

    def of(self, cast: Cast) -> SimulatedPen:
        """The pen of a part."""
        return self.pens[cast.address]

    async def do(self, what: str, address: str, **values: Any) -> Any:
        """What a stage does with a pen; plain data in and out."""
        pen = self.pens[address]
        if what == "truth":
            truth = pen.truth
            bonds = len(self.on_air[address].bonds.held)
            return {"turning": truth.turning, "state": int(truth.state), "bonds": bonds}
        if what == "radio":
            pen.set_faults(**{f"radio__{name}": value for name, value in values.items()})
        elif what == "calm":
            pen.clear_faults()
        else:
            raise ValueError(f"nothing is known of {what!r}")
        return None

    async def close(self) -> None:
        """Switch both off, once those that have just lost their host are on the air again."""
        await asyncio.sleep(0.1)
        for address, pen in self.pens.items():
            await self.on_air[address].close()
            pen.close()
