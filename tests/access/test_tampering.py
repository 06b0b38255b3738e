"""Twelve ways to tamper with a record on the disk, and some more: each is refused by the file itself, or found afterwards.

The stranger has the file and plain sqlite3. Where it says so he takes the guards away first, or has the keys too.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from access.conftest import Practice
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from records.conftest import Clock, furnish

from devicectl.access.key_errors import SealBroken, WrongKeys
from devicectl.access.opening import open_keys, read_keys
from devicectl.access.verify import Verdict, verify_record
from devicectl.records import audit, bound, chain_check, guards, jobs, rows
from devicectl.records import tables as t
from devicectl.records.audit import Anchor
from devicectl.records.chain_check import Entry
from devicectl.records.entries import Chain
from devicectl.records.ids import IdSource
from devicectl.records.location import Location
from devicectl.records.store import Store


@dataclass
class Case:
    """A finished record, what is known of it elsewhere, and a stranger's connection to it."""

    path: Path
    kept: Anchor
    adams: UUID
    brown: UUID
    stranger: sqlite3.Connection

    def run(self, *statements: str) -> None:
        """Done by the stranger."""
        for statement in statements:
            self.stranger.execute(statement)

    def no_guards(self) -> None:
        for (name,) in self.stranger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self.stranger.execute(f"DROP TRIGGER {name}")

    def verify(self, *kept: Anchor) -> Verdict:
        return verify_record(Location(self.path, "argument"), kept)

    def kinds(self, *kept: Anchor) -> list[str]:
        """What was done, guards aside."""
        return [one.kind for one in self.verify(*kept).damages if one.kind != "guards"]

    def entries(self) -> list[Entry]:
        columns = ", ".join(Entry._fields)
        return [Entry._make(row) for row in self.stranger.execute(f"SELECT {columns} FROM audit ORDER BY seq")]

    def put(self, *entries: Entry) -> None:
        marks = ", ".join("?" * len(Entry._fields))
        self.stranger.executemany(f"INSERT OR REPLACE INTO audit VALUES ({marks})", entries)

    def rechain(self, key: bytes, entries: list[Entry], first: int) -> None:
        """Write the chain anew from entry ``first``."""
        previous = entries[first - 2].hash if first > 1 else audit.START
        for entry in entries[first - 1 :]:
            linked = entry._replace(previous=previous)
            linked = linked._replace(hash=linked.link(key))
            self.put(linked)
            previous = linked.hash


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A record with a signed session and a later one; and those who made it."""
    path = tmp_path_factory.mktemp("finished") / "devicectl.db"
    clock = Clock()
    world = furnish(Store.open(path, ids=IdSource(clock, random.Random(1))), clock)
    practice = Practice(world, open_keys(world.store))
    practice.treat()
    practice.sign()
    world.session = world.add_session()
    practice.note("better than last time")
    kept = world.do(audit.anchor)
    world.store.close()
    return path, practice, kept


@pytest.fixture
def case(finished, tmp_path):
    original, practice, kept = finished
    path = tmp_path / original.name
    for one in original.parent.glob(original.name + "*"):
        (shutil.copytree if one.is_dir() else shutil.copy)(one, path.with_name(one.name))
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        yield Case(path, kept, practice.adams, practice.brown, stranger)


@pytest.fixture
def practice(finished):
    return finished[1]


def test_what_nobody_touched_is_sound(case):
    verdict = case.verify(case.kept)
    assert verdict.damages == ()
    assert (verdict.entries, verdict.head, verdict.signatures) == (case.kept.seq, case.kept, 1)


# -- refused by the file itself

REFUSED = {
    "1 edit of what was entered": "UPDATE consents SET version = '2'",
    "2 edit of an audit entry": "UPDATE audit SET action = 'x' WHERE seq = 3",
    "3 deletion": "DELETE FROM audit WHERE seq = 3",
    "4 replacement": "REPLACE INTO skin_preparations SELECT id, at_utc_us, operator_id, session_id, product, 'L9' FROM skin_preparations",
    "5 update or replace": "UPDATE OR REPLACE passes SET depth_max_um = 5",
    "6 something added to a signed session": (
        "INSERT INTO skin_preparations SELECT zeroblob(16), at_utc_us, operator_id, session_id, product, lot "
        "FROM skin_preparations"
    ),
    "signature taken back": "DELETE FROM signatures",
    "other telemetry": "UPDATE telemetry_blocks SET data = zeroblob(9)",
    "emptied table": "DELETE FROM audit",
    "another public key": "UPDATE station_keys SET public_key = zeroblob(32)",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_the_file(case, name):
    with pytest.raises(sqlite3.Error):
        case.run(REFUSED[name])
    with suppress(sqlite3.Error):
        case.run(REFUSED[name].replace("INSERT INTO", "INSERT OR IGNORE INTO").replace("UPDATE ", "UPDATE OR IGNORE "))
    assert case.verify(case.kept).damages == ()


def test_guards_that_were_taken_away_are_told_and_put_back(case):
    case.no_guards()
    (damage,) = case.verify().damages
    assert damage.kind == "guards"
    store = Store.open(case.path)
    assert "put back" in " ".join(store.notes)
    store.close()
    assert case.verify().sound


# -- found in the chain, once the guards are gone


def test_7_an_edited_entry(case):
    case.no_guards()
    case.run("UPDATE audit SET at_utc_us = at_utc_us + 60000000 WHERE seq = 4")
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("edited", 4)


@pytest.mark.parametrize("column", Entry._fields)
def test_no_column_of_an_entry_can_be_edited(case, column):
    case.no_guards()
    case.run("PRAGMA foreign_keys=OFF")
    value = {
        "seq": "seq + 1000", "at_utc_us": "1", "action": "action || 'x'", "table_name": "'notes'", "operator_id": "zeroblob(16)",
    }.get(column, f"zeroblob(length({column}))")  # fmt: skip
    case.run(f"UPDATE audit SET {column} = {value} WHERE seq = {case.kept.seq - 1}")
    damages = case.verify().damages
    assert damages
    assert damages[0].seq == case.kept.seq - 1
    assert damages[0].kind == {"seq": "deleted", "operator_id": "actor-changed"}.get(column, "edited")


@pytest.mark.parametrize("now", ["brown", None])
def test_8_another_actor(case, now):
    case.no_guards()
    (entry,) = [one for one in case.entries() if one.table_name == "consents"]
    case.put(entry._replace(operator_id=case.brown.bytes if now else None))
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("actor-changed", entry.seq)
    assert "Dr. Adams" in first.text


@pytest.mark.parametrize("many", [1, 3])
def test_9_a_deleted_entry_and_its_row(case, many):
    case.no_guards()
    (entry,) = [one for one in case.entries() if one.table_name == "consents"]
    case.run("DELETE FROM consents", f"DELETE FROM audit WHERE seq BETWEEN {entry.seq} AND {entry.seq + many - 1}")
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("deleted", entry.seq)
    assert ("were deleted" in first.text) == (many > 1)


def test_a_deleted_entry_closed_up_by_renumbering(case):
    case.no_guards()
    case.run("DELETE FROM audit WHERE seq = 5")
    for seq in range(6, case.kept.seq + 1):
        case.run(f"UPDATE audit SET seq = {seq - 1} WHERE seq = {seq}")
    first = case.verify().damages[0]
    assert first.seq == 5
    assert first.kind in ("edited", "swapped")


@pytest.mark.parametrize(("a", "b"), [(4, 5), (3, 9), (1, 2)])
@pytest.mark.parametrize("whole", [True, False])
def test_10_swapped_entries(case, a, b, whole):
    case.no_guards()
    entries = case.entries()
    one, other = entries[a - 1], entries[b - 1]
    if whole:
        case.put(one._replace(seq=b), other._replace(seq=a))
    else:
        case.put(
            one._replace(seq=b, previous=other.previous, hash=other.hash),
            other._replace(seq=a, previous=one.previous, hash=one.hash),
        )
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("swapped", a)
    assert f"entry {b}" in first.text


def test_11_a_chain_written_anew_without_the_key(case):
    case.no_guards()
    entries = case.entries()
    entries[5] = entries[5]._replace(at_utc_us=1)
    case.rechain(b"guessed" * 5, entries, 6)
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("edited", 6)
    case.rechain(b"guessed" * 5, entries, 1)
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("edited", 1)
    store = Store.open(case.path)
    open_keys(store)
    assert "audit verify" in " ".join(store.notes)
    store.close()


@pytest.mark.parametrize("rows_too", [False, True])
def test_12_an_end_that_was_cut_off(case, rows_too):
    case.no_guards()
    seq = case.kept.seq
    (last,) = [one for one in case.entries() if one.seq == seq]
    case.run(f"DELETE FROM audit WHERE seq = {seq}")
    if rows_too:
        case.stranger.execute("DELETE FROM notes WHERE id = ?", (last.row_id,))
        # Nothing inside the file can tell this from a record that ended here.
        assert case.kinds() == []
    else:
        assert case.kinds() == ["row-added"]
    first = case.verify(case.kept).damages[0]
    assert (first.kind, first.seq) == ("cut", seq)


def test_an_end_cut_off_before_a_signature_needs_no_anchor(case):
    case.no_guards()
    signed = case.stranger.execute("SELECT audit_seq FROM signatures").fetchone()[0]
    case.run(f"DELETE FROM audit WHERE seq >= {signed}")
    assert case.verify().damages[0].kind == "cut"


def test_a_chain_written_anew_with_the_key_is_found_by_an_anchor(case):
    case.no_guards()
    keys = read_keys(Location(case.path, "argument"))
    entries = case.entries()
    last = case.kept.seq
    entries[last - 1] = entries[last - 1]._replace(operator_id=case.brown.bytes)
    case.run("PRAGMA foreign_keys=OFF")
    case.stranger.execute("UPDATE notes SET operator_id = ? WHERE id = ?", (case.brown.bytes, entries[last - 1].row_id))
    row = dict(
        zip(
            ("id", "at_utc_us", "operator_id", "session_id", "zone", "phrase", "note_sealed"),
            case.stranger.execute("SELECT * FROM notes WHERE id = ?", (entries[last - 1].row_id,)).fetchone(),
            strict=True,
        )
    )
    entries[last - 1] = entries[last - 1]._replace(body_sha256=audit.body_sha256(t.notes, row))
    case.rechain(keys.chain, entries, last)
    assert case.kinds() == []
    assert case.verify(case.kept).damages[0].kind == "replaced"


def test_one_entry_written_anew_with_the_key_does_not_fit_the_next(case):
    case.no_guards()
    keys = read_keys(Location(case.path, "argument"))
    entry = case.entries()[5]._replace(at_utc_us=1)
    case.put(entry._replace(hash=entry.link(keys.chain)))
    first = case.verify().damages[0]
    assert (first.kind, first.seq) == ("replaced", 7)


def test_a_chain_written_anew_with_the_key_breaks_a_signature_that_comes_after(case):
    case.no_guards()
    keys = read_keys(Location(case.path, "argument"))
    entries = case.entries()
    entries[5] = entries[5]._replace(at_utc_us=1)
    case.rechain(keys.chain, entries, 6)
    first = case.verify().damages[0]
    assert first.kind == "replaced"
    assert "anchor" in first.text


def test_an_anchor_of_another_record_is_told(case):
    foreign = Anchor(UUID(int=1), 3, bytes(32))
    assert case.kinds(foreign) == ["foreign-anchor"]


# -- found in the rows


@pytest.mark.parametrize(
    ("statement", "kind", "table"),
    [
        ("UPDATE consents SET version = '2'", "row-edited", "consents"),
        ("UPDATE skin_preparations SET product = product || lot, lot = ''", "row-edited", "skin_preparations"),
        (
            "UPDATE notes SET note_sealed = zeroblob(40) WHERE id IN (SELECT id FROM notes LIMIT 1)",
            "row-edited",
            "notes",
        ),
        ("UPDATE operator_states SET role = 'administrator'", "row-edited", "operator_states"),
        ("UPDATE station_keys SET created_utc_us = 1", "row-edited", "station_keys"),
        ("UPDATE signatures SET meaning = 'reviewed'", "row-edited", "signatures"),
        ("DELETE FROM consents", "row-deleted", "consents"),
        ("DELETE FROM signature_sessions", "row-deleted", "signature_sessions"),
        ("INSERT INTO operators VALUES (zeroblob(16), 5)", "row-added", "operators"),
    ],
)
def test_edited_rows_are_found(case, statement, kind, table):
    case.no_guards()
    case.run("PRAGMA foreign_keys=OFF", statement)
    damages = [one for one in case.verify(case.kept).damages if one.kind.startswith("row")]
    assert {(one.kind, one.table) for one in damages} == {(kind, table)}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE sessions SET ended_utc_us = ended_utc_us + 1", "sessions"),
        ("UPDATE passes SET depth_max_um = 900 WHERE seq = 2", "passes"),
        ("UPDATE pass_segments SET contact = 0", "pass_segments"),
        (
            "UPDATE telemetry_blocks SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB)",
            "telemetry_blocks",
        ),
        ("UPDATE commands SET value = 1", "commands"),
        ("UPDATE commands SET outcome = 'rejected' WHERE outcome = 'confirmed'", "commands"),
        ("UPDATE alarms SET priority = 'medium'", "alarms"),
        ("UPDATE events SET text = 'x'", "events"),
        ("UPDATE stops SET key_to_bytes_us = 1", "stops"),
        ("UPDATE clients SET code = 'T-2'", "clients"),
        ("UPDATE pens SET serial = 'S2'", "pens"),
    ],
)
def test_what_the_pen_did_in_a_signed_session_is_bound_by_it(case, statement, table):
    case.no_guards()
    case.run("PRAGMA foreign_keys=OFF", statement)
    damages = [one for one in case.verify(case.kept).damages if one.kind != "guards"]
    assert {one.kind for one in damages} == {"signed-edited"}
    assert {one.table for one in damages} == {table}
    assert "Dr. Adams" in damages[0].text


OF_THE_PEN = ("passes", "pass_segments", "telemetry_blocks", "commands", "alarms", "events", "stops")


def forge(case: Case, table: str) -> str:
    """Copy a row of the signed session under another key; gives the key as a finding names it."""
    names = [row[1] for row in case.stranger.execute(f"PRAGMA table_info({table})")]
    keys = [row[1] for row in case.stranger.execute(f"PRAGMA table_info({table})") if row[5]]
    first = case.stranger.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(keys)}").fetchone()
    row = dict(zip(names, first, strict=True))
    if keys == ["id"]:
        row["id"] = bytes(range(16))
    else:
        row["seq"] += 100
    if table == "passes":
        row["seq"] += 100
    marks = ", ".join("?" * len(names))
    case.stranger.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", list(row.values()))
    return row["id"].hex() if keys == ["id"] else f"{row['pass_id'].hex()}/{row['seq']}"


@pytest.mark.parametrize("table", OF_THE_PEN)
@pytest.mark.parametrize("guarded", [True, False])
def test_a_row_put_into_a_signed_session_is_found(case, table, guarded):
    """A late STOP may be a row by right: then it has an entry of the chain, which a stranger cannot write."""
    if not guarded:
        case.no_guards()
    try:
        key = forge(case, table)
    except sqlite3.Error:
        assert guarded
        return
    (damage,) = [one for one in case.verify(case.kept).damages if one.kind != "guards"]
    assert (damage.kind, damage.table, damage.row) == ("signed-added", table, key)
    assert table in damage.text
    assert "Dr. Adams" in damage.text


@pytest.mark.parametrize("table", OF_THE_PEN)
def test_a_row_taken_out_of_a_signed_session_is_named(case, table):
    case.no_guards()
    case.run("PRAGMA foreign_keys=OFF")
    if table in ("pass_segments", "telemetry_blocks"):
        pass_id, seq = case.stranger.execute(f"SELECT pass_id, seq FROM {table}").fetchone()
        case.stranger.execute(f"DELETE FROM {table} WHERE pass_id = ? AND seq = ?", (pass_id, seq))
        key = f"{pass_id.hex()}/{seq}"
    else:
        # Of the commands the first: the last is not known to have ended.
        (row,) = case.stranger.execute(f"SELECT id FROM {table} ORDER BY id").fetchone()
        case.stranger.execute(f"DELETE FROM {table} WHERE id = ?", (row,))
        key = row.hex()
    found = [one for one in case.verify(case.kept).damages if one.kind != "guards"]
    assert {(one.kind, one.table, one.row) for one in found if one.table == table} == {("signed-deleted", table, key)}
    assert {one.kind for one in found} == {"signed-deleted"}


def test_an_edited_row_of_a_signed_session_is_named_and_no_other(case):
    case.no_guards()
    (row,) = case.stranger.execute("SELECT id FROM passes WHERE seq = 2").fetchone()
    case.stranger.execute("UPDATE passes SET depth_max_um = 900 WHERE id = ?", (row,))
    (damage,) = [one for one in case.verify(case.kept).damages if one.kind != "guards"]
    assert (damage.kind, damage.table, damage.row) == ("signed-edited", "passes", row.hex())
    assert f"passes {row.hex()[-8:]}" in damage.text


def test_a_forged_audit_entry_does_not_make_a_row_a_late_one(case):
    forge(case, "stops")
    row = bytes(range(16))
    last = case.entries()[-1]
    columns = [one.name for one in t.stops.columns]
    stored = dict(
        zip(
            columns,
            case.stranger.execute(f"SELECT {', '.join(columns)} FROM stops WHERE id = ?", (row,)).fetchone(),
            strict=True,
        )
    )
    body = audit.body_sha256(t.stops, {name: stored[name] for name in guards.FIXED["stops"]})
    entry = last._replace(seq=last.seq + 1, operator_id=None, action="late", table_name="stops", row_id=row,
                          body_sha256=body, previous=last.hash)  # fmt: skip
    case.put(entry._replace(hash=entry.link(b"guessed" * 5)))
    assert case.kinds(case.kept) == ["edited"]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [("UPDATE events SET text = 'x' WHERE id = ?", "row-edited"), ("DELETE FROM events WHERE id = ?", "row-deleted")],
)
def test_what_came_late_by_right_is_held_by_its_own_entry(case, statement, kind):
    store = Store.open(case.path)
    session, pen = case.stranger.execute("SELECT session_id, pen_id FROM events").fetchone()
    row = rows.EventRow(store.ids.uuid7(), UUID(bytes=session), UUID(bytes=pen), "stop-direct", "STOP", 1, 3)
    chain = Chain(open_keys(store).chain)
    store.submit_sync(bound.kept_late(chain, jobs.event_logged(row), t.events, row.id, 9))
    store.close()
    assert case.kinds(case.kept) == []
    case.no_guards()
    case.stranger.execute(statement, (row.id.bytes,))
    (damage,) = [one for one in case.verify(case.kept).damages if one.kind != "guards"]
    assert (damage.kind, damage.table, damage.row) == (kind, "events", row.id.hex)


def test_many_forged_rows_are_told_in_a_few_lines(case):
    pen, session = case.stranger.execute("SELECT pen_id, session_id FROM events").fetchone()
    for number in range(200):
        case.stranger.execute(
            "INSERT INTO events VALUES (?, ?, ?, 'simulated', 'note', '12', '{}', 1, 1)",
            (number.to_bytes(16, "big"), session, pen),
        )
    found = case.verify(case.kept).damages
    assert {(one.kind, one.table) for one in found} == {("signed-added", "events")}
    assert len(found) == chain_check.MOST + 1
    assert "180 more" in found[-1].text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE operator_states SET operator_id = substr(operator_id, 2)",
        "UPDATE signatures SET operator_id = NULL",
        "UPDATE signatures SET session_id = x'0102'",
        "UPDATE sessions SET resumes_id = id WHERE resumes_id IS NULL",
        "UPDATE sessions SET resumes_id = x'01'",
        "UPDATE audit SET row_id = x'010203' WHERE action LIKE 'bound%'",
        "UPDATE audit SET table_name = 'pass_segments' WHERE action LIKE 'bound%'",
        "UPDATE audit SET table_name = 'nowhere', operator_id = x'01'",
        "UPDATE signatures SET signature = x'', payload_sha256 = x''",
        "UPDATE notes SET id = x'01' WHERE id = (SELECT max(id) FROM notes)",
        "UPDATE stations SET id = zeroblob(16)",
        "UPDATE telemetry_blocks SET pass_id = substr(pass_id, 2)",
    ],
)
def test_values_that_no_program_writes_are_a_finding_and_no_crash(case, statement):
    case.no_guards()
    case.run("PRAGMA foreign_keys=OFF", statement)
    assert case.kinds(case.kept) != []


def test_a_forged_signature_does_not_hold(case):
    case.no_guards()
    own = Ed25519PrivateKey.generate()
    digest = case.stranger.execute("SELECT payload_sha256 FROM signatures").fetchone()[0]
    case.stranger.execute("UPDATE signatures SET signature = ?", (own.sign(digest),))
    assert {"row-edited", "signature-broken"} <= set(case.kinds(case.kept))
    # With a public key of his own in the file the signature itself holds, and both rows betray him.
    case.stranger.execute("UPDATE station_keys SET public_key = ?", (own.public_key().public_bytes_raw(),))
    with pytest.raises(WrongKeys):
        case.verify()


def test_a_note_moved_to_another_row_does_not_open(case, practice):
    case.no_guards()
    (first, one), (_, other) = practice.notes.items()
    sealed = dict(case.stranger.execute("SELECT id, note_sealed FROM notes").fetchall())
    case.stranger.execute("UPDATE notes SET note_sealed = ? WHERE id = ?", (sealed[one.bytes], other.bytes))
    assert practice.cipher.open(practice.world.client, sealed[one.bytes], "notes", "note_sealed", one) == first
    with pytest.raises(SealBroken):
        practice.cipher.open(practice.world.client, sealed[one.bytes], "notes", "note_sealed", other)
    assert "row-edited" in case.kinds()


def test_a_file_in_place_of_the_record_is_found(case, tmp_path):
    """Somebody puts an older copy, or another record, in its place."""
    other = tmp_path / "other.db"
    store = Store.open(other)
    open_keys(store)
    store.close()
    case.stranger.close()
    for end in ("", "-wal", "-shm"):
        case.path.with_name(case.path.name + end).unlink(missing_ok=True)
    shutil.copy(other, case.path)
    with pytest.raises(WrongKeys):
        case.verify(case.kept)


def test_every_guard_that_a_stranger_weakens_is_seen(case):
    name = next(iter(guards.definitions()))
    case.run(f"DROP TRIGGER {name}", f"CREATE TRIGGER {name} BEFORE DELETE ON audit WHEN 0 BEGIN SELECT 1; END")
    assert [one.kind for one in case.verify().damages] == ["guards"]


# -- the chain alone


def chain(count: int, key: bytes = b"k" * 32) -> list[Entry]:
    made, previous = [], audit.START
    for seq in range(1, count + 1):
        entry = Entry(
            seq, b"s" * 16, seq, b"o" * 16, "entered", "notes", seq.to_bytes(16, "big"), b"b" * 32, previous, b""
        )
        entry = entry._replace(hash=entry.link(key))
        made.append(entry)
        previous = entry.hash
    return made


def test_a_chain_is_read_as_a_stream():
    entries = chain(50)
    read = []

    def stream():
        for entry in entries:
            read.append(entry.seq)
            yield entry

    report = chain_check.check_chain(b"k" * 32, stream())
    assert (report.entries, report.hash, report.damage) == (50, entries[-1].hash, None)
    entries[9] = entries[9]._replace(action="x")
    read.clear()
    report = chain_check.check_chain(b"k" * 32, stream())
    assert (report.entries, report.damage.kind) == (9, "edited")


def test_an_empty_chain_is_whole_unless_an_anchor_says_otherwise():
    assert chain_check.check_chain(b"k", []).damage is None
    damage = chain_check.check_chain(b"k", [], anchors={4: bytes(32)}).damage
    assert (damage.kind, damage.seq) == ("cut", 4)


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_verified_in_seconds(tmp_path):
    store = Store.open(tmp_path / "devicectl.db")
    keys = open_keys(store)
    columns = {"session_id": None, "pen_id": None, "items": "{}", "passed": 1, "note": "", "at_utc_us": 1}

    def fill(connection):
        world = furnish_pen(connection, store)
        made, linked = [], []
        at = audit.anchor(connection)
        previous, station = at.hash, at.station.bytes
        for seq in range(at.seq + 1, at.seq + 100_001):
            row = {**columns, "id": store.ids.uuid7(), "operator_id": None, "pen_id": world}
            body = audit.body_sha256(t.pen_checks, row)
            entry = Entry(seq, station, 1, None, "entered", "pen_checks", row["id"].bytes, body, previous, b"")
            previous = entry.link(keys.chain)
            made.append(row)
            linked.append({**entry._replace(hash=previous)._asdict(), "station_id": at.station})
        connection.execute(t.pen_checks.insert(), made)
        connection.execute(t.audit.insert(), linked)

    store.submit_sync(fill)
    store.close()
    started = time.process_time()
    verdict = verify_record(Location(tmp_path / "devicectl.db", "argument"))
    took = time.process_time() - started
    print(f"100,000 entries and their rows in {took:.2f} s")
    assert verdict.damages == ()
    assert verdict.entries == verdict.rows == 100_001
    assert took < 10


def furnish_pen(connection, store) -> UUID:
    row = rows.PenRow(store.ids.uuid7(), "Open", "Reference", "S1", "1.0.0", "A", "simulated", 1)
    return jobs.pen_seen(row)(connection)
