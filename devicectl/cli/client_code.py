"""A client's code on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:
    # Generic only in later versions of click.
    _Text = click.ParamType

_SIGNS: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


class _Code(_Text):
    """Refuses what can be no code before anybody is asked for a PIN."""

    name = "code"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _SIGNS.fullmatch(value):
            self.fail(
                "a client code has 1 to 40 letters, digits, dots, hyphens or underscores, such as AB-12.", param, ctx
            )
        return value


CODE: Final = _Code()
