"""From a form that was filled in to rows of the record, with what is personal sealed under the client's key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.errors import RecordRefused
from devicectl.records.signed import covered
from devicectl.records.writer import Job

from .aftercare import Given, phrase_of
from .checklist import ITEMS
from .forms import Form, Record, columns
from .forms.during import FollowUpState
from .forms.signing import PassChange, parts_of
from .library import protocol_key
from .photo_consent import consent_problem
from .photos import Kept
from .protocols import PROTOCOLS
from .texts import CONSENT_TEXT, CONSENT_VERSION, text_sha256

Row = dict[str, Any]


class Sealer(Protocol):
    """Seals texts under a client's own key; blocks for a file now and then."""

    def ready(self, connection: sa.Connection, client: UUID) -> None:
        """Have the client's key on the disk. Raises :class:`RecordError`."""

    def seal(self, client: UUID, text: str, table: str, column: str, row: UUID) -> bytes:
        """The text as ciphertext for one place."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in: for whom, by whom, when.

    ``client`` is a code, ``session`` and ``pen`` are keys of the record; ``about`` is the row that this one goes on with
    (an adverse event, a follow-up, a pass); ``photo`` is what the file of a photograph holds, ``cartridge`` what the pen reads. What the form needs and is
    not given is taken from the session.
    """

    form: Form[Any]
    record: Record
    by: UUID | None
    at_utc_us: int
    client: str | None = None
    session: UUID | None = None
    pen: UUID | None = None
    about: UUID | None = None
    photo: Kept | None = None
    cartridge: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What was entered: rows by table in order, the client they are about, and the newest audit entry."""

    rows: tuple[tuple[str, Row], ...]
    client: UUID | None
    audit_seq: int

    @property
    def id(self) -> UUID:
        """Key of the first row."""
        key: UUID = self.rows[0][1]["id"]
        return key


@dataclass(slots=True)
class _Making:
    """One form on its way into the record."""

    connection: sa.Connection
    filled: Filled
    sealer: Sealer
    chain: Chain
    new_id: Callable[[], UUID]
    client: UUID | None
    ready: bool = False

    def need_client(self) -> UUID:
        if self.client is None:
            raise refused("This is about a client; name one, or open a treatment first.")
        return self.client

    def seal(self, text: str, table: sa.Table, column: str, row: UUID) -> bytes:
        client = self.need_client()
        if not self.ready:
            self.sealer.ready(self.connection, client)
            self.ready = True
        return self.sealer.seal(client, text, table.name, column, row)

    def row(self, table: sa.Table, values: Mapping[str, object], **more: object) -> Row:
        """A row of ``table`` from a form's values: JSON where there are several, sealed where the table says so."""
        row: Row = {"id": self.new_id(), **more}
        for name, value in values.items():
            if name in table.c:
                row[name] = _plain(value, bool(table.c[name].nullable))
            elif (sealed := f"{name}_sealed") in table.c:
                text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
                empty = not text and bool(table.c[sealed].nullable)
                row[sealed] = None if empty else self.seal(text, table, sealed, row["id"])
            else:
                raise LookupError(f"{table.name} has no column for {name}")
        for name, key in (("session_id", self.filled.session), ("pen_id", self.filled.pen)):
            if name in table.c:
                row.setdefault(name, key)
        if "client_id" in table.c:
            row.setdefault("client_id", self.need_client())
        return row


def _plain(value: object, nullable: bool) -> object:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if value == "" and nullable:
        return None
    return value


def refused(text: str, code: str = "not-taken") -> RecordRefused:
    """What the record will not take, as a sentence with a stable word."""
    error = RecordRefused(text)
    error.code = code
    return error


Rows = list[tuple[sa.Table, Row]]
Maker = Callable[[_Making], Rows]


def _next(connection: sa.Connection, table: sa.Table, column: str, key: UUID) -> int:
    found = connection.execute(sa.select(sa.func.max(table.c.seq)).where(table.c[column] == key)).scalar()
    return int(found or 0) + 1


def _client(m: _Making) -> Rows:
    values = columns(m.filled.record)
    code = str(values["code"])
    if m.connection.execute(sa.select(t.clients.c.id).where(t.clients.c.code == code)).first():
        raise refused(f"There is a client {code} already; choose another code.", "client-exists")
    return [(t.clients, {"id": m.new_id(), "created_utc_us": m.filled.at_utc_us, **values})]


def _identity(m: _Making) -> Rows:
    client = m.need_client()
    text = json.dumps(columns(m.filled.record), ensure_ascii=False, sort_keys=True)
    seq = _next(m.connection, t.client_profiles, "client_id", client)
    return [(t.client_profiles, m.row(t.client_profiles, {"identity": text}, seq=seq))]


def _protocol(m: _Making) -> Rows:
    values = columns(m.filled.record)
    zones: Any = values.pop("zones")
    newest = sa.select(t.protocols).where(t.protocols.c.name == values["name"]).order_by(t.protocols.c.version.desc())
    before = m.connection.execute(newest.limit(1)).first()
    if values["name"] in PROTOCOLS:
        raise refused(f"{values['name']} is shipped and stays as it is; give the copy a name of its own.", "shipped")
    protocol = m.row(
        t.protocols,
        {**values, "indication": values.get("indication") or ""},
        version=1 if before is None else before.version + 1,
        source="copy",
        copied_from_id=m.filled.about or (before.id if before is not None else None),
    )
    rows: Rows = [(t.protocols, protocol)]
    for seq, zone in enumerate(zones):
        rows.append((t.protocol_zones, m.row(t.protocol_zones, zone, protocol_id=protocol["id"], seq=seq)))
    return rows


def _course(m: _Making) -> Rows:
    values = columns(m.filled.record)
    name = str(values.pop("protocol"))
    protocol = protocol_key(m.connection, name, m.chain, m.filled.at_utc_us, m.new_id)
    if protocol is None:
        raise refused(f"There is no protocol {name}; 'devicectl protocols list' has them.", "no-such-protocol")
    return [(t.courses, m.row(t.courses, values, protocol_id=protocol))]


def _course_end(m: _Making) -> Rows:
    client = m.need_client()
    course = open_course(m.connection, client)
    if course is None:
        raise refused("This client has no open course; there is nothing to close.", "no-course")
    return [(t.course_ends, m.row(t.course_ends, columns(m.filled.record), course_id=course))]


def open_course(connection: sa.Connection, client: UUID) -> UUID | None:
    """The newest course of a client that has not ended."""
    ended = sa.exists().where(t.course_ends.c.course_id == t.courses.c.id)
    newest = sa.select(t.courses.c.id).where(t.courses.c.client_id == client, ~ended)
    found: UUID | None = _first(connection, newest.order_by(t.courses.c.at_utc_us.desc(), t.courses.c.id.desc()))
    return found


def _first(connection: sa.Connection, query: sa.Select[Any]) -> Any:
    """The first value of the first row, or None."""
    return connection.execute(query.limit(1)).scalar()


def _rest(table: sa.Table, parent: sa.Table, column: str, gone: str) -> Maker:
    """What completes the newest row of the session, or of one that it resumes, that is not complete yet."""

    def make(m: _Making) -> Rows:
        done = sa.exists().where(table.c[column] == parent.c.id)
        sessions = covered(m.connection, m.filled.session) if m.filled.session is not None else []
        query = sa.select(parent.c.id).where(parent.c.session_id.in_(sessions), ~done)
        open_one = _first(m.connection, query.order_by(parent.c.at_utc_us.desc(), parent.c.id.desc()))
        if open_one is None:
            raise refused(gone, "nothing-open")
        return [(table, m.row(table, columns(m.filled.record), **{column: open_one}))]

    return make


def _state(table: sa.Table, parent: sa.Table, column: str, what: str) -> Maker:
    """The next state of the row that the form is about."""

    def make(m: _Making) -> Rows:
        about = m.filled.about
        known = None if about is None else m.connection.execute(sa.select(parent).where(parent.c.id == about)).first()
        if known is None:
            raise refused(f"There is no such {what}; name one by its id.", "no-such-row")
        if m.client not in (None, known.client_id):
            raise refused(f"That {what} is another client's; name the right one.", "other-client")
        m.client = known.client_id
        seq = _next(m.connection, table, column, known.id)
        return [(table, m.row(table, columns(m.filled.record), **{column: known.id, "seq": seq}))]

    return make


def _moved(m: _Making) -> Rows:
    values = columns(m.filled.record)
    note = f"Moved to {values['due_date']}. {values['note']}".strip()
    cancelled = replace(m.filled, record=FollowUpState(state="cancelled", note=note))
    m.filled = cancelled
    rows = _state(t.follow_up_states, t.follow_ups, "follow_up_id", "follow-up")(m)
    old = m.connection.execute(sa.select(t.follow_ups).where(t.follow_ups.c.id == m.filled.about)).one()
    # It belongs to no session: that of the old one may be signed.
    moved = m.row(t.follow_ups, {"kind": old.kind, "due_date": values["due_date"]}, session_id=None)
    return [*rows, (t.follow_ups, moved)]


def _aftercare(m: _Making) -> Rows:
    given = Given(*(str(value) for value in columns(m.filled.record).values()))
    return [(t.notes, m.row(t.notes, {"zone": None, "phrase": phrase_of(given), "note": ""}))]


def _of(table: sa.Table) -> Maker:
    return lambda m: [(table, m.row(table, columns(m.filled.record)))]


def _consent(m: _Making) -> Rows:
    values = columns(m.filled.record)
    # Of a clinic's own text only the version is known here.
    shipped = values["version"] == CONSENT_VERSION
    return [(t.consents, m.row(t.consents, values, text_sha256=text_sha256(CONSENT_TEXT) if shipped else ""))]


def _checklist(m: _Making) -> Rows:
    values = columns(m.filled.record)
    answers: Any = values["answers"]
    common = {"version": values["version"], "since_last": values["changed"]}
    return [
        (t.checklist_answers, m.row(t.checklist_answers, {**answer, **common}, kind=ITEMS[answer["item"]].kind))
        for answer in answers
    ]


def _cartridge(m: _Making) -> Rows:
    values = columns(m.filled.record)
    used = sa.select(t.cartridge_uses, t.sessions.c.opened_utc_us).join(
        t.sessions, t.sessions.c.id == t.cartridge_uses.c.session_id
    )
    if values["serial"]:
        same = used.where(t.cartridge_uses.c.gtin == values["gtin"], t.cartridge_uses.c.serial == values["serial"])
        before = m.connection.execute(same).first()
        if before is not None:
            where = "this session already" if before.session_id == m.filled.session else "another session"
            raise refused(
                f"Cartridge {values['serial']} (lot {values['lot']}) was registered in {where}; open a new one.",
                "cartridge-used",
            )
    read = m.filled.cartridge
    if read is not None:
        sessions = covered(m.connection, m.filled.session) if m.filled.session is not None else []
        elsewhere = sa.select(t.passes.c.id).where(
            t.passes.c.cartridge_id == read,
            sa.or_(t.passes.c.session_id.is_(None), t.passes.c.session_id.not_in(sessions)),
        )
        registered = sa.select(t.cartridge_uses.c.id).where(
            t.cartridge_uses.c.cartridge_id == read, t.cartridge_uses.c.session_id.not_in(sessions)
        )
        if any(m.connection.execute(query.limit(1)).first() for query in (elsewhere, registered)):
            raise refused(
                f"The cartridge that is in the pen (lot {values['lot']}) was used in another session; open a new one.",
                "cartridge-used",
            )
    return [(t.cartridge_uses, m.row(t.cartridge_uses, values, cartridge_id=read))]


def _photo(m: _Making) -> Rows:
    values, photo = columns(m.filled.record), m.filled.photo
    assert photo is not None, "the file is read before the record is asked"
    _need_consent(m.connection, m.need_client())
    del values["file"]
    facts = {
        "sha256": photo.sha256,
        "copy_sha256": photo.copy_sha256,
        "bytes": photo.bytes,
        "width": photo.width,
        "height": photo.height,
        "removed": ",".join(photo.removed),
    }
    return [(t.photos, m.row(t.photos, values, **facts))]


def may_keep_photo(connection: sa.Connection, filled: Filled) -> None:
    """Raise :class:`RecordRefused` unless the newest consent of the client allows photographs; asked before a file is read."""
    client = _client_of(connection, filled)
    if client is None:
        raise refused("This is about a client; name one, or open a treatment first.")
    _need_consent(connection, client)


def _need_consent(connection: sa.Connection, client: UUID) -> None:
    if (problem := consent_problem(connection, client)) is not None:
        raise refused(problem, "no-consent")


def _pass_change(m: _Making) -> Rows:
    change = m.filled.record
    assert isinstance(change, PassChange)
    done = m.connection.execute(sa.select(t.passes).where(t.passes.c.id == m.filled.about)).first()
    if done is None or done.session_id is None or done.ended_clock_ms is None:
        raise refused("There is no such pass that has ended; name one by its id.", "no-such-row")
    m.filled = replace(m.filled, session=done.session_id)
    m.client = _client_of(m.connection, m.filled)
    parts = parts_of(change, done.opened_clock_ms, done.ended_clock_ms)
    if isinstance(parts, str):
        raise refused(parts, "bad-split")
    row = m.row(t.pass_changes, {"reason": change.reason}, pass_id=done.id)
    rows: Rows = [(t.pass_changes, row)]
    for seq, part in enumerate(parts):
        values = {"zone": part.zone, "direction": part.direction}
        clock = {"from_clock_ms": part.from_clock_ms, "to_clock_ms": part.to_clock_ms}
        rows.append((t.pass_parts, m.row(t.pass_parts, values, change_id=row["id"], seq=seq, **clock)))
    return rows


MAKERS: Final[dict[str, Maker]] = {
    "client": _client,
    "identity": _identity,
    "assessment": _of(t.assessments),
    "protocol": _protocol,
    "course": _course,
    "course_end": _course_end,
    "consent": _consent,
    "checklist": _checklist,
    "anaesthetic": _of(t.anaesthetics),
    "anaesthetic_off": _rest(
        t.anaesthetic_removals, t.anaesthetics, "anaesthetic_id", "No anaesthetic is on; there is nothing to remove."
    ),
    "cartridge": _cartridge,
    "cartridge_discarded": _rest(
        t.cartridge_discards,
        t.cartridge_uses,
        "cartridge_use_id",
        "Every cartridge of this session is discarded already.",
    ),
    "skin_preparation": _of(t.skin_preparations),
    "pen_check": _of(t.pen_checks),
    "zone_result": _of(t.zone_results),
    "note": _of(t.notes),
    "topical": _of(t.topicals),
    "adverse_event": _of(t.adverse_events),
    "adverse_event_state": _state(t.adverse_event_states, t.adverse_events, "adverse_event_id", "adverse event"),
    "photo": _photo,
    "follow_up": _of(t.follow_ups),
    "follow_up_state": _state(t.follow_up_states, t.follow_ups, "follow_up_id", "follow-up"),
    "follow_up_moved": _moved,
    "aftercare": _aftercare,
    "pass_change": _pass_change,
}
"""How each form becomes rows."""


class Intake:
    """Takes filled forms into the record. ``new_id`` makes keys."""

    def __init__(self, chain: Chain, sealer: Sealer, new_id: Callable[[], UUID]) -> None:
        self._chain, self._sealer, self._new_id = chain, sealer, new_id

    def entered(self, filled: Filled) -> Job[Stored]:
        """Keep a form: its rows with their audit entries, all or none. The job raises :class:`RecordRefused`."""

        def job(connection: sa.Connection) -> Stored:
            client = _client_of(connection, filled)
            making = _Making(connection, filled, self._sealer, self._chain, self._new_id, client)
            rows = MAKERS[filled.form.name](making)
            entries = [Entry(table, row, filled.by, filled.at_utc_us) for table, row in rows]
            seq = self._chain.enter(connection, entries)
            kept = tuple((entry.table.name, entry.row()) for entry in entries)
            about = rows[0][1]["id"] if filled.form.name == "client" else making.client
            return Stored(kept, about, seq)

        return job


def _client_of(connection: sa.Connection, filled: Filled) -> UUID | None:
    if filled.form.name == "client":
        return None
    of_session: UUID | None = None
    if filled.session is not None:
        session = connection.execute(sa.select(t.sessions).where(t.sessions.c.id == filled.session)).first()
        if session is None:
            raise refused("There is no such session.", "no-session")
        of_session = session.client_id
    if filled.client is None:
        return of_session
    named: UUID | None = connection.execute(sa.select(t.clients.c.id).where(t.clients.c.code == filled.client)).scalar()
    if named is None:
        raise refused(f"There is no client {filled.client}; add the client first.", "no-such-client")
    if filled.session is not None and named != of_session:
        raise refused(f"That session is not one of client {filled.client}; name one of theirs.", "other-client")
    return named
