"""A client of the station as a process, standing in for a dashboard.

As a program it is a puppet: lines of JSON on standard input, ``{"id", "method", "params"}``, and lines of JSON on
standard output: answers, each new line of the session log, and the loss of the station. ``play`` is the client of the
kill loop: it needles by chance until it is killed, and writes into a file what was acknowledged to it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from devicectl.station.client import SocketClient, connect
from devicectl.station.client_api import StationError
from devicectl.station.views import View

BEAT_S: Final = 0.1
ZONES: Final = ("FHL", "FRL", "FRR", "FTL", "FTR", "MID", "PAL", "PAR", "VTX", "OCC")


def _open(view: Any) -> bool:
    return all(gate.passed for gate in view.gates if gate.name != "limits")


def _halted(view: Any) -> bool:
    return any(gate.name == "arrived" and not gate.passed and not gate.waiting for gate in view.gates)


class Hand:
    """A connected client with a pulse, which tells every new line of the log once."""

    def __init__(self, client: SocketClient, tell: Callable[..., None]) -> None:
        self.client = client
        self.view: View | None = None
        self.lost = ""
        self._tell = tell
        self._logged: list[tuple[float, str]] = []
        self._beats = 0
        client.on_view(self._see)
        client.on_lost(self._lose)
        client.on_direct(lambda line: tell(direct=line))
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def _see(self, view: View) -> None:
        self.view = view
        lines = [(line.at, line.text) for line in view.log]
        session = view.session.id if view.session is not None else None
        for line in lines:
            if line not in self._logged:
                self._tell(log=line[1], session=session)
        self._logged = lines

    def _lose(self, text: str) -> None:
        self.lost = text
        self._tell(lost=text)

    async def _beat(self) -> None:
        while True:
            self._beats += 1
            self.client.heartbeat(self._beats, self._beats)
            await asyncio.sleep(BEAT_S)

    async def until(self, true: Callable[[View], object], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while self.view is None or not true(self.view):
            if self.lost:
                raise StationError(self.lost, "station-lost")
            if time.monotonic() > end:
                shut = [g.text for g in self.view.gates if not g.passed] if self.view is not None else []
                raise AssertionError(f"not seen within {seconds} s; shut: {shut}; last view: {self.view}")
            await asyncio.sleep(0.005)


async def reach(name: str, seconds: float = 20.0) -> SocketClient:
    """Connect to a station that may still be starting."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await connect(name, start=False)
        except StationError as error:
            if error.code != "no-station" or time.monotonic() > end:
                raise
            await asyncio.sleep(0.01)


# -- the client of the kill loop


class Player:
    """Needles zones by chance. Every acknowledgement is in the file before the next thing is asked for."""

    def __init__(self, hand: Hand, chance: random.Random, tell: Callable[..., None]) -> None:
        self.hand, self.chance, self.tell = hand, chance, tell

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.hand.client.request(method, **params)
        self.tell(done=method, params=params, answer=answer)
        return answer

    async def prepare(self, address: str) -> None:
        """Open the pen, wait until the last crash is settled with it, leave the latch, have a session."""
        opened = await self.ask("pen.open", address=address, wait_s=20.0)
        hand = self.hand
        await hand.until(
            lambda v: v.pen and v.pen.motion == "still" and not v.pen.settling and v.pen.status_age_s is not None
        )
        if not opened["you_control"]:
            await self.ask("control.take")
        view = hand.view
        assert view is not None
        self.tell(settled=True, session=view.session.id if view.session else None)
        if view.session is None:
            try:
                await self.ask("session.open", purpose="bench", client=None)
                return
            except StationError as error:
                if error.code != "session-open":
                    raise
        # The client before may have died while its own was being opened.
        await hand.until(lambda v: v.session is not None)
        assert hand.view is not None
        assert hand.view.session is not None
        self.tell(reopened=hand.view.session.id, passes=hand.view.session.passes)

    async def reset(self) -> None:
        """Leave the latch, if there is one."""
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            view = self.hand.view
            if view is not None and view.pen is not None and not view.pen.latched:
                return
            await self.ask("pen.reset")
            await asyncio.sleep(0.05)

    async def start(self, zone: str) -> bool:
        """The two-step start."""
        await self.ask("zone.select", zone=zone)
        for _ in range(3):
            await self.hand.until(lambda v: _open(v) or _halted(v) or (v.pen and v.pen.latched))
            if self.hand.view is None or not _halted(self.hand.view):
                break
            # The crash halted the depth drive on its way: it is told anew where to go.
            await self.ask("setpoint", depth_um=600, lower=True)
        sheet = await self.ask("run.preview")
        await asyncio.sleep(sheet["not_before_s"] + 0.01)
        self.tell(asks="run.start")
        reply = await self.ask("run.start", ticket=sheet["ticket"])
        if reply["outcome"] == "confirmed":
            self.tell(running=zone)
            return True
        return False

    async def needle(self) -> None:
        """Whatever a hand may do, for ever."""
        running, note = False, 0
        while True:
            await asyncio.sleep(self.chance.uniform(0.02, 0.25))
            act = self.chance.choices(("rate", "depth", "zone", "note", "end", "session"), (4, 3, 3, 3, 2, 1))[0]
            try:
                if not running:
                    await self.reset()
                    running = await self.start(self.chance.choice(ZONES))
                elif act == "rate":
                    await self.ask("setpoint", rate_mhz=self.chance.randrange(60, 120) * 1000, lower=True)
                elif act == "depth":
                    await self.ask("setpoint", depth_um=self.chance.randrange(4, 15) * 100, lower=True)
                elif act == "zone":
                    await self.ask("zone.select", zone=self.chance.choice(ZONES))
                elif act == "note":
                    note += 1
                    await self.ask("note", digits=str(note % 10_000))
                else:
                    running = (await self.ask("run.end"))["outcome"] != "confirmed"
                    if act == "session" and not running:
                        await self.hand.until(lambda v: v.run is None and v.pen and v.pen.motion == "still")
                        await self.ask("session.close")
                        await self.ask("session.open", purpose="bench", client=None)
            except StationError as error:
                if error.code in ("station-lost", "station-silent"):
                    raise
                self.tell(refused=str(error), code=error.code)
                running = False


async def play(name: str, address: str, path: str, seed: str) -> None:
    """Needle until killed, or until the station is gone. The file ends with ``lost`` then."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(**what: Any) -> None:
        os.write(file, json.dumps({"t": time.monotonic(), **what}).encode() + b"\n")

    hand = Hand(await reach(name), tell)
    player = Player(hand, random.Random(seed), tell)
    try:
        await player.prepare(address)
        await player.reset()
        await player.needle()
    except StationError as error:
        tell(over=str(error), code=error.code)
    except Exception as error:
        tell(failed=repr(error))
        raise


# -- the puppet


async def puppet(name: str) -> None:
    """Do what standard input says until it ends."""

    def tell(**what: Any) -> None:
        os.write(1, json.dumps({"t": time.monotonic(), **what}).encode() + b"\n")

    try:
        client = await reach(name)
    except StationError as error:
        tell(failed=str(error), code=error.code)
        return
    hand = Hand(client, tell)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    waiting: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        order = json.loads(line)
        if order["method"] == "view":
            view = hand.view
            tell(id=order["id"], result=None if view is None else json.loads(json.dumps(_plain(view))))
        elif order["method"] == "stop_now":
            client.stop_now(order["params"]["source"])
            tell(id=order["id"], result=None)
        elif order["method"] == "direct":
            tell(id=order["id"], result=[[r.address, r.sent, r.text] for r in client.direct_results])
        else:
            task = loop.create_task(_answer(hand, order, tell))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
    await client.close()


def _plain(view: View) -> Any:
    from devicectl.station.views import to_json

    return to_json(view)


async def _answer(hand: Hand, order: dict[str, Any], tell: Callable[..., None]) -> None:
    try:
        tell(id=order["id"], result=await hand.client.request(order["method"], **order["params"]))
    except StationError as error:
        tell(id=order["id"], error=str(error), code=error.code)


if __name__ == "__main__":
    asyncio.run(puppet(sys.argv[1]))
