"""``devicectl scan``: which pens are there, and why each port matched or not."""

from __future__ import annotations

from typing import Any

import click

from .app import Command
from .exits import Exit
from .radio import radio_of, radio_option


@click.command(
    cls=Command,
    examples=(
        "devicectl scan",
        "devicectl scan --explain",
        "devicectl scan --probe serial:///dev/ttyUSB0 --probe tcp://127.0.0.1:7001",
    ),
)
@click.option("--explain", is_flag=True, help="Every port and device, also those that did not match, with the reason.")
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="ADDRESS",
    help="Ask this port who it is, although nothing says that a pen is there.",
)
@click.option("--no-bluetooth", is_flag=True, help="Do not listen for pens on the air (which takes 2 s).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@radio_option
@click.pass_context
def scan(ctx: click.Context, explain: bool, probes: tuple[str, ...], no_bluetooth: bool, as_json: bool) -> int:
    """List pens on ports and on the air, with the signal of the latter.

    Asks only ports that are matched by USB id or named with --probe, never one that is held. Nobody on the air is
    connected to unless named.
    """
    import asyncio

    from drivers.address import parse_address

    from .output import print_json
    from .radio import on_radio

    radio = radio_of(ctx)
    probes = tuple(on_radio(text, radio) for text in probes)
    wanted = {parse_address(text).port_key for text in probes}
    rows = asyncio.run(_rows(probes, None if no_bluetooth else radio))
    pens = [row for row in rows if _is_pen(row)]
    if as_json:
        print_json(rows if explain or probes else pens)
    else:
        shown = rows if explain else [r for r in rows if _is_pen(r) or _key(r) in wanted]
        _print(shown, len(rows) - len(shown))
    missed = [row for row in rows if _key(row) in wanted and not _is_pen(row)]
    for row in missed:
        click.echo(f"devicectl: {row['held'] or row['why']}", err=True)
    if not pens and not missed:
        deaf = next((f" {row['why']}" for row in rows if not row["address"]), "")
        click.echo(
            f"devicectl: no pen was found; plug one in, switch one on, or start one: devicectl simulate pty.{deaf}",
            err=True,
        )
    return int(Exit.NO_PEN if missed or not pens else Exit.DONE)


async def _rows(probes: tuple[str, ...], radio: str | None) -> list[dict[str, Any]]:
    """From the station if one runs, which knows when not to listen; else by ourselves."""
    from devicectl.records.errors import RecordError
    from devicectl.station.client import connect
    from devicectl.station.client_api import StationError
    from devicectl.station.scanning import scan_pens
    from drivers.portlock import holdings

    from .output import patience

    with patience("looking for pens ..."):
        try:
            client = await connect("scan", start=False)
        except (StationError, RecordError):
            return await scan_pens(probes, tuple(holding.address for holding in holdings()), radio)
        try:
            rows: list[dict[str, Any]] = await client.request(
                "pens.scan", probe=probes, bluetooth=radio is not None, radio=radio or ""
            )
            return rows
        finally:
            await client.close()


def _key(row: dict[str, Any]) -> str:
    from drivers.address import parse_address

    return parse_address(row["address"]).port_key if row["address"] else ""


def _is_pen(row: dict[str, Any]) -> bool:
    return bool(row.get("matched"))


def _print(rows: list[dict[str, Any]], hidden: int) -> None:
    for row in rows:
        mark = "pen  " if _is_pen(row) else "no   "
        badge = "  SIMULATED" if row["simulated"] else ""
        signal = f"  {row['rssi']} dBm" if row["rssi"] is not None else ""
        click.echo(
            f"{mark}{row['address'] or row['name']}  {row['name'] if row['address'] else ''}{badge}{signal}".rstrip()
        )
        click.echo(f"       {row['why']}")
        if row["held"]:
            click.echo(f"       held: {row['held']}")
    if hidden:
        what = "port or device that is no pen" if hidden == 1 else "ports and devices that are no pens"
        click.echo(f"({hidden} more {what} known here: --explain shows why.)")
