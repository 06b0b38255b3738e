"""Rows of the treatment screen as text and style: pure functions of what is known, for any width."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from rich.style import Style

from devicectl.station.views import GateView, PenView, RunView, View
from tui import text
from tui.model import Freshness, Live, freshness
from tui.screens.values import freshness_of_vitals, percent
from tui.theme import BADGE, BRIGHT, CHIP, DIM, FAINT, KEYCAP, TEXT
from tui.widgets.line_board import Row, spread, width_of
from tui.zones import zone_name

Localtime = Callable[[float], time.struct_time]
BAR: Final = (" │ ", FAINT)
WIDE: Final = 100


def title_row(live: Live, name: str, width: int, localtime: Localtime) -> Row:
    """Row 0: screen, the SIMULATED badge, purpose, client, pen, link, battery, clock; fields drop from the right."""
    view, pen = live.view, live.pen
    row: list[tuple[str, Style]] = [(f" {name} ", CHIP)]
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


def link_part(live: Live, pen: PenView) -> tuple[str, Style]:
    """The link field: always the age, in words when it is bad."""
    age = live.link_age
    if live.lost is not None or not live.answering:
        return ("? station", BRIGHT)
    if pen.link != "up":
        return (f"{pen.link.upper()} {text.age(age)}", BRIGHT)
    return (text.age(age).rjust(6), TEXT if freshness(age) is Freshness.FRESH else BRIGHT)


def state_rows(live: Live, width: int) -> list[Row]:
    """Two rows: what the pen does, and the newest news or the next step."""
    head, more, step = _state(live)
    zone = live.pending.zone or (live.view.zone if live.view is not None else None)
    run = live.view.run if live.view is not None else None
    name = zone_name(run.zone if run is not None else zone)
    first: Row = ((head, BRIGHT), ("  ", DIM), (name, BRIGHT if run is not None else TEXT), (more, TEXT))
    news = live.notice
    second: Row = ((text.cut(f"› {news}", width), TEXT),) if news else ((text.cut(step, width), DIM),)
    return [first, second]


def _state(live: Live) -> tuple[str, str, str]:
    """Head line, its tail, and the next step."""
    view, pen = live.view, live.pen
    if live.lost is not None:
        return "✖ STATION LOST", "", live.lost
    if view is None:
        return "… connecting", "", "waiting for the station"
    if not live.answering:
        return "? STATION SILENT", "", "values are old; pen turns? switch it off"
    if pen is None:
        return "○ NO PEN", "", "p chooses a pen"
    if pen.link != "up":
        return f"✖ LINK {pen.link.upper()}", "", text.cut(pen.link_text, 60) or "p chooses a pen"
    watch = "" if view.you_control else f"watching; {view.controller or 'nobody'} holds control"
    if view.run is not None:
        return _run_state(view.run, pen, watch)
    if pen.faults:
        return "✖ FAULT", f"  {', '.join(pen.faults)}", watch or "r resets when it is over, while still"
    if pen.latched:
        return "■ STOPPED", _stop_time(pen), watch or "r resets while still, then g starts anew"
    if pen.motion == "turning":
        return "! TURNING", "  without a run", "SPACE stops; if it turns on, switch the pen off"
    if pen.motion != "still":
        return "? UNKNOWN", "", "motion unknown; SPACE sends STOP"
    if watch:
        return "○ WATCHING", "", watch
    if view.session is None:
        return "○ READY", "", "s opens a session"
    return "○ READY", "", "g opens the start sheet" if view.zone else "a digit chooses a zone"


def _run_state(run: RunView, pen: PenView, watch: str) -> tuple[str, str, str]:
    if run.phase == "paused":
        left = f"  {run.pause_left_s:.0f} s left" if run.pause_left_s is not None else ""
        return "‖ PAUSED", left, watch or "g Y resumes, x ends the run"
    if run.phase == "ending":
        return "◌ ENDING", "", watch or "waiting until the pen is still"
    head = "▶ NEEDLING" if pen.motion == "turning" else "▶ STARTING"
    settling = "  checking with the pen" if pen.settling else ""
    return head, settling, watch or "e END   SPACE STOP"


def _stop_time(pen: PenView) -> str:
    measured = pen.state == "stopped" and pen.stop_ms is not None
    return f"  still in {pen.stop_ms:.0f} ms" if measured else ""


def log_rows(view: View | None, rows: int, width: int, localtime: Localtime) -> list[Row]:
    """The newest lines of the session log, newest first, under a heading where there is room for one."""
    if rows <= 0:
        return []
    head: list[Row] = [(("Session log", BRIGHT), ("" if view is None or view.record_ok else "  NOT RECORDING", BRIGHT))]
    head = head if rows > 2 else []
    lines = view.log if view is not None else ()
    newest = sorted(lines, key=lambda line: -line.at)[: rows - len(head)]
    shown: list[Row] = [
        ((time.strftime("%H:%M:%S  ", localtime(line.at)), DIM), (text.cut(line.text, width - 10), TEXT))
        for line in newest
    ]
    return head + shown


def key_row(pairs: tuple[tuple[str, str], ...], width: int) -> Row:
    """As many key hints as fit."""
    row: list[tuple[str, Style]] = [(" ", DIM)]
    room = width - 1
    for key, word in pairs:
        if len(key) + len(word) + 3 > room + 2:
            break
        row += [(key, KEYCAP), (f" {word}  ", DIM)]
        room -= len(key) + len(word) + 3
    return tuple(row)


def hints(live: Live) -> tuple[tuple[str, str], ...]:
    """The keys that matter now, most wanted first."""
    view = live.view
    if live.lost is not None or view is None:
        return (("q", "quit"), ("?", "help"))
    if view.pen is None:
        return (("p", "choose a pen"), ("a", "alarm"), ("?", "help"), ("q", "quit"))
    if not view.you_control:
        return (("c", "take over while still"), ("a", "alarm"), ("?", "help"), ("q", "quit"))
    steer = (("1-0", "zone"), ("d/D", "depth"), ("v/V", "rate"))
    rest = (("a", "alarm"), ("?", "help"), ("q", "quit"))
    if view.run is not None and view.run.phase == "paused":
        return (("g", "resume"), ("x", "end run"), *steer, ("n", "note"), *rest)
    if view.run is not None:
        return (*steer, ("e", "END"), ("x", "end run"), ("n", "note"), *rest)
    if view.pen.latched:
        return (("r", "reset"), *steer, ("p", "pens"), ("s", "session"), *rest)
    return (*steer, ("g", "go"), ("p", "pens"), ("s", "session"), *rest)


def gate_rows(gates: tuple[GateView, ...], width: int) -> list[Row]:
    """Interlocks, the failed ones first, each with a mark, its name and its reason."""
    ordered = sorted(gates, key=lambda gate: gate.passed)
    return [
        (
            (" ✓ " if gate.passed else " ✖ ", DIM if gate.passed else BRIGHT),
            (gate.name.ljust(14), DIM if gate.passed else BRIGHT),
            (text.cut(gate.text, width - 17), DIM if gate.passed else BRIGHT),
        )
        for gate in ordered
    ]
