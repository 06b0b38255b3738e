"""Operators and what they did at the door, in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entries import Chain, Entry
from devicectl.records.errors import RecordError
from devicectl.records.writer import Job

from .lockout import Moment
from .operators import AccessEvent
from .roles import Role
from .roster import Operator

STORE_S: Final = 2.0
"""How long a step at the door waits for its row; then it is refused."""
_UNPROVEN: Final = ("wrong-pin", "locked-out", "unknown-name")
"""Somebody used a name; who it was nobody knows."""
_CLEARING: Final = ("sign-in", "unlocked")


class RecordLedger:
    """A :class:`devicectl.access.operators.Ledger` over the record's writer. Every row has an entry in the audit chain."""

    def __init__(
        self, submit: Callable[[Job[Any]], asyncio.Future[Any]], chain: Chain, key: Callable[[], UUID]
    ) -> None:
        self._submit, self._chain, self._key = submit, chain, key

    async def logged(self, event: AccessEvent) -> None:
        """Keep an event. Raises :class:`RecordError`."""
        values = {
            "id": event.id,
            "at_boot_us": event.at.boot_us,
            "operator_id": event.operator,
            "name": event.name,
            "client_name": event.client_name,
            "code": event.code,
            "text": event.text,
        }
        by = None if event.code in _UNPROVEN else event.operator
        await self._store(Entry(t.access_events, values, by, event.at.utc_us, event.code))

    async def stated(self, state: Operator, at_utc_us: int, by: UUID | None, reason: str) -> None:
        """Keep a new state of an operator, and the operator with the first. Raises :class:`RecordError`."""
        values = {
            "id": self._key(),
            "operator_id": state.id,
            "seq": state.seq,
            "name": state.name,
            "role": state.role.value,
            "pin_salt": state.salt,
            "pin_hash": state.kept,
            "active": int(state.active),
            "by_operator_id": by,
            "reason": reason,
        }
        entries = [Entry(t.operator_states, values, by, at_utc_us)]
        if state.seq == 1:
            entries.insert(0, Entry(t.operators, {"id": state.id, "created_utc_us": at_utc_us}, by, at_utc_us))
        await self._store(*entries)

    async def _store(self, *entries: Entry) -> None:
        try:
            await asyncio.wait_for(self._submit(self._chain.entered(*entries)), STORE_S)
        except TimeoutError:
            raise RecordError("The record does not answer; check the disk.") from None


def operators_of(connection: sa.Connection) -> list[Operator]:
    """The newest state of every operator."""
    newest = sa.select(t.operator_states.c.operator_id, sa.func.max(t.operator_states.c.seq).label("seq"))
    last = newest.group_by(t.operator_states.c.operator_id).subquery()
    states = sa.select(t.operator_states).join(
        last,
        sa.and_(t.operator_states.c.operator_id == last.c.operator_id, t.operator_states.c.seq == last.c.seq),
    )
    return [
        Operator(
            row.operator_id,
            row.seq,
            row.name,
            Role(row.role),
            bool(row.active),
            bytes(row.pin_salt),
            bytes(row.pin_hash),
        )
        for row in connection.execute(states)
    ]


def wrong_pins(connection: sa.Connection) -> list[AccessEvent]:
    """Every wrong PIN since the operator's last right one (or whatever else cleared it), oldest first."""
    events, audit = t.access_events, t.audit
    # The chain's numbers are the order of writing; times are not, in which a clock may have been set.
    numbered = sa.and_(audit.c.table_name == events.name, audit.c.row_id == events.c.id)
    cleared = (
        sa.select(events.c.operator_id, sa.func.max(audit.c.seq).label("seq"))
        .join(audit, numbered)
        .where(events.c.code.in_(_CLEARING))
        .group_by(events.c.operator_id)
        .subquery()
    )
    query = (
        sa.select(events)
        .join(audit, numbered)
        .outerjoin(cleared, cleared.c.operator_id == events.c.operator_id)
        .where(events.c.code == "wrong-pin", sa.or_(cleared.c.seq.is_(None), audit.c.seq > cleared.c.seq))
        .order_by(audit.c.seq)
    )
    return [
        AccessEvent(
            row.id,
            Moment(row.at_utc_us, row.at_boot_us),
            row.operator_id,
            row.name,
            row.client_name,
            row.code,
            row.text,
        )
        for row in connection.execute(query)
    ]
