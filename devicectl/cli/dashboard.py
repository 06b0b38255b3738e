"""``devicectl dashboard`` and ``devicectl`` alone: the screen on a station."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .app import Command
from .exits import Exit
from .radio import ADDRESS, radio_of, radio_option

if TYPE_CHECKING:
    from devicectl.station.client import SocketClient


@click.command(
    cls=Command, examples=("devicectl", "devicectl dashboard serial:///dev/ttyACM0", "devicectl dashboard --plain")
)
@click.argument("address", required=False, type=ADDRESS)
@radio_option
@click.option("--plain", is_flag=True, help="Lines of text instead of the full screen.")
def dashboard(address: str | None, plain: bool) -> int:
    """Open the dashboard; with ADDRESS on that pen, else p chooses one."""
    return open_dashboard(address, plain=plain)


def has_terminal() -> bool:
    """Whether keyboard and screen are there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def need_terminal() -> None:
    """Raise :class:`Failure` without keyboard and screen."""
    from .failures import Failure

    if not has_terminal():
        raise Failure(
            "the dashboard needs a terminal; without one use 'devicectl run ADDRESS ...' or 'devicectl demo --headless'.",
            "no-terminal",
        )


def open_dashboard(address: str | None, *, plain: bool) -> int:
    """Connect to the station (started if need be), open the pen if one is named, and show the screen."""
    if address is not None:
        from drivers.address import parse_address

        parse_address(address)
    if not plain:
        need_terminal()
    import asyncio

    from devicectl.log import set_up

    set_up()
    return asyncio.run(_show(address, plain))


async def _show(address: str | None, plain: bool) -> int:
    import os

    from devicectl.station.client import connect

    from .output import patience

    with patience("waiting for the station ..."):
        client = await connect(f"dashboard (process {os.getpid()})", radio=radio_of(click.get_current_context()))
    try:
        if address is not None:
            with patience("waiting for the pen ..."):
                await client.request("pen.open", address=address)
    except BaseException:
        await client.close()
        raise
    if plain:
        from tui.plain import show_plain

        return await show_plain(client)
    return await show(client)


async def show(client: SocketClient) -> int:
    """Show the screen until it is left."""
    from tui.app import show as show_screen

    code = await show_screen(client, first_run=first_run())
    return code if code in set(Exit) else int(Exit.FAILED)


def first_run() -> bool:
    """True once for each user: the disclaimer is shown before anything else."""
    from platformdirs import user_state_path

    mark = user_state_path("devicectl", appauthor=False) / "seen"
    try:
        if mark.exists():
            return False
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        # Better shown once too often.
        return True
    return True
