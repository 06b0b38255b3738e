"""Everything that can be wrong with a database at the start, each in one sentence, and nothing of it made worse."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devicectl.records import errors
from devicectl.records.check import check_database
from devicectl.records.location import locate
from devicectl.records.lock import StationLock, station_of
from devicectl.records.reader import Reader
from devicectl.records.store import Store


def refuses(kind: type[errors.RecordError], action) -> str:
    """The sentence with which ``action`` refuses."""
    with pytest.raises(kind) as caught:
        action()
    text = str(caught.value)
    assert type(caught.value) is kind
    assert "\n" not in text
    assert text.endswith(".")
    return text


def as_nobody(action) -> None:
    """Run as a user for whom rights count; root may write everywhere."""
    if os.geteuid() != 0:
        action()
        return
    os.seteuid(65534)
    try:
        action()
    finally:
        os.seteuid(0)


def test_a_missing_database_is_not_made_when_it_should_exist(path):
    assert "no database" in refuses(errors.NoDatabase, lambda: Store.open(path, create=False))
    assert not path.exists()
    refuses(errors.NoDatabase, lambda: Reader(path))


def test_an_emptied_file_is_refused_and_the_backup_named(opened, path):
    store = opened()
    backup = store.backup(path.with_name("devicectl.monday.bak.db"))
    store.close()
    os.truncate(path, 0)
    text = refuses(errors.DatabaseDamaged, lambda: Store.open(path))
    assert "empty" in text
    assert str(backup) in text
    assert path.stat().st_size == 0
    refuses(errors.DatabaseDamaged, lambda: Reader(path))


@pytest.mark.parametrize("damage", ["header", "page", "cut", "schema"])
def test_damage_is_found_at_the_start(world, path, damage):
    for _ in range(10):
        key = world.add_pass()
        world.do(world.block(key, count=500))
        world.end_pass(key)
    world.store.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[0:16] = b"x" * 16
    elif damage == "page":
        for at in range(4096 * 8, len(content), 4096):
            content[at : at + 64] = os.urandom(64)
    elif damage == "schema":
        content[100:200] = bytes(100)
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)
    text = refuses(errors.DatabaseDamaged, lambda: Store.open(path))
    assert "restore" in text
    assert path.read_bytes() == content
    assert any(not item.ok for item in check_database(locate(path)))


def test_a_flipped_bit_inside_a_blob_is_found_by_the_check(world, path):
    key = world.add_pass()
    world.do(world.block(key, sealed=True))
    blob = world.do(lambda c: c.exec_driver_sql("SELECT data FROM telemetry_blocks").scalar())
    world.store.close()
    content = path.read_bytes()
    at = content.index(blob) + len(blob) // 2
    path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    items = {item.name: item for item in check_database(locate(path))}
    assert items["integrity"].ok
    assert not items["telemetry"].ok
    assert "1 of 1" in items["telemetry"].text


def test_a_strangers_database_is_left_alone(path):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "another program" in refuses(errors.NotOurs, lambda: Store.open(path))
    refuses(errors.NotOurs, lambda: Reader(path))
    assert path.read_bytes() == before


def test_a_newer_database_is_refused_by_station_and_reader(opened, path):
    opened().close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert "update devicectl" in refuses(errors.SchemaTooNew, lambda: Store.open(path))
    refuses(errors.SchemaTooNew, lambda: Reader(path))
    assert any(item.name == "schema" and not item.ok for item in check_database(locate(path)))


def test_one_station_per_database(opened, path):
    store = opened()
    store.lock.describe(ports=["/dev/ttyX"])
    assert station_of(locate(path)) == {"pid": os.getpid(), "ports": ["/dev/ttyX"]}
    store.lock.describe()
    assert station_of(locate(path)) == {"pid": os.getpid()}
    assert f"process {os.getpid()}" in refuses(errors.StationHeld, lambda: Store.open(path))
    store.close()
    assert station_of(locate(path)) is None
    opened().close()


def test_the_lock_of_a_killed_station_is_free(path):
    code = f"import os, signal; from devicectl.records.store import Store; Store.open({str(path)!r}); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert station_of(locate(path)) is None
    Store.open(path).close()


def test_many_who_look_do_not_keep_a_station_out(path):
    StationLock.acquire(locate(path)).release()
    end = threading.Event()

    def look() -> None:
        while not end.is_set():
            station_of(locate(path))

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(20):
            StationLock.acquire(locate(path)).release()
    finally:
        end.set()
        for looker in lookers:
            looker.join()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_written_is_refused(opened, path, tmp_path, what):
    opened().close()
    path.chmod(0o444)
    path.with_name(path.name + ".lock").chmod(0o666)
    if what == "folder":
        path.parent.chmod(0o555)
    else:
        path.parent.chmod(0o777)
    for folder in (path.parent.parent, *path.parent.parents[1:4]):
        if folder != Path("/tmp") and os.geteuid() == 0 and folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o555)
    try:
        as_nobody(lambda: refuses(errors.ReadOnly, lambda: Store.open(path)))
    finally:
        path.parent.chmod(0o755)


def test_a_backup_is_readable_from_a_read_only_folder(world, tmp_path):
    folder = tmp_path / "stick"
    folder.mkdir()
    target = world.store.backup(folder / "copy.db")
    folder.chmod(0o555)
    try:
        with Reader(target) as reader:
            assert len(reader.sessions()) == 1
    finally:
        folder.chmod(0o755)
    assert "exists already" in refuses(errors.RecordError, lambda: world.store.backup(target))


def test_a_backup_works_while_the_station_writes(world, tmp_path, path):
    key = world.add_pass()
    end = threading.Event()
    count = 0

    def write() -> None:
        nonlocal count
        while not end.is_set():
            world.do(world.block(key, count, sealed=True, first_ms=1_000 * (count + 1)))
            count += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with Reader(path) as reader:
            for number in range(5):
                reader.backup(tmp_path / f"copy{number}.db")
                time.sleep(0.02)
    finally:
        end.set()
        thread.join()
    assert count > 20
    assert all(item.ok for item in check_database(locate(tmp_path / "copy4.db")))
    assert not list(tmp_path.glob("*.part*"))


def test_a_backup_to_nowhere_is_one_sentence(world, tmp_path):
    assert "choose another place" in refuses(
        errors.RecordError, lambda: world.store.backup(tmp_path / "no" / "where.db")
    )


FULL_DISK = """
import resource, sys
from devicectl.records import errors, jobs, rows
from devicectl.records.store import Store
store = Store.open(sys.argv[1])
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
done = 0
try:
    while done < 5000:
        event = rows.EventRow(store.ids.uuid7(), None, None, "note", "x" * 500, done, 0)
        store.submit_sync(jobs.event_logged(event))
        done += 1
        print(done, flush=True)
except errors.DiskFull as error:
    print("full", error, flush=True)
"""


def test_a_disk_that_takes_no_more_keeps_what_it_acknowledged(opened, path):
    opened().close()
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(700_000)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("full The disk")
    store = opened()
    stored = store.submit_sync(lambda c: c.exec_driver_sql("SELECT count(*) FROM events").scalar())
    assert stored >= int(lines[-2])
    assert all(item.ok for item in check_database(locate(path)))


def test_no_half_database_is_left_when_the_disk_is_full_at_the_start(path):
    code = f"""
import resource, sys
from devicectl.records import errors, schema
from devicectl.records.store import Store
schema.template()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    Store.open({str(path)!r})
except errors.DiskFull:
    sys.exit(7)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7
    assert [entry.name for entry in path.parent.iterdir()] == ["devicectl.db.lock"]
    Store.open(path).close()


def test_a_stranger_who_holds_the_database_is_named(opened, path):
    opened().close()
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    try:
        assert "Another program" in refuses(errors.DatabaseLocked, lambda: Store.open(path))
    finally:
        stranger.close()


def test_a_reader_does_not_hold_up_the_writer_nor_write(world, path):
    with Reader(path) as reader, reader._connection() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar()
        key = world.add_pass()
        world.end_pass(key)
        with pytest.raises(Exception, match="readonly"):
            connection.exec_driver_sql("CREATE TABLE mine (x)")


def test_a_sound_database_has_only_good_news(world, path):
    items = check_database(locate(path))
    assert all(item.ok for item in items)
    assert {item.name for item in items} >= {"sqlite", "station", "space", "integrity", "schema", "guards", "telemetry"}
    assert f"process {os.getpid()}" in next(item.text for item in items if item.name == "station")


def test_strange_names_of_files(tmp_path, ids):
    for name in ("a b.db", "ümlaut#1.db", "100%.db", "q?mode=ro&x.db"):
        store = Store.open(tmp_path / name, ids=ids)
        store.close()
        with Reader(tmp_path / name) as reader:
            assert reader.sessions() == []
    assert {entry.name for entry in tmp_path.glob("*.db")} == {"a b.db", "ümlaut#1.db", "100%.db", "q?mode=ro&x.db"}
