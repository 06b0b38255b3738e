"""A calibration as clients see it: plain values, described in docs/calibration.md."""

from __future__ import annotations

from typing import Any

from devicectl.calibration.plan import Plan, Series
from devicectl.calibration.process import Process, Reading
from devicectl.calibration.run import Step


def step_view(step: Step, count: int) -> dict[str, Any]:
    """One step; ``step`` counts from 0, ``of`` is how many the series has."""
    return {
        "step": step.index,
        "of": count,
        "set_to": step.set_to,
        "direction": str(step.direction),
        "via": step.via,
        "repeat": step.repeat,
        "seating": step.seating,
    }


def reading_view(reading: Reading) -> dict[str, Any]:
    """One reading; ``value`` and ``set_to`` in mm or Hz."""
    return {
        "id": str(reading.id),
        "seq": reading.seq,
        "round": reading.round,
        "measurand": str(reading.measurand),
        "step": reading.step,
        "set_to": reading.set_to,
        "direction": str(reading.direction),
        "value": reading.value,
        "typed": reading.typed,
        "source": reading.source,
        "commanded_um": reading.commanded_um,
        "read_back_um": reading.read_back_um,
        "remark": reading.remark,
        "withdrawn": reading.withdrawn,
        "at_utc_us": reading.at_utc_us,
    }


def series_view(process: Process, series: Series, round: int) -> dict[str, Any]:
    """How far a series of a round is."""
    run = process.run(series, round)
    evaluated = process.evaluated(series.measurand, round)
    return {
        "measurand": str(series.measurand),
        "unit": series.measurand.unit,
        "method": series.method,
        "round": round,
        "taken": len(run.measured()),
        "of": len(run.steps),
        "verdict": None if evaluated is None else str(evaluated.verdict),
    }


def calibration_view(process: Process) -> dict[str, Any]:
    """All of it."""
    place, end = process.place(), process.end
    return {
        "id": str(process.id),
        "pen": process.plan.pen_serial,
        "model": process.model,
        "firmware": process.firmware,
        "origin": process.origin,
        "cartridge_type": process.plan.cartridge_type,
        "technician": process.plan.technician,
        "begun_utc_us": process.begun_utc_us,
        "found_correction": [] if process.found is None else [list(knot) for knot in process.found.knots],
        "plan": process.plan.model_dump(mode="json"),
        "phase": str(process.phase),
        "round": process.round,
        "series": [
            series_view(process, one, round) for round in range(process.round + 1) for one in process.series_of(round)
        ],
        "next": None
        if place is None or end is not None
        else {"measurand": str(place.series.measurand), **step_view(place.step, len(place.run.steps))},
        "reseat": place is not None and place.run.reseat,
        "readings": [reading_view(one) for one in process.readings],
        "evaluations": [
            {
                "id": str(one.id),
                "round": one.round,
                "measurand": str(one.measurand),
                "verdict": str(one.verdict),
                "current": process.evaluated(one.measurand, one.round) is one,
                **one.detail,
            }
            for one in process.evaluations
        ],
        "corrections": [
            {
                "id": str(one.id),
                "kind": one.kind,
                "knots": [] if one.table is None else [list(knot) for knot in one.table.knots],
                "table_key": one.table_key,
                "outcome": one.outcome,
                "text": one.text,
            }
            for one in process.corrections
        ],
        "missing": process.missing(),
        "end": None
        if end is None
        else {
            "how": end.how,
            "reason": end.reason,
            "at_utc_us": end.at_utc_us,
            "found": None if end.found is None else str(end.found),
            "left": None if end.left is None else str(end.left),
            "issued": None if end.issued is None else end.issued.isoformat(),
            "expires": None if end.expires is None else end.expires.isoformat(),
            "content_sha256": end.content,
            "binding_sha256": end.binding,
            "name": end.name,
        },
    }


def plan_view(plan: Plan, problems: tuple[str, ...], readings: int) -> dict[str, Any]:
    """A plan, what is against it, and how many readings it means for each round."""
    return {"plan": plan.model_dump(mode="json"), "problems": list(problems), "readings": readings}
