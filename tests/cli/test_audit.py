"""``devicectl audit``, the keys in ``db`` and ``doctor``."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pexpect
import pytest
from access.conftest import Practice
from records.conftest import Clock, furnish

from devicectl.access.opening import open_keys
from devicectl.records.ids import IdSource
from devicectl.records.store import Store

from .conftest import LONG_S, House

WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "record.db"
    clock = Clock()
    world = furnish(Store.open(path, ids=IdSource(clock, random.Random(1))), clock)
    practice = Practice(world, open_keys(world.store))
    practice.treat()
    practice.sign()
    world.session = world.add_session()
    practice.note("better")
    world.store.close()
    return path


@pytest.fixture
def signed(house: House, original: Path) -> House:
    """A house with a signed session in its record."""
    for one in original.parent.glob("record.db*"):
        (shutil.copytree if one.is_dir() else shutil.copy)(one, house.folder / one.name)
    return house


def tamper(house: House, statement: str) -> None:
    with closing(sqlite3.connect(house.database, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)


def test_a_sound_record(signed: House) -> None:
    result = signed.run("audit", "verify")
    assert (result.code, result.err) == (0, "")
    assert "1 signature holds" in result.out
    anchor = signed.run("audit", "head").out.strip()
    assert f"Anchor: {anchor}" in result.out
    told = signed.run("audit", "verify", "--anchor", anchor, "--json").json
    assert told["sound"]
    assert told["anchor"] == anchor
    assert told["damages"] == []
    head = signed.run("audit", "head", "--json").json
    assert f"{head['station']}:{head['seq']}:{head['hash']}" == anchor
    assert told["entries"] == head["seq"]


def test_a_tampered_record_ends_with_4_and_one_sentence(signed: House) -> None:
    tamper(signed, "UPDATE audit SET at_utc_us = 1 WHERE seq = 5")
    result = signed.run("audit", "verify")
    assert result.code == 4
    assert result.sentence == "Audit entry 5 was edited, or written without the key."
    assert "Sound up to here: 4 audit entries" in result.out
    told = signed.run("audit", "verify", "--json").json
    assert [one["kind"] for one in told["damages"]] == ["edited", "guards"]
    assert signed.run("doctor").code == 4
    doctor = signed.run("doctor", "--full")
    assert doctor.code == 4
    assert "tampered with (edited, guards)" in doctor.out
    assert "Adams" not in doctor.out


def test_a_cut_end_is_found_by_the_anchor_alone(signed: House) -> None:
    anchor = signed.run("audit", "head").out.strip()
    seq = int(anchor.split(":")[1])
    tamper(signed, "DELETE FROM notes WHERE id = (SELECT row_id FROM audit ORDER BY seq DESC LIMIT 1)")
    tamper(signed, f"DELETE FROM audit WHERE seq = {seq}")
    # A station that opens it puts the guards back, and nothing betrays the cut any more.
    Store.open(signed.database).close()
    assert signed.run("audit", "verify").code == 0
    result = signed.run("audit", "verify", "--anchor", anchor)
    assert result.code == 4
    assert "cut off" in result.sentence


@pytest.mark.parametrize("anchor", ["", "x", "a:b:c", f"{'0' * 32}:-1:{'0' * 64}", f"{'0' * 32}:1:00"])
def test_what_is_no_anchor(signed: House, anchor: str) -> None:
    result = signed.run("audit", "verify", "--anchor", anchor)
    assert result.code == 2
    assert "STATION:NUMBER:HASH" in result.sentence


def test_the_list_says_who_entered_what(signed: House) -> None:
    result = signed.run("audit", "list")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["No.", "When", "Who", "Action", "Table", "Row"]
    assert any("Dr. Adams" in line and "signed" in line and "signatures" in line for line in lines)
    assert "better" not in result.out
    (consent,) = signed.run("audit", "list", "--table", "consents", "--json").json
    assert (consent["operator"], consent["action"], consent["table"]) == ("Dr. Adams", "entered", "consents")
    assert len(signed.run("audit", "list", "--last", "3", "--json").json) == 3
    assert signed.run("audit", "list", "--table", "nowhere").out == "Nothing was entered yet.\n"


def test_without_its_keys_nothing_can_be_said(signed: House) -> None:
    shutil.rmtree(signed.folder / "record.db.keys")
    for command in (("audit", "verify"), ("db", "backup-keys", "x")):
        signed.env["DEVICECTL_PASSPHRASE"] = WORDS
        result = signed.run(*command)
        assert result.code == 4, result.out
        assert "key" in result.sentence
    assert signed.run("audit", "head").code == 0
    doctor = signed.run("doctor")
    assert doctor.code == 4
    assert "restore-keys" in doctor.sentence


def test_a_record_that_used_no_keys_yet(house: House) -> None:
    Store.open(house.database).close()
    assert house.run("audit", "verify").code == 0
    assert "no keys yet" in house.run("doctor").out
    assert house.run("audit", "list").out == "Nothing was entered yet.\n"


@pytest.mark.parametrize("command", [("audit", "verify"), ("audit", "head"), ("audit", "list")])
def test_no_record_at_all(house: House, command: tuple[str, ...]) -> None:
    result = house.run(*command)
    assert result.code == 4
    assert "no database" in result.sentence.lower()


def test_keys_leave_and_come_back(signed: House) -> None:
    folder, saved = signed.folder / "record.db.keys", signed.folder / "keys"
    assert "no-passphrase" in signed.run("db", "backup-keys", str(saved), "--json").out
    signed.env["DEVICECTL_PASSPHRASE"] = WORDS
    assert signed.run("db", "backup-keys", str(saved), "--json").json == {"file": str(saved), "clients": 1}
    shutil.rmtree(folder)
    assert "3 key files" in signed.run("db", "restore-keys", str(saved)).out
    assert signed.run("audit", "verify").code == 0
    signed.env["DEVICECTL_PASSPHRASE"] = "correct horse batterz"
    result = signed.run("db", "restore-keys", str(saved))
    assert (result.code, "not the right one" in result.sentence) == (4, True)
    copy = signed.run("db", "backup", str(signed.folder / "copy.db"))
    assert "The keys are not in it" in copy.out


def test_the_passphrase_is_asked_for_and_not_shown(signed: House) -> None:
    saved = signed.folder / "keys"
    child = pexpect.spawn(
        sys.executable, ["-P", "-m", "devicectl", "db", "backup-keys", str(saved)], env=signed.env, timeout=LONG_S
    )
    for answer in (WORDS, "another one", WORDS, WORDS):
        child.expect("(?i)passphrase|repeat")
        child.expect(": ?$")
        child.sendline(answer)
    child.expect("holds the keys")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert WORDS.encode() not in child.before
    signed.env["DEVICECTL_PASSPHRASE"] = WORDS
    assert signed.run("db", "restore-keys", str(saved)).code == 0
