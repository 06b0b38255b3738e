"""Capture and replay as people meet them: real processes, a real pseudo-terminal, real files."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

House = Any
Until = Callable[[Callable[[], object], str], None]


@pytest.fixture(scope="module")
def captured(shared_house: House) -> tuple[House, Path]:
    """A run of two seconds with STOP at its end, captured while `devicectl run` drove the pen."""
    house = shared_house
    pen = house.simulate("pty", "--seed", "7")
    path = house.folder / "run.pcapng"
    capture = house.start("capture", pen.address, str(path), "--seconds", "40", "--json")
    while not path.exists():
        assert capture.poll() is None, capture.communicate()
    run = house.run("run", pen.address, "--zone", "VTX", "--depth", "1.0", "--rate", "100", "--seconds", "2", "--json")
    assert run.code == 0, run.err
    assert house.run("stop", pen.address).code == 0
    # Ctrl+C is the usual end, and no failure.
    capture.send_signal(signal.SIGINT)
    kept = house.finish(capture)
    assert kept.code == 0, kept.err
    assert kept.json["why"] == "ended by the user"
    assert kept.json["gaps"] == 0
    assert kept.json["stops"] >= 1
    return house, path


def test_show_decodes_line_by_line(captured: tuple[House, Path]) -> None:
    house, path = captured
    shown = house.run("capture", "show", str(path), "--json")
    assert shown.code == 0
    assert shown.json["header"]["pen"]["serial"] == "REF-0007"
    assert shown.json["header"]["origin"] == "simulated"
    names = [line["message"] for line in shown.json["lines"]]
    assert names[0] == "HEADER"
    assert names[-1] == "END"
    assert {"HELLO_REQUEST", "TELEMETRY", "CMD", "RESULT", "LEASE", "STOP"} <= set(names)
    assert {line["crc"] for line in shown.json["lines"]} == {"ok", ""}
    samples = [line["fields"]["counter"] for line in shown.json["lines"] if line["message"] == "TELEMETRY"]
    assert samples == list(range(samples[0], samples[0] + len(samples)))


def test_show_filters(captured: tuple[House, Path]) -> None:
    house, path = captured
    text = house.run("capture", "show", str(path), "--only", "cmd,stop", "--way", "out", "--hex")
    assert text.code == 0
    first, second, *lines = text.out.splitlines()
    assert "SIMULATED" in first
    assert second.startswith("firmware")
    assert all(" > CMD " in line or " > STOP" in line for line in lines[::2])
    assert any("opcode=START" in line for line in lines)
    assert any(line.strip().endswith("00 ff 53 54 4f 50 21 00") for line in lines)
    assert house.run("capture", "show", str(path), "--bad", "--json").json["lines"] == []
    some = house.run("capture", "show", str(path), "--from", "0.5", "--to", "1", "--json").json["lines"]
    assert some
    assert all(0.5 <= line["at_s"] <= 1 for line in some)


def test_replay_into_the_driver(captured: tuple[House, Path]) -> None:
    house, path = captured
    again = house.run("replay", str(path), "--json")
    assert again.code == 0
    assert again.json["origin"] == "replay"
    assert again.json["counts"]["Up"] == 1
    assert again.json["counts"]["Telemetry"] > 100
    assert house.run("replay", str(path)).out.splitlines()[-1].startswith("REPLAY: ")


def test_replay_into_a_simulated_pen(captured: tuple[House, Path]) -> None:
    house, path = captured
    again = house.run("replay", str(path), "--into", "simulator", "--seed", "7", "--json")
    assert again.code == 0
    assert again.json["state"] == "STOPPED"
    assert 1.9 < again.json["turned_s"] < 3.5
    assert all(answer["captured"] == answer["simulated"] for answer in again.json["answers"])
    text = house.run("replay", str(path), "--into", "simulator", "--seed", "8")
    assert text.code == 0
    assert "now DENIED BAD_TOKEN" in text.out
    assert "--seed and --profile" in text.out


def tables(database: Path) -> dict[str, int]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in names}


def test_replay_onto_the_screen_starts_nothing_and_records_nothing(captured: tuple[House, Path], until: Until) -> None:
    house, path = captured
    # The station of before ends by itself: a replay must not start another one.
    until(lambda: house.station_pid is None, "the station to end")
    before = tables(house.database)
    screen = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "devicectl", "replay", str(path), "--into", "dashboard", "--speed", "2"],
        env=house.env,
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=30,
    )
    screen.expect("REPLAY")
    for keys in ("g", "Y", " "):
        screen.send(keys)
    screen.expect("nothing")
    screen.send("q")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert house.station_pid is None
    assert tables(house.database) == before


def test_replay_in_line_mode(captured: tuple[House, Path]) -> None:
    house, path = captured
    process = house.start("replay", str(path), "--into", "dashboard", "--plain", "--speed", "20", stdin=subprocess.PIPE)
    result = house.finish(process, "status\nquit\n")
    assert result.code == 0, result.err
    assert "REPLAY of a" in result.out


def test_export_and_dissector(captured: tuple[House, Path]) -> None:
    house, path = captured
    target = house.folder / "out.pcapng"
    result = house.run("capture", "export", str(path), "--pcapng", str(target), "--json")
    assert result.code == 0
    assert result.json["packets"] > 200
    assert target.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert "exists already" in house.run("capture", "export", str(path), "--pcapng", str(target)).sentence
    assert 'Proto("penlink"' in house.run("capture", "dissector").out


@pytest.mark.parametrize("command", [("capture", "show"), ("replay",), ("replay", "--into", "simulator")])
def test_a_capture_cut_in_the_middle_is_used_up_to_there_with_a_sentence(
    captured: tuple[House, Path], command: tuple[str, ...]
) -> None:
    house, path = captured
    data = path.read_bytes()
    cut = house.folder / "cut.pcapng"
    cut.write_bytes(data[: len(data) // 2 + 1])
    result = house.run(*command, str(cut))
    assert result.code == 1
    assert "is cut after record" in result.sentence
    assert "at byte" in result.sentence
    assert len(result.out.splitlines()) > 5


@pytest.mark.parametrize("command", [("capture", "show"), ("replay",), ("replay", "--into", "simulator")])
def test_an_edited_capture_loses_what_was_edited_with_a_sentence(
    captured: tuple[House, Path], command: tuple[str, ...]
) -> None:
    house, path = captured
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    edited = house.folder / "edited.pcapng"
    edited.write_bytes(data)
    whole = house.run(*command, str(path)).out.splitlines()
    result = house.run(*command, str(edited))
    assert result.code == 1
    assert "was edited after record" in result.sentence
    assert "bytes are left out" in result.sentence
    assert len(result.out.splitlines()) > len(whole) - 10
    as_json = house.run(*command, str(edited), "--json")
    assert as_json.code == 1
    assert "was edited" in json.loads(as_json.out)["trouble"][0]


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("capture", "show", "{nothing}"), "cannot be read", 1),
        (("replay", "{nothing}"), "cannot be read", 1),
        (("replay", "{text}"), "is not a capture", 1),
        (("capture", "show", "{text}"), "is not a capture", 1),
        (("replay", "{run}", "--speed", "0"), "is no speed", 2),
        (("replay", "{run}", "--speed", "fast"), "is no speed", 2),
        (("replay", "{run}", "--seed", "1"), "belong to --into simulator", 2),
        (("replay", "{run}", "--plain"), "belongs to --into dashboard", 2),
        (("replay", "{run}", "--into", "dashboard", "--json"), "do not go with", 2),
        (("replay", "{run}", "--into", "dashboard", "--speed", "max", "--plain"), "do not go with", 2),
        (("replay", "{run}", "--into", "dashboard"), "needs a terminal", 1),
        (("replay", "{run}", "--into", "simulator", "--profile", "none-such"), "none-such", 2),
        (("capture", "tcp://127.0.0.1:1", "{run}"), "exists already", 1),
        (("capture", "nonsense", "{new}"), "is not a pen's address", 2),
        (("capture", "nonsense"), "Missing argument 'FILE'", 2),
        (("capture", "tcp://127.0.0.1:1", "{folder}/no/such/folder/x"), "", None),
    ],
)
def test_mistakes_are_one_sentence(
    captured: tuple[House, Path], arguments: tuple[str, ...], words: str, code: int | None
) -> None:
    house, path = captured
    text = house.folder / "text"
    text.write_text("not a capture\n" * 50)
    names = {
        "nothing": house.folder / "nothing",
        "text": text,
        "run": path,
        "new": house.folder / "new",
        "folder": house.folder,
    }
    result = house.run(*(argument.format(**names) for argument in arguments))
    shown = result.out if "--json" in arguments else ""
    assert words in " ".join(result.sentence.split()), shown
    assert code is None or result.code == code
    assert not (house.folder / "new").exists()


def test_a_capture_of_no_pen_says_so_and_leaves_no_file(captured: tuple[House, Path]) -> None:
    house, _ = captured
    result = house.run("capture", "tcp://127.0.0.1:1", str(house.folder / "none.pcapng"), "--seconds", "1")
    assert result.code == 3
    assert "nothing listens there" in result.sentence
    assert not (house.folder / "none.pcapng").exists()


def test_a_capture_that_is_killed_is_whole_up_to_there(house: House, until: Until) -> None:
    pen = house.simulate()
    path = house.folder / "killed.pcapng"
    capture = house.start("capture", pen.address, str(path))
    until(lambda: path.exists() and path.stat().st_size > 20_000, "the capture to grow")
    capture.kill()
    capture.communicate()
    house.processes.remove(capture)
    shown = house.run("capture", "show", str(path), "--only", "TELEMETRY")
    assert shown.code == 1
    assert "stops after record" in shown.sentence or "is cut after record" in shown.sentence
    assert len(shown.out.splitlines()) > 50


def test_the_station_that_ends_ends_the_capture_and_the_file_is_whole(house: House, until: Until) -> None:
    pen = house.simulate()
    path = house.folder / "ended.pcapng"
    capture = house.start("capture", pen.address, str(path), "--json")
    until(lambda: path.exists() and path.stat().st_size > 5_000, "the capture to grow")
    assert house.run("station", "--end").code == 0
    kept = house.finish(capture)
    assert kept.code == 0
    assert "pen was closed" in kept.json["why"] or "station" in kept.json["why"]
    assert house.run("capture", "show", str(path), "--only", "END").code == 0
