"""``devicectl limits``: the limits that this station puts on depth and rate, and where they are written."""

from __future__ import annotations

import click

from .app import Command
from .exits import Exit
from .operator import SignIn, operator_options


@click.command(
    cls=Command,
    examples=(
        "devicectl limits",
        "devicectl limits --json",
        "devicectl limits --example > limits.toml",
        "devicectl limits --approve --operator 'Ida Bergman'",
    ),
)
@click.option("--example", is_flag=True, help="Print a file with every limit, to be edited.")
@click.option("--approve", is_flag=True, help="Approve them: treatments start with approved limits only.")
@operator_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def limits(example: bool, approve: bool, who: SignIn | None, as_json: bool) -> int:
    """Show the limits on depth, rate and idle time that a station started now would keep, and the file they come from.

    They lower what is asked for and say why; the hard limit refuses. The pen's own limits hold beside them. A file that
    was changed shuts every treatment until a technician or administrator approves it.
    """
    from devicectl.control.envelope import hz, mm
    from devicectl.station.limits_approval import digest
    from devicectl.station.limits_file import EXAMPLE, limits_path, load_file

    from .output import print_json

    if example:
        click.echo(EXAMPLE, nl=False)
        return int(Exit.DONE)
    path = limits_path()
    written = load_file(path)
    if approve:
        return _approve(digest(written), who, as_json)
    found, lock_after_s = written.limits(), written.lock_after_min * 60
    if as_json:
        print_json(
            {
                "file": str(path),
                "exists": path.exists(),
                "digest": digest(written),
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


def _approve(digest: str, who: SignIn | None, as_json: bool) -> int:
    import asyncio

    from .output import print_json
    from .pens import seat

    async def run() -> dict[str, str]:
        async with seat("limits") as place:
            await place.sign_in(who)
            answer: dict[str, str] = await place.ask("limits.approve", digest=digest)
            return answer

    answer = asyncio.run(run())
    if as_json:
        print_json(answer)
    else:
        click.echo(answer["text"])
    return int(Exit.DONE)
