"""``doctor``, ``db check`` and ``demo``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import zipfile
from pathlib import Path

import pexpect
import pytest

from devicectl import doctor
from devicectl.log import note_crash

from .conftest import LONG_S, House


def test_doctor_on_a_fresh_machine(house: House) -> None:
    result = house.run("doctor", "--json")
    assert result.code == 0, result.err
    findings = {(one["area"], one["name"]): one for one in result.json["findings"]}
    assert ("versions", "sqlite") in findings
    assert ("drivers", "penlink") in findings
    assert findings["station", "station"]["text"].startswith("No station runs")
    assert not house.database.exists()


def test_doctor_after_a_treatment_and_its_bundle(house: House) -> None:
    house.hire()
    assert house.run("demo", "--headless", "--seconds", "6").code == 0
    pen = house.simulate()
    run = house.start("run", pen.address, "--zone", "VTX", "--depth", "1", "--rate", "100", "--seconds", "60")
    while pen.rate_hz < 50:
        pass
    assert house.run("stop").code == 0
    house.finish(run)
    bundle = house.folder / "report.zip"
    result = house.run("doctor", "--bundle", str(bundle))
    assert result.code == 0, result.err
    assert "Last stop: " in result.out
    assert "and answers" in result.out
    with zipfile.ZipFile(bundle) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {"findings.json", "findings.txt", "log.txt", "station-log.txt"}
    everything = "\n".join(texts.values())
    assert "TRAIN-1" not in everything
    assert str(house.folder) not in everything
    json.loads(texts["findings.json"])
    again = house.run("doctor", "--bundle", str(bundle))
    assert (again.code, "exists already" in again.sentence) == (1, True)


def test_a_damaged_database_is_the_doctors_business(house: House) -> None:
    house.database.write_bytes(b"garbage" * 1000)
    result = house.run("doctor")
    assert result.code == 4
    assert "damaged" in result.sentence


def test_what_a_bundle_says_is_impersonal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane.doe")
    monkeypatch.setattr("getpass.getuser", lambda: "jane.doe")
    monkeypatch.setattr("socket.gethostname", lambda: "clinic-7")
    text = doctor.impersonal(
        "/home/jane.doe/x /home/other/y /Users/z/q on clinic-7 by jane.doe: client ANNA-3, mail a.b@c.example, serial REF-0001"
    )
    for secret in ("jane", "other", "clinic", "ANNA", "a.b@c", "REF-0001", "/Users"):
        assert secret not in text
    assert text.startswith("~/x ~/y ~/q")


def test_the_demo_without_a_terminal_says_so_and_shows_the_record(house: House) -> None:
    nobody = house.run("demo", "--seconds", "6")
    assert (nobody.code, "--operator" in nobody.sentence) == (1, True)
    house.hire()
    result = house.run("demo", "--seconds", "6")
    assert result.code == 0, result.err
    assert "no terminal here" in result.out
    assert str(house.database) in result.out
    assert "The database holds 1 session" in result.out
    assert "client TRAIN-1" in result.out
    assert "SIMULATED" in result.out
    assert "≈ punct/cm²" in result.out
    detail = house.run("sessions", "show", "last", "--json").json
    assert [one["zone"] for one in detail["passes"]] == ["FRL", "MID", "VTX"]
    assert all(one["end_reason"] == "ended" and one["strokes"] > 20 for one in detail["passes"])
    assert detail["session"]["end_reason"] == "closed"
    # The simulated pen of the demo is gone with it.
    assert house.run("scan", "--json").code == 3


def test_the_demo_has_a_database_of_its_own(house: House) -> None:
    del house.env["DEVICECTL_DATABASE"]
    house.database = house.folder / "data" / "devicectl" / "demo.db"
    result = house.run("demo", "--headless", "--seconds", "6")
    assert result.code == 0, result.err
    assert "demo.db" in result.out
    assert not (house.folder / "data" / "devicectl" / "devicectl.db").exists()


def test_the_demo_in_a_terminal(house: House) -> None:
    """The dashboard comes up on the pen with its session; leaving it closes both."""
    house.hire()
    screen = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "devicectl", "demo"],
        env=house.env,
        dimensions=(24, 80),
        timeout=LONG_S,
        encoding="utf-8",
    )
    screen.expect("database")
    screen.expect("SIMULATED")
    screen.expect("Before you begin")
    screen.send("\r")
    # The second row of the map is only to be seen once the note is gone.
    screen.expect("Strokes|Passes|TRAIN-1")
    time.sleep(1.0)
    screen.send("q")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    detail = house.run("sessions", "show", "last", "--json").json
    assert detail["session"]["client"] == "TRAIN-1"
    assert detail["session"]["end_reason"] == "closed"


def test_a_crash_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    monkeypatch.setenv("DEVICECTL_LOG", str(tmp_path / "a" / "log"))
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        raise RuntimeError("boom")
    except RuntimeError as error:
        where = note_crash(error)
    finally:
        for handler in [h for h in root.handlers if h not in before]:
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)
    assert where is not None
    assert "boom" in where.read_text()


def test_ports_are_left_out_of_a_scan_that_only_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen asks in two steps; a port that is asked twice who it is may be a board that is reset twice."""
    from devicectl.station import scanning
    from drivers.scan import Found

    port = Found("serial:///dev/ttyUSB7", "a port", False, "nothing says what is behind it", "")
    monkeypatch.setattr(scanning, "scan_ports", lambda: [port])
    for ports in (True, False):
        rows = asyncio.run(scanning.scan_pens(ports=ports))
        assert (port.address in [row["address"] for row in rows]) is ports


def test_the_paths_of_a_traceback_name_no_folder_above_the_package() -> None:
    from devicectl.doctor import impersonal

    text = impersonal('  File "/srv/jane/checkout/devicectl/cli/app.py", line 12, in run')
    assert text == '  File "devicectl/cli/app.py", line 12, in run'


def test_a_pass_whose_measured_depth_is_off_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import fields
    from uuid import UUID

    from devicectl.cli.sessions import pass_table
    from devicectl.records.reader import PassSummary

    told = {"id": UUID(int=1), "seq": 3, "kind": "granted", "zone": "VTX", "depth_set_um": 1_000, "opened_utc_us": 1}
    blank = dict.fromkeys((one.name for one in fields(PassSummary)), None) | {"segments": ()} | told
    for mean_um, off in ((1_150, False), (1_151, True), (849, True)):
        pass_table([PassSummary(**blank | {"depth_mean_um": mean_um})])
        assert ("more than 0.15 mm off what was set in pass 3" in capsys.readouterr().out) is off
