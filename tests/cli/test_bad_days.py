"""Bad input and bad days: each gives one sentence with the next step and a non-zero exit."""

from __future__ import annotations

import os
import pty
import sqlite3
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from devicectl.cli.app import run

from .conftest import House, Result, read_until

Until = Callable[[Callable[[], object], str], None]
RUN = ("--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "0.5")


@contextmanager
def terminal(answer: str) -> Iterator[str]:
    """A pseudo-terminal with something behind it that is no pen: silent, an echo, or noise."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    over = threading.Event()

    def behind() -> None:
        while not over.is_set():
            try:
                data = os.read(master, 4096)
            except OSError:
                return
            if answer == "echo":
                os.write(master, data)
            elif answer == "zeros":
                os.write(master, bytes(200))
            elif answer == "garbage":
                os.write(master, os.urandom(200))

    thread = threading.Thread(target=behind, daemon=True)
    thread.start()
    try:
        yield f"serial://{os.ttyname(slave)}"
    finally:
        over.set()
        # A last byte wakes the thread, which a close would leave in its read.
        os.write(slave, b"x")
        thread.join(5.0)
        os.close(slave)
        os.close(master)


def refused(result: Result, code: int, *words: str) -> None:
    assert result.code == code, (result.out, result.err)
    sentence = result.sentence
    for word in words:
        assert word in sentence, sentence


@pytest.mark.parametrize("command", [("info",), ("reset",), ("run", *RUN), ("stop",), ("dashboard", "--plain")])
def test_what_is_no_address(house: House, command: tuple[str, ...]) -> None:
    result = house.run(command[0], "nonsense://x", *command[1:])
    refused(result, 2, "is not a pen's address", "devicectl scan")


def test_unknown_options_of_an_address(house: House) -> None:
    refused(house.run("info", "serial:///dev/ttyS9?speed=9"), 2, "speed", "baud")
    refused(house.run("info", "tcp://127.0.0.1"), 2, "host and port")


@pytest.mark.parametrize(
    ("address", "words"),
    [("serial:///dev/ttyNOPE", ("no such port", "devicectl scan")), ("tcp://127.0.0.1:9", ("nothing listens there",))],
)
def test_a_port_that_is_not_there(house: House, address: str, words: tuple[str, ...]) -> None:
    result = house.run("info", address, "--json")
    refused(result, 3, *words)
    assert result.json["error"]["message"] == result.sentence


def test_a_file_that_is_no_port(house: House) -> None:
    (house.folder / "file").write_text("not a port")
    refused(house.run("info", f"serial://{house.folder}/file"), 3, "not a serial device")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_no_permission(house: House) -> None:
    with terminal("silent") as address:
        path = address.removeprefix("serial://")
        os.chmod(path, 0)
        refused(house.run("info", address), 3, "no permission", "dialout")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("silent", ("nothing answers", "switch the pen on")),
        ("echo", ("does not speak Penlink", "devicectl scan")),
        ("zeros", ("does not speak Penlink", "devicectl scan")),
        ("garbage", ("does not speak Penlink", "devicectl scan")),
    ],
)
def test_a_port_that_is_not_a_pen(house: House, answer: str, words: tuple[str, ...]) -> None:
    with terminal(answer) as address:
        result = house.run("info", address)
        refused(result, 3, address, *words)
        assert "?baud=115200" not in result.sentence
        probed = house.run("scan", "--probe", address)
        assert probed.code == 3
        assert probed.sentence


def test_the_wrong_baud_rate(house: House) -> None:
    pen = house.simulate()
    refused(house.run("info", f"{pen.address}?baud=9600"), 3, "9600", "leave out ?baud=9600")
    assert house.run("info", pen.address).code == 0


def test_a_pen_of_another_protocol_version(house: House) -> None:
    pen = house.simulate("pty", "--fault", "protocol=2")
    refused(house.run("info", pen.address), 3, "another version of Penlink", "update")


def test_a_port_that_another_station_holds(house: House) -> None:
    pen = house.simulate()
    talk = house.start("dashboard", pen.address, "--plain", stdin=-1)
    read_until(talk, "Motor still")
    house.env["DEVICECTL_DATABASE"] = str(house.folder / "other.db")
    refused(house.run("info", pen.address), 3, "held by the devicectl station", "devicectl stop")
    scanned = house.run("scan", "--json")
    assert "station" in scanned.json[0]["held"]
    assert house.run("station", "--end").code == 0
    house.env["DEVICECTL_DATABASE"] = str(house.database)
    assert house.finish(talk, "quit\n").code == 0


def test_a_port_that_another_program_holds(house: House) -> None:
    import fcntl

    pen = house.simulate()
    with open(pen.address.removeprefix("serial://"), "rb+", buffering=0) as port:
        fcntl.flock(port, fcntl.LOCK_EX)
        refused(house.run("info", pen.address), 3, "held by another program")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--zone", "NOSE"), ("NOSE", "VTX")),
        (("--depth", "nan"), ("numbers",)),
        (("--seconds", "1000"), ("--seconds",)),
        (("--depth", "deep"), ("--depth",)),
    ],
)
def test_nonsense_for_run(house: House, changed: tuple[str, str], words: tuple[str, ...]) -> None:
    refused(house.run("run", "tcp://127.0.0.1:9", *RUN, *changed), 2, *words)


def test_nonsense_for_simulate(house: House) -> None:
    refused(house.run("simulate", "pty", "--fault", "gremlins"), 2, "gremlins", "stall")
    refused(house.run("simulate", "pty", "--profile", "nobody"), 2, "nobody", "reference")
    refused(house.run("simulate", "pty", "--port", "7001"), 2, "tcp")


def test_a_hard_limit_is_never_lowered(house: House) -> None:
    pen = house.simulate()
    result = house.run("run", pen.address, *RUN, "--depth", "4", "--lower")
    refused(result, 1, "2.50 mm")
    assert pen.rate_hz == 0


def test_a_pen_that_does_not_turn(house: House) -> None:
    pen = house.simulate("pty", "--fault", "no_start")
    result = house.run("run", pen.address, *RUN)
    refused(result, 6, "seen turning")
    assert pen.state.startswith(("STOPPED", "LEASE_EXPIRED"))


def test_no_database_yet(house: House) -> None:
    refused(house.run("sessions", "list"), 4, "no database", "made when")
    refused(house.run("db", "backup", "copy.db"), 4, "no database")
    checked = house.run("db", "check")
    refused(checked, 4, "no database")


def damaged(house: House, how: str) -> None:
    if how == "garbage":
        house.database.write_bytes(os.urandom(4096))
    elif how == "empty":
        house.database.touch()
    elif how == "foreign":
        with closing(sqlite3.connect(house.database)) as connection:
            connection.execute("CREATE TABLE kitchen (spoon)")
            connection.commit()
    else:
        pen = house.simulate()
        assert house.run("info", pen.address).code == 0
        assert house.run("station", "--end").code == 0
        with closing(sqlite3.connect(house.database)) as connection:
            if how == "newer":
                connection.execute("UPDATE alembic_version SET version_num = '9999'")
                connection.commit()
                return
        data = bytearray(house.database.read_bytes())
        for page in range(1, len(data) // 4096):
            data[page * 4096 : page * 4096 + 100] = os.urandom(100)
        house.database.write_bytes(data)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("garbage", "damaged"),
        ("empty", "empty"),
        ("foreign", "another program"),
        ("newer", "newer devicectl"),
        ("pages", "damaged"),
    ],
)
def test_a_database_that_cannot_be_used(house: House, how: str, word: str) -> None:
    damaged(house, how)
    before = house.database.read_bytes()
    pen = house.simulate("pty", "--seed", "9")
    refused(house.run("run", pen.address, *RUN), 4, word)
    refused(house.run("station", "--on-demand"), 4, word)
    assert house.run("db", "check").code == 4
    if how != "pages":
        refused(house.run("sessions", "list"), 4, word)
    assert pen.rate_hz == 0
    assert house.database.read_bytes() == before
    # The record is no condition for stopping; that nobody saw the pen still has a code of its own.
    assert house.run("stop", pen.address).code == 6
    assert pen.state.startswith("STOPPED")


@pytest.mark.parametrize("command", [("sessions", "list"), ("db", "path"), ("info", "tcp://127.0.0.1:9")])
def test_a_database_address_that_names_no_file(house: House, command: tuple[str, ...]) -> None:
    house.env["DEVICECTL_DATABASE"] = "postgresql://host/db"
    refused(house.run(*command), 4, "not postgresql", "sqlite:///PATH")
    house.env["DEVICECTL_DATABASE"] = "sqlite://"
    refused(house.run(*command), 4, "names no file", "sqlite:///PATH")
    house.env["DEVICECTL_DATABASE"] = str(house.folder)
    refused(house.run(*command), 4, "is a folder")


def test_an_unknown_session(house: House) -> None:
    pen = house.simulate()
    assert house.run("run", pen.address, *RUN).code == 0
    refused(house.run("sessions", "show", "ffff"), 1, "devicectl sessions list")
    refused(house.run("sessions", "show", "zz"), 1, "hex digits")


def test_backups_do_not_overwrite(house: House) -> None:
    pen = house.simulate()
    assert house.run("run", pen.address, *RUN).code == 0
    target = house.folder / "copy.db"
    assert house.run("db", "backup", str(target)).code == 0
    refused(house.run("db", "backup", str(target)), 4, "exists already")
    refused(house.run("db", "backup", str(house.folder / "nowhere" / "copy.db")), 4, "cannot be written")
    house.env["DEVICECTL_DATABASE"] = str(target)
    assert house.run("sessions", "list", "--json").json[0]["passes"] == 1


def test_a_runtime_folder_that_cannot_be_made(house: House) -> None:
    house.env["DEVICECTL_RUNTIME_DIR"] = "/proc/no-such-folder"
    refused(house.run("stop"), 1, "/proc/no-such-folder", "check the path")


def test_what_nobody_expected_goes_into_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(error: BaseException) -> Path:
        log.write_text(f"{type(error).__name__}: {error}")
        return log

    def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    log = tmp_path / "log"
    monkeypatch.setattr("devicectl.log.note_crash", broken)
    monkeypatch.setattr("devicectl.cli.stop._stop_all", bug)
    assert run(["stop"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("devicectl: this should not have happened (RuntimeError: a bug)")
    assert str(log) in err
    assert log.read_text() == "RuntimeError: a bug"


def test_a_motor_that_turns_on_after_its_run_is_no_success(house: House, until: Until) -> None:
    pen = house.simulate()
    running = house.start("run", pen.address, *RUN, "--seconds", "4")
    until(lambda: pen.rate_hz > 80, "the motor")
    pen.tell("fault run_away")
    result = house.finish(running)
    refused(result, 1, "not all went well", "nobody started it")
    assert "uncommanded" in result.out
    assert pen.state.startswith("STOPPED 0.0 Hz")
    shown = house.run("sessions", "show", "last", "--json").json
    assert [one["kind"] for one in shown["passes"]] == ["granted", "uncommanded"]


def test_a_rate_sensor_that_lies_hides_no_needling(house: House, until: Until) -> None:
    pen = house.simulate()
    running = house.start("run", pen.address, *RUN, "--seconds", "6", "--json")
    until(lambda: pen.rate_hz > 80, "the motor")
    pen.tell("fault lying_rate")
    result = house.finish(running)
    refused(result, 1, "not all went well", "disagree")
    (one,) = result.json["passes"]
    assert one["end_reason"] == "ended"
    assert one["unknown_ms"] > 1_000
    assert one["duration_ms"] > 5_500
    assert result.json["error"]["message"] == result.sentence
    text = house.run("sessions", "show", "last").out
    assert f"≥ {one['strokes']}" in text
    assert "are unknown; they are not counted" in text


def test_a_record_that_is_locked_during_a_run_ends_it_and_says_so(house: House, until: Until) -> None:
    pen = house.simulate()
    running = house.start("run", pen.address, *RUN, "--seconds", "60")
    until(lambda: pen.rate_hz > 80, "the motor")
    with closing(sqlite3.connect(house.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        until(lambda: pen.rate_hz == 0, "a motor at rest")
        result = house.finish(running)
    refused(result, 4, "did not last as long as asked", "record")
