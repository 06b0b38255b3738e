"""How commands print: JSON for programs, aligned text for people, one live line for a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import date


def print_json(value: Any) -> None:
    """One JSON document; dataclasses and UUIDs become plain."""
    click.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """What JSON does not know, as something it knows."""
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    return str(value)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> None:
    """Columns as wide as they need be; ``right`` has an ``r`` for each column that is set flush right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if right[i : i + 1] == "r" else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def badge(origin: str) -> str:
    """What stands behind the name of whatever comes from a pen that is not there; empty for hardware."""
    return "  SIMULATED" if origin == "simulated" else ""


def marks(origin: str) -> dict[str, str]:
    """What every export says of itself: where its figures come from, and what the program is not."""
    from devicectl.about import DISCLAIMER

    return {"origin": origin, "disclaimer": DISCLAIMER}


def utc_text(utc_us: int | None) -> str:
    """``2027-01-31 14:05:09`` in the local time zone; empty for None."""
    if utc_us is None:
        return ""
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(utc_us / 1e6))


def today() -> date:
    """The day in the local time zone."""
    from datetime import UTC, datetime

    return datetime.now(tz=UTC).astimezone().date()


def mm(um: int | None) -> str:
    """µm as mm with two digits."""
    return "–" if um is None else f"{um / 1000:.2f}"


def hz(mhz: int | None) -> str:
    """mHz as Hz with one digit."""
    return "–" if mhz is None else f"{mhz / 1000:.1f}"


def seconds(ms: int | None) -> str:
    """ms as s with one digit."""
    return "–" if ms is None else f"{ms / 1000:.1f}"


@contextmanager
def patience(text: str, after_s: float = 0.7) -> Iterator[None]:
    """Say on a terminal what is waited for when it takes longer than ``after_s``; for a running event loop."""
    import asyncio

    line = LiveLine()
    timer = asyncio.get_running_loop().call_later(after_s, line.show, text)
    try:
        yield
    finally:
        timer.cancel()
        line.end()


class LiveLine:
    """One line that is written over again on a terminal (standard error); nothing elsewhere."""

    def __init__(self, on: bool = True) -> None:
        self._on = on and sys.stderr.isatty()
        self._width = 0

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._on:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)

    def end(self) -> None:
        """Clear the line."""
        if self._on and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0
