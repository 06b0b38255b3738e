"""Port locks between processes, and STOP written past a process that holds the port."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.address import Address, parse_address
from drivers.direct_stop import REPEATS, direct_stop
from drivers.penlink.frame import STOP
from drivers.portlock import PortHeld, holdings, lock_port, lock_serial

from .test_serial_link import Terminal, fill

HOLD_LOCK = """
import sys, time
from drivers.address import parse_address
from drivers.portlock import lock_port, lock_serial
address = parse_address(sys.argv[1])
locks = [lock_port(address, "the other one"), lock_serial(address, "REF-1", "the other one")]
print("held", flush=True)
sys.stdin.read()
"""
HOLD_PORT = """
import sys, serial
port = serial.Serial(sys.argv[1], 115200, exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


class Other:
    """Another process that runs ``code`` until it is ended."""

    def __init__(self, code: str, argument: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=10)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def others() -> Iterator[list[Other]]:
    made: list[Other] = []
    yield made
    for other in made:
        other.end()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.vanish()


# -- locks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_port_held_by_another_process_is_named_until_that_process_dies(others: list[Other], number: int) -> None:
    address = parse_address("serial:///dev/ttyPEN0?baud=9600")
    other = Other(HOLD_LOCK, str(address))
    others.append(other)
    for attempt in (lambda: lock_port(address, "me"), lambda: lock_serial(address, "REF-1", "me")):
        with pytest.raises(
            PortHeld, match=rf"held by the other one \(process {other.pid}\); 'devicectl stop'"
        ) as error:
            attempt()
        assert error.value.code == "port-busy"
    # Another spelling of the same port is the same port.
    with pytest.raises(PortHeld):
        lock_port(parse_address("/dev/ttyPEN0"), "me")
    assert [(h.address, h.pid, h.owner) for h in holdings()] == [(str(address), other.pid, "the other one")]
    other.end(number)
    assert holdings() == []
    lock = lock_port(address, "me")
    assert [h.owner for h in holdings()] == ["me"]
    lock.release()
    lock.release()
    assert holdings() == []


def test_two_ports_and_two_pens_do_not_disturb_each_other() -> None:
    one, two = parse_address("/dev/ttyPEN0"), parse_address("tcp://127.0.0.1:7001")
    locks = [lock_port(one, "a"), lock_port(two, "b"), lock_serial(one, "S1", "a"), lock_serial(two, "S2", "b")]
    assert sorted(h.address for h in holdings()) == sorted([str(one), str(two)])
    for lock in locks:
        lock.release()


def test_a_link_beside_a_port_is_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def real(path: str) -> str:
        return "/dev/ttyACM0" if path.startswith("/dev/serial/by-id/") else path

    monkeypatch.setattr("drivers.portlock.os.path.realpath", real)
    lock = lock_port(parse_address("/dev/ttyACM0"), "a")
    with pytest.raises(PortHeld):
        lock_port(parse_address("/dev/serial/by-id/usb-Penlink"), "b")
    lock.release()


def test_broken_lock_files_are_nobodys(runtime: Path) -> None:
    lock = lock_port(parse_address("/dev/ttyPEN0"), "a")
    [path] = runtime.glob("port-*.lock")
    path.write_text("{")
    (runtime / "port-0000.lock").write_text('{"address": "serial:///dev/x", "pid": 1, "owner": "nobody any more"}')
    assert holdings() == []
    with pytest.raises(PortHeld, match="held by another program"):
        lock_port(parse_address("/dev/ttyPEN0"), "b")
    lock.release()


def test_the_runtime_folder_is_private(runtime: Path) -> None:
    lock_port(parse_address("/dev/ttyPEN0"), "a").release()
    assert runtime.stat().st_mode & 0o777 == 0o700
    [path] = runtime.glob("port-*.lock")
    assert path.stat().st_mode & 0o777 == 0o600


# -- direct stop -------------------------------------------------------------------------------------------------------


def read(terminal: Terminal) -> bytes:
    out = b""
    while select.select([terminal.master], [], [], 0.2)[0]:
        out += terminal.read()
    return out


def test_stop_goes_past_a_process_that_holds_the_port(terminal: Terminal, others: list[Other]) -> None:
    others.append(Other(HOLD_PORT, terminal.path))
    done = direct_stop(Address("serial", terminal.path))
    assert done.sent
    assert done.text == f"serial://{terminal.path}: STOP written straight to the port."
    assert read(terminal) == STOP * REPEATS


def test_stop_goes_past_a_holder_that_hangs_with_a_full_buffer(terminal: Terminal, others: list[Other]) -> None:
    others.append(Other(HOLD_PORT, terminal.path))
    os.kill(others[0].pid, signal.SIGSTOP)
    fd = os.open(terminal.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    fill(fd)
    os.close(fd)
    assert direct_stop(Address("serial", terminal.path)).sent
    assert STOP in read(terminal)


@pytest.mark.parametrize(
    "address",
    [
        Address("serial", "/dev/there-is-no-such-port"),
        Address("serial", "/dev/nul\0l"),
        Address("tcp", "127.0.0.1:1"),
        Address("tcp", "x" * 70 + ".invalid:7001"),
        Address("ble", "AA:BB:CC:DD:EE:FF"),
    ],
    ids=["no port", "zero in the name", "nobody listens", "no host", "radio"],
)
def test_what_cannot_be_reached_is_told_with_the_pens_own_switch(address: Address) -> None:
    done = direct_stop(address)
    assert not done.sent
    assert done.text.endswith("use the pen's own switch.")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_stop_over_a_second_connection(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    heard = bytearray()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(100):
                heard.extend(data)

    thread = threading.Thread(target=serve)
    thread.start()
    where = f"[{host}]" if ":" in host else host
    done = direct_stop(parse_address(f"tcp://{where}:{server.getsockname()[1]}"))
    thread.join(5)
    server.close()
    assert done.sent
    assert heard == STOP * REPEATS
