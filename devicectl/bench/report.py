"""The true record: what a soak recorded beside what was so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from devicectl.records.evidence import INFERRED, MEASURED

from .soak import Result
from .truth import PassTruth, Sums

HEAD = (
    "SEED", "PEN", "ZONE", "PASS", "s", "measured", "inferred", "unknown", "strokes", "true", "contact s", "true",
    "depth mm", "true", "by", "lies",
)  # fmt: skip


def as_rows(results: Sequence[Result]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of a table, one row for each pass."""
    return HEAD, [_row(result.plan.seed, one) for result in results for one in result.passes]


def _row(seed: int, one: PassTruth) -> tuple[str, ...]:
    return (
        str(seed), str(one.pen), one.zone or "-", str(one.seq), *(f"{ms / 1000:.2f}" for ms in (one.duration_ms, one.measured_ms, one.inferred_ms, one.unknown_ms)),
        str(one.strokes), f"{one.strokes_true:.1f}", f"{one.contact_ms / 1000:.2f}", f"{one.contact_true_ms / 1000:.2f}",
        f"{one.depth_um / 1000:.3f}", f"{one.depth_true_um / 1000:.3f}", one.contact_kind, "yes" if one.lies else "",
    )  # fmt: skip


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Everything, for programs: units as in the record (ms, µm, strokes)."""
    return {
        "runs": [
            {
                "seed": result.plan.seed,
                "pens": result.plan.pens,
                "link": result.plan.link,
                "model_s": result.model_s,
                "wall_s": result.wall_s,
                "violations": [one._asdict() for one in result.violations],
                "sums": asdict(Sums.of(result.passes)),
                "passes": [asdict(one) for one in result.passes],
            }
            for result in results
        ],
        "sums": asdict(Sums.of([one for result in results for one in result.passes])),
    }


def summary(results: Sequence[Result]) -> list[str]:
    """A few lines for people."""
    sums = Sums.of([one for result in results for one in result.passes])
    hours = sum(result.model_s * result.plan.pens for result in results) / 3600
    wall = sum(result.wall_s for result in results)
    broken = sum(bool(result.violations) for result in results)
    lines = [
        (
            f"{len(results)} seeds, {hours:.2f} pen-hours in {wall:.0f} s of work ({hours * 3600 / max(wall, 1e-9):.0f} × real time), "
            f"{broken} with a broken rule"
        ),
        (
            f"{sums.passes} passes ({sums.lying} with a lying sensor, left out below), {sums.duration_ms / 1000:.0f} s: "
            f"measured {sums.measured_ms / 1000:.0f}, inferred {sums.inferred_ms / 1000:.0f}, unknown {sums.unknown_ms / 1000:.0f}"
        ),
        f"strokes {sums.strokes} recorded, {sums.strokes_true:.0f} made{_off(sums.strokes, sums.strokes_true)}",
    ]
    for kind in (MEASURED, INFERRED):
        recorded, true = sums.contact_ms[kind], sums.contact_true_ms[kind]
        if true:
            lines.append(f"contact {kind} {recorded / 1000:.1f} s, {true / 1000:.1f} s were so{_off(recorded, true)}")
    return lines


def _off(recorded: float, true: float) -> str:
    return f" ({(recorded - true) / true * 100:+.2f} %)" if true else ""
