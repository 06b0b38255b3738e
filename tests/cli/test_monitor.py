"""devicectl monitor over a fleet: real processes, a real terminal, STOP for all of it."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.emulator import Emulator

from .conftest import LONG_S, House, Result

COUNT = 4


@pytest.fixture
def fleet(house: House) -> Iterator[list[str]]:
    """Addresses of a fleet behind pseudo-terminals."""
    process = house.start("simulate", "fleet", "--count", str(COUNT), "--seed", "21", stderr=None)
    assert process.stdout is not None
    addresses = [process.stdout.readline().split()[0] for _ in range(COUNT)]
    yield addresses
    process.terminate()
    assert process.wait(LONG_S) == 0


def snapshot(house: House, *arguments: str) -> dict[str, Any]:
    result: Result = house.run("monitor", "--once", "--json", *arguments)
    assert result.code == 0, result.err
    return result.json


def test_a_table_once(house: House, fleet: list[str]) -> None:
    result = house.run("monitor", "--once", "--sort", "pen")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1 : COUNT + 1]] == ["REF-0021", "REF-0022", "REF-0023", "REF-0024"]
    assert all("idle SIMULATED" in line for line in lines[1 : COUNT + 1])
    assert lines[-1] == f"{COUNT} pens, 0 turning, 0 need a look"
    # Nobody has control of a pen that is only looked at, and looking at all of them disturbed none.
    for address in fleet:
        assert house.run("indicate", address).code == 0
    only = snapshot(house, "--only", "ref-0022", "--no-open")
    assert [pen["serial"] for pen in only["pens"]] == ["REF-0022"]
    assert only["summary"]["pens"] == COUNT
    assert only["origin"] == "simulated"
    assert "disclaimer" in only


def test_a_stream_has_an_object_for_each_second_until_nobody_reads(house: House, fleet: list[str]) -> None:
    process = house.start("monitor", "--json")
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline()) for _ in range(3)]
    while seen[-1]["summary"]["pens"] < COUNT and len(seen) < LONG_S:
        seen.append(json.loads(process.stdout.readline()))
    assert seen[-1]["summary"]["pens"] == COUNT
    assert all(one["at"] < later["at"] for one, later in itertools.pairwise(seen))
    process.send_signal(signal.SIGINT)
    assert house.finish(process).code == 130
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "devicectl", "monitor", "--json"], env=house.env, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert json.loads(reader.stdout.readline())["summary"] is not None
        reader.stdout.close()
        assert reader.wait(LONG_S) == 1


def test_what_cannot_be_shown_is_a_sentence(house: House) -> None:
    result = house.run("monitor")
    assert result.code == 1
    assert "needs a terminal" in result.sentence
    result = house.run("monitor", "--once", "--no-open")
    assert result.code == 3
    result = house.run("monitor", "--once", "--no-open", "serial:///dev/nowhere")
    assert result.code == 3
    assert "no such port" in result.sentence


def test_the_screen_stops_them_all_and_leaving_stops_none(
    house: House, fleet: list[str], until: Callable[[Callable[[], object], str], None]
) -> None:
    monitors: list[Emulator] = []

    def monitor() -> Emulator:
        monitors.append(Emulator([sys.executable, "-P", "-m", "devicectl", "monitor"], house.env))
        monitors[-1].wait_for(f"{COUNT} pens")
        return monitors[-1]

    try:
        first = monitor()
        runs = [
            house.start("run", address, "--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "100")
            for address in fleet[:2]
        ]
        first.wait_for("2 turning")
        first.send(b"q")
        assert first.process.wait(LONG_S) == 0
        second = monitor()
        second.wait_for("2 turning")
        assert "▶REF-0021" in second.text()
        # A click on the lowest row, as a mouse says it.
        second.send(b"\x1b[<0;40;24M\x1b[<0;40;24m")
        second.wait_for("0 turning")
        second.wait_for("STOP sent to all pens (mouse)")
        for run in runs:
            result = house.finish(run)
            assert result.code == 1
            assert "STOP" in result.err
        until(lambda: snapshot(house)["summary"]["trouble"] == COUNT, "all pens to be latched")
        assert {pen["state"] for pen in snapshot(house)["pens"]} == {"STOPPED"}
        second.send(b" ")
        second.wait_for("STOP sent to all pens (space)")
        second.send(b"q")
        assert second.process.wait(LONG_S) == 0
    finally:
        for terminal in monitors:
            terminal.close()
