"""The correction in the reference firmware: handed over, written whole or not at all, applied within the limits."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import PenState, Reason, Result, calibrate_cartridge, calibrate_commit, calibrate_knot
from drivers.correction import CorrectionTable, Knot, cartridge_key, table_key
from drivers.penlink.messages import (
    CorrectionMessage,
    HelloRequest,
    KnotMessage,
    Opcode,
    Query,
    QueryRequest,
    ResultMessage,
    TelemetryMessage,
)
from simulator.correction import WRITE_MS
from simulator.nvm import Held, Nvm

from .bench import Table

OLD = CorrectionTable((Knot(0, 0), Knot(2500, 2600)))
NEW = CorrectionTable((Knot(250, 229), Knot(1000, 960), Knot(2500, 2422)))
R12 = cartridge_key("R12")


def hand_over(table: Table, correction: CorrectionTable, cartridge: int = R12) -> None:
    for slot, knot in enumerate(correction.knots):
        table.accept(Opcode.CALIBRATION, calibrate_knot(slot, knot))
    table.accept(Opcode.CALIBRATION, calibrate_cartridge(cartridge))


def commit(table: Table, correction: CorrectionTable, cartridge: int = R12) -> ResultMessage:
    hand_over(table, correction, cartridge)
    return table.order(Opcode.CALIBRATION, calibrate_commit(correction.key(cartridge)))


def keep(table: Table, correction: CorrectionTable, cartridge: int = R12) -> None:
    assert commit(table, correction, cartridge).result == Result.IN_PROGRESS
    table.go(WRITE_MS + 1)
    done = table.of(ResultMessage)[-1]
    assert (done.opcode, done.result) == (Opcode.CALIBRATION, Result.ACCEPTED)


def told(table: Table) -> tuple[CorrectionMessage, list[Knot]]:
    begin = len(table.heard)
    table.say(QueryRequest(Query.TABLE))
    answers = table.heard[begin:]
    (state,) = (m for m in answers if isinstance(m, CorrectionMessage))
    return state, [Knot(m.commanded, m.actual) for m in answers if isinstance(m, KnotMessage)]


def test_a_table_is_written_read_back_and_applied() -> None:
    table = Table()
    assert told(table) == (CorrectionMessage(0, 0, 0, 0, 0, 0), [])
    keep(table, NEW)
    state, knots = told(table)
    assert tuple(knots) == NEW.knots
    assert (state.knots << 16 | state.crc, state.cartridge, state.flags) == (NEW.key(R12), R12, 1)
    table.accept(Opcode.SET_DEPTH, 1500)
    state = table.of(CorrectionMessage)[-1]
    assert (state.depth, state.commanded) == (1500, NEW.commanded_um(1500))
    table.go(1500)
    assert table.body.read().depth == pytest.approx(NEW.commanded_um(1500), abs=6)


def test_nothing_moves_by_a_commit() -> None:
    table = Table()
    table.accept(Opcode.SET_DEPTH, 1000)
    table.go(1500)
    before = table.body.depth
    keep(table, NEW)
    table.go(1500)
    assert table.body.depth == before


def test_it_outlasts_the_power() -> None:
    table = Table()
    keep(table, NEW)
    table.pen.power_on(table.now)
    table.go(5)
    table.say(HelloRequest(0, 77, 1))
    assert tuple(told(table)[1]) == NEW.knots


@pytest.mark.parametrize("ms", [0, 1, WRITE_MS // 2, WRITE_MS - 1, WRITE_MS, WRITE_MS + 1])
def test_power_that_fails_in_mid_write_leaves_one_table_whole(ms: int) -> None:
    table = Table()
    keep(table, OLD)
    assert commit(table, NEW).result == Result.IN_PROGRESS
    table.go(ms)
    table.pen.power_on(table.now)
    table.go(5)
    table.say(HelloRequest(0, 77, 1))
    state, knots = told(table)
    expected = NEW if ms >= WRITE_MS else OLD
    assert tuple(knots) == expected.knots
    assert state.knots << 16 | state.crc == expected.key(R12)


@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_every_torn_write_leaves_the_old_table(part: float, twice: bool) -> None:
    nvm = Nvm()
    nvm.write(R12, OLD.knots)
    nvm.write(R12, NEW.knots, part)
    if twice:
        nvm.write(R12, NEW.knots, part)
    assert nvm.held().knots in (OLD.knots, NEW.knots)
    assert part > 0.97 or nvm.held().knots == OLD.knots


def test_a_bit_that_falls_over_is_found_out() -> None:
    whole = Held(3, R12, NEW.knots).pack()
    for bit in range(len(whole) * 8):
        spoilt = bytearray(whole)
        spoilt[bit // 8] ^= 1 << bit % 8
        assert Held.unpack(bytes(spoilt)) is None


def test_a_file_keeps_it_and_a_file_of_before_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nvm.json"
    path.write_text('{"boots": 7, "bonds": {}}', encoding="utf-8")
    nvm = Nvm(path)
    assert (nvm.boots, nvm.held()) == (7, Held())
    nvm.write(R12, NEW.knots)
    assert Nvm(path).held().knots == NEW.knots


def test_what_was_not_handed_over_is_not_committed() -> None:
    table = Table()
    keep(table, OLD)
    key = NEW.key(R12)
    for knots, cartridge in ((NEW.knots[:2], R12), (NEW.knots, 0), ((Knot(250, 230), *NEW.knots[1:]), R12)):
        for slot, knot in enumerate(knots):
            table.accept(Opcode.CALIBRATION, calibrate_knot(slot, knot))
        table.accept(Opcode.CALIBRATION, calibrate_cartridge(cartridge))
        assert table.order(Opcode.CALIBRATION, calibrate_commit(key)).reason == Reason.INCOMPLETE
        table.say(HelloRequest(0, 77, 1))  # forgets the pieces
    assert tuple(told(table)[1]) == OLD.knots


@pytest.mark.parametrize("knots", [((0, 0),), ((0, 0), (1000, 400)), ((0, 0), (1000, 1600)), ((500, 400), (400, 500))])
def test_what_is_no_table_is_not_committed(knots: tuple[tuple[int, int], ...]) -> None:
    table = Table()
    bad = tuple(Knot(*knot) for knot in knots)
    for slot, knot in enumerate(bad):
        table.accept(Opcode.CALIBRATION, calibrate_knot(slot, knot))
    assert table.order(Opcode.CALIBRATION, calibrate_commit(table_key(bad, 0))).reason == Reason.INCOMPLETE
    assert told(table)[1] == []


def test_it_is_taken_away_by_an_empty_commit() -> None:
    table = Table()
    keep(table, NEW)
    assert table.order(Opcode.CALIBRATION, calibrate_commit(table_key((), 0))).result == Result.IN_PROGRESS
    table.go(WRITE_MS + 1)
    assert told(table)[1] == []
    table.accept(Opcode.SET_DEPTH, 2500)


@pytest.mark.parametrize("state", [PenState.ARMED, PenState.RUNNING, PenState.PAUSED, PenState.PARKING])
def test_not_while_anything_is_granted(state: PenState) -> None:
    table = Table()
    table.into(state)
    assert table.order(Opcode.CALIBRATION, calibrate_knot(0, Knot(0, 0))).reason == Reason.RUNNING
    assert table.order(Opcode.CALIBRATION, calibrate_commit(NEW.key(R12))).reason == Reason.RUNNING


@pytest.mark.parametrize("argument", [3 << 30, 1 << 30 | 0x10000, 2 << 30 | 9 << 16])
def test_what_makes_no_sense(argument: int) -> None:
    assert Table().order(Opcode.CALIBRATION, argument).reason == Reason.BAD_PARAMETER


def test_no_motion_while_it_is_written() -> None:
    table = Table()
    assert commit(table, NEW).result == Result.IN_PROGRESS
    for opcode in (Opcode.ARM, Opcode.SET_DEPTH, Opcode.SELF_TEST, Opcode.CALIBRATION):
        assert table.order(opcode, 500).reason == Reason.RUNNING
    table.stop()
    assert table.state is PenState.STOPPED
    table.go(WRITE_MS + 1)
    assert tuple(told(table)[1]) == NEW.knots


def test_the_limit_holds_for_the_target_and_for_what_is_commanded() -> None:
    table = Table()
    keep(table, NEW)
    table.accept(Opcode.LIMIT_DEPTH, 1500)
    assert table.order(Opcode.SET_DEPTH, 1550).reason == Reason.SESSION_LIMIT
    refused = table.order(Opcode.SET_DEPTH, 1500)
    assert (refused.result, refused.reason) == (Result.DENIED, Reason.CORRECTION_LIMIT)
    table.accept(Opcode.SET_DEPTH, 1400)
    assert table.of(CorrectionMessage)[-1].commanded == NEW.commanded_um(1400) <= 1500
    table.accept(Opcode.LIMIT_DEPTH, 1420)
    assert table.order(Opcode.ARM, 500).reason == Reason.CORRECTION_LIMIT


def test_another_cartridge_is_not_corrected() -> None:
    table = Table()
    keep(table, NEW)
    other = table.pen.profile.cartridge.model_copy(update={"type": "R36"})
    table.pen.change_cartridge(other, table.now)
    table.accept(Opcode.SET_DEPTH, 1500)
    state = table.of(CorrectionMessage)[-1]
    assert (state.flags, state.commanded) == (0, 1500)
    table.pen.change_cartridge(table.pen.profile.cartridge, table.now)
    table.accept(Opcode.SET_DEPTH, 1500)
    assert table.of(CorrectionMessage)[-1].commanded == NEW.commanded_um(1500)


def test_telemetry_speaks_of_protrusion() -> None:
    table = Table()
    keep(table, OLD)
    table.accept(Opcode.SET_DEPTH, 1500)
    table.go(1500)
    assert table.body.read().depth == pytest.approx(1442, abs=6)
    assert table.of(TelemetryMessage)[-1].depth == pytest.approx(1500, abs=8)


def test_a_pen_without_a_table_keeps_silent_about_it() -> None:
    table = Table()
    table.pen.profile = table.pen.profile.model_copy(update={"corrects": False})
    assert table.order(Opcode.CALIBRATION, 0).reason == Reason.UNKNOWN_OPCODE
    begin = len(table.heard)
    table.say(QueryRequest(Query.TABLE))
    assert len(table.heard) == begin
