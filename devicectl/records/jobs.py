"""The jobs that write the record. Each can run twice with the same row and changes nothing the second time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from . import tables as t
from .errors import RecordRefused
from .rows import (
    AlarmRow,
    BlockRow,
    CartridgeRow,
    EventRow,
    IntentFields,
    OpenCommand,
    PassEnd,
    PassRow,
    PassSettingRow,
    PenRow,
    SegmentRow,
    SessionRow,
    SettledFields,
    StopRow,
)
from .telemetry_block import encode
from .writer import Job

Params = dict[str, Any]


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


def _origin(table: sa.Table) -> ColumnElement[str]:
    parent = t.passes if table is t.telemetry_blocks else t.pens
    column = "pass_id" if table is t.telemetry_blocks else "pen_id"
    return sa.select(parent.c.origin).where(parent.c.id == sa.bindparam(f"p_{column}", type_=t.Guid)).scalar_subquery()


@lru_cache(maxsize=64)
def _insert_once(table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    """``INSERT … SELECT … WHERE NOT EXISTS``: with ON CONFLICT the triggers that guard against REPLACE would fire."""
    keys = [column.name for column in table.primary_key.columns]
    columns: list[ColumnElement[Any]] = [
        sa.bindparam(f"p_{name}", type_=table.c[name].type).label(name) for name in names
    ]
    targets = list(names)
    if "origin" in table.c and "origin" not in names:
        columns.append(_origin(table).label("origin"))
        targets.append("origin")
    same = sa.and_(*(table.c[key] == sa.bindparam(f"p_{key}", type_=table.c[key].type) for key in keys))
    # `correlate(None)`: the inner FROM is the very table that is inserted into.
    there = sa.select(sa.literal(1)).select_from(table).where(same).correlate(None)
    return sa.insert(table).from_select(targets, sa.select(*columns).where(~sa.exists(there)))


def _params(row: object) -> Params:
    names: tuple[str, ...] = row.__slots__  # type: ignore[attr-defined]
    return {f"p_{name}": getattr(row, name) for name in names}


def _put(connection: sa.Connection, table: sa.Table, row: object) -> None:
    connection.execute(_insert_once(table, tuple(row.__slots__)), _params(row))  # type: ignore[attr-defined]


def _insert_job(table: sa.Table, row: object) -> Job[None]:
    def job(connection: sa.Connection) -> None:
        _put(connection, table, row)

    return job


@lru_cache(maxsize=8)
def _same_statement(table: sa.Table, identity: tuple[str, ...]) -> sa.Select[Any]:
    same = (table.c[name] == sa.bindparam(f"p_{name}", type_=table.c[name].type) for name in identity)
    return sa.select(table.c.id).where(*same)


def _seen_job(table: sa.Table, row: _HasId, identity: tuple[str, ...]) -> Job[UUID]:
    same = _same_statement(table, identity)

    def job(connection: sa.Connection) -> UUID:
        found: UUID | None = connection.execute(same, _params(row)).scalar()
        if found is not None:
            return found
        _put(connection, table, row)
        return row.id

    return job


def pen_seen(row: PenRow) -> Job[UUID]:
    """Keep a pen; gives the key under which this very pen and firmware is known."""
    return _seen_job(t.pens, row, ("manufacturer", "model", "serial", "firmware", "hardware", "origin"))


def cartridge_seen(row: CartridgeRow) -> Job[UUID]:
    """Keep a cartridge; gives the key under which it is known."""
    return _seen_job(t.cartridges, row, ("type", "serial", "lot", "expiry", "needles", "origin"))


_CLIENT: Final = sa.select(t.clients.c.id, t.clients.c.training).where(t.clients.c.code == sa.bindparam("code"))


def client_known(id: UUID, code: str, training: bool, created_utc_us: int) -> Job[UUID]:
    """Keep a client by code; gives the key under which the code is known.

    The job raises :class:`RecordRefused` when the code belongs to a client with the other training mark.
    """

    def job(connection: sa.Connection) -> UUID:
        found = connection.execute(_CLIENT, {"code": code}).first()
        if found is not None:
            if bool(found.training) != training:
                mark = "a training client" if found.training else "a real client"
                raise RecordRefused(f"The code {code} belongs to {mark}: choose another code.")
            known: UUID = found.id
            return known
        connection.execute(
            t.clients.insert(), {"id": id, "code": code, "training": int(training), "created_utc_us": created_utc_us}
        )
        return id

    return job


def session_opened(row: SessionRow) -> Job[None]:
    """Open a session. Refused: treatment without a client, bench with one, training mixed with hardware."""
    return _insert_job(t.sessions, row)


_CLOSE_SESSION: Final = (
    sa.update(t.sessions)
    .where(t.sessions.c.id == sa.bindparam("key"), t.sessions.c.ended_utc_us.is_(None))
    .values(ended_utc_us=sa.bindparam("at"), end_reason=sa.bindparam("reason"))
)


def session_closed(id: UUID, ended_utc_us: int, reason: str = "closed") -> Job[None]:
    """Close a session for good (``closed`` or ``interrupted``). Refused while one of its passes is open."""
    return _update_job(_CLOSE_SESSION, {"key": id, "at": ended_utc_us, "reason": reason})


def _update_job(statement: sa.Update, params: Params) -> Job[None]:
    def job(connection: sa.Connection) -> None:
        connection.execute(statement, params)

    return job


def pass_opened(row: PassRow) -> Job[None]:
    """Open a pass."""
    return _insert_job(t.passes, row)


def pass_set(row: PassSettingRow) -> Job[None]:
    """Keep how a pass was set, while it is open."""
    return _insert_job(t.pass_settings, row)


_PASS_ENDED: Final = sa.select(t.passes.c.ended_utc_us).where(t.passes.c.id == sa.bindparam("key"))
_SEAL: Final = (
    sa.update(t.telemetry_blocks)
    .where(t.telemetry_blocks.c.pass_id == sa.bindparam("key"), t.telemetry_blocks.c.sealed == 0)
    .values(sealed=1)
)
_END_NAMES: Final = tuple(name for name in PassEnd.__slots__ if name != "id")
_CLOSE_PASS: Final = (
    sa.update(t.passes)
    .where(t.passes.c.id == sa.bindparam("p_id", type_=t.Guid))
    .values({name: sa.bindparam(f"p_{name}") for name in _END_NAMES})
)


def pass_closed(end: PassEnd, segments: Sequence[SegmentRow]) -> Job[None]:
    """Close a pass for good: its segments, its last block sealed, its figures.

    The job raises :class:`RecordRefused` when no such pass was ever opened.
    """
    rows = tuple(segments)

    def job(connection: sa.Connection) -> None:
        found = connection.execute(_PASS_ENDED, {"key": end.id}).first()
        if found is None:
            raise RecordRefused("The record has no such pass to close.")
        if found.ended_utc_us is not None:
            return
        for segment in rows:
            _put(connection, t.pass_segments, segment)
        connection.execute(_SEAL, {"key": end.id})
        connection.execute(_CLOSE_PASS, _params(end))

    return job


_BLOCK_NAMES: Final = (
    "pass_id", "seq", "sealed", "samples", "from_clock_ms", "to_clock_ms", "depth_min_um", "depth_max_um",
    "rate_max_mhz", "current_max_ma", "stored_utc_us", "data",
)  # fmt: skip
_UPDATE_BLOCK: Final = (
    sa.update(t.telemetry_blocks)
    .where(
        t.telemetry_blocks.c.pass_id == sa.bindparam("p_pass_id", type_=t.Guid),
        t.telemetry_blocks.c.seq == sa.bindparam("p_seq"),
        t.telemetry_blocks.c.sealed == 0,
    )
    .values({name: sa.bindparam(f"p_{name}") for name in _BLOCK_NAMES if name not in ("pass_id", "seq")})
)


def telemetry_block(row: BlockRow) -> Job[None]:
    """Keep the open block as it is now, or seal it; a sealed block is never touched again."""

    def job(connection: sa.Connection) -> None:
        columns = row.columns
        params = {
            "p_pass_id": row.pass_id,
            "p_seq": row.seq,
            "p_sealed": int(row.sealed),
            "p_samples": len(columns.clock_ms),
            "p_from_clock_ms": columns.clock_ms[0],
            "p_to_clock_ms": columns.clock_ms[-1],
            "p_depth_min_um": min(columns.depth_um),
            "p_depth_max_um": max(columns.depth_um),
            "p_rate_max_mhz": max(columns.rate_mhz),
            "p_current_max_ma": max(columns.current_ma),
            "p_stored_utc_us": row.stored_utc_us,
            "p_data": encode(columns, 6 if row.sealed else 1),
        }
        if connection.execute(_UPDATE_BLOCK, params).rowcount == 0:
            connection.execute(_insert_once(t.telemetry_blocks, _BLOCK_NAMES), params)

    return job


_INTENT_NAMES: Final = (
    "id", "pen_id", "session_id", "pen_boot_id", "cmd_id", "action", "value", "intended_boot_us", "intended_utc_us",
)  # fmt: skip


def command_intended(intent: IntentFields) -> Job[None]:
    """Keep an intent before its bytes leave."""
    values = (
        intent.id, intent.pen_id, intent.session_id, intent.boot_id, intent.cmd_id, intent.action, intent.value,
        intent.at_boot_us, intent.at_utc_us,
    )  # fmt: skip
    params = {f"p_{name}": value for name, value in zip(_INTENT_NAMES, values, strict=True)}

    def job(connection: sa.Connection) -> None:
        connection.execute(_insert_once(t.commands, _INTENT_NAMES), params)

    return job


_SETTLE: Final = (
    sa.update(t.commands)
    .where(
        t.commands.c.id == sa.bindparam("key"),
        sa.or_(t.commands.c.outcome.is_(None), t.commands.c.outcome == "unknown"),
    )
    .values(
        outcome=sa.bindparam("p_outcome"),
        outcome_text=sa.bindparam("p_text"),
        applied=sa.bindparam("p_applied"),
        settled_utc_us=sa.bindparam("p_at"),
    )
)


def command_settled(settled: SettledFields) -> Job[None]:
    """Keep how a command ended; only ``unknown`` may be settled again, an intent never kept is passed over."""
    return _update_job(
        _SETTLE,
        {
            "key": settled.id,
            "p_outcome": settled.outcome,
            "p_text": settled.text,
            "p_applied": settled.applied,
            "p_at": settled.at_utc_us,
        },
    )


_this = t.pens.alias("this")
_OPEN_COMMANDS: Final = (
    sa.select(
        t.commands.c.id,
        t.commands.c.pen_id,
        t.commands.c.session_id,
        t.commands.c.pen_boot_id,
        t.commands.c.cmd_id,
        t.commands.c.action,
        t.commands.c.value,
        t.commands.c.intended_boot_us,
        t.commands.c.intended_utc_us,
    )
    .join(t.pens, t.pens.c.id == t.commands.c.pen_id)
    # A pen whose firmware was changed is another row, and still the pen that may have moved.
    .join(
        _this,
        sa.and_(*(t.pens.c[name] == _this.c[name] for name in ("manufacturer", "model", "serial", "origin"))),
    )
    .where(
        _this.c.id == sa.bindparam("pen"),
        sa.or_(t.commands.c.outcome.is_(None), t.commands.c.outcome == "unknown"),
    )
    .order_by(t.commands.c.id)
)


def open_commands(pen_id: UUID) -> Job[list[OpenCommand]]:
    """Intents of this pen, under whatever firmware, without a final outcome; oldest first."""

    def job(connection: sa.Connection) -> list[OpenCommand]:
        return [OpenCommand(*row) for row in connection.execute(_OPEN_COMMANDS, {"pen": pen_id})]

    return job


def alarm_raised(row: AlarmRow) -> Job[None]:
    """Keep an alarm when it is raised."""
    return _insert_job(t.alarms, row)


def _mark_alarm(column: sa.Column[Any]) -> Callable[[UUID, int], Job[None]]:
    statement = (
        sa.update(t.alarms)
        .where(t.alarms.c.id == sa.bindparam("key"), column.is_(None))
        .values({column.name: sa.bindparam("at")})
    )
    return lambda id, at_utc_us: _update_job(statement, {"key": id, "at": at_utc_us})


_cleared = _mark_alarm(t.alarms.c.cleared_utc_us)
_acknowledged = _mark_alarm(t.alarms.c.acknowledged_utc_us)


def alarm_cleared(id: UUID, at_utc_us: int) -> Job[None]:
    """Keep that the condition is gone; the first time counts."""
    return _cleared(id, at_utc_us)


def alarm_acknowledged(id: UUID, at_utc_us: int) -> Job[None]:
    """Keep that somebody has seen it; the first time counts."""
    return _acknowledged(id, at_utc_us)


def event_logged(row: EventRow) -> Job[None]:
    """Keep one line of the log."""
    return _insert_job(t.events, row)


def stop_logged(row: StopRow) -> Job[None]:
    """Keep a stop as it is asked for."""
    return _insert_job(t.stops, replace(row))


_STILL = (
    sa.update(t.stops)
    .where(t.stops.c.id == sa.bindparam("key"), t.stops.c.still == 0)
    .values(still=1, intent_to_still_us=sa.bindparam("us"))
)


def stop_completed(id: UUID, intent_to_still_us: int) -> Job[None]:
    """The pen was seen still so many µs after the intent; a stop that is complete stays as it is."""
    return _update_job(_STILL, {"key": id, "us": intent_to_still_us})
