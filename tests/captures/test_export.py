"""Captures and their exports are pcapng by the book, and Wireshark's own reader shows the messages."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pcapng
import pytest
from pcapng.blocks import EnhancedPacket, InterfaceDescription, SectionHeader
from pcapng.strictness import Strictness, set_strictness
from support.links import linked

from devicectl.bench.capture_file import CaptureError, Reader
from devicectl.bench.dissect import Dissector
from devicectl.bench.export import STOP as STOP_PACKET
from devicectl.bench.export import dissector, export
from drivers.penlink.frame import STOP, decode_inner
from drivers.penlink.messages import LAYOUTS
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual

from .kept import FileTap, records
from .test_links import drive

pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")


@pytest.fixture(scope="module", params=["memory", "ble"])
def capture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with STOP, on a wire with some dirt on it and over the air."""
    path = tmp_path_factory.mktemp("capture") / f"{request.param}.pcapng"

    async def main() -> None:
        async with linked(request.param, SimulatedPen(seed=3)) as wire:
            pen = wire.pen()
            tap = FileTap(path)
            pen.set_tap(tap)
            await pen.connect()
            await pen.secure()
            await drive(pen)
            if request.param == "memory":
                wire.sim.set_faults(from_pen__corrupt=0.2, from_pen__split=0.2)
                await asyncio.sleep(1)
                wire.sim.clear_faults()
            await pen.close()
            tap.close()
            wire.sim.close()

    run_virtual(main())
    return path


@pytest.fixture(scope="module")
def exported(capture: Path) -> Path:
    target = capture.with_suffix(".export.pcapng")
    with Reader(capture) as reader:
        packets, trouble = export(reader, target)
    assert packets > 100
    assert trouble == []
    return target


def strictly(path: Path) -> list[Any]:
    """Every block, by a reader that forbids whatever the standard does not allow."""
    set_strictness(Strictness.FORBID)
    with path.open("rb") as file:
        return list(pcapng.FileScanner(file))


def test_a_strict_reader_takes_captures_and_exports(capture: Path, exported: Path) -> None:
    for path in (capture, exported):
        section, interface, *packets = strictly(path)
        assert isinstance(section, SectionHeader)
        assert isinstance(interface, InterfaceDescription)
        assert interface.options["if_tsresol"] == b"\x09"
        assert interface.options["if_name"] == "memory://pen"
        assert all(isinstance(packet, EnhancedPacket) for packet in packets)
        assert all(packet.captured_len == packet.packet_len == len(packet.packet_data) for packet in packets)
    assert len(strictly(capture)) == 2 + len(records(capture))


def test_times_and_ways_of_the_packets_are_those_of_the_records(capture: Path) -> None:
    _, _, *packets = strictly(capture)
    for packet, record in zip(packets, records(capture), strict=True):
        assert round(packet.timestamp * 1e9) == pytest.approx(record.utc_ns, abs=300)
        inbound = packet.options["epb_flags"].inout if "epb_flags" in packet.options else "NA"
        assert inbound == {None: "NA", 1: "inbound", 2: "outbound"}[record.way]


def test_each_frame_is_one_packet(capture: Path, exported: Path) -> None:
    _, _, *packets = strictly(exported)
    frames = [decode_inner(p.packet_data[4:]) for p in packets if p.packet_data[0] == 1]
    shown = [line for line in Dissector().lines(records(capture)) if line.inner]
    assert [decode_inner(line.inner) for line in shown] == frames
    stops = [p.packet_data[4:] for p in packets if p.packet_data[0] == STOP_PACKET]
    assert stops
    assert set(stops) == {STOP}


def test_an_export_never_writes_over_a_file(capture: Path, exported: Path) -> None:
    with Reader(capture) as reader, pytest.raises(CaptureError, match="exists already"):
        export(reader, exported)


def test_the_dissector_names_every_field() -> None:
    text = dissector()
    for layout in LAYOUTS:
        assert f'name = "{layout.name}"' in text
        for field in layout.fields:
            assert f'"penlink.{field.name}"' in text


def tshark(*arguments: str) -> str:
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    result = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    assert "Lua: Error" not in result.stderr + result.stdout
    return result.stdout


def test_wireshark_shows_what_show_shows(capture: Path, exported: Path, tmp_path: Path) -> None:
    script = tmp_path / "penlink.lua"
    script.write_text(dissector())
    text = tshark("-X", f"lua_script:{script}", "-r", str(exported), "-T", "json")
    packets = [entry["_source"]["layers"] for entry in json.loads(text)]
    lines = list(Dissector().lines(records(capture)))
    assert len(packets) == len(lines)
    for packet, line in zip(packets, lines, strict=True):
        layer = packet["penlink"]
        assert layer["penlink.packet.way"] == {"": "0", "in": "1", "out": "2"}[line.way]
        if line.inner:
            assert int(layer["penlink.frame.seq"]) == line.fields["seq"]
            inside = next(value for key, value in layer.items() if isinstance(value, dict) and "penlink." not in key)
            number = {"cmd_id", "counter", "clock", "depth", "boot_id", "nonce", "applied", "token", "strokes"}
            for name in number & set(line.fields):
                assert int(inside[f"penlink.{name}"]) == line.fields[name], (line, name)
            for name in {"serial", "model", "lot", "firmware"} & set(line.fields):
                assert inside[f"penlink.{name}"] == line.fields[name]
    stops = tshark("-X", f"lua_script:{script}", "-r", str(exported), "-Y", f"penlink.packet.what == {STOP_PACKET}")
    assert len(stops.splitlines()) == sum(line.message == "STOP" for line in lines)
