"""The correction inside the simulated pen: handed over piece by piece, written whole, applied to every target."""

from __future__ import annotations

from typing import Final

from drivers.correction import KNOTS_MAX, CorrectionTable, Knot, cartridge_key, table_key, table_problem
from drivers.penlink.messages import CORRECTION_APPLIES, CorrectionMessage, KnotMessage

from .nvm import Held, Nvm

WRITE_MS: Final = 40
"""How long the memory takes; power that fails in the middle of it leaves the old table in force."""
_HALF: Final = 0.5


class Correction:
    """What is in force, and what is being handed over. ``depth_min`` is the least that the drive can do, µm."""

    def __init__(self, nvm: Nvm, depth_min: int) -> None:
        self._nvm = nvm
        self._least = depth_min
        self._cartridge = 0
        self._pieces: dict[int, Knot] = {}
        self._writing: tuple[int, tuple[Knot, ...]] | None = None
        self._held = Held()
        self._table: CorrectionTable | None = None
        self._applies = False

    def power_on(self, cartridge_type: str) -> None:
        """RAM is lost; what is in force is what the memory holds whole."""
        self._writing = None
        self.forget()
        self._load()
        self.cartridge(cartridge_type)

    def _load(self) -> None:
        self._held = self._nvm.held()
        good = bool(self._held.knots) and table_problem(self._held.knots) is None
        self._table = CorrectionTable(self._held.knots) if good else None

    def forget(self) -> None:
        """What was handed over and not committed is void."""
        self._cartridge, self._pieces = 0, {}

    def cartridge(self, cartridge_type: str) -> None:
        """What is plugged in now (empty: nothing): a table for another type is not applied."""
        wanted = self._held.cartridge
        self._applies = self._table is not None and wanted in (0, cartridge_key(cartridge_type))

    # -- handing over

    def piece(self, slot: int, knot: Knot) -> None:
        """Take one knot."""
        self._pieces[slot] = knot

    def is_for(self, cartridge: int) -> None:
        """Take the key of the cartridge type that the table is for."""
        self._cartridge = cartridge

    def begin(self, key: int) -> bool:
        """Begin to write what was handed over if it is the table of ``key``; a key without knots takes the old one away."""
        count = key >> 16
        knots = tuple(self._pieces[slot] for slot in range(min(count, KNOTS_MAX + 1)) if slot in self._pieces)
        if len(knots) != count or table_key(knots, self._cartridge) != key:
            return False
        if knots and table_problem(knots) is not None:
            return False
        self._writing = (self._cartridge, knots)
        self._nvm.write(*self._writing, part=_HALF)
        return True

    def finish(self, cartridge_type: str) -> None:
        """The memory is written to its end; from here on the new table is in force."""
        if self._writing is not None:
            self._nvm.write(*self._writing)
            self._writing = None
        self.forget()
        self._load()
        self.cartridge(cartridge_type)

    # -- applying

    @property
    def held(self) -> bool:
        """True when there is a table, whether it applies or not."""
        return self._table is not None

    def commanded(self, target: int) -> int:
        """What the depth drive is told for ``target`` µm."""
        if self._table is None or not self._applies:
            return target
        return max(self._least, self._table.commanded_um(target))

    def measured(self, depth: int) -> int:
        """What the drive's own sensor says, as protrusion."""
        if self._table is None or not self._applies:
            return depth
        return max(0, self._table.actual_um(depth))

    def tell(self, target: int) -> CorrectionMessage:
        """CORRECTION as of now."""
        if self._table is None:
            return CorrectionMessage(0, 0, 0, 0, target, target)
        key = self._table.key(self._held.cartridge)
        flags = CORRECTION_APPLIES if self._applies else 0
        commanded = self.commanded(target)
        return CorrectionMessage(key & 0xFFFF, key >> 16, self._held.cartridge, flags, target, commanded)

    def knots(self) -> list[KnotMessage]:
        """KNOT for each of the table."""
        held = self._table.knots if self._table is not None else ()
        return [KnotMessage(slot, *knot) for slot, knot in enumerate(held)]
