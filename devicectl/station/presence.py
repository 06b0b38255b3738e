"""Who is at one client's connection: signed in, locked, and what of it the record keeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from devicectl.access.roles import Permission
from devicectl.access.roster import Operator
from devicectl.access.sitting import Sitting

from .client_api import StationError
from .views import OperatorView

if TYPE_CHECKING:
    from .connection import Connection

SIGNED_OUT: Final = "signed out"
log = logging.getLogger("devicectl.station")


class Presence:
    """One connection's side of `devicectl.access.operators`."""

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self._operators = connection.station.operators
        self._loop = connection.station.loop
        self.sitting = Sitting(connection.station.lock_after_s, self._loop.time())
        # A client that asks for a thousand things it may not gets its refusals one after the other: the record's writer
        # has others to serve.
        self._refusing = asyncio.Lock()

    @property
    def operator(self) -> Operator | None:
        """Who is signed in here, locked or not."""
        return self._operators.roster.get(self.sitting.operator)

    @property
    def view(self) -> OperatorView | None:
        """As the client sees it."""
        operator = self.operator
        if operator is None:
            return None
        left = self.sitting.lock_in(self._loop.time())
        return OperatorView(
            operator.name, operator.role.value, self.sitting.locked, None if left is None else round(left, 1)
        )

    # -- what may be done

    async def require(self, permission: Permission | None, what: str, *, locked: bool = False) -> None:
        """Raises :class:`AccessRefused` once the refusal is in the record. Does not wait for anything when it may be.

        ``locked``: it may be done while this connection is locked.
        """
        sitting = self.sitting
        if self._operators.problem(sitting.operator, sitting.locked and not locked, permission) is None:
            if not locked:
                sitting.active(self._loop.time())
            return
        async with self._refusing:
            await self._operators.require(
                sitting.operator, sitting.locked and not locked, permission, what, self._c.name
            )

    def need_no_run(self) -> None:
        """Whoever holds a run stays who they are until it has ended."""
        desk = self._c.desk
        if desk is not None and self._c.controls and (desk.control.run is not None or desk.intents.starting):
            raise StationError("A run is going on; END it first.", "running")

    # -- coming and going

    async def sign_in(self, name: str, pin: str) -> Operator:
        """Sign in, or unlock. Finished and counted though the client may be gone meanwhile."""
        self.need_no_run()
        return await asyncio.shield(self._c.station.in_background(self._sign_in(name, pin)))

    async def _sign_in(self, name: str, pin: str) -> Operator:
        sitting, client = self.sitting, self._c.name
        operator = await self._operators.sign_in(name, pin, client, sitting.operator, sitting.locked)
        # Hashing takes a fifth of a second: a run that began meanwhile stays with whoever began it.
        self.need_no_run()
        sitting.sign_in(operator.id, self._loop.time())
        if self._c.closed:
            self.gone()
        return operator

    async def sign_out(self, why: str = SIGNED_OUT) -> None:
        """Nobody is at work here any more; returns when it is stored."""
        who = self.sitting.operator
        if who is not None:
            self.sitting.sign_out()
            await self._operators.signed_out(who, self._c.name, why)

    async def lock(self, why: str) -> None:
        """Lock at once; returns when it is stored."""
        who = self.sitting.operator
        if self.sitting.lock() and who is not None:
            await self._operators.locked(who, self._c.name, why)

    def beat(self) -> None:
        """Ten times a second: lock when nobody has been at the keys for long. Neither moves nor stops anything."""
        desk, who = self._c.desk, self.sitting.operator
        if self.sitting.tick(self._loop.time(), desk is not None and desk.may_turn) and who is not None:
            why = f"no key for {self.sitting.lock_after_s:.0f} s"
            self._later(self._operators.locked(who, self._c.name, why))

    def gone(self) -> None:
        """The connection has ended, and with it the sitting."""
        if self.sitting.operator is not None:
            self._later(self.sign_out("its connection ended"))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        self._c.station.in_background(work).add_done_callback(_told)


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a sign-out or a lock could not be recorded: %s", error)
