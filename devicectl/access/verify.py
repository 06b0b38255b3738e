"""Everything that can be said about whether a record was tampered with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from devicectl.records import audit, chain_check, guards
from devicectl.records import tables as t
from devicectl.records.audit import Anchor
from devicectl.records.chain_check import ChainReport, Damage
from devicectl.records.location import Location
from devicectl.records.reader import Reader

from . import opening, signing
from .keyring import Keyring


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was verified, and every damage that was found, the worst first: chain, rows, signatures, guards."""

    entries: int
    rows: int
    signatures: int
    head: Anchor
    damages: tuple[Damage, ...]

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return not self.damages


def verify_record(location: Location, kept: Sequence[Anchor] = (), *, quick: bool = False) -> Verdict:
    """Verify a database with the keys beside it, also while a station writes.

    Raises:
        KeysMissing, KeysDamaged, KeysUnreadable, WrongKeys: without its keys nothing can be said about it.
        RecordError: the database cannot be read, or has no station yet.
    """
    with Reader(location) as reader:
        keys = None
        if reader.run(opening.keys_used):
            keys = opening.read_keys(location)
            held = keys
            reader.run(lambda connection: opening.check_belonging(connection, held))
        return reader.run(lambda connection: verify(connection, keys, kept, quick=quick))


def verify(
    connection: sa.Connection, keys: Keyring | None, kept: Sequence[Anchor] = (), *, quick: bool = False
) -> Verdict:
    """Verify the record in one read transaction; ``kept`` are anchors from outside.

    ``keys`` may be None for a record that used none yet: what is in it all the same was put in past the program.

    ``quick`` leaves out what signatures cover (they hold a few ms each); the chain and the rows take about 2 s for
    100,000 entries.
    """
    at = audit.anchor(connection)
    found = [_foreign(one) for one in kept if one.station != at.station]
    own = [one for one in kept if one.station == at.station]
    entries = rows = signatures = 0
    with _reading(found, "the audit chain"):
        chain = _chain(connection, keys, own)
        entries = chain.entries
        if chain.damage is not None:
            found.append(chain.damage)
    with _reading(found, "the rows"):
        rows, damages = chain_check.check_rows(connection)
        found += damages
    if not quick:
        with _reading(found, "the signatures"):
            for one in (
                connection.execute(sa.select(t.signatures.c.id).order_by(t.signatures.c.audit_seq)).scalars().all()
            ):
                signatures += 1
                found += signing.verify(connection, one)
    absent = guards.missing(connection)
    if absent:
        text = f"Guards of the record are missing or altered: {', '.join(absent)[:200]}."
        found.append(Damage("guards", None, "", "", text))
    return Verdict(entries, rows, signatures, at, tuple(found))


def _chain(connection: sa.Connection, keys: Keyring | None, kept: Sequence[Anchor]) -> ChainReport:
    return chain_check.check_chain(
        b"" if keys is None else keys.chain,
        chain_check.read_chain(connection),
        anchors=chain_check.anchors_of(connection, kept),
        operators=chain_check.names_of(connection),
    )


@contextmanager
def _reading(found: list[Damage], what: str) -> Iterator[None]:
    """Whoever edits the file may leave values that no program ever wrote: a damage, not a crash."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        text = f"A value in {what} is of a kind that no program wrote ({type(error).__name__}): it was edited."
        found.append(Damage("unreadable", None, "", "", text))


def _foreign(one: Anchor) -> Damage:
    text = f"The anchor at entry {one.seq} is of another station's record: compare it with the database it came from."
    return Damage("foreign-anchor", one.seq, "audit", "", text)
