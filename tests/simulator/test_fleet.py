"""A fleet of simulated pens: all of them or none, found by scans, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.address import parse_address
from drivers.api import LinkRefused
from drivers.driver import open_pen
from simulator.announce import announced
from simulator.faults import parse_faults
from simulator.fleet import Member, serve_fleet


@pytest.fixture(autouse=True)
def _own_runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize("kind", ["pty", "tcp"])
async def test_each_pen_is_its_own(kind: str, tmp_path: Path) -> None:
    told: asyncio.Future[list[Member]] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(
        serve_fleet(kind, 5, told.set_result, profiles=("reference", "vary-150"), seed=40)  # type: ignore[arg-type]
    )
    members = await asyncio.wait_for(told, 20)
    assert [one.seed for one in members] == [40, 41, 42, 43, 44]
    assert [one.profile for one in members] == ["reference", "vary-150", "reference", "vary-150", "reference"]
    assert len({one.serial for one in members}) == len({one.address for one in members}) == 5
    assert {(one.address, one.serial) for one in announced()} == {(one.address, one.serial) for one in members}
    pens = [open_pen(parse_address(one.address)) for one in members]
    ups = await asyncio.gather(*(pen.connect() for pen in pens))
    assert [up.identity.serial for up in ups] == [one.serial for one in members]
    for pen in pens:
        await pen.close()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert os.listdir(tmp_path) == []


async def test_when_one_port_is_taken_there_is_no_fleet(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LinkRefused, match="Cannot listen"):
            await serve_fleet("tcp", 3, lambda members: None, port=port - 1)
    assert os.listdir(tmp_path) == []


async def test_a_fault_is_every_pens_fault() -> None:
    told: asyncio.Future[list[Member]] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(serve_fleet("tcp", 2, told.set_result, faults=parse_faults(["protocol=2"])))
    for one in await asyncio.wait_for(told, 20):
        with pytest.raises(Exception, match="another version"):
            await open_pen(parse_address(one.address)).connect()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_tells_all_and_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    arguments = [sys.executable, "-P", "-m", "devicectl", "simulate", "fleet", "--count", "9", "--seed", "3"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as fleet:
        assert fleet.stdout is not None
        lines = [fleet.stdout.readline().split() for _ in range(9)]
        assert {line[0] for line in lines} == {one.address for one in announced()}
        assert [line[1:] for line in lines] == [[f"REF-{n:04}", "seed", str(n), "reference"] for n in range(3, 12)]
        fleet.send_signal(number)
        assert fleet.wait(30) == 0
    assert os.listdir(tmp_path) == []


def test_the_command_tells_all_as_json() -> None:
    arguments = [sys.executable, "-P", "-m", "devicectl", "simulate", "fleet", "--count", "3", "--tcp", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as fleet:
        assert fleet.stdout is not None
        told = json.loads(fleet.stdout.readline())
        assert told["pid"] == fleet.pid
        assert [pen["seed"] for pen in told["pens"]] == [0, 1, 2]
        assert [pen["address"] for pen in told["pens"]] != []
        assert all(pen["address"].startswith("tcp://127.0.0.1:") for pen in told["pens"])
        fleet.terminate()
        assert fleet.wait(30) == 0
