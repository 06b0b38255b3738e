"""The calibration screen as rows: what is measured now, or what came of it. Pure functions of what is known."""

from __future__ import annotations

from typing import Final

from tui import text
from tui.model import STALE_S, Live
from tui.screens import calibrate_rows as c
from tui.screens.calibrate_work import PAGES, Stage, Work
from tui.theme import BRIGHT, CHIP, DIM, TEXT
from tui.widgets.line_board import BLANK, Row

WIDE: Final = 110
"""Columns from which on figures, budget and plot stand side by side."""
BOTH: Final = 30
"""Rows from which on residuals have a plot of their own under that of the errors."""


def body(work: Work, live: Live, width: int, height: int, rest: str, ascii: bool) -> list[Row]:
    """Everything between alarms and keys; ``rest`` is what the alarm row had no room for."""
    if width < 60 or height < 10:
        return [((" Too small for a calibration: 80x24 is enough.", BRIGHT),)]
    if work.stage in (Stage.JUDGED, Stage.OVER):
        return _judged(work, width, height, rest, ascii)
    out = frozenset(work.outliers)
    state = [((" ", DIM), *row) for row in _state(work, live, ascii, width - 2, rest, 2 if height < 30 else 4)]
    room, left = height - len(state), min(56, width * 11 // 20)
    table = c.reading_rows(work.calibration, room, left - 1, work.cursor, out)
    plot = c.plot_rows(work.calibration, min(120, width - left - 1), min(room, 36), out, ascii)
    return [*state, *c.beside(table, plot, left)]


def _state(work: Work, live: Live, ascii: bool, width: int, rest: str, told: int) -> list[Row]:
    """The step, what the pen does, the field or what is to be done, and what there is to say: always as many rows."""
    said: list[Row] = [((line, TEXT),) for line in text.within(f"…{rest}", width, 1)] if rest else []
    said += c.told_rows(work.told or live.notice, width, told - len(said))
    return [
        *c.step_row(work.calibration, width),
        _pen_row(work, live),
        _asked(work, live, ascii),
        *said,
        *[BLANK] * (told - len(said) + 1),
    ]


def _pen_row(work: Work, live: Live) -> Row:
    pen = live.pen
    if pen is None or not live.answering or pen.link != "up":
        return (("Pen  ", DIM), ("? not heard", BRIGHT))
    if live.since > STALE_S:
        return (("Pen  ", DIM), (f"? not heard for {live.since:.1f} s", BRIGHT))
    depth = f"  depth {pen.depth_um / 1000:.2f} mm" if pen.depth_um is not None else ""
    if pen.motion == "turning":
        words = "▶ parking" if work.stage is Stage.PARKING else "▶ turning"
    elif pen.motion != "still":
        words = "? motion unknown"
    elif pen.latched:
        words = "■ STOPPED"
    else:
        standing = {Stage.DRIVING: "◌ driving", Stage.PARKING: "◌ parking"}.get(work.stage, "○ standing")
        parked = work.stage is Stage.READING and work.step and work.step["stand"] == "park"
        words = "○ standing, parked at bottom dead centre" if parked else standing
    return (("Pen  ", DIM), (words, BRIGHT), (depth, DIM))


def _asked(work: Work, live: Live, ascii: bool) -> Row:
    key = live.key
    if live.pen is not None and live.pen.latched:
        return c.asked_row(key("reset"), "resets; then Y drives on")
    match work.stage:
        case Stage.READY:
            return c.asked_row("Y", "drives. Hands off, pen clamped?")
        case Stage.RESEAT:
            return c.asked_row("Y", "Cartridge seated anew, zero set?")
        case Stage.RUN:
            run = live.view.run if live.view is not None else None
            if run is not None:
                return c.asked_row(key("finish"), "ends the run; read the instrument")
            return c.asked_row(key("go"), "opens the start sheet; then read")
        case Stage.READING if not live.at_rest:
            return (("The reading is typed when the pen is confirmed still and no run is open.", DIM),)
        case Stage.READING:
            unit = c.series_now(work.calibration)["unit"]
            return (
                ("Reading ", BRIGHT),
                (f" {work.typed}", CHIP),
                ("▏" if not ascii else "_", CHIP),
                (f" {unit}", DIM),
            )
        case Stage.SENDING:
            return (("Reading ", DIM), (f" {work.typed}", TEXT), ("  taken down …", DIM))
        case _:
            return (("Wait; SPACE stops.", DIM),)


def _judged(work: Work, width: int, height: int, rest: str, ascii: bool) -> list[Row]:
    calibration = work.calibration
    series = work.looked_at
    judged = c.evaluation_of(calibration, series["measurand"], series["round"])
    if judged is None:
        return [*c.step_row(calibration, width), *c.told_rows(work.told, width, 3)]
    plan = c.planned(calibration, judged["measurand"])
    wide = width >= WIDE
    left = 62 if wide else width - 1
    head: list[Row] = [((line, TEXT),) for line in text.within(f"…{rest}", left - 2, 2)] if rest else []
    head += c.verdict_rows(calibration, judged, left - 2)
    head += _next_rows(work, left - 2)
    points, figures = c.point_rows(judged, left - 1), c.figure_rows(judged, plan, left - 2)
    right = max(20, min(100, width - left - 2))
    budget = c.budget_rows(judged, right if wide else left - 2)
    across, tall = (right, height - len(budget) - 1) if wide else (width - 2, height - 2)
    both = tall >= BOTH
    plot = c.plot_rows(
        calibration, across, max(8, tall * 2 // 3 if both else tall), ascii=ascii, judged_of=judged["measurand"]
    )
    if both:
        plot += c.residual_rows(calibration, judged, across, tall - len(plot), ascii)
    if wide:
        main = [*_indented(head), BLANK, *points, BLANK, *_indented(figures)]
        left_room = height - len(main) - 1
        if left_room > 3:
            main += [
                BLANK,
                *c.reading_rows(calibration, left_room, left - 1, work.cursor, measurand=judged["measurand"]),
            ]
        return c.beside(main, [*budget, BLANK, *plot], left)
    page = PAGES[work.page]
    tabs = tuple(part for name in PAGES for part in ((f" {name} ", CHIP if name == page else DIM), (" ", DIM)))
    content = {
        "verdict": [*_indented(head), BLANK, *points, BLANK, *_indented(figures)],
        "plot": plot,
        "budget": _indented([*figures, BLANK, *budget]),
        "readings": c.reading_rows(calibration, height - 2, width - 1, work.cursor, measurand=judged["measurand"]),
    }[page]
    return [((" ", DIM), *tabs), *content]


def _next_rows(work: Work, width: int) -> list[Row]:
    calibration = work.calibration
    told = c.told_rows(work.told, width, 3)
    end = calibration["end"]
    if end is not None:
        words = (
            f"Abandoned: {end['reason']}"
            if end["how"] == "abandoned"
            else f"As found {end['found']}, as left {end['left']}; signed by {end['name']}, valid until {end['expires']}."
        )
        return [*told, *[((line, TEXT),) for line in text.within(words, width, 2)]]
    back: list[Row] = []
    if work.look_back:
        sessions = ", ".join(f"{one['session'][-8:]} {one['client'] or one['purpose']}" for one in work.look_back)
        words = f"Look back: {len(work.look_back)} sessions since the last good calibration: {sessions}"
        back = [((line, BRIGHT),) for line in text.within(words, width, 2)]
    return [*told, *back]


def keys(work: Work, live: Live, width: int) -> tuple[tuple[str, str], ...]:
    """The keys that matter now, most wanted first."""
    key = live.key
    leave = ("Esc", "pause and leave")
    alarm = ((key("acknowledge"), "alarm"),) if live.alarms() else ()
    match work.stage:
        case Stage.READY | Stage.RESEAT:
            return (
                ("Y", "drive on"),
                *alarm,
                ("F7", "withdraw"),
                leave,
                ("F8", "abandon"),
                ("up down", "readings"),
            )
        case Stage.READING:
            more = (("F6", "take it anyway"),) if work.refused else ()
            return (
                ("Enter", "takes it, drives on"),
                *more,
                ("F4", "clear"),
                ("F5", "drive again"),
                ("F7", "withdraw"),
                ("Esc", "pause"),
            )
        case Stage.RUN:
            running = live.view is not None and live.view.run is not None
            return ((key("finish"), "end the run"),) if running else ((key("go"), "start sheet"), *alarm, leave)
        case Stage.JUDGED:
            wide = width >= WIDE
            pages = () if wide else (("Tab", "page"),)
            if len(c.series_of_round(work.calibration)) > 1:
                pages = (("n", "next series"), *pages)
            return (
                ("s", "sign"),
                ("l", "adjust"),
                ("p", "piecewise"),
                *pages,
                ("F7", "withdraw"),
                *alarm,
                ("F8", "abandon"),
                ("Esc", "later"),
            )
        case Stage.OVER:
            return (("p", "report as PDF"), ("Tab", "page"), *alarm, ("Esc", "back"))
        case _:
            return (("SPACE", "STOP"), *alarm)


def _indented(lines: list[Row]) -> list[Row]:
    return [((" ", DIM), *row) for row in lines]
