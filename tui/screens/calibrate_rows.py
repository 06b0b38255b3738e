"""A calibration as rows of text: the step now, the readings, figures and verdict; pure functions of what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from devicectl.calibration.decision import Tolerance, default_tolerance
from devicectl.calibration.plan import Limits
from devicectl.calibration.quantities import Measurand
from tui import text
from tui.theme import BRIGHT, CHIP, DIM, FAINT, TEXT, Ink
from tui.widgets.error_plot import Band, Dot, error_plot
from tui.widgets.line_board import BLANK, Row, width_of

NAMES: Final = {
    "protrusion-static": "Needle protrusion, static",
    "protrusion-dynamic": "Needle protrusion, dynamic",
    "rate-no-load": "Stroke rate, no load",
    "rate-light-load": "Stroke rate, light load",
}
SIDES: Final = {"up": "from below", "down": "from above"}
MARKS: Final = {"pass": "✓", "conditional pass": "✓", "conditional fail": "✖", "fail": "✖"}
OUT: Final = "✖"
LEAST_SAID: Final = 9
"""Cells from which on a remark beside a reading says anything."""
Calibration = Mapping[str, Any]


def is_rate(measurand: str) -> bool:
    """Whether it is measured in Hz."""
    return measurand.startswith("rate")


def places_of(measurand: str) -> int:
    """Decimal places in which readings of it are shown."""
    return 2 if is_rate(measurand) else 3


def number(value: float | None, places: int, sign: bool = False) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:{'+' if sign else ''}.{places}f}"


def series_of_round(calibration: Calibration) -> list[Mapping[str, Any]]:
    """What is measured in this round."""
    return [one for one in calibration["series"] if one["round"] == calibration["round"]]


def series_now(calibration: Calibration) -> Mapping[str, Any]:
    """The series that is measured now; the last one when all is measured."""
    coming, of_round = calibration["next"], series_of_round(calibration)
    wanted = coming["measurand"] if coming is not None else of_round[-1]["measurand"]
    found: Mapping[str, Any] = next(one for one in of_round if one["measurand"] == wanted)
    return found


def planned(calibration: Calibration, measurand: str) -> Mapping[str, Any]:
    """The plan of one measurand."""
    found: Mapping[str, Any] = next(one for one in calibration["plan"]["series"] if one["measurand"] == measurand)
    return found


def evaluation_of(calibration: Calibration, measurand: str, round: int) -> Mapping[str, Any] | None:
    """The evaluation that counts, if it is up to date."""
    found = [
        one
        for one in calibration["evaluations"]
        if one["measurand"] == measurand and one["round"] == round and one["current"]
    ]
    return found[-1] if found else None


def phase_name(calibration: Calibration) -> str:
    """As found, or as left with the number of the correction."""
    return "As found" if not calibration["round"] else f"As left {calibration['round']}"


def stands_out(calibration: Calibration) -> frozenset[str]:
    """Ids of the readings that stand out among their own kind, by the evaluations that are up to date."""
    return frozenset(key for one in calibration["evaluations"] if one["current"] for key in one["outliers"])


def step_row(calibration: Calibration, width: int) -> list[Row]:
    """Two rows: how far it is, and the step that comes: ``Step 14 of 30: set-point 3 of 5 from below, repeat 2 of 3: 0.750 mm``."""
    series = series_now(calibration)
    measurand = series["measurand"]
    head = f"{phase_name(calibration)}  {series['taken']} of {series['of']} readings"
    first: Row = ((NAMES[measurand], BRIGHT), ("  ", DIM), (head, TEXT))
    if width_of(first) > width:
        first = ((head, BRIGHT),)
    step = calibration["next"]
    if step is None:
        return [first, (("Everything of this round is measured.", TEXT),)]
    plan = planned(calibration, measurand)
    points = sorted({*plan["set_points"]}) if not calibration["round"] else []
    place = f"set-point {points.index(step['set_to']) + 1} of {len(points)} " if step["set_to"] in points else ""
    words = f"Step {step['step'] + 1} of {step['of']}: {place}{SIDES[step['direction']]}, repeat {step['repeat']} of {plan['repeats']}: "
    return [first, ((words, TEXT), (f"{step['set_to']:.{places_of(measurand)}f} {series['unit']}", BRIGHT))]


def readings_of(calibration: Calibration, measurand: str | None = None) -> list[Mapping[str, Any]]:
    """The readings of a series (None: the one in hand) in this round, in order of entry, withdrawn ones too."""
    measurand = measurand or series_now(calibration)["measurand"]
    return [
        one for one in calibration["readings"] if one["round"] == calibration["round"] and one["measurand"] == measurand
    ]


def reading_rows(
    calibration: Calibration,
    height: int,
    width: int,
    cursor: int | None = None,
    outliers: frozenset[str] = frozenset(),
    measurand: str | None = None,
) -> list[Row]:
    """The table of readings: the newest ones, or those around ``cursor`` (place among them all)."""
    readings = readings_of(calibration, measurand)
    if height < 2:
        return []
    out = outliers | stands_out(calibration)
    body = height - 1
    last = len(readings) if cursor is None else min(len(readings), max(body, cursor + body // 2 + 1))
    shown = readings[max(0, last - body) : last]
    rows: list[Row] = [(("    no    set  side   reading    error", DIM),)]
    for at, one in enumerate(shown, max(0, last - body)):
        rows.append(_reading_row(one, at == cursor, one["id"] in out, width))
    if not readings:
        rows.append((("    no reading yet", DIM),))
    return rows


def _reading_row(one: Mapping[str, Any], here: bool, out: bool, width: int) -> Row:
    places = places_of(one["measurand"])
    gone = one["withdrawn"] is not None
    ink: Ink = FAINT if gone else BRIGHT if here or out else TEXT
    side = "below" if one["direction"] == "up" else "above"
    figures = (
        f" {one['step'] + 1:>3} {one['set_to']:>6.{2 if places == 3 else 1}f}  {side} {one['value']:>9.{places}f} "
        f"{one['value'] - one['set_to']:>+8.{places}f}"
    )
    said = f"withdrawn: {one['withdrawn']}" if gone else "stands out" if out else one["remark"]
    mark = "–" if gone else OUT if out else " "
    row: Row = (("›" if here else " ", BRIGHT), (mark, ink), (figures, ink))
    room = width - width_of(row)
    return (*row, (text.cut(f"  {said}", room), ink)) if said and room > LEAST_SAID else row


def plot_rows(
    calibration: Calibration,
    width: int,
    height: int,
    outliers: frozenset[str] = frozenset(),
    ascii: bool = False,
    judged_of: str | None = None,
) -> list[Row]:
    """Errors of the series in hand against set-points with tolerance; of one that is judged, ``judged_of``, with guard band and
    fit too."""
    measurand = judged_of or series_now(calibration)["measurand"]
    unit = "Hz" if is_rate(measurand) else "mm"
    judged = evaluation_of(calibration, measurand, calibration["round"])
    plan, out = planned(calibration, measurand), outliers | stands_out(calibration)
    counted = [one for one in readings_of(calibration, measurand) if one["withdrawn"] is None]
    dots = [
        Dot(one["set_to"], one["value"] - one["set_to"], one["direction"] == "up", OUT if one["id"] in out else "")
        for one in counted
    ]
    if judged is not None:
        bands = [Band(one["set_to"], one["limit"], one["guarded"]) for one in judged["points"]]
    else:
        points = {*plan["set_points"]} | {dot.set_to for dot in dots}
        tolerance = tolerance_of(plan)
        bands = [Band(one, tolerance.at(tolerance.error, one)) for one in sorted(points)]
    line = [(one["set_to"], one["fitted"] - one["set_to"]) for one in judged["points"]] if judged_of and judged else []
    head: Row = (
        (f" error, {unit}", DIM),
        ("   ━ tolerance", TEXT),
        ("  ─ guard band" if judged else "", DIM),
    )
    if line:
        head = (*head, ("  ≈ fit", DIM))
    return [
        head,
        *error_plot(dots, bands, width, height - 1, places=2 if not is_rate(measurand) else 1, ascii=ascii, line=line),
    ]


def residual_rows(
    calibration: Calibration, judged: Mapping[str, Any], width: int, height: int, ascii: bool = False
) -> list[Row]:
    """What the straight line leaves of each reading, with three standard deviations of it as lines."""
    measurand, fit, out = judged["measurand"], judged["fit"], stands_out(calibration)
    dots = [
        Dot(
            one["set_to"],
            one["value"] - fit["offset"] - fit["gain"] * one["set_to"],
            one["direction"] == "up",
            OUT if one["id"] in out else "",
        )
        for one in readings_of(calibration, measurand)
        if one["withdrawn"] is None
    ]
    bands = [Band(one["set_to"], 3 * fit["residual_s"]) for one in judged["points"]]
    head: Row = ((" residual", DIM), ("   ━ 3 s", TEXT))
    return [head, *error_plot(dots, bands, width, height - 1, places=places_of(measurand), ascii=ascii)]


def tolerance_of(plan: Mapping[str, Any]) -> Tolerance:
    """The limits of a planned series: its own, else the defaults."""
    limits = plan["limits"]
    if limits is None:
        return default_tolerance(Measurand(plan["measurand"]))
    return Limits.model_validate(limits).tolerance()


def point_rows(judged: Mapping[str, Any], width: int) -> list[Row]:
    """Set-points with error, hysteresis, uncertainty and what is allowed."""
    places = places_of(judged["measurand"])
    rows: list[Row] = [(("    set     up   down   error residual hyst.      U  allowed", DIM),)]
    for one in judged["points"]:
        bad = one["verdict"] != "pass"
        figures = (
            f"{one['set_to']:>6.2f}{number(one['up'], places):>7}{number(one['down'], places):>7}"
            f"{number(one['error'], places, True):>8}{number(one['mean'] - one['fitted'], places, True):>8}"
            f"{number(one['hysteresis'], places, True):>7}{number(one['uncertainty'], places):>7}  ±{number(one['guarded'], places)}"
        )
        ink: Ink = BRIGHT if bad else TEXT
        rows.append((("✖" if bad else " ", BRIGHT), (text.cut(figures, width - 1), ink)))
    return rows


def figure_rows(judged: Mapping[str, Any], plan: Mapping[str, Any], width: int) -> list[Row]:
    """Fit, residual, hysteresis, repeatability, needle spread and U, each with its limit where it has one."""
    measurand = judged["measurand"]
    places, unit = places_of(measurand), "Hz" if is_rate(measurand) else "mm"
    fit, tolerance = judged["fit"], tolerance_of(plan)
    spread = next((line for line in judged["budget"]["lines"] if line["name"] == "needle spread"), None)

    def allowed(limit: float | None) -> str:
        return "" if limit is None else f", allowed {limit:.{places}f}"

    told = [
        ("Gain", f"{fit['gain']:.6f} ± {number(fit['gain_error'], 6)} (standard error)"),
        ("Offset", f"{number(fit['offset'], places, True)} {unit}"),
        (
            "Residual s",
            f"{number(fit['residual_s'], places + 1)} {unit}, non-linearity {number(judged['non_linearity'], places)}",
        ),
        ("Greatest error", f"{number(judged['max_error'], places)} {unit}"),
        ("Hysteresis", f"{number(judged['hysteresis'], places)} {unit}{allowed(tolerance.hysteresis)}"),
        ("Repeatability", f"{number(judged['repeatability'], places + 1)} {unit}{allowed(tolerance.repeatability)}"),
    ]
    if spread is not None:
        told.append(("Needle spread", f"±{number(spread['value'], places)} {unit} ({spread['origin']})"))
    told.append(("U (k = 2)", f"{number(judged['budget']['expanded'], places)} {unit}"))
    return [((f"{name:<15}", DIM), (text.cut(words, width - 15), TEXT)) for name, words in told]


def budget_rows(judged: Mapping[str, Any], width: int) -> list[Row]:
    """The uncertainty budget line by line: evaluated A or B, value, divisor of its distribution, standard uncertainty, share."""
    budget = judged["budget"]
    places = places_of(judged["measurand"]) + 2
    room = max(12, width - 33)
    rows: list[Row] = [((f"{'Uncertainty budget':<{room}}    A/B  value  div.       u share", DIM),)]
    for one in budget["lines"]:
        figures = (
            f" {one['evaluated']:>4} {one['value']:>8.{places - 1}f} {one['divisor']:>5.3g} {one['u']:>8.{places}f}"
            f"{round(100 * one['share']):>3} %"
        )
        rows.append(((f"{text.cut(one['name'], room):<{room}}", TEXT), (figures, TEXT)))
    total = f"u_c {budget['combined']:.{places}f}, U = {budget['k']:g} u_c = {budget['expanded']:.{places}f}"
    return [*rows, ((total, BRIGHT),)]


def verdict_rows(calibration: Calibration, judged: Mapping[str, Any], width: int, most: int = 8) -> list[Row]:
    """The verdict in one word, its reasons, and what a person should look at."""
    word = judged["verdict"]
    rows: list[Row] = [
        (
            (f" {MARKS[word]} {word.upper()} ", CHIP),
            (f"  {phase_name(calibration)}, {NAMES[judged['measurand']].lower()}", TEXT),
        )
    ]
    for reason in judged["reasons"]:
        rows += [((line, TEXT),) for line in text.within(reason, width, 3)]
    for warning in judged["warnings"]:
        rows += [((line, BRIGHT),) for line in text.within(f"Look at it: {warning}", width, 2)]
    if judged["outliers"]:
        count = len(judged["outliers"])
        words = "1 reading stands out; it counts." if count == 1 else f"{count} readings stand out; they count."
        rows.append(((words, BRIGHT),))
    return rows[:most]


def beside(left: Sequence[Row], right: Sequence[Row], width: int) -> list[Row]:
    """Two columns; the left one has ``width`` cells."""
    out: list[Row] = []
    for at in range(max(len(left), len(right))):
        first = clipped(left[at] if at < len(left) else BLANK, width - 1)
        second = right[at] if at < len(right) else BLANK
        out.append((*first, (" " * (width - width_of(first)), DIM), *second) if second else first)
    return out


def clipped(row: Row, width: int) -> Row:
    """``row`` in at most ``width`` cells."""
    parts: list[tuple[str, Ink]] = []
    for words, ink in row:
        room = width - width_of(tuple(parts))
        if room <= 0:
            break
        parts.append((words if len(words) <= room else text.cut(words, room), ink))
    return tuple(parts)


def asked_row(key: str, words: str) -> Row:
    """A key and what it does, where it is the next thing to do."""
    return ((f" {key} ", CHIP), (f" {words}", BRIGHT))


def told_rows(words: str, width: int, most: int) -> list[Row]:
    """A sentence for the person, wrapped."""
    return [((line, BRIGHT),) for line in text.within(words, width, most)] if words else []
