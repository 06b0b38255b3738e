"""PenlinkPen in virtual time, over memory links, against the simulated pen and against scripted ones that misbehave."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from drivers.api import (
    Action,
    Command,
    Confirmed,
    Gap,
    LinkLost,
    LinkRefused,
    Lost,
    NotAPen,
    NotSent,
    Outcome,
    PenError,
    PenInput,
    ReadBack,
    Reason,
    Rebooted,
    Rejected,
    Result,
    Status,
    Telemetry,
    Unknown,
    Up,
    WrongProtocol,
)
from drivers.links.memory import MemoryLink
from drivers.penlink.frame import STOP
from drivers.penlink.messages import (
    Cmd,
    HelloRequest,
    HelloSession,
    Lease,
    Message,
    QueryRequest,
    ResultMessage,
    VitalsMessage,
)
from drivers.penlink.pen import BLE, HELLO_TRIES, WIRE, PenlinkPen
from drivers.penlink.refusals import rejection_text
from drivers.reconnect import LONGEST_WAIT_S, KeepConnected
from simulator.pen import SimulatedPen
from simulator.profile import load_profile
from simulator.virtual_time import run_virtual

from .scripted import BOOT_ID, Script, Tap, messages_in, page, sample

DEPTH = Command(Action.SET_DEPTH, 1000)


class Bench:
    """A pen over some pen end, and everything it told."""

    def __init__(self, script: Script | None = None, sim: SimulatedPen | None = None) -> None:
        self.trace = bytearray()
        self.script = script or Script()
        self.sim = sim
        self.inputs: list[PenInput] = []
        end = self.script if sim is None else None
        self.pen = PenlinkPen("memory://pen", lambda: Tap(end or sim.line(), self.trace))  # type: ignore[union-attr]
        self.pen.subscribe(self.inputs.append)

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        return [item for item in self.inputs if isinstance(item, kind)]

    @property
    def statistics(self) -> object:
        return self.pen.statistics


def with_script(play: Callable[[Bench, Script], Awaitable[None]], *, connect: bool = True) -> None:
    async def main() -> None:
        bench = Bench()
        if connect:
            await bench.pen.connect()
        await play(bench, bench.script)
        await bench.pen.close()

    run_virtual(main())


def with_pen(
    play: Callable[[Bench, SimulatedPen], Awaitable[None]], *, connect: bool = True, profile: str = "reference"
) -> None:
    async def main() -> None:
        sim = SimulatedPen(profile, seed=3, hand=False)
        bench = Bench(sim=sim)
        if connect:
            await bench.pen.connect()
            await asyncio.sleep(0.1)
        await play(bench, sim)
        await bench.pen.close()
        sim.close()

    run_virtual(main())


async def command(bench: Bench, action: Action, value: int = 0, token: int = 0, *, deadline: float = 0.5) -> Outcome:
    return await bench.pen.command(Command(action, value, token), deadline=deadline)


# -- connecting --------------------------------------------------------------------------------------------------------


def test_complaint_8_connecting_sends_nothing_that_could_move() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        up = await bench.pen.connect()
        await asyncio.sleep(30)
        assert {type(message) for message in messages_in(bench.trace)} == {HelloRequest, QueryRequest}
        assert [m.page for m in messages_in(bench.trace) if isinstance(m, HelloRequest)] == [0, 1, 2, 3, 4]
        assert STOP not in bench.trace
        assert not sim.truth.turning
        assert sim.truth.depth_um == pytest.approx(sim.physics.depth)
        assert up.identity.simulated
        assert up.identity.serial == sim.serial
        assert up.capabilities.depth_max_um == 2500
        assert up.cartridge.expiry == "2030-12-31"
        assert bench.of(Up) == [up]
        assert len(bench.of(ReadBack)) == 1

    with_pen(play, connect=False)


def test_complaint_7_reconnecting_is_idle_and_moves_nothing() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        for _ in range(3):
            armed = await command(bench, Action.ARM, 500)
            assert isinstance(armed, Confirmed)
            assert isinstance(await command(bench, Action.START, 60_000, armed.token), Confirmed)
            await asyncio.sleep(0.3)
            assert sim.truth.turning
            bench.trace.clear()
            await bench.pen.connect()
            await asyncio.sleep(1)
            assert not any(isinstance(message, Cmd | Lease) for message in messages_in(bench.trace))
            assert not sim.truth.turning
            assert isinstance(await command(bench, Action.RESET), Confirmed)

    with_pen(play)


def test_silence_is_no_pen() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        loop = asyncio.get_running_loop()
        begin = loop.time()
        with pytest.raises(NotAPen, match="nothing answers; switch the pen on") as error:
            await bench.pen.connect()
        assert error.value.code == "not-a-pen"
        assert loop.time() - begin == pytest.approx(HELLO_TRIES * WIRE.hello_s)
        assert script.detached == 1
        assert not bench.pen.connected

    with_script(play, connect=False)


def test_complaint_14_each_cause_has_its_own_sentence_also_the_second_time() -> None:
    """A pen that answered before and is off now is not one that answers in part."""

    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        with pytest.raises(NotAPen, match="nothing answers"):
            await bench.pen.connect()
        script.on_message = lambda message: (script.transmit(b"\x93garbage\x00\x17"), True)[1]
        with pytest.raises(NotAPen, match="does not speak Penlink; choose another address"):
            await bench.pen.connect()
        script.on_message = lambda message: isinstance(message, HelloRequest) and message.page == 3
        with pytest.raises(NotAPen, match="answers only in part"):
            await bench.pen.connect()
        frames = bench.pen.statistics.frames
        script.on_message = lambda message: False
        await bench.pen.connect()
        assert bench.pen.statistics.frames == frames + 5

    with_script(play)


def test_another_protocol_version_is_named() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(protocol=2)
        with pytest.raises(WrongProtocol, match="another version of Penlink") as error:
            await bench.pen.connect()
        assert error.value.code == "wrong-protocol"

    with_pen(play, connect=False)


def test_nobody_there() -> None:
    async def main() -> None:
        pen = PenlinkPen("memory://pen", lambda: MemoryLink(None))
        with pytest.raises(LinkRefused, match="nothing is there"):
            await pen.connect()
        assert not pen.connected
        assert not pen.stop()

    run_virtual(main())


def test_complaint_16_a_link_that_breaks_in_the_handshake_ends_it_at_once() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def break_off(message: Message) -> bool:
            if isinstance(message, HelloRequest) and message.page == 2:
                script.hang_up("the cable is out")
            return False

        script.on_message = break_off
        begin = asyncio.get_running_loop().time()
        with pytest.raises(LinkLost, match="the link went away"):
            await bench.pen.connect()
        assert asyncio.get_running_loop().time() - begin < 0.01

    with_script(play, connect=False)


def test_a_cancelled_connect_leaves_nothing_open() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        task = asyncio.get_running_loop().create_task(bench.pen.connect())
        await asyncio.sleep(0.9)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert script.detached == 1

    with_script(play, connect=False)


def test_lost_pages_are_asked_for_again() -> None:
    async def play(bench: Bench, script: Script) -> None:
        seen: list[int] = []

        def every_other(message: Message) -> bool:
            if isinstance(message, HelloRequest):
                seen.append(message.page)
                return seen.count(message.page) < 3
            return False

        script.on_message = every_other
        await bench.pen.connect()
        assert seen == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]

    with_script(play, connect=False)


def test_an_answer_with_the_wrong_page_or_nonce_is_no_answer() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def confused(message: Message) -> bool:
            if isinstance(message, HelloRequest):
                script.say(page(0, message.nonce), page(message.page, message.nonce ^ 1))
                return True
            return False

        script.on_message = confused
        with pytest.raises(NotAPen, match="only in part"):
            await bench.pen.connect()

    with_script(play, connect=False)


def test_a_pen_that_restarts_in_the_handshake_is_asked_anew() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def restart_once(message: Message) -> bool:
            if isinstance(message, HelloRequest) and message.page == 3 and script.boot_id == BOOT_ID:
                script.boot_id += 0x10000
                script.say(page(0, 0, boot_id=script.boot_id, clock=20))
            return False

        script.on_message = restart_once
        up = await bench.pen.connect()
        assert up.identity.boot_id == BOOT_ID + 0x10000
        assert [m.page for m in script.heard if isinstance(m, HelloRequest)] == [0, 1, 2, 3, 4] * 2

    with_script(play, connect=False)


def test_a_pen_that_restarts_for_ever_is_told() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def restart(message: Message) -> bool:
            if isinstance(message, HelloRequest) and message.page == 4:
                script.boot_id += 0x10000
                script.say(page(0, 0, boot_id=script.boot_id))
            return False

        script.on_message = restart
        with pytest.raises(NotAPen, match="keeps restarting"):
            await bench.pen.connect()

    with_script(play, connect=False)


def test_a_date_that_is_none_is_left_out() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def odd(message: Message) -> bool:
            if isinstance(message, HelloRequest) and message.page == 4:
                script.say(page(4, message.nonce)._replace(expiry=20_301_399))  # type: ignore[call-arg, union-attr]
                return True
            return False

        script.on_message = odd
        assert (await bench.pen.refresh_cartridge()).expiry == ""

    with_script(play)


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_a_target_is_confirmed_by_result_status_and_read_back() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        assert await command(bench, Action.SET_DEPTH, 1250) == Confirmed(1250)
        assert bench.of(ReadBack)[-1].depth_um == 1250
        assert await command(bench, Action.LIMIT_DEPTH, 1500) == Confirmed(1500)
        armed = await command(bench, Action.ARM, 500)
        assert isinstance(armed, Confirmed)
        assert armed.applied == 500
        assert armed.token

    with_pen(play)


@pytest.mark.parametrize("heard", ["result", "status", "read back"])
def test_one_of_three_answers_alone_confirms_no_target(heard: str) -> None:
    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                if heard == "result":
                    script.result(message, applied=1000)
                elif heard == "status":
                    script.status(message)
                else:
                    script.read_back(1000)
            return False

        script.on_message = answer
        assert isinstance(await bench.pen.command(DEPTH, deadline=0.4), Unknown)

    with_script(play)


def test_a_lost_result_is_made_good_by_status_and_read_back() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                script.status(message)
                script.read_back(1000)
            return False

        script.on_message = answer
        assert await bench.pen.command(DEPTH, deadline=0.4) == Confirmed(1000)

    with_script(play)


ORDERS = [
    order
    for order in itertools.permutations(("result", "status", "read back"))
    if order.index("status") < order.index("read back")
]


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
@pytest.mark.parametrize("applied", [1000, 950])
def test_result_may_come_before_between_or_after_the_other_two(order: tuple[str, ...], applied: int) -> None:
    """As an indication it waits for the confirmation of the one before."""

    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                say = {
                    "result": lambda: script.result(message, applied=applied),
                    "status": lambda: script.status(message),
                    "read back": lambda: script.read_back(applied),
                }
                for part in order:
                    say[part]()
            return False

        script.on_message = answer
        assert await bench.pen.command(DEPTH, deadline=0.4) == Confirmed(applied)
        assert bench.pen.statistics.late_answers == 0
        assert (await command(bench, Action.ARM, 500)) in (Confirmed(applied, 0), Confirmed(0, 0))

    with_script(play)


@pytest.mark.parametrize("late", [False, True], ids=["first", "last"])
def test_a_token_comes_with_the_result_whenever_that_comes(late: bool) -> None:
    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                if late:
                    script.status(message)
                script.result(message, applied=500, token=77)
                if not late:
                    script.status(message)
            return False

        script.on_message = answer
        assert await command(bench, Action.ARM, 500) == Confirmed(500, 77)

    with_script(play)


@pytest.mark.parametrize("after", [0.0, 0.15, None])
def test_over_the_air_a_refusal_waits_for_its_reason(after: float | None) -> None:
    """STATUS says that it was refused, RESULT why; when that does not come, the refusal stands without a reason."""

    async def main() -> None:
        script = Script()
        pen = PenlinkPen("ble://pen", lambda: MemoryLink(script), BLE)
        await pen.connect()

        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                script.status(message, result=2)
                script.read_back(1000)
                if after is not None:
                    loop = asyncio.get_running_loop()
                    loop.call_later(after, lambda: script.result(message, result=2, reason=20))
            return False

        script.on_message = answer
        outcome = await pen.command(DEPTH, deadline=0.3)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is (Reason.NONE if after is None else Reason.SESSION_LIMIT)
        await pen.close()

    run_virtual(main())


def test_a_read_back_of_something_else_confirms_nothing() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                script.result(message, applied=1000)
                script.status(message)
                script.read_back(950)
            return False

        script.on_message = answer
        assert isinstance(await bench.pen.command(DEPTH, deadline=0.4), Unknown)

    with_script(play)


def test_complaint_1_silence_after_the_bytes_left_is_unknown_and_the_pen_may_have_done_it() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__silence=True)
        begin = asyncio.get_running_loop().time()
        outcome = await bench.pen.command(DEPTH, deadline=0.4)
        assert asyncio.get_running_loop().time() - begin == pytest.approx(0.4)
        assert isinstance(outcome, Unknown)
        assert "no answer within 0.4 s" in outcome.text
        assert sim.firmware.depth == 1000
        sim.clear_faults()
        bench.pen.query()
        await asyncio.sleep(0.1)
        assert bench.of(Status)[-1].last_cmd_id == outcome.cmd_id
        assert bench.of(Status)[-1].last_result is Result.ACCEPTED

    with_pen(play)


def test_complaint_15_late_answers_are_counted_and_settle_nothing() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__delay=0.5)
        outcome = await bench.pen.command(DEPTH, deadline=0.2)
        assert isinstance(outcome, Unknown)
        sim.clear_faults()
        sim.set_faults(to_pen__silence=True)
        # The first answer arrives while the second command waits: it must not be taken for the second's.
        second = await bench.pen.command(Command(Action.SET_DEPTH, 1500), deadline=0.6)
        assert isinstance(second, Unknown)
        assert second.cmd_id == outcome.cmd_id + 1
        assert bench.pen.statistics.late_answers == 1
        sim.clear_faults()
        assert await command(bench, Action.SET_DEPTH, 2000) == Confirmed(2000)
        assert bench.pen.statistics.late_answers == 1

    with_pen(play)


def test_one_command_at_a_time() -> None:
    async def play(bench: Bench, script: Script) -> None:
        first = asyncio.get_running_loop().create_task(bench.pen.command(DEPTH, deadline=0.4))
        await asyncio.sleep(0.01)
        second = await bench.pen.command(DEPTH, deadline=0.4)
        assert second == NotSent("the pen is still answering the command before; try again.")
        assert isinstance(await first, Unknown)
        assert len(script.commands()) == 1

    with_script(play)


def test_without_a_link_nothing_is_sent() -> None:
    async def play(bench: Bench, script: Script) -> None:
        await bench.pen.close()
        bench.trace.clear()
        assert isinstance(await bench.pen.command(DEPTH, deadline=0.4), NotSent)
        bench.pen.renew_lease()
        bench.pen.query()
        assert not bench.pen.stop()
        assert not bench.trace

    with_script(play)


def test_a_lost_link_makes_the_open_command_unknown_at_once_and_is_told_once() -> None:
    async def play(bench: Bench, script: Script) -> None:
        task = asyncio.get_running_loop().create_task(bench.pen.command(DEPTH, deadline=60))
        await asyncio.sleep(0.01)
        script.hang_up("the cable is out")
        outcome = await task
        assert isinstance(outcome, Unknown)
        assert "checked at the next connection" in outcome.text
        assert [lost.reason for lost in bench.of(Lost)] == ["the cable is out"]
        assert not bench.pen.connected

    with_script(play)


def test_our_own_close_is_no_loss() -> None:
    async def play(bench: Bench, script: Script) -> None:
        await bench.pen.close()
        await bench.pen.close()
        await asyncio.sleep(1)
        assert not bench.of(Lost)
        assert script.detached == 1

    with_script(play)


def test_stop_goes_out_while_a_command_waits_and_before_the_handshake() -> None:
    """Complaint 11."""

    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        connecting = asyncio.get_running_loop().create_task(bench.pen.connect())
        await asyncio.sleep(0.1)
        bench.trace.clear()
        assert bench.pen.stop()
        assert bytes(bench.trace) == STOP
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        script.on_message = lambda message: False
        await bench.pen.connect()
        waiting = asyncio.get_running_loop().create_task(bench.pen.command(DEPTH, deadline=0.5))
        await asyncio.sleep(0.01)
        bench.trace.clear()
        assert bench.pen.stop()
        assert bytes(bench.trace) == STOP
        await waiting

    with_script(play, connect=False)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in (Reason.NONE, Reason.NOT_PAUSED)])
def test_every_refusal_is_one_sentence_with_the_next_step(reason: Reason) -> None:
    text = rejection_text(DEPTH, reason, 1250)
    assert text.endswith(".")
    assert text.count(".") - text.count("1.") <= 1
    assert "refused set_depth" not in text or reason is Reason.BAD_PARAMETER
    assert "\n" not in text


@pytest.mark.parametrize(
    ("action", "value", "result", "reason", "says"),
    [
        (
            Action.SET_DEPTH,
            2550,
            Result.DENIED,
            Reason.ABOVE_MAXIMUM,
            "2.55 mm is above the pen's maximum; choose another",
        ),
        (
            Action.SET_RATE,
            10_000,
            Result.DENIED,
            Reason.BELOW_MINIMUM,
            "10.00 Hz is below the pen's minimum; choose another",
        ),
        (Action.SET_DEPTH, 1010, Result.DENIED, Reason.OFF_STEP, "does not lie on the pen's steps"),
        (Action.START, 60_000, Result.TEMPORARILY_REJECTED, Reason.NOT_ARMED, "arm first"),
        (Action.PARK, 1, Result.TEMPORARILY_REJECTED, Reason.NOT_ARMED, "the pen is not armed; arm first."),
        (Action.CALIBRATE, 3 << 30, Result.DENIED, Reason.BAD_PARAMETER, "the pen refused calibrate (bad_parameter)"),
    ],
)
def test_what_the_pen_refuses_is_told(action: Action, value: int, result: Result, reason: Reason, says: str) -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        outcome = await command(bench, action, value)
        assert isinstance(outcome, Rejected)
        assert (outcome.result, outcome.reason) == (result, reason)
        assert says in outcome.text

    with_pen(play)


def test_numbers_of_a_newer_pen_are_no_crash() -> None:
    async def play(bench: Bench, script: Script) -> None:
        def answer(message: Message) -> bool:
            if isinstance(message, Cmd):
                script.result(message, 99, 200)
                script.status(message, result=15, state=15)
            return False

        script.on_message = answer
        outcome = await bench.pen.command(DEPTH, deadline=0.4)
        assert isinstance(outcome, Rejected)
        assert outcome.result is Result.FAILED
        assert bench.pen.statistics.implausible == 1

    with_script(play)


# -- ids and deadlines -------------------------------------------------------------------------------------------------


def test_ids_begin_after_the_pens_last_and_rise() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.last_cmd_id = 41
        await bench.pen.connect()
        assert bench.pen.next_id() == 42
        for _ in range(3):
            await bench.pen.command(DEPTH, deadline=0.1)
        assert [cmd.cmd_id for cmd in script.commands()] == [42, 43, 44]
        # Somebody else has used a higher one: STATUS tells.
        script.status(Cmd(100, 0, 0, 0))
        await asyncio.sleep(0.01)
        assert bench.pen.next_id() == 101

    with_script(play, connect=False)


def test_used_up_ids_and_values_that_fit_no_frame_are_not_sent_and_leave_the_lane_open() -> None:
    async def play(bench: Bench, script: Script) -> None:
        for value in (-1, 1 << 32):
            assert isinstance(await bench.pen.command(Command(Action.SET_DEPTH, value), deadline=0.1), NotSent)
        assert bench.pen.next_id() == 1
        script.last_cmd_id = 0xFFFFFFFF
        await bench.pen.connect()
        outcome = await bench.pen.command(DEPTH, deadline=0.1)
        assert isinstance(outcome, NotSent)
        assert outcome == await bench.pen.command(DEPTH, deadline=0.1)
        assert not script.commands()

    with_script(play)


def test_not_after_is_the_newest_clock_and_300_ms_and_end_has_none() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.say(sample(1, 5000))
        await asyncio.sleep(0.1)
        await bench.pen.command(DEPTH, deadline=0.1)
        await command(bench, Action.END, 1, deadline=0.1)
        await bench.pen.command(DEPTH, deadline=0.1, not_after_ms=7777)
        assert [cmd.not_after for cmd in script.commands()] == [5300, 0, 7777]

    with_script(play)


def test_a_command_that_was_held_up_on_the_wire_is_refused_by_the_pen() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(to_pen__delay=0.4)
        outcome = await bench.pen.command(DEPTH, deadline=1.0)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.EXPIRED
        assert sim.firmware.depth == 0

    with_pen(play)


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_a_reboot_is_told_the_open_command_is_unknown_and_hello_is_said_anew() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__silence=True)
        task = asyncio.get_running_loop().create_task(bench.pen.command(DEPTH, deadline=60))
        await asyncio.sleep(0.05)
        sim.clear_faults()
        sim.reboot()
        await asyncio.sleep(0.05)
        assert bench.pen.connected
        await asyncio.sleep(1)
        outcome = await task
        assert isinstance(outcome, Unknown)
        assert "restarted" in outcome.text
        [rebooted] = bench.of(Rebooted)
        assert rebooted.boot_id == sim.firmware.boot_id
        assert [up.identity.boot_id >> 16 for up in bench.of(Up)] == [1, 2]
        assert bench.pen.connected
        assert bench.pen.next_id() == 1
        assert bench.pen.statistics.reboots == 1
        assert await command(bench, Action.SET_DEPTH, 500) == Confirmed(500)

    with_pen(play)


@pytest.mark.parametrize(
    ("then", "cause"),
    [
        ([sample(12, 1100), sample(3, 1120)], "counter fell"),
        ([sample(12, 1100), sample(13, 90)], "clock fell"),
        ([sample(12, 1100), sample(12, 1120)], "counter fell"),
        ([sample(12, 50_000), VitalsMessage(100, 2500, 3900, 80, 0)], "clock fell"),
        ([page(0, 0, boot_id=BOOT_ID + 1)], "HELLO anew"),
        ([sample(12, 0xFFFFFFF0), sample(13, 4)], "clock fell"),
    ],
    ids=["counter", "clock", "counter stands", "clock of vitals", "unasked hello", "clock wraps"],
)
def test_a_falling_clock_or_counter_is_a_reboot_whatever_boot_id_says(then: list[Message], cause: str) -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        script.say(sample(10, 1050), sample(11, 1070), *then)
        await asyncio.sleep(0.1)
        [rebooted] = bench.of(Rebooted)
        assert cause in rebooted.cause
        assert not bench.pen.connected
        assert isinstance(await bench.pen.command(DEPTH, deadline=0.1), NotSent)
        script.on_message = lambda message: False
        await asyncio.sleep(0.5)
        assert bench.pen.connected
        assert len(bench.of(Up)) == 2

    with_script(play)


def test_a_pen_that_restarts_and_then_keeps_silent_is_lost_with_a_reason() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.on_message = lambda message: True
        script.say(page(0, 0, boot_id=1))
        await asyncio.sleep(HELLO_TRIES * WIRE.hello_s + 0.1)
        [lost] = bench.of(Lost)
        assert "answers only in part" in lost.reason
        assert script.detached == 1

    with_script(play)


# -- streams -----------------------------------------------------------------------------------------------------------


def test_gaps_are_counted_and_told_before_the_sample_after_them() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__drop=0.2)
        await asyncio.sleep(20)
        sim.clear_faults()
        await asyncio.sleep(0.2)
        samples = bench.of(Telemetry)
        missing = sum(after.counter - before.counter - 1 for before, after in pairwise(samples))
        assert missing > 100
        assert bench.pen.statistics.lost_samples == missing == sum(gap.missing for gap in bench.of(Gap))
        for before, after in pairwise(bench.inputs):
            assert not isinstance(before, Gap) or isinstance(after, Telemetry)
        assert not bench.of(Rebooted)

    with_pen(play)


def test_the_counter_wraps_without_a_gap() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.say(*(sample(65_530 + n, 2000 + 20 * n) for n in range(12)))
        await asyncio.sleep(0.1)
        assert len(bench.of(Telemetry)) == 12
        assert not bench.of(Gap)
        assert not bench.of(Rebooted)

    with_script(play)


def test_duplicates_of_samples_are_dropped() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__duplicate=1.0)
        bench.inputs.clear()
        await asyncio.sleep(5)
        counters = [one.counter for one in bench.of(Telemetry)]
        assert len(counters) == len(set(counters)) == pytest.approx(250, abs=1)
        assert not bench.of(Rebooted)
        assert not bench.of(Gap)
        assert await bench.pen.command(DEPTH, deadline=0.5) == Confirmed(1000)

    with_pen(play)


def test_complaint_19_impossible_samples_are_dropped_and_counted_not_clamped() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.say(
            sample(1, 2000, depth=3501), sample(2, 2020, rate=225_001), sample(3, 2040, depth=3500, rate=225_000)
        )
        script.say(VitalsMessage(2040, 15_001, 3900, 50, 0), VitalsMessage(2040, 2500, 3900, 101, 0))
        await asyncio.sleep(0.1)
        [telemetry] = bench.of(Telemetry)
        assert (telemetry.depth_um, telemetry.rate_mhz) == (3500, 225_000)
        assert bench.pen.statistics.implausible == 4
        assert not bench.of(Gap)

    with_script(play)


def test_corruption_on_the_wire_reaches_nobody() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        sim.set_faults(from_pen__corrupt=0.3)
        await asyncio.sleep(20)
        assert bench.pen.statistics.bad_frames > 100
        assert all(one.depth_um <= 10 for one in bench.of(Telemetry))
        assert all(one.state.name == "IDLE" for one in bench.of(Status))
        assert not bench.of(Rebooted)

    with_pen(play)


def test_the_clock_of_status_is_made_whole() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        await asyncio.sleep(200)
        for status in bench.of(Status):
            assert status.clock_ms == pytest.approx((status.at - sim._start) * 1000, abs=3)
        assert bench.of(Status)[-1].clock_ms > 3 * 65_536

    with_pen(play)


def test_renewals_carry_the_boot_and_rise_and_are_left_out_while_bytes_wait() -> None:
    async def play(bench: Bench, script: Script) -> None:
        idle = True

        class Busy(Tap):
            @property
            def idle(self) -> bool:
                return idle

        bench.pen._make_link = lambda: Busy(script, bench.trace)
        await bench.pen.connect()
        await asyncio.sleep(0.01)
        bench.trace.clear()
        for _ in range(3):
            bench.pen.renew_lease()
        idle = False
        bench.pen.renew_lease()
        assert messages_in(bench.trace) == [Lease(BOOT_ID, n) for n in (1, 2, 3)]

    with_script(play, connect=False)


def test_a_listener_may_leave_while_it_is_called() -> None:
    async def play(bench: Bench, script: Script) -> None:
        heard: list[str] = []

        def first(item: PenInput) -> None:
            heard.append("first")
            leave()

        leave = bench.pen.subscribe(first)
        bench.pen.subscribe(lambda item: heard.append("second"))
        script.say(sample(1, 2000), sample(2, 2020))
        await asyncio.sleep(0.1)
        assert heard == ["first", "second", "second"]
        leave()

    with_script(play)


def test_complaint_20_nothing_of_the_last_session_leaks_into_the_next() -> None:
    async def play(bench: Bench, script: Script) -> None:
        script.say(sample(500, 90_000))
        await bench.pen.command(DEPTH, deadline=0.1)
        script.boot_id, script.clock = 0x00990001, 10
        await bench.pen.connect()
        assert bench.pen.next_id() == 1
        script.say(sample(1, 30))
        await asyncio.sleep(0.01)
        assert not bench.of(Rebooted)
        assert not bench.of(Gap)
        script.result(Cmd(1, 1, 0, 0))
        await asyncio.sleep(0.01)
        assert bench.pen.statistics.late_answers == 1
        await bench.pen.command(DEPTH, deadline=0.1)
        assert script.commands()[-1].not_after == 330

    with_script(play)


def test_what_the_old_link_still_says_is_not_heard() -> None:
    async def play(bench: Bench, script: Script) -> None:
        old = script.transmit
        await bench.pen.connect()
        bench.inputs.clear()
        bench.pen._session.feed(b"\0", 0.0)  # type: ignore[union-attr]
        old(b"\0" + bytes.fromhex("0101") + b"\0")
        await asyncio.sleep(0.1)
        assert bench.pen.statistics.bad_frames == 0

    with_script(play)


# -- staying connected -------------------------------------------------------------------------------------------------


def test_complaint_17_reconnecting_is_endless_and_gentle() -> None:
    async def main() -> None:
        attempts: list[float] = []
        failures: list[PenError] = []
        loop = asyncio.get_running_loop()
        there = False
        script = Script()
        trace = bytearray()

        def make() -> MemoryLink:
            attempts.append(loop.time())
            return Tap(script if there else None, trace)

        pen = PenlinkPen("memory://pen", make)
        keeper = KeepConnected(pen, failures.append)
        keeper.start()
        keeper.start()
        await asyncio.sleep(3600)
        assert len(failures) == len(attempts)
        waits = [after - before for before, after in pairwise(attempts)]
        assert waits[:5] == pytest.approx([0.25, 0.5, 1, 2, 4])
        assert set(waits[5:]) == {LONGEST_WAIT_S}
        there = True
        await asyncio.sleep(10)
        assert pen.connected
        count = len(attempts)
        await asyncio.sleep(3600)
        assert len(attempts) == count
        for _ in range(5):
            script.hang_up("gone")
            await asyncio.sleep(1)
            assert pen.connected
        assert pen.statistics.reconnects == 5
        assert not any(isinstance(message, Cmd | Lease) for message in messages_in(trace))
        await keeper.close()
        await keeper.close()
        assert not pen.connected

    run_virtual(main())


def test_every_profile_connects() -> None:
    for profile in ("reference", "fixed-117", "vary-150"):

        async def play(bench: Bench, sim: SimulatedPen, profile: str = profile) -> None:
            [up] = bench.of(Up)
            assert up.capabilities.depth_max_um == load_profile(profile).depth_max
            assert isinstance(bench.of(Up)[0].identity.schema_hash, int)

        with_pen(play, profile=profile)


def test_a_second_result_of_a_self_test_settles_nothing_else() -> None:
    async def play(bench: Bench, sim: SimulatedPen) -> None:
        assert isinstance(await command(bench, Action.SELF_TEST), Confirmed)
        await asyncio.sleep(4)
        assert bench.pen.statistics.late_answers == 1
        assert bench.of(Status)[-1].last_result is Result.ACCEPTED

    with_pen(play)


def test_messages_meant_for_a_pen_are_ignored_by_the_host() -> None:
    async def play(bench: Bench, script: Script) -> None:
        bench.inputs.clear()
        script.say(HelloRequest(0, 1, 1), Cmd(1, 4, 0, 0), Lease(1, 1), QueryRequest(1))
        await asyncio.sleep(0.1)
        assert not bench.inputs
        assert ResultMessage not in {type(item) for item in bench.inputs}
        assert HelloSession not in {type(item) for item in bench.inputs}

    with_script(play)
