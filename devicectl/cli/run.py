"""``devicectl run``: an explicit start of one zone for some seconds, recorded with purpose bench."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit
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

    from .driving import close_session, drive, refuse_latched
    from .failures import Failure
    from .output import LiveLine
    from .pens import seat

    live = LiveLine(not as_json)
    async with seat("run") as place:
        pressed = catch_signals(place.client.stop_now)
        await place.open(address, take=take)
        await place.fresh()
        refuse_latched(place)
        session = await open_session(place, "bench", None)
        work = asyncio.ensure_future(drive(place, plan, live.show))
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
        await close_session(place)
        ending = results[0]
    if pressed.is_set():
        return report(session, plan, None, as_json, "interrupted", Exit.INTERRUPTED)
    if isinstance(ending, Failure):
        raise ending
    if isinstance(ending, BaseException):
        raise ending
    if not ending.whole:
        return report(session, plan, ending, as_json, "stopped", Exit.FAILED)
    return report(session, plan, ending, as_json, "", Exit.DONE)


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


async def open_session(place: Any, purpose: str, client: str | None) -> str:
    """Open a session; an abandoned bench session is closed first, a treatment never."""
    from .failures import Failure

    view = place.view
    if view is not None and view.session is not None:
        if view.session.purpose != "bench":
            raise Failure(
                f"a treatment of {view.session.client} is open on this pen; close it in the dashboard first.",
                "session-open",
            )
        await place.ask("session.close")
    answer = await place.ask("session.open", purpose=purpose, client=client)
    return str(answer["session"])


def read_back(session: str) -> SessionDetail:
    """The session as the database has it."""
    from devicectl.records.reader import Reader

    with Reader() as reader:
        return reader.session(session)


def report(session: str, plan: Plan, ending: Ending | None, as_json: bool, code: str, number: Exit) -> int:
    """Print what was recorded, and, with ``code``, what went wrong."""
    from .output import print_json
    from .sessions import pass_rows, pass_table

    detail = read_back(session)
    why = (
        f"stopped by Ctrl+C; 'devicectl sessions show {session[-8:]}' has the record." if ending is None else ending.why
    )
    if as_json:
        result: dict[str, Any] = {"session": session, "zone": plan.zone, "passes": pass_rows(detail.passes)}
        result["lowered"] = list(ending.reasons) if ending is not None else []
        if code:
            result["error"] = {"code": code, "message": why}
        print_json(result)
    else:
        for reason in ending.reasons if ending is not None else ():
            click.echo(f"lowered: {reason}")
        if detail.passes:
            pass_table(detail.passes)
        else:
            click.echo("No pass was recorded: the motor was not seen turning.")
        click.echo(f"session {session}")
    if code == "stopped":
        click.echo(f"devicectl: the run did not last as long as asked: {why}", err=True)
    elif code:
        click.echo(f"devicectl: {why}", err=True)
    return int(number)
