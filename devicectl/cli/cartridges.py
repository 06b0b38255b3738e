"""``devicectl cartridges``: what was used, and on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .app import Group

if TYPE_CHECKING:
    from devicectl.records.clinic import Row

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Group, examples=("devicectl cartridges list", "devicectl cartridges find --lot AB-1"))
def cartridges() -> None:
    """List registered cartridges, and find on whom a lot was used."""


@cartridges.command("list", examples=("devicectl cartridges list --limit 20", "devicectl cartridges list --json"))
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@_json
def list_command(limit: int, as_json: bool) -> None:
    """List registered cartridges, newest first."""
    from devicectl.records import clinic
    from devicectl.records.reader import Reader

    from .output import print_json

    with Reader() as reader:
        found = reader.run(lambda connection: clinic.cartridge_uses(connection, limit=limit))
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No cartridge has been registered yet.")
    else:
        _print(found)


@cartridges.command(
    "find", examples=("devicectl cartridges find --lot AB-1", "devicectl cartridges find --lot AB-1 --json")
)
@click.option("--lot", required=True, help="As printed on the package.")
@_json
def find_command(lot: str, as_json: bool) -> None:
    """Find every client on whom a cartridge of a lot was used, for a recall.

    Looks at what was registered, and at what pens read of their cartridges by themselves.
    """
    from devicectl.about import DISCLAIMER
    from devicectl.records import clinic
    from devicectl.records.reader import Reader

    from .output import badge, print_json, print_table, utc_text

    with Reader() as reader:
        uses = reader.run(lambda connection: clinic.cartridge_uses(connection, lot, 1_000_000))
        read = reader.run(lambda connection: clinic.read_cartridges(connection, lot))
    clients = sorted({row["code"] for row in (*uses, *read) if row["code"]})
    if as_json:
        print_json({"lot": lot, "disclaimer": DISCLAIMER, "clients": clients, "registered": uses, "read_by_pens": read})
        return
    if not uses and not read:
        click.echo(f"No cartridge of lot {lot} was registered or read.")
        return
    click.echo(f"Lot {lot} was used on: {', '.join(clients) or 'no client'}.")
    if uses:
        click.echo()
        _print(uses)
    if read:
        click.echo()
        print_table(
            ("read in session", "opened", "client", "type", "serial", "passes"),
            [
                (
                    row["session_id"].hex[-8:],
                    utc_text(row["opened_utc_us"]) + badge(row["origin"]),
                    row["code"] or "– (bench)",
                    row["type"],
                    row["serial"],
                    str(row["passes"]),
                )
                for row in read
            ],
            ".....r",
        )


def _print(found: list[Row]) -> None:
    from .output import badge, print_table, utc_text

    print_table(
        ("opened", "client", "session", "GTIN", "lot", "expiry", "serial", "by", ""),
        [
            (
                utc_text(row["opened_utc_us"]),
                row["code"] or "–",
                row["session_id"].hex[-8:] + badge(row["origin"]),
                row["gtin"],
                row["lot"],
                row["expiry"] or "–",
                row["serial"] or "–",
                row["entered"],
                "discarded" if row["discarded_utc_us"] else "",
            )
            for row in found
        ],
    )
