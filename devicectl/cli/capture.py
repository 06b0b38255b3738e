"""``devicectl capture``: every byte of a pen's link in a file, and what stands in such a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .app import Group
from .exits import Exit
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devicectl.bench.dissect import Line
    from devicectl.bench.keeping import Keeper, Kept


class _CaptureGroup(Group):
    """``capture ADDRESS FILE`` is ``capture start ADDRESS FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``start`` in front of what is neither a command nor help."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["start", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """What is typed."""
        return ["ADDRESS FILE [OPTIONS]", "| COMMAND [ARGS]..."]


@click.group(
    cls=_CaptureGroup,
    examples=(
        "devicectl capture serial:///dev/ttyACM0 monday.pcapng",
        "devicectl capture tcp://127.0.0.1:7001 monday.pcapng --seconds 30",
        "devicectl capture show monday.pcapng --only CMD,RESULT",
        "devicectl capture export monday.pcapng --pcapng for-wireshark.pcapng",
    ),
)
def capture() -> None:
    """Keep every byte that passes between this computer and the pen at ADDRESS in FILE.

    The station listens, whoever drives the pen: nothing is sent, control is not taken, and STOP waits for nothing. It
    lasts until Ctrl+C, for --seconds, or until the pen is closed. 'devicectl replay' plays the file.
    """


@capture.command(
    "start",
    hidden=True,
    examples=("devicectl capture start serial:///dev/ttyACM0 monday.pcapng --seconds 30",),
)
@click.argument("address", type=ADDRESS)
@click.argument("file", type=click.Path(dir_okay=False))
@radio_option
@click.option("--seconds", type=click.FloatRange(0.1, 86_400.0), metavar="S", help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def start_command(address: str, file: str, seconds: float | None, as_json: bool) -> int:
    """Capture the pen at ADDRESS into FILE, which must not exist."""
    import asyncio

    from .output import print_json

    kept = asyncio.run(_keep(address, file, seconds, as_json))
    if as_json:
        print_json(kept)
    else:
        click.echo(f"{kept.file}: {kept.records} records, {kept.size / 1000:.1f} kB, {kept.why}.")
    if kept.gaps:
        click.echo(f"devicectl: {kept.gaps} gaps: this computer was too slow to keep everything.", err=True)
    return int(Exit.FAILED if kept.gaps else Exit.DONE)


async def _keep(address: str, file: str, seconds: float | None, as_json: bool) -> Kept:
    import asyncio
    import os
    import signal
    from pathlib import Path

    from devicectl.bench.keeping import keep, refuse_existing
    from devicectl.station.client import connect
    from drivers.address import parse_address

    from .output import LiveLine, patience

    parse_address(address)
    path = Path(file).expanduser().absolute()  # noqa: ASYNC240 - before anything else runs on this loop
    refuse_existing(path)
    end, loop, line = asyncio.Event(), asyncio.get_running_loop(), LiveLine(not as_json)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end.set)

    def progress(keeper: Keeper) -> None:
        line.show(f"{keeper.records} records, {keeper.stops} STOP; Ctrl+C ends the capture")

    with patience("waiting for the station ..."):
        client = await connect(f"devicectl capture (process {os.getpid()})")
    try:
        return await keep(client, address, path, seconds, end, progress)
    finally:
        line.end()
        await client.close()


@capture.command(
    "show",
    examples=(
        "devicectl capture show monday.pcapng",
        "devicectl capture show monday.pcapng --only CMD,RESULT,STOP --way out",
        "devicectl capture show monday.pcapng --bad --hex",
        "devicectl capture show monday.pcapng --from 12.5 --to 13 --json",
    ),
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--only", metavar="NAME,…", help="Only messages whose names begin so: STATUS, HELLO, STOP, BAD, GAP …")
@click.option("--way", type=click.Choice(["in", "out"]), help="Only what came from the pen (in) or went to it (out).")
@click.option("--bad", is_flag=True, help="Only what was no frame, is missing or was damaged.")
@click.option("--from", "since", type=float, metavar="S", help="From so many seconds after the beginning.")
@click.option("--to", "until", type=float, metavar="S", help="Until so many seconds after the beginning.")
@click.option("--hex", "as_hex", is_flag=True, help="The bytes too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(file: str, as_json: bool, as_hex: bool, **wanted: Any) -> int:
    """Decode FILE line by line: seconds since the beginning, way, message, fields, CRC, and what was resynchronised."""
    from pathlib import Path

    from devicectl.bench.capture_file import Reader

    from .output import print_json

    trouble: list[str] = []
    with Reader(Path(file).expanduser()) as reader:
        lines = _wanted(reader, trouble, **wanted)
        if as_json:
            shown = [_as_json(line, at) for line, at in lines]
            print_json({"file": file, "header": reader.header, "lines": shown, "trouble": trouble})
        else:
            for text in _header_lines(reader.header):
                click.echo(text)
            for line, at in lines:
                click.echo(_text(line, at, as_hex))
    return _told(trouble)


def _wanted(
    reader: Any,
    trouble: list[str],
    only: str | None,
    way: str | None,
    bad: bool,
    since: float | None,
    until: float | None,
) -> Iterator[tuple[Line, float]]:
    """The lines that were asked for, with their seconds since the beginning."""
    from devicectl.bench.dissect import Dissector

    names = tuple(name.strip().upper() for name in only.split(",") if name.strip()) if only else ()
    begun: float | None = None
    for line in Dissector().lines(reader):
        begun = line.at if begun is None else begun
        at = line.at - begun
        if line.message == "DAMAGE":
            trouble.append(line.note)
        if (since is not None and at < since) or (until is not None and at > until):
            continue
        if (way and line.way != way) or (bad and line.good) or (names and not line.message.upper().startswith(names)):
            continue
        yield line, at


def _told(trouble: list[str]) -> int:
    for text in trouble:
        click.echo(f"devicectl: {text}", err=True)
    return int(Exit.FAILED if trouble else Exit.DONE)


def _as_json(line: Line, at: float) -> dict[str, Any]:
    return {
        "record": line.record,
        "at_s": round(at, 6),
        "utc_ns": line.utc_ns,
        "way": line.way,
        "channel": line.channel,
        "message": line.message,
        "fields": line.fields,
        "crc": line.crc,
        "note": line.note,
        "hex": line.raw.hex(),
    }


def _header_lines(header: dict[str, Any]) -> Iterator[str]:
    from devicectl.bench.dissect import printable

    from .output import badge

    pen = header.get("pen")
    pen = pen if isinstance(pen, dict) else {}
    name = f"{pen.get('model', 'pen')} {pen.get('serial', '')}".strip()
    yield printable(f"{header.get('address', '')}  {name}{badge(str(header.get('origin', '')))}".strip())
    yield printable(f"firmware {pen.get('firmware', '?')}, captured by devicectl {header.get('program', '?')}")


def _text(line: Line, at: float, as_hex: bool) -> str:
    from devicectl.bench.dissect import printable

    arrow = {"in": "<", "out": ">"}.get(line.way, " ")
    fields = " ".join(f"{name}={_value(value)}" for name, value in line.fields.items())
    crc = {"ok": "", "wrong": "CRC WRONG"}.get(line.crc, "")
    parts = (line.channel.lower(), line.message, fields, crc, f"[{line.note}]" if line.note else "")
    text = f"{at:12.6f} {arrow} " + printable(" ".join(part for part in parts if part))
    return f"{text}\n{'':15}{line.raw.hex(' ')}" if as_hex and line.raw else text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(str, value)) or "-"
    return str(value)


@capture.command(
    "export",
    examples=("devicectl capture export monday.pcapng --pcapng for-wireshark.pcapng",),
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--pcapng", "target", required=True, type=click.Path(dir_okay=False), help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export_command(file: str, target: str, as_json: bool) -> int:
    """Write FILE as pcapng with one packet for each frame, which Wireshark opens.

    'devicectl capture dissector' prints what teaches Wireshark the messages.
    """
    from pathlib import Path

    from devicectl.bench.capture_file import Reader
    from devicectl.bench.export import export

    from .output import print_json

    with Reader(Path(file).expanduser()) as reader:
        packets, trouble = export(reader, Path(target).expanduser())
    if as_json:
        print_json({"file": target, "packets": packets, "trouble": trouble})
    else:
        click.echo(f"{target}: {packets} packets.")
    return _told(trouble)


@capture.command(
    "dissector",
    examples=("devicectl capture dissector > ~/.local/lib/wireshark/plugins/penlink.lua",),
)
def dissector_command() -> None:
    """Print the Lua dissector for exported captures; it belongs into Wireshark's folder of personal Lua plugins."""
    from devicectl.bench.export import dissector

    click.echo(dissector())
