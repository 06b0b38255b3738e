"""``devicectl replay``: a capture played again, where nothing can be started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit

if TYPE_CHECKING:
    from devicectl.bench.capture_file import Reader
    from drivers.api import PenInput


class _Speed(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """A factor; infinite for ``max``, None when nothing is given."""
        if value is None or str(value).strip().lower() == "max":
            return None if value is None else float("inf")
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0.01 <= speed <= 1000:
            self.fail(f"{value!r} is no speed; give a factor from 0.01 to 1000, or max.", param, ctx)
        return speed


@click.command(
    cls=Command,
    examples=(
        "devicectl replay monday.pcapng                         what the driver made of it, as fast as can be",
        "devicectl replay monday.pcapng --into dashboard --speed 2",
        "devicectl replay monday.pcapng --into simulator --seed 7",
    ),
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--into",
    type=click.Choice(["driver", "simulator", "dashboard"]),
    default="driver",
    show_default=True,
    help="The driver's decoding, a simulated pen (which gets the host's bytes), or the screen.",
)
@click.option("--speed", type=_Speed(), metavar="X|max", help="Times as fast as it was; max, and 1 for the dashboard.")
@click.option("--plain", is_flag=True, help="dashboard: lines of text instead of the full screen.")
@click.option("--profile", metavar="NAME", help="simulator: which pen; reference if not given.")
@click.option("--seed", type=int, help="simulator: chance of the simulation, as that of the captured pen; 0.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (not for the dashboard).")
def replay(
    file: str,
    into: str,
    speed: float | None,
    plain: bool,
    profile: str | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Play the capture FILE again. No pen is opened, no byte leaves this computer, and nothing is recorded."""
    from pathlib import Path

    from devicectl.bench.capture_file import Reader

    if into != "simulator" and (profile is not None or seed is not None):
        raise click.UsageError("--profile and --seed belong to --into simulator.")
    if into != "dashboard" and plain:
        raise click.UsageError("--plain belongs to --into dashboard.")
    if into == "dashboard" and (as_json or speed == float("inf")):
        raise click.UsageError("--json and --speed max do not go with --into dashboard.")
    with Reader(Path(file).expanduser()) as reader:
        if into == "dashboard":
            return _dashboard(reader, speed, plain)
        if into == "simulator":
            return _simulator(reader, profile or "reference", seed or 0, speed, as_json)
        return _driver(reader, speed, as_json)


def _told(trouble: list[str] | tuple[str, ...]) -> int:
    for text in trouble:
        click.echo(f"devicectl: {text}", err=True)
    return int(Exit.FAILED if trouble else Exit.DONE)


def _driver(reader: Reader, speed: float | None, as_json: bool) -> int:
    from devicectl.bench.replay import Player, paced

    from .output import marks, print_json

    counts: dict[str, int] = {}
    kept: list[dict[str, Any]] = []

    def deliver(item: PenInput) -> None:
        counts[type(item).__name__] = counts.get(type(item).__name__, 0) + 1
        if as_json:
            kept.append({"input": type(item).__name__, **_plain(item)})
        else:
            click.echo(f"{item.at:14.6f} {type(item).__name__:<10} " + _fields(item))

    player = Player(deliver)
    for item in paced(reader, speed):
        player.take(item)
    if as_json:
        print_json({**marks("replay"), "inputs": kept, "counts": counts, "trouble": player.trouble})
    else:
        click.echo("REPLAY: " + (", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"))
    return _told(player.trouble)


def _plain(item: PenInput) -> dict[str, Any]:
    from dataclasses import asdict, is_dataclass

    values = item._asdict().items()
    return {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value for name, value in values
    }


def _fields(item: PenInput) -> str:
    return " ".join(f"{name}={value!r}" for name, value in item._asdict().items() if name != "at")


def _simulator(reader: Reader, profile: str, seed: int, speed: float | None, as_json: bool) -> int:
    from devicectl.bench.replay_simulator import play_to_simulator

    from .output import marks, print_json

    played = play_to_simulator(reader, profile=profile, seed=seed, speed=speed)
    if as_json:
        from dataclasses import asdict

        print_json({**marks("replay"), **asdict(played)})
        return _told(played.trouble)
    for answer in played.answers:
        now = "the same" if answer.same else f"now {answer.simulated or 'no answer'}"
        click.echo(f"{answer.cmd_id:>6} {answer.opcode:<12} {answer.captured or 'no answer'}  {now}")
    then, now_id = played.boot_ids
    if then != now_id:
        click.echo(
            f"The simulated pen has boot {now_id:#x}, the captured one had {then:#x}: renewals and tokens of then"
        )
        click.echo(
            "count for nothing. --seed and --profile of the captured pen give its boot, if it was a simulated one."
        )
    click.echo(
        f"REPLAY: {len(played.answers)} commands, {played.stops} STOP; the simulated pen turned for "
        f"{played.turned_s:.1f} s, {played.strokes} strokes, and is {played.state}."
    )
    return _told(played.trouble)


def _dashboard(reader: Reader, speed: float | None, plain: bool) -> int:
    import asyncio

    from devicectl.log import set_up

    from .dashboard import need_terminal, screen_choices

    if not plain:
        need_terminal()
    choices = {} if plain else screen_choices()
    set_up()
    return asyncio.run(_show(reader, 1.0 if speed is None else speed, plain, choices))


async def _show(reader: Reader, speed: float, plain: bool, choices: dict[str, Any]) -> int:
    from devicectl.bench.replay_client import ReplayClient

    client = ReplayClient(reader, speed)
    if plain:
        from tui.plain_terminal import show_plain

        code = await show_plain(client)
    else:
        from tui.app import show

        code = await show(client, **choices)
    return code if code in set(Exit) else int(Exit.FAILED)
