"""Which pen, cartridge and firmware the record knows a desk to have; nothing starts while that is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from devicectl.records import jobs
from devicectl.records.errors import RecordError
from devicectl.records.firmware import ACCEPTED, changed_from
from devicectl.records.rows import CartridgeRow, PenRow
from devicectl.records.writer import Job
from drivers.api import Capabilities, Cartridge, Identity, Up

from .client_api import StationError
from .logbook import Logbook
from .source import SeededSource, SystemSource


class PenBinding:
    """Makes the pen that came up, and its cartridge, known to the record.

    ``submit`` hands a job to the record, ``bound_anew`` is called whenever pen and cartridge are known. ``first`` is done
    once the record knows the first pen, or fails with a :class:`StationError`.
    """

    def __init__(
        self,
        submit: Callable[[Job[Any]], asyncio.Future[Any]],
        source: SystemSource | SeededSource,
        bound_anew: Callable[[], None],
    ) -> None:
        self._submit = submit
        self._source = source
        self._bound_anew = bound_anew
        self._loop = asyncio.get_running_loop()
        self._open: Up | None = None
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._up: Up | None = None
        self._closed = False
        self.first: asyncio.Future[None] = self._loop.create_future()
        self.pen_id: UUID | None = None
        self.cartridge_id: UUID | None = None
        self.firmware_before: str | None = None

    @property
    def known(self) -> bool:
        """True when the record knows the pen and the cartridge that are there now."""
        return self.pen_id is not None and self._open is None

    @property
    def origin(self) -> str:
        """Where what this pen says comes from: ``simulated`` or ``hardware``."""
        return "simulated" if self._up is not None and self._up.identity.simulated else "hardware"

    @property
    def needles(self) -> int:
        """Needles of the cartridge, 0 when unknown."""
        return self._up.cartridge.needles if self._up is not None else 0

    def change(self, up: Up) -> str:
        """What makes this another pen for the record than the one before; empty when it is the same."""
        if self._up is None:
            return ""
        before, now = self._up.identity, up.identity
        if _unit(before) != _unit(now):
            return "another pen"
        # The record keeps a pen with its firmware: a session belongs to one of both.
        same = (before.firmware, before.hardware, before.simulated) == (now.firmware, now.hardware, now.simulated)
        return "" if same else "the pen's firmware changed"

    def pen_up(self, up: Up) -> None:
        """The pen has said who it is."""
        if self.change(up):
            self.pen_id = None
        self._begin(up)

    def cartridge_changed(self, identity: Identity, capabilities: Capabilities, cartridge: Cartridge) -> None:
        """Another cartridge is plugged in, or none."""
        self.cartridge_id = None
        self._begin(Up(self._loop.time(), identity, capabilities, cartridge))

    def again(self) -> None:
        """The record can be written again: what could not be made known is tried anew."""
        if self._open is not None and self._task is not None and self._task.done():
            self._begin(self._open)

    def _begin(self, up: Up) -> None:
        self._up = self._open = up
        if self._closed:
            return
        task = self._task = self._loop.create_task(self._bind(up))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bind(self, up: Up) -> None:
        source, identity = self._source, up.identity
        row = PenRow(
            source.uuid(),
            identity.manufacturer,
            identity.model,
            identity.serial,
            identity.firmware,
            identity.hardware,
            self.origin,
            source.utc_us(),
        )
        try:
            pen_id = await self._submit(jobs.pen_seen(row))
            firmware_before = await self._submit(changed_from(pen_id))
            cartridge_id = await self._cartridge_seen(up.cartridge)
        except Exception as error:  # any trouble of the record: the gate "record" is shut and says why
            if not self.first.done():
                self.first.set_exception(StationError(f"The record cannot be written: {error}", "record"))
            return
        if up is not self._open:
            return
        self._open = None
        self.pen_id, self.firmware_before, self.cartridge_id = pen_id, firmware_before, cartridge_id
        self._bound_anew()
        if not self.first.done():
            self.first.set_result(None)

    async def _cartridge_seen(self, cartridge: Cartridge) -> UUID | None:
        """The record's key of a cartridge; None when there is none."""
        if not cartridge.present:
            return None
        key: UUID = await self._submit(
            jobs.cartridge_seen(
                CartridgeRow(
                    self._source.uuid(),
                    cartridge.type,
                    cartridge.serial,
                    cartridge.lot,
                    cartridge.expiry,
                    cartridge.needles,
                    self.origin,
                    self._source.utc_us(),
                )
            )
        )
        return key

    def firmware_problem(self, address: str) -> str | None:
        """Why the firmware is not trusted, or None."""
        if self.firmware_before is None:
            return None
        now = self._up.identity.firmware if self._up is not None else "?"
        return (
            f"The firmware changed from {self.firmware_before} to {now}; check the pen, then run "
            f"'devicectl accept-firmware {address}'."
        )

    async def accept_firmware(self, log: Logbook) -> None:
        """Somebody has checked the pen with its new firmware; returns when that is stored.

        Raises :class:`StationError` when it cannot be, or when the record does not know the pen.
        """
        pen_id = self.pen_id
        if pen_id is None or not self.known:
            raise StationError("The record does not know this pen yet; wait a second.", "record")
        try:
            await self._submit(jobs.event_logged(log.event_row(ACCEPTED, "firmware accepted")))
        except RecordError as error:
            raise StationError(f"The acceptance could not be stored: {error}", "record") from error
        if pen_id == self.pen_id:
            self.firmware_before = None

    def close(self) -> None:
        """Bind no more."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        if not self.first.done():
            self.first.cancel()


def _unit(identity: Identity) -> tuple[str, str, str]:
    return identity.manufacturer, identity.model, identity.serial
