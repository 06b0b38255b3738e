"""Noise on both sockets of a station: everything is answered or passed over, STOP goes on, and nothing moves."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from pathlib import Path
from typing import Any

import pytest
from support.world import ADDRESS, World, word

from devicectl.station.params import REQUEST_MAX
from devicectl.station.requests import REQUESTS
from devicectl.station.server import StopServer, _RequestProtocol
from drivers.api import PenState

from .noise import bent, edited
from .shares import SEEDS, share

pytestmark = [pytest.mark.fuzz, pytest.mark.parametrize("seed", SEEDS)]
DIGITS = "0" * 8
PARAMS: dict[str, dict[str, Any]] = {
    "station.hello": {"client": "fuzz", "version": 1},
    "pens.scan": {"probe": [ADDRESS], "bluetooth": False},
    "pens.list": {"closed": True},
    "pen.open": {"address": ADDRESS, "wait_s": 1},
    "pen.indicate": {"address": ADDRESS},
    "operator.list": {"retired": True},
    "operator.change": {"name": "Ada", "active": True},
    "session.open": {"purpose": "bench", "client": None, "plan": {"VTX": 1000}},
    "gate.override": {"gate": "battery", "reason": "for the noise"},
    "zone.select": {"zone": "VTX"},
    "direction.select": {"direction": "stamp"},
    "form.submit": {"form": "note", "values": {"text": "x"}, "session": "last"},
    "session.chart": {"session": "last"},
    "session.amend": {"session": "last", "values": {"table": "zones", "row": DIGITS}},
    "client.identity": {"client": "T-1"},
    "setpoint": {"depth_um": 1000, "rate_mhz": 100_000, "lower": True},
    "run.start": {"ticket": DIGITS, "run_ms": 5000},
    "note": {"digits": "12"},
    "capture.start": {"address": ADDRESS},
    "heartbeat": {"frame": 1, "keys": 1},
}
"""What each request may ask for. Those that are not here take nothing, or a PIN, over which a machine ponders for long."""
PONDERS = {"operator.sign_in", "operator.add", "session.sign", "client.erase"}
METHODS = [*(method for method in REQUESTS if method not in PONDERS), "heartbeat", "activity"]


def line(chance: random.Random, number: int) -> bytes:
    """One request, sound or not."""
    method = chance.choice(METHODS)
    message: Any = {"jsonrpc": "2.0", "id": number, "method": method, "params": PARAMS.get(method, {})}
    draw = chance.random()
    if draw < 0.35:
        message["params"] = edited(chance, message["params"])
    elif draw < 0.6:
        message = edited(chance, message)
    elif draw < 0.63:
        message["method"] = chance.choice(sorted(PONDERS))
    return bent(chance, json.dumps(message).encode()).replace(b"\n", b"") + b"\n"


class Reader:
    """Takes what the station answers, as fast as it comes."""

    def __init__(self, sock: socket.socket) -> None:
        self.answers = 0
        self.failed: list[bytes] = []
        self._task = asyncio.create_task(self._read(sock))

    async def _read(self, sock: socket.socket) -> None:
        loop, rest = asyncio.get_running_loop(), b""
        while data := await loop.sock_recv(sock, 1 << 18):
            *lines, rest = (rest + data).split(b"\n")
            for text in lines:
                message = json.loads(text)
                assert message["jsonrpc"] == "2.0"
                error = message.get("error")
                if error is not None and error["data"]["code"] == "internal":
                    self.failed.append(text)
                self.answers += 1
        assert not rest

    def drop(self) -> None:
        self._task.cancel()

    async def end(self) -> None:
        async with asyncio.timeout(60):
            await self._task


async def client(world: World) -> tuple[socket.socket, Reader]:
    """A connection to the station's request socket by a pair of real sockets."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in (theirs, ours):
        end.setblocking(False)
    await world.loop.create_connection(lambda: _RequestProtocol(world.station), sock=theirs)
    return ours, Reader(ours)


def test_requests_are_noise(seed: int) -> None:
    chance, lines = random.Random(f"station {seed}"), share("station")

    async def main() -> int:
        world = World(seed=seed, baud=None)
        find = world.station.ports.open_pen
        # As a real port does: whoever opens it anew has a pen object of their own.
        world.station.ports.open_pen = lambda address: find(address) and world.wire.pen(ADDRESS)
        moved: list[bool] = []
        world.sim.on_motion = lambda at, turning: moved.append(turning)
        trouble: list[dict[str, Any]] = []
        world.loop.set_exception_handler(lambda loop, context: trouble.append(context))
        sent = answers = 0
        failed: list[bytes] = []
        while sent < lines:
            ours, reader = await client(world)
            hello = {"jsonrpc": "2.0", "id": 0, "method": "station.hello", "params": PARAMS["station.hello"]}
            data = json.dumps(hello).encode() + b"\n"
            for _ in range(min(2000, lines - sent)):
                sent += 1
                data += line(chance, sent)
                if chance.random() < 0.1:
                    # Lines arrive in pieces of any size.
                    await world.loop.sock_sendall(ours, data)
                    data = b""
            await world.loop.sock_sendall(ours, data)
            ours.shutdown(socket.SHUT_WR)
            await reader.end()
            answers += reader.answers
            failed += reader.failed
            ours.close()
        for one in trouble:
            raise AssertionError(one["message"]) from one.get("exception")
        assert not failed
        assert not moved
        # Whoever comes after the noise is served.
        screen = await world.screen()
        async with asyncio.timeout(30):
            while await word(screen, "pen.open", address=ADDRESS) is not None:
                await asyncio.sleep(0.05)
        await world.until(lambda: world.desk.confirmed_still, 30)
        await world.down()
        return answers

    assert asyncio.run(main()) > lines // 3


def test_a_line_without_end_is_cut_off(seed: int) -> None:
    async def main() -> None:
        world = World(seed=seed, baud=None)
        ours, reader = await client(world)
        assert len(world.station.clients) == 1
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await world.loop.sock_sendall(ours, b"x" * (8 * REQUEST_MAX))
        await world.until(lambda: not world.station.clients, 20)
        reader.drop()
        ours.close()
        await world.down()

    asyncio.run(main())


def test_any_byte_on_the_stop_socket_is_stop(seed: int, tmp_path: Path) -> None:
    chance = random.Random(f"stop {seed}")

    async def main() -> None:
        world = World(seed=seed, baud=None)
        await world.ready()
        server = StopServer(world.station, tmp_path / "s")
        for turn in range(100):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as press:
                press.setblocking(False)
                await world.loop.sock_connect(press, str(tmp_path / "s"))
                if turn % 10 == 9:
                    continue
                data = chance.randbytes(chance.randint(1, 300))
                await world.loop.sock_sendall(press, data)
                got = b""
                async with asyncio.timeout(30):
                    while len(got) < len(data):
                        got += await world.loop.sock_recv(press, 4096)
                assert got == b"\x06" * len(data)
        await world.until(lambda: world.desk.control.status.state is PenState.STOPPED, 20)
        server.close()
        await world.down()

    asyncio.run(main())
