"""``devicectl simulate``: a pen that is not there, as a process of its own."""

from __future__ import annotations

import click

from .app import Command

PROFILES = ("reference", "fixed-117", "vary-150")


@click.command(
    cls=Command,
    examples=(
        "devicectl simulate pty",
        "devicectl simulate tcp --port 7001 --profile vary-150",
        "devicectl simulate pty --fault drop=0.05 --fault stall@5s",
        "devicectl simulate pty --console          type: button, press 1.5, fault stall, state, quit",
    ),
)
@click.argument("kind", type=click.Choice(["pty", "tcp"]))
@click.option(
    "--profile", default="reference", show_default=True, metavar="NAME", help=f"Which pen: {', '.join(PROFILES)}."
)
@click.option("--seed", default=0, show_default=True, help="Chance of the simulation.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="TEXT",
    help="NAME, NAME=VALUE, NAME@5s or NAME=VALUE@5s+2s; may be repeated.",
)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="TCP port; 0 takes a free one.")
@click.option("--console", is_flag=True, help="Take commands from standard input.")
@click.option("--unpaced", is_flag=True, help="No 115,200 Bd pacing (for measurements).")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the process that started it ends.")
def simulate(
    kind: str,
    profile: str,
    seed: int,
    faults: tuple[str, ...],
    port: int,
    console: bool,
    unpaced: bool,
    with_parent: bool,
) -> None:
    """Start a simulated pen. The first line is its address; it runs until Ctrl+C or SIGTERM.

    KIND is pty (a pseudo-terminal, like a serial port) or tcp.
    """
    if port and kind != "tcp":
        raise click.UsageError("--port belongs to tcp: devicectl simulate tcp --port 7001.")
    import asyncio
    import os
    from typing import Literal, cast

    from simulator.faults import parse_faults
    from simulator.serve import serve

    plan = parse_faults(faults)

    async def until_orphaned(parent: int) -> None:
        while os.getppid() == parent:
            await asyncio.sleep(0.5)

    async def run() -> None:
        pen = asyncio.ensure_future(
            serve(
                cast(Literal["pty", "tcp"], kind),
                profile=profile,
                seed=seed,
                faults=plan,
                port=port,
                console=console,
                paced=not unpaced,
                emit=lambda line: print(line, flush=True),
            )
        )
        watched = {pen}
        if with_parent:
            watched.add(asyncio.ensure_future(until_orphaned(os.getppid())))
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for task in watched - {pen}:
            task.cancel()
        if pen.done():
            await pen
        else:
            pen.cancel()
            await asyncio.gather(pen, return_exceptions=True)

    asyncio.run(run())
