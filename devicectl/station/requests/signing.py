"""After a session: signature, amendments, the head of the audit chain, who a client is, and erasing a client."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.access.erasure import BACKUPS, erase
from devicectl.access.opening import ready
from devicectl.access.roster import Operator
from devicectl.access.signing import Signed, is_closed, sign
from devicectl.records import audit
from devicectl.records import tables as t
from devicectl.records.amendments import amended
from devicectl.records.entered import find_entered
from devicectl.records.errors import RecordError
from devicectl.records.pass_operators import held_control
from devicectl.records.signed import belongs_to, covered, is_sealed
from devicectl.station import params as p
from devicectl.station.client_api import StationError
from devicectl.treatment.amending import fields_of_table, read_amended, table_named
from devicectl.treatment.chart import load_chart, steps_of
from devicectl.treatment.forms import FORMS, FieldErrors, parse
from devicectl.treatment.forms.signing import Amendment
from devicectl.treatment.forms.words import BadEntry
from devicectl.treatment.intake import refused
from devicectl.treatment.laying_down import lay_down
from devicectl.treatment.photos import PhotoRefused, discard
from devicectl.treatment.steps import missing

from .common import Methods, found_session, submitted

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


def _operator(c: Connection) -> Operator:
    operator = c.presence.operator
    if operator is None:
        raise StationError("Nobody is signed in here; sign in first.", "no-operator")
    return operator


def _not_theirs(connection: sa.Connection, session: UUID, operator: Operator) -> tuple[str, ...]:
    """What is to be said when others performed what is signed as performed."""
    held = held_control(connection, covered(connection, session))
    if not held or operator.id in held:
        return ()
    return (f"performed: The passes were done by {', '.join(sorted(set(held.values())))}, not by {operator.name}.",)


async def _sign(c: Connection, q: p.SignSession) -> Any:
    operator, source, treatments = _operator(c), c.station.source, c.station.record.treatments
    session = await found_session(c, q.session)
    zone = treatments.zone()

    def lacking_now(connection: sa.Connection) -> tuple[str, ...]:
        chart = load_chart(connection, session, zone)
        if chart is None:
            raise refused("Only a treatment is signed; that session is none.", "no-chart")
        recorded = chart.recorded(source.utc_us(), operator=operator.name, role=operator.role.value)
        if q.meaning != "performed":
            return ()
        return missing(steps_of(recorded)) + _not_theirs(connection, session, operator)

    lacking = await submitted(c, lacking_now)
    if lacking and q.reason is None:
        text = f"{lacking[0]}{f' And {len(lacking) - 1} more.' if len(lacking) > 1 else ''}"
        raise StationError(
            f"{text} Complete it, or sign with a reason.", "incomplete", dict(line.split(": ", 1) for line in lacking)
        )
    await c.station.operators.confirm(operator.id, q.pin.get_secret_value(), c.name)
    at = source.utc_us()
    job = sign(
        treatments.keys,
        session,
        meaning=q.meaning,
        operator=operator.id,
        name=operator.name,
        at_utc_us=at,
        id=source.uuid(),
        more_ids=source.uuid,
    )

    def whole(connection: sa.Connection) -> Signed:
        # All of it or none: a signature that is refused leaves nothing behind.
        if is_closed(connection, session) and lacking_now(connection) != lacking:
            # A PIN takes a fifth of a second to confirm: nobody signs what was entered behind their back.
            raise refused("Something was entered for this session meanwhile; look at it, then sign.", "changed")
        if q.meaning == "performed":
            laid = lay_down(treatments.chain, session, by=operator.id, at_utc_us=at, zone=zone, new_id=source.uuid)
            laid(connection)
            if lacking and q.reason is not None:
                treatments.left_out(session, lacking, q.reason, operator.id, at, source.uuid)(connection)
        return job(connection)

    done: Signed = await submitted(c, whole)
    return {
        "id": str(done.id),
        "sessions": [str(one) for one in done.sessions],
        "anchor": str(done.anchor),
        "text": f"Signed as {q.meaning} by {operator.name}; the record is locked.",
    }


async def _amend(c: Connection, q: p.AmendSession) -> Any:
    operator, source, treatments = _operator(c), c.station.source, c.station.record.treatments
    at = source.utc_us()
    record = parse(FORMS["amendment"], q.values, treatments.now(at))
    if isinstance(record, FieldErrors):
        raise StationError(next(iter(record.values())), "invalid-form", record)
    assert isinstance(record, Amendment)
    session = await found_session(c, q.session)
    table, column, value = _amended_value(record, treatments.now(at))
    try:
        row, client = await submitted(c, lambda connection: _amended_row(connection, session, table.name, record.row))
    except StationError as error:
        raise _wrong("row", str(error)) if error.code == "no-such-row" else error from None
    key = source.uuid()

    def job(connection: sa.Connection) -> int:
        ready(connection, treatments.keys, client)
        # What a resumed session has was entered in the one before: one signature covers both.
        owner = belongs_to(connection, table, row)
        of = owner if owner is not None and owner in covered(connection, session) else session
        new: audit.Value = value
        if is_sealed(table, column) and isinstance(value, str):
            new = treatments.cipher.seal(client, value, table.name, column, row)
        reason = treatments.cipher.seal(client, record.reason, "amendments", "reason_sealed", key)
        return amended(
            treatments.chain,
            key,
            session=of,
            table=table.name,
            row=row,
            field=column,
            new=new,
            reason_sealed=reason,
            by=operator.id,
            at_utc_us=at,
        )(connection)

    await submitted(c, job)
    return {"id": str(key), "text": "Amended; the old value stays beside the new one."}


def _amended_value(record: Amendment, now: datetime) -> tuple[sa.Table, str, Any]:
    """Table, column and value of an amendment. Raises :class:`StationError` with a sentence for the field that is wrong."""
    name = table_named(record.table)
    fields = fields_of_table(name)
    if not fields:
        raise _wrong("table", f"Nothing in {record.table} is amended; 'devicectl sessions show' has the names of rows.")
    if (field := record.field.removesuffix("_sealed")) not in fields:
        raise _wrong("field", f"In {name} {record.field} is not amended; what may be is {', '.join(fields)}.")
    table = t.metadata.tables[name]
    try:
        return table, *read_amended(table, field, record.value, now)
    except BadEntry as bad:
        raise _wrong("value", str(bad)) from None


def _amended_row(connection: sa.Connection, session: UUID, table: str, text: str) -> tuple[UUID, UUID]:
    """Keys of the row and of the client."""
    client = connection.execute(sa.select(t.sessions.c.client_id).where(t.sessions.c.id == session)).scalar()
    if client is None:
        raise refused("Only a treatment is amended; that session has no client.", "no-chart")
    return find_entered(connection, session, table, text), client


def _wrong(field: str, text: str) -> StationError:
    return StationError(text, "invalid-form", {field: text})


async def _head(c: Connection, _: p.Empty) -> Any:
    anchor = await submitted(c, audit.anchor)
    return {"anchor": str(anchor), "seq": anchor.seq}


async def _identity(c: Connection, q: p.AskClient) -> Any:
    treatments, operator = c.station.record.treatments, _operator(c)

    def job(connection: sa.Connection) -> dict[str, Any] | None:
        client = _client(connection, q.client)
        newest = connection.execute(
            sa.select(t.client_profiles)
            .where(t.client_profiles.c.client_id == client)
            .order_by(t.client_profiles.c.seq.desc())
            .limit(1)
        ).first()
        if newest is None:
            return {}
        sealed = bytes(newest.identity_sealed)
        text = treatments.cipher.open(client, sealed, "client_profiles", "identity_sealed", newest.id)
        return None if text is None else dict(json.loads(text))

    identity = await submitted(c, job)
    await c.station.operators.note("identity-read", operator, c.name, q.client)
    if identity is None:
        raise StationError(f"Client {q.client} was erased; who it was is gone for good.", "erased")
    return {"client": q.client, "identity": identity}


def _client(connection: sa.Connection, code: str) -> UUID:
    found: UUID | None = connection.execute(sa.select(t.clients.c.id).where(t.clients.c.code == code)).scalar()
    if found is None:
        raise refused(f"There is no client {code}; 'devicectl clients list' has them.", "no-such-client")
    return found


async def _erase(c: Connection, q: p.EraseClient) -> Any:
    operator, source = _operator(c), c.station.source
    client = await submitted(c, lambda connection: _client(connection, q.client))
    await c.station.operators.confirm(operator.id, q.pin.get_secret_value(), c.name)
    try:
        work = erase(
            c.station.record.submit,
            c.station.record.treatments.keys,
            client,
            id=source.uuid(),
            by=operator.id,
            at_utc_us=source.utc_us(),
            reason=q.reason,
        )
        # Begun, it is brought to its end, though the one who asked may be gone.
        await asyncio.shield(c.station.in_background(work))
    except RecordError as error:
        raise StationError(str(error), error.code) from error
    await _take_photos_away(c, client)
    return {"text": f"Client {q.client} was erased. {BACKUPS}"}


async def _take_photos_away(c: Connection, client: UUID) -> None:
    """The copies of photographs that show nobody else; hash and size stay in the record."""
    folder = c.station.record.treatments.photos
    if folder is None:
        return

    def job(connection: sa.Connection) -> list[str]:
        others = t.photos.alias()
        shared = sa.exists().where(others.c.copy_sha256 == t.photos.c.copy_sha256, others.c.client_id != client)
        query = sa.select(t.photos.c.copy_sha256).where(t.photos.c.client_id == client, ~shared)
        return list(connection.execute(query).scalars())

    names = await submitted(c, job)
    try:
        await asyncio.to_thread(discard, folder, names)
    except PhotoRefused as error:
        raise StationError(f"{error} Its texts are gone all the same.", "photos-left") from error


METHODS: Final[Methods] = {
    "session.sign": (p.SignSession, _sign),
    "session.amend": (p.AmendSession, _amend),
    "audit.head": (p.Empty, _head),
    "client.identity": (p.AskClient, _identity),
    "client.erase": (p.EraseClient, _erase),
}
