"""docs/testing.md: its code is run here, and its tables are those of the code."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

from devicectl.bench import capture_file
from devicectl.bench.capture_file import Kind
from drivers.penlink.gatt import CHANNELS
from drivers.tap import Mark, Way

from .kept import FileTap

GUIDE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


# begin read
def read_by_hand(path: Path) -> list[tuple[int, int, int, bytes]]:
    """Kind, way, channel and data of every record, without devicectl."""
    import struct
    import zlib

    data, at, found, seed = path.read_bytes(), 0, [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        block = bytearray(data[at : at + size])
        if kind != 6:
            seed = zlib.crc32(block, seed)  # the two blocks at the beginning
        else:
            length = struct.unpack_from("<I", block, 20)[0]
            packet = bytes(block[28 : 28 + length])
            _, record, way, channel, _, _, check, _ = struct.unpack_from("<BBBBBxxxIIq", packet)
            block[40:44] = bytes(4)
            if zlib.crc32(block, seed) != check:
                raise ValueError(f"edited at byte {at}")
            found.append((record, way, channel, packet[24:]))
        at += size
    return found


# end read


# begin replay
def samples_of(path: Path) -> list[int]:
    """The measured stroke rate in mHz, sample by sample, as the driver decodes it."""
    from devicectl.bench.capture_file import Reader
    from devicectl.bench.replay import inputs
    from drivers.api import Telemetry

    with Reader(path) as reader:
        return [item.rate_mhz for item in inputs(reader) if isinstance(item, Telemetry)]


# end replay


def code(name: str) -> str:
    """What stands between the marks of this file."""
    text = Path(__file__).read_text(encoding="utf-8")
    return text.split(f"# begin {name}\n")[1].split(f"# end {name}\n")[0].strip()


def test_the_code_in_the_guide_is_the_code_that_is_run_here() -> None:
    blocks = [textwrap.dedent(block).strip() for block in re.findall(r"```python\n(.*?)```", GUIDE, re.S)]
    # The other one is that of tests/plugin, which is run there.
    assert [block for block in blocks if "simulated_pen" not in block] == [code("replay"), code("read")]


def test_it_reads_what_was_captured(tmp_path: Path) -> None:
    import asyncio

    from support.links import linked

    from simulator.pen import SimulatedPen
    from simulator.virtual_time import run_virtual

    from .kept import records

    async def main() -> None:
        async with linked("ble", SimulatedPen(seed=3)) as wire:
            pen = wire.pen()
            tap = FileTap(tmp_path / "x")
            pen.set_tap(tap)
            await pen.connect()
            await asyncio.sleep(1)
            await pen.close()
            tap.close()
            wire.sim.close()

    run_virtual(main())
    mine = [(int(r.kind), int(r.way or 0), r.channel, r.data) for r in records(tmp_path / "x")]
    assert read_by_hand(tmp_path / "x") == mine
    assert len(samples_of(tmp_path / "x")) > 40


def test_the_tables_of_the_guide() -> None:
    for kind in Kind:
        assert f"| {kind.value} | {kind.name} |" in GUIDE
    for mark in Mark:
        assert f"`{mark.name}`" in GUIDE
    for way in Way:
        assert f"{way.value} " in GUIDE
    for characteristic, number in CHANNELS.items():
        assert f"{number} {characteristic.name}" in GUIDE
    assert "<BBBBBxxxIIq" in inspect.getsource(capture_file)


def test_the_commands_of_the_guide_exist() -> None:
    from devicectl.cli.app import COMMANDS
    from devicectl.cli.capture import capture

    used = set(re.findall(r"devicectl (capture|replay|simulate)(?: (show|export|dissector))?", GUIDE))
    assert {name for name, _ in used} <= set(COMMANDS)
    assert {sub for _, sub in used if sub} == {name for name, one in capture.commands.items() if not one.hidden}
