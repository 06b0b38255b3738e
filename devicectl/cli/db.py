"""``devicectl db``: where the database is, whether it is sound, a copy of it and of its keys."""

from __future__ import annotations

import click

from .app import Group
from .exits import Exit


@click.group(cls=Group, examples=("devicectl db path", "devicectl db check", "devicectl db backup today.db"))
def db() -> None:
    """Path, check and backup of the database and its keys (DEVICECTL_DATABASE names another one)."""


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
        click.echo("The keys are not in it: 'devicectl db backup-keys FILE' copies them, for another place.")


@db.command("backup-keys", examples=("devicectl db backup-keys /media/stick/devicectl-keys",))
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup_keys_command(file: str, as_json: bool) -> None:
    """Copy the keys of the database to FILE under a passphrase. Without keys the names and notes of clients are lost.

    Make a new one after clients were added or erased, and destroy the old one after an erasure: it still opens what was
    erased. Keep it apart from backups of the database.
    """
    from pathlib import Path

    from devicectl.access.key_backup import save
    from devicectl.access.vault import FolderVault
    from devicectl.records.location import locate

    from .output import print_json

    target = Path(file).expanduser().absolute()
    clients = save(FolderVault(locate().keys_path), target, _passphrase(new=True))
    if as_json:
        print_json({"file": str(target), "clients": clients})
    else:
        click.echo(
            f"{target} holds the keys of the station and of {clients} client{'' if clients == 1 else 's'}, under your passphrase."
        )


@db.command("restore-keys", examples=("devicectl db restore-keys /media/stick/devicectl-keys",))
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore_keys_command(file: str, as_json: bool) -> None:
    """Put back from FILE the keys that are missing beside the database. Keys of erased clients stay away."""
    from pathlib import Path

    from devicectl.access.opening import restore_keys
    from devicectl.records.location import locate

    from .output import print_json

    where = locate()
    put = restore_keys(where, Path(file).expanduser().absolute(), _passphrase(new=False))
    if as_json:
        print_json({"folder": str(where.keys_path), "files": put})
    elif put:
        click.echo(f"{len(put)} key files were put back into {where.keys_path}.")
    else:
        click.echo(f"No key was missing in {where.keys_path}.")


def _passphrase(new: bool) -> str:
    """From DEVICECTL_PASSPHRASE, or asked for; twice when it is ``new``."""
    import os
    import sys

    from .failures import Failure

    given = os.environ.get("DEVICECTL_PASSPHRASE")
    if given:
        return given
    if not sys.stdin.isatty():
        raise Failure("There is no terminal to ask for the passphrase: set DEVICECTL_PASSPHRASE.", "no-passphrase")
    asked = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    return str(asked)
