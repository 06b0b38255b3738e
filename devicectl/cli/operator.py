"""Who does what a command does: ``--operator``, and a PIN that is never on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, TypeVar

import click

NAME_VARIABLE: Final = "DEVICECTL_OPERATOR"
PIN_VARIABLE: Final = "DEVICECTL_PIN"
NEW_PIN_VARIABLE: Final = "DEVICECTL_NEW_PIN"
PIN_BYTES: Final = 1024
F = TypeVar("F", bound=Callable[..., Any])


class SignIn:
    """Who signs in; the PIN is asked for when it is needed first."""

    def __init__(self, name: str, fd: int | None) -> None:
        self.name = name
        self._fd = fd

    @cached_property
    def pin(self) -> str:
        """The PIN. Raises `Failure` when there is no way to get it."""
        return read_pin(f"PIN of {self.name}", self._fd, PIN_VARIABLE)


def operator_options(command: F) -> F:
    """``--operator`` and ``--pin-fd``; the command gets ``who``, a :class:`SignIn` or None."""

    def named(ctx: click.Context, _: click.Parameter, name: str | None) -> SignIn | None:
        fd: int | None = ctx.params.pop("pin_fd", None)
        if name is None or ctx.resilient_parsing:
            return None
        return SignIn(name, fd)

    fd_option = click.option(
        "--pin-fd", type=click.IntRange(0), metavar="N", is_eager=True, help="Read the PIN from this file descriptor."
    )
    name_option = click.option(
        "--operator", "who", envvar=NAME_VARIABLE, metavar="NAME", callback=named, help="Sign in as this operator."
    )
    return fd_option(name_option(command))


def read_pin(prompt: str, fd: int | None, variable: str, *, twice: bool = False) -> str:
    """A PIN from a file descriptor (one line), from the environment, or hidden from the terminal. Raises `Failure`."""
    from .failures import Failure

    kept = os.environ.pop(variable, None)
    if fd is not None:
        return _one_line(_line_of(fd))
    if kept is not None:
        return _one_line(kept)
    if not os.isatty(0):
        raise Failure(
            f"no PIN, and no terminal to ask for it; set {variable} or hand it in by a file descriptor.", "no-pin"
        )
    return str(click.prompt(prompt, hide_input=True, err=True, confirmation_prompt=twice))


def _line_of(fd: int) -> str:
    """Byte by byte, so that the next line is left for the next PIN."""
    from .failures import Failure

    data = bytearray()
    try:
        while len(data) < PIN_BYTES and (byte := os.read(fd, 1)) not in (b"", b"\n"):
            data += byte
        return data.decode()
    except OSError as error:
        raise Failure(f"the PIN cannot be read from descriptor {fd} ({error.strerror}).", "no-pin") from error
    except UnicodeDecodeError:
        raise Failure(f"what came from descriptor {fd} is not text in UTF-8.", "no-pin") from None


def _one_line(text: str) -> str:
    from .failures import Failure

    line = text.split("\n", 1)[0].rstrip("\r")
    if not line:
        raise Failure("the PIN is empty; the first line must hold it.", "no-pin")
    return line
