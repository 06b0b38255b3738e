"""A STOP that went around the station waits in its file until the record has it, once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from devicectl.cli.sessions import show_detail
from devicectl.records import jobs
from devicectl.records.direct_stops import AFTER_US
from devicectl.records.ids import IdSource
from devicectl.records.location import Location
from devicectl.records.reader import Reader
from devicectl.records.rows import PenRow, SessionRow
from devicectl.records.store import Store
from devicectl.station.housekeeping import LeftPorts, keep_house, take_notes
from devicectl.station.runtime import virtual_station
from devicectl.station.source import SeededSource
from devicectl.station.station import Station
from devicectl.station.stop_notes import NOTES_MAX, leave_notes, this_moment
from devicectl.station.stop_ways import PortStop
from drivers.portlock import Holding

HASH = "0123456789ab"
ADDRESS = "serial:///dev/ttyPEN0"


def written(sent: bool = True, left: bool = True, record: str = HASH, serial: str = "S1") -> PortStop:
    return PortStop(ADDRESS, sent, "", Holding(ADDRESS, 1, "the devicectl station", serial, "", record), left)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(folder))
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


class Scene:
    """A record with one pen, and a station that holds none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record.db"
        self.ids = IdSource()
        self.store = Store.open(Location(self.path, "argument"), ids=self.ids)
        pen = PenRow(self.ids.uuid7(), "m", "n", "S1", "1", "1", "simulated", 1)
        self.pen: UUID = self.store.submit_sync(jobs.pen_seen(pen))
        self.station: Station = virtual_station(self.store, SeededSource(), {})

    def session(self, opened_us: int, ended_us: int | None = None, reason: str = "closed") -> UUID:
        key = self.ids.uuid7()
        row = SessionRow(key, self.store.boot_id, self.pen, None, "bench", opened_us, 1)
        self.store.submit_sync(jobs.session_opened(row))
        if ended_us is not None:
            self.store.submit_sync(jobs.session_closed(key, ended_us, reason))
        return key

    async def take(self) -> list[dict[str, Any]]:
        await take_notes(self.station, self.store, HASH)
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM events WHERE code = 'stop-direct' ORDER BY id").fetchall()
        connection.close()
        return [dict(row) for row in found]


def play(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene() -> None:
        made = Scene(folder)
        try:
            await act(made)
        finally:
            await made.station.close("end of test")
            made.store.close()

    asyncio.run(scene())


def test_a_note_waits_for_a_locked_record_and_is_written_once(tmp_path: Path, runtime: Path) -> None:
    async def act(scene: Scene) -> None:
        pressed = this_moment()
        leave_notes([written()], "SPACE", pressed)
        [path] = files(runtime)
        assert path.stat().st_mode & 0o777 == 0o600
        stranger = sqlite3.connect(scene.path, isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        assert await scene.take() == []
        assert path.exists()
        stranger.execute("ROLLBACK")
        stranger.close()
        text = path.read_text()
        [row] = await scene.take()
        assert (row["at_utc_us"], row["at_boot_us"]) == (pressed.utc_us, pressed.boot_us)
        assert row["pen_id"] == scene.pen.bytes
        assert not path.exists()
        # A station that died between COMMIT and the file's removal finds it again.
        path.write_text(text)
        assert await scene.take() == [row]
        assert not path.exists()

    play(tmp_path, act)


@pytest.mark.parametrize(
    ("opened_s", "ended_s", "reason", "belongs"),
    [
        (-100, None, "", True),
        (-100, -50, "closed", False),
        (-100, 50, "closed", True),
        (-100, -50, "interrupted", True),
        (-3600, -AFTER_US / 1e6 - 1, "interrupted", False),
        (50, None, "", False),
    ],
)
def test_a_note_belongs_to_the_session_of_its_time(
    tmp_path: Path, opened_s: float, ended_s: float | None, reason: str, belongs: bool
) -> None:
    async def act(scene: Scene) -> None:
        pressed = this_moment()
        ended = None if ended_s is None else round(pressed.utc_us + ended_s * 1e6)
        session = scene.session(round(pressed.utc_us + opened_s * 1e6), ended, reason)
        leave_notes([written()], "SPACE", pressed)
        [row] = await scene.take()
        assert row["session_id"] == (session.bytes if belongs else None)
        assert row["pen_id"] == scene.pen.bytes

    play(tmp_path, act)


def test_what_is_said_of_it(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        pressed = this_moment()._replace(monotonic=time.monotonic() - 0.31)
        leave_notes([written(), written(left=False), written(sent=False, serial="")], "F9", pressed)
        texts = sorted(row["text"] for row in await scene.take())
        reasons = sorted(text.split(" because ")[1] for text in texts)
        gone, silent = "no station held it any more.", "the station did not answer for it."
        assert reasons == [gone, gone, silent]
        assert texts[0].startswith(f"STOP (F9) could not be written straight to {ADDRESS}, because")
        assert f"was written straight to {ADDRESS} within 0." in texts[1]

    play(tmp_path, act)


def test_what_belongs_to_no_record_leaves_nothing_and_files_are_bounded(tmp_path: Path, runtime: Path) -> None:
    async def act(scene: Scene) -> None:
        strangers = [written(record=""), written(record="../x"), PortStop(ADDRESS, True, "")]
        leave_notes(strangers, "SPACE", this_moment())
        assert files(runtime) == []
        for _ in range(NOTES_MAX + 5):
            leave_notes([written()], "SPACE", this_moment())
        (runtime / f"stopped-{HASH}-0.json").write_text('{"id": "no"}')
        assert len(await scene.take()) == NOTES_MAX
        assert files(runtime) == []

    play(tmp_path, act)


def test_a_session_shows_it_once_below_its_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def act(scene: Scene) -> None:
        pressed = this_moment()
        scene.session(pressed.utc_us - 100_000_000)
        leave_notes([written()], "SPACE", pressed)
        await scene.take()
        with Reader(scene.path) as reader:
            show_detail(reader.session("last"))
        assert capsys.readouterr().out.count("STOP (SPACE) was written straight to") == 1

    play(tmp_path, act)


def test_straight_stops_are_shown_in_order_under_a_heading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def act(scene: Scene) -> None:
        pressed = this_moment()
        scene.session(pressed.utc_us - 100_000_000)
        for source, ago_us in (("F9", 1_000_000), ("SPACE", 9_000_000), ("F9", 5_000_000)):
            moment = pressed._replace(utc_us=pressed.utc_us - ago_us, boot_us=pressed.boot_us - ago_us)
            leave_notes([written()], source, moment)
        await scene.take()
        with Reader(scene.path) as reader:
            show_detail(reader.session("last"))
        lines = capsys.readouterr().out.splitlines()
        head = next(i for i, line in enumerate(lines) if line.startswith("about STOP at"))
        told = [line for line in lines[head:] if "straight to" in line]
        assert len(told) == 3
        assert told == sorted(told)
        assert "(SPACE)" in told[0]

    play(tmp_path, act)


def test_trouble_that_nobody_foresaw_ends_the_housekeeping_not_for_good(tmp_path: Path, runtime: Path) -> None:
    class Stumbling(LeftPorts):
        looked = 0

        def look(self) -> None:
            self.looked += 1
            if self.looked == 1:
                raise RuntimeError("no thread to be had")

    async def act(scene: Scene) -> None:
        leave_notes([written()], "SPACE", this_moment())
        house = asyncio.create_task(keep_house(scene.station, scene.store, HASH, Stumbling()))
        async with asyncio.timeout(30):
            while files(runtime) and not house.done():
                await asyncio.sleep(0.05)
        assert files(runtime) == []
        house.cancel()

    play(tmp_path, act)
