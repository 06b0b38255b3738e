"""Triggers that freeze what is closed, and keep training and treatment apart, whoever writes.

They are installed anew after every migration (rebuilding a table drops them) and compared at every start.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .tables import metadata

PREFIX: Final = "guard_"

_CLOSED: Final = {
    "boots": ("OLD.ended_utc_us IS NOT NULL", "this boot has ended"),
    "sessions": ("OLD.ended_utc_us IS NOT NULL", "this session is closed"),
    "passes": ("OLD.ended_utc_us IS NOT NULL", "this pass is closed"),
    "telemetry_blocks": ("OLD.sealed = 1", "this telemetry block is sealed"),
    # An unknown outcome may still be learned from the pen; every other is final.
    "commands": (
        "OLD.outcome IS NOT NULL AND (OLD.outcome <> 'unknown' OR NEW.outcome IS NULL)",
        "this command is settled",
    ),
    # A stop is written when it is asked for, and completed once, when the pen was seen still.
    "stops": ("OLD.still = 1 OR NEW.still = 0", "this stop is complete"),
    "alarms": (
        (
            "(OLD.cleared_utc_us IS NOT NULL AND NEW.cleared_utc_us IS NOT OLD.cleared_utc_us)"
            " OR (OLD.acknowledged_utc_us IS NOT NULL AND NEW.acknowledged_utc_us IS NOT OLD.acknowledged_utc_us)"
        ),
        "this alarm was cleared or acknowledged before",
    ),
}
FIXED: Final = {
    "boots": ("id", "station_id", "started_utc_us", "version", "python", "sqlite", "system"),
    "sessions": (
        "id", "boot_id", "pen_id", "client_id", "purpose", "origin", "opened_utc_us", "opened_boot_us", "course_id",
        "operator_id", "resumes_id",
    ),
    "passes": (
        "id", "session_id", "pen_id", "cartridge_id", "seq", "kind", "zone", "origin", "depth_set_um", "rate_set_mhz",
        "needles", "area_mm2", "opened_utc_us", "opened_boot_us", "opened_clock_ms", "direction",
    ),
    "telemetry_blocks": ("pass_id", "seq", "origin", "from_clock_ms"),
    "commands": (
        "id", "pen_id", "session_id", "origin", "pen_boot_id", "cmd_id", "action", "value", "intended_utc_us",
        "intended_boot_us",
    ),
    "alarms": ("id", "session_id", "pen_id", "origin", "code", "priority", "text", "raised_utc_us", "raised_boot_us"),
    "stops": ("id", "session_id", "pen_id", "origin", "source", "at_utc_us", "at_boot_us", "key_to_bytes_us"),
}  # fmt: skip
_OPEN_PARENT: Final = {
    "passes": (
        "NEW.session_id IS NOT NULL AND (SELECT ended_utc_us FROM sessions WHERE id = NEW.session_id) IS NOT NULL",
        "the session of this pass is closed",
    ),
    "pass_segments": (
        "(SELECT ended_utc_us FROM passes WHERE id = NEW.pass_id) IS NOT NULL",
        "the pass of this segment is closed",
    ),
    "telemetry_blocks": (
        "(SELECT ended_utc_us FROM passes WHERE id = NEW.pass_id) IS NOT NULL",
        "the pass of this telemetry is closed",
    ),
    "pass_settings": (
        "(SELECT ended_utc_us FROM passes WHERE id = NEW.pass_id) IS NOT NULL",
        "the pass of this setting is closed",
    ),
}
_SIGNED: Final = {
    **dict.fromkeys(
        (
            "assessments", "session_plan", "consents", "checklist_answers", "anaesthetics", "cartridge_uses",
            "skin_preparations", "pen_checks", "zone_results", "notes", "topicals", "photos", "pass_changes",
        ),
        "NEW.session_id",
    ),
    "anaesthetic_removals": "(SELECT session_id FROM anaesthetics WHERE id = NEW.anaesthetic_id)",
    "cartridge_discards": "(SELECT session_id FROM cartridge_uses WHERE id = NEW.cartridge_use_id)",
    "pass_parts": "(SELECT session_id FROM pass_changes WHERE id = NEW.change_id)",
}  # fmt: skip
"""What takes nothing more once its session is signed, and how it names the session."""
_ORIGIN_FROM_PEN: Final = ("sessions", "passes", "commands", "alarms", "events", "stops", "calibrations")
_ENDED: Final = {
    **dict.fromkeys(
        (
            "calibration_standards", "calibration_readings", "calibration_evaluations", "calibration_corrections",
        ),
        "NEW.calibration_id",
    ),
    "calibration_withdrawals": "(SELECT calibration_id FROM calibration_readings WHERE id = NEW.reading_id)",
    "calibration_correction_results": "(SELECT calibration_id FROM calibration_corrections WHERE id = NEW.correction_id)",
}  # fmt: skip
"""What takes nothing more once its calibration has ended, and how it names the calibration."""


def fixed_columns(table: sa.Table) -> list[str]:
    """Columns that never change once the row is there: all of them where nothing does."""
    return list(FIXED.get(table.name, [column.name for column in table.columns]))


def _unique() -> dict[str, list[tuple[str, ...]]]:
    """Every key of every table, the primary one first."""
    keys: dict[str, list[tuple[str, ...]]] = {}
    for name, table in sorted(metadata.tables.items()):
        mine = keys[name] = [tuple(column.name for column in table.primary_key.columns)]
        unique = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
        mine += sorted(tuple(column.name for column in one.columns) for one in unique)
        if table.dialect_options["sqlite"]["with_rowid"]:
            mine.append(("rowid",))
    return keys


def _raise(text: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{text}'); END"


def definitions() -> dict[str, str]:
    """Name → complete ``CREATE TRIGGER`` statement of every guard."""
    bodies: dict[str, str] = {}
    for table, keys in _unique().items():
        # SQLite's REPLACE fires no DELETE trigger unless the writer asked for recursive triggers.
        for key in keys:
            match = " AND ".join(f"{column} = NEW.{column}" for column in key)
            name = "" if key == keys[0] else f"_{key[0]}"
            bodies[f"{table}_replace{name}"] = (
                f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {match}) "
                + _raise(f"{table}: this entry exists")
            )
        bodies[f"{table}_delete"] = f"BEFORE DELETE ON {table} " + _raise(f"{table}: nothing is ever deleted")
    for table in sorted(metadata.tables.keys() - _CLOSED.keys()):
        bodies[f"{table}_update"] = f"BEFORE UPDATE ON {table} " + _raise(f"{table}: entries never change")
    for table, (condition, text) in _CLOSED.items():
        bodies[f"{table}_closed"] = f"BEFORE UPDATE ON {table} WHEN {condition} " + _raise(text)
    for table, columns in FIXED.items():
        changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)
        bodies[f"{table}_fixed"] = f"BEFORE UPDATE ON {table} WHEN {changed} " + _raise(
            f"{table}: what was opened does not change"
        )
    for table, (condition, text) in _OPEN_PARENT.items():
        bodies[f"{table}_parent"] = f"BEFORE INSERT ON {table} WHEN {condition} " + _raise(text)
    for table in _ORIGIN_FROM_PEN:
        bodies[f"{table}_origin"] = (
            f"BEFORE INSERT ON {table} WHEN NEW.origin IS NOT (SELECT origin FROM pens WHERE id = NEW.pen_id) "
            + _raise(f"{table}: the origin is not that of the pen")
        )
    bodies["telemetry_blocks_origin"] = (
        "BEFORE INSERT ON telemetry_blocks WHEN NEW.origin IS NOT (SELECT origin FROM passes WHERE id = NEW.pass_id) "
        + _raise("telemetry_blocks: the origin is not that of the pass")
    )
    bodies["passes_pen"] = (
        "BEFORE INSERT ON passes WHEN NEW.session_id IS NOT NULL AND NEW.pen_id IS NOT "
        "(SELECT pen_id FROM sessions WHERE id = NEW.session_id) " + _raise("this pen is not the one of the session")
    )
    bodies["sessions_open_passes"] = (
        "BEFORE UPDATE ON sessions WHEN NEW.ended_utc_us IS NOT NULL AND EXISTS "
        "(SELECT 1 FROM passes WHERE session_id = NEW.id AND ended_utc_us IS NULL) "
        + _raise("a pass of this session is still open")
    )
    bodies["passes_open_blocks"] = (
        "BEFORE UPDATE ON passes WHEN NEW.ended_utc_us IS NOT NULL AND EXISTS "
        "(SELECT 1 FROM telemetry_blocks WHERE pass_id = NEW.id AND sealed = 0) "
        + _raise("a telemetry block of this pass is not sealed")
    )
    for table, session in _SIGNED.items():
        bodies[f"{table}_signed"] = (
            f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM signature_sessions AS s JOIN signatures AS g "
            f"ON g.id = s.signature_id WHERE s.session_id = {session} AND g.meaning = 'performed') "
            + _raise("this session is signed; add an amendment")
        )
    for table, calibration in _ENDED.items():
        bodies[f"{table}_ended"] = (
            f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM calibration_ends WHERE calibration_id = {calibration}) "
            + _raise("this calibration has ended")
        )
    bodies["sessions_course"] = (
        "BEFORE INSERT ON sessions WHEN NEW.course_id IS NOT NULL AND "
        "(SELECT client_id FROM courses WHERE id = NEW.course_id) IS NOT NEW.client_id "
        + _raise("this course is not one of the client")
    )
    bodies["sessions_resumes"] = (
        "BEFORE INSERT ON sessions WHEN NEW.resumes_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sessions WHERE "
        "id = NEW.resumes_id AND client_id IS NEW.client_id AND ended_utc_us IS NOT NULL) "
        + _raise("only an ended session of the same client can be resumed")
    )
    bodies["cartridge_uses_again"] = (
        "BEFORE INSERT ON cartridge_uses WHEN NEW.serial <> '' AND EXISTS (SELECT 1 FROM cartridge_uses WHERE "
        "gtin = NEW.gtin AND serial = NEW.serial AND session_id <> NEW.session_id) "
        + _raise("this cartridge was used in another session")
    )
    bodies["sessions_training"] = (
        "BEFORE INSERT ON sessions WHEN NEW.client_id IS NOT NULL AND "
        "(SELECT training FROM clients WHERE id = NEW.client_id) IS NOT (NEW.origin <> 'hardware') "
        + _raise("a simulated pen treats only training clients, and hardware never treats them")
    )
    return {PREFIX + name: f"CREATE TRIGGER {PREFIX}{name} {body}" for name, body in bodies.items()}


def present(connection: sa.Connection) -> dict[str, str]:
    """The guards that the database holds, by name."""
    rows = connection.exec_driver_sql(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, {len(PREFIX)}) = '{PREFIX}'"
    )
    return {str(name): str(sql) for name, sql in rows}


def missing(connection: sa.Connection) -> list[str]:
    """Names of guards that are absent or altered."""
    have = present(connection)
    return sorted(name for name, sql in definitions().items() if have.get(name) != sql)


def remove(connection: sa.Connection) -> None:
    """Take all guards away; only inside the transaction of a migration."""
    for name in present(connection):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def install(connection: sa.Connection) -> None:
    """Put every guard in place, inside the caller's transaction."""
    remove(connection)
    for statement in definitions().values():
        connection.exec_driver_sql(statement)
