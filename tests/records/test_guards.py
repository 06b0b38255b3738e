"""The database itself refuses to change what is closed, whoever asks: tried from a plain sqlite3 connection."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import pytest

from devicectl.records import errors, guards, jobs, rows

from .filled import fill


@dataclass(frozen=True, slots=True)
class Settled:
    """How a command ended."""

    id: object
    outcome: str
    text: str = ""
    applied: int = 0
    at_utc_us: int = 1


@pytest.fixture
def closed(world, path):
    """A record in which everything is closed, and a stranger's connection to it."""
    key = world.add_pass()
    world.do(jobs.pass_set(rows.PassSettingRow(key, None, 1_000, 1_041, 1_000)))
    world.do(world.block(key, 0, sealed=True))
    world.end_pass(key)
    station = world.do(lambda c: UUID(bytes=c.exec_driver_sql("SELECT id FROM stations").scalar_one()))
    known = {"stations": station, "boots": world.store.boot_id, "pens": world.pen, "clients": world.client}
    known |= {"sessions": world.session, "passes": key}
    known |= dict.fromkeys(("cartridges", "commands", "alarms", "events", "stops"), key)
    cartridge = rows.CartridgeRow(world.ids.uuid7(), "R14", "c1", "L1", "", 14, "simulated", 1)
    known["cartridges"] = world.do(jobs.cartridge_seen(cartridge))
    intent = world.intent()
    world.do(jobs.command_intended(intent))
    world.do(jobs.command_settled(Settled(intent.id, "confirmed")))
    alarm = rows.AlarmRow(world.ids.uuid7(), world.session, world.pen, "link", "high", "Lost.", 1, 3)
    world.do(jobs.alarm_raised(alarm))
    world.do(jobs.alarm_cleared(alarm.id, 2))
    world.do(jobs.event_logged(rows.EventRow(world.ids.uuid7(), world.session, world.pen, "note", "12", 1, 3)))
    world.do(jobs.stop_logged(rows.StopRow(world.ids.uuid7(), None, None, "space", 1, 1, None, None, False)))
    world.do(jobs.session_closed(world.session, world.clock()))
    fill(world, known)
    world.store.close()
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


TABLES = sorted(
    {name.removeprefix("guard_").removesuffix("_delete") for name in guards.definitions() if name.endswith("_delete")}
)


def test_every_table_is_guarded(closed):
    names = {row[0] for row in closed.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names - {"alembic_version", "sqlite_stat1", "sqlite_stat4"} == set(TABLES)
    for table in TABLES:
        assert closed.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table


@pytest.mark.parametrize("table", TABLES)
def test_nothing_closed_is_deleted_changed_or_replaced(closed, table):
    if table == "boots":
        assert closed.execute("SELECT ended_utc_us FROM boots").fetchone()[0] is not None
    columns = [row[1] for row in closed.execute(f"PRAGMA table_info({table})")]
    before = closed.execute(f"SELECT * FROM {table}").fetchall()
    attempts = [f"DELETE FROM {table}", f"REPLACE INTO {table} SELECT * FROM {table}"]
    attempts += [f"UPDATE {table} SET {column} = 7" for column in columns]
    for attempt in attempts:
        if table == "alarms" and "acknowledged_utc_us" in attempt:
            continue
        with pytest.raises(sqlite3.Error):
            closed.execute(attempt)
        with suppress(sqlite3.Error):
            closed.execute(attempt.replace("UPDATE", "UPDATE OR REPLACE"))
    assert closed.execute(f"SELECT * FROM {table}").fetchall() == before


def test_a_row_of_telemetry_cannot_be_replaced_by_its_rowid(closed):
    with pytest.raises(sqlite3.IntegrityError, match=r"exists|closed"):
        closed.execute(
            "REPLACE INTO telemetry_blocks (rowid, pass_id, seq, origin, sealed, samples, from_clock_ms, to_clock_ms,"
            " depth_min_um, depth_max_um, rate_max_mhz, current_max_ma, stored_utc_us, data)"
            " SELECT rowid, pass_id, 99, origin, sealed, samples, from_clock_ms, to_clock_ms, depth_min_um,"
            " depth_max_um, rate_max_mhz, current_max_ma, stored_utc_us, data FROM telemetry_blocks"
        )


def test_nothing_is_added_to_what_is_closed(world):
    key = world.add_pass()
    world.do(world.block(key, 0, sealed=True))
    world.end_pass(key)
    with pytest.raises(errors.RecordRefused, match="pass of this telemetry is closed"):
        world.do(world.block(key, 1, first_ms=9_000))
    with pytest.raises(errors.RecordRefused, match="pass of this segment is closed"):
        world.do(
            lambda c: c.exec_driver_sql(
                "INSERT INTO pass_segments VALUES (?, 5, 'unknown', NULL, 5000, 6000)", (key.bytes,)
            )
        )
    world.do(jobs.session_closed(world.session, world.clock()))
    with pytest.raises(errors.RecordRefused, match="session of this pass is closed"):
        world.add_pass()


def test_a_session_cannot_close_over_an_open_pass(world):
    world.add_pass()
    with pytest.raises(errors.RecordRefused, match="still open"):
        world.do(jobs.session_closed(world.session, world.clock()))


def test_a_settled_command_is_final_but_an_unknown_one_is_learned(world):
    intent = world.intent()
    world.do(jobs.command_intended(intent))
    for outcome in ("unknown", "assumed_executed", "confirmed", "unknown"):
        world.do(jobs.command_settled(Settled(intent.id, outcome)))
    found = world.do(lambda c: c.exec_driver_sql("SELECT outcome FROM commands").scalar())
    assert found == "assumed_executed"
    with pytest.raises(errors.RecordRefused, match="settled"):
        world.do(lambda c: c.exec_driver_sql("UPDATE commands SET outcome = 'confirmed'").rowcount)


@pytest.mark.parametrize(
    ("origin", "training", "allowed"),
    [
        ("simulated", True, True),
        ("replay", True, True),
        ("hardware", False, True),
        ("simulated", False, False),
        ("replay", False, False),
        ("hardware", True, False),
    ],
)
def test_training_and_treatment_never_mix(world, origin, training, allowed):
    pen = world.add_pen(origin, serial=f"X-{origin}")
    client = world.add_client(f"C-{training}", training)
    job = jobs.session_opened(world.session_row(pen, client))
    if allowed:
        world.do(job)
    else:
        with pytest.raises(errors.RecordRefused, match="training"):
            world.do(job)


def test_a_treatment_needs_a_client_and_a_bench_has_none(world):
    with pytest.raises(errors.RecordRefused):
        world.do(jobs.session_opened(world.session_row(world.pen, None, "treatment")))
    with pytest.raises(errors.RecordRefused):
        world.do(jobs.session_opened(world.session_row(world.pen, world.client, "bench")))
    world.do(jobs.session_opened(world.session_row(world.pen, None, "bench")))


def test_the_training_mark_of_a_code_stays(world):
    with pytest.raises(errors.RecordRefused, match="T-1 belongs to a training client"):
        world.add_client("T-1", training=False)


def test_the_origin_of_a_row_is_that_of_its_pen(world):
    key = world.add_pass()
    world.do(world.block(key))
    for table in ("sessions", "passes", "telemetry_blocks"):
        found = world.do(lambda c, table=table: c.exec_driver_sql(f"SELECT DISTINCT origin FROM {table}").scalar())
        assert found == "simulated"
    with pytest.raises(errors.RecordRefused, match="origin"):
        world.do(
            lambda c: c.exec_driver_sql(
                "INSERT INTO stops VALUES (x'01', NULL, ?, 'hardware', 'space', 1, 1, NULL, NULL, 0)",
                (world.pen.bytes,),
            )
        )


def test_a_pass_belongs_to_the_pen_of_its_session(world):
    with pytest.raises(errors.RecordRefused, match="not the one of the session"):
        world.add_pass(pen_id=world.add_pen(serial="S2"))


def test_uncommanded_motion_is_recorded_without_a_session(world):
    row = world.pass_row(kind="uncommanded", zone=None, depth_set_um=None, rate_set_mhz=None)
    row = rows.PassRow(**{**{n: getattr(row, n) for n in row.__slots__}, "session_id": None})
    world.do(jobs.pass_opened(row))
    with pytest.raises(errors.RecordRefused):
        world.add_pass(zone=None)


def test_altered_guards_are_put_back_and_told(opened, path):
    opened().close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER guard_passes_delete")
    connection.execute("DROP TRIGGER guard_sessions_closed")
    connection.execute("CREATE TRIGGER guard_sessions_closed BEFORE UPDATE ON sessions WHEN 0 BEGIN SELECT 1; END")
    connection.commit()
    connection.close()
    store = opened()
    assert len(store.notes) == 1
    assert "guard_passes_delete, guard_sessions_closed" in store.notes[0]
    assert store.submit_sync(guards.missing) == []
