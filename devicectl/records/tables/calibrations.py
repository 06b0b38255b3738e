"""Calibrations: plan, standards, readings, evaluations, corrections, end; and what a pass was told and did about depth.

``_micro`` are millionths of the unit of the measurand (mm or Hz). ``round`` is 0 as found and rises by one with every
correction that came into force: its readings are as left. The daily check is in ``pen_checks``.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from .columns import a_date, at_least, entry, integer, one_of, ref, table, text, together
from .pens import ORIGINS, OUTCOMES

MEASURANDS: Final = ("protrusion-static", "protrusion-dynamic", "rate-no-load", "rate-light-load")
VERDICTS: Final = ("pass", "conditional pass", "conditional fail", "fail")
APPROACHES: Final = ("up", "down")
READING_SOURCES: Final = ("typed", "keyboard", "gauge", "file")
CORRECTION_KINDS: Final = ("linear", "piecewise", "none")
CALIBRATION_ENDS: Final = ("finished", "abandoned")

calibrations = entry(
    "calibrations",
    ref("pen_id", "pens"),
    text("origin"),
    text("cartridge_type"),
    text("cartridge_lot"),
    text("technician"),
    text("place"),
    integer("temperature_milli"),
    integer("humidity_milli"),
    integer("depth_least_um"),
    integer("depth_most_um"),
    integer("depth_limit_um"),
    integer("depth_step_um"),
    integer("rate_least_mhz"),
    integer("rate_most_mhz"),
    integer("found_key"),
    text("found_knots"),
    text("plan"),
    one_of("origin", ORIGINS),
    sa.Index(None, "pen_id", "at_utc_us"),
)
"""``plan`` is JSON of the whole plan; with the ranges it makes the same steps again. ``depth_limit_um`` holds for what is
commanded, ``depth_most_um`` is what could be asked for as found; ``found_key`` and ``found_knots`` are the correction with
which the pen was found (0 and no knots: none was in force). Temperature in thousandths of
a °C, humidity in thousandths of a percent."""


def _of_calibration(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return entry(
        name,
        ref("calibration_id", "calibrations"),
        integer("seq"),
        *parts,
        sa.UniqueConstraint("calibration_id", "seq"),
    )


calibration_standards = _of_calibration(
    "calibration_standards",
    text("name"),
    text("serial"),
    text("certificate"),
    text("due_date"),
    text("unit"),
    integer("mpe_micro"),
    integer("resolution_micro"),
    integer("uncertainty_micro"),
    a_date("due_date"),
    one_of("unit", ("mm", "Hz")),
    at_least("mpe_micro", 0),
    at_least("resolution_micro", 0),
    at_least("uncertainty_micro", 0),
    sa.Index(None, "certificate"),
)
"""``uncertainty_micro`` is U (k = 2) of the certificate."""


def _measurand() -> tuple[sa.Column[Any], sa.CheckConstraint]:
    return text("measurand"), one_of("measurand", MEASURANDS)


calibration_readings = _of_calibration(
    "calibration_readings",
    integer("round"),
    *_measurand(),
    integer("step"),
    integer("set_to_micro"),
    text("direction"),
    integer("value_micro"),
    text("typed"),
    text("source"),
    integer("commanded_um", null=True),
    integer("read_back_um", null=True),
    text("remark"),
    one_of("direction", APPROACHES),
    one_of("source", READING_SOURCES),
    at_least("round", 0),
    at_least("step", 0),
    at_least("value_micro", 0),
)
"""In the order in which they were taken. ``typed`` is the reading as it came; ``remark`` why it was kept although it could
hardly be meant. None is ever dropped: outliers are named by the evaluation."""

calibration_withdrawals = entry(
    "calibration_withdrawals",
    ref("reading_id", "calibration_readings"),
    text("reason"),
    sa.CheckConstraint("length(reason) > 0", name="reason"),
    sa.UniqueConstraint("reading_id"),
)
"""A withdrawn reading stays and does not count."""

calibration_evaluations = _of_calibration(
    "calibration_evaluations",
    integer("round"),
    *_measurand(),
    text("verdict"),
    text("detail"),
    one_of("verdict", VERDICTS),
    at_least("round", 0),
)
"""The newest of a measurand and round counts; ``detail`` is JSON of all its figures."""

calibration_corrections = _of_calibration(
    "calibration_corrections",
    text("kind"),
    integer("cartridge_key"),
    integer("table_key"),
    text("knots"),
    one_of("kind", CORRECTION_KINDS),
)
"""Entered before its bytes leave. ``knots`` is JSON, pairs of commanded and actual in µm."""

calibration_correction_results = entry(
    "calibration_correction_results",
    ref("correction_id", "calibration_corrections"),
    integer("seq"),
    text("outcome"),
    text("text"),
    integer("held_key", null=True),
    text("held", null=True),
    one_of("outcome", OUTCOMES),
    sa.UniqueConstraint("correction_id", "seq"),
)
"""What came of it, and what the pen then read back (null: it could not be read). The newest counts."""

calibration_ends = entry(
    "calibration_ends",
    ref("calibration_id", "calibrations"),
    text("how"),
    text("reason"),
    text("verdict_found", null=True),
    text("verdict_left", null=True),
    text("method", null=True),
    text("issued_date", null=True),
    text("expires_date", null=True),
    integer("months", null=True),
    integer("sessions", null=True),
    integer("motor_milli_hours", null=True),
    integer("table_key", null=True),
    text("content_sha256", null=True),
    text("binding_sha256", null=True),
    text("name", null=True),
    ref("key_id", "station_keys", null=True),
    sa.Column("signature", sa.LargeBinary, nullable=True),
    one_of("how", CALIBRATION_ENDS),
    one_of("verdict_found", VERDICTS),
    one_of("verdict_left", VERDICTS),
    a_date("issued_date"),
    a_date("expires_date"),
    together(
        "finished", "verdict_found", "verdict_left", "method", "issued_date", "expires_date", "months", "table_key",
        "content_sha256", "binding_sha256", "name", "key_id", "signature",
    ),
    sa.CheckConstraint("(how = 'finished') = (signature IS NOT NULL)", name="signed"),
    sa.UniqueConstraint("calibration_id"),
)  # fmt: skip
"""``signature`` (Ed25519, by the station's key) is over ``binding_sha256``, and that covers ``content_sha256``."""

pass_settings = table(
    "pass_settings",
    ref("pass_id", "passes", primary_key=True),
    ref("calibration_id", "calibrations", null=True),
    integer("depth_target_um", null=True),
    integer("depth_commanded_um", null=True),
    integer("depth_read_back_um", null=True),
    sa.Index(None, "calibration_id"),
)
"""What was asked for, what the depth drive was told for it, what the pen read back; by which valid calibration (null: none)."""
