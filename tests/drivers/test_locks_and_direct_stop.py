"""Port locks between processes, and STOP written past a process that holds the port."""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.address import Address, parse_address
from drivers.api import PenError
from drivers.direct_stop import REPEATS, direct_stop
from drivers.penlink.frame import STOP
from drivers.port_identity import identity_of, port_identity
from drivers.portlock import (
    LEFT_S,
    PortHeld,
    forget,
    holder_of,
    holdings,
    left_at,
    left_behind,
    lock_port,
    lock_serial,
    sign_of_life,
    tidy,
)

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
    assert [(one.holding.address, one.holding.serial) for one in left_behind()] == [(str(address), "REF-1")]
    lock = lock_port(address, "me")
    assert left_behind() == []
    assert holder_of(address) is not None
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


# -- what a killed process leaves -----------------------------------------------------------------------------------


def kill_holder(address: str) -> int:
    other = Other(HOLD_LOCK, address)
    other.end()
    return other.pid


def test_a_link_to_a_port_finds_what_was_left_there(tmp_path: Path, terminal: Terminal) -> None:
    pid = kill_holder(f"serial://{terminal.path}?dtr=0")
    beside = tmp_path / "pen"
    beside.symlink_to(terminal.path)
    left = left_at(Address("serial", terminal.path))
    assert left is not None
    assert (left.holding.pid, left.holding.owner, left.holding.serial) == (pid, "the other one", "REF-1")
    assert left_at(Address("serial", str(beside))) == left
    assert not left.another_device


def test_who_holds_a_port_by_a_link_is_found_where_the_link_leads_now(tmp_path: Path, terminal: Terminal) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(tmp_path / "ttyACM0")
    other = Other(HOLD_LOCK, f"serial://{link}")
    link.unlink()
    link.symlink_to(terminal.path)
    holder = holder_of(Address("serial", terminal.path))
    other.end()
    assert holder is not None
    assert holder.pid == other.pid


def test_what_is_left_counts_from_the_holders_last_sign_of_life(runtime: Path) -> None:
    address = parse_address("/dev/ttyPEN0")
    lock = lock_port(address, "me")
    [path] = runtime.glob("port-*.lock")
    os.utime(path, (1_000_000, 1_000_000))
    sign_of_life()
    assert path.stat().st_mtime > 1_000_000
    lock.release()
    kill_holder(str(address))
    died = max(p.stat().st_mtime for p in runtime.glob("port-*.lock"))
    before = [p.stat().st_mtime for p in sorted(runtime.glob("port-*.lock"))]
    sign_of_life()
    assert [p.stat().st_mtime for p in sorted(runtime.glob("port-*.lock"))] == before, "not of this process"
    assert len(left_behind(died + LEFT_S - 1)) == 1
    assert left_behind(died + LEFT_S + 1) == []
    tidy(died + LEFT_S - 1)
    assert len(left_behind()) == 1
    tidy(died + LEFT_S + 1)
    assert left_behind() == []
    assert {p.read_text() for p in runtime.glob("port-*.lock")} == {""}


def test_a_process_that_got_the_number_of_a_killed_one_gives_no_sign_for_it(runtime: Path) -> None:
    kill_holder("/dev/ttyPEN0")
    for path in runtime.glob("port-*.lock"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": os.getpid()}))
        os.utime(path, (1000, 1000))
    sign_of_life()
    assert {path.stat().st_mtime for path in runtime.glob("port-*.lock")} == {1000}


def test_a_later_owner_of_the_pen_cleans_what_was_left_at_another_port() -> None:
    kill_holder("/dev/ttyPEN0")
    kill_holder("tcp://127.0.0.1:7001")
    assert [one.holding.address for one in left_behind()] == ["tcp://127.0.0.1:7001"]
    assert left_at(parse_address("/dev/ttyPEN0")) is None


def test_a_file_that_is_held_again_is_neither_left_nor_forgotten() -> None:
    address = parse_address("/dev/ttyPEN0")
    kill_holder(str(address))
    [left] = left_behind()
    lock = lock_port(address, "me")
    assert left_behind() == []
    forget(left)
    assert [h.owner for h in holdings()] == ["me"]
    lock.release()


def test_a_port_that_was_only_tried_is_left_as_before() -> None:
    address = parse_address("/dev/ttyPEN0")
    pid = kill_holder(str(address))
    [before] = left_behind()
    lock = lock_port(address, "a scan")
    assert left_behind() == []
    lock.release(used=False)
    [after] = left_behind()
    assert (after.holding.pid, after.alive_at) == (pid, before.alive_at)
    lock_port(address, "a station").release()
    # The file of the pen that was there before named the port too.
    assert left_behind() == []
    lock_port(address, "a scan").release(used=False)
    assert left_behind() == []


def test_a_full_disk_takes_no_lock_and_nothing_that_was_left() -> None:
    address = parse_address("/dev/ttyPEN0")
    kill_holder(str(address))
    [before] = left_behind()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(PenError, match="free some space"):
            lock_port(address, "a station")
        with pytest.raises(PenError, match="free some space"):
            lock_port(parse_address("/dev/ttyPEN1"), "a station")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left_behind() == [before]
    lock_port(address, "a station").release()
    lock_port(parse_address("/dev/ttyPEN1"), "a station").release()


def test_who_looks_at_a_lock_does_not_pass_for_its_holder(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station may open a port in the very moment in which somebody's STOP looks who holds it."""
    address = parse_address("/dev/ttyPEN0")
    lock_port(address, "me").release()
    [path] = runtime.glob("port-*.lock")
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("drivers.portlock.time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    lock_port(address, "me").release()
    os.close(looking)


def test_a_pseudo_terminal_made_anew_is_another_device(terminal: Terminal) -> None:
    before = port_identity(terminal.path)
    terminal.vanish()
    assert port_identity(terminal.path) == ""
    time.sleep(0.05)  # the system's clock of files has a grain
    again = Terminal()
    try:
        if again.path != terminal.path:
            pytest.skip("the system did not give the same number again")
        assert port_identity(again.path) not in ("", before)
    finally:
        again.vanish()


def test_a_usb_port_is_known_by_its_device(tmp_path: Path) -> None:
    """The system's own folder, as Linux lays it out: a terminal leads to its interface, above which is the device."""
    device = tmp_path / "devices" / "usb1" / "1-2"
    (device / "1-2:1.0").mkdir(parents=True)
    for name, text in (("idVendor", "2341"), ("idProduct", "0043"), ("serial", "A1")):
        (device / name).write_text(text + "\n")
    (tmp_path / "tty" / "ttyACM0").mkdir(parents=True)
    (tmp_path / "tty" / "ttyACM0" / "device").symlink_to(device / "1-2:1.0")
    assert port_identity("/dev/ttyACM0", tmp_path / "tty") == "usb 2341:0043 A1"
    assert port_identity("/dev/ttyACM1", tmp_path / "tty") == ""
    assert port_identity("127.0.0.1:7001", tmp_path / "tty") == ""


def test_a_port_that_is_open_is_known_as_by_its_name(terminal: Terminal) -> None:
    assert identity_of(terminal.slave) == port_identity(terminal.path) != ""
    with open("/dev/null", "rb") as other:
        assert identity_of(other.fileno()) == ""


def test_a_port_is_noted_again_each_time_that_its_pen_is_heard(tmp_path: Path, terminal: Terminal) -> None:
    link = tmp_path / "by-id"
    address = Address("serial", str(link))
    locks = [lock_port(address, "me"), lock_serial(address, "S1", "me")]
    assert {one.device for one in holdings()} == {""}
    link.symlink_to(terminal.path)
    for lock in locks:
        lock.note()
    holder = holder_of(address)
    assert holder is not None
    assert (holder.serial, holder.device) == ("S1", port_identity(terminal.path))
    for lock in locks:
        lock.release()
        lock.note()
    assert holdings() == []


def test_what_a_living_holder_lets_go_of_unconfirmed_is_left_behind(terminal: Terminal) -> None:
    address = Address("serial", terminal.path)
    locks = [lock_port(address, "me"), lock_serial(address, "S1", "me")]
    for lock in locks:
        lock.leave()
        lock.leave()
    [left] = left_behind()
    assert (left.holding.serial, left.holding.let_go) == ("S1", True)
    assert not left.another_device
    # The pen is found again, wherever that is.
    for lock in [lock_port(address, "me"), lock_serial(address, "S1", "me")]:
        lock.release()
    assert left_behind() == []


def test_a_name_that_is_no_such_port_any_more_is_another_device(tmp_path: Path, terminal: Terminal) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(terminal.path)
    lock_port(Address("serial", str(link)), "me").leave()
    link.unlink()
    assert not left_behind()[0].another_device, "it is gone"
    link.touch()
    assert left_behind()[0].another_device


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


@pytest.mark.parametrize("alone", [False, True])
def test_stop_goes_to_the_device_that_was_meant_only(terminal: Terminal, alone: bool) -> None:
    address, device = Address("serial", terminal.path), port_identity(terminal.path)
    before = termios.tcgetattr(terminal.slave)
    done = direct_stop(address, alone=alone, device="pts 1")
    assert (done.sent, done.another, done.gone) == (False, True, False)
    assert "another device has that port's name by now" in done.text
    assert done.text.endswith("use the pen's own switch.")
    assert read(terminal) == b""
    assert termios.tcgetattr(terminal.slave) == before
    assert direct_stop(address, alone=alone, device=device).sent
    assert read(terminal) == STOP * REPEATS


def test_a_name_that_is_given_away_in_the_last_moment(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.direct_stop.port_identity", lambda _: "pts 1")
    assert direct_stop(Address("serial", terminal.path), device="pts 1").another
    assert read(terminal) == b""


def test_a_port_that_is_gone_is_not_called_another_device() -> None:
    done = direct_stop(Address("serial", "/dev/there-is-no-such-port"), device="pts 1")
    assert (done.gone, done.another) == (True, False)


def test_a_port_that_nobody_holds_is_set_before_stop_is_written(terminal: Terminal) -> None:
    """A port that nobody has opened since it was plugged in is at 9,600 Bd and changes bytes."""
    attributes = termios.tcgetattr(terminal.slave)
    attributes[1] |= termios.OPOST | termios.ONLCR
    attributes[4] = attributes[5] = termios.B9600
    termios.tcsetattr(terminal.slave, termios.TCSANOW, attributes)
    assert direct_stop(Address("serial", terminal.path, {"baud": "57600"}), alone=True).sent
    assert read(terminal) == STOP * REPEATS
    after = termios.tcgetattr(terminal.slave)
    assert after[4] == after[5] == termios.B57600
    assert not after[1] & termios.OPOST


def test_a_port_that_somebody_holds_stays_as_it_is_set(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.slave)
    assert direct_stop(Address("serial", terminal.path, {"baud": "57600", "dtr": "0"})).sent
    assert termios.tcgetattr(terminal.slave) == before
    assert read(terminal) == STOP * REPEATS


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, []),
        ({"dtr": "0"}, [(termios.TIOCMBIC, termios.TIOCM_DTR)]),
        ({"dtr": "1", "rts": "0"}, [(termios.TIOCMBIS, termios.TIOCM_DTR), (termios.TIOCMBIC, termios.TIOCM_RTS)]),
    ],
)
def test_the_lines_are_as_the_address_says(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    wanted: list[tuple[int, int]],
) -> None:
    """A pseudo-terminal has no such lines, so what the system is asked for is looked at."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(
        "drivers.direct_stop.fcntl.ioctl", lambda _fd, what, line: asked.append((what, struct.unpack("I", line)[0]))
    )
    assert direct_stop(Address("serial", terminal.path, options), alone=True).sent
    assert asked == wanted
    assert read(terminal) == STOP * REPEATS


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


def test_a_port_that_cannot_be_set_gets_its_stop_all_the_same(tmp_path: Path) -> None:
    """Whatever refuses a baud rate may still take bytes."""
    path = tmp_path / "port"
    os.mkfifo(path)
    pen = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        result = direct_stop(Address("serial", str(path)), alone=True)
        assert result.sent
        assert os.read(pen, 1000) == STOP * REPEATS
    finally:
        os.close(pen)
