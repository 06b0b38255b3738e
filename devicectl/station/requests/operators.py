"""Operators: signing in and out, locking, adding and changing them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from devicectl.access.roles import Role
from devicectl.access.roster import Operator
from devicectl.station import params as p
from devicectl.station.client_api import StationError

from .common import Methods

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


def _answer(operator: Operator, text: str) -> dict[str, Any]:
    return {"id": str(operator.id), "name": operator.name, "role": operator.role.value, "text": text}


async def _list(c: Connection, q: p.ListOperators) -> Any:
    operators = c.station.operators
    return [
        {
            "id": str(one.id),
            "name": one.name,
            "role": one.role.value,
            "active": one.active,
            "locked_out_s": round(operators.left_s(one.id), 1),
        }
        for one in operators.roster.all
        if one.active or q.retired
    ]


async def _sign_in(c: Connection, q: p.SignIn) -> Any:
    operator = await c.presence.sign_in(q.name, q.pin.get_secret_value())
    return _answer(operator, f"{operator.name} is signed in as {operator.role}.")


async def _sign_out(c: Connection, _: p.Empty) -> Any:
    c.presence.need_no_run()
    await c.presence.sign_out()
    return {}


async def _lock(c: Connection, _: p.Empty) -> Any:
    c.presence.need_no_run()
    if c.presence.operator is None:
        raise StationError("Nobody is signed in here; there is nothing to lock.", "no-operator")
    await c.presence.lock("by the operator")
    return {}


async def _add(c: Connection, q: p.AddOperator) -> Any:
    operators = c.station.operators
    first = operators.roster.empty
    by = None if first else c.presence.sitting.operator
    new = await _to_its_end(c, operators.add(by, q.name, Role(q.role), q.pin.get_secret_value()))
    asked = "" if new.role.value == q.role else " The first operator is administrator."
    return _answer(new, f"{new.name} was added as {new.role}.{asked}")


async def _to_its_end(c: Connection, work: Coroutine[Any, Any, Operator]) -> Operator:
    """Roster and record stay the same, though the one who asked may be gone meanwhile."""
    return await asyncio.shield(c.station.in_background(work))


async def _changed(c: Connection, work: Awaitable[Operator]) -> Operator:
    new = await work
    await c.station.operator_changed(new)
    return new


async def _change(c: Connection, q: p.ChangeOperator) -> Any:
    operators, me = c.station.operators, c.presence.operator
    if me is None:
        raise StationError("Nobody is signed in here; sign in first.", "no-operator")
    if q.active is False or q.role is not None:
        _need_no_run_of(c, q.name)
    if q.own_pin is not None:
        await operators.confirm(me.id, q.own_pin.get_secret_value(), c.name)
    if q.unlock:
        done = await operators.unlock(me.id, q.name, c.name)
        if not q.changes and q.pin is None:
            return _answer(done, f"{done.name} may try again.")
    pin = q.pin.get_secret_value() if q.pin is not None else None
    new = await _to_its_end(c, _changed(c, operators.change(me.id, q.name, c.name, q.reason, pin, **q.changes)))
    state = "" if new.active else ", retired"
    return _answer(new, f"{new.name} is {new.role}{state}{', with a new PIN' if q.pin is not None else ''}.")


def _need_no_run_of(c: Connection, name: str) -> None:
    """Raises while the operator of this name holds a run: whose run it is does not change under it."""
    operator = c.station.operators.roster.named(name)
    for desk in c.station.desks:
        holder = desk.holder.operator() if desk.holder is not None else None
        if operator is not None and holder is not None and holder.id == operator.id and desk.turns:
            raise StationError(f"{operator.name} holds a run; END it first.", "running")


METHODS: Final[Methods] = {
    "operator.list": (p.ListOperators, _list),
    "operator.sign_in": (p.SignIn, _sign_in),
    "operator.sign_out": (p.Empty, _sign_out),
    "operator.lock": (p.Empty, _lock),
    "operator.add": (p.AddOperator, _add),
    "operator.change": (p.ChangeOperator, _change),
}
