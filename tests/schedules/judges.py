"""What stands beside the machine: a judge of every frame that reaches the pen."""

from __future__ import annotations

import sqlalchemy as sa
from support.world import World

from drivers.api import Result
from drivers.penlink.messages import Cmd, Opcode
from simulator.commands import TIMED
from simulator.firmware import Firmware

TOKEN_MS = 10_000
_WRITTEN = sa.text("select pen_boot_id from commands where cmd_id = :id")


class PenJudge:
    """Sees each command as the firmware takes it. ``broken`` collects the rules that it found broken:

    written down before it is sent (4), ids that only rise (2), nothing late and a START only with a fresh token (3).
    """

    def __init__(self, world: World) -> None:
        self.broken: list[str] = []
        self._world = world
        self._highest: dict[int, int] = {}
        self._tokens: dict[int, dict[int, int]] = {}
        firmware: Firmware = world.sim.firmware
        self._firmware, self._take = firmware, firmware._command
        firmware._command = self._command  # type: ignore[method-assign]

    def _written(self, cmd_id: int) -> set[int]:
        """Boots of the pen for which the record holds a command of this id."""
        job = lambda c: set(c.execute(_WRITTEN, {"id": cmd_id}).scalars())  # noqa: E731
        return self._world.store.submit_sync(job)

    def _command(self, cmd: Cmd) -> None:
        firmware = self._firmware
        boot, highest = firmware.boot_id, self._highest.get(firmware.boot_id, 0)
        written = self._written(cmd.cmd_id)
        before = firmware.last
        self._take(cmd)
        done = firmware.last
        taken = done is not None and done is not before and done.cmd_id == cmd.cmd_id
        # What was on its way while the pen restarted is written down for the boot before, and refused. A depth limit may be
        # taken all the same when a new session was opened meanwhile: it starts nothing, and the new station sends its own.
        limit = cmd.opcode == Opcode.LIMIT_DEPTH
        if not written or (taken and boot not in written and not limit):
            self.broken.append(f"command {cmd.cmd_id} reached the pen and is not in the record")
        if done is None or not taken:
            return
        if cmd.cmd_id <= highest:
            self.broken.append(f"the pen took command {cmd.cmd_id} after {highest}")
        self._highest[boot] = max(highest, cmd.cmd_id)
        if done.result != Result.ACCEPTED:
            return
        if cmd.opcode in TIMED and 0 < (firmware.clock - cmd.not_after) & 0xFFFFFFFF < 0x80000000:
            self.broken.append(f"the pen did {Opcode(cmd.opcode).name} {firmware.clock - cmd.not_after} ms too late")
        tokens = self._tokens.setdefault(boot, {})
        if cmd.opcode == Opcode.ARM:
            tokens[done.token] = firmware.clock
        elif cmd.opcode in (Opcode.START, Opcode.PARK):
            given = tokens.pop(cmd.argument >> 16, None)
            if given is None or firmware.clock - given > TOKEN_MS:
                self.broken.append(f"the pen did {Opcode(cmd.opcode).name} without a fresh token")
