"""``devicectl dashboard`` and ``devicectl`` alone: the screen on a station."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit
from .operator import SignIn, operator_options
from .radio import ADDRESS, radio_of, radio_option

if TYPE_CHECKING:
    from devicectl.station.client import SocketClient
    from tui.keys import Keymap


@click.command(
    cls=Command,
    examples=(
        "devicectl",
        "devicectl dashboard serial:///dev/ttyACM0",
        "devicectl dashboard --theme light --ascii",
        "devicectl dashboard --plain",
    ),
)
@click.argument("address", required=False, type=ADDRESS)
@radio_option
@click.option("--plain", is_flag=True, help="Lines of text instead of the full screen.")
@click.option(
    "--theme", type=click.Choice(["dark", "light", "contrast"]), help="Colours; remembered (key t changes them too)."
)
@click.option(
    "--ascii/--unicode",
    "ascii_only",
    default=None,
    help="Write only ASCII, or braille and blocks too; remembered. Without it the terminal's encoding decides.",
)
@click.option(
    "--sound/--no-sound", "sound", default=None, help="Alarms are heard, or not; remembered (key m changes it too)."
)
@operator_options
def dashboard(
    address: str | None, plain: bool, theme: str | None, ascii_only: bool | None, sound: bool | None, who: SignIn | None
) -> int:
    """Open the dashboard; with ADDRESS on that pen, else on the only pen with an open session, else p chooses one.

    A session that was left open (the screen was killed or left) is kept for 30 minutes: the next dashboard goes on with it.

    Every key is on the page behind ?; 'devicectl keys' prints them and says how to change them.
    """
    if plain and (theme is not None or ascii_only is not None):
        raise click.UsageError("--theme, --ascii and --unicode belong to the full screen; leave out --plain.")
    return open_dashboard(address, plain=plain, theme=theme, ascii_only=ascii_only, sound=sound, who=who)


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


def open_dashboard(
    address: str | None,
    *,
    plain: bool,
    theme: str | None = None,
    ascii_only: bool | None = None,
    sound: bool | None = None,
    who: SignIn | None = None,
) -> int:
    """Connect to the station (started if need be), open the pen if one is named, and show the screen."""
    if address is not None:
        from drivers.address import parse_address

        parse_address(address)
    if not plain:
        need_terminal()
    choices = screen_choices(theme, ascii_only, sound, keys=not plain)
    import asyncio

    from devicectl.log import set_up

    set_up()
    return asyncio.run(_show(address, plain, choices, who))


async def _show(address: str | None, plain: bool, choices: dict[str, Any], who: SignIn | None) -> int:
    import os

    from devicectl.station.client import connect

    from .output import patience

    with patience("waiting for the station ..."):
        client = await connect(f"dashboard (process {os.getpid()})", radio=radio_of(click.get_current_context()))
    try:
        if who is not None:
            await client.request("operator.sign_in", name=who.name, pin=who.pin)
        if address is not None:
            with patience("waiting for the pen ..."):
                await client.request("pen.open", address=address)
        else:
            await go_on(client)
    except BaseException:
        await client.close()
        raise
    if plain:
        from tui.book import RecordBook
        from tui.plain_terminal import show_plain

        return await show_plain(client, sound=choices["sound"], book=RecordBook())
    return await show(client, choices)


async def go_on(client: SocketClient) -> None:
    """Attach to the only pen of the station with an open session: a screen that was killed and is opened again.

    Moves nothing, and takes control only when nobody has it. With several such pens somebody must choose.
    """
    from devicectl.station.client_api import StationError

    try:
        in_session = [pen for pen in await client.request("pens.list") if pen.get("session")]
        if len(in_session) == 1:
            await client.request("pen.open", address=in_session[0]["address"])
    except StationError:
        # A pen whose link is lost at this moment: the screen opens all the same, and p has the reason.
        return


async def show(client: SocketClient, choices: dict[str, Any] | None = None) -> int:
    """Show the screen until it is left; without ``choices`` in the user's own theme and keys."""
    from tui.app import show as show_screen
    from tui.book import RecordBook

    try:
        choices = screen_choices() if choices is None else choices
    except BaseException:
        await client.close()
        raise
    code = await show_screen(client, first_run=first_run(), book=RecordBook(), **choices)
    return code if code in set(Exit) else int(Exit.FAILED)


def screen_choices(
    theme: str | None = None, ascii_only: bool | None = None, sound: bool | None = None, *, keys: bool = True
) -> dict[str, Any]:
    """Theme, characters, sound and (unless ``keys`` is false) keys for the screen; what an option chose is remembered.

    Raises :class:`Failure` when the keymap file cannot be used: no dashboard on keys that are not the user's.
    """
    import os

    from tui.settings import NAME, Settings, SettingsFile, choose, config_directory

    file = SettingsFile(config_directory() / NAME)
    saved, asked = file.load(), Settings(theme, ascii_only, sound)
    look, settings = choose(saved, asked, os.environ)
    if asked != Settings():
        problem = file.save(settings)
        if problem is not None:
            click.echo(f"devicectl: {problem}.", err=True)
    found = {"look": look, "settings": settings, "remember": file.save, "sound": settings.sound is not False}
    return {**found, "keymap": keymap()} if keys else found


def keymap() -> Keymap:
    """The keys in force. Raises :class:`Failure` when the keymap file cannot be used."""
    from tui.keys import DEFAULT
    from tui.settings import KEYMAP_NAME, config_directory

    path = config_directory() / KEYMAP_NAME
    if not path.exists():
        return DEFAULT
    from tui.keymap import KeymapError, load_keymap

    from .failures import Failure

    try:
        return load_keymap(path)
    except KeymapError as error:
        raise Failure(str(error), "bad-keymap") from error


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
