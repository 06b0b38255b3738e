"""``devicectl monitor``: all pens at once, as a screen, a table, or a stream of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit
from .radio import ADDRESS, radio_of, radio_option

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from devicectl.bench.monitor import Row
    from devicectl.station.client import SocketClient

SORT = ("worst", "pen", "address", "depth", "rate", "temp", "age", "loss")
SHOW = ("all", "trouble", "turning", "still")
OPEN_AT_ONCE = 8
LOOK_S = 5.0
"""How often simulated pens are looked for that were started meanwhile."""
FIRST_S = 10.0
"""How long ``--once`` waits until every pen that was opened has said something."""


@click.command(
    cls=Command,
    examples=(
        "devicectl monitor                              what runs here, simulated pens included",
        "devicectl monitor serial:///dev/ttyACM0 serial:///dev/ttyACM1",
        "devicectl monitor --sort temp --filter trouble",
        "devicectl monitor --once",
        "devicectl monitor --json                       one snapshot a second, each on a line",
    ),
)
@click.argument("addresses", nargs=-1, type=ADDRESS, metavar="[ADDRESS]...")
@click.option("--sort", type=click.Choice(SORT), default="worst", show_default=True, help="The order of the table.")
@click.option(
    "--filter", "show", type=click.Choice(SHOW), default="all", show_default=True, help="Which pens are shown."
)
@click.option(
    "--only",
    "text",
    default="",
    metavar="TEXT",
    help="Only pens in whose address, serial number, model or state it stands.",
)
@click.option("--no-open", is_flag=True, help="Do not open the simulated pens that run here.")
@click.option("--once", is_flag=True, help="Print one table (or with --json one object) and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a second, each on a line.")
@radio_option
@click.pass_context
def monitor(
    ctx: click.Context, /, addresses: tuple[str, ...], once: bool, as_json: bool, no_open: bool, **choices: Any
) -> int:
    """Show every pen that the station holds, the worst first.

    Simulated pens that run here are opened for it, others only when they are named. Nothing is moved and no control taken:
    who controls a pen keeps it. SPACE and F9 STOP all pens. Pens that were opened stay with the station.

    Keys: s and S change the order, f and F what is shown, arrows and pages move, c forgets pens that are gone, q leaves.
    """
    import asyncio

    from .dashboard import has_terminal
    from .failures import Failure

    if not (once or as_json or has_terminal()):
        raise Failure("the monitor needs a terminal; without one use --json or --once.", "no-terminal")
    choices.pop("radio", None)
    return asyncio.run(_monitor(addresses, radio_of(ctx), not no_open, once, as_json, choices))


async def _monitor(
    addresses: tuple[str, ...], radio: str, look: bool, once: bool, as_json: bool, choices: dict[str, Any]
) -> int:
    import asyncio
    import os

    from devicectl.station.client import connect

    from .output import patience

    with patience("waiting for the station ..."):
        client = await connect(f"monitor (process {os.getpid()})", radio=radio)
    try:
        opening = asyncio.create_task(_open(client, addresses, look, once))
        if once:
            with patience("waiting for the pens ..."):
                problems = await opening
            rows = await _settled(client)
            _print(rows, as_json, choices)
            return int(Exit.NO_PEN if problems or not rows else Exit.DONE)
        if as_json:
            return await _until_ended(_stream(client, opening, choices))
        from tui.monitor import show_monitor

        try:
            return await show_monitor(client, **_look(), **choices)
        finally:
            opening.cancel()
    finally:
        await client.close()


async def _until_ended(stream: Coroutine[Any, Any, None]) -> int:
    """Until the stream ends, or a signal ends it, also where the shell had SIGINT ignored."""
    import asyncio

    from .run import catch_signals

    pressed = catch_signals(lambda source: None)
    work, waiting = asyncio.ensure_future(stream), asyncio.ensure_future(pressed.wait())
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return int(Exit.INTERRUPTED)
        work.result()
        return int(Exit.DONE)
    finally:
        waiting.cancel()


def _look() -> dict[str, Any]:
    from .dashboard import screen_choices

    return {"look": screen_choices(keys=False)["look"]}


async def _open(client: SocketClient, addresses: tuple[str, ...], look: bool, once: bool) -> list[str]:
    """Have the station hold what is to be seen; answers sentences about what could not be opened, and says them.

    Goes on looking for simulated pens unless ``once``.
    """
    import asyncio

    from devicectl.station.client_api import StationError

    gate, problems = asyncio.Semaphore(OPEN_AT_ONCE), []

    async def one(address: str, named: bool) -> None:
        async with gate:
            try:
                await client.request("pen.open", address=address, watch=True)
            except StationError as error:
                if named:
                    problems.append(str(error))
                    click.echo(f"devicectl: {error}", err=True)

    wanted = [(address, True) for address in addresses]
    while True:
        if look:
            found = await client.request("pens.scan", bluetooth=False)
            wanted += [
                (row["address"], False) for row in found if row["simulated"] and row["address"] and not row["held"]
            ]
        await asyncio.gather(*(one(address, named) for address, named in wanted))
        if once or not look:
            return problems
        wanted = []
        await asyncio.sleep(LOOK_S)


def _heard(pen: dict[str, Any]) -> bool:
    if pen["link"] != "up":
        return True
    return (
        pen["sample_age_s"] is not None
        and pen["temperature_cc"] is not None
        and not pen["settling"]
        and pen["motion"] != "unknown"
    )


async def _settled(client: SocketClient) -> list[Row]:
    """The rows once every pen has been heard, or has had time to be."""
    import asyncio

    from devicectl.bench.monitor import Monitor

    loop, rows = asyncio.get_running_loop(), Monitor()
    end = loop.time() + FIRST_S
    while True:
        pens = await client.request("pens.list")
        if all(map(_heard, pens)) or loop.time() > end:
            return rows.take(pens, loop.time())
        await asyncio.sleep(0.1)


async def _stream(client: SocketClient, opening: Any, choices: dict[str, Any]) -> None:
    """A snapshot a second until the reader has gone, the station ends, or Ctrl+C."""
    import asyncio

    from devicectl.bench.monitor import Monitor

    loop, kept = asyncio.get_running_loop(), Monitor()
    due = loop.time()
    try:
        while True:
            if opening.done():
                opening.result()
            kept.take(await client.request("pens.list"), loop.time())
            _print(kept.rows, True, choices)
            due = max(due + 1.0, loop.time())
            await asyncio.sleep(due - loop.time())
    finally:
        opening.cancel()


def _print(rows: list[Row], as_json: bool, choices: dict[str, Any]) -> None:
    import json
    import time

    from devicectl.bench.monitor import chosen, summary

    shown = chosen(rows, choices["sort"], choices["show"], choices["text"])
    if as_json:
        from .output import marks, plain

        told = summary(rows)
        origin = "simulated" if told["simulated"] == told["pens"] else "hardware" if not told["simulated"] else "mixed"
        found = {"at": round(time.time(), 3), **marks(origin), "summary": told, "pens": shown}
        click.echo(json.dumps(found, default=plain, ensure_ascii=False))
        return
    from .output import hz, mm, print_table

    head = ("pen", "address", "state", "mm", "Hz", "°C", "age", "lost")
    print_table(
        head,
        [
            (
                row.name,
                row.address,
                row.state + (" SIMULATED" if row.simulated else ""),
                mm(row.depth_um),
                hz(row.rate_mhz),
                "–" if row.temperature_cc is None else f"{row.temperature_cc / 100:.1f}",
                "–" if row.age_s is None else f"{row.age_s:.2f} s",
                str(row.lost),
            )
            for row in shown
        ],
        "lllrrrrr",
    )
    told = summary(rows)
    click.echo(f"{told['pens']} pens, {told['turning']} turning, {told['trouble']} need a look")
