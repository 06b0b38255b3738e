"""Signatures of sessions: Ed25519 over the SHA-256 of canonical JSON of all that is signed (`devicectl.records.signed`).

The public key is in the record, so whoever has the file can verify; nobody who has only the file can sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from devicectl.records import audit, bound, signed
from devicectl.records import tables as t
from devicectl.records.canonical import canonical
from devicectl.records.chain_check import MOST, Damage
from devicectl.records.entries import Chain, Entry
from devicectl.records.errors import RecordRefused
from devicectl.records.writer import Job

from .keyring import Keyring


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as it was made: its key, what was hashed, and where the chain stood."""

    id: UUID
    sessions: tuple[UUID, ...]
    payload_sha256: bytes
    anchor: audit.Anchor


def sign(
    keys: Keyring,
    session: UUID,
    *,
    meaning: str,
    operator: UUID,
    name: str,
    at_utc_us: int,
    id: UUID,
    more_ids: Callable[[], UUID],
) -> Job[Signed]:
    """Sign a session and those it resumes. ``name`` is printed with the signature; ``meaning`` performed or reviewed.

    About 50 ms for a session of 45 minutes. The job raises :class:`RecordRefused` when the session is open, is no
    treatment, was signed as performed before, or is reviewed before that.
    """

    def job(connection: sa.Connection) -> Signed:
        sessions = signed.covered(connection, session)
        _check(connection, session, sessions, meaning)
        bound.bind(connection, keys.chain, sessions, by=operator, at_utc_us=at_utc_us)
        at = audit.anchor(connection)
        content = signed.payload(
            connection, sessions, at, meaning=meaning, operator=operator, name=name, at_utc_us=at_utc_us
        )
        digest = hashlib.sha256(canonical(content)).digest()
        key_id = connection.execute(
            sa.select(t.station_keys.c.id).where(t.station_keys.c.public_key == keys.public_key)
        ).scalar_one()
        row = {
            "id": id,
            "session_id": session,
            "meaning": meaning,
            "name": name,
            "payload_sha256": digest,
            "audit_seq": at.seq,
            "audit_hash": at.hash,
            "key_id": key_id,
            "signature": keys.signer.sign(digest),
        }
        links = [
            Entry(t.signature_sessions, {"id": more_ids(), "signature_id": id, "session_id": one}, operator, at_utc_us)
            for one in sessions
        ]
        Chain(keys.chain).enter(connection, [Entry(t.signatures, row, operator, at_utc_us, "signed"), *links])
        return Signed(id, tuple(sessions), digest, at)

    return job


def _check(connection: sa.Connection, session: UUID, sessions: list[UUID], meaning: str) -> None:
    if meaning not in t.MEANINGS:
        raise RecordRefused(f"A signature means one of: {', '.join(t.MEANINGS)}.")
    rows = connection.execute(sa.select(t.sessions).where(t.sessions.c.id.in_(sessions))).all()
    if any(row.ended_utc_us is None for row in rows):
        raise RecordRefused("This session is still open: close it, then sign.")
    going_on = sa.select(t.sessions.c.id).where(t.sessions.c.resumes_id == session)
    if connection.execute(going_on).first() is not None:
        raise RecordRefused("This session was resumed: sign the one that went on with it, which covers both.")
    if any(row.purpose != "treatment" for row in rows):
        raise RecordRefused("Only a treatment is signed; this session has the purpose bench.")
    performed = is_signed(connection, session)
    if meaning == "performed" and performed:
        raise RecordRefused("This session is signed already; what must be corrected is added as an amendment.")
    if meaning == "reviewed" and not performed:
        raise RecordRefused("Whoever performed this session has not signed it yet; it is reviewed after that.")


def is_closed(connection: sa.Connection, session: UUID) -> bool:
    """Whether the session has ended."""
    ended = sa.select(t.sessions.c.ended_utc_us).where(t.sessions.c.id == session)
    return connection.execute(ended).scalar() is not None


def is_signed(connection: sa.Connection, session: UUID) -> bool:
    """Whether a signature with the meaning performed covers the session."""
    query = (
        sa.select(t.signatures.c.id)
        .join(t.signature_sessions, t.signature_sessions.c.signature_id == t.signatures.c.id)
        .where(t.signature_sessions.c.session_id == session, t.signatures.c.meaning == "performed")
    )
    return connection.execute(query).first() is not None


def verify(connection: sa.Connection, signature: UUID) -> list[Damage]:
    """What was done to a signed session since; needs no secret key. Empty when the signature holds."""
    row = connection.execute(
        sa.select(t.signatures, t.station_keys.c.public_key)
        .join(t.station_keys, t.station_keys.c.id == t.signatures.c.key_id)
        .where(t.signatures.c.id == signature)
    ).first()
    if row is None:
        return [Damage("signature-broken", None, "signatures", signature.hex, "The key of a signature is gone.")]
    what = f"The signature of session {row.session_id} ({row.meaning}, {row.name})"
    try:
        Ed25519PublicKey.from_public_bytes(bytes(row.public_key)).verify(
            bytes(row.signature), bytes(row.payload_sha256)
        )
    except (InvalidSignature, ValueError):
        text = f"{what} was not made with the key of this station."
        return [Damage("signature-broken", None, "signatures", signature.hex, text)]
    same = _payload_sha256(connection, row) == bytes(row.payload_sha256)
    kept = bound.groups(connection, row.audit_seq)
    changes = [*(() if same else bound.edited(connection, kept)), *bound.added(connection, kept)]
    if changes or same:
        return list(_told(changes, what))
    text = f"{what} does not hold: what somebody entered for it was edited, taken out or added to."
    return [Damage("signed-edited", None, "signatures", signature.hex, text)]


_kind = attrgetter("kind", "table")
_DONE: Final = {"added": "was put into", "deleted": "was taken out of", "edited": "was edited in"}


def _told(changes: list[bound.Change], what: str) -> Iterator[Damage]:
    """A line for each row, up to :data:`MOST` of one table, and the number of the others."""
    for (kind, table), found in groupby(sorted(changes, key=_kind), key=_kind):
        rows = list(found)
        for one in rows[:MOST]:
            text = f"{what} does not hold: {table} {_short(one.key)} {_DONE[kind]} the record since."
            yield Damage(f"signed-{kind}", one.seq, table, one.key, text)
        if len(rows) > MOST:
            text = f"{what} does not hold: {len(rows) - MOST} more of {table}, each of which {_DONE[kind]} the record since."
            yield Damage(f"signed-{kind}", None, table, "", text)


def _short(key: str) -> str:
    """The digits by which people find a row; of segments and telemetry those of the pass, and the number."""
    row, slash, seq = key.partition("/")
    return f"{row[-8:]}{slash}{seq}"


def _payload_sha256(connection: sa.Connection, row: Any) -> bytes | None:
    at = audit.Anchor(
        connection.execute(
            sa.select(t.station_keys.c.station_id).where(t.station_keys.c.id == row.key_id)
        ).scalar_one(),
        row.audit_seq,
        bytes(row.audit_hash),
    )
    try:
        content = signed.payload(
            connection,
            signed.covered(connection, row.session_id),
            at,
            meaning=row.meaning,
            operator=row.operator_id,
            name=row.name,
            at_utc_us=row.at_utc_us,
        )
    except (RecordRefused, KeyError):
        return None
    return hashlib.sha256(canonical(content)).digest()
