"""``devicectl sounds``: what an alarm sounds like here, and by what."""

from __future__ import annotations

import click

from .app import Command

NAMES = ("high", "medium", "low", "tick")


@click.command(cls=Command, examples=("devicectl sounds", "devicectl sounds high", "devicectl sounds --json"))
@click.argument("name", required=False, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sounds(name: str | None, as_json: bool) -> None:
    """Play the sound of each alarm priority and the tick at the planned time, or only NAME.

    The system's player sounds (pw-play, paplay, aplay or afplay); without one, or over ssh, the terminal's bell rings in the
    same pattern. 'devicectl dashboard --no-sound' turns the sound off, key m on the screen does too.
    """
    from devicectl.alarms.sound import ALL
    from tui.player import find_player

    from .output import print_json

    command = find_player()
    by = command[0] if command is not None else "the terminal's bell"
    told = []
    for burst in ALL:
        if name in (None, burst.name):
            if not as_json:
                click.echo(f"{burst.name:<7} {len(burst.starts):>2} pulses in {burst.length_s:.1f} s, by {by}")
            sounded = _sound(burst.name)
            told.append({"name": burst.name, "pulses": len(burst.starts), "by": by, "sounded": sounded})
            if not sounded and not as_json:
                click.echo(f"        {by} does not sound here; the bell rang instead.")
    if as_json:
        print_json(told)


def _sound(name: str) -> bool:
    """Play one burst to its end; False when the player could not."""
    import time

    from devicectl.alarms.sound import ALL
    from tui.player import find_player, play_now

    burst = next(one for one in ALL if one.name == name)
    command = find_player()
    if command is not None and play_now(burst, command):
        time.sleep(0.4)
        return True
    before = 0.0
    for start in burst.starts:
        time.sleep(start - before)
        before = start
        click.echo("\a", nl=False, err=True)
    time.sleep(burst.pulse_s + 0.4)
    return command is None
