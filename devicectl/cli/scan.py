"""``devicectl scan``: which pens are there, and why each port matched or not."""

from __future__ import annotations

from typing import Any

import click

from .app import Command
from .exits import Exit


@click.command(
    cls=Command,
    examples=(
        "devicectl scan",
        "devicectl scan --explain",
        "devicectl scan --probe serial:///dev/ttyUSB0 --probe tcp://127.0.0.1:7001",
    ),
)
@click.option("--explain", is_flag=True, help="Every port, also those that did not match, with the reason.")
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="ADDRESS",
    help="Ask this port who it is, although nothing says that a pen is there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def scan(explain: bool, probes: tuple[str, ...], as_json: bool) -> int:
    """List pens. Asks only ports that are matched by USB id or named with --probe, never one that is held."""
    import asyncio

    from devicectl.station.runtime import scan_pens
    from drivers.address import parse_address
    from drivers.portlock import holdings

    from .output import print_json

    wanted = {parse_address(text).port_key for text in probes}
    held = {parse_address(h.address).port_key: h for h in holdings()}
    rows = asyncio.run(scan_pens(probes, tuple(str(h.address) for h in held.values())))
    pens = [row for row in rows if _is_pen(row)]
    if as_json:
        print_json(rows if explain or probes else pens)
    else:
        shown = rows if explain else [r for r in rows if _is_pen(r) or parse_address(r["address"]).port_key in wanted]
        _print(shown, len(rows) - len(shown))
    missed = [row for row in rows if parse_address(row["address"]).port_key in wanted and not _is_pen(row)]
    for row in missed:
        click.echo(f"devicectl: {row['held'] or row['why']}", err=True)
    if not pens and not missed:
        click.echo("devicectl: no pen was found; plug one in, or start one: devicectl simulate pty.", err=True)
    return int(Exit.NO_PEN if missed or not pens else Exit.DONE)


def _is_pen(row: dict[str, Any]) -> bool:
    return bool(row.get("matched"))


def _print(rows: list[dict[str, Any]], hidden: int) -> None:
    for row in rows:
        mark = "pen  " if _is_pen(row) else "no   "
        badge = "  SIMULATED" if row["simulated"] else ""
        click.echo(f"{mark}{row['address']}  {row['name']}{badge}".rstrip())
        click.echo(f"       {row['why']}")
        if row["held"]:
            click.echo(f"       held: {row['held']}")
    if hidden:
        ports = "port that is no pen" if hidden == 1 else "ports that are no pens"
        click.echo(f"({hidden} more {ports} known here: --explain shows why.)")
