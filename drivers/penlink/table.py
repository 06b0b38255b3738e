"""The correction table put together from the messages in which a pen tells it."""

from __future__ import annotations

import asyncio

from drivers.api import CorrectionState
from drivers.correction import BadTable, CorrectionTable, Knot, table_key

from .messages import KnotMessage

Whole = tuple[CorrectionState, CorrectionTable | None]


class TableReading:
    """Collects CORRECTION and the knots that follow it; only a table whose CRC is right counts as read."""

    def __init__(self) -> None:
        self._whole: asyncio.Future[Whole] | None = None
        self._state: CorrectionState | None = None
        self._knots: dict[int, Knot] = {}

    def begin(self) -> asyncio.Future[Whole]:
        """What was heard before counts no more; the future resolves once all of it is there."""
        self._state, self._knots = None, {}
        self._whole = asyncio.get_running_loop().create_future()
        return self._whole

    def take(self, item: CorrectionState | KnotMessage) -> None:
        """One of the messages, in any order."""
        if self._whole is None or self._whole.done():
            return
        if isinstance(item, KnotMessage):
            self._knots[item.slot] = Knot(item.commanded, item.actual)
        else:
            self._state = item
        state = self._state
        if state is None:
            return
        if not state.key:
            self._whole.set_result((state, None))
            return
        count = state.key >> 16
        knots = [self._knots[slot] for slot in range(count) if slot in self._knots]
        if len(knots) == count and table_key(knots, state.cartridge) == state.key:
            try:
                self._whole.set_result((state, CorrectionTable(tuple(knots))))
            except BadTable:
                return
