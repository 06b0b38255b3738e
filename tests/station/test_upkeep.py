"""Disk, backup and clock: low alarms of every pen of the workstation."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from support.world import World

from devicectl.alarms.board import Priority
from devicectl.records.backup import backup_file, last_backup
from devicectl.records.store import Store
from devicectl.station.source import SystemSource
from devicectl.station.upkeep import Upkeep, backup_condition, conditions, disk_condition
from simulator.virtual_time import run_virtual

DAY_S = 86_400.0


@pytest.mark.parametrize(("free", "told"), [(None, False), (1_000_000_000, False), (999_999_999, True), (0, True)])
def test_the_disk(free: int | None, told: bool) -> None:
    assert (disk_condition(free) is not None) == told


@pytest.mark.parametrize(
    ("created", "copied", "begins"),
    [
        (0, None, "There is no backup"),
        (4, None, None),
        (0, 2, "The last backup of the record is 8 days old"),
        (0, 3, None),
    ],
)
def test_the_backup(created: int, copied: int | None, begins: str | None) -> None:
    text = backup_condition(created * DAY_S, None if copied is None else copied * DAY_S, 10 * DAY_S)
    assert (text is None) if begins is None else (text or "").startswith(begins)


def test_a_copy_kept_anywhere_is_remembered(tmp_path: Path) -> None:
    database, stick = tmp_path / "record.db", tmp_path / "stick"
    stick.mkdir()
    Store.open(database, inline=True).close()
    assert last_backup(database) is None
    backup_file(database, stick / "copy.db")
    made = last_backup(database)
    assert made is not None
    assert conditions(database, 10**12, 0.0, made + 6 * DAY_S) == {}
    assert set(conditions(database, 5, 0.0, made + 8 * DAY_S)) == {"backup", "disk"}
    mark = tmp_path / "record.db.backed-up"
    os.utime(mark, (made - DAY_S, made - DAY_S))
    assert last_backup(database) == made - DAY_S


def test_conditions_of_the_workstation_are_low_alarms_of_its_pens_and_go_with_their_cause() -> None:
    async def play() -> None:
        w = World()
        try:
            await w.ready()
            w.station.conditions = {"disk": "Only 5 MB are free for the record. Make room on the disk."}
            await asyncio.sleep(1.1)
            assert w.desk.alarms.priority("disk") is Priority.LOW
            w.station.conditions = {}
            await asyncio.sleep(1.1)
            assert not w.desk.alarms.standing()
        finally:
            await w.down()

    run_virtual(play())


def test_a_clock_that_is_set_at_rest_is_low_and_goes_when_control_is_taken() -> None:
    async def play() -> None:
        w = World()
        try:
            s = await w.ready()
            w.source.jump_us = 5_000_000
            await asyncio.sleep(1.5)
            assert w.desk.alarms.priority("clock") is Priority.LOW
            assert w.desk.holder is None
            await w.until(lambda: w.desk.confirmed_still)
            await s.ask("control.take")
            assert not w.desk.alarms.active("clock")
        finally:
            await w.down()

    run_virtual(play())


async def test_upkeep_looks_at_the_real_disk(tmp_path: Path) -> None:
    class Station:
        loop = asyncio.get_running_loop()
        source = SystemSource()
        conditions: dict[str, str] = {}

    store = Store.open(tmp_path / "record.db")
    try:
        station = Station()
        station.source.utc_us = lambda: store.ids.utc_us() + 8 * 86_400_000_000  # type: ignore[method-assign]
        await Upkeep(station, store).look()  # type: ignore[arg-type]
        assert station.conditions["backup"].startswith("There is no backup")
    finally:
        store.close()
