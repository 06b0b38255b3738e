"""The world outside of the guest: the air, two simulated pens, the guest's adapter, and a hand that reaches into it.

The adapter's wire is HCI (H4) over one Unix socket, the hand's is a line of JSON each way over another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

from bumble import hci
from support.bluez.world import RadioWorld

from simulator.radio.air import Air
from simulator.radio.server import RadioServer

ADDRESS = hci.Address("F0:F1:F2:F3:F4:F5", hci.Address.PUBLIC_DEVICE_ADDRESS)
"""The guest's adapter. Its type is part of what both sides calculate when they pair."""


class World:
    """``async with World(folder):`` listens on ``hci.sock`` and ``hand.sock`` in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.hci = folder / "hci.sock"
        self.hand = folder / "hand.sock"

    async def _name(self) -> None:
        """Adapters have a public address, which the server's have not; the guest asks for it when its kernel is up."""
        while not self._adapters.dongles:
            await asyncio.sleep(0.05)
        for dongle in self._adapters.dongles:
            dongle.controller.public_address = ADDRESS

    async def __aenter__(self) -> World:
        self._air = Air()
        self.pens = await RadioWorld.make(self._air)
        self._adapters = RadioServer(self._air, f"unix:{self.hci}")
        await self._adapters.open()
        self._hands = await asyncio.start_unix_server(self._serve, self.hand)
        self._naming = asyncio.create_task(self._name())
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                try:
                    asked = json.loads(line)
                    answer = {"is": await self.pens.do(**asked)}
                except Exception as error:  # the guest is told, and fails with it
                    answer = {"error": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._naming.cancel()
        self._hands.close()
        await self.pens.close()
        await self._adapters.close()
