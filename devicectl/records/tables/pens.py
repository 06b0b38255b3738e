"""What pens did: stations, pens, sessions, passes, telemetry, journal, alarms, events, stops.

``origin`` on a row is the origin of the pen it came from; null where no pen was involved.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .columns import INTEGER, flag, integer, key, one_of, ref, table, text, together

ORIGINS: Final = ("hardware", "simulated", "replay")
PURPOSES: Final = ("bench", "treatment")
OUTCOMES: Final = ("confirmed", "rejected", "not_sent", "unknown", "assumed_executed")
PRIORITIES: Final = ("high", "medium", "low")
PASS_KINDS: Final = ("granted", "uncommanded")
PASS_ENDS: Final = ("ended", "paused", "stopped", "zone_changed", "lost", "lease_expired", "interrupted")
SEGMENT_KINDS: Final = ("measured", "inferred", "unknown")
DIRECTIONS: Final = ("horizontal", "vertical", "diagonal_left", "diagonal_right", "circular", "stamp")


stations = table("stations", key(), text("name"), integer("created_utc_us"))

boots = table(
    "boots",
    key(),
    ref("station_id", "stations"),
    integer("started_utc_us"),
    integer("ended_utc_us", null=True),
    text("version"),
    text("python"),
    text("sqlite"),
    text("system"),
)

pens = table(
    "pens",
    key(),
    text("manufacturer"),
    text("model"),
    text("serial"),
    text("firmware"),
    text("hardware"),
    text("origin"),
    integer("first_seen_utc_us"),
    one_of("origin", ORIGINS),
    sa.UniqueConstraint("manufacturer", "model", "serial", "firmware", "hardware", "origin"),
)

cartridges = table(
    "cartridges",
    key(),
    text("type"),
    text("serial"),
    text("lot"),
    text("expiry"),
    integer("needles"),
    text("origin"),
    integer("first_seen_utc_us"),
    one_of("origin", ORIGINS),
    sa.CheckConstraint("needles >= 0", name="needles"),
    sa.UniqueConstraint("type", "serial", "lot", "expiry", "needles", "origin"),
    sa.Index(None, "lot"),
)

sessions = table(
    "sessions",
    key(),
    ref("boot_id", "boots"),
    ref("pen_id", "pens"),
    ref("client_id", "clients", null=True),
    text("purpose"),
    text("origin"),
    integer("opened_utc_us"),
    integer("opened_boot_us"),
    integer("ended_utc_us", null=True),
    text("end_reason", null=True),
    ref("course_id", "courses", null=True),
    ref("operator_id", "operators", null=True),
    ref("resumes_id", "sessions", null=True),
    one_of("purpose", PURPOSES),
    one_of("origin", ORIGINS),
    one_of("end_reason", ("closed", "interrupted")),
    together("ended", "ended_utc_us", "end_reason"),
    sa.CheckConstraint("(purpose = 'treatment') = (client_id IS NOT NULL)", name="client"),
    sa.Index(None, "opened_utc_us"),
    sa.Index(None, "client_id", "opened_utc_us"),
    sa.Index("ix_sessions_open", "id", sqlite_where=sa.text("ended_utc_us IS NULL")),
)

passes = table(
    "passes",
    key(),
    ref("session_id", "sessions", null=True),
    ref("pen_id", "pens"),
    ref("cartridge_id", "cartridges", null=True),
    integer("seq"),
    text("kind"),
    text("zone", null=True),
    text("origin"),
    integer("depth_set_um", null=True),
    integer("rate_set_mhz", null=True),
    integer("needles"),
    integer("area_mm2"),
    integer("opened_utc_us"),
    integer("opened_boot_us"),
    integer("opened_clock_ms"),
    integer("ended_utc_us", null=True),
    integer("ended_clock_ms", null=True),
    text("end_reason", null=True),
    integer("duration_ms", null=True),
    integer("contact_ms", null=True),
    text("contact_kind", null=True),
    integer("unknown_ms", null=True),
    integer("strokes", null=True),
    integer("contact_strokes", null=True),
    integer("density_cm2", null=True),
    integer("depth_min_um", null=True),
    integer("depth_mean_um", null=True),
    integer("depth_max_um", null=True),
    integer("current_max_ma", null=True),
    integer("samples", null=True),
    integer("lost_samples", null=True),
    text("direction", null=True),
    one_of("kind", PASS_KINDS),
    one_of("origin", ORIGINS),
    one_of("end_reason", PASS_ENDS),
    one_of("contact_kind", SEGMENT_KINDS),
    one_of("direction", DIRECTIONS),
    together("ended", "ended_utc_us", "ended_clock_ms", "end_reason", "duration_ms"),
    sa.CheckConstraint("duration_ms >= 0 AND contact_ms >= 0 AND contact_ms <= duration_ms", name="duration"),
    sa.CheckConstraint("kind = 'uncommanded' OR (zone IS NOT NULL AND session_id IS NOT NULL)", name="zone"),
    sa.CheckConstraint("ended_clock_ms >= opened_clock_ms", name="clock"),
    sa.UniqueConstraint("session_id", "seq"),
    sa.Index(None, "cartridge_id"),
    sa.Index("ix_passes_open", "id", sqlite_where=sa.text("ended_utc_us IS NULL")),
)

pass_segments = table(
    "pass_segments",
    ref("pass_id", "passes", primary_key=True),
    sa.Column("seq", INTEGER, primary_key=True, nullable=False),
    text("kind"),
    integer("contact", null=True),
    integer("from_clock_ms"),
    integer("to_clock_ms"),
    one_of("kind", SEGMENT_KINDS),
    flag("contact"),
    sa.CheckConstraint("(kind = 'unknown') = (contact IS NULL)", name="known"),
    sa.CheckConstraint("to_clock_ms > from_clock_ms", name="clock"),
)

telemetry_blocks = table(
    "telemetry_blocks",
    ref("pass_id", "passes", primary_key=True),
    sa.Column("seq", INTEGER, primary_key=True, nullable=False),
    text("origin"),
    integer("sealed"),
    integer("samples"),
    integer("from_clock_ms"),
    integer("to_clock_ms"),
    integer("depth_min_um"),
    integer("depth_max_um"),
    integer("rate_max_mhz"),
    integer("current_max_ma"),
    integer("stored_utc_us"),
    sa.Column("data", sa.LargeBinary, nullable=False),
    one_of("origin", ORIGINS),
    flag("sealed"),
    sa.CheckConstraint("samples > 0 AND to_clock_ms >= from_clock_ms", name="samples"),
    # A blob of kilobytes in a WITHOUT ROWID tree would make every search read overflow pages.
    rowid=True,
)

commands = table(
    "commands",
    key(),
    ref("pen_id", "pens"),
    ref("session_id", "sessions", null=True),
    text("origin"),
    integer("pen_boot_id"),
    integer("cmd_id"),
    text("action"),
    integer("value"),
    integer("intended_utc_us"),
    integer("intended_boot_us"),
    text("outcome", null=True),
    text("outcome_text", null=True),
    integer("applied", null=True),
    integer("settled_utc_us", null=True),
    one_of("origin", ORIGINS),
    one_of("outcome", OUTCOMES),
    together("settled", "outcome", "outcome_text", "applied", "settled_utc_us"),
    sa.Index(None, "session_id"),
    sa.Index("ix_commands_open", "pen_id", sqlite_where=sa.text("outcome IS NULL OR outcome = 'unknown'")),
)

alarms = table(
    "alarms",
    key(),
    ref("session_id", "sessions", null=True),
    ref("pen_id", "pens", null=True),
    text("origin", null=True),
    text("code"),
    text("priority"),
    text("text"),
    integer("raised_utc_us"),
    integer("raised_boot_us"),
    integer("acknowledged_utc_us", null=True),
    integer("cleared_utc_us", null=True),
    one_of("origin", ORIGINS),
    one_of("priority", PRIORITIES),
    sa.Index(None, "session_id"),
    sa.Index(None, "raised_utc_us"),
)

events = table(
    "events",
    key(),
    ref("session_id", "sessions", null=True),
    ref("pen_id", "pens", null=True),
    text("origin", null=True),
    text("code"),
    text("text"),
    text("data"),
    integer("at_utc_us"),
    integer("at_boot_us"),
    one_of("origin", ORIGINS),
    sa.Index(None, "session_id"),
    sa.Index(None, "at_utc_us"),
)

stops = table(
    "stops",
    key(),
    ref("session_id", "sessions", null=True),
    ref("pen_id", "pens", null=True),
    text("origin", null=True),
    text("source"),
    integer("at_utc_us"),
    integer("at_boot_us"),
    integer("key_to_bytes_us", null=True),
    integer("intent_to_still_us", null=True),
    integer("still"),
    one_of("origin", ORIGINS),
    flag("still"),
    sa.CheckConstraint("key_to_bytes_us >= 0 AND intent_to_still_us >= 0", name="latency"),
    sa.Index(None, "session_id"),
    sa.Index(None, "at_utc_us"),
)
