"""``devicectl calibrate run`` and ``resume``: one line after the other, for a technician at a bench and for scripts."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any, Final

import click

from devicectl.station.client_api import StationError
from devicectl.station.views import Reply, StartSheet, from_json
from drivers.api import PenError

from .calibrate_plan import read_plan
from .calibrate_sources import Ask, Reading, Source, open_source
from .calibrate_text import evaluation_lines, show_end
from .exits import Exit
from .failures import Failure
from .operator import SignIn
from .output import marks, print_json
from .pens import Seat, demand, seat
from .run import catch_signals, refuse_treatment

ZONE: Final = "CUS-1"
"""A run needs a zone; this is nobody's scalp."""
RUN_MS: Final = 20_000
SETTLE_S: Final = 2.0
"""How long the motor runs before it is measured: the needle takes 0.3 s to its rate, an instrument a second to show it."""
GATES_S: Final = 5.0
TRIES: Final = 3
_REFUSED: Final = frozenset({"bad-reading", "implausible", "gauge"})


@dataclass(frozen=True, slots=True)
class Options:
    """How readings come, what is adjusted, and who is asked."""

    gauge: str | None
    tachometer: str | None
    units: tuple[str, ...]
    key: bool
    keyboard: bool
    readings: str | None
    adjust: str
    yes: bool
    take: bool
    as_json: bool


class Interrupted(Exception):
    """Somebody wants to go on later."""


async def run_plan(address: str, path: str, who: SignIn | None, options: Options) -> int:
    """A new calibration by the plan in a file."""
    plan = read_plan(path)

    async def begin(place: Seat) -> dict[str, Any]:
        return dict(await place.ask("calibration.begin", plan=plan))

    return await _work(address, who, options, begin, None)


async def resume(address: str, calibration: str, abandon: str | None, who: SignIn | None, options: Options) -> int:
    """An interrupted one."""

    async def begin(place: Seat) -> dict[str, Any]:
        return dict(await place.ask("calibration.resume", calibration=calibration))

    return await _work(address, who, options, begin, abandon)


async def _work(address: str, who: SignIn | None, options: Options, begin: Any, abandon: str | None) -> int:
    if who is None:
        raise Failure("a calibration is signed; name the technician with --operator.", "no-operator")
    source = await open_source(options)
    try:
        async with seat("calibrate") as place:
            pressed = catch_signals(place.client.stop_now)
            await place.sign_in(who)
            await place.open(address, take=options.take)
            await place.fresh()
            refuse_treatment(place)
            bench = Bench(place, source, options, who, address)
            work = asyncio.ensure_future(bench.whole(begin, abandon))
            waiting = asyncio.ensure_future(pressed.wait())
            try:
                await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if pressed.is_set() and not work.done():
                    work.cancel()
                results = await asyncio.gather(work, return_exceptions=True)
            finally:
                waiting.cancel()
            result = results[0]
            if pressed.is_set() or isinstance(result, Interrupted):
                why = f"STOP was sent ('devicectl reset {address}' leaves it); " if pressed.is_set() else ""
                raise Failure(
                    f"{why}what was measured is in the record; go on with 'devicectl calibrate resume {address}'.",
                    "interrupted",
                )
            if isinstance(result, BaseException):
                raise result
            return int(result)
    finally:
        await source.close()


class Bench:
    """One calibration at one pen, from its first step to its signature."""

    def __init__(self, place: Seat, source: Source, options: Options, who: SignIn, address: str) -> None:
        self.place, self.source, self.options, self.who, self.address = place, source, options, who, address
        self.ask = Ask(to_stderr=options.as_json)

    def say(self, text: str) -> None:
        """A line for a person; with --json on standard error."""
        click.echo(text, err=self.options.as_json)

    async def whole(self, begin: Any, abandon: str | None) -> int:
        """Everything; the exit code."""
        place = self.place
        place.begin_beating()
        calibration = await begin(place)
        short = calibration["id"].replace("-", "")[-8:]
        self.say(f"calibration {short}: pen {calibration['pen']}, cartridge {calibration['cartridge_type']}")
        if abandon is not None:
            answer = await place.ask("calibration.abandon", reason=abandon)
            return self._over(answer)
        if not self.options.yes and not self.source.unattended:
            await self._confirm("The needle moves at each step. Hands off, pen clamped?")
        while True:
            await self._measure()
            answer = await place.ask("calibration.evaluate")
            calibration = answer["calibration"]
            self._tell(answer)
            kind = await self._kind(answer)
            if kind is None:
                break
            await self._correct(kind)
        return await self._finish(calibration)

    async def _confirm(self, question: str) -> None:
        if not sys.stdin.isatty() and self.options.readings != "-":
            raise Failure("there is nobody to ask whether the needle may move; say --yes.", "no-consent")
        if (await self.ask.line(f"{question} [yes/no] ")).lower() not in ("y", "yes"):
            raise Interrupted

    # -- measuring

    async def _measure(self) -> None:
        reseated = False
        tries = 0
        while True:
            step = await self.place.ask("calibration.next", reseated=reseated)
            reseated = False
            if step["done"]:
                return
            if step["reseat"]:
                self.say(step["text"])
                if not self.options.yes and not self.source.unattended:
                    await self.ask.line("Enter goes on. ")
                reseated = True
                continue
            if await self._step(step):
                tries = 0
                continue
            tries += 1
            if tries >= TRIES:
                raise Failure(f"the step could not be measured {TRIES} times; look at pen and gauge.", "not-measured")

    async def _step(self, step: dict[str, Any]) -> bool:
        """One step; False when it is to be driven to again."""
        one = step["step"]
        side = "below" if one["direction"] == "up" else "above"
        head = f"{step['phase']} {one['measurand']} {one['step'] + 1}/{one['of']}: {one['set_to']:g} {one['unit']} from {side}"
        if step["stand"] == "park":
            await self._park(step["sheet"])
            return await self._read(one, head, running=False)
        if step["stand"] == "hand":
            self.say(step["text"])
            return await self._read(one, head, running=False)
        if one["measurand"] == "rate-light-load":
            self.say("Hold the needle lightly against the pad while it runs.")
        await self._start()
        try:
            await asyncio.sleep(SETTLE_S)
            if self.source.while_running(one["unit"]):
                return await self._read(one, head, running=True)
            self.say(f"{head}: read the instrument now.")
            await asyncio.sleep(SETTLE_S)
        finally:
            await self._end()
        return await self._read(one, head, running=False)

    async def _park(self, sheet: dict[str, Any]) -> None:
        shut = [gate["text"] for gate in sheet["gates"] if not gate["passed"]]
        if shut:
            raise Failure(f"the needle was not moved: {shut[0]}", "gate-closed")
        await asyncio.sleep(sheet["not_before_s"] + 0.02)
        demand(from_json(Reply, await self.place.ask("calibration.park", ticket=sheet["ticket"])), "park")

    async def _start(self) -> None:
        place, loop = self.place, asyncio.get_running_loop()
        await place.ask("zone.select", zone=ZONE)
        until = loop.time() + GATES_S
        while True:
            sheet = from_json(StartSheet, await place.ask("run.preview"))
            shut = [gate.text for gate in sheet.gates if not gate.passed]
            if not shut:
                break
            if loop.time() > until:
                raise Failure(f"not started: {' '.join(shut)}", "gate-closed")
            await asyncio.sleep(0.1)
        await asyncio.sleep(sheet.not_before_s + 0.02)
        demand(from_json(Reply, await place.ask("run.start", ticket=sheet.ticket, run_ms=RUN_MS)), "start")

    async def _end(self) -> None:
        reply = await self.place.reply("run.end")
        if reply.outcome not in ("confirmed", "not_sent"):
            self.place.client.stop_now("command line")
            raise Failure(f"END was not taken, so STOP was sent: {reply.text}", "stopped")
        await self.place.wait(
            lambda view: view.pen is not None and view.pen.motion == "still" and view.run is None, 5.0
        )

    async def _read(self, one: dict[str, Any], head: str, *, running: bool) -> bool:
        anyway = ""
        while True:
            try:
                reading = await self.source.read(self.ask, f"{head}: ", one["unit"], running=running)
                if reading.command and (found := await self._command(reading, one)) is not None:
                    if isinstance(found, bool):
                        return found
                    anyway = found
                    continue
                answer = await self.place.ask(
                    "calibration.reading",
                    step=one["step"],
                    text=reading.text,
                    unit=reading.unit or self._unit(one["unit"]),
                    source=reading.source,
                    anyway=anyway,
                )
            except (StationError, PenError) as error:
                if error.code not in _REFUSED:
                    raise
                if self.source.unattended or running:
                    raise Failure(f"{head}: {error}", error.code) from error
                self.say(f"  {error} ('anyway REASON' takes the next reading all the same.)")
                continue
            taken = answer["reading"]
            if self.source.shows or self.options.as_json:
                self.say(f"{head}: {taken['value']:.3f}")
            if answer["text"]:
                self.say(f"  {answer['text']}")
            return True

    def _unit(self, unit: str) -> str | None:
        return next((one for one in self.options.units if (one in ("Hz", "rpm")) is (unit == "Hz")), None)

    async def _command(self, reading: Reading, one: dict[str, Any]) -> bool | str | None:
        """What somebody typed instead of a reading: True or False ends the step, a text is the reason of 'anyway'."""
        match reading.command:
            case "quit":
                raise Interrupted
            case "again":
                return False
            case "anyway":
                return reading.text
            case "back":
                if one["step"] == 0:
                    self.say("  This is the first step; there is none before it.")
                    return ""
                await self.place.ask(
                    "calibration.annul",
                    step=one["step"] - 1,
                    measurand=one["measurand"],
                    reason=reading.text or "read again",
                )
                return True
            case _:
                self.say("  Type a reading, or: back REASON, again, anyway REASON, quit.")
                return ""

    # -- judging and adjusting

    def _tell(self, answer: dict[str, Any]) -> None:
        for one in answer["calibration"]["evaluations"]:
            if one["current"] and one["round"] == answer["calibration"]["round"]:
                for line in evaluation_lines(one):
                    self.say(line)
        if answer["look_back"]:
            self.say(f"Out of tolerance as found. Sessions since the last good calibration: {len(answer['look_back'])}")
            for session in answer["look_back"]:
                self.say(f"  {session['session'][-8:]} {session['purpose']} {session['client'] or ''}".rstrip())

    async def _kind(self, answer: dict[str, Any]) -> str | None:
        """Which correction is to be written, or None."""
        calibration, adjust = answer["calibration"], self.options.adjust
        rounds = calibration["round"]
        if all(one["measurand"].startswith("rate") for one in calibration["series"]):
            return None
        if adjust == "ask":
            if self.source.unattended or (rounds and answer["verdict"] == "pass"):
                return None
            typed = (await self.ask.line("Adjust? [linear/piecewise/no] ")).lower()
            return typed if typed in ("linear", "piecewise") else None
        if rounds or adjust == "no":
            return None
        if adjust == "auto":
            current = [one for one in calibration["evaluations"] if one["current"]]
            good = answer["verdict"] == "pass" and not any(one["warnings"] for one in current)
            return None if good else "linear"
        return adjust

    async def _correct(self, kind: str) -> None:
        answer = await self.place.ask("calibration.correct", kind=kind)
        demand(from_json(Reply, answer["reply"]), "correction")
        knots = answer["calibration"]["corrections"][-1]["knots"]
        shown = ", ".join(f"{actual / 1000:.3f} mm at {commanded / 1000:.3f}" for commanded, actual in knots)
        self.say(f"correction written and read back: {shown}. {answer['reply']['text']}")

    async def _finish(self, calibration: dict[str, Any]) -> int:
        if not self.options.yes and not self.source.unattended:
            name = calibration["technician"]
            if (await self.ask.line(f"Sign as {name}? [yes/no] ")).lower() not in ("y", "yes"):
                raise Interrupted
        answer = await self.place.ask("calibration.finish", pin=self.who.pin)
        return self._over(answer)

    def _over(self, answer: dict[str, Any]) -> int:
        calibration = answer["calibration"]
        if self.options.as_json:
            print_json({**marks(calibration["origin"]), "calibration": calibration})
        else:
            click.echo(answer["text"])
            show_end(calibration)
        left = calibration["end"]["left"]
        return int(Exit.DONE if left in (None, "pass", "conditional pass") else Exit.FAILED)
