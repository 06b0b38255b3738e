"""The pictures of one series as numbers for the template ``plot.typ``: what is drawn where, with its legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from devicectl.calibration.quantities import Direction
from devicectl.calibration.rounding import shown
from devicectl.reports.series import SeriesResult

from .axes import Axis, axis
from .tables import exact_column, places_of

Spec = dict[str, Any]
SHAPES: Final = {Direction.UP: "up", Direction.DOWN: "down"}
ASIDE: Final = 0.012
"""How far beside its set-point a reading is drawn, as a part of the axis, so that up and down do not hide each other."""


def figures(result: SeriesResult) -> list[Spec]:
    """Error, residuals, hysteresis (when both directions were measured) and needle spread (when it was measured)."""
    made = [error_figure(result), residual_figure(result)]
    if result.evaluation.hysteresis is not None:
        made.append(hysteresis_figure(result))
    if result.needles is not None:
        made.append(needle_figure(result))
    return made


def _scale(result: SeriesResult) -> tuple[str, Callable[[float, float], float]]:
    """Unit of an error in a picture, and a value (first) at a set-point (second) in that unit."""
    if result.series.tolerance().relative:
        return "%", lambda value, set_to: 100 * value / set_to
    return result.series.measurand.unit, lambda value, _: value


def _set_axis(result: SeriesResult) -> Axis:
    set_points = [point.set_to for point in result.evaluation.points]
    return axis(f"set-point in {result.series.measurand.unit}", set_points, margin=0.08)


def error_figure(result: SeriesResult) -> Spec:
    """Errors with U as bars, the fit, the tolerance and, inside of it, the guard band."""
    unit, scaled = _scale(result)
    judged = result.decision.points
    x = _set_axis(result)
    # A relative limit or a fit is a straight line in this unit too: its two ends are enough.
    limit = scaled(judged[-1].limit, judged[-1].set_to)
    guards = [scaled(point.guard, point.set_to) for point in judged]
    warn = result.series.tolerance().warn * (100 if unit == "%" else 1)
    points = [(point.set_to, scaled(point.error, point.set_to)) for point in judged]
    bars = [
        {
            "x": p.set_to,
            "low": scaled(p.error - p.uncertainty, p.set_to),
            "high": scaled(p.error + p.uncertainty, p.set_to),
        }
        for p in judged
    ]
    ends = (judged[0].set_to, judged[-1].set_to)
    fit = [[end, scaled(result.fit(end) - end, end)] for end in ends]
    y = axis(
        f"error in {unit}",
        [limit, -limit, *(bar["low"] for bar in bars), *(bar["high"] for bar in bars), *(end[1] for end in fit)],
    )
    guarded = any(guards)
    inner = list(zip([x.low, *(p.set_to for p in judged), x.high], [guards[0], *guards, guards[-1]], strict=True))
    areas = [
        {"fill": "guard", "points": [[x.low, side * limit], [x.high, side * limit], *_inner(inner, limit, side)]}
        for side in (1, -1)
        if guarded
    ]
    across = (x.low, x.high)
    lines: list[Spec] = [_level(0.0, across, weight=0.4)]
    lines += [_level(side * limit, across, weight=1.2) for side in (1, -1)]
    lines += [_level(side * warn, across, dash="dotted", weight=0.8) for side in (1, -1)]
    lines.append({"points": fit, "dash": "dashed", "weight": 1.0})
    allowed, warning = exact_column([limit, warn])
    legend: list[Spec] = [
        {"text": "error with ±U (k = 2)", "mark": {"shape": "circle", "filled": True}, "bar": True},
        {"text": "fit", "line": {"dash": "dashed", "weight": 1.0}},
        {"text": f"tolerance ±{allowed} {unit}", "line": {"weight": 1.2}},
        {"text": f"warning ±{warning} {unit}", "line": {"dash": "dotted", "weight": 0.8}},
    ]
    if guarded:
        legend.insert(3, {"text": "guard band w = U", "area": "guard"})
    marks = [{"x": at, "y": value, "shape": "circle", "filled": True} for at, value in points]
    alt = "; ".join(f"at {at:g} {result.series.measurand.unit} {_plain(value)} {unit}" for at, value in points)
    return _spec("Error, fit, tolerance" + (" and guard band" if guarded else ""), f"Errors: {alt}.", x, y) | {
        "areas": areas,
        "lines": lines,
        "bars": bars,
        "marks": marks,
        "legend": legend,
    }


def residual_figure(result: SeriesResult) -> Spec:
    """What each reading is off the fit; outliers have a ring of their own."""
    unit, scaled = _scale(result)
    x = _set_axis(result)
    counting = {each.step: each.value for each in result.run.taken if each.withdrawn is None}
    steps = [step for step in result.run.steps if step.index in counting]
    off = {step.index: scaled(counting[step.index] - result.fit(step.set_to), step.set_to) for step in steps}
    y = axis(f"reading − fit in {unit}", [*off.values(), 0.0], margin=0.1)
    marks = [
        {
            "x": step.set_to + (x.high - x.low) * (ASIDE if step.direction is Direction.DOWN else -ASIDE),
            "y": off[step.index],
            "shape": SHAPES[step.direction],
            "filled": step.direction is Direction.UP,
        }
        for step in steps
    ]
    around = [
        {"x": mark["x"], "y": mark["y"], "shape": "ring", "filled": False, "big": 8}
        for mark, step in zip(marks, steps, strict=True)
        if step.index in result.outliers
    ]
    legend = _directions()
    if around:
        legend.append({"text": "outlier (counts)", "mark": {"shape": "ring", "filled": False}})
    return _spec(
        "Residuals of the readings", f"{len(steps)} readings, residual s {_plain(result.fit.residual_s)}.", x, y
    ) | {
        "lines": [_level(0.0, (x.low, x.high), weight=0.4)],
        "marks": marks + around,
        "legend": legend,
    }


def hysteresis_figure(result: SeriesResult) -> Spec:
    """Mean errors of both directions; what lies between the lines is the hysteresis."""
    unit, scaled = _scale(result)
    x = _set_axis(result)
    sides: list[tuple[Direction, str, list[list[float]]]] = []
    for direction, dash in ((Direction.UP, "solid"), (Direction.DOWN, "dashed")):
        means = [(point.set_to, getattr(point, direction.value)) for point in result.evaluation.points]
        sides.append((direction, dash, [[at, scaled(mean - at, at)] for at, mean in means if mean is not None]))
    y = axis(f"mean error in {unit}", [value for _, _, points in sides for _, value in points] + [0.0], margin=0.1)
    return _spec(
        "Hysteresis: approached upward and downward",
        f"Greatest hysteresis {_plain(result.evaluation.hysteresis or 0.0)} {result.series.measurand.unit}.",
        x,
        y,
    ) | {
        "lines": [
            _level(0.0, (x.low, x.high), weight=0.4),
            *({"points": points, "dash": dash, "weight": 0.9} for _, dash, points in sides),
        ],
        "marks": [
            {"x": at, "y": value, "shape": SHAPES[direction], "filled": direction is Direction.UP}
            for direction, _, points in sides
            for at, value in points
        ],
        "legend": [
            entry | {"line": {"dash": dash, "weight": 0.9}}
            for entry, (_, dash, _) in zip(_directions(), sides, strict=True)
        ],
    }


def needle_figure(result: SeriesResult) -> Spec:
    """Protrusion of each needle, their mean and the half-width that goes into the budget."""
    needles = result.needles
    assert needles is not None
    spread, count = needles.spread, len(needles.protrusions)
    y = axis("protrusion in mm", needles.protrusions, margin=0.12)
    every = max(1, -(-count // 12))
    x = Axis("needle", 0.3, count + 0.7, tuple((float(n), str(n)) for n in range(1, count + 1, every)))
    across = (x.low, x.high)
    middle = (spread.least + spread.greatest) / 2
    to = places_of(spread.half_width)
    half = shown(spread.half_width, to)
    return _spec(
        f"Needle spread at {needles.set_to:g} mm",
        f"{count} needles from {_plain(spread.least)} to {_plain(spread.greatest)} mm.",
        x,
        y,
    ) | {
        "areas": [
            {
                "fill": "plain",
                "points": [
                    [x.low, spread.least],
                    [x.high, spread.least],
                    [x.high, spread.greatest],
                    [x.low, spread.greatest],
                ],
            }
        ],
        "lines": [_level(spread.mean, across, dash="dashed")],
        "marks": [
            {"x": n, "y": value, "shape": "square", "filled": True} for n, value in enumerate(needles.protrusions, 1)
        ],
        "legend": [
            {"text": "needle", "mark": {"shape": "square", "filled": True}},
            {"text": f"mean {shown(spread.mean, 3)} mm", "line": {"dash": "dashed"}},
            {"text": f"spread {shown(middle, to)} ± {half} mm", "area": "plain"},
        ],
    }


def _spec(title: str, alt: str, x: Axis, y: Axis) -> Spec:
    return {"title": title, "alt": f"{title}. {alt}", "x": x.spec(), "y": y.spec()}


def _level(value: float, across: tuple[float, float], dash: str = "solid", weight: float = 0.8) -> Spec:
    return {"points": [[across[0], value], [across[1], value]], "dash": dash, "weight": weight}


def _inner(guards: Sequence[tuple[float, float]], limit: float, side: int) -> list[list[float]]:
    return [[at, side * (limit - min(guard, limit))] for at, guard in reversed(guards)]


def _directions() -> list[Spec]:
    names = {Direction.UP: "approached upward", Direction.DOWN: "approached downward"}
    return [
        {"text": names[each], "mark": {"shape": SHAPES[each], "filled": each is Direction.UP}} for each in Direction
    ]


def _plain(value: float) -> str:
    """Three significant digits at most and no exponent, for a sentence or a legend."""
    text = f"{value:.3g}" if abs(value) >= 1e-4 else "0"
    return text.replace("-", "−")
