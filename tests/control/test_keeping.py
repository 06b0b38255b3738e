"""A correction into the pen and back, over every link, with frames that get lost and plugs that are pulled."""

from __future__ import annotations

import asyncio

import pytest
from support.rig import Rig

from devicectl.calibration.keeping import keep_correction, read_correction
from drivers.api import Confirmed, CorrectionState, Lost, NotSent, Rebooted, Rejected, Unknown
from drivers.correction import CorrectionTable, Knot, cartridge_key

from .conftest import Scenario

OLD = CorrectionTable((Knot(0, 0), Knot(2500, 2450)))
NEW = CorrectionTable((Knot(250, 270), Knot(500, 525), Knot(1000, 1035), Knot(1500, 1545), Knot(2500, 2565)))
LONG = CorrectionTable(tuple(Knot(300 * step, 300 * step + step) for step in range(8)))


async def held(rig: Rig) -> CorrectionTable | None:
    answer = await read_correction(rig.control)
    assert not isinstance(answer, str), answer
    return answer[1]


@pytest.mark.parametrize("table", [OLD, NEW, LONG, None])
def test_it_is_written_read_back_and_compared(scenario: Scenario, table: CorrectionTable | None) -> None:
    async def play(rig: Rig) -> None:
        outcome = await keep_correction(rig.control, table, "R12")
        key = table.key(cartridge_key("R12")) if table else 0
        assert outcome == Confirmed(key)
        assert await held(rig) == table
        assert rig.sim.nvm.held().knots == (table.knots if table else ())
        assert rig.sim.truth.strokes == 0

    scenario(play)


def test_the_next_target_is_corrected_and_told(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert isinstance(await keep_correction(rig.control, NEW, "R12"), Confirmed)
        await rig.intents.set_depth(1000)
        await rig.until(lambda: rig.control.correction is not None and rig.control.correction.depth_um == 1000)
        state = rig.control.correction
        assert isinstance(state, CorrectionState)
        assert state.applies
        assert state.commanded_um == NEW.commanded_um(1000)
        # The pen's own error is what this table takes away.
        await rig.until(lambda: abs(rig.sim.truth.depth_um - 1000) < 12, 3)
        await rig.until(
            lambda: abs((rig.control.motion.sample.depth_um if rig.control.motion.sample else 0) - 1000) < 12
        )

    scenario(play)


def test_a_target_that_would_be_commanded_beyond_the_limit_is_refused_with_a_sentence(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert isinstance(await keep_correction(rig.control, OLD, "R12"), Confirmed)
        outcome, _ = await rig.intents.set_depth(1500)
        assert isinstance(outcome, Rejected)
        assert outcome.text == "its correction would command more than the limit; choose a smaller depth."
        outcome, _ = await rig.intents.set_depth(1450)
        assert outcome == Confirmed(1450)

    scenario(play)


def test_plugged_out_in_mid_write_it_is_old_or_new(scenario: Scenario) -> None:
    """The power goes at the very moment at which half of the memory is written."""

    async def play(rig: Rig) -> None:
        assert isinstance(await keep_correction(rig.control, OLD, "R12"), Confirmed)
        task = asyncio.ensure_future(keep_correction(rig.control, NEW, "R12"))
        nvm = rig.sim.nvm
        before = list(nvm.slots)
        await rig.until(lambda: nvm.slots != before, 5)
        rig.sim.reboot()
        outcome = await task
        assert not isinstance(outcome, Confirmed)
        await rig.until(lambda: any(isinstance(item, Lost | Rebooted) for item in rig.inputs), 15)
        await rig.until(lambda: rig.pen.connected, 15)
        await rig.trusted()
        assert await held(rig) == OLD
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 5)
        assert isinstance(await keep_correction(rig.control, NEW, "R12"), Confirmed)
        assert await held(rig) == NEW

    scenario(play)


@pytest.mark.exact
def test_lost_frames_never_leave_a_mix(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        table: CorrectionTable | None = None
        for wanted in (OLD, NEW, LONG):
            rig.sim.set_faults(drop=0.15)
            outcome = await keep_correction(rig.control, wanted, "R12")
            rig.sim.clear_faults()
            await rig.until(lambda: rig.pen.connected and not rig.control.lane.unsettled, 15)
            await asyncio.sleep(1)
            now = await held(rig)
            assert now in (table, wanted)
            assert now == wanted or not isinstance(outcome, Confirmed)
            table = now

    scenario(play)


def test_not_while_the_motor_turns_and_stop_ends_it(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        assert isinstance(await rig.start(), Confirmed)
        outcome = await keep_correction(rig.control, NEW, "R12")
        assert outcome == NotSent("the pen is not confirmed still; END or STOP first.")
        await rig.intents.end()
        await rig.until(lambda: all(gate.passed for gate in rig.control.gates()), 5)
        task = asyncio.ensure_future(keep_correction(rig.control, LONG, "R12"))
        await asyncio.sleep(0.05)
        rig.control.stop("test")
        assert isinstance(await task, (NotSent, Rejected, Unknown))
        assert await held(rig) is None

    scenario(play)


def test_a_pen_that_keeps_none_is_told_apart(scenario: Scenario) -> None:
    async def play(rig: Rig) -> None:
        rig.sim.firmware.profile = rig.sim.firmware.profile.model_copy(update={"corrects": False})
        rig.sim.reboot()
        await rig.until(lambda: rig.control.capabilities is not None and not rig.control.capabilities.can_correct, 15)
        assert "keeps no correction" in str(await keep_correction(rig.control, NEW, "R12"))
        assert await read_correction(rig.control) in (
            "This pen keeps no correction.",
            "No pen is connected; choose one.",
        )

    scenario(play)
