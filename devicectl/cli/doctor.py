"""``devicectl doctor``: what is wrong with this installation, and a bundle for a bug report."""

from __future__ import annotations

import click

from .app import Command
from .exits import Exit


@click.command(
    cls=Command, examples=("devicectl doctor", "devicectl doctor --full", "devicectl doctor --bundle report.zip")
)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a zip for a bug report, without personal data.",
)
@click.option("--full", is_flag=True, help="Check every index and telemetry block of the database too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(bundle: str | None, full: bool, as_json: bool) -> int:
    """Look at versions, drivers, ports and rights, the station, the database and the last stops. Writes to no port."""
    from pathlib import Path

    from devicectl.doctor import examine, write_bundle

    from .failures import Failure
    from .output import print_json

    findings = examine(full=full)
    target = Path(bundle).expanduser().absolute() if bundle is not None else None
    if target is not None:
        try:
            names = write_bundle(target, findings)
        except FileExistsError:
            raise Failure(f"{target} exists already; choose another name for the bundle.", "file-exists") from None
        except OSError as error:
            raise Failure(
                f"{target} cannot be written ({error.strerror}); choose another place.", "not-written"
            ) from error
    errors = [one for one in findings if one.level == "error"]
    if as_json:
        print_json({"healthy": not errors, "findings": findings, "bundle": str(target) if target else None})
    else:
        for one in findings:
            click.echo(
                f"{one.level:<8} {one.area:<9} {one.text}"
                if one.area != "ports"
                else f"{one.level:<8} {one.area:<9} {one.name}: {one.text}"
            )
        if target is not None:
            click.echo(f"{target} holds {', '.join(names)}; look into it before you send it.")
    for one in errors:
        click.echo(f"devicectl: {one.text}", err=True)
    if not errors:
        return int(Exit.DONE)
    return int(Exit.RECORD if all(one.area == "database" for one in errors) else Exit.FAILED)
