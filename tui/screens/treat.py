"""The treatment screen: scalp map on the left, what the pen does on the right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from devicectl.station.views import View
from tui import text
from tui.keys import COMMANDS, DEFAULT, Keymap
from tui.model import Freshness, freshness
from tui.screens import rows, values
from tui.screens.calibrate_way import CalibrationActions
from tui.theme import BRIGHT, DIM, OVER, TEXT, Ink
from tui.widgets.alarm_bar import AlarmBar, alarm_row
from tui.widgets.big_number import BigNumber
from tui.widgets.line_board import LineBoard, Row, width_of
from tui.widgets.scalp_map import ASCII_WEAVE, OVER_GLYPH, SKIP_GLYPH, WEAVE, PatchMark, ScalpMap, ZoneMark
from tui.widgets.stop_bar import StopBar, stop_words
from tui.widgets.trace import BrailleTrace, TraceBuffer
from tui.zones import CUSTOM, ZONES, patches_of

STEERED: Final = ("Depth", "Rate", "Current")
VITALS: Final = ("Temp", "Battery", "Link", "Lease")
TALL: Final = 34
VAST: Final = 190
"""Columns from which on a third column has room."""
HELD_S: Final = 0.2
"""Numerals change at most five times a second: faster cannot be read."""


def bindings(keymap: Keymap) -> list[Binding]:
    """Textual's bindings of a keymap."""
    return [Binding(",".join(keymap.keys[c.name]), c.action, c.help, show=False, id=c.name) for c in COMMANDS]


class TreatScreen(CalibrationActions):
    """One screen for 80x24 and larger; below that a plain table."""

    CSS_PATH = "treat.tcss"
    BINDINGS: ClassVar[list[Any]] = bindings(DEFAULT)
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (80, "-narrow"), (100, "-normal"), (160, "-wide"), (VAST, "-vast")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-short"), (TALL, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self.buffers = {name: TraceBuffer() for name in STEERED}
        self._numerals: dict[str, tuple[float, Row]] = {}

    def compose(self) -> ComposeResult:
        """Fixed places: nothing on this screen ever jumps."""
        yield LineBoard(1, id="title")
        yield AlarmBar()
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield ScalpMap(id="map")
                yield LineBoard(1, id="legend")
            with Vertical(id="right"):
                yield LineBoard(3, id="state")
                with Horizontal(id="big"):
                    for name in ("depth", "rate"):
                        with Vertical():
                            yield LineBoard(1, id=f"{name}-label")
                            yield BigNumber(id=f"{name}-number")
                for name in STEERED:
                    yield LineBoard(1, id=f"v-{name}", classes="value")
                    if name != "Current":
                        yield LineBoard(1, id=f"s-{name}", classes="set")
                    yield BrailleTrace(self.buffers[name], id=f"t-{name}")
                yield LineBoard(4, id="vitals")
                yield LineBoard(4, id="timers")
                yield LineBoard(id="log")
            yield LineBoard(id="far")
            yield LineBoard(id="table")
        yield LineBoard(1, id="keys")
        yield StopBar()

    def begin_anew(self) -> None:
        """Forget what was shown: another pen, or another scene, begins."""
        for buffer in self.buffers.values():
            buffer.clear()
        self._numerals.clear()
        self.closed_chart = None

    def hear(self, view: View) -> None:
        """Take the telemetry of a view; it is kept even while another screen lies on top."""
        self.hear_way(view)
        trace, pen = view.trace, view.pen
        if trace is None:
            return
        self.buffers["Rate"].feed(trace.clock_ms, trace.rate_mhz)
        self.buffers["Current"].feed(trace.clock_ms, trace.current_ma)
        self.buffers["Depth"].feed(trace.clock_ms, trace.depth_um)
        limits = pen.limits if pen is not None else None
        if limits is not None and self.ready:
            rate, depth = limits.rate_max_mhz, limits.depth_max_um
            self.query_one("#t-Rate", BrailleTrace).scale(0, rate, (text.hz(rate), "0"))
            self.query_one("#t-Depth", BrailleTrace).scale(0, depth, (text.mm(depth), "0"))
            self.query_one("#t-Current", BrailleTrace).scale(0, 1000, ("1.0", "0"))

    # one frame

    def frame(self) -> None:
        """Everything that may have changed; a row that is the same costs a comparison."""
        width, height = self.app.size
        live, board = self.live, self._board
        localtime = self.dashboard.localtime
        board("title").put(0, rows.title_row(live, "TREAT", width, localtime))
        silenced = max(0.0, live.view.silenced_s - live.since) if live.view is not None else 0.0
        row, rest = alarm_row(live.alarms(), silenced, live.clock(), width, live.keymap)
        board("alarm").put(0, row)
        self.paint_keys()
        self.query_one(StopBar).show(*stop_words(live, self.dashboard.guard.may_turn, self.dashboard.stopped_at))
        if width < 80 or height < 24:
            board("table").fill(self._table(width, height, rest))
            return
        self._frame_map()
        inner = board("state").size.width or width - 36
        board("state").fill(rows.state_rows(live, inner, rest))
        shown = values.live_rows(live, inner)
        for name in STEERED:
            board(f"v-{name}").put(0, self._held(name, shown[name]))
        board("vitals").fill([self._held(name, shown[name]) for name in VITALS])
        if height >= TALL:
            self._frame_big()
            for name in STEERED:
                self.buffers[name].pass_time((live.sample_age or 0.0) * 1000)
                self.query_one(f"#t-{name}", BrailleTrace).tick()
            board("legend").put(0, _legend(live.view, self.dashboard.look.ascii, board("legend").size.width))
        for name in ("Depth", "Rate"):
            board(f"s-{name}").put(0, values.setpoint_row(live, name, inner, " " * values.LABEL))
        timers = values.timer_rows(live, inner)
        tall = board("timers").styles.height
        if tall is None or tall.value != len(timers):
            board("timers").styles.height = len(timers)
        board("timers").fill(timers)
        log = board("far" if width >= VAST else "log")
        if width >= VAST:
            log.fill(rows.far_rows(live, log.size.height, log.size.width - 2, localtime))
        else:
            log.fill(rows.log_rows(live, log.size.height, inner, localtime))

    def paint_keys(self) -> None:
        """The row of keys, and at its end the one that was just pressed."""
        if self.ready and self.app.is_running:
            hints = rows.hints(self.live)
            self._board("keys").put(0, rows.key_row(hints, self.app.size.width, self.live.pressed))

    def _board(self, name: str) -> LineBoard:
        return self.query_one(f"#{name}", LineBoard)

    def _held(self, name: str, row: Row) -> Row:
        """``row``, or the one before when it is too young to be replaced and only its number differs."""
        at, before = self._numerals.get(name, (-1.0, ()))
        now = self.live.clock()
        same_kind = len(before) > 1 and len(row) > 1 and before[1][1] is row[1][1]
        if same_kind and now - at < HELD_S - 0.02:
            return before
        self._numerals[name] = (now, row)
        return row

    def _frame_map(self) -> None:
        scalp, view = self.query_one(ScalpMap), self.live.view
        replay = view is not None and view.pen is not None and view.pen.replay
        scalp.say("REPLAY" if replay else "SIMULATED PEN" if rows.is_simulated(view) else "")
        if view is None:
            return
        chosen = self.live.pending.zone or view.zone
        scalp.select(chosen)
        patches = {patch.code: patch for patch in patches_of(view)}
        marks = [PatchMark(code, one.count, one.active, code == chosen) for code, one in patches.items()]
        if chosen is not None and chosen.startswith(CUSTOM) and chosen not in patches:
            marks.append(PatchMark(chosen, "0×", False, True))
        scalp.show_patches(tuple(marks))
        session = view.session
        zones = {zone.code: zone for zone in session.zones} if session is not None else {}
        current = session.current if session is not None else None
        plan = {zone.code: zone for zone in view.chart.zones} if view.chart is not None else {}
        for index, label in enumerate(ZONES):
            zone, planned = zones.get(label.code), plan.get(label.code)
            here = current if current is not None and current.zone == label.code else None
            seconds = (zone.contact_s if zone else 0.0) + (here.contact_s if here else 0.0)
            passes, inferred = (zone.passes, zone.inferred) if zone else (0, False)
            mark = ZoneMark(passes, float(int(seconds)), inferred, here is not None)
            if planned is not None:
                done = sum(planned.done.values()) + planned.undirected
                number = None if planned.state == "unplanned" else sum(planned.planned.values())
                mark = replace(mark, passes=done, planned=number, state=planned.state)
            scalp.mark(index, mark)

    def _frame_big(self) -> None:
        live, pen = self.live, self.live.pen
        fresh = freshness(live.sample_age)
        style = BRIGHT if fresh is Freshness.FRESH else DIM
        gone = pen is None or fresh is Freshness.GONE
        numbers = {
            "depth": text.mm(pen.depth_um if pen else None),
            "rate": text.hz(text.calm(pen.rate_mhz if pen else None)),
        }
        for name, label in (("depth", "Depth  mm"), ("rate", "Rate  Hz")):
            row: Row = ((label, DIM),)
            self._board(f"{name}-label").put(0, (*row, ("  ?", BRIGHT)) if fresh is Freshness.STALE else row)
            shown = "--" if gone else numbers[name]
            held = self._held(f"big-{name}", ((name, style), (shown, style)))
            self.query_one(f"#{name}-number", BigNumber).show(held[1][0], style)

    def _table(self, width: int, height: int, rest: str) -> list[Row]:
        """The screen for terminals too small for it: state, values, zones, in this order."""
        live = self.live
        out = rows.state_rows(live, width - 1, rest)
        if height >= 12:
            out.append((("80x24 or larger shows map, gauges and log", DIM),))
        shown = values.live_rows(live, min(width, 40))
        out += [shown[name] for name in ("Depth", "Rate", "Current", "Battery", "Link")]
        session = live.view.session if live.view is not None else None
        done = {zone.code: zone.passes for zone in session.zones} if session is not None else {}
        chosen = live.pending.zone or (live.view.zone if live.view is not None else None)
        for zone in ZONES:
            style = BRIGHT if zone.code == chosen else TEXT if done.get(zone.code) else DIM
            out.append(
                (
                    (f"{'>' if zone.code == chosen else ' '}{zone.key} {zone.name:<18}", style),
                    (f"{done.get(zone.code, 0):>3}×", style),
                )
            )
        for patch in patches_of(live.view):
            style = BRIGHT if patch.code == chosen else TEXT
            out.append(
                (((f"{'>' if patch.code == chosen else ' '}{patch.code:<20}"), style), (f"{patch.count:>4}", style))
            )
        return [((" ", DIM), *row) for row in out[: max(1, height - 4)]]

    def on_scalp_map_picked(self, event: ScalpMap.Picked) -> None:
        """A click chooses as a digit does."""
        self.action_zone(event.code)


def treat_screen(keymap: Keymap) -> TreatScreen:
    """The screen with the user's keys."""
    if keymap is DEFAULT:
        return TreatScreen()

    class Remapped(TreatScreen, inherit_bindings=False):
        BINDINGS: ClassVar[list[Any]] = bindings(keymap)

    return Remapped()


def _legend(view: View | None, ascii: bool, width: int) -> Row:
    tail = "m:ss contact"
    weave = ASCII_WEAVE if ascii else WEAVE
    if view is not None and view.chart is not None:
        return _plan_legend(weave, tail, width)
    parts: list[tuple[str, Ink]] = [(" passes ", DIM)]
    for step in (1, 2, 3, 4, 5):
        parts += [(f" {weave[step] * 2}", TEXT), (f" {step}", DIM)]
    parts += [(f"  {weave[-1] * 2}", TEXT), (" 6+", DIM)]
    for words in ("  ▶ now", f"  {tail}", "  ~ inferred"):
        if width_of(tuple(parts)) + len(words) <= width:
            parts.append((words, DIM))
    return tuple(parts)


def _plan_legend(weave: str, tail: str, width: int) -> Row:
    """What the textures mean where there is a plan."""
    parts: list[tuple[str, Ink]] = [(" of the plan ", DIM)]
    for step, words in ((1, "begun"), (3, "half"), (-1, "done +")):
        parts += [(f" {weave[step] * 2}", TEXT), (f" {words}", DIM)]
    parts += [(f"  {OVER_GLYPH * 2}", OVER), (" over !", DIM), (f"  {SKIP_GLYPH * 2}", TEXT), (" skip", DIM)]
    for words in ("  ▶ now", f"  {tail}"):
        if width_of(tuple(parts)) + len(words) <= width:
            parts.append((words, DIM))
    return tuple(parts)
