"""A session from its opening to its end, read back by another connection."""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

import pytest

from devicectl.records import errors, jobs, rows, schema
from devicectl.records.ids import IdSource
from devicectl.records.location import database_hash, locate
from devicectl.records.reader import Reader, telemetry_of
from devicectl.records.store import Store


def test_a_session_is_read_back_as_it_was_written(world, path):
    key = world.add_pass()
    world.do(world.block(key, 0, sealed=False, count=10))
    world.do(world.block(key, 0, sealed=True))
    world.do(world.block(key, 1, sealed=False, count=5, first_ms=2_000))
    world.end_pass(key)
    stop = rows.StopRow(world.ids.uuid7(), world.session, world.pen, "space", world.clock(), 1, 1_800, 84_000, True)
    world.do(jobs.stop_logged(stop))
    alarm = rows.AlarmRow(world.ids.uuid7(), world.session, world.pen, "link", "high", "Lost.", world.clock(), 3)
    world.do(jobs.alarm_raised(alarm))
    world.do(jobs.alarm_acknowledged(alarm.id, 11))
    world.do(jobs.alarm_cleared(alarm.id, 12))
    world.do(jobs.session_closed(world.session, world.clock()))
    with Reader(path) as reader:
        detail = reader.session(str(world.session)[-6:])
        assert reader.session("last") == detail
        assert detail.session.client == "T-1"
        assert detail.session.origin == "simulated"
        assert detail.session.end_reason == "closed"
        (done,) = detail.passes
        assert (done.zone, done.duration_ms, done.strokes, done.density_cm2) == ("VTX", 980, 98, 27)
        assert done.segments[0] == ("measured", True, 1_000, 1_980)
        assert (detail.alarms[0].acknowledged_utc_us, detail.alarms[0].cleared_utc_us) == (11, 12)
        assert reader.stops()[0].intent_to_still_us == 84_000
        samples = reader.run(lambda c: telemetry_of(c, key))
        assert len(samples.clock_ms) == 55
        with pytest.raises(errors.RecordError, match="no session"):
            reader.session("ffffffff")
        with pytest.raises(errors.RecordError, match="no session"):
            reader.session(world.session.hex[3:-3])
        assert reader.session(world.session.hex[:-3]) == detail


def test_every_job_can_run_twice(world):
    again = []
    pen = rows.PenRow(world.ids.uuid7(), "Open", "Reference", "S1", "1.0.0", "A", "simulated", 1)
    assert world.do(jobs.pen_seen(pen)) == world.pen
    assert world.add_client() == world.client
    cartridge = rows.CartridgeRow(world.ids.uuid7(), "R14", "c1", "L1", "2030-01-31", 14, "simulated", 1)
    assert world.do(jobs.cartridge_seen(cartridge)) == world.do(jobs.cartridge_seen(cartridge)) == cartridge.id
    row = world.pass_row()
    again.append(jobs.pass_opened(row))
    again.append(world.block(row.id, sealed=True))
    segment = rows.SegmentRow(row.id, 0, "unknown", None, 1_000, 1_980)
    end = rows.PassEnd(row.id, 5, 1_980, "paused", 980, 0, "unknown", 980, 0, 0, 0, 1, 1, 1, 1, 50, 0)
    again.append(jobs.pass_closed(end, [segment]))
    intent = world.intent()
    again.append(jobs.command_intended(intent))
    event = rows.EventRow(world.ids.uuid7(), world.session, world.pen, "note", "12", world.clock(), 3)
    again.append(jobs.event_logged(event))
    again.append(jobs.session_closed(world.session, 9))
    for job in again:
        world.do(job)
        before = world.do(lambda c: list(c.connection.driver_connection.iterdump()))
        world.do(job)
        assert world.do(lambda c: list(c.connection.driver_connection.iterdump())) == before


def test_the_database_is_named_by_argument_then_environment_then_default(tmp_path, monkeypatch):
    given = locate(tmp_path / "a.db", {"DEVICECTL_DATABASE": "/b.db"})
    assert (given.path, given.source) == (tmp_path / "a.db", "argument")
    assert str(locate(None, {"DEVICECTL_DATABASE": f"sqlite:///{tmp_path}/c%20d.db"}).path) == f"{tmp_path}/c d.db"
    assert locate(None, {}).path.name == "devicectl.db"
    assert locate(None, {}).source == "default"
    assert len(given.hash) == 12
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert database_hash(tmp_path / "link" / "a.db") == given.hash


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://h/x",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "",
        "/",
        "sqlite:///a.db?mode=ro",
        "mysql://",
    ],
)
def test_other_addresses_are_refused_in_one_sentence(address):
    with pytest.raises(errors.NoDatabase) as caught:
        locate(address)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_ids_rise_even_when_the_clock_steps_back():
    moments = iter([5_000_000, 5_000_000, 1_000_000, 5_001_000])
    source = IdSource(lambda: next(moments))
    keys = [source.uuid7() for _ in range(4)]
    assert keys == sorted(keys)
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}


def test_ids_are_repeatable_from_the_same_chance(clock, ids):
    import random

    from devicectl.records.ids import IdSource as Again

    first = ids.uuid7()
    clock.us -= 1_000
    assert Again(clock, random.Random(7)).uuid7() == first


def test_a_record_in_memory_goes_on_from_a_snapshot(memory_world, ids):
    Store.in_memory(schema.template(), ids=ids).close()
    key = memory_world.add_pass()
    memory_world.do(memory_world.block(key))
    after = Store.in_memory(memory_world.store.snapshot(), ids=ids)
    assert after.recovered.passes == (key,)
    assert after.recovered.sessions == (memory_world.session,)
    after.close()


def test_the_package_itself_loads_nothing_heavy():
    code = "import sys, devicectl.records; sys.exit(bool({'sqlalchemy', 'alembic', 'asyncio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opening_does_not_load_alembic_when_nothing_is_to_be_upgraded(opened, path):
    opened().close()
    code = (
        "import sys; from devicectl.records.store import Store; "
        f"Store.open({str(path)!r}).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_boot_rows_tell_a_clean_end(opened, path):
    store = opened()
    boot = store.boot_id
    assert isinstance(boot, UUID)
    store.close()
    second = opened()
    ended = second.submit_sync(lambda c: c.exec_driver_sql("SELECT count(ended_utc_us), count(*) FROM boots").one())
    assert tuple(ended) == (1, 2)
