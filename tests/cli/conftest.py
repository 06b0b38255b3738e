"""The command line as people meet it: real processes, real pseudo-terminals, real database files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

LONG_S = 60.0
"""A limit that only a hang reaches: under coverage on a busy machine every process starts slowly."""


@dataclass
class Result:
    """What a finished command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one sentence on standard error; fails when there is anything else, a traceback above all."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, f"not one line: {self.err!r} {self.out!r}"
        assert lines[0].startswith("devicectl: ")
        return lines[0].removeprefix("devicectl: ")


@dataclass
class Simulator:
    """A simulated pen in a process of its own, with its console."""

    process: subprocess.Popen[str]
    address: str

    def tell(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    @property
    def state(self) -> str:
        """``RUNNING 98.1 Hz …`` without asking through any link."""
        return self.tell("state")

    @property
    def rate_hz(self) -> float:
        return float(self.state.split()[1])


@dataclass
class House:
    """A database, a runtime directory, and the processes of one test."""

    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.folder / "record.db"
        self.log = self.folder / "log" / "devicectl.log"
        (self.folder / "run").mkdir(mode=0o700)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DEVICECTL_", "XDG_"))} | {
            "DEVICECTL_DATABASE": str(self.database),
            "DEVICECTL_RUNTIME_DIR": str(self.folder / "run"),
            "DEVICECTL_LOG": str(self.log),
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "TERM": "xterm-256color",
        }

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "devicectl", *arguments],
            env=self.env,
            text=True,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )
        self.processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[str], typed: str | None = None) -> Result:
        out, err = process.communicate(typed, timeout=LONG_S)
        self.processes.remove(process)
        return Result(process.returncode, out, err)

    def run(self, *arguments: str) -> Result:
        return self.finish(self.start(*arguments))

    def hire(self, name: str = "Ada Berg", pin: str = "480917") -> None:
        """Make somebody the first operator, who signs in wherever a command asks for it."""
        self.env |= {"DEVICECTL_NEW_PIN": pin}
        assert self.run("operators", "add", name).code == 0
        del self.env["DEVICECTL_NEW_PIN"]
        self.env |= {"DEVICECTL_OPERATOR": name, "DEVICECTL_PIN": pin}

    def simulate(self, kind: str = "pty", *arguments: str) -> Simulator:
        process = self.start("simulate", kind, "--console", *arguments, stdin=subprocess.PIPE, stderr=None)
        assert process.stdout is not None
        return Simulator(process, process.stdout.readline().strip())

    @property
    def station_pid(self) -> int | None:
        try:
            return int(json.loads(self.database.with_name(self.database.name + ".lock").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def close(self) -> None:
        pid = self.station_pid
        if pid is not None:
            for number in (signal.SIGCONT, signal.SIGTERM):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    break
            deadline = time.monotonic() + LONG_S
            while self.station_pid is not None and time.monotonic() < deadline:
                time.sleep(0.02)
        for process in self.processes:
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class OnAir(Simulator):
    """A simulated pen and the radio that it is on."""

    radio: str = ""

    @property
    def full(self) -> str:
        """Its address with the radio."""
        return f"{self.address}?radio={self.radio}"


def simulate_on_air(house: House, *arguments: str) -> OnAir:
    process = house.start("simulate", "ble", "--console", *arguments, stdin=subprocess.PIPE, stderr=None)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    return OnAir(process, address, process.stdout.readline().strip())


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What a process prints up to the line with ``text``."""
    assert process.stdout is not None
    said = ""
    while text not in said:
        line = process.stdout.readline()
        assert line, f"it ended before it said {text!r}: {said}"
        said += line
    return said


def until(ready: Callable[[], object], what: str) -> None:
    """Wait for something that must come, however slow the machine is."""
    deadline = time.monotonic() + LONG_S
    while not ready():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@pytest.fixture
def house() -> Iterator[House]:
    # A socket's path may have 104 bytes, which pytest's own folders can exceed.
    place = House(Path(tempfile.mkdtemp(prefix="dc-")))
    yield place
    place.close()


@pytest.fixture(scope="module")
def shared_house() -> Iterator[House]:
    """One for a whole module: a station is started once."""
    place = House(Path(tempfile.mkdtemp(prefix="dc-")))
    yield place
    place.close()


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], object], str], None]:
    return until
