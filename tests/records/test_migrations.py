"""The database's history leads to the tables of the program, whole or not at all."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from devicectl.records import errors, guards, schema
from devicectl.records.engine import memory_engine
from devicectl.records.store import Store
from devicectl.records.tables import metadata


def normal(sql: str) -> str:
    # SQLite puts the name of a renamed table in quotes.
    text = re.sub(r'"(\w+)"', r"\1", re.sub(r"\s+", " ", sql))
    return text.replace("( ", "(").replace(" )", ")").strip()


def test_head_is_the_newest_revision():
    assert schema.known_revisions()[0] == schema.HEAD


def test_migrations_give_exactly_the_tables_of_the_program():
    with memory_engine().connect() as connection:
        schema.build(connection)
        made = {
            name: normal(sql)
            for name, sql in connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
            )
        }
    made.pop("alembic_version")
    meant = {}
    for table in metadata.sorted_tables:
        meant[table.name] = normal(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        for index in table.indexes:
            meant[str(index.name)] = normal(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    assert made == meant
    assert all("STRICT" in sql for sql in made.values() if sql.startswith("CREATE TABLE"))


def at_revision_zero(path) -> None:
    """Make the database look as if it came from before the first revision that this test's upgrade brings."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA foreign_keys=OFF")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not name.startswith("sqlite_"):
            connection.execute(f"DROP TABLE {name}")
    connection.execute("CREATE TABLE before (x)")
    connection.execute("INSERT INTO before VALUES (42)")
    connection.close()


def test_an_upgrade_leaves_a_backup_of_the_old_state(opened, path):
    opened().close()
    at_revision_zero(path)
    store = opened()
    assert "upgraded from None to" in store.notes[0]
    (backup,) = path.parent.glob("*.bak.db")
    old = sqlite3.connect(backup)
    assert old.execute("SELECT x FROM before").fetchone() == (42,)
    old.close()
    assert store.submit_sync(guards.missing) == []


def test_a_failing_upgrade_leaves_everything_as_it_was(opened, path, monkeypatch):
    opened().close()
    at_revision_zero(path)
    before = list(dump(path))

    def fail(_connection) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(guards, "install", fail)
    with pytest.raises(errors.RecordError, match="undone"):
        Store.open(path)
    assert list(dump(path)) == before


def dump(path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@pytest.mark.slow
def test_a_kill_during_an_upgrade_leaves_the_old_or_the_new_state(opened, path):
    opened().close()
    at_revision_zero(path)
    code = f"from devicectl.records.store import Store; print('go', flush=True); Store.open({str(path)!r}).close()"
    states = set()
    for attempt in range(12):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.25 + attempt * 0.03)
        child.kill()
        child.wait()
        child.stdout.close()
        connection = sqlite3.connect(path)
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        new = "sessions" in names
        assert new == ("alembic_version" in names) == ("guard_sessions_closed" in names)
        states.add(new)
    opened()
    print(f"states seen after a kill: {states}")
