"""``devicectl audit``: was the record tampered with?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .app import Group
from .exits import Exit

if TYPE_CHECKING:
    from devicectl.access.verify import Verdict


@click.group(cls=Group, examples=("devicectl audit verify", "devicectl audit head", "devicectl audit list --last 50"))
def audit() -> None:
    """Verify the record, show its anchor, list what was entered."""


@audit.command(
    "verify", examples=("devicectl audit verify", "devicectl audit verify --anchor STATION:NUMBER:HASH --json")
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="ANCHOR",
    help="An anchor that was kept elsewhere (on a report, by 'audit head'); may be given several times.",
)
@click.option("--quick", is_flag=True, help="Leave out what signatures cover.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(anchors: tuple[str, ...], quick: bool, as_json: bool) -> int:
    """Compare the audit chain, every row it speaks of, and every signature; also while a station writes.

    Exit code 4 when anything was edited, deleted, swapped, put in or cut off. What was cut off at the end of the chain
    together with its rows, or written anew with the keys, is found only with an anchor from outside.
    """
    from devicectl.access.verify import verify_record
    from devicectl.records.audit import Anchor
    from devicectl.records.location import locate

    from .output import print_json

    try:
        kept = [Anchor.parse(one) for one in anchors]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--anchor'") from error
    verdict = verify_record(locate(), kept, quick=quick)
    if as_json:
        print_json(
            {
                "sound": verdict.sound,
                "entries": verdict.entries,
                "rows": verdict.rows,
                "signatures": verdict.signatures,
                "anchor": str(verdict.head),
                "damages": verdict.damages,
            }
        )
    else:
        _say(verdict, quick)
    if verdict.sound:
        return int(Exit.DONE)
    click.echo(f"devicectl: {verdict.damages[0].text}", err=True)
    return int(Exit.RECORD)


def _say(verdict: Verdict, quick: bool) -> None:
    for one in verdict.damages:
        click.echo(f"{one.kind:<16} {one.text}")
    counted = f"{verdict.entries} audit entries and the {verdict.rows} rows they speak of"
    if not verdict.sound:
        click.echo(f"Sound up to here: {verdict.entries} audit entries.")
        return
    signed = (
        "signatures were left out"
        if quick
        else f"{verdict.signatures} signature{'s hold' if verdict.signatures != 1 else ' holds'}"
    )
    click.echo(f"{counted} are as they were written; {signed}.")
    click.echo(f"Anchor: {verdict.head}")


@audit.command("head", examples=("devicectl audit head", "devicectl audit head >> /media/stick/anchors.txt"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def head_command(as_json: bool) -> None:
    """Print the anchor: station, number and hash of the newest audit entry. Needs no keys.

    Keep it outside this computer: with it `audit verify` finds an end that was cut off, and a chain that was written anew.
    """
    from devicectl.records.audit import anchor
    from devicectl.records.reader import Reader

    from .output import print_json

    with Reader() as reader:
        at = reader.run(anchor)
    if as_json:
        print_json({"anchor": str(at), "station": at.station.hex, "seq": at.seq, "hash": at.hash.hex()})
    else:
        click.echo(str(at))


@audit.command("list", examples=("devicectl audit list", "devicectl audit list --table consents --json"))
@click.option("--last", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many, newest last.")
@click.option("--table", metavar="NAME", help="Only entries about this table.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(last: int, table: str | None, as_json: bool) -> None:
    """List what was entered, by whom and when."""
    from devicectl.records.chain_check import newest_entries
    from devicectl.records.reader import Reader

    from .output import print_json, print_table, utc_text

    with Reader() as reader:
        lines = reader.run(lambda connection: newest_entries(connection, last, table))
    if as_json:
        print_json(lines)
    elif not lines:
        click.echo("Nothing was entered yet.")
    else:
        rows = [
            [str(one.seq), utc_text(one.at_utc_us), one.operator or "–", one.action, one.table, one.row[-8:]]
            for one in lines
        ]
        print_table(["No.", "When", "Who", "Action", "Table", "Row"], rows, right="r")
