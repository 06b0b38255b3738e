"""``devicectl protocols``: what is planned by zone, with its source; those that are shipped and the clinic's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .later import LaterGroup

if TYPE_CHECKING:
    from devicectl.records.clinic import Row

    from .entering import Given, Target

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _copy_command() -> click.Command:
    from .entering import Entering

    return Entering(
        "protocol",
        "copy",
        "Copy the protocol NAME under the name NEW, changed by the options. 'Empty' is where one of your own begins.",
        (
            "devicectl protocols copy 'Dhurat 2013' 'Our vertex plan' --zones 'zone=VTX; depth_um=1.2' --operator 'Ida'",
            "devicectl protocols copy Empty 'Patches' --citation 'our own' --zones zones.json --operator 'Ida'",
        ),
        [click.Argument(["name"]), click.Argument(["new"])],
        target=_about,
        start=lambda given: _typed(library_row(given["name"])),
        fixed=lambda given: {"name": given["new"]},
        fixed_fields=frozenset({"name"}),
    ).command()


def _edit_command() -> click.Command:
    from .entering import Entering

    return Entering(
        "protocol",
        "edit",
        "Change the protocol NAME of your own: a new version; sessions and courses keep the one they were opened with.",
        (
            "devicectl protocols edit 'Our vertex plan' --zones 'zone=VTX; passes=horizontal 4' --operator 'Ida'",
            "devicectl protocols edit 'Our vertex plan' --without MID --sessions 8 --operator 'Ida'",
        ),
        [click.Argument(["name"])],
        target=_about,
        start=lambda given: _typed(library_row(given["name"])),
        fixed=lambda given: {"name": library_row(given["name"])["name"]},
        fixed_fields=frozenset({"name"}),
    ).command()


def _about(given: Given) -> Target:
    from .entering import Target

    key = library_row(given["name"])["id"]
    return Target(about=None if key is None else str(key))


def library_rows() -> list[Row]:
    """The newest version of every protocol, also where there is no database yet."""
    from devicectl.records.errors import NoDatabase
    from devicectl.records.reader import Reader
    from devicectl.treatment.library import as_row, library
    from devicectl.treatment.protocols import PROTOCOLS

    try:
        with Reader() as reader:
            return reader.run(library)
    except NoDatabase:
        return [as_row(one) for one in PROTOCOLS.values()]


def library_row(name: str) -> Row:
    """A protocol by its name. Raises `Failure`."""
    from .failures import Failure

    wanted = " ".join(name.split()).casefold()
    for row in library_rows():
        if row["name"].casefold() == wanted:
            return row
    raise Failure(f"there is no protocol '{name}'; 'devicectl protocols list' has them.", "no-such-protocol")


def _typed(row: Row) -> dict[str, str]:
    """A protocol as it would be typed."""
    from devicectl.treatment.forms import typed
    from devicectl.treatment.forms.course import PlannedZone, ProtocolEntry

    zones = tuple(
        PlannedZone(
            zone=zone["zone"],
            depth_um=zone["depth_um"],
            rate_mhz=zone["rate_mhz"],
            passes=dict(zone["passes"]),
            end_point=zone["end_point"] or "",
            seconds=zone["seconds"],
        )
        for zone in row["zones"]
    )
    return typed(
        ProtocolEntry(
            name=row["name"],
            indication=row["indication"] or "",
            citation=row["citation"],
            sessions=row["sessions"],
            min_days=row["min_days"],
            detail=row["detail"],
            zones=zones,
        )
    )


@click.group(
    cls=LaterGroup,
    later={
        "copy": ("Copy a protocol under a new name, to change it.", _copy_command),
        "edit": ("Change a protocol of your own: a new version.", _edit_command),
    },
    examples=(
        "devicectl protocols list",
        "devicectl protocols show 'Dhurat 2013'",
        "devicectl protocols copy 'Dhurat 2013' 'Our vertex plan' --operator 'Ida'",
    ),
)
def protocols() -> None:
    """List, show, copy and change protocols. They say what was done in a study, not what it brings."""


@protocols.command("list", examples=("devicectl protocols list", "devicectl protocols list --json"))
@_json
def list_command(as_json: bool) -> None:
    """List the newest version of every protocol."""
    from .output import print_json, print_table

    rows = library_rows()
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("name", "version", "indication", "zones", "sessions", "days between", ""),
            [
                (
                    row["name"],
                    str(row["version"]),
                    row["indication"] or "–",
                    " ".join(zone["zone"] for zone in row["zones"]) or "–",
                    _or_dash(row["sessions"]),
                    _or_dash(row["min_days"]),
                    "own" if row["source"] == "copy" else "",
                )
                for row in rows
            ],
            ".r..rr.",
        )


@protocols.command("show", examples=("devicectl protocols show 'Dhurat 2013'", "devicectl protocols show Empty --json"))
@click.argument("name")
@_json
def show_command(name: str, as_json: bool) -> None:
    """Show a protocol: its zones, its source, and which of its figures were not published."""
    from devicectl.treatment.protocols import PROTOCOLS

    from .output import print_json

    row = library_row(name)
    shipped = PROTOCOLS.get(row["name"])
    sources = dict(shipped.sources) if shipped is not None else {}
    if as_json:
        print_json({**row, "sources": sources})
    else:
        _show(row, sources)


def _show(row: Row, sources: dict[str, str]) -> None:
    from devicectl.treatment.vocabulary import DIRECTIONS, END_POINTS

    from .output import hz, mm, print_table

    click.echo(f"{row['name']}, version {row['version']}{', your own' if row['source'] == 'copy' else ''}")
    click.echo(f"source: {row['citation']}")
    click.echo(f"{_or_dash(row['sessions'])} sessions, at least {_or_dash(row['min_days'])} days between two")
    if row["detail"]:
        click.echo(row["detail"])
    if row["zones"]:
        click.echo()
        print_table(
            ("zone", "depth mm", "rate Hz", "passes", "end point", "time s"),
            [
                (
                    zone["zone"],
                    mm(zone["depth_um"]),
                    hz(zone["rate_mhz"]),
                    ", ".join(f"{DIRECTIONS[word].casefold()} {n}" for word, n in zone["passes"].items()) or "–",
                    END_POINTS.get(zone["end_point"] or "", "–"),
                    _or_dash(zone["seconds"]),
                )
                for zone in row["zones"]
            ],
            ".rr..r",
        )
    if sources:
        click.echo()
        print_table(
            ("figure", "where it comes from"), [(name.replace("_", " "), text) for name, text in sources.items()]
        )


def _or_dash(value: Any) -> str:
    return "–" if value is None else str(value)
