"""A correction on its way into the pen: piece by piece through the lane, written whole, read back and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from devicectl.control.controller import Controller
from devicectl.control.intents import COMMAND_DEADLINE_S
from devicectl.control.motion import Motion
from drivers.api import (
    Action,
    Command,
    Confirmed,
    CorrectionState,
    NotSent,
    Outcome,
    PenError,
    Reason,
    Rejected,
    Unknown,
    calibrate_cartridge,
    calibrate_commit,
    calibrate_knot,
)
from drivers.correction import CorrectionTable, cartridge_key, table_key

TRIES: Final = 3
"""Pieces that were lost on the way are handed over again; a piece moves nothing and is not in force before the commit."""
WRITE_S: Final = 0.6
"""A pen takes 500 ms at most to write it (docs/penlink.md)."""
LOOK_S: Final = 0.05


def _problem(c: Controller) -> str | None:
    """Why the pen may not be given a correction now, or None."""
    if c.capabilities is None or not c.pen.connected:
        return "no pen is connected; choose one."
    if not c.capabilities.can_correct:
        return "this pen keeps no correction; keep it on this computer instead."
    if c.run is not None or c.motion.at(c.loop.time()) is not Motion.STILL:
        return "the pen is not confirmed still; END or STOP first."
    return None


async def keep_correction(c: Controller, table: CorrectionTable | None, cartridge_type: str) -> Outcome:
    """Have the pen keep ``table`` for ``cartridge_type`` (empty: any); None takes the correction away.

    Confirmed when the pen reads back every knot of it. Nothing moves; the pen takes it into account at the next target.
    Whatever goes wrong, the pen holds the old table or the new one whole.
    """
    cartridge = cartridge_key(cartridge_type) if table is not None else 0
    knots = table.knots if table is not None else ()
    pieces = [calibrate_knot(slot, knot) for slot, knot in enumerate(knots)]
    pieces += [calibrate_cartridge(cartridge), calibrate_commit(table_key(knots, cartridge))]
    generation = c.stop_generation

    def guard() -> str | None:
        return "STOP came in between; nothing was sent." if c.stop_generation != generation else _problem(c)

    outcome: Outcome = NotSent("nothing was sent.")
    for _ in range(TRIES):
        outcome = await _hand_over(c, pieces, guard)
        if not isinstance(outcome, Rejected) or outcome.reason is not Reason.INCOMPLETE:
            break
    if isinstance(outcome, Confirmed):
        return await _compare(c, table, cartridge)
    return outcome


async def _hand_over(c: Controller, pieces: list[int], guard: Callable[[], str | None]) -> Outcome:
    outcome: Outcome = Confirmed()
    for piece in pieces:
        if (problem := guard()) is not None:
            return NotSent(problem)
        outcome = await c.lane.send(Command(Action.CALIBRATE, piece), guard, deadline=COMMAND_DEADLINE_S)
        if not isinstance(outcome, Confirmed):
            return outcome
    return outcome


async def _compare(c: Controller, table: CorrectionTable | None, cartridge: int) -> Outcome:
    """What the pen holds, until it is what was written or the pen had time enough to write it."""
    until = c.loop.time() + WRITE_S
    while True:
        try:
            state, held = await c.pen.read_correction()
        except PenError as error:
            return Unknown(0, f"the correction was written and not read back: {error}")
        if held == table and (table is None or state.cartridge == cartridge):
            return Confirmed(state.key)
        if c.loop.time() > until:
            return Unknown(0, "the pen holds another correction than was written; read it again, then write it again.")
        await asyncio.sleep(LOOK_S)


async def read_correction(c: Controller) -> tuple[CorrectionState, CorrectionTable | None] | str:
    """What the pen holds, or the sentence why it cannot be read."""
    if c.capabilities is None or not c.pen.connected:
        return "No pen is connected; choose one."
    if not c.capabilities.can_correct:
        return "This pen keeps no correction."
    try:
        return await c.pen.read_correction()
    except PenError as error:
        return str(error)
