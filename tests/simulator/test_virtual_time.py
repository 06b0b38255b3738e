"""The virtual clock: exact, deterministic, quick, and closed to everything that lives in real time."""

import asyncio
import socket
import threading
import time

import pytest

from simulator.virtual_time import VirtualTimeError, VirtualTimeLoop, run_virtual


def test_hours_pass_at_once_and_timers_fire_at_their_very_time() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert begin == 50.0
        seen = loop.create_future()
        loop.call_at(begin + 0.1 + 0.2, lambda: seen.set_result(loop.time()))
        assert await seen == begin + 0.1 + 0.2
        await asyncio.sleep(3600.0)
        return begin, loop.time()

    real = time.monotonic()
    begin, end = run_virtual(main(), start=50.0)
    assert 3600 <= end - begin < 3601
    assert time.monotonic() - real < 5


def test_order_is_by_time_then_by_call() -> None:
    async def main() -> list[str]:
        loop, order = asyncio.get_running_loop(), list[str]()
        done = asyncio.Event()
        loop.call_later(2, order.append, "late")
        loop.call_later(1, order.append, "early")
        loop.call_soon(order.append, "soon")
        loop.call_later(3, done.set)
        await done.wait()
        return order

    assert run_virtual(main()) == ["soon", "early", "late"]


def test_timeouts_and_cancelled_timers_work() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for _ in range(500):
            loop.call_later(10_000, print).cancel()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 7)
        return loop.time() - begin

    assert run_virtual(main()) == 7


def test_a_wait_that_cannot_end_is_named_instead_of_hanging() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeError, match="no timer"):
        run_virtual(main())


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(VirtualTimeError, match="thread"):
        run_virtual(main())


def test_a_thread_left_behind_is_found() -> None:
    end = threading.Event()

    async def main() -> None:
        threading.Thread(target=end.wait, name="stowaway").start()

    with pytest.raises(VirtualTimeError, match="stowaway"):
        run_virtual(main())
    end.set()


def test_descriptors_processes_and_signals_are_refused() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other, pytest.raises(VirtualTimeError, match="descriptor"):
            loop.add_reader(one.fileno(), print)
        with pytest.raises(VirtualTimeError, match="process"):
            await asyncio.create_subprocess_exec("true")
        with pytest.raises(VirtualTimeError, match="Signals"):
            loop.add_signal_handler(10, print)

    run_virtual(main())


def test_exceptions_come_through_and_tasks_are_cancelled() -> None:
    cancelled = []

    async def other() -> None:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(other())
        await asyncio.sleep(1)
        assert not task.done()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_virtual(main())
    assert cancelled == [True]


def test_call_soon_threadsafe_needs_no_wake_up() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()
        loop.call_soon_threadsafe(done.set_result, "yes")
        return await done

    assert run_virtual(main()) == "yes"


def test_a_loop_may_be_made_and_closed_without_running() -> None:
    loop = VirtualTimeLoop(5.0)
    assert loop.time() == 5.0
    loop.close()
