"""STOP: at every split point, in every state, behind every kind of rubbish, and while something long runs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import EventCode, PenState, Result
from drivers.penlink.frame import STOP, encode
from drivers.penlink.messages import Cmd, HelloRequest, Lease, Opcode, ResultMessage, StatusMessage
from simulator.faults import Faults

from .bench import STATES, Table


@pytest.mark.parametrize("state", STATES)
def test_stop_latches_in_every_state_and_is_answered_by_status(state: PenState) -> None:
    """Complaint 9: stop in every state never yields running."""
    table = Table()
    table.into(state)
    table.heard.clear()
    table.stop()
    assert not table.body.driven
    assert [type(m) for m in table.heard[:1]] == [StatusMessage]
    assert table.state is PenState.STOPPED
    table.go(10_000)
    assert table.pen.state is PenState.STOPPED
    assert not table.body.turning


def test_stop_needs_no_session() -> None:
    table = Table(session=False)
    table.stop()
    assert table.state is PenState.STOPPED


@pytest.mark.parametrize("at", range(len(STOP) + 1))
@pytest.mark.parametrize("state", [PenState.IDLE, PenState.RUNNING, PenState.PAUSED])
def test_stop_at_every_split_point(at: int, state: PenState) -> None:
    table = Table()
    table.into(state)
    table.put(STOP[:at])
    table.go(3)
    table.put(STOP[at:])
    assert table.pen.state is PenState.STOPPED


def test_stop_byte_by_byte() -> None:
    table = Table()
    table.into(PenState.RUNNING)
    for byte in STOP:
        table.put(bytes((byte,)))
    assert table.pen.state is PenState.STOPPED


def test_every_repeat_is_answered_and_only_the_first_is_an_event() -> None:
    table = Table()
    table.into(PenState.RUNNING)
    table.heard.clear()
    for _ in range(5):
        table.stop()
    assert len(table.of(StatusMessage)) == 5
    assert table.events() == [EventCode.STOP_SEEN]


def test_stop_behind_half_a_frame() -> None:
    frame = encode(Cmd(50, Opcode.SET_DEPTH, 100_000, 1000), 1)
    for cut in range(len(frame)):
        table = Table()
        table.into(PenState.RUNNING)
        table.put(frame[:cut] + STOP)
        assert table.pen.state is PenState.STOPPED


def test_a_start_in_the_same_write_does_not_survive_stop() -> None:
    """Both orders: whatever stands around it, STOP is looked for first."""
    for order in (0, 1):
        table = Table()
        token = table.arm()
        start = encode(Cmd(table.id + 1, Opcode.START, table.pen.clock + 300, token << 16 | 100), 1)
        table.put(STOP + start if order else start + STOP)
        assert table.pen.state is PenState.STOPPED
        assert not table.body.driven
        table.go(2000)
        assert not table.body.turning


def test_stop_during_the_self_test_cancels_it() -> None:
    """Complaint 11: a long command does not hold up a stop."""
    table = Table()
    begun = table.order(Opcode.SELF_TEST)
    table.go(1000)
    table.stop()
    assert table.pen.state is PenState.STOPPED
    done = table.of(ResultMessage)[-1]
    assert (done.cmd_id, done.result) == (begun.cmd_id, Result.CANCELLED)
    count = len(table.of(ResultMessage))
    table.go(5000)
    assert len(table.of(ResultMessage)) == count


def test_stop_while_booting_is_latched() -> None:
    table = Table()
    table.pen.power_on(table.now, 80)
    table.stop()
    table.go(100)
    assert table.pen.state is PenState.STOPPED


def test_stop_keeps_faults_to_be_seen() -> None:
    table = Table()
    table.into(PenState.FAULT)
    faults = table.status.faults
    table.stop()
    assert table.state is PenState.STOPPED
    assert table.status.faults == faults


def test_a_pen_whose_stop_line_is_broken_keeps_turning_and_shows_it() -> None:
    table = Table()
    table.into(PenState.RUNNING)
    table.body.set_faults(Faults(stop_ignored=True))
    table.stop()
    table.go(1000)
    assert table.pen.state is PenState.STOPPED
    assert table.body.turning


def test_after_stop_only_reset_then_arm_then_start_moves_again() -> None:
    table = Table()
    table.into(PenState.RUNNING)
    table.stop()
    table.go(1000)
    for _ in range(3):
        table.renew()
    table.say(HelloRequest(0, 1, 1))
    table.say(Lease(table.pen.boot_id, 60_000))
    assert table.pen.state is PenState.STOPPED
    table.accept(Opcode.RESET)
    table.go(1000)
    assert not table.body.turning
    table.start()
    table.go(300)
    assert table.body.turning


PLAUSIBLE = st.one_of(
    st.binary(max_size=80),
    st.just(STOP),
    st.builds(
        lambda i, op, late, arg: encode(Cmd(i, op, late, arg), 1),
        st.integers(0, 20),
        st.integers(0, 12),
        st.integers(0, 5000),
        st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 3000)),
    ),
    st.builds(lambda p, n, v: encode(HelloRequest(p, n, v), 1), *[st.integers(0, 5)] * 3),
    st.builds(lambda n: encode(Lease(65536, n), 1), st.integers(0, 65535)),
)


@settings(max_examples=300, deadline=None)
@given(chunks=st.lists(st.tuples(PLAUSIBLE, st.integers(0, 700)), max_size=25), opened=st.booleans())
def test_arbitrary_bytes_never_raise_and_never_start_the_motor(chunks: list[tuple[bytes, int]], opened: bool) -> None:
    """Without its token, which no fuzzer draws, nothing starts: neither rubbish nor whole commands in any order."""
    table = Table(session=opened)
    for data, wait in chunks:
        table.put(data)
        table.go(wait)
        assert not table.body.turning
        assert table.pen.state not in (PenState.RUNNING, PenState.PAUSED)


@settings(max_examples=200, deadline=None)
@given(before=st.lists(PLAUSIBLE, max_size=6), after=st.lists(PLAUSIBLE, max_size=6), cuts=st.lists(st.integers(1, 40)))
def test_whatever_surrounds_it_stop_stops(before: list[bytes], after: list[bytes], cuts: list[int]) -> None:
    table = Table()
    table.into(PenState.RUNNING)
    stream = b"".join(before) + STOP + b"".join(after)
    at = 0
    for cut in cuts:
        table.put(stream[at : at + cut])
        at += cut
    table.put(stream[at:])
    assert not table.body.driven
    table.go(600)
    assert not table.body.turning
