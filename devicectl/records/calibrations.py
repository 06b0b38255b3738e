"""Read-only queries of calibrations: whole ones, the newest that holds, what a pen did since, its daily checks.

A *unit* is a pen whatever firmware runs on it. Rows are plain mappings of columns.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from . import tables as t
from .clinic import Row
from .entered import operator_names
from .errors import RecordError


class Unit(NamedTuple):
    """One pen; a simulated one is never a real one, whatever its serial."""

    manufacturer: str
    model: str
    serial: str
    origin: str


@dataclass(frozen=True, slots=True)
class CalibrationRows:
    """Everything the record holds of one calibration, each in order of entry. ``pen`` is the row of its pen; ``withdrawn`` are
    reasons by reading; ``results`` the newest result by correction; ``operator`` who began it."""

    calibration: Row
    pen: Row
    operator: str | None
    standards: tuple[Row, ...]
    readings: tuple[Row, ...]
    withdrawn: dict[UUID, str]
    evaluations: tuple[Row, ...]
    corrections: tuple[Row, ...]
    results: dict[UUID, Row]
    end: Row | None

    @property
    def unit(self) -> Unit:
        """The pen."""
        return Unit(self.pen["manufacturer"], self.pen["model"], self.pen["serial"], self.pen["origin"])


def _no_calibration(text: str) -> RecordError:
    error = RecordError(text)
    error.code = "no-calibration"
    return error


def find_calibration(connection: sa.Connection, text: str, *, open_only: bool = False) -> UUID:
    """The key of the one calibration whose id begins or ends with ``text`` (4 hex digits at least), or the ``last`` one
    (with ``open_only``: that has not ended).

    Raises:
        RecordError: none or several match; code ``no-calibration``.
    """
    c = t.calibrations.c
    if text == "last":
        query = sa.select(c.id).order_by(c.at_utc_us.desc(), c.id.desc()).limit(1)
        if open_only:
            query = query.where(~_ended())
        found = list(connection.execute(query).scalars())
    else:
        wanted = text.replace("-", "").lower()
        if len(wanted) < 4 or set(wanted) - set("0123456789abcdef"):
            raise _no_calibration(
                f"{text[:40]!r} is no id of a calibration: give at least 4 of its hex digits, or 'last'."
            )
        key = sa.func.lower(sa.func.hex(c.id))
        found = list(
            connection.execute(
                sa.select(c.id).where(key.like(f"{wanted}%") | key.like(f"%{wanted}")).limit(2)
            ).scalars()
        )
    if len(found) != 1:
        raise _no_calibration(
            f"Several calibrations match {text!r}: give more digits of the id."
            if found
            else f"There is no {'open ' if open_only else ''}calibration {text!r}: 'devicectl calibrate show' lists those there are."
        )
    result: UUID = found[0]
    return result


def _ended() -> sa.ColumnElement[bool]:
    ended = sa.select(t.calibration_ends.c.id).where(t.calibration_ends.c.calibration_id == t.calibrations.c.id)
    return sa.exists(ended.correlate(t.calibrations))


def calibration_rows(connection: sa.Connection, key: UUID) -> CalibrationRows:
    """One calibration. Raises :class:`RecordError` when there is none."""
    row = connection.execute(sa.select(t.calibrations).where(t.calibrations.c.id == key)).mappings().first()
    if row is None:
        raise _no_calibration("There is no such calibration: 'devicectl calibrate show' lists those there are.")
    pen = connection.execute(sa.select(t.pens).where(t.pens.c.id == row["pen_id"])).mappings().one()
    readings = _of(connection, t.calibration_readings, key)
    corrections = _of(connection, t.calibration_corrections, key)
    withdrawals = connection.execute(
        sa.select(t.calibration_withdrawals.c.reading_id, t.calibration_withdrawals.c.reason)
        .join(t.calibration_readings, t.calibration_readings.c.id == t.calibration_withdrawals.c.reading_id)
        .where(t.calibration_readings.c.calibration_id == key)
    )
    results = connection.execute(
        sa.select(t.calibration_correction_results)
        .join(
            t.calibration_corrections,
            t.calibration_corrections.c.id == t.calibration_correction_results.c.correction_id,
        )
        .where(t.calibration_corrections.c.calibration_id == key)
        .order_by(t.calibration_correction_results.c.seq)
    ).mappings()
    end = (
        connection.execute(sa.select(t.calibration_ends).where(t.calibration_ends.c.calibration_id == key))
        .mappings()
        .first()
    )
    names = operator_names(connection)
    return CalibrationRows(
        dict(row),
        dict(pen),
        names.get(row["operator_id"]),
        _of(connection, t.calibration_standards, key),
        readings,
        {one.reading_id: one.reason for one in withdrawals},
        _of(connection, t.calibration_evaluations, key),
        corrections,
        {one["correction_id"]: dict(one) for one in results},
        None if end is None else dict(end),
    )


def _of(connection: sa.Connection, table: sa.Table, key: UUID) -> tuple[Row, ...]:
    query = sa.select(table).where(table.c.calibration_id == key).order_by(table.c.seq)
    return tuple(dict(row) for row in connection.execute(query).mappings())


def _is(unit: Unit) -> sa.ColumnElement[bool]:
    return sa.and_(*(t.pens.c[name] == value for name, value in unit._asdict().items()))


def list_calibrations(connection: sa.Connection, unit: Unit | None = None, limit: int = 50) -> list[Row]:
    """The newest calibrations, newest first, with their pen and, where they have ended, how."""
    ends = t.calibration_ends
    query = (
        sa.select(
            t.calibrations.c.id, t.calibrations.c.at_utc_us, t.calibrations.c.origin, t.calibrations.c.cartridge_type,
            t.calibrations.c.technician, t.pens.c.manufacturer, t.pens.c.model, t.pens.c.serial, t.pens.c.firmware,
            ends.c.how, ends.c.verdict_found, ends.c.verdict_left, ends.c.issued_date, ends.c.expires_date, ends.c.reason,
            ends.c.at_utc_us.label("ended_utc_us"), ends.c.months, ends.c.sessions, ends.c.motor_milli_hours,
        )
        .join(t.pens, t.pens.c.id == t.calibrations.c.pen_id)
        .outerjoin(ends, ends.c.calibration_id == t.calibrations.c.id)
        .order_by(t.calibrations.c.at_utc_us.desc(), t.calibrations.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if unit is not None:
        query = query.where(_is(unit))
    return [dict(row) for row in connection.execute(query).mappings()]


def finished_of(connection: sa.Connection, unit: Unit, cartridge_type: str) -> list[UUID]:
    """Keys of the finished calibrations of a pen with this type of cartridge, newest first."""
    ends = t.calibration_ends
    query = (
        sa.select(t.calibrations.c.id)
        .join(t.pens, t.pens.c.id == t.calibrations.c.pen_id)
        .join(ends, ends.c.calibration_id == t.calibrations.c.id)
        .where(_is(unit), t.calibrations.c.cartridge_type == cartridge_type, ends.c.how == "finished")
        .order_by(ends.c.at_utc_us.desc(), ends.c.id.desc())
    )
    return list(connection.execute(query).scalars())


def units(connection: sa.Connection) -> list[tuple[Unit, str]]:
    """Every pen that was calibrated, with each type of cartridge that it was calibrated with."""
    query = (
        sa.select(
            t.pens.c.manufacturer, t.pens.c.model, t.pens.c.serial, t.pens.c.origin, t.calibrations.c.cartridge_type
        )
        .join(t.calibrations, t.calibrations.c.pen_id == t.pens.c.id)
        .distinct()
        .order_by(t.pens.c.serial, t.calibrations.c.cartridge_type)
    )
    return [(Unit(*row[:4]), row[4]) for row in connection.execute(query)]


def sessions_since(connection: sa.Connection, unit: Unit, utc_us: int, until_utc_us: int | None = None) -> list[Row]:
    """Sessions of a pen that were opened after ``utc_us`` and in which its motor turned, oldest first; ``client`` is a code."""
    turned = sa.select(t.passes.c.id).where(t.passes.c.session_id == t.sessions.c.id).correlate(t.sessions)
    query = (
        sa.select(
            t.sessions.c.id, t.sessions.c.purpose, t.sessions.c.opened_utc_us, t.clients.c.code.label("client"),
            sa.select(sa.func.max(t.passes.c.depth_set_um)).where(t.passes.c.session_id == t.sessions.c.id)
            .correlate(t.sessions).scalar_subquery().label("deepest_um"),
            sa.select(sa.func.sum(t.passes.c.duration_ms)).where(t.passes.c.session_id == t.sessions.c.id)
            .correlate(t.sessions).scalar_subquery().label("needling_ms"),
        )
        .join(t.pens, t.pens.c.id == t.sessions.c.pen_id)
        .outerjoin(t.clients, t.clients.c.id == t.sessions.c.client_id)
        .where(_is(unit), t.sessions.c.opened_utc_us > utc_us, sa.exists(turned))
        .order_by(t.sessions.c.opened_utc_us)
    )  # fmt: skip
    if until_utc_us is not None:
        query = query.where(t.sessions.c.opened_utc_us <= until_utc_us)
    return [dict(row) for row in connection.execute(query).mappings()]


def motor_ms_since(connection: sa.Connection, unit: Unit, utc_us: int) -> int:
    """For how many ms the motor of a pen has turned in passes since ``utc_us``."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(t.passes.c.duration_ms), 0))
        .join(t.pens, t.pens.c.id == t.passes.c.pen_id)
        .where(_is(unit), t.passes.c.opened_utc_us > utc_us)
    )
    return int(connection.execute(query).scalar_one())


class Checked(NamedTuple):
    """A measurement of a daily check: what was set and what was measured, µm or mHz."""

    at_utc_us: int
    quantity: str
    set_to: int
    measured: int


def checks_of(connection: sa.Connection, unit: Unit) -> list[Checked]:
    """What the daily checks of a pen measured, oldest first; ``quantity`` is depth or rate."""
    query = (
        sa.select(t.pen_checks.c.at_utc_us, t.pen_checks.c["items"])
        .join(t.pens, t.pens.c.id == t.pen_checks.c.pen_id)
        .where(_is(unit))
        .order_by(t.pen_checks.c.at_utc_us, t.pen_checks.c.id)
    )
    found = []
    for at_utc_us, text in connection.execute(query):
        items: dict[str, Any] = json.loads(text)
        for quantity, end in (("depth", "um"), ("rate", "mhz")):
            set_to, measured = items.get(f"{quantity}_set_{end}"), items.get(f"{quantity}_measured_{end}")
            if set_to is not None and measured is not None:
                found.append(Checked(at_utc_us, quantity, int(set_to), int(measured)))
    return found


def pens_named(connection: sa.Connection, serial: str) -> list[Unit]:
    """Every pen with this serial."""
    query = sa.select(t.pens.c.manufacturer, t.pens.c.model, t.pens.c.serial, t.pens.c.origin).distinct()
    return [Unit(*row) for row in connection.execute(query.where(sa.func.lower(t.pens.c.serial) == serial.lower()))]
