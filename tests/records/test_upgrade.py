"""A database of an older version, with treatments in it, becomes one of today: all of it, or nothing.

``data/r0001.sql`` and ``data/r0002.sql`` were written by those versions themselves: closed and open sessions, passes, blocks,
commands, alarms; in the second also a treatment that was signed and reviewed.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from devicectl.access.opening import open_keys
from devicectl.access.verify import verify
from devicectl.records import schema
from devicectl.records.engine import writer_engine
from devicectl.records.store import Store
from devicectl.station.runtime import _virtual_keys

DATA = Path(__file__).with_name("data")
VERSIONS = ("0001", "0002")


def old_version(path: Path, version: str, more_passes: int = 0) -> None:
    """Make the database that an old version left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((DATA / f"r{version}.sql").read_text(encoding="utf-8"))
        if more_passes:
            columns = [row[1] for row in connection.execute("PRAGMA table_info(passes)")]
            own = {"id": "randomblob(16)", "seq": "1000 + n.value", "session_id": "open.session_id"}
            values = [own.get(column, f"p.{column}") for column in columns]
            connection.execute(
                f"INSERT INTO passes WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?) "
                f"SELECT {', '.join(values)} FROM n, (SELECT * FROM passes WHERE ended_utc_us IS NOT NULL LIMIT 1) AS p, "
                "(SELECT session_id FROM passes WHERE ended_utc_us IS NULL) AS open",
                (more_passes,),
            )


def rows_of(path: Path, columns: dict[str, list[str]] | None = None) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, sorted; only the named columns where they are given."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        named = columns or columns_of(connection)
        for table, names in named.items():
            found[table] = sorted(connection.execute(f"SELECT {', '.join(names)} FROM {table}"), key=repr)
    return found


def columns_of(connection: sqlite3.Connection) -> dict[str, list[str]]:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        for table in tables
        if not table.startswith("sqlite_") and table != "alembic_version"
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_version_of_the_database_is_upgraded_with_all_that_is_in_it(path, version):
    old_version(path, version)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (version,)
        columns = columns_of(connection)
    before = rows_of(path)
    assert sum(bool(before[table]) for table in columns) >= 12
    engine = writer_engine(path)
    with engine.connect() as connection:
        (note,) = schema.prepare(connection, path)
    assert f"upgraded from {version} to {schema.HEAD}" in note
    assert rows_of(path, columns) == before
    (backup,) = path.parent.glob("*.bak.db")
    assert rows_of(backup) == before


def test_what_was_signed_in_the_second_version_holds(path, opened):
    old_version(path, "0002")
    store = opened()
    assert (len(store.recovered.sessions), len(store.recovered.passes)) == (1, 1)
    verdict = store.submit_sync(lambda c: verify(c, _virtual_keys()))
    assert verdict.damages == ()
    assert verdict.signatures == 2


def test_what_was_open_is_recovered_and_the_record_goes_on(path, opened):
    old_version(path, "0001")
    store = opened()
    assert (len(store.recovered.sessions), len(store.recovered.passes)) == (2, 1)
    keys = open_keys(store)
    verdict = store.submit_sync(lambda c: verify(c, keys))
    assert verdict.damages == ()
    assert verdict.entries == 1


@pytest.mark.slow
@pytest.mark.parametrize("old", VERSIONS)
def test_a_kill_in_mid_upgrade_leaves_the_old_or_the_new_database(path, tmp_path, old):
    original = tmp_path / "original.db"
    old_version(original, old, more_passes=6_000)
    with closing(sqlite3.connect(original)) as connection:
        columns = columns_of(connection)
    before = rows_of(original)
    kept = {table: names for table, names in columns.items() if table in ("clients", "pens", "events", "cartridges")}
    kept["passes"] = ["id", "session_id", "seq", "zone", "depth_set_um", "opened_clock_ms", "samples"]
    still = rows_of(original, kept)
    # Says when the transaction begins and when it has ended, then goes on to close what was open.
    code = (
        "import sys\n"
        "from devicectl.records import guards, schema\n"
        "from devicectl.records.engine import writer_engine\n"
        "from pathlib import Path\n"
        "real = guards.remove\n"
        "def remove(connection):\n"
        "    guards.remove = real\n"
        "    print('go', flush=True)\n"
        "    real(connection)\n"
        "guards.remove = remove\n"
        "path = Path(sys.argv[1])\n"
        "with writer_engine(path).connect() as connection:\n"
        "    schema.prepare(connection, path)\n"
        "print('done', flush=True)\n"
    )
    chance, seen, took = random.Random(5), [], 0.0
    for attempt in range(11):
        place = path.parent / str(attempt) / "devicectl.db"
        place.parent.mkdir(parents=True)
        place.write_bytes(original.read_bytes())
        with subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"go\n"
            started = time.monotonic()
            if attempt == 0:
                assert child.stdout.readline() == b"done\n"
                took = time.monotonic() - started
            else:
                time.sleep(chance.uniform(0, took))
                child.kill()
        with closing(sqlite3.connect(place)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            tables = columns_of(connection)
        if version == old:
            assert tables == columns
            assert rows_of(place) == before
        else:
            assert version == schema.HEAD
            assert {"audit", "signatures", "consents", "calibrations"} <= tables.keys()
            assert rows_of(place, kept) == still
        seen.append(version)
        store = Store.open(place)
        assert store.submit_sync(schema.revision_of) == schema.HEAD
        store.close()
        assert rows_of(place, kept)["clients"] == still["clients"]
    print(f"after {len(seen) - 1} kills within {took:.2f} s: {seen.count(old)} old, {seen.count(schema.HEAD) - 1} new")
    assert set(seen[1:]) <= {old, schema.HEAD}
