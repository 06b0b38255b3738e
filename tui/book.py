"""What the screens read of the record besides the station's views: clients, courses and protocols, read-only.

Read in a thread: a slow disk holds up neither the screen nor its heartbeat.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from devicectl.records.errors import NoDatabase, RecordError
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

    def _read(self) -> Register:
        from devicectl.records.reader import Reader

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
