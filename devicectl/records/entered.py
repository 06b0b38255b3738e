"""What people entered for a session, its signatures and corrections; and rows by the digits of their ids. Read-only.

Rows are plain mappings as in `devicectl.records.clinic`: what is sealed is `SEALED`, and :func:`sealed_texts` has
the ciphertexts for whoever may open them: the station.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .amendments import amendments_of
from .clinic import Row, unsealed
from .errors import RecordError
from .sealed import SEALED, SUFFIX, sealed_columns
from .signed import covered, entered_tables, is_sealed

ID_DIGITS: Final = 4
CANDIDATES: Final = 8
"""So many are named where several rows match."""
_APART: Final = frozenset({"amendments", "signatures", "signature_sessions", "session_plan"})
_ORDER: Final = (
    "consents", "checklist_answers", "anaesthetics", "anaesthetic_removals", "cartridge_uses", "cartridge_discards",
    "skin_preparations", "pen_checks", "zone_results", "notes", "topicals", "adverse_events", "adverse_event_states",
    "photos", "assessments", "follow_ups", "follow_up_states", "pass_changes", "pass_parts",
)  # fmt: skip
"""In the order of a session."""


def entered_rows(connection: sa.Connection, session: UUID) -> dict[str, list[Row]]:
    """Rows that were entered for a session and those it resumes, by table, oldest first; tables without rows are left out.

    Each row has the name of its ``operator``.
    """
    names = operator_names(connection)
    return {
        table.name: [_named(table.name, row, names) for row in rows] for table, rows in _entered(connection, session)
    }


def _entered(connection: sa.Connection, session: UUID) -> Iterator[tuple[sa.Table, list[Row]]]:
    sessions = covered(connection, session)
    mine = {table.name: table.c.session_id.in_(sessions) for table in entered_tables()}
    for name in sorted(set(t.metadata.tables) - _APART, key=_place):
        table = t.metadata.tables[name]
        where = mine.get(name) if name in mine else _of_parent(table, mine)
        if where is None:
            continue
        rows = connection.execute(sa.select(table).where(where).order_by(table.c.at_utc_us, table.c.id)).mappings()
        if found := [dict(row) for row in rows]:
            yield table, found


class SealedText(NamedTuple):
    """A ciphertext, the place it was sealed for, and the row and field where readers show it."""

    sealed: bytes
    table: str
    column: str
    row: UUID
    shown_in: str
    shown_at: UUID
    field: str


def sealed_texts(connection: sa.Connection, session: UUID) -> list[SealedText]:
    """Everything that is sealed in what was entered for a session and those it resumes, amendments last."""
    found = []
    for table, rows in _entered(connection, session):
        for column in sealed_columns().get(table.name, ()):
            field = column.removesuffix(SUFFIX)
            found += [
                SealedText(bytes(row[column]), table.name, column, row["id"], table.name, row["id"], field)
                for row in rows
                if row[column] is not None
            ]
    for one in amendments_of(connection, covered(connection, session)):
        here = ("amendments", one.id)
        found.append(SealedText(one.reason_sealed, "amendments", "reason_sealed", one.id, *here, "reason"))
        if is_sealed(t.metadata.tables[one.table], one.field):
            for field, value in (("old", one.old), ("new", one.new)):
                if isinstance(value, bytes):
                    found.append(SealedText(value, one.table, one.field, one.row, *here, field))
    return found


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _of_parent(table: sa.Table, mine: Mapping[str, sa.ColumnElement[bool]]) -> sa.ColumnElement[bool] | None:
    """Rows that complete one of the session, for a table of what was entered; None for every other table."""
    if "operator_id" not in table.c or "session_id" in table.c:
        return None
    for key in table.foreign_keys:
        parent = key.column.table
        if parent.name in mine and parent.name not in _APART:
            return key.parent.in_(sa.select(parent.c.id).where(mine[parent.name]))
    return None


def _named(table: str, row: Row, names: dict[UUID, str]) -> Row:
    shown = unsealed(table, row)
    shown["operator"] = names.get(shown.pop("operator_id"))
    return shown


def operator_names(connection: sa.Connection) -> dict[UUID, str]:
    """The newest name of every operator."""
    states = sa.select(t.operator_states.c.operator_id, t.operator_states.c.name).order_by(t.operator_states.c.seq)
    return {row.operator_id: row.name for row in connection.execute(states)}


def signatures_of(connection: sa.Connection, session: UUID) -> list[Row]:
    """Signatures that cover a session, oldest first: ``meaning``, ``name`` as printed, ``at_utc_us``, ``audit_seq``."""
    query = (
        sa.select(
            t.signatures.c.id, t.signatures.c.meaning, t.signatures.c.name, t.signatures.c.at_utc_us,
            t.signatures.c.audit_seq,
        )
        .join(t.signature_sessions, t.signature_sessions.c.signature_id == t.signatures.c.id)
        .where(t.signature_sessions.c.session_id == session)
        .order_by(t.signatures.c.at_utc_us, t.signatures.c.id)
    )  # fmt: skip
    return [dict(row) for row in connection.execute(query).mappings()]


def amended_values(connection: sa.Connection, session: UUID) -> list[Row]:
    """Amendments of a session and those it resumes in the order of entry: ``table``, ``row``, ``field``, ``old``, ``new``."""
    names = operator_names(connection)
    found = []
    for one in amendments_of(connection, covered(connection, session)):
        hidden = is_sealed(t.metadata.tables[one.table], one.field)
        found.append(
            {
                "id": one.id,
                "at_utc_us": one.at_utc_us,
                "operator": names.get(one.by) if one.by is not None else None,
                "table": one.table,
                "row": one.row,
                "field": one.field.removesuffix("_sealed"),
                "old": SEALED if hidden and one.old is not None else one.old,
                "new": SEALED if hidden and one.new is not None else one.new,
                "reason": SEALED,
            }
        )
    return found


def find_row(connection: sa.Connection, table: str, text: str, what: str = "row") -> UUID:
    """The key of the one row of ``table`` whose id begins or ends with ``text``, 4 hex digits at least.

    Raises:
        RecordError: none or several match, which it names; code ``no-such-row``.
    """
    found = t.metadata.tables.get(table)
    if found is None or "id" not in found.c:
        raise _none(f"The record has no table {table[:40]!r}; 'devicectl sessions show' has the names.")
    wanted = _digits(text)
    key = sa.func.lower(sa.func.hex(found.c.id))
    query = sa.select(found.c.id).where(key.like(f"{wanted}%") | key.like(f"%{wanted}")).order_by(found.c.id)
    keys = list(connection.execute(query.limit(CANDIDATES + 1)).scalars())
    return _only(keys, text, what, lambda one: one.hex[-8:])


def find_entered(connection: sa.Connection, session: UUID, table: str, text: str) -> UUID:
    """The key of a row of a session by what ``sessions show`` prints: its number in its table, or digits of its id.

    Passes have the number of the pass. Raises :class:`RecordError` as :func:`find_row`.
    """
    if table == "passes":
        rows = connection.execute(
            sa.select(t.passes.c.id, t.passes.c.seq).where(t.passes.c.session_id == session).order_by(t.passes.c.seq)
        )
        numbers = {row.id: int(row.seq) for row in rows}
    else:
        numbers = {row["id"]: at for at, row in enumerate(entered_rows(connection, session).get(table, ()), 1)}
    if text.isascii() and text.isdigit() and len(text) < ID_DIGITS:
        keys = [key for key, number in numbers.items() if number == int(text)]
    else:
        wanted = _digits(text)
        keys = [key for key in numbers if key.hex.startswith(wanted) or key.hex.endswith(wanted)]
    return _only(keys, text, f"row of {table} in this session", lambda one: f"{table} {numbers[one]} ({one.hex[-8:]})")


def _digits(text: str) -> str:
    wanted = text.replace("-", "").lower()
    if len(wanted) < ID_DIGITS or set(wanted) - set("0123456789abcdef"):
        raise _none(f"{text[:40]!r} is no id: give at least {ID_DIGITS} of its hex digits.")
    return wanted


def _only(keys: Sequence[UUID], text: str, what: str, named: Callable[[UUID], str]) -> UUID:
    """The only key there is; else a sentence that names those there are."""
    if not keys:
        raise _none(f"There is no {what} {text!r}; 'devicectl sessions show' has the numbers and ids.")
    if len(keys) > 1:
        more = " and more" if len(keys) > CANDIDATES else ""
        raise _none(f"Several match {text!r}: {', '.join(map(named, keys[:CANDIDATES]))}{more}; name the one you mean.")
    return keys[0]


def find_pass(connection: sa.Connection, session: UUID, number: int) -> UUID:
    """The key of the pass with this number in a session. Raises :class:`RecordError`, code ``no-such-row``."""
    query = sa.select(t.passes.c.id).where(t.passes.c.session_id == session, t.passes.c.seq == number)
    found: UUID | None = connection.execute(query).scalar()
    if found is None:
        raise _none(f"That session has no pass {number}; 'devicectl sessions show' has its passes.")
    return found


def open_treatment(connection: sa.Connection) -> UUID:
    """The key of the only treatment that is open. Raises :class:`RecordError` when there is none or more than one."""
    query = sa.select(t.sessions.c.id).where(t.sessions.c.purpose == "treatment", t.sessions.c.ended_utc_us.is_(None))
    found = list(connection.execute(query.limit(2)).scalars())
    if len(found) != 1:
        error = RecordError(
            "Several treatments are open; name one with --session ID."
            if found
            else "No treatment is open; name the session with --session ID, or --session last."
        )
        error.code = "no-session"
        raise error
    result: UUID = found[0]
    return result


def _none(text: str) -> RecordError:
    error = RecordError(text)
    error.code = "no-such-row"
    return error
