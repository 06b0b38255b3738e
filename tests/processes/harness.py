"""Starts and ends real processes: simulated pens, stations, clients. Everything waits with a limit and ends by its id."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from devicectl.records.check import check_database
from devicectl.records.location import Location
from devicectl.station.paths import StationPaths

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
LONG_S: Final = 30.0
"""Longest wait for anything; only a machine that is stuck needs it."""
LEASE_S: Final = 0.5
AT_WORST_S: Final = 0.4 + LEASE_S / 4 + LEASE_S
"""After the client's end: a station too busy to see it may renew until the heartbeat is 400 ms old, and once more."""
SLOW_S: Final = 1.0
"""What a busy machine may keep bytes in its buffers; on a quiet one it is a few ms."""


def until(true: Callable[[], Any], what: str, seconds: float = LONG_S, step: float = 0.004) -> Any:
    """Wait until ``true()`` gives something true, and give that."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(step)
    return found


class Process:
    """A program whose lines are read by a thread; ``kill`` ends it whatever its state."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], log: Path, **options: Any) -> None:
        self._log = log.open("ab")
        self.popen = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=ROOT,
            **options,
        )
        self.log = log
        self.lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.put(line.decode().rstrip("\n"))
        self.lines.put(None)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def line(self, seconds: float = LONG_S) -> str:
        """The next line; fails with the log when there is none."""
        try:
            found = self.lines.get(timeout=seconds)
        except queue.Empty:
            found = None
        assert found is not None, f"no line came; its log says: {self.log.read_text()[-2000:]}"
        return found

    def signal(self, number: int) -> float:
        """Send a signal; gives the time (CLOCK_MONOTONIC) after it was sent."""
        os.kill(self.pid, number)
        return time.monotonic()

    def wait(self, seconds: float = LONG_S) -> int:
        """The exit code."""
        return self.popen.wait(seconds)

    def kill(self) -> float:
        """``kill -9``, and wait for the end; gives the time after the signal was sent. Safe to call twice."""
        at = time.monotonic()
        if self.alive:
            self.popen.kill()
            at = time.monotonic()
            self.popen.wait(LONG_S)
        self._reader.join(LONG_S)
        for stream in (self.popen.stdin, self.popen.stdout, self._log):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass
        return at


class Pen(Process):
    """A simulated pen, and what its motor really did."""

    def __init__(self, place: Place, kind: str = "pty", seed: int = 1, port: int = 0) -> None:
        self._truth = place.new_file("truth")
        arguments = [str(HERE / "pen_process.py"), kind, str(self._truth), str(seed), str(port)]
        super().__init__(arguments, place.environment(measured=False), place.new_file("pen.log"))

    @cached_property
    def address(self) -> str:
        """Its first line."""
        return self.line()

    def console(self, text: str) -> str:
        """One line to the simulator's console and its answer."""
        assert self.address
        self.say(text)
        return self.line()

    def truth(self) -> list[str]:
        """Everything the pen reported, as it stands in the file."""
        return self._truth.read_text().split("\n")[:-1]

    def _told(self, kind: str) -> list[tuple[float, Any]]:
        rows = [json.loads(line) for line in self.truth()]
        return [(row["t"], row[kind]) for row in rows if kind in row]

    def drives(self) -> list[tuple[float, bool]]:
        """Every change of the motor's current: CLOCK_MONOTONIC in the simulation's own time, and whether it is on."""
        return self._told("drive")

    def driven_at(self, when: float) -> bool:
        """Whether the motor had current at ``when``."""
        return next((on for t, on in reversed(self.drives()) if t <= when), False)

    def wait_off(self, since: float) -> float:
        """Wait until the motor has no current; gives when it lost it, ``since`` at the earliest."""

        def off() -> tuple[float, bool] | None:
            drives = self.drives()
            last = drives[-1] if drives else (0.0, False)
            return None if last[1] else last

        return max(since, until(off, "the motor loses its current")[0])

    def wait_on(self, since: float) -> float:
        """Wait for the next time the motor gets current after ``since``; gives when."""
        found = until(lambda: [t for t, on in self.drives() if on and t >= since], "the motor gets current")
        return float(found[0])

    def starts(self, since: float, to: float) -> list[float]:
        """When the motor got current in a stretch of time."""
        return [t for t, on in self.drives() if on and since < t <= to]

    def late(self, since: float) -> float:
        """By how much this process was kept waiting at worst since then: its renewals were read so much later."""
        return float(max((delay for t, delay in self._told("late") if t >= since), default=0.0))

    def off_within(self, event: float, bound: float) -> float:
        """Assert that the motor's current was off within ``bound`` s of ``event``; gives after how many it was.

        What the pen itself answers for is exact, in its own clock: 500 ms after the last renewal (or the start) at most.
        What lies between the event and the last renewal are processes and buffers of a machine that may be slow.
        """
        at = self.wait_off(event)
        last = max((t for t in (*self._times("renewed"), *self.starts(0.0, at)) if t <= at), default=at)
        assert at <= last + LEASE_S + 0.005 or at == event, f"off {at - last:.3f} s after the last renewal"
        spare = SLOW_S + 2 * self.late(event - 0.2)
        assert at - event <= bound + spare, f"off after {at - event:.3f} s instead of {bound} s (+ {spare:.3f} s)"
        return at - event

    def _times(self, kind: str) -> list[float]:
        return [t for t, _ in self._told(kind)]


class Puppet(Process):
    """A client process that does what it is told."""

    def __init__(self, place: Place, name: str) -> None:
        environment = place.environment(measured=False)
        super().__init__([str(HERE / "client_process.py"), name], environment, place.new_file("client.log"))
        self.name = name
        self.log_lines: list[str] = []
        self.lost = self.direct = ""
        self._ids = itertools.count(1)

    def send(self, method: str, **params: Any) -> int:
        """Ask without waiting."""
        key = next(self._ids)
        self.say(json.dumps({"id": key, "method": method, "params": params}))
        return key

    def answer(self, key: int, seconds: float = LONG_S) -> dict[str, Any]:
        """Wait for one answer; older ones are dropped."""
        end = time.monotonic() + seconds
        while True:
            message = self._message(end)
            if message.get("id") == key:
                return message

    def _message(self, end: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.line(max(0.1, end - time.monotonic())))
        assert "failed" not in message, message
        if "log" in message:
            self.log_lines.append(message["log"])
        self.lost = message.get("lost", self.lost)
        self.direct = message.get("direct", self.direct)
        return message

    def ask(self, method: str, **params: Any) -> Any:
        """A request that must be answered with a result."""
        answer = self.answer(self.send(method, **params))
        assert "error" not in answer, answer
        return answer["result"]

    def refusal(self, method: str, **params: Any) -> str:
        """A request that must be refused; gives the sentence."""
        answer = self.answer(self.send(method, **params))
        assert "error" in answer, answer
        return str(answer["error"])

    def view(self) -> dict[str, Any]:
        """The newest view."""
        return until(lambda: self.ask("view"), "a view")  # type: ignore[no-any-return]

    def until(self, true: Callable[[dict[str, Any]], Any], what: str, seconds: float = LONG_S) -> dict[str, Any]:
        """Wait for a view with a pen that pleases, and that is newer than this call; gives it."""
        old = self.ask("view")

        def seen() -> dict[str, Any] | None:
            view = self.ask("view")
            if view is None or (old is not None and view["serial"] == old["serial"]):
                return None
            return view if view["pen"] is not None and true(view) else None

        return until(seen, what, seconds)  # type: ignore[no-any-return]

    def wait_lost(self, seconds: float = LONG_S) -> str:
        """Until the client has noticed that the station is gone; gives the sentence."""
        end = time.monotonic() + seconds
        while not self.lost:
            self._message(end)
        return self.lost

    # -- what a person does

    def ready(self, pen: Pen, purpose: str = "bench", client: str | None = None) -> Puppet:
        """Pen open, session open, every gate open."""
        self.ask("pen.open", address=pen.address, wait_s=20.0)
        self.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
        if self.view()["session"] is None:
            self.ask("session.open", purpose=purpose, client=client)
        self.until(lambda v: all(g["passed"] for g in v["gates"] if g["name"] != "latch"), "the gates are open")
        return self

    def reset(self) -> None:
        """Leave the latch."""
        self.until(lambda v: self.ask("pen.reset")["outcome"] == "confirmed", "the pen leaves its latch")
        self.until(lambda v: not v["pen"]["latched"], "the latch is gone")

    def run(self, pen: Pen, zone: str = "VTX") -> float:
        """The two-step start; gives when the motor got its current."""
        asked = time.monotonic()
        self.ask("zone.select", zone=zone)
        self.until(lambda v: all(g["passed"] for g in v["gates"]), "the gates are open")
        sheet = self.ask("run.preview")
        time.sleep(sheet["not_before_s"] + 0.01)
        reply = self.ask("run.start", ticket=sheet["ticket"])
        assert reply["outcome"] == "confirmed", reply
        return pen.wait_on(asked)


class Station(Process):
    """``devicectl station`` as a person would start it."""

    def __init__(self, place: Place, *arguments: str, measured: bool = True, **options: Any) -> None:
        command = ["-m", "devicectl", "station", *arguments]
        super().__init__(command, place.environment(measured=measured), place.new_file("station.log"), **options)
        self.place = place

    def listening(self) -> Station:
        """Wait until clients can connect."""
        until(lambda: not self.alive or reachable(self.place.paths), "the station listens")
        assert self.alive, self.words
        return self

    @property
    def words(self) -> str:
        """What it said on standard error."""
        return self.log.read_text()


class RawClient:
    """A connection of another program: bytes as they are."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LONG_S)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def line(self) -> dict[str, Any] | None:
        """The next message; None when the station has closed the connection."""
        try:
            line = self._file.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line else None

    def say(self, message: object) -> None:
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.socket.sendall(data)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One request and its answer."""
        self.say({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = self.line()
        assert answer is not None, "the station hung up"
        return answer

    def hello(self) -> RawClient:
        assert "result" in self.ask("station.hello", client="raw", version=1)
        return self


def reachable(paths: StationPaths) -> bool:
    """Whether both sockets of a station take connections."""
    for path in (paths.requests, paths.stop):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(str(path))
        except OSError:
            return False
    return True


class Place:
    """One workstation: its database, its runtime directory, its processes."""

    def __init__(self, host: Place | None = None) -> None:
        # Short, because the path of a Unix socket may have about 100 characters only.
        self.folder = host.folder if host is not None else Path(tempfile.mkdtemp(prefix="dvc"))
        self.runtime = self.folder / "run"
        self.database = self.folder / "data" / "record.db"
        self.processes: list[Process] = host.processes if host is not None else []
        self._numbers: Iterator[int] = host._numbers if host is not None else itertools.count(1)

    def beside(self, name: str) -> Place:
        """Another database on the same workstation."""
        other = Place(self)
        other.database = self.folder / name / "record.db"
        return other

    def environment(self, *, measured: bool = True) -> dict[str, str]:
        """For a child. Coverage cannot be written by a process that is killed, and only slows it down."""
        own = {name: value for name, value in os.environ.items() if measured or not name.startswith("COV")}
        own["DEVICECTL_RUNTIME_DIR"] = str(self.runtime)
        own["DEVICECTL_DATABASE"] = str(self.database)
        own["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        # Nothing of a test belongs into the files of the user who runs it.
        own["XDG_STATE_HOME"] = str(self.folder / "state")
        own.pop("DEVICECTL_LOG", None)
        return own

    @property
    def location(self) -> Location:
        return Location(self.database.resolve(), "argument")

    @property
    def paths(self) -> StationPaths:
        """The station's files, as ``station_paths`` names them."""
        name = f"station-{self.location.hash}"
        base = self.runtime
        return StationPaths(base / f"{name}.sock", base / f"{name}.stop", base / f"{name}.lock", base / f"{name}.log")

    def new_file(self, name: str) -> Path:
        """A path that was not used before."""
        path = self.folder / f"{next(self._numbers)}-{name}"
        path.touch()
        return path

    def trio(self) -> tuple[Station, Pen, Puppet]:
        """A station, a pen and a client that is ready to start it; they come up side by side."""
        station, pen, client = self._keep(Station(self)), self.pen(), self.client()
        client.ready(pen)
        return station, pen, client

    def pen(self, kind: str = "pty", **options: Any) -> Pen:
        return self._keep(Pen(self, kind, **options))

    def station(self, *arguments: str, **options: Any) -> Station:
        """A station that listens."""
        return self._keep(Station(self, *arguments, **options)).listening()

    def station_that_ends(self, *arguments: str, **options: Any) -> Station:
        """A station that is expected to refuse to start."""
        station = self._keep(Station(self, *arguments, **options))
        station.wait()
        return station

    def client(self, name: str = "dashboard") -> Puppet:
        return self._keep(Puppet(self, name))

    def _keep(self, process: Any) -> Any:
        self.processes.append(process)
        return process

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What the database holds, read beside the station."""
        return rows(self.database, query, *values)

    def sound(self) -> None:
        """Integrity, guards, references and the checksum of every telemetry block."""
        bad = [item for item in check_database(self.location) if not item.ok]
        assert not bad, bad

    def close(self) -> None:
        """End everything that still runs, by its id."""
        for process in reversed(self.processes):
            if process.alive:
                # One that was halted would not hear of anything else.
                process.signal(signal.SIGCONT)
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def left_running(self) -> list[str]:
        """What still runs here, does not end by itself, and is ended now. Empty where there is no /proc."""
        end = time.monotonic() + LONG_S
        while self._running() and time.monotonic() < end:
            time.sleep(0.05)
        left = self._running()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return list(left.values())

    def _running(self) -> dict[int, str]:
        mark, found = str(self.folder).encode(), {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                told = (entry / "cmdline").read_bytes()
                if told and mark in told + (entry / "environ").read_bytes() and int(entry.name) != os.getpid():
                    found[int(entry.name)] = told.replace(b"\0", b" ").decode(errors="replace")
        return found


def rows(database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a query, on a connection that cannot write."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
    try:
        cursor = connection.execute(query, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()


PASS_LINE: Final = re.compile(r"^(?P<zone>[A-Z0-9-]+): pass (?P<seq>\d+) (?P<reason>[a-z ]+), [\d.]+ s$")
"""How the session log acknowledges a closed pass."""


class Nursery:
    """Forks stations and clients of any place; see ``nursery``."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        self._folder = Path(tempfile.mkdtemp(prefix="dvc"))
        environment["XDG_STATE_HOME"] = str(self._folder / "state")
        environment.pop("DEVICECTL_LOG", None)
        self._process = Process([str(HERE / "nursery.py")], environment, self._folder / "log")
        self._lock = threading.Condition()
        self._pids: dict[int, int] = {}
        self._codes: dict[int, int] = {}
        self._orders = itertools.count(1)
        assert json.loads(self._process.line())["ready"]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while (line := self._process.lines.get()) is not None:
            told = json.loads(line)
            with self._lock:
                if "code" in told:
                    self._codes[told["pid"]] = told["code"]
                else:
                    self._pids[told["order"]] = told["pid"]
                self._lock.notify_all()

    def fork(self, role: str, place: Place, *arguments: str) -> Child:
        """A new station or client."""
        log = place.new_file(f"{role}.log")
        environment = {"DEVICECTL_RUNTIME_DIR": str(place.runtime), "DEVICECTL_DATABASE": str(place.database)}
        with self._lock:
            key = next(self._orders)
            order = {"order": key, "role": role, "environment": environment, "log": str(log), "arguments": arguments}
            self._process.say(json.dumps(order))
            assert self._lock.wait_for(lambda: key in self._pids, LONG_S), "the nursery does not answer"
            return Child(self, self._pids[key], log)

    def code(self, pid: int, seconds: float) -> int | None:
        """The exit code of a child, None while it runs."""
        with self._lock:
            self._lock.wait_for(lambda: pid in self._codes, seconds)
            return self._codes.get(pid)

    def close(self) -> None:
        """End the nursery; its children end with it."""
        for pid in self._pids.values():
            if pid not in self._codes:
                Child(self, pid, Path()).kill()
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


class Child:
    """A process forked by the nursery."""

    def __init__(self, nursery: Nursery, pid: int, log: Path) -> None:
        self._nursery, self.pid, self.log = nursery, pid, log

    @property
    def alive(self) -> bool:
        return self._nursery.code(self.pid, 0) is None

    def shoot(self) -> None:
        """``kill -9``, without waiting."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """``kill -9``, and wait for the end."""
        self.shoot()
        assert self.wait() is not None

    def wait(self, seconds: float = LONG_S) -> int | None:
        """The exit code once it has ended."""
        return self._nursery.code(self.pid, seconds)
