"""Many pens on one station, all running: a fleet, a station, and one client for each pen, as on a burn-in bench."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from devicectl.records.location import locate
from devicectl.station.paths import StationPaths, station_paths

from .lab import STAMP, BenchError, Lab

BEAT_S: Final = 0.1
RUN_MS: Final = 170_000
"""Below the greatest run of the pens; a client starts its pen anew before."""
PATIENCE_S: Final = 60.0


class Hand:
    """One client of the station, over its socket: requests, and a heartbeat while it lives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._key = 0
        self._tasks = [asyncio.create_task(self._read())]

    async def _read(self) -> None:
        while line := await self._reader.readline():
            message = json.loads(line)
            waiting = self._waiting.pop(message.get("id"), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _say(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def ask(self, method: str, **params: Any) -> Any:
        """The answer to a request. Raises :class:`BenchError` with the refusal."""
        self._key += 1
        waiting = self._waiting[self._key] = asyncio.get_running_loop().create_future()
        self._say({"jsonrpc": "2.0", "id": self._key, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE_S):
            message = await waiting
        if "error" in message:
            raise BenchError(f"{method}: {message['error']['message']}")
        return message["result"]

    def beat(self, first: float) -> None:
        """From now on ten times a second, the first after ``first`` s."""
        self._tasks.append(asyncio.create_task(self._beat(first)))

    async def _beat(self, first: float) -> None:
        await asyncio.sleep(first)
        beats = 0
        while True:
            beats += 1
            self._say({"jsonrpc": "2.0", "method": "heartbeat", "params": {"frame": beats, "keys": beats}})
            await asyncio.sleep(BEAT_S)

    async def ready(self, address: str) -> None:
        """Open a pen and a session on it."""
        await self.ask("pen.open", address=address, wait_s=30)
        await self.until(address, lambda pen: pen["motion"] == "still")
        await self.ask("session.open", purpose="bench")
        await self.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        await self.ask("zone.select", zone="VTX")

    async def until(self, address: str, true: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until what the station knows of a pen is as it should be."""
        end = time.monotonic() + PATIENCE_S
        while True:
            pens = {pen["address"]: pen for pen in await self.ask("pens.list")}
            if address in pens and true(pens[address]):
                return
            if time.monotonic() > end:
                raise BenchError(f"{address} did not get ready: {pens.get(address)}")
            await asyncio.sleep(0.5)

    async def start(self) -> None:
        """From still, latched or not, to a turning motor."""
        end, why = time.monotonic() + PATIENCE_S, ""
        while time.monotonic() < end:
            try:
                await self.ask("pen.reset")
                await self.ask("zone.select", zone="VTX")
                sheet = await self.ask("run.preview")
                if sheet["ok"]:
                    await asyncio.sleep(0.2)
                    reply = await self.ask("run.start", ticket=sheet["ticket"], run_ms=RUN_MS)
                    if reply["outcome"] == "confirmed":
                        return
                    why = reply["text"]
                else:
                    why = "; ".join(gate["text"] for gate in sheet["gates"] if not gate["passed"])
            except BenchError as error:
                why = str(error)  # the motor still runs down, a command is under way
            await asyncio.sleep(0.25)
        raise BenchError(f"a pen does not start: {why}")

    async def close(self) -> None:
        """Go."""
        for task in self._tasks:
            task.cancel()
        self._writer.close()


@dataclass
class Fleet:
    """What is running: addresses in the order of their stamps' tags, clients in the same order."""

    addresses: list[str]
    stamps: int
    paths: StationPaths
    station: psutil.Process
    simulator: psutil.Process
    hands: list[Hand] = field(default_factory=list)

    async def start_all(self) -> None:
        """Every motor turns at the end of it."""
        await asyncio.gather(*(hand.start() for hand in self.hands))
        self.take()

    async def pens(self) -> list[dict[str, Any]]:
        """What the station knows of each pen."""
        found: list[dict[str, Any]] = await self.hands[0].ask("pens.list")
        return found

    def take(self) -> list[tuple[int, int]]:
        """Number of the pen and ns, of every STOP that was read since the last call."""
        found: list[tuple[int, int]] = []
        while True:
            try:
                data = os.read(self.stamps, STAMP.size * 256)
            except BlockingIOError:
                return found
            found += [(tag[0], at) for tag, at in STAMP.iter_unpack(data)]

    async def press(self) -> list[float]:
        """One byte on the STOP socket: ms until STOP was read at each pen's end, in the order of the pens."""
        loop, first = asyncio.get_running_loop(), {}
        self.take()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.setblocking(False)
            await loop.sock_connect(line, str(self.paths.stop))
            await asyncio.sleep(0.05)
            at = time.monotonic_ns()
            line.send(b"S")
            end = time.monotonic() + 10
            while len(first) < len(self.addresses):
                for tag, stamp in self.take():
                    first.setdefault(tag, (stamp - at) / 1e6)
                if time.monotonic() > end:
                    raise BenchError(f"only {len(first)} of {len(self.addresses)} pens were stopped within 10 s")
                await asyncio.sleep(0.002)
        return [first[number] for number in sorted(first)]


@asynccontextmanager
async def fleet(lab: Lab, count: int, database: Path, seed: int = 1) -> AsyncIterator[Fleet]:
    """``count`` pens with a session each on one station; nothing turns yet. ``seed`` is the first pen's."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    arguments = ["-m", "bench.fleet_process", "--count", str(count), "--stamps", str(write), "--seed", str(seed)]
    hands: list[Hand] = []
    try:
        with (
            lab.process(arguments, stdout=subprocess.PIPE, pass_fds=(write,)) as pens,
            lab.station(database) as station,
        ):
            assert pens.stdout is not None
            addresses = json.loads(await asyncio.to_thread(pens.stdout.readline))["addresses"]
            with lab.surroundings(database):
                paths = station_paths(locate().hash)
            made = Fleet(addresses, read, paths, psutil.Process(station.pid), psutil.Process(pens.pid), hands)
            chance = random.Random(count)
            for number in range(count):
                hand = Hand(*await asyncio.open_unix_connection(str(paths.requests), limit=1 << 22))
                hands.append(hand)
                await hand.ask("station.hello", client=f"burn-in {number + 1}", version=1)
                hand.beat(chance.uniform(0, BEAT_S))
            await asyncio.gather(*(hand.ready(address) for hand, address in zip(hands, addresses, strict=True)))
            try:
                yield made
            finally:
                for hand in hands:
                    await hand.close()
    finally:
        os.close(read)
        os.close(write)
