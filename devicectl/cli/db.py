"""``devicectl db``: where the database is, whether it is sound, a copy of it."""

from __future__ import annotations

import click

from .app import Group
from .exits import Exit


@click.group(cls=Group, examples=("devicectl db path", "devicectl db check", "devicectl db backup today.db"))
def db() -> None:
    """Path, check and backup of the database (DEVICECTL_DATABASE names another one)."""


@db.command("path", examples=("devicectl db path",))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def path_command(as_json: bool) -> None:
    """Print where the database is."""
    from devicectl.records.location import locate

    from .output import print_json

    where = locate()
    if as_json:
        print_json({"path": str(where.path), "source": where.source, "exists": where.path.exists()})
    else:
        click.echo(str(where.path))


@db.command("check", examples=("devicectl db check", "devicectl db check --quick"))
@click.option("--quick", is_flag=True, help="Leave out the index check and the telemetry blocks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_command(quick: bool, as_json: bool) -> int:
    """Check the database, also while a station writes."""
    from devicectl.records.check import check_database
    from devicectl.records.location import locate

    from .output import print_json

    where = locate()
    items = check_database(where, full=not quick)
    sound = all(item.ok for item in items)
    if as_json:
        print_json({"path": str(where.path), "sound": sound, "items": items})
    else:
        click.echo(str(where.path))
        for item in items:
            click.echo(f"{item.level:<8} {item.name:<11} {item.text}")
    if sound:
        return int(Exit.DONE)
    first = next(item for item in items if not item.ok)
    click.echo(f"devicectl: {first.text}", err=True)
    return int(Exit.RECORD)


@db.command("backup", examples=("devicectl db backup /media/stick/devicectl-monday.db",))
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup_command(file: str, as_json: bool) -> None:
    """Copy the database to FILE, checked, also while a station writes. An existing file is not overwritten."""
    from pathlib import Path

    from devicectl.records.reader import Reader

    from .output import print_json

    with Reader() as reader:
        target = reader.backup(Path(file).expanduser().absolute())
    size = target.stat().st_size
    if as_json:
        print_json({"file": str(target), "bytes": size})
    else:
        click.echo(f"{target} holds a checked copy ({size / 1e6:.1f} MB).")
