"""What the screens read of the record besides the station's views: clients, courses, protocols, sessions, read-only.

Read in a thread: a slow disk holds up neither the screen nor its heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from devicectl.records.clinic import Row, client_at_a_glance
from devicectl.records.entered import amended_values, entered_rows, signatures_of
from devicectl.records.errors import NoDatabase, RecordError
from devicectl.records.reader import PassSummary, Reader, SessionDetail, list_passes, show_session
from devicectl.records.register import ClientSummary, ProtocolSummary, list_clients, list_protocols
from devicectl.treatment.last_time import Answered, Open, last_answers, open_matters

if TYPE_CHECKING:
    import sqlalchemy as sa

    from devicectl.calibration.watch import Watched
    from tui.calibration_book import OpenCalibration

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Register:
    """What was read; ``problem`` is a sentence when it could not be."""

    clients: tuple[ClientSummary, ...] = ()
    protocols: tuple[ProtocolSummary, ...] = ()
    matters: Mapping[str, Open] = field(default_factory=dict)
    """What of a client stands open, by code."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Everything that is recorded of a session: what the station wrote, what was entered by table, signatures, amendments."""

    detail: SessionDetail
    entered: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    signatures: Sequence[Row] = ()
    amendments: Sequence[Row] = ()


class Book(Protocol):
    """Where the register is read."""

    async def open_calibrations(self, serial: str, simulated: bool) -> tuple[OpenCalibration, ...]:
        """Calibrations of a pen that have not ended, newest first."""

    async def last_plan(self, serial: str) -> Mapping[str, object] | None:
        """The plan of the newest calibration, of this pen where there is one: standards, place and ambient seldom change."""

    async def due(self, day: date) -> tuple[Mapping[str, Any], ...]:
        """When each pen is due for calibration (`devicectl.station.due_list.due_rows`)."""

    async def charts(self, serial: str, simulated: bool) -> tuple[Watched, ...]:
        """The control charts of a pen's daily checks."""

    async def register(self) -> Register:
        """Read it now."""

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """The passes of a session, in order."""

    async def client(self, code: str) -> Row | None:
        """A client at a glance (`devicectl.records.clinic.client_at_a_glance`); None when that cannot be read."""

    async def session(self, session: str) -> SessionRecord | None:
        """A session in full; None when it cannot be read."""

    async def answered(self, session: str) -> Answered:
        """The checklist as the client of a session answered it the last time."""

    @property
    def place(self) -> str:
        """Where the record lies, for people."""


class RecordBook:
    """The register of the configured database."""

    def __init__(self) -> None:
        self._problem = ""

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
        today = datetime.now().astimezone().date().isoformat()
        found = await self._of(
            lambda c: Register(tuple(list_clients(c)), tuple(list_protocols(c)), open_matters(c, today))
        )
        return found or Register(problem=self._problem)

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """See `Book`."""
        return await self._of(lambda c: tuple(list_passes(c, UUID(session)))) or ()

    async def client(self, code: str) -> Row | None:
        """See `Book`."""
        return await self._of(lambda c: client_at_a_glance(c, code))

    async def session(self, session: str) -> SessionRecord | None:
        """See `Book`."""
        key = UUID(session)
        return await self._of(
            lambda c: SessionRecord(
                show_session(c, key), entered_rows(c, key), signatures_of(c, key), amended_values(c, key)
            )
        )

    async def answered(self, session: str) -> Answered:
        """See `Book`."""
        return await self._of(lambda c: last_answers(c, UUID(session))) or Answered()

    async def open_calibrations(self, serial: str, simulated: bool) -> tuple[OpenCalibration, ...]:
        """See `Book`."""
        from tui.calibration_book import open_calibrations

        return await self._of(lambda c: open_calibrations(c, serial, simulated)) or ()

    async def last_plan(self, serial: str) -> Mapping[str, object] | None:
        """See `Book`."""
        from tui.calibration_book import last_plan

        return await self._of(lambda c: last_plan(c, serial))

    async def due(self, day: date) -> tuple[Mapping[str, Any], ...]:
        """See `Book`."""
        from tui.calibration_book import due

        return await self._of(lambda c: due(c, day)) or ()

    async def charts(self, serial: str, simulated: bool) -> tuple[Watched, ...]:
        """See `Book`."""
        from tui.calibration_book import charts

        return await self._of(lambda c: charts(c, serial, simulated)) or ()

    async def _of(self, query: Callable[[sa.Connection], T]) -> T | None:
        return await asyncio.to_thread(self._asked, query)

    def _asked(self, query: Callable[[sa.Connection], T]) -> T | None:
        self._problem = ""
        try:
            with Reader() as reader:
                return reader.run(query)
        except NoDatabase:
            return None
        except RecordError as error:
            self._problem = str(error)
            return None


class HeldBook:
    """A register that is given: for pictures and tests, and for a screen without a record."""

    place = "nowhere: this is a rehearsal"

    def __init__(
        self,
        register: Register | None = None,
        *,
        client: Row | None = None,
        session: SessionRecord | None = None,
        answered: Answered | None = None,
        passes: Sequence[PassSummary] = (),
        interrupted: Sequence[OpenCalibration] = (),
        plan: Mapping[str, object] | None = None,
        due: Sequence[Mapping[str, Any]] = (),
        charts: Sequence[Watched] = (),
    ) -> None:
        self._due, self._charts = tuple(due), tuple(charts)
        self._interrupted, self._plan = tuple(interrupted), plan
        self.held = register or Register()
        self._client, self._session, self._answered = client, session, answered or Answered()
        self._passes = tuple(passes)

    async def register(self) -> Register:
        """See `Book`."""
        return self.held

    async def passes(self, session: str) -> tuple[PassSummary, ...]:
        """See `Book`."""
        del session
        return self._passes

    async def client(self, code: str) -> Row | None:
        """See `Book`."""
        del code
        return self._client

    async def session(self, session: str) -> SessionRecord | None:
        """See `Book`."""
        del session
        return self._session

    async def answered(self, session: str) -> Answered:
        """See `Book`."""
        del session
        return self._answered

    async def open_calibrations(self, serial: str, simulated: bool) -> tuple[OpenCalibration, ...]:
        """See `Book`."""
        del serial, simulated
        return self._interrupted

    async def last_plan(self, serial: str) -> Mapping[str, object] | None:
        """See `Book`."""
        del serial
        return self._plan

    async def due(self, day: date) -> tuple[Mapping[str, Any], ...]:
        """See `Book`."""
        del day
        return self._due

    async def charts(self, serial: str, simulated: bool) -> tuple[Watched, ...]:
        """See `Book`."""
        del serial, simulated
        return self._charts
