"""``devicectl limits``: the limits that this station puts on depth and rate, and where they are written."""

from __future__ import annotations

import click

from .app import Command
from .exits import Exit


@click.command(
    cls=Command,
    examples=(
        "devicectl limits",
        "devicectl limits --json",
        "devicectl limits --example > limits.toml",
    ),
)
@click.option("--example", is_flag=True, help="Print a file with every limit, to be edited.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def limits(example: bool, as_json: bool) -> int:
    """Show the limits on depth, rate and idle time that a station started now would keep, and the file they come from.

    They lower what is asked for and say why; the hard limit refuses. The pen's own limits hold beside them.
    """
    from devicectl.control.envelope import hz, mm
    from devicectl.station.limits_file import EXAMPLE, limits_path, load_file

    from .output import print_json

    if example:
        click.echo(EXAMPLE, nl=False)
        return int(Exit.DONE)
    path = limits_path()
    written = load_file(path)
    found, lock_after_s = written.limits(), written.lock_after_min * 60
    if as_json:
        print_json(
            {
                "file": str(path),
                "exists": path.exists(),
                "soft_depth_um": found.soft_depth_um,
                "hard_depth_um": found.hard_depth_um,
                "operator_depth_um": found.operator_depth_um,
                "max_rate_mhz": found.max_rate_mhz,
                "zone_depth_um": dict(found.zone_depth_um),
                "lock_after_s": lock_after_s,
            }
        )
        return int(Exit.DONE)
    rows = [("soft limit", mm(found.soft_depth_um)), ("hard limit", mm(found.hard_depth_um))]
    if found.operator_depth_um is not None:
        rows.append(("operator limit", mm(found.operator_depth_um)))
    rows += [(f"zone {code}", mm(depth)) for code, depth in sorted(found.zone_depth_um.items())]
    if found.max_rate_mhz is not None:
        rows.append(("rate limit", hz(found.max_rate_mhz)))
    rows.append(("locks after", f"{lock_after_s:.0f} s without a key"))
    for name, value in rows:
        click.echo(f"{name:<16}{value}")
    click.echo(f"{'file':<16}{path}{'' if path.exists() else ' (not there: these are the defaults)'}")
    return int(Exit.DONE)
