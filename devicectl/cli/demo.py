"""``devicectl demo``: everything at work on a pen that is not there, in the dashboard or as a script."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from .app import Command
from .exits import Exit, exit_for
from .operator import SignIn, operator_options

if TYPE_CHECKING:
    from devicectl.station.client_api import StationClient
    from devicectl.station.views import PenView

    from .pens import Seat

CLIENT: Final = "TRAIN-1"
TRAINEE: Final = "Training"
TRAINEE_PIN: Final = "demo 2580"
"""Known to everybody: this operator is only ever made in a database for demonstrations."""
STEPS: Final = (("FRL", 500, 90_000), ("MID", 1_000, 110_000), ("VTX", 750, 100_000))
"""Zone, needle protrusion in µm and stroke rate in mHz of the three passes."""
OVERHEAD_S: Final = 0.9
"""What setting up, starting and running down takes for each zone."""


@click.command(
    cls=Command,
    examples=("devicectl demo", "devicectl demo --headless --seconds 20", "devicectl demo --seed 7"),
)
@click.option("--headless", is_flag=True, help="A scripted treatment of three zones as text, without the dashboard.")
@click.option(
    "--seconds", default=20.0, show_default=True, type=click.FloatRange(6, 600), help="How long the script takes."
)
@click.option(
    "--seed", type=click.IntRange(0), help="Chance of the simulated pen, and its serial; else another each time."
)
@operator_options
def demo(headless: bool, seconds: float, seed: int | None, who: SignIn | None) -> int:
    """Start a simulated pen on a pseudo-terminal and open the dashboard on it (a session of training client TRAIN-1).

    Without a terminal it runs the script. Records into demo.db of your data folder and signs in an operator of its own
    there, Training; where DEVICECTL_DATABASE names another database, name one of its operators (--operator).
    """
    import asyncio

    from devicectl.log import set_up

    from .dashboard import has_terminal

    set_up()
    if not headless and not has_terminal():
        click.echo("There is no terminal here, so the scripted session runs without the dashboard.")
        headless = True
    ours, database = demo_database()
    # Another pen each time: its cartridge was used in the demonstration before, and such a one is refused.
    with simulated_pen(secrets.randbelow(10_000) if seed is None else seed) as address:
        click.echo(f"Simulated pen at {address}, database {database}.")
        if ours:
            click.echo(f"Signed in as {TRAINEE}; the PIN is '{TRAINEE_PIN}'.")
        if headless:
            return asyncio.run(_script(address, database, seconds, who, ours))
        return asyncio.run(_dashboard(address, database, who, ours))


async def _sign_in(client: StationClient, who: SignIn | None, ours: bool) -> None:
    """The operator of our own database, who is made first if need be; in another one whoever was named."""
    from .failures import Failure

    if ours:
        if not await client.request("operator.list", retired=True):
            await client.request("operator.add", name=TRAINEE, role="administrator", pin=TRAINEE_PIN)
        await client.request("operator.sign_in", name=TRAINEE, pin=TRAINEE_PIN)
    elif who is not None:
        await client.request("operator.sign_in", name=who.name, pin=who.pin)
    else:
        raise Failure(
            "a treatment needs an operator of this database; name one with --operator (the first: "
            "devicectl operators add NAME), or unset DEVICECTL_DATABASE.",
            "no-operator",
        )


async def _fill_in(client: StationClient, pen: PenView) -> None:
    """What a treatment needs before its first START, as for somebody who has nothing."""
    from devicectl.treatment.rehearsal import before

    for form, values in before(pen.cartridge_lot, pen.cartridge_serial, pen.cartridge_expiry).items():
        await client.request("form.submit", form=form, values=dict(values))
    click.echo("Filled in for rehearsal: consent, checklist, cartridge, skin, daily check.")


def demo_database() -> tuple[bool, str]:
    """The configured database when the environment names one, else (True) a database for demonstrations only."""
    from devicectl.records.location import VARIABLE, locate

    if os.environ.get(VARIABLE, "").strip():
        return False, str(locate().path)
    from platformdirs import user_data_path

    path = str(locate(user_data_path("devicectl", appauthor=False) / "demo.db").path)
    os.environ[VARIABLE] = path
    return True, path


@contextmanager
def simulated_pen(seed: int) -> Iterator[str]:
    """A simulator in a process of its own; gives its address, ends it afterwards."""
    import subprocess
    import sys

    from devicectl.station.client import SECRETS

    from .failures import Failure

    command = [sys.executable, "-P", "-m", "devicectl", "simulate", "pty", "--seed", str(seed), "--with-parent"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in SECRETS},
        # Ctrl+C goes to the whole group of the terminal: the pen must live on to be stopped.
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            words = process.stderr.read().strip().splitlines()
            raise Failure(
                words[-1].removeprefix("devicectl: ") if words else "the simulated pen did not start.", "no-pen"
            )
        yield address
    finally:
        process.terminate()
        try:
            process.wait(3.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


async def _dashboard(address: str, database: str, who: SignIn | None, ours: bool) -> int:
    import asyncio

    from devicectl.station.client import connect
    from devicectl.station.client_api import StationError
    from devicectl.station.views import PenView, from_json

    from .dashboard import show
    from .driving import close_session
    from .failures import Failure
    from .pens import seat

    client = await connect(f"demo (process {os.getpid()})", database)
    try:
        await _sign_in(client, who, ours)
        opened = await client.request("pen.open", address=address)
        await client.request("session.open", purpose="treatment", client=CLIENT)
        await _fill_in(client, from_json(PenView, opened["pen"]))
        # A pen starts at 0 mm; a visitor should not have to press a key twenty times before anything can be seen.
        await client.request("setpoint", depth_um=STEPS[1][1], rate_mhz=STEPS[1][2])
    except BaseException:
        await client.close()
        raise
    code = await show(client)
    async with seat("demo", database) as place:
        # The screen is gone and the pen goes next: nothing may be left that waits for it. The station may still be
        # hearing that the screen has gone, or watching the pen come to rest.
        for last in (False, False, False, True):
            try:
                if await place.known(address) is not None:
                    await _sign_in(place.client, who, ours)
                    await place.open(address)
                    await close_session(place)
                    place.opened = True
                break
            except (Failure, StationError):
                if last:
                    raise
                await asyncio.sleep(1.0)
    click.echo(f"What was recorded: DEVICECTL_DATABASE={shlex.quote(database)} devicectl sessions show last")
    return code


async def _script(address: str, database: str, seconds: float, who: SignIn | None, ours: bool) -> int:
    import asyncio

    from .driving import close_session
    from .pens import seat
    from .run import catch_signals, open_session

    async with seat("demo", database) as place:
        pressed = catch_signals(place.client.stop_now)
        await _sign_in(place.client, who, ours)
        await place.open(address)
        await place.fresh()
        session = await open_session(place, "treatment", CLIENT)
        assert place.view is not None
        assert place.view.pen is not None
        await _fill_in(place.client, place.view.pen)
        work = asyncio.ensure_future(_treat(place, seconds))
        waiting = asyncio.ensure_future(pressed.wait())
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if pressed.is_set():
            await asyncio.wait({work}, timeout=3.0)
        work.cancel()
        waiting.cancel()
        result = (await asyncio.gather(work, return_exceptions=True))[0]
        unwritten = await close_session(place)
    _print(session)
    if pressed.is_set():
        click.echo("devicectl: stopped by Ctrl+C; what had been done is in the database.", err=True)
        return int(Exit.INTERRUPTED)
    if isinstance(result, BaseException):
        raise result
    if result == Exit.DONE and unwritten:
        click.echo(f"devicectl: {unwritten}", err=True)
        return int(Exit.RECORD)
    return result


async def _treat(place: Seat, seconds: float) -> int:
    from .driving import Plan, drive
    from .output import LiveLine

    live = LiveLine()
    each = max(0.5, seconds / len(STEPS) - OVERHEAD_S)
    for number, (zone, depth, rate) in enumerate(STEPS, 1):
        click.echo(f"{number} of {len(STEPS)}: {zone}  {depth / 1000:.2f} mm  {rate / 1000:.0f} Hz  {each:.1f} s")
        ending = await drive(place, Plan(zone, depth, rate, each, lower=True), live.show)
        live.end()
        if not ending.whole:
            click.echo(f"devicectl: {ending.why}", err=True)
            return int(exit_for(ending.code))
    return int(Exit.DONE)


def _print(session: str) -> None:
    """What the database holds now."""
    from devicectl.records.reader import Reader

    from .session_text import show_detail

    with Reader() as reader:
        count = len(reader.sessions(10_000))
        detail = reader.session(session)
    click.echo()
    click.echo(f"The database holds {count} session{'s' if count != 1 else ''}; the one of just now:")
    click.echo()
    show_detail(detail)
