"""Between a calibration and the record: rows from what happened, and the calibration back from its rows."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final
from uuid import UUID

from devicectl.records import tables as t
from devicectl.records.calibrations import CalibrationRows
from devicectl.records.entries import Entry
from drivers.correction import BadTable, CorrectionTable, Knot

from .binding import Binding, content_hash
from .decision import Verdict
from .plan import Plan, parse_plan
from .process import Ended, Evaluated, Process, Reading, Span, Written
from .quantities import Direction, Measurand

MICRO: Final = 1_000_000


def micro(value: float) -> int:
    """mm or Hz in millionths, as the record keeps them."""
    return round(value * MICRO)


def text_of(value: Any) -> str:
    """JSON with its keys in order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# -- to the record


def begun(process: Process, pen: UUID, new_id: Any, by: UUID | None, at_utc_us: int) -> list[Entry]:
    """The rows of a new calibration."""
    plan = process.plan
    row = {
        "id": process.id,
        "pen_id": pen,
        "origin": process.origin,
        "cartridge_type": plan.cartridge_type,
        "cartridge_lot": plan.cartridge_lot,
        "technician": plan.technician,
        "place": plan.place,
        "temperature_milli": round(plan.temperature_c * 1000),
        "humidity_milli": round(plan.humidity_pct * 1000),
        "depth_least_um": process.span.depth_least_um,
        "depth_most_um": process.span.depth_most_um,
        "depth_limit_um": process.span.depth_limit_um,
        "depth_step_um": process.span.depth_step_um,
        "rate_least_mhz": process.span.rate_least_mhz,
        "rate_most_mhz": process.span.rate_most_mhz,
        "found_key": process.found_key,
        "found_knots": text_of(_knots(process.found)),
        "plan": text_of(plan.model_dump(mode="json")),
    }
    standards = [
        {
            "id": new_id(),
            "calibration_id": process.id,
            "seq": seq,
            "name": one.name,
            "serial": one.serial,
            "certificate": one.certificate,
            "due_date": one.due.isoformat(),
            "unit": one.unit,
            "mpe_micro": micro(one.mpe),
            "resolution_micro": micro(one.resolution),
            "uncertainty_micro": micro(one.uncertainty),
        }
        for seq, one in enumerate(plan.standards)
    ]
    return [
        Entry(t.calibrations, row, by, at_utc_us, "calibration-begun"),
        *(Entry(t.calibration_standards, one, by, at_utc_us) for one in standards),
    ]


def taken(process: Process, reading: Reading, by: UUID | None, at_utc_us: int) -> Entry:
    """The row of a reading."""
    row = {
        "id": reading.id,
        "calibration_id": process.id,
        "seq": reading.seq,
        "round": reading.round,
        "measurand": str(reading.measurand),
        "step": reading.step,
        "set_to_micro": micro(reading.set_to),
        "direction": str(reading.direction),
        "value_micro": micro(reading.value),
        "typed": reading.typed,
        "source": reading.source,
        "commanded_um": reading.commanded_um,
        "read_back_um": reading.read_back_um,
        "remark": reading.remark,
    }
    return Entry(t.calibration_readings, row, by, at_utc_us)


def withdrawn(reading: UUID, key: UUID, reason: str, by: UUID | None, at_utc_us: int) -> Entry:
    """The row that takes a reading back."""
    row = {"id": key, "reading_id": reading, "reason": reason}
    return Entry(t.calibration_withdrawals, row, by, at_utc_us, "reading-withdrawn")


def judged(process: Process, evaluated: Evaluated, by: UUID | None, at_utc_us: int) -> Entry:
    """The row of an evaluation."""
    row = {
        "id": evaluated.id,
        "calibration_id": process.id,
        "seq": evaluated.seq,
        "round": evaluated.round,
        "measurand": str(evaluated.measurand),
        "verdict": str(evaluated.verdict),
        "detail": text_of(evaluated.detail),
    }
    return Entry(t.calibration_evaluations, row, by, at_utc_us)


def _knots(table: CorrectionTable | None) -> list[list[int]]:
    return [] if table is None else [list(knot) for knot in table.knots]


def about_to_write(process: Process, written: Written, by: UUID | None, at_utc_us: int) -> Entry:
    """The row of a correction before its bytes leave."""
    row = {
        "id": written.id,
        "calibration_id": process.id,
        "seq": written.seq,
        "kind": written.kind,
        "cartridge_key": written.cartridge_key,
        "table_key": written.table_key,
        "knots": text_of(_knots(written.table)),
    }
    return Entry(t.calibration_corrections, row, by, at_utc_us)


def came_of(
    key: UUID,
    correction: UUID,
    seq: int,
    outcome: str,
    text: str,
    held: tuple[int, CorrectionTable | None] | None,
    by: UUID | None,
    at_utc_us: int,
) -> Entry:
    """The row of what came of a correction; ``held``: key and table as the pen read them back."""
    row = {
        "id": key,
        "correction_id": correction,
        "seq": seq,
        "outcome": outcome,
        "text": text,
        "held_key": None if held is None else held[0],
        "held": None if held is None else text_of(_knots(held[1])),
    }
    return Entry(t.calibration_correction_results, row, by, at_utc_us)


# -- from the record


def process_of(rows: CalibrationRows) -> Process:
    """The calibration as it stands in the record."""
    row, pen = rows.calibration, rows.pen
    span = Span(
        row["depth_least_um"],
        row["depth_most_um"],
        row["depth_limit_um"],
        row["depth_step_um"],
        row["rate_least_mhz"],
        row["rate_most_mhz"],
    )
    process = Process(
        row["id"],
        plan_of(row["plan"]),
        span,
        pen["manufacturer"],
        pen["model"],
        pen["firmware"],
        row["origin"],
        row["at_utc_us"],
        row["found_key"],
        table_of(row["found_knots"]),
    )
    process.readings = [_reading(one, rows.withdrawn.get(one["id"])) for one in rows.readings]
    process.evaluations = [
        Evaluated(
            one["id"],
            one["seq"],
            one["round"],
            Measurand(one["measurand"]),
            Verdict(one["verdict"]),
            json.loads(one["detail"]),
        )
        for one in rows.evaluations
    ]
    process.corrections = [_written(one, rows.results.get(one["id"])) for one in rows.corrections]
    process.end = None if rows.end is None else _ended(rows.end)
    return process


def plan_of(text: str) -> Plan:
    """A plan as the record keeps it."""
    return parse_plan(json.loads(text))


def _reading(row: dict[str, Any], reason: str | None) -> Reading:
    return Reading(
        row["id"],
        row["seq"],
        row["round"],
        Measurand(row["measurand"]),
        row["step"],
        row["set_to_micro"] / MICRO,
        Direction(row["direction"]),
        row["value_micro"] / MICRO,
        row["typed"],
        row["source"],
        row["commanded_um"],
        row["read_back_um"],
        row["remark"],
        reason,
        row["at_utc_us"],
    )


def table_of(knots: str) -> CorrectionTable | None:
    """A correction as the record keeps it; None for none."""
    pairs = json.loads(knots)
    try:
        return CorrectionTable(tuple(Knot(*pair) for pair in pairs)) if pairs else None
    except (BadTable, TypeError):
        return None


def _written(row: dict[str, Any], result: dict[str, Any] | None) -> Written:
    return Written(
        row["id"],
        row["seq"],
        row["kind"],
        row["cartridge_key"],
        row["table_key"],
        table_of(row["knots"]),
        None if result is None else result["outcome"],
        "" if result is None else result["text"],
    )


def _ended(row: dict[str, Any]) -> Ended:
    def day(name: str) -> date | None:
        return None if row[name] is None else date.fromisoformat(row[name])

    def verdict(name: str) -> Verdict | None:
        return None if row[name] is None else Verdict(row[name])

    return Ended(
        row["how"],
        row["reason"],
        row["at_utc_us"],
        verdict("verdict_found"),
        verdict("verdict_left"),
        row["method"] or "",
        day("issued_date"),
        day("expires_date"),
        row["table_key"] or 0,
        row["content_sha256"] or "",
        row["binding_sha256"] or "",
        row["name"] or "",
    )


# -- what is signed


def content(process: Process) -> str:
    """SHA-256 of all that a calibration found: plan, ranges, readings, evaluations and corrections."""
    span = process.span
    return content_hash(
        {
            "calibration": str(process.id),
            "plan": process.plan.model_dump(mode="json"),
            "span": [
                span.depth_least_um, span.depth_most_um, span.depth_limit_um, span.depth_step_um, span.rate_least_mhz,
                span.rate_most_mhz,
            ],
            "found": [process.found_key, _knots(process.found)],
            "readings": [
                [
                    str(one.id), one.seq, one.round, str(one.measurand), one.step, micro(one.set_to), str(one.direction),
                    micro(one.value), one.typed, one.source, one.commanded_um, one.read_back_um, one.remark, one.withdrawn,
                ]
                for one in process.readings
            ],
            "evaluations": [
                [one.seq, one.round, str(one.measurand), str(one.verdict), dict(one.detail)]
                for one in process.evaluations
            ],
            "corrections": [
                [one.seq, one.kind, one.cartridge_key, one.table_key, _knots(one.table), one.outcome]
                for one in process.corrections
            ],
        }
    )  # fmt: skip


def binding_of(process: Process) -> Binding | None:
    """What a finished calibration holds for; None for one that is not finished."""
    end = process.end
    if end is None or end.issued is None or end.expires is None:
        return None
    return Binding(
        str(process.id),
        process.plan.pen_serial,
        process.plan.cartridge_type,
        process.firmware,
        end.method,
        end.name,
        end.issued,
        end.expires,
        end.table_key,
        end.content,
    )
