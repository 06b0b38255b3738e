"""What the screens read of the record besides the station's views: clients, courses and protocols, read-only.

Read in a thread: a slow disk holds up neither the screen nor its heartbeat.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from devicectl.records.errors import NoDatabase, RecordError
from devicectl.records.reader import PassSummary, Reader, list_passes
from devicectl.records.register import ClientSummary, ProtocolSummary, list_clients, list_protocols


@dataclass(frozen=True, slots=True)
class Register:
    """What was read; ``problem`` is a sentence when it could not be."""

    clients: tuple[ClientSummary, ...] = ()
    protocols: tuple[ProtocolSummary, ...] = ()
    problem: str = ""


class Book(Protocol):
    """Where the register is read."""

    async def register(self) -> Register:
        """Read it now."""

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """The passes of a session, in order."""

    @property
    def place(self) -> str:
        """Where the record lies, for people."""


class RecordBook:
    """The register of the configured database."""

    @property
    def place(self) -> str:
        """See `Book`."""
        from devicectl.records.location import locate

        try:
            return str(locate().path)
        except RecordError as error:
            return str(error)

    async def register(self) -> Register:
        """See `Book`."""
        return await asyncio.to_thread(self._read)

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """See `Book`."""
        return await asyncio.to_thread(self._passes, session)

    def _passes(self, session: str) -> tuple[PassSummary, ...]:
        try:
            with Reader() as reader:
                return tuple(reader.run(lambda c: list_passes(c, UUID(session))))
        except RecordError:
            return ()

    def _read(self) -> Register:
        try:
            with Reader() as reader:
                return reader.run(lambda c: Register(tuple(list_clients(c)), tuple(list_protocols(c))))
        except NoDatabase:
            return Register()
        except RecordError as error:
            return Register(problem=str(error))


class HeldBook:
    """A register that is given: for pictures and tests, and for a screen without a record."""

    place = "nowhere: this is a rehearsal"

    def __init__(self, register: Register | None = None) -> None:
        self.held = register or Register()

    async def register(self) -> Register:
        """See `Book`."""
        return self.held

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """See `Book`."""
        del session
        return ()
