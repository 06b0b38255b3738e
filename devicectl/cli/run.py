"""``devicectl run``: an explicit start of one zone for some seconds, recorded with purpose bench."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit, exit_for
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from devicectl.records.reader import SessionDetail

    from .driving import Ending, Plan


@click.command(
    cls=Command,
    examples=(
        "devicectl run serial:///dev/ttyACM0 --zone VTX --depth 1.0 --rate 100 --seconds 5",
        "devicectl run tcp://127.0.0.1:7001 --zone MID --depth 2.0 --rate 120 --seconds 3 --lower",
        'devicectl run serial:///dev/ttyACM0 --zone VTX --depth 0.5 --rate 100 --seconds 5 --override battery="runs from a supply"',
    ),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--zone", required=True, help="Zone code such as VTX, FRL, MID, OCC or CUS-1.")
@click.option("--depth", required=True, type=float, metavar="MM", help="Needle protrusion in mm.")
@click.option("--rate", required=True, type=float, metavar="HZ", help="Stroke rate in Hz (1 Hz = 60 rpm).")
@click.option("--seconds", required=True, type=click.FloatRange(0.2, 170), help="How long the motor turns.")
@click.option("--lower", is_flag=True, help="Let a limit lower depth or rate instead of refusing.")
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="GATE=REASON",
    help="Open the gate 'battery' or 'cartridge' for this run; the reason goes into the record, so name no person.",
)
@click.option("--take", is_flag=True, help="Take control although another program holds it (the pen must be still).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run(
    address: str,
    zone: str,
    depth: float,
    rate: float,
    seconds: float,
    lower: bool,
    overrides: tuple[str, ...],
    take: bool,
    as_json: bool,
) -> int:
    """Start the pen at ADDRESS for some seconds and record the pass (purpose bench: no client, pen unloaded).

    THE MOTOR TURNS at once. Ctrl+C is STOP.
    """
    import asyncio
    import math

    from devicectl.treatment.zones import parse_zone
    from drivers.address import parse_address

    from .driving import Plan

    if not (math.isfinite(depth) and math.isfinite(rate)):
        raise click.UsageError("--depth and --rate must be numbers.")
    parse_address(address)
    opened = tuple(_override(text) for text in overrides)
    plan = Plan(parse_zone(zone).code, depth * 1000, rate * 1000, seconds, lower, opened)
    return asyncio.run(_run(address, plan, take, as_json))


def _override(text: str) -> tuple[str, str]:
    gate, _, reason = text.partition("=")
    if not gate or len(reason.strip()) < 3:
        raise click.UsageError(
            f"--override '{text}': write it as GATE=REASON, for example battery=\"runs from a supply\"."
        )
    return gate.strip(), reason.strip()


async def _run(address: str, plan: Plan, take: bool, as_json: bool) -> int:
    import asyncio

    from .driving import Ending, close_session, needle, prepare, refuse_latched
    from .failures import Failure
    from .output import LiveLine
    from .pens import seat

    live = LiveLine(not as_json)
    async with seat("run") as place:
        pressed = catch_signals(place.client.stop_now)
        await place.open(address, take=take)
        await place.fresh()
        refuse_latched(place)
        refuse_treatment(place)
        session = ""

        async def whole() -> Ending:
            nonlocal session
            reasons = await prepare(place, plan, live.show, session=False)
            session = await open_session(place, "bench", None)
            return await needle(place, plan, reasons, live.show)

        work = asyncio.ensure_future(whole())
        waiting = asyncio.ensure_future(pressed.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if pressed.is_set() and not work.done():
                # STOP is out already; what remains is to see the pen still and to close the record.
                await asyncio.wait({work}, timeout=3.0)
            if not work.done():
                work.cancel()
            results = await asyncio.gather(work, return_exceptions=True)
        finally:
            waiting.cancel()
            live.end()
        unwritten = await close_session(place) if session else ""
        ending = results[0]
    if pressed.is_set() and not session:
        raise Failure("stopped by Ctrl+C before anything was started.", "interrupted")
    if pressed.is_set():
        why = f"stopped by Ctrl+C; 'devicectl sessions show {session[-8:]}' has the record."
        return report(session, plan, Ending("interrupted", why, ()), as_json)
    if isinstance(ending, BaseException):
        raise ending
    if ending.whole and unwritten:
        ending = Ending("record", unwritten, ending.reasons)
    return report(session, plan, ending, as_json)


def catch_signals(stop: Any) -> Any:
    """Ctrl+C, SIGTERM and SIGHUP are STOP first; answers the event that is then set."""
    import asyncio

    pressed = asyncio.Event()

    def press(source: str) -> None:
        stop(source)
        pressed.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, press, "Ctrl+C")
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, press, "command line")
    return pressed


def refuse_treatment(place: Any) -> None:
    """Raise :class:`Failure` while a treatment is open on the pen."""
    from .failures import Failure

    session = place.view.session if place.view is not None else None
    if session is not None and session.purpose != "bench":
        raise Failure(
            f"a treatment of {session.client} is open on this pen; close it in the dashboard first.", "session-open"
        )


async def open_session(place: Any, purpose: str, client: str | None) -> str:
    """Open a session; an abandoned bench session is closed first, a treatment never."""
    refuse_treatment(place)
    view = place.view
    if view is not None and view.session is not None:
        await place.ask("session.close")
    answer = await place.ask("session.open", purpose=purpose, client=client)
    return str(answer["session"])


def read_back(session: str) -> SessionDetail:
    """The session as the database has it."""
    from devicectl.records.reader import Reader

    with Reader() as reader:
        return reader.session(session)


def report(session: str, plan: Plan, ending: Ending, as_json: bool) -> int:
    """Print what was recorded and what went wrong, if anything did; answers the exit code."""
    from .output import badge, marks, print_json
    from .sessions import pass_rows, pass_table

    detail = read_back(session)
    code, why = ending.code, ending.why
    if not code and any(one.kind == "uncommanded" for one in detail.passes):
        code, why = "stopped", "the motor turned without a run; switch the pen off and have it checked."
    origin = detail.session.origin
    if as_json:
        result: dict[str, Any] = {"session": session, **marks(origin), "zone": plan.zone}
        result["passes"] = pass_rows(detail.passes)
        result["lowered"] = list(ending.reasons)
        if code:
            result["error"] = {"code": code, "message": why}
        print_json(result)
    else:
        for reason in ending.reasons:
            click.echo(f"lowered: {reason}")
        if detail.passes:
            pass_table(detail.passes)
        else:
            click.echo("No pass was recorded: the motor was not seen turning.")
        click.echo(f"session {session}{badge(origin)}")
    if code:
        click.echo(f"devicectl: {why}", err=True)
    return int(exit_for(code)) if code else int(Exit.DONE)
