"""What is planned: severity of a client, cited protocols, courses of sessions, and the plan of one session."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .columns import at_least, entry, integer, one_of, ref, text

PROTOCOL_SOURCES: Final = ("shipped", "copy")
COURSE_ENDS: Final = ("completed", "stopped", "changed")

assessments = entry(
    "assessments",
    ref("client_id", "clients"),
    ref("session_id", "sessions", null=True),
    text("indication"),
    text("scale"),
    text("grade"),
    integer("score_milli", null=True),
    text("detail"),
    sa.Index(None, "client_id", "at_utc_us"),
    sa.Index(None, "session_id"),
)

protocols = entry(
    "protocols",
    text("name"),
    integer("version"),
    text("indication"),
    text("citation"),
    text("source"),
    ref("copied_from_id", "protocols", null=True),
    integer("sessions", null=True),
    integer("min_days", null=True),
    text("detail"),
    one_of("source", PROTOCOL_SOURCES),
    at_least("version", 1),
    at_least("sessions", 1),
    at_least("min_days", 0),
    sa.CheckConstraint("length(name) > 0", name="name"),
    sa.UniqueConstraint("name", "version"),
)


def _zone_plan(name: str, parent: str, target: str) -> sa.Table:
    return entry(
        name,
        ref(parent, target),
        integer("seq"),
        text("zone"),
        integer("depth_um", null=True),
        integer("rate_mhz", null=True),
        text("passes"),
        text("end_point", null=True),
        integer("seconds", null=True),
        at_least("depth_um", 0),
        at_least("rate_mhz", 0),
        at_least("seconds", 1),
        sa.UniqueConstraint(parent, "seq"),
    )


protocol_zones = _zone_plan("protocol_zones", "protocol_id", "protocols")
"""``passes`` is a JSON object, passes by direction; depth, rate, end point and seconds are null where the source says nothing."""

courses = entry(
    "courses",
    ref("client_id", "clients"),
    ref("protocol_id", "protocols"),
    text("indication"),
    text("scale", null=True),
    text("grade", null=True),
    integer("sessions_planned"),
    integer("min_days"),
    at_least("sessions_planned", 1),
    at_least("min_days", 0),
    sa.Index(None, "client_id"),
)

course_ends = entry(
    "course_ends",
    ref("course_id", "courses"),
    text("how"),
    one_of("how", COURSE_ENDS),
    sa.UniqueConstraint("course_id"),
)

session_plan = _zone_plan("session_plan", "session_id", "sessions")
"""The plan of a session as it was when it opened."""
