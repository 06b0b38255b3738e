"""Pens on the air by commands alone: the simulated radio is in another process, and everything goes through bleak."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from devicectl.cli.exits import Exit, exit_for
from devicectl.cli.radio import on_radio
from drivers.ble.errors import TEXTS

from .conftest import House, OnAir, Result, read_until, simulate_on_air

pytest.importorskip("bumble")
Until = Callable[[Callable[[], object], str], None]
RUN = ("--zone", "VTX", "--depth", "1.0", "--rate", "100")


def turning(house: House, pen: OnAir, until: Until) -> subprocess.Popen[str]:
    """A run that turns the motor; a machine that stands still may miss the pen's deadlines, and then it is asked again."""
    for _ in range(5):
        run = house.start("run", pen.full, *RUN, "--seconds", "100")
        until(lambda run=run: pen.rate_hz > 50 or run.poll() is not None, "the motor")
        if run.poll() is None:
            return run
        told = house.finish(run)
        house.run("reset", pen.full)
    raise AssertionError(f"the motor was never seen turning: {told.out} {told.err}")


def done(house: House, *arguments: str) -> Result:
    """A run that succeeds, on a slow machine not at once."""
    for _ in range(5):
        result = house.run("run", *arguments)
        if result.code == 0:
            break
        house.run("reset", arguments[0])
    assert result.code == 0, (result.out, result.err)
    return result


@pytest.fixture(scope="module")
def pen(shared_house: House) -> OnAir:
    return simulate_on_air(shared_house, "--seed", "3", "--rssi", "-61")


def test_address_and_radio_are_the_first_two_lines(pen: OnAir) -> None:
    assert pen.address.startswith("ble://")
    assert pen.radio.startswith("tcp-client:127.0.0.1:")


def test_scan_shows_it_beside_the_ports_with_its_signal(shared_house: House, pen: OnAir) -> None:
    for more in ((), ("--radio", pen.radio)):
        rows = shared_house.run("scan", "--json", *more).json
        (row,) = [row for row in rows if row["address"] == pen.full]
        assert row["matched"]
        assert row["simulated"]
        assert row["name"] == "Reference pen REF-0003"
        assert row["rssi"] == -61
    text = shared_house.run("scan", "--explain")
    assert f"pen  {pen.full}  Reference pen REF-0003  SIMULATED  -61 dBm" in text.out
    assert "rssi" not in shared_house.run("scan", "--no-bluetooth").out


def test_info_by_address_by_name_and_by_environment(shared_house: House, pen: OnAir) -> None:
    by_option = shared_house.run("info", pen.address, "--radio", pen.radio, "--json")
    assert by_option.code == 0, by_option.err
    assert by_option.json["pen"]["serial"] == "REF-0003"
    assert by_option.json["pen"]["address"] == pen.full
    shared_house.env["DEVICECTL_RADIO"] = pen.radio
    try:
        by_name = shared_house.run("info", "ble://Reference pen REF-0003", "--json")
    finally:
        del shared_house.env["DEVICECTL_RADIO"]
    assert by_name.code == 0, by_name.err
    assert by_name.json["pen"]["serial"] == "REF-0003"
    assert pen.rate_hz == 0


def test_run_pairs_and_records_a_pass(shared_house: House, pen: OnAir) -> None:
    result = done(shared_house, pen.full, *RUN, "--seconds", "2", "--json")
    (one,) = result.json["passes"]
    assert (one["zone"], one["depth_set_um"], one["rate_set_mhz"]) == ("VTX", 1000, 100_000)
    assert one["end_reason"] == "ended"
    assert pen.rate_hz == 0
    shown = shared_house.run("sessions", "show", "last", "--json").json
    assert [one["action"] for one in shown["commands"]][-1] == "end"


def test_stop_while_it_runs_then_reset(shared_house: House, pen: OnAir, until: Until) -> None:
    run = turning(shared_house, pen, until)
    stopped = shared_house.run("stop", "--json")
    assert stopped.code == 0, (stopped.out, stopped.err)
    (one,) = stopped.json["pens"]
    assert one["still"] is not False, "it is None when the run has let go of the pen already"
    until(lambda: pen.rate_hz == 0, "stillness")
    assert shared_house.finish(run).code == 1
    latched = shared_house.run("run", pen.full, *RUN, "--seconds", "0.5")
    assert "latched" in latched.sentence
    reset = shared_house.run("reset", pen.full)
    assert reset.code == 0, reset.err
    assert "is reset" in reset.out


def test_stop_of_one_pen_by_its_bare_address(shared_house: House, pen: OnAir, until: Until) -> None:
    run = turning(shared_house, pen, until)
    stopped = shared_house.run("stop", pen.address)
    assert stopped.code == 0, (stopped.out, stopped.err)
    until(lambda: pen.rate_hz == 0, "stillness")
    shared_house.finish(run)
    assert shared_house.run("reset", pen.full).code == 0


def test_ctrl_c_of_a_killed_run_leaves_a_pen_that_stands_still(shared_house: House, pen: OnAir, until: Until) -> None:
    run = turning(shared_house, pen, until)
    run.kill()
    until(lambda: pen.rate_hz == 0, "stillness")
    shared_house.finish(run)


def test_a_pen_that_nobody_holds_cannot_be_stopped_from_here_and_it_says_so(house: House) -> None:
    result = house.run("stop", "ble://F0:00:00:00:00:01")
    assert result.code == 5
    assert "only the program that is connected to a Bluetooth pen can stop it" in result.sentence
    assert result.sentence.endswith("use the pen's own switch.")


def test_every_bad_day_of_bluetooth_has_its_exit_code() -> None:
    refused = {"pairing-refused", "wrong-passkey", "no-passkey", "pairing-timeout", "not-trusted"}
    for code in TEXTS:
        assert exit_for(code) is (Exit.FAILED if code in refused else Exit.NO_PEN), code


@pytest.mark.parametrize("text", ["ble://pen", " BLE://pen", "Ble://pen?passkey=1", "ble://pen?passkey=1&tradio=x"])
def test_a_radio_that_is_named_is_never_left_out(text: str) -> None:
    """Else a command for a simulated pen looks for a pen of that name on the computer's own Bluetooth."""
    assert "&radio=unix:/x" in on_radio(text, "unix:/x").replace("?", "&")


def test_a_radio_of_the_address_wins_and_ports_have_none() -> None:
    for text in ("ble://pen?radio=unix:/y", "ble://pen?passkey=1&radio=unix:/y", "serial:///dev/ttyACM0"):
        assert on_radio(text, "unix:/x") == text


def test_bad_days_of_a_radio(house: House) -> None:
    address = "ble://F0:00:00:00:00:01"
    for radio, code, words in (
        ("wifi:1", 2, ("there is no radio 'wifi'", "tcp-client, unix")),
        ("tcp-client:127.0.0.1:1", 3, ("devicectl simulate ble",)),
        ("unix:/there/is/none", 3, ("devicectl simulate ble",)),
    ):
        result = house.run("info", address, "--radio", radio)
        assert result.code == code, (result.out, result.err)
        assert all(word in result.sentence for word in words), result.sentence
        scanned = house.run("scan", "--radio", radio)
        assert scanned.code == 3
        assert all(word in scanned.err for word in words), scanned.err


def test_a_passkey_is_asked_for_in_words_and_shown_nowhere(house: House) -> None:
    pen = simulate_on_air(house, "--passkey", "271828")
    missing = house.run("run", pen.full, *RUN, "--seconds", "0.5")
    assert missing.code == 1
    assert "give the number it shows" in missing.sentence
    wrong = house.run("run", f"{pen.full}&passkey=111111", *RUN, "--seconds", "0.5")
    assert "the passkey is wrong" in wrong.sentence
    assert pen.rate_hz == 0
    right = done(house, f"{pen.full}&passkey=271828", *RUN, "--seconds", "0.5")
    everything = house.run("info", f"{pen.full}&passkey=271828").out + missing.err + wrong.err + right.out
    files = [path for path in house.folder.rglob("*") if path.is_file() and path != house.database]
    everything += "".join(path.read_bytes().decode("latin-1") for path in files)
    assert "271828" not in everything
    assert b"271828" not in house.database.read_bytes()


def test_line_mode_asks_for_a_passkey_pairs_and_keeps_it_nowhere(house: House) -> None:
    pen = simulate_on_air(house, "--passkey", "314159")
    talk = house.start("dashboard", "--plain", pen.full, stdin=subprocess.PIPE)
    assert talk.stdin is not None
    heard = read_until(talk, "You hold control.")
    for line, answer in (
        ("session bench", "Here: passkey and its 6 digits."),
        ("passkey 000001", "the passkey is wrong"),
        ("passkey 314159", "Session: bench."),
    ):
        talk.stdin.write(f"{line}\n")
        talk.stdin.flush()
        heard += read_until(talk, answer)
    talk.stdin.write("status\n")
    talk.stdin.flush()
    heard += read_until(talk, "Link: last heard")
    ended = house.finish(talk, "session close\nquit\n")
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files) + (heard + ended.out + ended.err).encode()
    assert b"314159" not in kept


def test_a_radio_that_ends_in_the_middle_of_a_run(house: House, until: Until) -> None:
    pen = simulate_on_air(house)
    run = turning(house, pen, until)
    pen.process.kill()
    result = house.finish(run)
    assert result.code == 1
    assert result.sentence


def test_forget(shared_house: House, house: House, pen: OnAir) -> None:
    gone = house.run("forget", pen.full)
    assert gone.code == 0, gone.err
    assert "is forgotten here" in gone.out
    wired = house.run("forget", "tcp://127.0.0.1:1")
    assert "nothing to forget" in wired.sentence
