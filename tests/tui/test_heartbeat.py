"""The dead-man: no finished frame, no heartbeat; no input thread, no heartbeat."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from textual.driver import Driver

from tests.tui.conftest import StageMaker
from tests.tui.fake_client import FakeClient
from tui import scenes
from tui.app import DashboardApp
from tui.stop_guard import INPUT_THREAD, CountingEvent, StopGuard


async def test_both_counters_advance_while_frames_are_painted(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await asyncio.sleep(0.3)
        frames = [frame for frame, _ in s.client.beats]
        keys = [keys for _, keys in s.client.beats]
        assert len(frames) >= 3
        assert frames == sorted(set(frames))
        assert keys == sorted(set(keys))


async def test_the_heartbeat_goes_on_under_a_sheet(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await s.press("question_mark")
        before = len(s.client.beats)
        await asyncio.sleep(0.3)
        assert len(s.client.beats) >= before + 3


async def test_a_blocked_loop_sends_nothing(stage: StageMaker) -> None:
    async with stage(scenes.needling()) as s:
        await asyncio.sleep(0.2)
        before = len(s.client.beats)
        time.sleep(0.5)  # noqa: ASYNC251
        assert len(s.client.beats) == before


async def test_a_frame_that_fails_ends_the_program_without_a_heartbeat() -> None:
    class Broken(Exception):
        pass

    client = FakeClient()
    app = DashboardApp(client, fps=50)
    beats: list[int] = []

    def fail() -> None:
        beats.append(len(client.beats))
        raise Broken

    async def use() -> None:
        async with app.run_test() as pilot:
            client.show(scenes.needling())
            await pilot.pause(0.1)
            app.treat.frame = fail  # type: ignore[method-assign]
            await pilot.pause(0.3)

    with pytest.raises(Broken):
        await use()
    assert len(beats) == 1
    assert len(client.beats) <= beats[0] + 1


def test_the_counter_counts_the_looks_of_the_input_thread_and_no_other() -> None:
    event = CountingEvent()
    assert not event.is_set()
    assert event.looks == 0
    thread = threading.Thread(target=event.is_set, name=INPUT_THREAD)
    thread.start()
    thread.join()
    assert event.looks == 1


async def test_a_driver_with_an_input_thread_gets_the_counting_event() -> None:
    class Threaded(Driver):
        def __init__(self) -> None:
            self.exit_event = threading.Event()

        def write(self, data: str) -> None: ...

        def start_application_mode(self) -> None: ...

        def disable_input(self) -> None: ...

        def stop_application_mode(self) -> None: ...

    guard = StopGuard(lambda source: None)
    assert guard.keys is None
    driver = Threaded()
    guard.install(driver)
    assert isinstance(driver.exit_event, CountingEvent)
    assert guard.keys == 0
