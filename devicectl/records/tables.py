"""The tables: STRICT, UUIDv7 keys as BLOB(16), UTC and host boot time in µs, scaled integers.

Units in names: ``_um`` µm, ``_mhz`` mHz, ``_ma`` mA, ``_ms`` and ``_us`` times; ``clock_ms`` is the pen's own clock since
its boot. ``origin`` on a row is the origin of the pen it came from; null where no pen was involved.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

ORIGINS: Final = ("hardware", "simulated", "replay")
PURPOSES: Final = ("bench", "treatment")
OUTCOMES: Final = ("confirmed", "rejected", "not_sent", "unknown", "assumed_executed")
PRIORITIES: Final = ("high", "medium", "low")
PASS_KINDS: Final = ("granted", "uncommanded")
PASS_ENDS: Final = ("ended", "paused", "stopped", "zone_changed", "lost", "lease_expired", "interrupted")
SEGMENT_KINDS: Final = ("measured", "inferred", "unknown")


class Guid(sa.types.TypeDecorator[UUID]):
    """A UUID as BLOB(16)."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """UUID to its 16 bytes."""
        return None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:  # noqa: ARG002
        """16 bytes to a UUID."""
        return None if value is None else UUID(bytes=bytes(value))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_INTEGER = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")


def _int(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, _INTEGER, nullable=null)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _key(name: str = "id") -> sa.Column[UUID]:
    return sa.Column(name, Guid, primary_key=True, nullable=False)


def _ref(name: str, target: str, *, null: bool = False, **options: Any) -> sa.Column[UUID]:
    return sa.Column(name, Guid, sa.ForeignKey(f"{target}.id"), nullable=null, **options)


def _one_of(column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=column)


def _flag(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN (0, 1)", name=column)


def _together(name: str, *columns: str) -> sa.CheckConstraint:
    first, *rest = columns
    return sa.CheckConstraint(" AND ".join(f"({first} IS NULL) = ({other} IS NULL)" for other in rest), name=name)


def _table(name: str, *parts: sa.schema.SchemaItem, rowid: bool = False) -> sa.Table:
    return sa.Table(name, metadata, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


stations = _table("stations", _key(), _text("name"), _int("created_utc_us"))

boots = _table(
    "boots",
    _key(),
    _ref("station_id", "stations"),
    _int("started_utc_us"),
    _int("ended_utc_us", null=True),
    _text("version"),
    _text("python"),
    _text("sqlite"),
    _text("system"),
)

pens = _table(
    "pens",
    _key(),
    _text("manufacturer"),
    _text("model"),
    _text("serial"),
    _text("firmware"),
    _text("hardware"),
    _text("origin"),
    _int("first_seen_utc_us"),
    _one_of("origin", ORIGINS),
    sa.UniqueConstraint("manufacturer", "model", "serial", "firmware", "hardware", "origin"),
)

cartridges = _table(
    "cartridges",
    _key(),
    _text("type"),
    _text("serial"),
    _text("lot"),
    _text("expiry"),
    _int("needles"),
    _text("origin"),
    _int("first_seen_utc_us"),
    _one_of("origin", ORIGINS),
    sa.CheckConstraint("needles >= 0", name="needles"),
    sa.UniqueConstraint("type", "serial", "lot", "expiry", "needles", "origin"),
    sa.Index(None, "lot"),
)

clients = _table(
    "clients",
    _key(),
    _text("code"),
    _int("training"),
    _int("created_utc_us"),
    _flag("training"),
    sa.CheckConstraint("length(code) > 0", name="code"),
    sa.UniqueConstraint("code"),
)

sessions = _table(
    "sessions",
    _key(),
    _ref("boot_id", "boots"),
    _ref("pen_id", "pens"),
    _ref("client_id", "clients", null=True),
    _text("purpose"),
    _text("origin"),
    _int("opened_utc_us"),
    _int("opened_boot_us"),
    _int("ended_utc_us", null=True),
    _text("end_reason", null=True),
    _one_of("purpose", PURPOSES),
    _one_of("origin", ORIGINS),
    _one_of("end_reason", ("closed", "interrupted")),
    _together("ended", "ended_utc_us", "end_reason"),
    sa.CheckConstraint("(purpose = 'treatment') = (client_id IS NOT NULL)", name="client"),
    sa.Index(None, "opened_utc_us"),
    sa.Index(None, "client_id", "opened_utc_us"),
    sa.Index("ix_sessions_open", "id", sqlite_where=sa.text("ended_utc_us IS NULL")),
)

passes = _table(
    "passes",
    _key(),
    _ref("session_id", "sessions", null=True),
    _ref("pen_id", "pens"),
    _ref("cartridge_id", "cartridges", null=True),
    _int("seq"),
    _text("kind"),
    _text("zone", null=True),
    _text("origin"),
    _int("depth_set_um", null=True),
    _int("rate_set_mhz", null=True),
    _int("needles"),
    _int("area_mm2"),
    _int("opened_utc_us"),
    _int("opened_boot_us"),
    _int("opened_clock_ms"),
    _int("ended_utc_us", null=True),
    _int("ended_clock_ms", null=True),
    _text("end_reason", null=True),
    _int("duration_ms", null=True),
    _int("contact_ms", null=True),
    _text("contact_kind", null=True),
    _int("unknown_ms", null=True),
    _int("strokes", null=True),
    _int("contact_strokes", null=True),
    _int("density_cm2", null=True),
    _int("depth_min_um", null=True),
    _int("depth_mean_um", null=True),
    _int("depth_max_um", null=True),
    _int("current_max_ma", null=True),
    _int("samples", null=True),
    _int("lost_samples", null=True),
    _one_of("kind", PASS_KINDS),
    _one_of("origin", ORIGINS),
    _one_of("end_reason", PASS_ENDS),
    _one_of("contact_kind", SEGMENT_KINDS),
    _together("ended", "ended_utc_us", "ended_clock_ms", "end_reason", "duration_ms"),
    sa.CheckConstraint("duration_ms >= 0 AND contact_ms >= 0 AND contact_ms <= duration_ms", name="duration"),
    sa.CheckConstraint("kind = 'uncommanded' OR (zone IS NOT NULL AND session_id IS NOT NULL)", name="zone"),
    sa.CheckConstraint("ended_clock_ms >= opened_clock_ms", name="clock"),
    sa.UniqueConstraint("session_id", "seq"),
    sa.Index(None, "cartridge_id"),
    sa.Index("ix_passes_open", "id", sqlite_where=sa.text("ended_utc_us IS NULL")),
)

pass_segments = _table(
    "pass_segments",
    _ref("pass_id", "passes", primary_key=True),
    sa.Column("seq", _INTEGER, primary_key=True, nullable=False),
    _text("kind"),
    _int("contact", null=True),
    _int("from_clock_ms"),
    _int("to_clock_ms"),
    _one_of("kind", SEGMENT_KINDS),
    _flag("contact"),
    sa.CheckConstraint("(kind = 'unknown') = (contact IS NULL)", name="known"),
    sa.CheckConstraint("to_clock_ms > from_clock_ms", name="clock"),
)

telemetry_blocks = _table(
    "telemetry_blocks",
    _ref("pass_id", "passes", primary_key=True),
    sa.Column("seq", _INTEGER, primary_key=True, nullable=False),
    _text("origin"),
    _int("sealed"),
    _int("samples"),
    _int("from_clock_ms"),
    _int("to_clock_ms"),
    _int("depth_min_um"),
    _int("depth_max_um"),
    _int("rate_max_mhz"),
    _int("current_max_ma"),
    _int("stored_utc_us"),
    sa.Column("data", sa.LargeBinary, nullable=False),
    _one_of("origin", ORIGINS),
    _flag("sealed"),
    sa.CheckConstraint("samples > 0 AND to_clock_ms >= from_clock_ms", name="samples"),
    # A blob of kilobytes in a WITHOUT ROWID tree would make every search read overflow pages.
    rowid=True,
)

commands = _table(
    "commands",
    _key(),
    _ref("pen_id", "pens"),
    _ref("session_id", "sessions", null=True),
    _text("origin"),
    _int("pen_boot_id"),
    _int("cmd_id"),
    _text("action"),
    _int("value"),
    _int("intended_utc_us"),
    _int("intended_boot_us"),
    _text("outcome", null=True),
    _text("outcome_text", null=True),
    _int("applied", null=True),
    _int("settled_utc_us", null=True),
    _one_of("origin", ORIGINS),
    _one_of("outcome", OUTCOMES),
    _together("settled", "outcome", "outcome_text", "applied", "settled_utc_us"),
    sa.Index(None, "session_id"),
    sa.Index("ix_commands_open", "pen_id", sqlite_where=sa.text("outcome IS NULL OR outcome = 'unknown'")),
)

alarms = _table(
    "alarms",
    _key(),
    _ref("session_id", "sessions", null=True),
    _ref("pen_id", "pens", null=True),
    _text("origin", null=True),
    _text("code"),
    _text("priority"),
    _text("text"),
    _int("raised_utc_us"),
    _int("raised_boot_us"),
    _int("acknowledged_utc_us", null=True),
    _int("cleared_utc_us", null=True),
    _one_of("origin", ORIGINS),
    _one_of("priority", PRIORITIES),
    sa.Index(None, "session_id"),
    sa.Index(None, "raised_utc_us"),
)

events = _table(
    "events",
    _key(),
    _ref("session_id", "sessions", null=True),
    _ref("pen_id", "pens", null=True),
    _text("origin", null=True),
    _text("code"),
    _text("text"),
    _text("data"),
    _int("at_utc_us"),
    _int("at_boot_us"),
    _one_of("origin", ORIGINS),
    sa.Index(None, "session_id"),
    sa.Index(None, "at_utc_us"),
)

stops = _table(
    "stops",
    _key(),
    _ref("session_id", "sessions", null=True),
    _ref("pen_id", "pens", null=True),
    _text("origin", null=True),
    _text("source"),
    _int("at_utc_us"),
    _int("at_boot_us"),
    _int("key_to_bytes_us", null=True),
    _int("intent_to_still_us", null=True),
    _int("still"),
    _one_of("origin", ORIGINS),
    _flag("still"),
    sa.CheckConstraint("key_to_bytes_us >= 0 AND intent_to_still_us >= 0", name="latency"),
    sa.Index(None, "session_id"),
    sa.Index(None, "at_utc_us"),
)
