"""What the station needs from the world: ports, their locks, and what there is to be found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from drivers.address import Address
from drivers.api import Pen


def no_bluetooth(why: str) -> dict[str, Any]:
    """The row of a scan that says why nothing was heard on the air. It has no address."""
    return {
        "address": "",
        "name": "Bluetooth",
        "simulated": False,
        "matched": False,
        "why": why,
        "held": "",
        "rssi": None,
    }


async def _inline(call: Callable[[], Any]) -> Any:
    return call()


class Lock(Protocol):
    """A held port or pen."""

    def release(self, *, used: bool = True) -> None:
        """Give it back; ``used`` False: no pen answered there."""

    def leave(self) -> None:
        """Give it back, and leave the port to the next STOP."""

    def note(self) -> None:
        """A pen is heard there now. Raises ``OSError``."""


@dataclass(slots=True)
class Ports:
    """What the station needs from the world, so that tests can run it without files and threads."""

    open_pen: Callable[[Address], Pen]
    lock_port: Callable[[Address], Lock | None]
    lock_serial: Callable[[Address, str], Lock | None]
    scan: Callable[[tuple[str, ...], tuple[str, ...], str | None, bool], Awaitable[list[dict[str, Any]]]]
    """What there is: addresses that may be asked, addresses that are held, the radio to listen on (None: none), and
    whether this machine's ports are wanted."""
    absent: Callable[[Address], Awaitable[str | None]] | None = None
    """Why there is nothing at an address that could be connected to, or None; asked before each attempt."""
    stop_left: Callable[[str, bool], None] = lambda source, note: None
    """STOP to the ports that are left behind, with who pressed, and whether the record is to be told; returns at once."""
    aside: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]] = _inline
    """Calls what touches files beside the loop, so that no STOP waits for it."""

    async def take(self, address: Address) -> Lock | None:
        """The lock of a port, beside the loop. When nobody waits for it any more it is given back at once."""
        taking: asyncio.Task[Lock | None] = asyncio.get_running_loop().create_task(
            self.aside(partial(self.lock_port, address))
        )
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_give_back)
            raise


def _give_back(taking: asyncio.Task[Lock | None]) -> None:
    """Whoever wanted it is gone."""
    if not taking.cancelled() and taking.exception() is None and (lock := taking.result()) is not None:
        lock.release(used=False)
