"""What was asked, used, seen and done in a session besides what the pen did; see `devicectl.treatment.forms`."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from .columns import INTEGER, a_date, at_least, entry, flag, integer, one_of, ref, sealed, text

GIVEN_BY: Final = ("client", "guardian")
ITEM_KINDS: Final = ("stop", "ask")
ANSWERS: Final = ("yes", "no", "unknown")
ENTERED: Final = ("scan", "hand")
TOPICAL_PHASES: Final = ("before", "during", "after")
PHOTO_PHASES: Final = ("before", "after", "follow_up")
FOLLOW_UP_STATES: Final = ("done", "missed", "cancelled")


def _of_session(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return entry(name, ref("session_id", "sessions"), *parts, sa.Index(None, "session_id"))


def _maybe(column: str, least: int, most: int) -> tuple[sa.Column[Any], sa.CheckConstraint]:
    return (
        sa.Column(column, INTEGER, nullable=True),
        sa.CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=column),
    )


# -- before

consents = _of_session(
    "consents",
    ref("client_id", "clients"),
    text("version"),
    integer("given_utc_us"),
    text("given_by"),
    integer("photos"),
    text("text_sha256"),
    one_of("given_by", GIVEN_BY),
    flag("photos"),
)

checklist_answers = _of_session(
    "checklist_answers",
    text("version"),
    text("item"),
    text("kind"),
    text("answer"),
    integer("changed"),
    sealed("reason", null=True),
    one_of("kind", ITEM_KINDS),
    one_of("answer", ANSWERS),
    flag("changed"),
)
"""The newest answer to an item counts."""

anaesthetics = _of_session(
    "anaesthetics",
    text("product"),
    text("lot"),
    integer("strength_milli"),
    integer("grams_mg"),
    integer("area_mm2"),
    integer("occluded"),
    integer("on_utc_us"),
    integer("dwell_min_s"),
    integer("dwell_max_s"),
    at_least("strength_milli", 0),
    at_least("grams_mg", 0),
    at_least("area_mm2", 0),
    flag("occluded"),
    sa.CheckConstraint("dwell_min_s >= 0 AND dwell_max_s >= dwell_min_s", name="dwell"),
)
"""``strength_milli`` is thousandths of a percent."""

anaesthetic_removals = entry(
    "anaesthetic_removals",
    ref("anaesthetic_id", "anaesthetics"),
    integer("off_utc_us"),
    integer("cleaned"),
    flag("cleaned"),
    sa.UniqueConstraint("anaesthetic_id"),
)

cartridge_uses = _of_session(
    "cartridge_uses",
    ref("cartridge_id", "cartridges", null=True),
    text("gtin"),
    text("lot"),
    text("expiry_date", null=True),
    text("serial"),
    text("raw"),
    text("entered"),
    a_date("expiry_date"),
    one_of("entered", ENTERED),
    sa.Index(None, "lot"),
    sa.Index(None, "gtin", "serial"),
)
"""``cartridge_id`` is what the pen read at that time; ``raw`` what the scanner typed."""

cartridge_discards = entry(
    "cartridge_discards",
    ref("cartridge_use_id", "cartridge_uses"),
    integer("discarded_utc_us"),
    integer("sharps"),
    flag("sharps"),
    sa.UniqueConstraint("cartridge_use_id"),
)

skin_preparations = _of_session("skin_preparations", text("product"), text("lot"))

pen_checks = entry(
    "pen_checks",
    ref("pen_id", "pens"),
    ref("session_id", "sessions", null=True),
    text("items"),
    integer("passed"),
    text("note"),
    flag("passed"),
    sa.Index(None, "pen_id", "at_utc_us"),
)

# -- during

zone_results = _of_session(
    "zone_results",
    text("zone"),
    text("end_point", null=True),
    *_maybe("pain", 0, 10),
    *_maybe("bleeding", 0, 3),
    text("reaction", null=True),
    integer("skipped"),
    sealed("note", null=True),
    flag("skipped"),
)
"""The newest result of a zone counts."""

notes = _of_session("notes", text("zone", null=True), text("phrase", null=True), sealed("note", null=True))

# -- after

topicals = _of_session(
    "topicals",
    text("product"),
    text("lot"),
    text("expiry_date", null=True),
    integer("amount_milli"),
    text("unit"),
    text("phase"),
    integer("sterile"),
    integer("resume_utc_us", null=True),
    a_date("expiry_date"),
    one_of("phase", TOPICAL_PHASES),
    flag("sterile"),
    at_least("amount_milli", 0),
)

adverse_events = entry(
    "adverse_events",
    ref("client_id", "clients"),
    ref("session_id", "sessions", null=True),
    text("zone", null=True),
    text("term"),
    integer("grade"),
    integer("expected"),
    integer("related"),
    integer("onset_utc_us"),
    text("action"),
    sealed("note", null=True),
    sa.CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
    flag("expected"),
    flag("related"),
    sa.Index(None, "client_id"),
    sa.Index(None, "session_id"),
)

adverse_event_states = entry(
    "adverse_event_states",
    ref("adverse_event_id", "adverse_events"),
    integer("seq"),
    text("outcome"),
    text("resolved_date", null=True),
    text("reported_to"),
    sealed("note", null=True),
    a_date("resolved_date"),
    sa.UniqueConstraint("adverse_event_id", "seq"),
)

photos = entry(
    "photos",
    ref("client_id", "clients"),
    ref("session_id", "sessions", null=True),
    text("view"),
    text("phase"),
    text("sha256"),
    text("copy_sha256"),
    integer("bytes"),
    integer("width"),
    integer("height"),
    text("taken", null=True),
    text("removed"),
    one_of("phase", PHOTO_PHASES),
    sa.Index(None, "client_id"),
    sa.Index(None, "session_id"),
)

follow_ups = entry(
    "follow_ups",
    ref("client_id", "clients"),
    ref("session_id", "sessions", null=True),
    text("kind"),
    text("due_date"),
    a_date("due_date"),
    sa.Index(None, "client_id"),
    sa.Index(None, "due_date"),
)

follow_up_states = entry(
    "follow_up_states",
    ref("follow_up_id", "follow_ups"),
    integer("seq"),
    text("state"),
    sealed("note", null=True),
    one_of("state", FOLLOW_UP_STATES),
    sa.UniqueConstraint("follow_up_id", "seq"),
)
