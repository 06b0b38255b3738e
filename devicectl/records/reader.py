"""Read-only queries for the command line and the screens; they work while a station writes, and never hold it up."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from . import schema
from . import tables as t
from .backup import backup_file
from .engine import reader_engine
from .errors import NoDatabase, RecordError, SchemaTooNew, SchemaTooOld, translate
from .evidence import Segment
from .location import Location, locate
from .pass_operators import pass_operators
from .telemetry_block import BlockDamaged, Columns, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One line of the list of sessions; UTC in µs, ``ended_utc_us`` None while it is open. ``client`` is a code."""

    id: UUID
    purpose: str
    origin: str
    client: str | None
    pen: str
    opened_utc_us: int
    ended_utc_us: int | None
    end_reason: str | None
    passes: int
    strokes: int
    contact_ms: int


@dataclass(frozen=True, slots=True)
class PassSummary:
    """One pass with its figures (see `evidence.Figures`); None where it is still open or nothing is known. ``operator`` held
    control when it was begun.

    ``calibration_id`` is the calibration that held (None: none did), ``depth_commanded_um`` what the depth drive was told for
    ``depth_set_um``, ``depth_read_back_um`` the target that the pen read back.
    """

    id: UUID
    seq: int
    kind: str
    zone: str | None
    depth_set_um: int | None
    rate_set_mhz: int | None
    needles: int
    area_mm2: int
    opened_utc_us: int
    end_reason: str | None
    duration_ms: int | None
    contact_ms: int | None
    contact_kind: str | None
    unknown_ms: int | None
    strokes: int | None
    contact_strokes: int | None
    density_cm2: int | None
    depth_min_um: int | None
    depth_mean_um: int | None
    depth_max_um: int | None
    current_max_ma: int | None
    samples: int | None
    lost_samples: int | None
    segments: tuple[Segment, ...] = ()
    operator: str | None = None
    calibration_id: UUID | None = None
    depth_commanded_um: int | None = None
    depth_read_back_um: int | None = None


@dataclass(frozen=True, slots=True)
class CommandSummary:
    """One line of the journal."""

    id: UUID
    action: str
    value: int
    intended_utc_us: int
    outcome: str | None
    outcome_text: str | None
    applied: int | None


@dataclass(frozen=True, slots=True)
class AlarmSummary:
    """One alarm."""

    id: UUID
    code: str
    priority: str
    text: str
    raised_utc_us: int
    acknowledged_utc_us: int | None
    cleared_utc_us: int | None


@dataclass(frozen=True, slots=True)
class EventSummary:
    """One line of the log."""

    id: UUID
    code: str
    text: str
    at_utc_us: int
    data: str


@dataclass(frozen=True, slots=True)
class StopSummary:
    """One stop; latencies in µs, None where it was never measured."""

    id: UUID
    source: str
    at_utc_us: int
    key_to_bytes_us: int | None
    intent_to_still_us: int | None
    still: bool


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Everything the record holds of one session, each in the order of time."""

    session: SessionSummary
    passes: tuple[PassSummary, ...]
    commands: tuple[CommandSummary, ...]
    alarms: tuple[AlarmSummary, ...]
    events: tuple[EventSummary, ...]
    stops: tuple[StopSummary, ...]


_SESSIONS = (
    sa.select(
        t.sessions.c.id,
        t.sessions.c.purpose,
        t.sessions.c.origin,
        t.clients.c.code,
        (t.pens.c.manufacturer + " " + t.pens.c.model + " " + t.pens.c.serial).label("pen"),
        t.sessions.c.opened_utc_us,
        t.sessions.c.ended_utc_us,
        t.sessions.c.end_reason,
        sa.select(sa.func.count()).where(t.passes.c.session_id == t.sessions.c.id).scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.sum(t.passes.c.strokes), 0))
        .where(t.passes.c.session_id == t.sessions.c.id)
        .scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.sum(t.passes.c.contact_ms), 0))
        .where(t.passes.c.session_id == t.sessions.c.id)
        .scalar_subquery(),
    )
    .join(t.pens, t.pens.c.id == t.sessions.c.pen_id)
    .outerjoin(t.clients, t.clients.c.id == t.sessions.c.client_id)
)
_PASS_COLUMNS = tuple(
    (t.passes if name in t.passes.c else t.pass_settings).c[name]
    for name in PassSummary.__slots__
    if name not in ("segments", "operator")
)


def list_sessions(connection: sa.Connection, limit: int = 50, before_utc_us: int | None = None) -> list[SessionSummary]:
    """The newest sessions, newest first; ``before_utc_us`` turns the page."""
    query = _SESSIONS.order_by(t.sessions.c.opened_utc_us.desc(), t.sessions.c.id.desc()).limit(limit)
    if before_utc_us is not None:
        query = query.where(t.sessions.c.opened_utc_us < before_utc_us)
    return [SessionSummary(*row) for row in connection.execute(query)]


def find_session(connection: sa.Connection, text: str, pen: UUID | None = None) -> UUID:
    """The key of the one session whose id begins or ends with ``text`` (4 hex digits at least), or of the ``last`` one.

    With ``pen`` the last one is the last treatment with that pen: whoever resumes must not get the client of another.

    Raises:
        RecordError: none or several match; code ``no-session``.
    """
    if text == "last" and pen is not None:
        mine = sa.select(t.sessions.c.id).where(t.sessions.c.pen_id == pen, t.sessions.c.purpose == "treatment")
        found = list(connection.execute(mine.order_by(t.sessions.c.opened_utc_us.desc()).limit(1)).scalars())
        if not found:
            raise _no_session(
                "This pen has no treatment to resume; name one that `devicectl sessions list` shows, or open a new one."
            )
    elif text == "last":
        found = [row.id for row in list_sessions(connection, 1)]
    else:
        wanted = text.replace("-", "").lower()
        if len(wanted) < 4 or set(wanted) - set("0123456789abcdef"):
            raise _no_session(f"{text[:40]!r} is no session id: give at least 4 of its hex digits, or 'last'.")
        key = sa.func.lower(sa.func.hex(t.sessions.c.id))
        query = sa.select(t.sessions.c.id).where(key.like(f"{wanted}%") | key.like(f"%{wanted}")).limit(2)
        found = list(connection.execute(query).scalars())
    if len(found) != 1:
        raise _no_session(
            f"Several sessions match {text!r}: give more digits of the id."
            if found
            else f"There is no session {text!r}: `devicectl sessions list` shows those there are."
        )
    result: UUID = found[0]
    return result


def _no_session(text: str) -> RecordError:
    error = RecordError(text)
    error.code = "no-session"
    return error


def list_passes(connection: sa.Connection, session_id: UUID) -> list[PassSummary]:
    """Passes of a session with their segments, in order."""
    segments: dict[UUID, list[Segment]] = {}
    query = (
        sa.select(t.pass_segments)
        .join(t.passes, t.passes.c.id == t.pass_segments.c.pass_id)
        .where(t.passes.c.session_id == session_id)
        .order_by(t.pass_segments.c.pass_id, t.pass_segments.c.seq)
    )
    for row in connection.execute(query):
        contact = None if row.contact is None else bool(row.contact)
        segments.setdefault(row.pass_id, []).append(Segment(row.kind, contact, row.from_clock_ms, row.to_clock_ms))
    operators = pass_operators(connection, session_id)
    passes = (
        sa.select(*_PASS_COLUMNS)
        .select_from(t.passes.outerjoin(t.pass_settings, t.pass_settings.c.pass_id == t.passes.c.id))
        .where(t.passes.c.session_id == session_id)
        .order_by(t.passes.c.seq)
    )
    return [
        PassSummary(**dict(row._mapping), segments=tuple(segments.get(row.id, ())), operator=operators.get(row.id))
        for row in connection.execute(passes)
    ]


def show_session(connection: sa.Connection, session_id: UUID) -> SessionDetail:
    """Everything of one session. Raises :class:`RecordError` when there is none."""
    row = connection.execute(_SESSIONS.where(t.sessions.c.id == session_id)).first()
    if row is None:
        raise _no_session(f"There is no session {session_id}: `devicectl sessions list` shows those there are.")
    return SessionDetail(
        SessionSummary(*row),
        tuple(list_passes(connection, session_id)),
        tuple(_of_session(connection, t.commands, CommandSummary, session_id)),
        tuple(_of_session(connection, t.alarms, AlarmSummary, session_id)),
        tuple(_of_session(connection, t.events, EventSummary, session_id)),
        tuple(_of_session(connection, t.stops, StopSummary, session_id)),
    )


def _of_session(connection: sa.Connection, table: sa.Table, shape: type[T], session_id: UUID) -> list[T]:
    names: Sequence[str] = shape.__slots__  # type: ignore[attr-defined]
    query = sa.select(*(table.c[name] for name in names)).where(table.c.session_id == session_id).order_by(table.c.id)
    return [shape(*_plain(names, row)) for row in connection.execute(query)]


def _plain(names: Sequence[str], row: Sequence[Any]) -> list[Any]:
    return [bool(value) if name == "still" else value for name, value in zip(names, row, strict=True)]


def last_stops(connection: sa.Connection, limit: int = 10) -> list[StopSummary]:
    """The newest stops with their measured latencies, newest first."""
    names = StopSummary.__slots__
    query = (
        sa.select(*(t.stops.c[name] for name in names))
        .order_by(t.stops.c.at_utc_us.desc(), t.stops.c.id.desc())
        .limit(limit)
    )
    return [StopSummary(*_plain(names, row)) for row in connection.execute(query)]


def telemetry_of(connection: sa.Connection, pass_id: UUID) -> Columns:
    """All samples of a pass, in order (about 2 ms for 90 s at 50 Hz); empty columns when there are none.

    Raises:
        BlockDamaged: a block's checksum is wrong.
    """
    query = (
        sa.select(t.telemetry_blocks.c.data)
        .where(t.telemetry_blocks.c.pass_id == pass_id)
        .order_by(t.telemetry_blocks.c.seq)
    )
    columns: tuple[list[int], ...] = tuple([] for _ in Columns._fields)
    for blob in connection.execute(query).scalars():
        for column, more in zip(columns, decode(blob), strict=True):
            column.extend(more)
    return Columns(*columns)


class Reader:
    """A database opened for reading only; a context manager. Any query above can be given to :meth:`run`.

    Raises:
        NoDatabase, DatabaseDamaged, NotOurs, SchemaTooNew, SchemaTooOld: one sentence each.
    """

    def __init__(self, location: Location | str | os.PathLike[str] | None = None) -> None:
        self.location = location if isinstance(location, Location) else locate(location)
        path = self.location.path
        if not path.exists():
            raise NoDatabase(f"There is no database at {path} yet: it is made when a session is recorded.")
        schema.check_header(path)
        self._engine = reader_engine(path)
        self._where = f"the database {path}"
        revision = self.run(schema.revision_of)
        if revision != schema.HEAD:
            known = revision is None or revision in schema.known_revisions()
            raise (
                SchemaTooOld(f"The database {path} is of an older version: start a station once, it is upgraded then.")
                if known
                else SchemaTooNew(f"The database {path} was written by a newer devicectl: update devicectl.")
            )

    def run(self, query: Callable[[sa.Connection], T]) -> T:
        """Run a query in one read transaction. Raises :class:`RecordError`."""
        with self._connection() as connection:
            return query(connection)

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            failure = translate(error, self._where)
            if failure.code in ("no-database", "read-only"):
                raise NoDatabase(
                    f"{self._where[0].upper()}{self._where[1:]} cannot be read: its folder must be writable, or read a "
                    "backup of it instead."
                ) from error
            raise failure from error
        except BlockDamaged as error:
            raise RecordError(f"A telemetry block in {self._where} is damaged ({error}).") from error

    def sessions(self, limit: int = 50, before_utc_us: int | None = None) -> list[SessionSummary]:
        """See :func:`list_sessions`."""
        return self.run(lambda connection: list_sessions(connection, limit, before_utc_us))

    def session(self, text: str) -> SessionDetail:
        """A session by the digits of its id, or the ``last`` one; see :func:`find_session`."""
        return self.run(lambda connection: show_session(connection, find_session(connection, text)))

    def stops(self, limit: int = 10) -> list[StopSummary]:
        """See :func:`last_stops`."""
        return self.run(lambda connection: last_stops(connection, limit))

    def backup(self, target: Path) -> Path:
        """See :func:`backup_file`."""
        return backup_file(self.location.path, target)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
