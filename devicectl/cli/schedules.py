"""``devicectl schedules``: what can go wrong, as files."""

from __future__ import annotations

from typing import Any, Literal

import click

from .app import Group
from .exits import Exit


@click.group(
    cls=Group,
    examples=(
        "devicectl schedules list",
        "devicectl schedules show stuck-motor > mine.toml",
        "devicectl schedules check mine.toml --seed 7",
        "devicectl simulate pty --schedule mine.toml",
    ),
)
def schedules() -> None:
    """Schedules of faults: what goes wrong, when, how long, under which condition and how likely."""


@schedules.command("list", examples=("devicectl schedules list", "devicectl schedules list --link ble"))
@click.option("--link", type=click.Choice(["memory", "pty", "tcp", "ble"]), help="Only those that make sense there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(link: str | None, as_json: bool) -> None:
    """List the schedules that come with the program."""
    from devicectl.bench.schedule_file import gallery

    from .output import print_json, print_table

    found = {name: one for name, one in gallery().items() if link is None or link in one.links}
    if as_json:
        print_json(
            [{"name": name, "about": one.about, "must": one.must, "links": one.links} for name, one in found.items()]
        )
        return
    print_table(
        ("NAME", "WHAT HAPPENS", "LINKS"), [(name, one.about, " ".join(one.links)) for name, one in found.items()]
    )


@schedules.command("show", examples=("devicectl schedules show silence",))
@click.argument("name")
def show_command(name: str) -> None:
    """Print the file of one; a copy of it is a good beginning."""
    from devicectl.bench.schedule_file import gallery_text

    click.echo(gallery_text(name), nl=False)


@schedules.command("example", examples=("devicectl schedules example > mine.toml",))
def example_command() -> None:
    """Print a file that shows every key."""
    from devicectl.bench.schedule_file import EXAMPLE

    click.echo(EXAMPLE, nl=False)


@schedules.command("names", examples=("devicectl schedules names",))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def names_command(as_json: bool) -> None:
    """List every name that an entry may have."""
    from simulator.faults import fault_help
    from simulator.surroundings import HANDS, HAPPENINGS

    from .output import print_json, print_table

    rows = [(name.partition("=")[0], text, "pen") for name, text in fault_help()]
    for name, one in HAPPENINGS.items():
        bounds = "" if one.least is None else f"; {one.least:g} … {one.most:g}, alone {one.alone:g}"
        rows.append((name, one.text + bounds, "pen" if name in HANDS else "stack"))
    if as_json:
        print_json([{"name": name, "text": text, "where": where} for name, text, where in rows])
    else:
        print_table(("NAME", "WHAT IT DOES", "WHERE"), rows)


@schedules.command(
    "check", examples=("devicectl schedules check mine.toml", "devicectl schedules check out-of-range --link ble")
)
@click.argument("what", metavar="NAME|FILE")
@click.option("--seed", type=int, help="Chance; that of the file if not given.")
@click.option("--link", type=click.Choice(["memory", "ble"]), help="memory, or ble when the schedule needs it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_command(what: str, seed: int | None, link: str | None, as_json: bool) -> int:
    """Read a schedule, play it once on a simulated pen in virtual time, and say whether what must happen happened.

    Somebody starts a run after one second and does nothing else, unless the file says people = false.
    """
    from devicectl.bench.rehearse import rehearse
    from devicectl.bench.schedule_file import find

    from .output import print_json

    schedule = find(what)
    over: Literal["memory", "ble"] = (
        "ble" if link == "ble" or (link is None and "memory" not in schedule.links) else "memory"
    )
    if over not in schedule.links:
        raise click.UsageError(f"{what} makes no sense over {over}; it is for {', '.join(schedule.links)}.")
    if over == "memory" and schedule.of_radio is not None:
        raise click.UsageError(f"{schedule.of_radio} belongs to ble: say --link ble.")
    found = rehearse(schedule, over, seed)
    if as_json:
        print_json(found)
    else:
        _tell(found)
    return int(Exit.FAILED if found["unmet"] or found["violations"] else Exit.DONE)


def _tell(found: dict[str, Any]) -> None:
    for at, name, value, lasts in found["played"]:
        words = name if value is True else f"{name} = {value}"
        click.echo(f"{at:9.3f} s  {words}{f'  for {lasts:g} s' if lasts is not None else ''}")
    for phrase in found["expect"]:
        click.echo(f"{'MISSING' if phrase in found['unmet'] else 'ok':<8} {phrase}")
    for one in found["violations"]:
        click.echo(f"BROKEN   {one}")
