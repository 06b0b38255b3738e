"""Groups whose commands are made when they are called: what a form asks costs a tenth of a second to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from .app import Group

Later = Mapping[str, tuple[str, Callable[[], click.Command]]]
"""Name → the line in the help, and what makes the command."""


class LaterGroup(Group):
    """A group with commands that are made at once, and some that are made when they are called."""

    def __init__(self, *args: Any, later: Later, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = later
        self._made: dict[str, click.Command] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Those that are there already first, in the order in which they were named."""
        return [*self.commands, *self.later]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command if need be."""
        if cmd_name not in self.later:
            return super().get_command(ctx, cmd_name)
        if cmd_name not in self._made:
            self._made[cmd_name] = self.later[cmd_name][1]()
        return self._made[cmd_name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with all names to guess from."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=known, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table, without making any."""
        lines = {name: command.get_short_help_str(120) for name, command in self.commands.items()}
        lines |= {name: line for name, (line, _) in self.later.items()}
        with formatter.section("Commands"):
            formatter.write_dl([*lines.items()])
