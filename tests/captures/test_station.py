"""A capture through the station, while somebody else drives the pen."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
import tty
from pathlib import Path
from typing import Any

import pytest
from support.world import ADDRESS, World, refused

from devicectl.bench.capture_file import CaptureError, Kind, Reader, Record
from devicectl.bench.keeping import Kept, keep
from devicectl.bench.replay import inputs
from devicectl.station.capturing import BYTES_KEPT, ROWS_KEPT, Capture
from devicectl.station.connection import Connection
from devicectl.station.local import LocalClient
from devicectl.station.params import PROTOCOL_VERSION
from drivers.api import PenInput, Telemetry, Up
from drivers.links.serial import SerialLink
from drivers.penlink.frame import STOP
from drivers.penlink.pen import PenlinkPen
from drivers.tap import Mark, Way
from simulator.virtual_time import run_virtual

from .kept import passed, records
from .test_links import without_times


def scenario(play: Any, **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


async def begin(w: World, path: Path) -> tuple[LocalClient, asyncio.Task[Kept], asyncio.Event]:
    """A capture that goes on until the event is set."""
    client, end = await LocalClient(w.station, "capture").hello(), asyncio.Event()
    task = asyncio.create_task(keep(client, ADDRESS, path, end=end))
    await asyncio.sleep(0.3)
    return client, task, end


def test_a_whole_run_is_captured_while_another_client_drives(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        live: list[PenInput] = []
        w.pen.subscribe(live.append)
        client, task, end = await begin(w, tmp_path / "a")
        assert w.desk.holder is None
        s = await w.ready()
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(3)
        s.client.stop_now("SPACE")
        await asyncio.sleep(1)
        end.set()
        kept = await task
        ended = len(live)
        assert (kept.why, kept.gaps) == ("ended by the user", 0)
        found = records(tmp_path / "a")
        assert found[0].facts()["pen"]["serial"] == w.sim.serial
        assert found[0].facts()["origin"] == "simulated"
        assert kept.stops == len([r for r in found if r.stop]) > 0
        again = inputs(found)
        assert isinstance(again[0], Up)
        assert without_times(again, exact=True) == without_times(live[: len(again)], exact=True)
        # What came within the last bundle, and no more than that, may be missing at the end.
        assert ended - len(again) < 10
        samples = [item.counter for item in again if type(item) is Telemetry]
        assert samples == list(range(samples[0], samples[0] + len(samples)))
        # The pen is driven on by the one who drives it.
        assert w.desk.holder is not None
        await client.close()

    scenario(play)


def test_stop_is_as_quick_as_without_a_capture(tmp_path: Path) -> None:
    """The same run twice in virtual time, where a millisecond is one."""
    took: list[tuple[float, float]] = []

    def run(capture: bool) -> None:
        async def play(w: World) -> None:
            s = await w.ready()
            await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
            if capture:
                await begin(w, tmp_path / "a")
            else:
                await asyncio.sleep(0.3)
            await s.start()
            await asyncio.sleep(1.0125)
            at = w.loop.time()
            s.client.stop_now("SPACE")
            took.append((await w.until(lambda: not w.sim.truth.driven), await w.until(lambda: not w.sim.truth.turning)))
            assert w.desk.pen.statistics.lost_samples == 0
            assert at < w.loop.time()

        scenario(play)

    run(capture=False)
    run(capture=True)
    assert took[0] == took[1]


def test_stop_is_as_quick_with_and_without_a_capture_in_one_run(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        took: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(16):
            captured = bool(turn % 2)
            if captured:
                client, task, end = await begin(w, tmp_path / str(turn))
            assert (await s.start()).outcome == "confirmed"
            await asyncio.sleep(0.5 + turn // 2 * 0.0031)
            s.client.stop_now("SPACE")
            took[captured].append(await w.until(lambda: not w.sim.truth.driven))
            await w.until(lambda: w.desk.confirmed_still)
            await asyncio.sleep(0.3)
            assert (await s.ask("pen.reset")).outcome == "confirmed"
            if captured:
                end.set()
                assert (await task).gaps == 0
                await client.close()
        assert statistics.median(took[True]) <= statistics.median(took[False]) + 0.001
        assert max(took[True]) <= max(took[False]) + 0.001
        assert max(took[True]) <= 0.01
        assert w.desk.pen.statistics.lost_samples == 0

    scenario(play)


def test_a_tap_costs_a_stop_on_a_real_port_next_to_nothing() -> None:
    """With and without by turns in one run, on the same open port."""

    async def main() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        link = SerialLink("serial://x", os.ttyname(slave))
        await link.open(lambda data: None, lambda why: None)
        capture = Capture(lambda rows: None, lambda: False, lambda: time.time_ns() // 1000, lambda: None)
        took: dict[bool, list[float]] = {True: [], False: []}
        gc.disable()
        try:
            for turn in range(2000):
                tapped = bool(turn % 2)
                link.tap = capture if tapped else None
                begin = time.perf_counter()
                assert link.write_stop(STOP)
                took[tapped].append(time.perf_counter() - begin)
                os.read(master, 4096)
                if turn % 50 == 0:
                    await asyncio.sleep(0)
        finally:
            gc.enable()
            capture.end("done")
            await link.close()
            os.close(master)
            os.close(slave)
        # The bytes have left before the tap is told; what it costs afterwards is some µs.
        assert statistics.median(took[True]) - statistics.median(took[False]) < 50e-6

    asyncio.run(main())


def test_stop_bytes_leave_before_the_capture_hears_of_them() -> None:
    order: list[str] = []

    class Slow:
        def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
            order.append("tap" if not os.read(master, 64) else "wire first")

        def marked(self, mark: Mark, facts: Any) -> None: ...

        def known(self, data: bytes) -> None: ...

    async def main() -> None:
        link = SerialLink("serial://x", os.ttyname(slave))
        await link.open(lambda data: None, lambda why: None)
        link.tap = Slow()
        assert link.write_stop(STOP)
        await link.close()

    master, slave = os.openpty()
    tty.setraw(slave)
    asyncio.run(main())
    os.close(master)
    os.close(slave)
    assert order == ["wire first"]


def test_a_client_that_does_not_read_gets_a_gap_and_nobody_waits() -> None:
    async def play(w: World) -> None:
        rows: list[Any] = []
        stuck = True
        connection = Connection(w.station, lambda message: rows.append(message), lambda: stuck)
        connection.receive(
            {"id": 1, "method": "station.hello", "params": {"client": "slow", "version": PROTOCOL_VERSION}}
        )
        s = await w.ready()
        connection.receive({"id": 2, "method": "capture.start", "params": {"address": ADDRESS}})
        await asyncio.sleep(0.1)
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        await s.start()
        await asyncio.sleep(100)
        assert w.desk.pen.statistics.lost_samples == 0
        assert w.sim.truth.turning
        stuck = False
        await asyncio.sleep(8)
        s.client.stop_now("SPACE")
        await asyncio.sleep(1)
        connection.receive({"id": 3, "method": "capture.stop"})
        await asyncio.sleep(0.1)
        got = [row for message in rows if message.get("method") == "capture" for row in message["params"]["rows"]]
        gaps = [row for row in got if row[0] == "gap"]
        assert len(gaps) == 1
        assert gaps[0][-1]["rows"] > 500
        assert gaps[0][-1]["bytes_in"] > gaps[0][-1]["bytes_out"] > 0
        assert got.index(gaps[0]) == ROWS_KEPT
        assert [row for row in got if row[5]], "the STOP after the gap is there"
        times = [row[1] for row in got]
        assert times == sorted(times)
        connection.lost()

    scenario(play)


def test_what_waits_is_bounded_in_bytes_too() -> None:
    async def main() -> None:
        sent: list[dict[str, Any]] = []
        capture = Capture(sent.append, lambda: True, lambda: 0, lambda: None)
        for _ in range(20):
            capture.passed(Way.IN, 0, bytes(100_000))
        assert sum(len(row[-1]) for row in capture._rows) <= BYTES_KEPT
        assert capture._missed["rows"] == 10
        # What is small still fits, behind the gap.
        capture.passed(Way.OUT, 0, STOP, True)
        assert [row[0] for row in capture._rows[-2:]] == ["gap", "bytes"]
        capture.end("over")
        assert sent == []
        await asyncio.sleep(5)
        (last,) = sent
        assert last["end"] == "over"
        assert last["rows"][0][-1]["bytes_in"] == 2_000_000
        assert last["rows"][0][-1]["stops"] == 1

    run_virtual(main())


def test_the_pen_of_a_capture_is_opened_for_it_and_let_go(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, end = await begin(w, tmp_path / "a")
        assert [str(desk.address) for desk in w.station.desks] == [ADDRESS]
        end.set()
        await task
        await w.until(lambda: w.station.desks == [])
        await client.close()
        found = records(tmp_path / "a")
        assert found[1].mark() is Mark.OPENING
        assert found[-1].facts() == {"why": "ended by the user"}
        assert passed(found, Way.OUT).startswith(b"\x00")

    scenario(play)


def test_a_pen_in_use_stays_when_the_capture_ends_or_its_client_is_killed(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, _ = await begin(w, tmp_path / "a")
        s = await w.ready()
        await s.start()
        await asyncio.sleep(0.5)
        task.cancel()
        await client.close()
        await asyncio.sleep(0.5)
        assert w.sim.truth.turning
        assert w.desk.capture is None
        assert (await s.ask("run.end")).outcome == "confirmed"

    scenario(play)


def test_a_pen_that_somebody_looks_at_stays_too(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, end = await begin(w, tmp_path / "a")
        s = await w.screen()
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still)
        await s.ask("control.release")
        end.set()
        await task
        await asyncio.sleep(1)
        assert len(w.station.desks) == 1
        await client.close()

    scenario(play)


def test_the_end_of_the_pen_ends_the_capture(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, _ = await begin(w, tmp_path / "a")
        s = await w.ready()
        await s.ask("session.close")
        await s.ask("pen.close")
        kept = await task
        assert kept.why == "the pen was closed"
        found = records(tmp_path / "a")
        assert found[-2].mark() is Mark.CLOSED
        assert found[-1].kind is Kind.END
        await client.close()

    scenario(play)


def test_one_capture_for_a_pen_and_one_for_a_client(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, end = await begin(w, tmp_path / "a")
        other = await LocalClient(w.station, "second").hello()
        assert "captured already" in await refused(other.request("capture.start", address=ADDRESS))
        assert "captures a pen already" in await refused(client.request("capture.start", address=ADDRESS))
        assert "captures nothing" in await refused(other.request("capture.stop"))
        end.set()
        await task
        await other.close()
        await client.close()

    scenario(play)


def test_a_pen_that_does_not_answer_leaves_neither_desk_nor_capture_behind(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        w.sim.set_faults(from_pen__silence=True)
        client = await LocalClient(w.station, "capture").hello()
        with pytest.raises(Exception, match=r"no pen answered|nothing answers"):
            await keep(client, ADDRESS, tmp_path / "a", 1.0)
        assert not (tmp_path / "a").exists()
        await w.until(lambda: w.station.desks == [])
        w.sim.clear_faults()
        assert (await keep(client, ADDRESS, tmp_path / "a", 1.0)).why == "time is up"
        await client.close()

    scenario(play)


def test_a_reconnect_stands_in_the_same_file(tmp_path: Path) -> None:
    async def play(w: World) -> None:
        client, task, end = await begin(w, tmp_path / "a")
        await w.pen.close()
        await w.pen.connect()
        await asyncio.sleep(0.3)
        end.set()
        await task
        await client.close()
        marks = [r.mark() for r in records(tmp_path / "a") if r.kind is Kind.MARK]
        assert marks == [Mark.OPENING, Mark.UP, Mark.CLOSED, Mark.OPENING, Mark.UP]

    scenario(play)


def test_a_full_disk_ends_the_capture_with_a_sentence_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(w: World) -> None:
        client, task, _ = await begin(w, tmp_path / "a")
        s = await w.ready()
        await s.start()
        real = os.write

        def full(descriptor: int, data: bytes) -> int:
            if os.fstat(descriptor).st_ino == os.stat(tmp_path / "a").st_ino:
                raise OSError(28, "No space left on device")
            return real(descriptor, data)

        monkeypatch.setattr("devicectl.bench.capture_file.os.write", full)
        with pytest.raises(CaptureError, match=r"No space left on device.*make room"):
            await task
        monkeypatch.undo()
        assert w.sim.truth.turning
        with Reader(tmp_path / "a") as reader:
            assert len([item for item in reader if isinstance(item, Record)]) > 10
        await client.close()

    scenario(play)


def test_a_link_without_a_tap_is_untouched() -> None:
    """A driver of somebody else that cannot be listened to is refused by name."""

    class Deaf:
        def __init__(self, pen: PenlinkPen) -> None:
            self._pen = pen

        def __getattr__(self, name: str) -> Any:
            if name == "set_tap":
                raise AttributeError(name)
            return getattr(self._pen, name)

    async def play(w: World) -> None:
        deaf = Deaf(w.pen)
        w.station.ports.open_pen = lambda address: deaf  # type: ignore[assignment,return-value]
        client = await LocalClient(w.station, "capture").hello()
        assert "cannot be listened to" in await refused(client.request("capture.start", address=ADDRESS))
        assert w.station.desks == []
        await client.close()

    scenario(play)
