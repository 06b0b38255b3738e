"""A station client for commands: connect, open a pen, wait for what its views show, let go again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import click

from devicectl.control.lane import BEING_CHECKED, BUSY
from devicectl.station.client import SocketClient, connect
from devicectl.station.client_api import StationError
from devicectl.station.views import LogView, PenView, Reply, View, from_json
from drivers.address import parse_address

from .failures import Failure
from .operator import SignIn
from .output import patience

BEAT_S: Final = 0.1
READY_S: Final = 3.0
BUSY_S: Final = 2.0
CHECKED_S: Final = 5.0
"""How long a command whose outcome is not known may take to be settled by the pen's own memory."""


class Seat:
    """One command's place at the station. ``view`` is the newest view; ``opened`` says that we opened the pen."""

    def __init__(self, client: SocketClient) -> None:
        self.client = client
        self.view: View | None = None
        self.lost = ""
        self.opened = False
        self.controls = False
        self.log: list[str] = []
        """Every line of the session log, from the first view on."""
        self._last_line: LogView | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._beats: asyncio.Task[None] | None = None

    async def ask(self, method: str, **params: Any) -> Any:
        """A request; raises :class:`StationError`."""
        return await self.client.request(method, **params)

    async def reply(self, method: str, **params: Any) -> Reply:
        """A request that acts, made again while the station itself has a command under way (a limit, a check)."""
        return (await self.replies(lambda answer: [answer], method, **params))[0]

    async def replies(self, parts: Callable[[Any], list[Any]], method: str, **params: Any) -> list[Reply]:
        """As :meth:`reply`, for an answer of several; ``parts`` takes it apart."""
        return await self._again({BUSY: BUSY_S}, parts, method, **params)

    async def patient(self, parts: Callable[[Any], list[Any]], method: str, **params: Any) -> list[Reply]:
        """As :meth:`replies`, and made again while an earlier command is being checked; for what may come later."""
        return await self._again({BUSY: BUSY_S, BEING_CHECKED: CHECKED_S}, parts, method, **params)

    async def _again(
        self, passing: Mapping[str, float], parts: Callable[[Any], list[Any]], method: str, **params: Any
    ) -> list[Reply]:
        """Ask until no reply is one of ``passing``, each of which may last that many seconds."""
        began = self._loop.time()
        while True:
            found = [from_json(Reply, part) for part in parts(await self.ask(method, **params))]
            lasts = max((passing.get(one.text, 0.0) for one in found if one.outcome == "not_sent"), default=0.0)
            if self._loop.time() - began >= lasts:
                return found
            await asyncio.sleep(0.05)

    # -- the pen

    async def known(self, address: str) -> PenView | None:
        """The pen as the station holds it already, without touching it."""
        key = parse_address(address).port_key
        for item in await self.ask("pens.list"):
            pen = from_json(PenView, item)
            if parse_address(pen.address).port_key == key:
                return pen
        return None

    async def open(self, address: str, *, take: bool | None = True) -> PenView:
        """Open a pen, and have control of it unless ``take`` is None (then only if it is free).

        Raises :class:`Failure` when another client holds control and ``take`` is False.
        """
        self.opened = await self.known(address) is None
        with patience("waiting for the pen ..."):
            answer = await self.ask("pen.open", address=address)
        if self.opened and (before := answer.get("moved_from")):
            click.echo(f"The pen was lost at {before}; what was open there is closed.", err=True)
        self.client.on_view(self._hear)
        self.client.on_lost(self._lose)
        await self.wait(lambda view: view.pen is not None, READY_S)
        self.controls = bool(answer["you_control"])
        if not self.controls and take is not None:
            await self._take(take)
        return from_json(PenView, answer["pen"])

    async def _take(self, anyway: bool) -> None:
        view = self.view
        who = view.controller if view is not None else None
        if who is not None and not anyway:
            raise Failure(
                f"{who} holds control of this pen; end that program first, or take control with --take.",
                "not-in-control",
            )
        await self.ask("control.take")
        self.controls = True

    def _hear(self, view: View) -> None:
        self.view = view
        lines = view.log
        # Not by their times: the clock may be set, and then the lines that tell of it would be missed.
        known = next((i for i in reversed(range(len(lines))) if lines[i] == self._last_line), -1)
        self.log += [line.text for line in lines[known + 1 :]]
        if lines:
            self._last_line = lines[-1]
        self._news.set()

    def _lose(self, sentence: str) -> None:
        self.lost = sentence
        self._news.set()

    async def wait(self, ready: Callable[[View], object], timeout: float) -> bool:
        """Until a view pleases ``ready``; False when none did in time. Raises :class:`StationError` when it is gone."""
        deadline = self._loop.time() + timeout
        while True:
            if self.lost:
                raise StationError(self.lost, "station-lost")
            if self.view is not None and ready(self.view):
                return True
            left = deadline - self._loop.time()
            # A loop serves a timer a clock's resolution early; the rest would then be waited for again and again.
            if left <= 1e-6:
                return False
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def fresh(self, timeout: float = READY_S) -> bool:
        """Until the pen has been read completely once: status, telemetry and battery."""
        return await self.wait(
            lambda v: (
                v.pen
                and v.pen.status_age_s is not None
                and v.pen.vitals_age_s is not None
                and v.pen.motion != "unknown"
            ),
            timeout,
        )

    async def sign_in(self, who: SignIn | None) -> None:
        """Sign in, if somebody was named."""
        if who is not None:
            await self.ask("operator.sign_in", name=who.name, pin=who.pin)

    # -- being alive

    def begin_beating(self) -> None:
        """Heartbeats from now on, ten a second, from this loop: when it hangs, the pen stops."""
        if self._beats is None:
            self._beats = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        count = 0
        while True:
            count += 1
            self.client.heartbeat(count, count)
            await asyncio.sleep(BEAT_S)

    async def let_go(self) -> None:
        """Close the pen if we opened it, else give control back; never raises for a station that is gone."""
        if self._beats is not None:
            self._beats.cancel()
        if self.lost or not self.controls:
            return
        deadline = self._loop.time() + READY_S
        while True:
            try:
                await self.wait(lambda v: v.pen is None or v.pen.motion == "still", READY_S)
                await self.ask("pen.close" if self.opened else "control.release")
                return
            except StationError as error:
                # On a busy machine the last sample may be too old for "confirmed still" at that very moment.
                if error.code != "not-still" or self._loop.time() > deadline:
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def seat(command: str, database: str | None = None) -> AsyncIterator[Seat]:
    """A place at the station (started if none runs). Raises :class:`StationError` with one sentence."""
    with patience("waiting for the station ..."):
        client = await connect(f"devicectl {command} (process {os.getpid()})", database)
    place = Seat(client)
    try:
        yield place
    finally:
        await place.let_go()
        await client.close()


def demand(reply: Reply, what: str) -> None:
    """Raise :class:`Failure` unless a reply is ``confirmed``."""
    if reply.outcome == "confirmed":
        return
    code = {"rejected": "rejected", "not_sent": "not-sent"}.get(reply.outcome, "unknown")
    word = {"rejected": "the pen refused", "not_sent": "nothing was sent"}.get(reply.outcome, "outcome unknown")
    if code == "not-sent" and about_record(reply.text):
        code = "record"
    raise Failure(f"{what}: {word}: {reply.text}", code)


def about_record(text: str) -> bool:
    """True for a sentence of control or of a gate that tells of trouble with the record."""
    return text.lower().startswith("the record")
