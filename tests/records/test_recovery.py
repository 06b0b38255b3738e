"""After a crash nothing that was acknowledged is missing, and nothing is made up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devicectl.records import jobs
from devicectl.records.check import check_database
from devicectl.records.evidence import from_blocks
from devicectl.records.location import locate
from devicectl.records.reader import Reader, telemetry_of
from devicectl.records.store import Store


def crash(world) -> None:
    """End as after a power cut: nothing is closed, only the lock is free."""
    world.store.writer.close()
    world.store.lock.release()


def test_an_open_pass_is_closed_with_what_its_blocks_prove(world, opened, path):
    key = world.add_pass()
    world.do(world.block(key, 0, sealed=True, count=500))
    world.do(world.block(key, 1, count=50, first_ms=11_000))
    empty = world.add_pass()
    intent = world.intent()
    world.do(jobs.command_intended(intent))
    crash(world)
    store = opened()
    assert store.recovered.sessions == (world.session,)
    assert set(store.recovered.passes) == {key, empty}
    assert store.submit_sync(jobs.open_commands(world.pen)) == [intent]
    with Reader(path) as reader:
        detail = reader.session("last")
    assert detail.session.end_reason == "interrupted"
    assert detail.session.ended_utc_us < world.clock()
    first, second = detail.passes
    assert (first.end_reason, second.end_reason) == ("interrupted", "interrupted")
    assert first.duration_ms == first.contact_ms == 10_980
    assert first.strokes == 1_098
    assert first.density_cm2 == round(1_098 * 14 / 50)
    assert first.samples == 550
    assert first.lost_samples is None
    assert (second.duration_ms, second.samples, second.depth_max_um) == (0, 0, None)
    assert detail.events[0].code == "session_interrupted"
    assert len(json.loads(detail.events[0].data)["passes"]) == 2
    crash_free = opened  # a second start finds nothing open
    store.close()
    assert crash_free().recovered.sessions == ()


def test_a_damaged_block_becomes_unknown_time(world, opened, path):
    key = world.add_pass()
    for seq in range(3):
        world.do(world.block(key, seq, count=100, first_ms=1_000 + 2_000 * seq))

    def damage(connection) -> None:
        connection.exec_driver_sql("UPDATE telemetry_blocks SET data = x'0102' WHERE seq <> 1")

    world.do(damage)
    crash(world)
    assert opened().recovered.damaged_blocks == 2
    with Reader(path) as reader:
        (done,) = reader.session("last").passes
    assert [segment.kind for segment in done.segments] == ["unknown", "measured"]
    assert done.segments[0].to_clock_ms == done.segments[1].from_clock_ms == 3_000
    assert done.unknown_ms == 2_000
    assert done.duration_ms == sum(s.to_clock_ms - s.from_clock_ms for s in done.segments) == 3_980


def test_open_commands_follow_the_pen_through_a_change_of_firmware(world):
    intent = world.intent()
    world.do(jobs.command_intended(intent))
    updated = world.add_pen(firmware="2.0.0")
    assert updated != world.pen
    assert world.do(jobs.open_commands(updated)) == [intent]
    assert world.do(jobs.open_commands(world.add_pen(serial="S2"))) == []
    assert world.do(jobs.open_commands(world.add_pen(origin="replay"))) == []


CHILD = '''
"""A session being recorded for ever: acknowledged things are printed after their commit."""
import sys
from devicectl.records import jobs, rows
from devicectl.records.ids import IdSource
from devicectl.records.store import Store, boot_clock_us
from devicectl.records.telemetry_block import Columns

store = Store.open(sys.argv[1])
ids, utc, do = store.ids, store.ids.utc_us, store.submit_sync
pen = do(jobs.pen_seen(rows.PenRow(ids.uuid7(), "Open", "Reference", "S1", "1", "A", "simulated", utc())))
client = do(jobs.client_known(ids.uuid7(), "T-1", True, utc()))
session = ids.uuid7()
do(jobs.session_opened(rows.SessionRow(session, store.boot_id, pen, client, "treatment", utc(), boot_clock_us())))
print("session", session.hex, flush=True)
number = 0
while True:
    number += 1
    key = ids.uuid7()
    intent = rows.OpenCommand(ids.uuid7(), pen, session, 1, number, "start", 1, boot_clock_us(), utc())
    do(jobs.command_intended(intent))
    print("intent", intent.id.hex, flush=True)
    do(jobs.pass_opened(rows.PassRow(
        key, session, pen, None, number, "granted", "VTX", 1000, 100000, 14, 5000, utc(), boot_clock_us(), 1000)))
    print("pass", key.hex, flush=True)
    for seq in range(3):
        n = 40
        for sealed in (False, True):
            first = 1000 + seq * 20 * n
            do(jobs.telemetry_block(rows.BlockRow(key, seq, sealed, Columns(
                [first + 20 * i for i in range(n)], [1000] * n, [100000] * n, [250] * n, [3000] * n, [3900] * n,
                [1] * n, [1] * n), utc())))
        print("block", key.hex, seq, flush=True)
    do(jobs.pass_closed(rows.PassEnd(
        key, utc(), 3380, "ended", 2380, 2380, "measured", 0, 238, 238, 67, 1000, 1000, 1000, 250, 120, 0),
        [rows.SegmentRow(key, 0, "measured", True, 1000, 3380)]))
    print("closed", key.hex, flush=True)
'''


@pytest.mark.slow
def test_a_killed_station_loses_nothing_it_acknowledged(path: Path, tmp_path: Path, capsys):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    rng = random.Random(20)
    kills = int(os.environ.get("DEVICECTL_KILLS", "25"))
    acknowledged: dict[str, set[tuple[str, ...]]] = {"intent": set(), "pass": set(), "block": set(), "closed": set()}
    sessions = set()
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline().startswith("session")
        time.sleep(rng.uniform(0.002, 0.12))
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        child.stdout.close()
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):
                word, *key = line.split()
                acknowledged[word].add(tuple(key))
    store = Store.open(path)
    sessions.update(store.recovered.sessions)
    with Reader(path) as reader:
        have = {
            "intent": keys(reader, "SELECT lower(hex(id)) FROM commands"),
            "pass": keys(reader, "SELECT lower(hex(id)) FROM passes"),
            "block": keys(reader, "SELECT lower(hex(pass_id)), CAST(seq AS TEXT) FROM telemetry_blocks"),
            "closed": keys(reader, "SELECT lower(hex(id)) FROM passes WHERE end_reason = 'ended'"),
        }
        assert keys(reader, "SELECT id FROM passes WHERE ended_utc_us IS NULL") == set()
        assert keys(reader, "SELECT id FROM sessions WHERE ended_utc_us IS NULL") == set()
        for detail in [reader.session(summary.id.hex) for summary in reader.sessions()]:
            for done in detail.passes:
                columns = reader.run(lambda c, key=done.id: telemetry_of(c, key))
                if columns.clock_ms:
                    evidence = from_blocks([columns])
                    assert evidence is not None
                    assert evidence.figures().strokes == done.strokes
                    assert evidence.figures().duration_ms == done.duration_ms
    for word, wanted in acknowledged.items():
        assert wanted <= have[word], word
    assert all(item.ok for item in check_database(locate(path)))
    store.close()
    print(f"{kills} kills, acknowledged: { {word: len(keys) for word, keys in acknowledged.items()} }, lost: 0")


def keys(reader: Reader, query: str) -> set[tuple[str, ...]]:
    return {tuple(row) for row in reader.run(lambda c: c.exec_driver_sql(query).all())}
