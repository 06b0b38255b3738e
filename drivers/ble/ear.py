"""One scan for all who listen on a radio: BlueZ takes one at a time of each program, and whoever ends it ends it for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from .radio import Radio

SWITCH_S: Final = 5.0
"""How long the system may take to begin or end a scan."""
Heard = Callable[[BLEDevice, AdvertisementData], None]


class _Ear:
    """The scan of one radio on one loop; runs while somebody listens."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self.listeners: list[Heard] = []
        self._switching = asyncio.Lock()
        self._scanner: BleakScanner | None = None

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        for listener in tuple(self.listeners):
            listener(device, data)

    async def switch(self) -> None:
        """Scan if somebody listens, else do not. Raises what bleak raises."""
        async with self._switching:
            if self.listeners and self._scanner is None:
                scanner = BleakScanner(
                    detection_callback=self._heard, backend=self._radio.scanner, **self._radio.options
                )
                await scanner.start()
                self._scanner = scanner
            elif not self.listeners and self._scanner is not None:
                scanner, self._scanner = self._scanner, None
                await scanner.stop()


_ears: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, _Ear]] = WeakKeyDictionary()


@asynccontextmanager
async def listening(radio: Radio, listener: Heard) -> AsyncIterator[None]:
    """Call ``listener`` for every advertisement while inside. Raises what bleak raises when the scan cannot begin."""
    ears = _ears.setdefault(asyncio.get_running_loop(), {})
    key = 0 if radio.scanner is None else id(radio)
    ear = ears.setdefault(key, _Ear(radio))
    ear.listeners.append(listener)
    try:
        await _whole(ear.switch())
        yield
    finally:
        ear.listeners.remove(listener)
        try:
            await _whole(ear.switch())
        finally:
            if not ear.listeners and ears.get(key) is ear:
                del ears[key]


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Let it come to its end, also when we are cancelled: a scan begun half way is one that nobody ends."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        async with asyncio.timeout(SWITCH_S):
            await asyncio.shield(task)
    except BaseException:
        await asyncio.wait({task}, timeout=SWITCH_S)
        if task.done() and not task.cancelled():
            task.exception()
        raise
