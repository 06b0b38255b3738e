"""``devicectl completion``: the script that a shell needs."""

from __future__ import annotations

import click

from .app import Command


@click.command(
    cls=Command,
    examples=(
        'eval "$(devicectl completion bash)"                                in ~/.bashrc',
        "devicectl completion fish > ~/.config/fish/completions/devicectl.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    from .app import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "devicectl", "_DEVICECTL_COMPLETE").source())
