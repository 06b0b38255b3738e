"""Forms: what somebody entered about a client, a session or a pen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from devicectl.calibration.watch import watched
from devicectl.records.calibrations import checks_of
from devicectl.station import params as p
from devicectl.station.charting import chart_view
from devicectl.station.client_api import StationError
from devicectl.treatment.chart import load_chart
from devicectl.treatment.forms import FORMS, FieldErrors, Form, parse
from devicectl.treatment.forms.during import Photo as PhotoEntry
from devicectl.treatment.intake import MAKERS, Filled, Stored, may_keep_photo
from devicectl.treatment.opening import chain_of, passes_of
from devicectl.treatment.photo_consent import photo_known
from devicectl.treatment.photo_process import take_in
from devicectl.treatment.photos import PhotoRefused, discard
from devicectl.treatment.plan import DonePass
from devicectl.treatment.vocabulary import DIRECTIONS

from .common import Methods, found_session, submitted

if TYPE_CHECKING:
    from devicectl.station.connection import Connection


def _refused(fields: Mapping[str, str]) -> StationError:
    return StationError(next(iter(fields.values())), "invalid-form", fields)


def form_named(name: str) -> Form[Any]:
    """A form that can be submitted. Raises :class:`StationError`."""
    form = FORMS.get(name)
    if form is None or name not in MAKERS:
        raise StationError(f"There is no form '{name[:40]}'; there are {', '.join(sorted(MAKERS))}.", "unknown-form")
    return form


async def _submit(c: Connection, q: p.SubmitForm) -> Any:
    form = form_named(q.form)
    treatments, source = c.station.record.treatments, c.station.source
    now = source.utc_us()
    record = parse(form, q.values, treatments.now(now))
    if isinstance(record, FieldErrors):
        raise _refused(record)
    operator = c.presence.operator
    charting = c.desk.recording.charting if c.desk is not None else None
    session: UUID | None = None
    if q.session is not None:
        session = await found_session(c, q.session)
    elif charting is not None and charting.chart is not None and q.client in (None, charting.chart.code):
        session = charting.chart.id
    if form.subject == "pen":
        # A check is of the pen that one controls, whoever is treated with it.
        c.need_control()
        session = None
    if form.subject == "session" and session is None:
        raise StationError("No treatment is open; open one, or name the session.", "no-session")
    if form.name in OF_THE_CARTRIDGE:
        _need_no_run(c, session)
    filled = Filled(
        form,
        record,
        operator.id if operator is not None else None,
        now,
        client=q.client,
        session=session,
        pen=c.desk.recording.binding.pen_id if c.desk is not None else None,
        about=_key(q.about),
        cartridge=_plugged_in(c, session) if form.name == "cartridge" else None,
    )
    if form.subject == "pen" and filled.pen is None:
        raise StationError("No pen is open; choose one first.", "no-pen")
    # What is stored is known to the gates, though the one who asked may be gone meanwhile.
    work = _enter_photo(c, form, filled, record) if isinstance(record, PhotoEntry) else _enter(c, form, filled)
    stored = await asyncio.shield(c.station.in_background(work))
    text = form.recorded
    if form.subject == "pen" and c.desk is not None and (unit := c.desk.recording.unit) is not None:
        charts = watched(await submitted(c, partial(checks_of, unit=unit)))
        newest = [one for one in charts if one.checks[-1].at_utc_us == now]
        text = " ".join((text, *(one.sentence for one in newest)))
    return {"id": str(stored.id), "text": text, "audit": stored.audit_seq}


async def _enter(c: Connection, form: Form[Any], filled: Filled) -> Stored:
    stored: Stored = await submitted(c, c.station.record.treatments.intake.entered(filled))
    session = filled.session
    if form.name == "pass_change":
        session = stored.rows[0][1]["session_id"]
    for desk in c.station.desks:
        charting = desk.recording.charting
        chart = charting.chart
        if chart is None:
            continue
        if form.subject == "pen":
            mine = desk.recording.binding.pen_id == filled.pen
        else:
            mine = chart.covers(session)
        if not mine:
            continue
        charting.take(stored)
        if form.name == "pass_change":
            chart.passes_changed(await submitted(c, partial(_passes, session=chart.id)))
        desk.say(f"{form.called[0].lower()}{form.called[1:]} recorded")
    return stored


def _passes(connection: sa.Connection, session: UUID) -> tuple[DonePass, ...]:
    return passes_of(connection, chain_of(connection, session))


OF_THE_CARTRIDGE: Final = frozenset({"cartridge", "cartridge_discarded"})


def _need_no_run(c: Connection, session: UUID | None) -> None:
    """Raises while a run goes on in the session: what it is done with does not change under it."""
    for desk in c.station.desks:
        chart = desk.recording.charting.chart
        if chart is not None and chart.covers(session) and desk.turns:
            raise StationError("A run is going on; END it first.", "running")


def _plugged_in(c: Connection, session: UUID | None) -> UUID | None:
    """The cartridge that the pen reads, on which that session is open."""
    for desk in c.station.desks:
        chart = desk.recording.charting.chart
        if chart is not None and chart.covers(session):
            return desk.recording.binding.cartridge_id
    return None


def _key(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise StationError(f"'{text[:40]}' is no id of the record.", "no-such-row") from None


async def _enter_photo(c: Connection, form: Form[Any], filled: Filled, record: PhotoEntry) -> Stored:
    """The copy is there before the row that names it; when the row is refused, it is taken away again."""
    treatments = c.station.record.treatments
    folder = treatments.photos
    if folder is None:
        raise StationError("A record in memory keeps no photographs.", "no-photos")
    async with treatments.one_photo:
        if any(desk.may_turn for desk in c.station.desks):
            # Reading is another process's work; whoever needles should not wait for the same processor.
            raise StationError("A pen may turn; register photographs when it stands still.", "not-still")
        await submitted(c, partial(may_keep_photo, filled=filled))
        try:
            kept = await asyncio.to_thread(take_in, Path(record.file), folder)
        except PhotoRefused as error:
            raise _refused({"file": str(error)}) from error
        try:
            return await _enter(c, form, replace(filled, photo=kept))
        except StationError:
            if not await submitted(c, partial(photo_known, copy_sha256=kept.copy_sha256)):
                with contextlib.suppress(PhotoRefused):
                    await asyncio.to_thread(discard, folder, (kept.copy_sha256,))
            raise


async def _direction(c: Connection, q: p.SelectDirection) -> Any:
    desk = c.need_control()
    if desk.recording.charting.chart is None:
        raise StationError("No treatment is open; directions belong to one.", "no-session")
    desk.recording.choose_direction(q.direction)
    desk.say(f"direction {DIRECTIONS[q.direction].casefold()}" if q.direction is not None else "no direction")
    return {}


async def _chart(c: Connection, q: p.ShowChart) -> Any:
    session = await found_session(c, q.session)
    treatments, operator = c.station.record.treatments, c.presence.operator
    zone = treatments.zone()
    chart = await submitted(c, lambda connection: load_chart(connection, session, zone))
    if chart is None:
        raise StationError("That session is no treatment; it has no chart.", "no-chart")
    recorded = chart.recorded(
        c.station.source.utc_us(),
        operator=operator.name if operator is not None else None,
        role=operator.role.value if operator is not None else None,
    )
    return chart_view(chart, recorded, None)


METHODS: Final[Methods] = {
    "form.submit": (p.SubmitForm, _submit),
    "direction.select": (p.SelectDirection, _direction),
    "session.chart": (p.ShowChart, _chart),
}
