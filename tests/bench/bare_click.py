"""The reference of row e: a click program with as many commands as ours, written the usual way, doing nothing."""

from __future__ import annotations

import click


@click.group()
def cli() -> None:
    """Does nothing, with as many commands."""


def add(number: int) -> None:
    """One more command."""

    @cli.command(f"command-{number}")
    @click.argument("address", required=False)
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def command(address: str | None, as_json: bool) -> None:
        """Do one thing to one pen, or to all of them."""


def main(commands: int) -> None:
    """Run it with so many commands."""
    for number in range(commands):
        add(number)
    cli()
