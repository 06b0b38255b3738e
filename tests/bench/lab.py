"""What the rows share: processes, pseudo-terminals, a station of their own, and a place for its files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build"
STAMP: Final = struct.Struct("<cq")
"""One report of the pen's process: what was read (``s`` STOP of the pen, ``r`` STOP of the relay) and when, in ns."""


class BenchError(RuntimeError):
    """A row cannot be measured; the text says why."""


class Lab:
    """Makes processes and ends them again, each by its own id. ``quick`` asks for few rounds."""

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick
        self._stack = ExitStack()
        BUILD.mkdir(exist_ok=True)
        # Unix sockets need a short path, a durable write needs the disk that the project lies on.
        self.runtime = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dcb-")))
        self.disk = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
        self._stack.callback(shutil.rmtree, self.disk, ignore_errors=True)
        self._databases = 0

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def database(self) -> Path:
        """A path where no database is yet."""
        self._databases += 1
        return self.disk / f"{self._databases}.sqlite3"

    def environment(self, database: Path | None = None) -> dict[str, str]:
        """For child processes: our modules, the terminal's abilities, a runtime directory of our own."""
        more = {
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
            "DEVICECTL_RUNTIME_DIR": str(self.runtime),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        if database is not None:
            more["DEVICECTL_DATABASE"] = str(database)
        return {**os.environ, **more}

    @contextlib.contextmanager
    def surroundings(self, database: Path) -> Iterator[None]:
        """This process, too, sees the runtime directory and the database while the block runs."""
        names = ("DEVICECTL_RUNTIME_DIR", "DEVICECTL_DATABASE")
        before = {name: os.environ.get(name) for name in names}
        os.environ.update(DEVICECTL_RUNTIME_DIR=str(self.runtime), DEVICECTL_DATABASE=str(database))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    @contextlib.contextmanager
    def process(self, arguments: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A Python process that ends with the block: told by SIGTERM, made by SIGKILL after 5 s.

        In a session of its own, as a terminal's programs and the station are: schedulers may share out time by session.
        """
        options = {"env": self.environment(), "start_new_session": True, **options}
        with subprocess.Popen([sys.executable, *arguments], **options) as child:
            try:
                yield child
            finally:
                if child.poll() is None:
                    child.send_signal(signal.SIGTERM)
                    try:
                        child.wait(5)
                    except subprocess.TimeoutExpired:
                        child.kill()

    @contextlib.contextmanager
    def pen(self, *options: str, seed: int = 1, stamped: bool = False) -> Iterator[PenProcess]:
        """A simulated pen behind a pseudo-terminal, in a process of its own; ``stamped``: it looks out for STOP."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        arguments = ["-m", "bench.pen_process", "--seed", str(seed), *options]
        if stamped:
            arguments += ["--stamps", str(write)]
        try:
            with self.process(arguments, stdout=subprocess.PIPE, pass_fds=(write,)) as child:
                assert child.stdout is not None
                line = child.stdout.readline()
                if not line:
                    raise BenchError("the simulated pen did not start")
                told = json.loads(line)
                yield PenProcess(child, told["address"], told.get("relay", ""), read)
        finally:
            os.close(read)
            os.close(write)

    @contextlib.contextmanager
    def station(self, database: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A station in a process of its own, ready for clients."""
        from devicectl.records.location import locate
        from devicectl.station.paths import station_paths

        with self.surroundings(database):
            sockets = station_paths(locate().hash)
        arguments = ["-P", "-m", "devicectl", "station"]
        options = {"env": self.environment(database), "stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        with self.process(arguments, **options) as child:
            until = time.monotonic() + 15
            while not _listens(sockets.requests):
                if child.poll() is not None or time.monotonic() > until:
                    child.kill()
                    assert child.stderr is not None
                    raise BenchError(f"the station did not start: {child.stderr.read().decode()[-300:].strip()}")
                time.sleep(0.02)
            yield child

    @contextlib.contextmanager
    def terminal(self, arguments: Sequence[str], database: Path | None = None) -> Iterator[Terminal]:
        """A program in a terminal of 120×40, with a side channel of lines for what no key can ask."""
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        here, there = socket.socketpair()
        try:
            with self.process(
                [*arguments, "--side", str(there.fileno())],
                env=self.environment(database),
                stdin=slave,
                stdout=slave,
                stderr=slave,  # where Textual draws
                pass_fds=(there.fileno(),),
            ) as child:
                there.close()
                os.close(slave)
                slave = -1
                yield Terminal(child, master, here)
        finally:
            here.close()
            there.close()
            os.close(master)
            if slave >= 0:
                os.close(slave)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


class PenProcess:
    """A simulated pen and the stamps it writes when STOP bytes are read at its end."""

    def __init__(self, child: subprocess.Popen[bytes], address: str, relay: str, stamps: int) -> None:
        self.child, self.address, self.relay, self.stamps = child, address, relay, stamps

    def take(self) -> list[tuple[bytes, int]]:
        """Every stamp that has come since the last call."""
        found: list[tuple[bytes, int]] = []
        while True:
            try:
                data = os.read(self.stamps, STAMP.size * 64)
            except BlockingIOError:
                return found
            if not data:
                return found
            found += STAMP.iter_unpack(data)


class Terminal:
    """The person's end of a terminal: keys in, bytes out, which are counted and of which the last few are kept."""

    def __init__(self, child: subprocess.Popen[bytes], master: int, side: socket.socket) -> None:
        self.child, self.master, self.bytes = child, master, 0
        self._side, self._tail, self._rest, self._new = side, b"", b"", b""
        os.set_blocking(master, False)
        side.setblocking(False)

    def read(self) -> None:
        """Take what the program has drawn."""
        self._new = b""
        try:
            data = os.read(self.master, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            raise BenchError(f"the program in the terminal ended: {self._last_words()}") from None
        self.bytes += len(data)
        self._tail, self._new = data[-4000:], data

    def _last_words(self) -> str:
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._tail.decode(errors="replace"))
        return text.strip()[-400:] or f"exit code {self.child.poll()}"

    def key(self, data: bytes) -> int:
        """Type; answers the instant in ns right before the write."""
        at = time.monotonic_ns()
        os.write(self.master, data)
        return at

    def shows(self, key: bytes, *texts: bytes, seconds: float = 5.0) -> list[float]:
        """Type ``key`` and read until ``texts`` have been drawn in this order.

        For each the seconds from right before the write to right after the read.
        """
        self.read()
        drawn, times, began = b"", [], time.monotonic()
        os.write(self.master, key)
        for text in texts:
            while text not in drawn:
                left = began + seconds - time.monotonic()
                if left <= 0 or not select.select([self.master], [], [], left)[0]:
                    raise BenchError(f"{text.decode()!r} was not drawn: {self._last_words()}")
                self.read()
                drawn += self._new
            times.append(time.monotonic() - began)
        return times

    def pass_time(self, seconds: float, others: Sequence[Terminal] = ()) -> None:
        """Wait, drawing meanwhile."""
        until = time.monotonic() + seconds
        terminals = {t.master: t for t in (self, *others)}
        while (left := until - time.monotonic()) > 0:
            for fd in select.select(list(terminals), [], [], left)[0]:
                terminals[fd].read()

    def ask(self, command: str, seconds: float = 15.0) -> dict[str, Any]:
        """Say one line on the side channel and wait for the answer, drawing meanwhile."""
        self._side.send(command.encode() + b"\n")
        return self.answer(seconds)

    def answer(self, seconds: float = 15.0) -> dict[str, Any]:
        """The next line of the side channel."""
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0:
                raise BenchError(f"the program in the terminal did not answer: {self._last_words()}")
            ready = select.select([self.master, self._side], [], [], left)[0]
            if self.master in ready:
                self.read()
            if self._side in ready:
                data = self._side.recv(4096)
                if not data:
                    raise BenchError(f"the program in the terminal ended: {self._last_words()}")
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise BenchError(found["error"])
        return found


def raw_pty() -> tuple[int, int, str]:
    """Master, slave and the slave's name of a pseudo-terminal that changes no byte."""
    master, slave = os.openpty()
    tty.setraw(slave)
    return master, slave, os.ttyname(slave)
