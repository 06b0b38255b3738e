"""The address of a pen on the command line, and ``--radio``, which says on which air a ``ble://`` pen is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:
    # Generic only in later versions of click.
    _Text = click.ParamType

F = TypeVar("F", bound=Callable[..., Any])
_META: Final = "devicectl.radio"
VARIABLE: Final = "DEVICECTL_RADIO"


def on_radio(text: str, radio: str) -> str:
    """``text`` with the radio as its option when it is the address of a BLE pen that names none."""
    head, _, query = text.partition("?")
    named = any(option.startswith("radio=") for option in query.split("&"))
    if not radio or not head.strip().lower().startswith("ble:") or named:
        return text
    from urllib.parse import quote

    return f"{head}?{query}{'&' if query else ''}radio={quote(radio, safe='/:,')}"


class _Address(_Text):
    """Leaves all judgement to the drivers; only the radio is added."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        return on_radio(str(value), str(ctx.meta.get(_META, "")) if ctx is not None else "")


ADDRESS: Final = _Address()


def _keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    ctx.meta[_META] = value or ""
    return value or ""


def radio_option(command: F) -> F:
    """``--radio``, read before the address. Commands that want it by itself find it by :func:`radio_of`."""
    return click.option(
        "--radio",
        envvar=VARIABLE,
        metavar="RADIO",
        is_eager=True,
        expose_value=False,
        callback=_keep,
        help="The radio for ble:// pens, as 'devicectl simulate ble' prints it; else the computer's own Bluetooth.",
    )(command)


def radio_of(ctx: click.Context) -> str:
    """What ``--radio`` or, for a command without it, the environment says; empty for the computer's own."""
    return str(ctx.meta.get(_META) or os.environ.get(VARIABLE, ""))
