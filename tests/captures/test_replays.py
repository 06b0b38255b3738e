"""Replays into a simulated pen and onto the screen: nothing leaves, nothing starts, nothing is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.links import linked
from support.world import ADDRESS, World

from devicectl.bench.capture_file import Kind, Reader, Writer
from devicectl.bench.keeping import keep
from devicectl.bench.replay import paced
from devicectl.bench.replay_client import NOTHING, ReplayClient
from devicectl.bench.replay_simulator import play_to_simulator
from devicectl.cli.app import run
from devicectl.station.client_api import StationError
from devicectl.station.local import LocalClient
from devicectl.station.requests import METHODS
from devicectl.station.views import View, from_json, to_json
from drivers.tap import Mark, Way
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual
from tui.app import DashboardApp
from tui.painter import app_strips

from .kept import FileTap, records
from .test_links import drive


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 s with STOP at its end, through the station, of the simulated pen with seed 1."""
    path = tmp_path_factory.mktemp("replays") / "run.pcapng"

    async def main() -> None:
        w = World(seed=1)
        try:
            client, end = await LocalClient(w.station, "capture").hello(), asyncio.Event()
            task = asyncio.create_task(keep(client, ADDRESS, path, end=end))
            await asyncio.sleep(0.3)
            s = await w.ready()
            await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
            await s.start()
            await asyncio.sleep(3)
            s.client.stop_now("SPACE")
            await asyncio.sleep(1)
            end.set()
            await task
            await client.close()
        finally:
            await w.down()

    run_virtual(main())
    return path


# -- into a simulated pen


def test_the_same_simulated_pen_answers_as_then(capture: Path) -> None:
    with Reader(capture) as reader:
        played = play_to_simulator(reader, seed=1)
    assert played.trouble == ()
    assert played.boot_ids[0] == played.boot_ids[1] != 0
    assert [answer.opcode for answer in played.answers][-2:] == ["ARM", "START"]
    assert all(answer.same for answer in played.answers)
    assert played.state == "STOPPED"
    assert played.stops == len([r for r in records(capture) if r.stop]) > 0
    assert 2.9 < played.turned_s < 3.4
    assert played.strokes > 200


def test_another_pen_refuses_the_start_of_then(capture: Path) -> None:
    with Reader(capture) as reader:
        played = play_to_simulator(reader, seed=2)
    (start,) = [answer for answer in played.answers if answer.opcode == "START"]
    assert start.captured.startswith("ACCEPTED")
    assert start.simulated.startswith("DENIED BAD_TOKEN")
    assert played.turned_s == 0.0


def test_over_the_air_values_are_put_back_into_frames(tmp_path: Path) -> None:
    async def main() -> None:
        async with linked("ble", SimulatedPen(seed=3)) as wire:
            pen = wire.pen()
            tap = FileTap(tmp_path / "x")
            pen.set_tap(tap)
            await pen.connect()
            await pen.secure()
            await drive(pen)
            await pen.close()
            tap.close()
            wire.sim.close()

    run_virtual(main())
    with Reader(tmp_path / "x") as reader:
        # The header of a pen object's own capture knows no boot: it is the first.
        played = play_to_simulator(reader, seed=3)
    assert [answer.same for answer in played.answers] == [True] * len(played.answers)
    assert len(played.answers) >= 4
    assert played.state == "STOPPED"
    assert played.turned_s > 0.9


def test_a_capture_of_nothing_plays_as_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        FileTap(tmp_path / "x").close()

    run_virtual(main())
    with Reader(tmp_path / "x") as reader:
        assert play_to_simulator(reader).answers == ()


def test_speed_is_kept(capture: Path) -> None:
    found = records(capture)
    lasts = found[-1].at - found[0].at
    begin = time.monotonic()
    assert list(paced(found, lasts / 0.5)) == found
    assert 0.45 < time.monotonic() - begin < 5
    begin = time.monotonic()
    list(paced(found, None))
    assert time.monotonic() - begin < 0.3


# -- onto the screen


def play(capture: Path, speed: float, seconds: float) -> tuple[list[View], ReplayClient]:
    views: list[View] = []
    clients: list[ReplayClient] = []

    async def main() -> None:
        with Reader(capture) as reader:
            client = ReplayClient(reader, speed)
            clients.append(client)
            client.on_view(views.append)
            await asyncio.sleep(seconds)
            await client.close()

    run_virtual(main())
    return views, clients[0]


def test_the_view_follows_the_capture(capture: Path) -> None:
    views, _ = play(capture, 1.0, 12.0)
    pens = [view.pen for view in views]
    assert all(pen is not None and pen.replay and pen.simulated for pen in pens[5:])
    turning = [view for view in views if view.pen and view.pen.motion == "turning"]
    assert 2.5 < len(turning) / 10 < 4.5
    assert {view.run.phase for view in turning if view.run} == {"running"}
    assert turning[10].pen is not None
    assert turning[10].pen.depth_set_um == 1000
    assert all(v.pen is not None and (v.pen.sample_age_s or 0.0) < 0.3 for v in turning)
    assert any(view.pen is not None and view.pen.state == "stopped" and view.pen.latched for view in views)
    assert views[-1].pen is not None
    assert (views[-1].pen.link, views[-1].pen.link_text) == ("lost", "the capture has ended")
    said = [line.text for view in views for line in view.log]
    assert "STOP was sent" in said
    assert "START" in " ".join(said)
    assert all(not view.you_control and view.session is None for view in views)
    assert from_json(View, to_json(views[20])) == views[20]


def test_at_any_speed(capture: Path) -> None:
    for speed in (0.5, 10.0, 100.0):
        views, _ = play(capture, speed, 12.0 / speed + 0.3)
        assert views[-1].pen is not None
        assert views[-1].pen.link_text == "the capture has ended"
        ages = [view.pen.sample_age_s for view in views[:-4] if view.pen and view.pen.sample_age_s is not None]
        assert all(age < 0.3 for age in ages)


def test_every_request_is_refused_and_stop_is_harmless(capture: Path) -> None:
    async def main() -> None:
        with Reader(capture) as reader:
            client = ReplayClient(reader)
            views: list[View] = []
            client.on_view(views.append)
            await asyncio.sleep(1)
            for method in METHODS:
                with pytest.raises(StationError) as refusal:
                    await client.request(method)
                assert str(refusal.value) == NOTHING
            client.heartbeat(1, 1)
            client.stop_now("SPACE")
            await asyncio.sleep(0.2)
            assert views[-1].log[-1].text == "STOP (SPACE): this is a replay, nothing was sent"
            await client.close()

    run_virtual(main())


def test_a_replay_knows_no_link_no_record_and_no_station() -> None:
    """What is not imported cannot be used: in a process of its own, the modules of a replay load none of these."""
    probe = (
        "import sys\n"
        "import devicectl.bench.replay, devicectl.bench.replay_client\n"
        "bad = [m for m in sys.modules if m.startswith(('drivers.links', 'drivers.ble', 'sqlalchemy', 'serial', 'bleak',"
        " 'devicectl.records', 'devicectl.station.station', 'devicectl.station.client.'))]\n"
        "print(bad)\n"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "[]"


async def frame(app: DashboardApp, pilot: Any) -> list[str]:
    await pilot.pause(0.1)
    app._tick()
    await pilot.pause()
    return [strip.text for strip in app_strips(app)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_screen_says_replay_and_starts_nothing(capture: Path, size: tuple[int, int]) -> None:
    with Reader(capture) as reader:
        client = ReplayClient(reader, speed=2.0)
        asked: list[str] = []
        answer = client.request

        async def request(method: str, **params: Any) -> Any:
            asked.append(method)
            return await answer(method, **params)

        client.request = request  # type: ignore[method-assign]
        app = DashboardApp(client, fps=20)
        async with app.run_test(size=size) as pilot:
            rows = await frame(app, pilot)
            assert "REPLAY" in rows[0]
            for keys in ("g", "Y", "r", "1", "up", "right", "o", "c", "e", "E", "p"):
                await pilot.press(keys)
                rows = await frame(app, pilot)
                assert "REPLAY" in rows[0], keys
                await pilot.press("escape")
            await pilot.press("space")
            for _ in range(20):
                rows = await frame(app, pilot)
                if "nothing was sent" in " ".join(line.text for line in app.live.log):
                    break
            assert "nothing was sent" in " ".join(line.text for line in app.live.log)
            assert any("watching" in row or "replay" in row for row in rows)
            await pilot.press("q")
        assert app.return_code == 0
        await client.close()
    assert "run.start" not in asked


# -- what somebody may have put into a file

facts = st.dictionaries(
    st.sampled_from(["mark", "boot_id", "last_cmd_id", "clock_ms", "heard_at", "sample_counter", "tail", "reason"]),
    st.one_of(
        st.sampled_from([*(mark.name for mark in Mark), "\x1b[2J", "", "zz"]),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.none(),
        st.lists(st.integers(), max_size=2),
    ),
)
data = st.one_of(st.binary(max_size=80), facts.map(lambda found: json.dumps(found).encode()), st.just(b"[" * 50_000))
forged = st.lists(
    st.tuples(
        st.sampled_from([kind for kind in Kind if kind is not Kind.HEADER]),
        st.floats(-9e9, 9e9),
        data,
        st.sampled_from([None, *Way]),
        st.integers(0, 255),
        st.booleans(),
    ),
    max_size=12,
)
headers = st.dictionaries(
    st.sampled_from(["address", "pen", "origin", "program"]), st.one_of(st.text(), st.integers(), st.none(), facts)
)


NASTY = b'{"mark": "\\u001b[2J", "reason": "\\u001b]0;x", "\\u001b[1m": 1}'


@given(forged, headers)
@example([(Kind.MARK, 0.0, NASTY, None, 0, False)], {"address": "\x1b[2J", "pen": {"model": "\x1b"}, "program": "\x1b"})
@settings(max_examples=150, deadline=None)
def test_a_forged_capture_with_right_checksums_is_harmless_everywhere(
    rows: list[tuple[Any, ...]], header: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        writer = Writer(path, header, 0.0, 0)
        for kind, at, chunk, way, channel, stop in rows:
            writer.add(kind, at, 2**63, chunk, way, channel, stop)
        writer.close("done", 0.0, 0)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for arguments in (["capture", "show"], ["capture", "show", "--json"], ["replay"], ["replay", "--json"]):
                assert run([*arguments, str(path)]) in (0, 1)
        assert "\x1b" not in out.getvalue() + err.getvalue()
        assert "should not have happened" not in err.getvalue()
        with Reader(path) as reader:
            played = play_to_simulator(reader)
        assert played.turned_s == 0.0
        play(path, 1000.0, 1.0)


def test_a_silence_of_years_is_not_waited_for(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x", {}, 0.0, 0)
    for at in (0.0, 9e9, 1.0, 2.0):
        writer.add(Kind.BYTES, at, 0, b"\x00", Way.OUT)
    writer.close("done", 2.0, 0)
    begin = time.monotonic()
    with Reader(tmp_path / "x") as reader:
        play_to_simulator(reader)
    assert len(list(paced(records(tmp_path / "x"), 10.0))) == 6
    assert time.monotonic() - begin < 5
    views, client = play(tmp_path / "x", 1.0, 3.0)
    assert client.over.is_set()
    assert views
