"""Views as lines: what changed since the last one, alarms first. For screen readers and braille displays; no Textual here."""

from __future__ import annotations

from typing import Final

from devicectl.station.views import ChartView, View
from devicectl.treatment.vocabulary import DIRECTIONS
from tui import text
from tui.model import Freshness, Live, freshness, next_of
from tui.zones import zone_name

EVERY_S: Final = 10.0
"""Values are told so often during a run."""


class Narrator:
    """Turns views into lines: what changed since the last one, alarms first, values every ten seconds of a run."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._told: dict[str, str] = {}
        self._alarms: dict[str, str] = {}
        self._values_at = -EVERY_S

    def changes(self) -> list[str]:
        """New lines since the last call."""
        now = {
            alarm.id: f"{alarm.priority.upper()} ALARM: {alarm.text}" for alarm in self.live.alarms() if alarm.active
        }
        lines = [line for key, line in now.items() if key not in self._alarms]
        lines += [f"over: {line}" for key, line in self._alarms.items() if key not in now]
        self._alarms = now
        for name, line in self._facts().items():
            if self._told.get(name) != line:
                self._told[name] = line
                lines.append(line)
        run = self.live.view.run if self.live.view is not None else None
        if run is not None and self.live.clock() - self._values_at >= EVERY_S:
            self._values_at = self.live.clock()
            lines.append(self.values())
        return lines

    def _facts(self) -> dict[str, str]:
        live, view, pen = self.live, self.live.view, self.live.pen
        if live.lost is not None:
            return {"station": f"Station lost. {live.lost}"}
        if view is None:
            return {"station": "Connecting to the station."}
        facts = {"control": "You hold control." if view.you_control else _who_holds(view)}
        if pen is None:
            return {**facts, "pen": "No pen. pens lists them."}
        kind = "SIMULATED pen" if pen.simulated else "pen" if pen.replay else "Pen"
        kind = f"REPLAY of a {kind}:" if pen.replay else kind
        facts["pen"] = f"{kind} {pen.model} {pen.serial}, link {pen.link}."
        facts["motion"] = f"Motor {pen.motion}{', STOPPED: reset leaves it' if pen.latched else ''}."
        facts["set"] = f"Set: depth {text.mm(pen.depth_set_um)} mm, rate {text.rate(pen.rate_set_mhz)}."
        facts["run"] = f"Run {view.run.phase} in {zone_name(view.run.zone)}." if view.run else "No run."
        if view.operator is not None:
            locked = ", LOCKED: sign in opens it" if view.operator.locked else ""
            facts["operator"] = f"Operator {view.operator.name}{locked}."
        if view.chart is not None:
            facts["plan"] = _plan_line(view.chart)
            for timer in view.chart.timers:
                facts[timer.name] = f"{timer.name} is on, {timer.state}."
        facts["zone"] = f"Zone: {zone_name(view.zone)}."
        session = view.session
        facts["session"] = (
            "No session." if session is None else f"Session: {session.purpose} {session.client}".strip() + "."
        )
        for zone in session.zones if session is not None else ():
            facts[zone.code] = f"{zone_name(zone.code)}: {zone.passes} passes."
        return facts

    def values(self) -> str:
        """The measured values in one line; old ones are named as old."""
        pen, age = self.live.pen, freshness(self.live.sample_age)
        if pen is None or age is Freshness.GONE:
            return "No values."
        old = "OLD: " if age is Freshness.STALE else ""
        lost = f" {text.share(self.live.loss)} of samples lost in the last minute." if self.live.loss else ""
        return (
            f"{old}Depth {text.mm(pen.depth_um)} mm, rate {text.rate(text.calm(pen.rate_mhz))}, "
            f"current {text.amps(pen.current_ma)} A, battery {pen.battery_pct if pen.battery_pct is not None else '--'} %.{lost}"
        )

    def link(self) -> str:
        """How good the link is, in one line."""
        live, rssi = self.live, self.live.rssi_at_scan
        strong = f", signal {text.bars(rssi)} of 4, {rssi} dBm at the scan" if rssi is not None else ""
        return f"Link: last heard {text.age(live.link_age)} ago, {text.share(live.loss)} of samples lost in the last minute{strong}."


def _plan_line(chart: ChartView) -> str:
    """The next step and zone, and the direction of the strokes."""
    step = next((step for step in chart.steps if step.name == next_of(chart)), None)
    words = f"Next: {step.title}, {step.text}" if step is not None else "Nothing is left to do."
    direction = f" Direction {DIRECTIONS[chart.direction].casefold()}." if chart.direction else ""
    return f"{words}{direction}"


def _who_holds(view: View) -> str:
    return f"Watching; {view.controller} holds control." if view.controller else "Nobody holds control."
