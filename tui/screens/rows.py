"""Rows of the treatment screen as text and style: pure functions of what is known, for any width."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from devicectl.station.views import ChartView, GateView, LogView, PenView, RunView, View, ZonePlanView
from devicectl.treatment.vocabulary import END_POINTS
from tui import text
from tui.model import Freshness, Live, freshness, next_of
from tui.screens.values import freshness_of_vitals, percent
from tui.theme import ALARMS, BADGE, BRIGHT, CHIP, DIM, FAINT, KEYCAP, OVER, TEXT, Ink
from tui.widgets.line_board import Row, spread, width_of
from tui.zones import INDEX, SHAPES, zone_name

Localtime = Callable[[float], time.struct_time]
BAR: Final = (" │ ", FAINT)
WIDE: Final = 100
SEEN_LATE_MS: Final = 1_000
"""No motor runs down for so long after STOP: the pen was only heard again."""


def title_row(live: Live, name: str, width: int, localtime: Localtime) -> Row:
    """Row 0: screen, the badges REPLAY and SIMULATED, purpose, client, pen, link, battery, operator, clock; fields drop from the right."""
    view, pen = live.view, live.pen
    row: list[tuple[str, Ink]] = [(f" {name} ", CHIP)]
    if pen is not None and pen.replay:
        row.append((" ▚▚ REPLAY ▞▞ " if width >= WIDE else "▚REPLAY▞", BADGE))
    if is_simulated(view):
        row.append((" ▚▚ SIMULATED ▞▞ " if width >= WIDE else "▚SIMULATED▞", BADGE))
    now = time.strftime("%H:%M:%S", localtime(view.utc + live.since)) if view is not None else "--:--:--"
    right: Row = ((f" {now} ", DIM),)
    fields: list[Row] = []
    session = view.session if view is not None else None
    if session is not None:
        purpose = text.PURPOSES.get(session.purpose, session.purpose.upper())
        fields.append(((purpose, BRIGHT), (f" {session.client}" if session.client else "", TEXT)))
    else:
        fields.append((("no session", DIM),))
    if pen is not None:
        fields.append((("pen " if width >= WIDE else "", DIM), (pen.serial, TEXT)))
        fields.append((("link ", DIM), link_part(live, pen)))
        stale = freshness_of_vitals(live, pen)
        fields.append((("bat ", DIM), (percent(pen, stale), TEXT if stale is Freshness.FRESH else DIM)))
    else:
        fields.append((("no pen", DIM),))
    operator = view.operator if view is not None else None
    if operator is not None:
        fields.append(((operator.name, TEXT), (" LOCKED" if operator.locked else "", BRIGHT)))
    room = width - width_of(tuple(row)) - width_of(right)
    for index, field in enumerate(fields):
        need = width_of(field) + (1 if index == 0 else 3)
        if need > room:
            continue
        row.append((" ", TEXT) if index == 0 else BAR)
        row.extend(field)
        room -= need
    return spread(width, tuple(row), right)


def is_simulated(view: View | None) -> bool:
    """Whether anything on the screen comes from a pen that is not there."""
    if view is None:
        return False
    pen, session = view.pen, view.session
    return (pen is not None and pen.simulated) or (session is not None and session.origin.startswith("sim"))


def link_part(live: Live, pen: PenView) -> tuple[str, Ink]:
    """The link field: always the age, in words when it is bad."""
    age = live.link_age
    if live.lost is not None or not live.answering:
        return ("? station", BRIGHT)
    if pen.link != "up":
        return (f"{pen.link.upper()} {text.age(age)}", BRIGHT)
    return (text.age(age).rjust(6), TEXT if freshness(age) is Freshness.FRESH else BRIGHT)


def state_rows(live: Live, width: int, rest: str = "") -> list[Row]:
    """Three rows: what the pen does, and the newest news, or what the alarm row had no room for, or the next step."""
    head, more, step = _state(live)
    zone = live.pending.zone or (live.view.zone if live.view is not None else None)
    run = live.view.run if live.view is not None else None
    code, ink = (run.zone, BRIGHT) if run is not None else (zone, TEXT)
    name = zone_name(code)
    if len(head) + len(name) + len(more) + 2 > width and code is not None:
        name = code
    first: Row = ((head, BRIGHT), ("  ", DIM), (name, ink), (more, TEXT))
    lines = _below(live, width, rest) or [
        (line, DIM) for line in text.within(step, width, 2, f"… {live.key('alarms')}")
    ]
    return [first, *((line,) for line in lines), *([()] * (2 - len(lines)))]


def _below(live: Live, width: int, rest: str) -> list[tuple[str, Ink]]:
    """What the alarm row had no room for and the newest news, in at most two lines; an alarm nobody has seen is first."""
    news, more = live.notice, f"… {live.key('alarms')}"
    alarms = live.alarms() if rest else []
    lines: list[tuple[str, Ink]] = []
    if alarms and (not news or (alarms[0].priority == "high" and not alarms[0].acknowledged)):
        ink = ALARMS[alarms[0].priority].plain
        lines = [(line, ink) for line in text.within(f"…{rest}", width, 2, more)]
    if news and len(lines) < 2:
        lines += [(line, TEXT) for line in text.within(f"› {news}", width, 2 - len(lines), more)]
    return lines


def _state(live: Live) -> tuple[str, str, str]:
    """Head line, its tail, and the next step."""
    view, pen, key = live.view, live.pen, live.key
    if live.lost is not None:
        return "✖ STATION LOST", "", live.lost
    if view is None:
        return "… connecting", "", "waiting for the station"
    if not live.answering:
        return "? STATION SILENT", "", "values are old; pen turns? switch it off"
    if pen is None:
        return "○ NO PEN", "", f"{key('pens')} chooses a pen"
    if pen.link != "up":
        return f"✖ LINK {pen.link.upper()}", "", live.own(pen.link_text) or f"{key('pens')} chooses a pen"
    watch = "" if view.you_control else f"watching; {view.controller or 'nobody'} holds control"
    if view.run is not None:
        return _run_state(live, view.run, pen, watch)
    if pen.motion == "turning" and (pen.latched or pen.faults):
        return "! TURNING", "  after STOP", "SPACE stops again; if it goes on, switch the pen off"
    if pen.faults:
        return "✖ FAULT", f"  {', '.join(pen.faults)}", watch or f"{key('reset')} resets when it is over, while still"
    if pen.latched:
        return "■ STOPPED", _stop_time(pen), watch or f"{key('reset')} resets while still, then {key('go')} starts anew"
    if pen.motion == "turning":
        return "! TURNING", "  without a run", "SPACE stops; if it goes on, switch the pen off"
    if pen.motion != "still":
        return "? UNKNOWN", "", "motion unknown; SPACE sends STOP"
    if watch:
        return "○ WATCHING", "", watch
    if view.session is None:
        return "○ READY", "", f"{key('steps')} begins a treatment, {key('session')} a bench session"
    if view.chart is not None and (step := _next_step(view.chart, key("steps"))) is not None:
        return "○ READY", "", step
    if view.zone is None:
        return "○ READY", "", f"{live.keymap.zones_shown} chooses a zone"
    return "○ READY", "", f"{key('go')} opens the start sheet"


def _next_step(chart: ChartView, key: str) -> str | None:
    """What has to be done before or after the zones, in words with the ``key`` of the steps; None while it is the zones' turn."""
    following = next_of(chart)
    step = next((step for step in chart.steps if step.name == following), None)
    if step is None or step.phase == "during":
        return None
    if step.phase in ("start", "before"):
        return f"{key} next step: {step.title}"
    planned = any(zone.state not in ("unplanned", "skipped") for zone in chart.zones)
    return f"{'zones done;' if planned else 'another zone, or'} {key} next step: {step.title}"


def _run_state(live: Live, run: RunView, pen: PenView, watch: str) -> tuple[str, str, str]:
    key = live.key
    if run.phase == "paused":
        left = f"  {run.pause_left_s:.0f} s left" if run.pause_left_s is not None else ""
        return "‖ PAUSED", left, watch or f"{key('go')} Y resumes, {key('finish')} ends the run"
    if run.phase == "ending":
        return "◌ ENDING", "", watch or "waiting until the pen is still"
    head = "▶ NEEDLING" if pen.motion == "turning" else "▶ STARTING"
    settling = "  checking with the pen" if pen.settling else ""
    return head, settling, watch or f"{key('end')} END   SPACE STOP"


def _stop_time(pen: PenView) -> str:
    measured = pen.state == "stopped" and pen.stop_ms is not None
    if not measured or pen.stop_ms is None:
        return ""
    if pen.stop_ms >= SEEN_LATE_MS:
        return f"  seen still {pen.stop_ms / 1000:.1f} s after"
    return f"  still in {pen.stop_ms:.0f} ms"


def log_rows(live: Live, rows: int, width: int, localtime: Localtime) -> list[Row]:
    """The newest lines of the session log, newest first and wrapped, under a heading where there is room for one."""
    if rows <= 0:
        return []
    recorded = live.view is None or live.view.record_ok
    head: list[Row] = [(("Session log", BRIGHT), ("" if recorded else "  NOT RECORDING", BRIGHT))]
    shown: list[Row] = head if rows > 3 else []
    for line in sorted(live.log, key=lambda line: -line.at)[:rows]:
        entry, room = log_line(line, width, localtime, seconds=width >= 50), rows - len(shown)
        if room <= 0:
            break
        if room < len(entry):
            at, (words, ink) = entry[room - 1]
            more = f"… {live.key('log')}"
            entry = [*entry[: room - 1], (at, (text.ended(words, width - len(at[0]), more), ink))]
        shown += entry
    return shown


def log_line(line: LogView, width: int, localtime: Localtime, seconds: bool = True) -> list[Row]:
    """One line of the log, wrapped beside its time of day."""
    at = time.strftime("%H:%M:%S  " if seconds else "%H:%M  ", localtime(line.at))
    first, *more = text.wrap(line.text, width - len(at))
    return [((at, DIM), (first, TEXT)), *(((" " * len(at), DIM), (words, TEXT)) for words in more)]


def key_row(pairs: tuple[tuple[str, str], ...], width: int, pressed: str = "") -> Row:
    """As many key hints as fit, and at the end the key that was just pressed."""
    row: list[tuple[str, Ink]] = [(" ", DIM)]
    room = width - 1 - (len(pressed) + 3 if pressed else 0)
    for key, word in pairs:
        if len(key) + len(word) + 3 > room + 2:
            break
        row += [(key, KEYCAP), (f" {word}  ", DIM)]
        room -= len(key) + len(word) + 3
    return spread(width - 1, tuple(row), ((f"› {pressed}", TEXT),)) if pressed else tuple(row)


def hints(live: Live) -> tuple[tuple[str, str], ...]:
    """The keys that matter now, most wanted first."""
    view, key = live.view, live.key
    more, leave = (key("help"), "help"), (key("quit"), "quit")
    if live.lost is not None or view is None:
        return (leave, more)
    alarm = ((key("acknowledge"), "alarm"),) if live.alarms() else ()
    log = (key("log"), "log")
    if view.pen is None:
        return ((key("steps"), "steps"), (key("pens"), "choose a pen"), *alarm, log, more, leave)
    if not view.you_control:
        return ((key("control"), "take over while still"), *alarm, log, more, leave)
    steer = (
        (live.keymap.zones_shown, "zone"),
        (key("depth-down", "depth-up"), "depth"),
        (key("rate-down", "rate-up"), "rate"),
    )
    if view.run is not None:
        note, finish = (key("note"), "note"), (key("finish"), "end run")
        if view.run.phase == "paused":
            return ((key("go"), "resume"), finish, *alarm, *steer, more, note, log)
        return ((key("end"), "END"), finish, *alarm, *steer, more, note, log)
    values, session, pens = (key("values"), "type"), (key("session"), "session"), (key("pens"), "pens")
    if view.pen.latched:
        return ((key("reset"), "reset"), *alarm, *steer, values, more, log, leave)
    if view.session is None:
        return ((key("steps"), "steps"), session, pens, *alarm, *steer, values, more, log, leave)
    steps = (
        ((key("steps"), "steps"), (key("result"), "result"), (key("direction"), "direction"))
        if view.chart is not None
        else ()
    )
    return ((key("go"), "go"), *alarm, *steps, *steer, values, more, session, log, leave)


def gate_rows(gates: tuple[GateView, ...], width: int) -> list[Row]:
    """Interlocks, the failed ones first, then the overridden ones, both in full; each with mark, name and reason."""
    rows: list[Row] = []
    for gate in sorted(gates, key=lambda gate: (gate.passed, not gate.overridden)):
        plain = gate.passed and not gate.overridden
        ink, mark = (DIM, " ✓ ") if plain else (BRIGHT, " ◆ " if gate.overridden else " ✖ ")
        words = gate.text
        if gate.overridden:
            words = f"OVERRIDDEN {words.removeprefix('overridden ')}"
        rows += gate_row(gate.name, words, mark, ink, width, whole=not plain)
    return rows


def gate_row(name: str, words: str, mark: str, ink: Ink, width: int, *, whole: bool = True) -> list[Row]:
    """One interlock: mark, name, reason; a name that does not fit into its column has a row of its own, so that the reason is
    never pushed over the edge."""
    room = width - 17
    lines = text.wrap(words, room) if whole else [text.cut(words, room)]
    rows: list[Row] = [((" " * 17, ink), (line, ink)) for line in lines]
    if len(name) < 14:
        return [((mark, ink), (name.ljust(14), ink), (lines[0], ink)), *rows[1:]]
    return [((mark, ink), (name, ink)), *rows]


def zone_rows(live: Live, width: int) -> list[Row]:
    """Every zone with passes, contact time and estimated punctures per cm², as a table."""
    view = live.view
    session = view.session if view is not None else None
    done = {zone.code: zone for zone in session.zones} if session is not None else {}
    current = session.current if session is not None else None
    chosen = live.pending.zone or (view.zone if view is not None else None)
    rows: list[Row] = [(("  zone               passes  contact  ≈ /cm²", DIM),)]
    for code in (*INDEX, *(code for code in done if code not in INDEX)):
        zone, here = done.get(code), current if current is not None and current.zone == code else None
        passes = zone.passes if zone else 0
        contact = (zone.contact_s if zone else 0.0) + (here.contact_s if here else 0.0)
        density = (zone.density if zone else 0.0) + (here.density if here else 0.0)
        mark = "▶" if here else ">" if code == chosen else " "
        ink = BRIGHT if here or code == chosen else TEXT if passes else DIM
        about = "~" if zone is not None and zone.inferred else " "
        figures = (
            f"{passes:>6}× {about}{text.clock(contact):>7} {text.count(density):>7}"
            if contact or passes
            else f"{'-':>6}"
        )
        rows.append(((f"{mark} {zone_name(code):<18}"[: width - 26], ink), (figures, ink)))
    return rows


def plan_table(live: Live, chart: ChartView, width: int) -> list[Row]:
    """Plan against done: for every zone passes, depth, time and end point, below it the passes by direction."""
    chosen = live.pending.zone or (live.view.zone if live.view is not None else None)
    current = live.view.session.current if live.view is not None and live.view.session is not None else None
    rows: list[Row] = [(("  zone               passes depth         time  end point", DIM),)]
    for zone in chart.zones:
        here = current is not None and current.zone == zone.code
        ink = BRIGHT if here or zone.code == chosen else OVER if zone.state == "over" else TEXT
        ink = DIM if zone.state == "skipped" and zone.code != chosen else ink
        point = END_POINTS.get(zone.end_point or "", "")
        told = {"skipped": "skipped", "over": "OVER PLAN"}.get(zone.state, point if zone.end_point != "none" else "")
        seconds = zone.duration_s + (current.elapsed_s if here and current is not None else 0.0)
        time_ = f"{text.clock(seconds)}{f' of {text.clock(zone.seconds)}' if zone.seconds else ''}"
        depth = text.mm(zone.depth_um) if zone.depth_um is not None else "-"
        mark = "▶" if here else ">" if zone.code == chosen else " "
        head = f"{mark} {zone_name(zone.code):<18.18} {passes_of(zone):>6} {depth:>5} {time_:>12}  {told}"
        rows.append(((text.cut(head, width), ink),))
        if said := "  ".join(directions_of(zone)):
            rows.append(((text.cut(f"      {said}{'  result in' if zone.finished else ''}", width), DIM),))
    left = [code for code in INDEX if code not in {zone.code for zone in chart.zones}]
    if left and chart.zones:
        rows += [((line, DIM),) for line in text.within(f"  not in the plan: {', '.join(left)}", width, 2)]
    return rows if chart.zones else [*rows, (("  no zone is planned", DIM),)]


def passes_of(zone: ZonePlanView) -> str:
    """Done of planned as the map writes it."""
    done, planned = sum(zone.done.values()) + zone.undirected, sum(zone.planned.values())
    sign = {"over": "!", "done": "+"}.get(zone.state, "")
    return f"{done}/{planned}{sign}" if planned else f"{done}×{sign}"


def directions_of(zone: ZonePlanView) -> list[str]:
    """Done of planned by direction: ``-- 2/2``."""
    names = [name for name in SHAPES if zone.planned.get(name) or zone.done.get(name)]
    said = [f"{SHAPES[name]} {zone.done.get(name, 0)}/{zone.planned.get(name, 0)}" for name in names]
    return [*said, *([f"?? {zone.undirected}"] if zone.undirected and names else [])]


def far_rows(live: Live, rows: int, width: int, localtime: Localtime) -> list[Row]:
    """The third column of very wide terminals: zones (with the plan, where there is one), alarms in full, the session log."""
    chart = live.view.chart if live.view is not None else None
    zones = plan_table(live, chart, width) if chart is not None else zone_rows(live, width)
    out = [*zones, (), (("Alarms", BRIGHT),)]
    for alarm in live.alarms():
        first, *more = text.wrap(alarm.text, width - 5)
        out.append(((f"{ALARMS[alarm.priority].mark}  ", ALARMS[alarm.priority].plain), (first, TEXT)))
        out += [(("     ", DIM), (words, TEXT)) for words in more]
    if not live.alarms():
        out.append((("none", DIM),))
    out = [*out[: max(0, rows - 4)], ()]
    return [*out, *log_rows(live, rows - len(out), width, localtime)]
