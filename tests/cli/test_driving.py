"""What a bounded run says of itself, with the faults of the pen and of the record set to the millisecond."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.world import ADDRESS, World

from devicectl.alarms.board import Priority
from devicectl.cli.driving import Ending, Plan, close_session, drive
from devicectl.cli.exits import Exit, exit_for
from devicectl.cli.failures import Failure
from devicectl.cli.pens import Seat
from devicectl.cli.run import open_session
from devicectl.records.errors import RecordError
from devicectl.station.local import LocalClient
from devicectl.station.views import to_json
from simulator.virtual_time import run_virtual

PLAN = Plan("VTX", 1_000, 100_000, 2.0)


class Client(LocalClient):
    """Answers as the socket does."""

    async def request(self, method: str, **params: Any) -> Any:
        return _plain(await super().request(method, **params))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return to_json(value) if dataclasses.is_dataclass(value) else value


Deed = Callable[[World], Awaitable[None]]


def run(deed: Deed, plan: Plan = PLAN, **faults: Any) -> tuple[Ending, World]:
    """Drive ``plan``; ``deed`` happens beside it, from the moment at which the motor turns."""

    async def main() -> tuple[Ending, World]:
        world = World()
        try:
            seat = Seat(await Client(world.station, "run").hello())  # type: ignore[arg-type]
            await seat.open(ADDRESS)
            await seat.fresh()
            await open_session(seat, "bench", None)
            world.sim.set_faults(**faults)
            work = asyncio.ensure_future(drive(seat, plan))
            await world.until(lambda: world.sim.truth.turning or work.done(), 5)
            await deed(world)
            ending = await work
            world.motor_off = not world.sim.truth.driven  # type: ignore[attr-defined]
            await close_session(seat)
            await seat.let_go()
            return ending, world
        finally:
            await world.down()

    return run_virtual(main())


async def nothing(world: World) -> None:
    pass


def at(seconds: float, **faults: Any) -> Deed:
    async def deed(world: World) -> None:
        await asyncio.sleep(seconds)
        world.sim.set_faults(**faults)

    return deed


def test_a_whole_run() -> None:
    ending, _ = run(nothing)
    assert (ending.whole, ending.code, ending.why) == (True, "", "")


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (at(1.0, run_away=True), "motor turns although nobody started it"),
        (at(0.2, lying_rate=True), "disagree"),
        (at(0.2, frozen_sensor=True), "repeats one reading"),
    ],
    ids=["run-away", "lying-rate", "frozen"],
)
def test_a_run_in_which_an_alarm_was_raised_is_not_whole(deed: Deed, words: str) -> None:
    ending, _ = run(deed, Plan("VTX", 1_000, 100_000, 4.0))
    assert ending.code == "stopped"
    assert exit_for(ending.code) is Exit.FAILED
    assert ending.why.startswith("the run lasted as long as asked, but not all went well: ")
    assert words in ending.why


def test_advice_that_stood_before_the_run_does_not_spoil_it() -> None:
    async def main() -> None:
        world = World()
        try:
            seat = Seat(await Client(world.station, "run").hello())  # type: ignore[arg-type]
            await seat.open(ADDRESS)
            await seat.fresh()
            await open_session(seat, "bench", None)
            world.desk.alarms.raise_("clock", Priority.MEDIUM, "The clock was set.")
            await asyncio.sleep(0.2)
            assert (await drive(seat, PLAN)).whole
            await close_session(seat)
            await seat.let_go()
        finally:
            await world.down()

    run_virtual(main())


def test_a_stop_from_elsewhere_tells_that_the_run_was_cut() -> None:
    async def deed(world: World) -> None:
        await asyncio.sleep(1)
        world.station.stop_all("command line")

    ending, _ = run(deed)
    assert ending.code == "stopped"
    assert ending.why == "the run did not last as long as asked: STOP (command line)"


def test_an_end_that_is_answered_too_late_is_settled_and_says_so() -> None:
    async def deed(world: World) -> None:
        for delay in (0.15, 0.3, 0.45):
            await asyncio.sleep(0.3)
            world.sim.set_faults(from_pen__delay=delay)

    ending, world = run(deed)
    assert ending.code == "stopped"
    assert ending.why.startswith("END was not answered in time, so STOP was sent; devicectl reset ")
    assert "did not last" not in ending.why
    assert world.motor_off  # type: ignore[attr-defined]


def test_an_end_that_nobody_ever_answers_is_not_called_known() -> None:
    async def deed(world: World) -> None:
        # The last sample comes right before END, which is therefore still sent.
        await asyncio.sleep(1)
        await world.until(lambda: world.desk.control.lane.busy, 3)
        world.sim.set_faults(from_pen__silence=True)

    ending, world = run(deed)
    assert ending.code == "unknown"
    assert exit_for(ending.code) is Exit.UNKNOWN
    assert ending.why.startswith("it is not known whether the pen took END")
    assert "devicectl info" in ending.why
    assert world.motor_off  # type: ignore[attr-defined]


def broken(*_: object) -> Any:
    raise RecordError("The disk is full.")


def test_a_run_that_ended_because_of_the_record_says_so() -> None:
    async def deed(world: World) -> None:
        await asyncio.sleep(1)
        submit = world.store.writer.submit
        world.store.writer.submit = lambda job: submit(broken)  # type: ignore[method-assign]

    ending, world = run(deed)
    assert ending.code == "record"
    assert exit_for(ending.code) is Exit.RECORD
    assert "The record cannot be written" in ending.why
    assert world.motor_off  # type: ignore[attr-defined]


def test_an_end_that_the_record_keeps_from_being_sent_is_a_stop() -> None:
    """The intent of END must be durable first; when it cannot be, the motor must not turn on until its time is over."""

    async def deed(world: World) -> None:
        await asyncio.sleep(1.9)

        def hang(job: Any) -> asyncio.Future[Any]:
            return asyncio.get_running_loop().create_future()

        world.store.writer.submit = hang  # type: ignore[method-assign]
        await world.until(lambda: not world.sim.truth.driven, 1.0)

    ending, _ = run(deed)
    assert ending.code == "record"
    assert ending.why.startswith("END was refused, so STOP was sent: the record did not answer")


def test_a_start_that_the_record_keeps_from_being_sent_is_the_records_trouble() -> None:
    async def main() -> None:
        world = World()
        try:
            seat = Seat(await Client(world.station, "run").hello())  # type: ignore[arg-type]
            await seat.open(ADDRESS)
            await seat.fresh()
            await open_session(seat, "bench", None)
            submit = world.store.writer.submit
            world.store.writer.submit = lambda job: submit(broken)  # type: ignore[method-assign]
            with pytest.raises(Failure) as caught:
                await drive(seat, PLAN)
            assert caught.value.number is Exit.RECORD
            assert not world.sim.truth.turning
            world.store.writer.submit = submit  # type: ignore[method-assign]
        finally:
            await world.down()

    run_virtual(main())


def test_the_motor_turns_only_when_the_needles_are_where_they_were_told() -> None:
    depths: list[float] = []

    async def deed(world: World) -> None:
        depths.append(world.sim.truth.depth_um)

    ending, _ = run(deed, dataclasses.replace(PLAN, depth_um=1_500))
    assert ending.whole, ending
    assert abs(depths[0] - 1_500) <= 250


def test_needles_that_never_arrive_start_nothing_and_say_so() -> None:
    # Whichever is told first: that they are not there, or that the pen gave its drive up.
    with pytest.raises(Failure, match=r"1\.00 mm set|depth actuator"):
        run(nothing, stuck_actuator=True)
