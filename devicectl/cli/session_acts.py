"""What the commands of ``sessions`` do besides entering forms: show, chart, sign, open and close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
import sqlalchemy as sa

from devicectl.records import tables as t
from devicectl.records.entered import (
    amended_values,
    entered_rows,
    open_treatment,
    operator_names,
    sealed_texts,
    signatures_of,
)
from devicectl.records.reader import Reader, find_session, show_session
from devicectl.station.client_api import StationError

from .exits import Exit
from .failures import Failure
from .operator import SignIn
from .output import badge, marks, print_json, print_table
from .pens import Seat, seat
from .session_text import pass_rows, session_row, show_detail

if TYPE_CHECKING:
    from devicectl.records.clinic import Row

SHOW_SEALED: Final = "Texts about the client are sealed; --texts opens them for a practitioner or an administrator."


def show(session: str, as_json: bool, texts: bool, who: SignIn | None) -> None:
    """Everything of a session; ``texts``: those about the client too, for who may read them."""
    reads = _somebody(who, "texts about a client are opened for an operator") if texts else None
    with Reader() as reader:
        key = reader.run(lambda connection: find_session(connection, session))
        detail = reader.run(lambda connection: show_session(connection, key))
        rows = reader.run(lambda connection: entered_rows(connection, key))
        signatures = reader.run(lambda connection: signatures_of(connection, key))
        amendments = reader.run(lambda connection: amended_values(connection, key))
        sealed = bool(reader.run(lambda connection: sealed_texts(connection, key)))
    if sealed and reads is not None:
        _open_texts(asyncio.run(_texts(str(key), reads)), rows, amendments)
    if as_json:
        print_json(
            {
                **marks(detail.session.origin),
                "session": session_row(detail.session),
                "passes": pass_rows(detail.passes),
                "commands": detail.commands,
                "alarms": detail.alarms,
                "events": detail.events,
                "stops": detail.stops,
                "entered": rows,
                "texts": "none" if not sealed else "sealed" if reads is None else "opened",
                "signatures": signatures,
                "amendments": amendments,
            }
        )
        return
    show_detail(detail)
    if rows or signatures or amendments:
        from .entered_text import show_entered

        passes = {one.id: one.seq for one in detail.passes}
        show_entered(rows, signatures, amendments, passes)
    if sealed and reads is None:
        click.echo()
        click.echo(SHOW_SEALED)


async def _texts(session: str, who: SignIn) -> list[Mapping[str, Any]]:
    async with seat("sessions show") as place:
        await place.sign_in(who)
        found: list[Mapping[str, Any]] = (await place.ask("session.texts", session=session))["texts"]
        return found


def _open_texts(texts: list[Mapping[str, Any]], rows: Mapping[str, Sequence[Row]], amendments: Sequence[Row]) -> None:
    """Put the texts where they are shown as sealed."""
    places = {(table, str(row["id"])): row for table, found in rows.items() for row in found}
    places |= {("amendments", str(row["id"])): row for row in amendments}
    for one in texts:
        row = places.get((one["table"], one["row"]))
        if row is not None:
            row[one["field"]] = one["text"] if one["state"] == "open" else _NOT_OPEN[one["state"]]


_NOT_OPEN: Final = {
    "erased": "erased",
    "broken": "cannot be opened: it was changed after it was sealed, see 'devicectl audit verify'",
}


# -- the chart


def chart(session: str | None, as_json: bool) -> None:
    """Steps and zones of a treatment, as of now or, once it is closed, as of its end."""
    from datetime import UTC, datetime

    from devicectl.station.charting import chart_view
    from devicectl.treatment.chart import load_chart

    zone = datetime.now(tz=UTC).astimezone().tzinfo
    assert zone is not None
    with Reader() as reader:
        key = reader.run(open_treatment if session is None else lambda one: find_session(one, session))
        found = reader.run(lambda connection: load_chart(connection, key, zone))
        name, role, origin = reader.run(lambda connection: _operator_of(connection, key))
    if found is None:
        raise Failure("that session is no treatment; it has no chart.", "no-chart")
    now = int(datetime.now(tz=UTC).timestamp() * 1e6)
    view = chart_view(found, found.recorded(now, operator=name, role=role), None)
    if as_json:
        print_json({**marks(origin), "operator": name, "chart": view})
        return
    click.echo(f"session {view.session}{badge(origin)}, client {view.client}")
    click.echo(f"course: {view.course or 'none'}")
    signed = f"signed: {', '.join(view.signatures)}" if view.signatures else "not signed"
    click.echo(f"{'closed' if view.closed else 'open'}, {signed}")
    click.echo()
    print_table(("step", "", ""), [(one.title, one.state, one.text) for one in view.steps])
    if view.zones:
        click.echo()
        print_table(("zone", "", "plan against done"), [(one.code, one.state, one.text) for one in view.zones])
    for timer in view.timers:
        click.echo(f"{timer.name}: {timer.text}")


def _operator_of(connection: sa.Connection, session: Any) -> tuple[str | None, str | None, str]:
    """Name and role of who opened a session, and its origin."""
    row = connection.execute(
        sa.select(t.sessions.c.operator_id, t.sessions.c.origin).where(t.sessions.c.id == session)
    ).one()
    states = sa.select(t.operator_states.c.role).where(t.operator_states.c.operator_id == row.operator_id)
    role = connection.execute(states.order_by(t.operator_states.c.seq.desc()).limit(1)).scalar()
    return operator_names(connection).get(row.operator_id), role, str(row.origin)


# -- acts


def _somebody(who: SignIn | None, what: str = "a treatment needs an operator") -> SignIn:
    if who is None:
        raise Failure(f"{what}; name one with --operator.", "no-operator")
    return who


def sign(session: str, meaning: str, reason: str | None, who: SignIn | None, as_json: bool) -> int:
    """Sign a session; what is missing is told line by line."""
    signer = _somebody(who)

    async def run() -> Any:
        async with seat("sessions sign") as place:
            await place.sign_in(signer)
            why = {} if reason is None else {"reason": reason}
            return await place.ask("session.sign", session=session, meaning=meaning, pin=signer.pin, **why)

    try:
        answer = asyncio.run(run())
    except StationError as error:
        if error.code != "incomplete":
            raise
        return _incomplete(error, as_json)
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "text"})
    else:
        click.echo(answer["text"])
        click.echo(f"Anchor, to be kept elsewhere: {answer['anchor']}")
    return int(Exit.DONE)


def _incomplete(error: StationError, as_json: bool) -> int:
    for title, sentence in error.fields.items():
        click.echo(f"devicectl: not signed: {title}: {sentence}", err=True)
    click.echo("devicectl: complete it, or sign with --reason TEXT.", err=True)
    if as_json:
        found = {"code": error.code, "message": str(error), "fields": dict(error.fields)}
        click.echo(json.dumps({"error": found}, ensure_ascii=False))
    return int(Exit.FAILED)


def open_(address: str, code: str | None, resume: str | None, course: bool, who: SignIn | None, as_json: bool) -> None:
    """Open a treatment, and leave it open."""
    signer = _somebody(who)
    if (code is None) == (resume is None):
        raise click.UsageError("Say whom the treatment is for with --client, or what goes on with --resume.")
    asked = {"client": code} if code is not None else {"resumes": resume}

    async def run() -> Any:
        async with seat("sessions open") as place:
            await place.sign_in(signer)
            await _take(place, address)
            answer = await place.ask("session.open", purpose="treatment", course=course, **asked)
            # Control is given back, the pen stays: to close it would end the session.
            place.opened = False
            return answer

    session = asyncio.run(run())["session"]
    with Reader() as reader:
        origin = reader.session(session).session.origin
    if as_json:
        print_json({**marks(origin), "session": session})
    else:
        click.echo(f"session {session}{badge(origin)} is open.")


def close(address: str, who: SignIn | None, as_json: bool) -> None:
    """Close the session that is open with a pen."""

    async def run() -> str | None:
        async with seat("sessions close") as place:
            await place.sign_in(who)
            await _take(place, address)
            view = place.view
            if view is None or view.session is None:
                return None
            await place.ask("session.close")
            # Nobody else is at it: the pen goes with its session.
            place.opened = True
            return str(view.session.id)

    session = asyncio.run(run())
    if session is None:
        raise Failure("no session is open with this pen.", "no-session")
    if as_json:
        print_json({"session": session, "closed": True})
    else:
        click.echo(f"session {session} is closed.")


async def _take(place: Seat, address: str) -> None:
    from drivers.address import parse_address

    parse_address(address)
    await place.open(address, take=False)
    await place.fresh()
