"""``devicectl station``: the process that owns the pens, in the foreground, or the end of the one that runs."""

from __future__ import annotations

import click

from .app import Command


@click.command(
    cls=Command,
    examples=(
        "devicectl station                 until Ctrl+C or SIGTERM",
        "devicectl station --end           ends the one that runs",
    ),
)
@click.option("--on-demand", is_flag=True, help="End by itself when nobody needs it (how other commands start it).")
@click.option("--end", is_flag=True, help="Ask the station that runs to end: pens stopped, record closed.")
def station(on_demand: bool, end: bool) -> int:
    """Run the station of the database (DEVICECTL_DATABASE) in the foreground.

    Nobody has to: every command that needs a station starts one.
    """
    if end:
        return _end()
    import asyncio

    from devicectl.log import set_up
    from devicectl.records.location import locate
    from devicectl.station.runtime import run_station

    set_up()
    if not on_demand:
        click.echo(f"Station for {locate().path}; Ctrl+C ends it.", err=True)
    return asyncio.run(run_station(None, on_demand=on_demand))


def _end() -> int:
    import os
    import signal
    import time

    from devicectl.records.location import locate
    from devicectl.records.lock import station_of

    from .failures import Failure

    where = locate()
    found = station_of(where)
    if found is None:
        click.echo("No station runs for this database.")
        return 0
    pid = found.get("pid")
    if not isinstance(pid, int) or pid <= 1:
        raise Failure("a station runs, but its lock file does not say which process; end it yourself.", "no-pid")
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise Failure(f"the station (process {pid}) belongs to another user; end it there.", "not-yours") from None
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        if station_of(where) is None:
            click.echo(f"The station (process {pid}) has ended.")
            return 0
        time.sleep(0.05)
    raise Failure(
        f"the station (process {pid}) did not end within 10 s; 'devicectl stop' still stops its pens, then kill it.",
        "station-silent",
    )
