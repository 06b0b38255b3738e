"""The dashboard as a person runs it, on a real station and pen, with a side channel for what no key can ask.

``python -m bench.dashboard_process ADDRESS --side FD``: opens the pen and a bench session, then the dashboard in the
terminal this process has. Lines on the side channel: ``start ZONE`` (a granted run), ``reset`` (out of the STOP latch),
``sleep S`` and ``compute S`` (the screen's loop is blocked so long; answered right before).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import socket
import sys
import termios
import time
from typing import Any

from devicectl.station.client import connect
from devicectl.station.client_api import StationError
from tui.app import show

PATIENCE_S = 8.0


class Side:
    """Commands from the bench, carried out on the screen's own loop with the dashboard's own client."""

    def __init__(self, fd: int, client: Any) -> None:
        self._socket, self._client = socket.socket(fileno=fd), client
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop.add_reader(fd, self._readable)

    def say(self, **answer: Any) -> None:
        """One line to the bench."""
        self._socket.send(json.dumps(answer).encode() + b"\n")

    def _readable(self) -> None:
        data = self._socket.recv(4096)
        if not data:
            self._loop.remove_reader(self._socket.fileno())
            os._exit(0)
        for line in data.decode().splitlines():
            word, _, rest = line.partition(" ")
            if word in ("sleep", "compute"):
                self.say(at=time.monotonic_ns())
                block(word, float(rest))
            else:
                task = self._loop.create_task(self._do(word, rest))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _do(self, word: str, rest: str) -> None:
        try:
            await {"start": self._start, "reset": self._reset}[word](rest)
        except Exception as error:
            self.say(error=f"{word}: {type(error).__name__}: {error}")
        else:
            self.say(done=word)

    async def _reset(self, _: str) -> None:
        await self._until_confirmed("pen.reset")

    async def _start(self, zone: str) -> None:
        await self._ask("zone.select", zone=zone)
        await self._ask("setpoint", depth_um=1000, rate_mhz=100_000)
        until = self._loop.time() + PATIENCE_S
        while True:
            sheet = await self._ask("run.preview")
            await asyncio.sleep(sheet["not_before_s"] + 0.01)
            reply = await self._ask("run.start", ticket=sheet["ticket"])
            if reply["outcome"] == "confirmed":
                return
            if self._loop.time() > until:
                raise RuntimeError(reply["text"])
            await asyncio.sleep(0.05)

    async def _until_confirmed(self, method: str) -> None:
        until = self._loop.time() + PATIENCE_S
        while (reply := await self._ask(method))["outcome"] != "confirmed":
            if self._loop.time() > until:
                raise RuntimeError(reply["text"])
            await asyncio.sleep(0.02)

    async def _ask(self, method: str, **params: Any) -> Any:
        until = self._loop.time() + PATIENCE_S
        while True:
            try:
                return await self._client.request(method, **params)
            except StationError:
                # Not still yet, a sheet without a session yet: the bench waits, as a person would.
                if self._loop.time() > until:
                    raise
                await asyncio.sleep(0.05)


def block(how: str, seconds: float) -> None:
    """Keep the loop, and with ``compute`` the interpreter too."""
    if how == "sleep":
        time.sleep(seconds)
        return
    until, total = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for number in range(1000):
            total += number * number


async def main(options: argparse.Namespace) -> int:
    """Until the terminal or the bench goes away."""
    client = await connect("dashboard", start=False)
    await client.request("pen.open", address=options.address)
    await client.request("session.open", purpose="bench")
    side = Side(options.side, client)
    asyncio.get_running_loop().call_later(1.5, lambda: side.say(ready=True))
    return await show(client)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--side", type=int, required=True)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.exit(asyncio.run(main(parser.parse_args())))
