"""Value, setpoint and timer rows of the treatment screen as text and style: pure functions of what is known."""

from __future__ import annotations

from typing import Final

from devicectl.station.views import PenView, ZonePlanView
from devicectl.treatment.vocabulary import END_POINTS
from tui import text
from tui.model import Freshness, Live, freshness, known
from tui.theme import ALARMS, BRIGHT, DIM, OVER, TEXT
from tui.widgets.gauge import bar, gauge
from tui.widgets.line_board import BLANK, Part, Row, width_of
from tui.zones import INDEX, SHAPES

LABEL: Final = 8
WIDE: Final = 50
"""Cells from which on a value has room for a second unit."""
VAST: Final = 64


def freshness_of_vitals(live: Live, pen: PenView) -> Freshness:
    """Temperature and battery come about once a second; their ladder is ten times longer."""
    age = live.age(pen.vitals_age_s)
    return freshness(None if age is None else age / 10)


def percent(pen: PenView, fresh: Freshness) -> str:
    """Battery charge."""
    if pen.battery_pct is None or fresh is Freshness.GONE:
        return "--"
    return f"{pen.battery_pct} %" + ("?" if fresh is Freshness.STALE else "")


def setpoint_row(live: Live, label: str, width: int, head: str = "") -> Row:
    """``set 1.50 mm  soft 1.50  max 2.50``; a request not yet confirmed shows as ``1.50 → 1.75 mm asked``."""
    view, pen = live.view, live.pen
    depth = label == "Depth"
    limits = pen.limits if pen is not None else None
    if depth:
        asked = known(live.pending.depth_um, view.depth_request_um if view is not None else None)
        held = pen.depth_set_um if pen is not None else None
        show, unit, more = (text.mm(held), text.mm(asked)), " mm", ""
        limit = f"soft {text.mm(limits.depth_soft_um)}  max {text.mm(limits.depth_max_um)}" if limits else ""
    else:
        asked = known(live.pending.rate_mhz, view.rate_request_mhz if view is not None else None)
        held = pen.rate_set_mhz if pen is not None else None
        show, unit, more = (text.hz(held), text.hz(asked)), " Hz", f" ({text.rpm(held)} rpm)"
        limit = f"max {text.hz(limits.rate_max_mhz)}" if limits else ""
        if limits is not None and held is not None and width >= VAST:
            more += f", {text.punctures(held, limits.needles)}"
    if held is None and asked is None:
        return ()
    row: Row = ((head, DIM), ("set ", DIM), (show[0], TEXT), (unit, DIM))
    if held is None:
        row = ((head, DIM), (show[1], TEXT), (unit, DIM), (" asked", TEXT))
    elif asked is not None and asked != held:
        row = ((head, DIM), (show[0], DIM), (" → ", DIM), (show[1], BRIGHT), (unit, DIM), (" asked", TEXT))
    elif more and width_of(row) + len(more) <= width:
        row = (*row, (more, DIM))
    if limit and width_of(row) + 2 + len(limit) <= width:
        return (*row, (f"  {limit}", DIM))
    return row


def unit_room(width: int) -> int:
    """Cells of the column that holds the units: a second one has room from `WIDE` on."""
    return 14 if width >= WIDE else 5


def value_row(
    label: str, shown: str, unit: str, fresh: Freshness, scale: Row = (), abnormal: bool = False, units: int = 5
) -> Row:
    """Label, value with its staleness mark, unit, and the gauge in what room is left."""
    if fresh is Freshness.GONE:
        return ((label.ljust(LABEL), DIM), ("    --  ", DIM), (unit.split("  ")[0], DIM))
    mark = "?" if fresh is Freshness.STALE else " "
    style = DIM if mark == "?" else ALARMS["medium"].plain if abnormal else BRIGHT
    return ((label.ljust(LABEL), DIM), (f"{shown:>6}{mark} ", style), (f"{unit:<{units}}", DIM), *scale)


def live_rows(live: Live, width: int) -> dict[str, Row]:
    """Depth, rate, current, temperature, battery, link and lease by name; a gauge only while the value may be shown."""
    pen, rows = live.pen, {}
    if pen is None:
        labels = ("Depth", "Rate", "Current", "Temp", "Battery", "Link", "Lease")
        return {label: ((label.ljust(LABEL), DIM), ("    --", DIM)) for label in labels}
    units = unit_room(width)
    fresh, room = freshness(live.sample_age), width - LABEL - 8 - units
    limits, turning = pen.limits, pen.motion == "turning"
    scale: Row = ()
    if limits is not None and pen.depth_um is not None:
        set_um, step = pen.depth_set_um, max(1, limits.depth_step_um)
        band = (set_um - step / 2, set_um + step / 2) if set_um is not None else None
        scale = gauge(pen.depth_um, 0, limits.depth_max_um, band, room)
    rows["Depth"] = value_row("Depth", text.mm(pen.depth_um), "mm", fresh, scale, units=units)
    scale = ()
    if limits is not None and pen.rate_mhz is not None:
        top, set_mhz = limits.rate_max_mhz, pen.rate_set_mhz
        band = (set_mhz * 0.95, set_mhz * 1.05) if set_mhz is not None and turning else None
        scale = gauge(pen.rate_mhz, 0, top, band, room)
    calm = text.calm(pen.rate_mhz)
    unit = f"Hz  {text.rpm(calm, 4)} rpm" if width >= WIDE else "Hz"
    rows["Rate"] = value_row("Rate", text.hz(calm), unit, fresh, scale, units=units)
    high = bool({"stall"} & set(pen.faults))
    scale = gauge(pen.current_ma, 0, 1000, None, room, high) if pen.current_ma is not None else ()
    rows["Current"] = value_row("Current", text.amps(pen.current_ma), "A", fresh, scale, high, units)
    vital = freshness_of_vitals(live, pen)
    scale = gauge(pen.temperature_cc / 100, 15, 60, None, room) if pen.temperature_cc is not None else ()
    rows["Temp"] = value_row("Temp", text.celsius(pen.temperature_cc), "°C", vital, scale, units=units)
    volts = f"  {pen.battery_mv / 1000:.2f} V" if pen.battery_mv is not None else ""
    scale = bar(pen.battery_pct / 100, room - len(volts) - 1) if pen.battery_pct is not None and room > 12 else ()
    shown = "--" if pen.battery_pct is None else str(pen.battery_pct)
    rows["Battery"] = value_row("Battery", shown, "%", vital, (*scale, (volts, DIM)), units=units)
    rows["Link"] = _link_row(live, pen, width)
    rows["Lease"] = _lease_row(live, pen, room, units)
    return rows


def _link_row(live: Live, pen: PenView, width: int) -> Row:
    """Age, state if it is not up, samples lost over the last minute, and how strong the pen was before it was opened."""
    row: Row = (("Link".ljust(LABEL), DIM), (text.age(live.link_age).rjust(7), BRIGHT), ("  ", DIM))
    room = width - width_of(row)
    state = [] if pen.link == "up" and live.answering else [pen.link if live.answering else "station silent"]
    lost, rssi = text.share(live.loss), live.rssi_at_scan
    short, full = f"{lost} lost", f"{lost} of samples lost in the last minute"
    scan = [] if rssi is None else [f"scan {rssi} dBm"]
    strong = [] if rssi is None else [f"{text.signal(rssi)} at the scan"]
    wordings = (
        [*state, full, *strong],
        [*state, f"{short} in 1 min", *strong],
        [*state, short, *strong],
        [*state, short, *scan],
        [*state, short],
    )
    tails = [" · ".join(parts) for parts in wordings]
    tail = next((words for words in tails if len(words) <= room), tails[-1])
    return (*row, (text.cut(tail, room), DIM))


def _lease_row(live: Live, pen: PenView, room: int, units: int) -> Row:
    left = pen.lease_left_ms - round(live.since * 1000) if pen.lease_left_ms else 0
    if left <= 0:
        return (
            ("Lease".ljust(LABEL), DIM),
            ("  none  ", DIM),
            ("granted with a run" if pen.motion == "still" else "", DIM),
        )
    scale = bar(left / max(1, pen.lease_ms), room)
    fresh = freshness(live.age(pen.status_age_s))
    return value_row("Lease", str(round(left / 10) * 10), "ms", fresh, scale, units=units)


def timer_rows(live: Live, width: int) -> list[Row]:
    """Run, pass, session and what the session holds."""
    view = live.view
    run, session = (view.run, view.session) if view is not None else (None, None)
    current = session.current if session is not None else None
    tick = live.since if live.answering else 0.0
    room = max(0, min(24, width - LABEL - 18))
    rows: list[Row] = []
    if run is None:
        rows.append((("Run".ljust(LABEL), DIM), ("none", DIM)))
    else:
        moving = tick if run.phase == "running" else 0.0
        done, whole = run.elapsed_s + moving, run.elapsed_s + run.left_s
        rows.append((*_timer("Run", done, whole), *bar(done / whole if whole else 0, room)))
    if current is None:
        rows.append((("Pass".ljust(LABEL), DIM), ("none", DIM)))
    else:
        share = bar(current.contact_s / current.elapsed_s if current.elapsed_s else 0, room)
        rows.append((*_timer("Pass", current.elapsed_s + tick, current.contact_s, "in contact"), *share))
    if session is None:
        rows.append((("Session".ljust(LABEL), DIM), ("none open", DIM)))
        return [*rows, BLANK]
    touched = {z.code for z in session.zones if z.passes} | ({current.zone} if current is not None else set())
    done_zones, patches = len(touched & INDEX.keys()), len(touched - INDEX.keys())
    count = f"{session.passes} {'pass' if session.passes == 1 else 'passes'}"
    where = f"  {count} in {done_zones} of 10 zones"
    if patches:
        where = f"  {count}, {done_zones} zone{'' if done_zones == 1 else 's'}, {patches} patch{'es' if patches > 1 else ''}"
    rows.append(
        (
            ("Session".ljust(LABEL), DIM),
            (text.clock(session.elapsed_s + tick).rjust(6), TEXT),
            (where, DIM),
        )
    )
    zone = next(
        (z for z in session.zones if z.code == (current.zone if current else view.zone if view else None)), None
    )
    strokes = (zone.strokes if zone else 0) + (current.strokes if current else 0)
    density = (zone.density if zone else 0.0) + (current.density if current else 0.0)
    amount = f"{text.count(strokes)} strokes  est. {text.count(density)} punctures/cm²"
    if LABEL + len(amount) > width:
        amount = f"{text.count(strokes)} strokes  est. {text.count(density)} /cm²"
    return [*rows, (("Zone".ljust(LABEL), DIM), (amount, TEXT)), *plan_rows(live, width, room)]


def plan_rows(live: Live, width: int, room: int) -> list[Row]:
    """Two rows: what is planned for the zone and done of it, and its planned time; none without a treatment."""
    view = live.view
    chart = view.chart if view is not None else None
    if view is None or chart is None:
        return []
    current = view.session.current if view.session is not None else None
    code = current.zone if current is not None else live.pending.zone or view.zone
    zone = next((one for one in chart.zones if one.code == code), None)
    plan: list[Part] = [("Plan".ljust(LABEL), DIM)]
    if zone is None or zone.state == "unplanned":
        plan.append((" not in the plan" if chart.zones else " none", DIM))
    else:
        plan += _planned(zone, chart.direction)
    timer = next(iter(chart.timers), None)
    if timer is not None:
        whole = timer.least_s
        words = {"early": "early", "ready": "may go off", "over": "OVER TIME"}[timer.state]
        share = bar(min(1.0, timer.on_s / whole) if whole else 1.0, max(0, room - 8))
        return [tuple(plan), (*_timer("Dwell", timer.on_s, whole), *share, (f" {words}", BRIGHT))]
    return [_fitting(plan, width), _zone_time(zone, current.elapsed_s if current is not None else 0.0, live, room)]


def _planned(zone: ZonePlanView, direction: str | None) -> list[Part]:
    """Depth, passes by direction as a shape with done/planned, end point."""
    parts: list[Part] = [(f" {text.mm(zone.depth_um)} mm" if zone.depth_um is not None else "", TEXT)]
    names = [name for name in SHAPES if zone.planned.get(name) or zone.done.get(name)]
    if direction is not None and direction not in names:
        names.append(direction)
    for name in names:
        done, planned = zone.done.get(name, 0), zone.planned.get(name, 0)
        over = bool(zone.planned) and done > planned
        mark = "›" if name == direction else " "
        ink = OVER if over else BRIGHT if name == direction else TEXT
        count = f"{done}/{planned}" if planned else f"{done}×"
        parts.append((f" {mark}{SHAPES[name]}{count}{'!' if over else ''}", ink))
    if zone.undirected:
        parts.append((f"  ?{zone.undirected}", TEXT))
    if zone.state == "over":
        parts.append(("  OVER PLAN", OVER))
    elif zone.state == "skipped":
        parts.append(("  skipped", TEXT))
    elif zone.finished:
        parts.append(("  result in", DIM))
    if zone.end_point and zone.end_point in END_POINTS:
        parts.append((f"  → {END_POINTS[zone.end_point].casefold()}", DIM))
    return parts


def _fitting(parts: list[Part], width: int) -> Row:
    """As many parts as there is room for."""
    row: list[Part] = []
    for words, ink in parts:
        if sum(len(part) for part, _ in row) + len(words) > width:
            break
        row.append((words, ink))
    return tuple(row)


def _zone_time(zone: ZonePlanView | None, now_s: float, live: Live, room: int) -> Row:
    """The time a zone has had, against what is planned."""
    done = (zone.duration_s if zone is not None else 0.0) + now_s + (live.since if now_s and live.answering else 0.0)
    if zone is None or zone.seconds is None:
        return (("Time".ljust(LABEL), DIM), (text.clock(done).rjust(6), TEXT), ("  no time is planned", DIM))
    share = bar(min(1.0, done / zone.seconds), room)
    over: Row = ((f" +{text.clock(done - zone.seconds)} over", OVER),) if done > zone.seconds else ()
    return (*_timer("Time", done, zone.seconds), *(share if not over else share[:0]), *over)


def _timer(label: str, now: float, whole: float, word: str = "") -> Row:
    if word:
        return ((label.ljust(LABEL), DIM), (text.clock(now).rjust(6), BRIGHT), (f"  {text.clock(whole)} {word} ", DIM))
    return ((label.ljust(LABEL), DIM), (text.clock(now).rjust(6), BRIGHT), (f" of {text.clock(whole)} ".ljust(10), DIM))
