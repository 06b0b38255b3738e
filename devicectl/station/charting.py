"""One desk's side of a treatment besides the pen: the chart of the open session, its direction, gates and view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devicectl.alarms.board import Priority
from devicectl.control.gates import Gate, Purpose
from devicectl.control.grant import Planned
from devicectl.treatment.anaesthetics import dwell
from devicectl.treatment.chart import Chart, gates_of, steps_of
from devicectl.treatment.intake import Stored
from devicectl.treatment.opening import Opened
from devicectl.treatment.pass_events import PassClosed, PassKind
from devicectl.treatment.plan import DonePass, ZoneProgress, next_zone
from devicectl.treatment.recorded import Recorded
from devicectl.treatment.steps import Step, next_step

from .treatments import Treatments
from .views import ChartView, StepView, TimerView, ZonePlanView

if TYPE_CHECKING:
    from .desk import Desk

OVER_PLAN: Final = "over-plan"


class Charting:
    """The chart of the session that is open on a desk, if it is a treatment."""

    def __init__(self, desk: Desk, treatments: Treatments) -> None:
        self._desk = desk
        self._treatments = treatments
        self.chart: Chart | None = None
        self.direction: str | None = None
        self._shown: tuple[Recorded, ChartView] | None = None
        self._made: tuple[tuple[object, ...], Recorded] | None = None

    def begin(self, opened: Opened) -> None:
        """A session is open."""
        self.end()
        self.chart = None if opened.client is None else Chart(opened, self._treatments.zone())

    def end(self) -> None:
        """No session is open."""
        self.chart = self.direction = None
        self._made = self._shown = None
        self._desk.alarms.clear(OVER_PLAN)

    def take(self, stored: Stored) -> None:
        """What was entered for the open session."""
        if self.chart is not None:
            self.chart.take(stored)

    # -- passes

    def next_direction(self, zone: str) -> str | None:
        """What the plan asks for next in a zone."""
        return None if self.chart is None else self.chart.next_direction(zone)

    def has(self, zone: str) -> bool:
        """Whether anything that was needled counts for this zone: its only pass may have been given to another one."""
        progress = None if self.chart is None else self.chart.of_zone(zone)
        return self.chart is None or (progress is not None and progress.duration_ms > 0)

    def count(self, closed: PassClosed) -> None:
        """A pass has ended."""
        chart, zone = self.chart, closed.zone
        if chart is None or zone is None or closed.kind is not PassKind.GRANTED:
            return
        chart.pass_done(DonePass(zone.code, closed.direction, closed.reason.value, closed.figures.duration_ms))
        progress = chart.of_zone(zone.code)
        if progress is not None and progress.over:
            text = f"{zone.name}: {progress.passes_done} passes, {progress.passes_planned} planned."
            self._desk.alarms.raise_(OVER_PLAN, Priority.LOW, text)

    def planned(self, zone: str) -> Planned | None:
        """How much longer the plan wants a zone to be needled; None when it does not say, or that is over."""
        progress = None if self.chart is None else self.chart.of_zone(zone)
        if progress is None or progress.plan is None or progress.plan.seconds is None or progress.time_reached:
            return None
        return Planned(progress.plan.seconds - progress.duration_ms / 1000, indicate=True)

    # -- what it says

    def recorded(self) -> Recorded | None:
        """The session as plain values, made anew once a second or when something changed."""
        chart = self.chart
        if chart is None:
            return None
        desk = self._desk
        now, control = desk.source.utc_us(), desk.control
        operator = desk.holder.operator() if desk.holder is not None else None
        cartridge = control.cartridge
        reads = (cartridge.lot, cartridge.serial) if cartridge.present else ("", "")
        key = (chart.id, chart.version, now // 1_000_000, operator, reads, control.overrides)
        if self._made is None or self._made[0] != key:
            made = chart.recorded(
                now,
                operator=operator.name if operator is not None else None,
                role=operator.role.value if operator is not None else None,
                reads=reads,
                overrides=control.overrides,
            )
            self._made = (key, made)
        return self._made[1]

    def gates(self) -> tuple[Gate, ...]:
        """The gates of a treatment; none in a bench session."""
        recorded = self.recorded() if self._desk.control.purpose is Purpose.TREATMENT else None
        return () if recorded is None else gates_of(recorded)

    def view(self) -> ChartView | None:
        """The chart as screens see it."""
        chart, recorded = self.chart, self.recorded()
        if chart is None or recorded is None:
            return None
        if self._shown is None or self._shown[0] is not recorded or self._shown[1].direction != self.direction:
            self._shown = (recorded, chart_view(chart, recorded, self.direction))
        return self._shown[1]


def chart_view(chart: Chart, recorded: Recorded, direction: str | None) -> ChartView:
    """A chart as screens see it."""
    found = steps_of(recorded)
    following = next_step(found)
    return ChartView(
        session=str(chart.id),
        client=chart.code,
        course="" if recorded.course is None else recorded.course.protocol,
        direction=direction,
        zones=tuple(map(_zone_view, recorded.zones)),
        steps=tuple(map(_step_view, found)),
        next_step=following.name if following is not None else None,
        next_zone=next_zone(recorded.zones),
        timers=_timers(recorded),
        closed=recorded.closed,
        signatures=recorded.signatures,
    )


def _zone_view(zone: ZoneProgress) -> ZonePlanView:
    plan = zone.plan
    return ZonePlanView(
        code=zone.zone,
        state=zone.state,
        text=zone.text(),
        planned=dict(plan.passes) if plan is not None else {},
        done=dict(zone.done),
        undirected=zone.undirected,
        depth_um=plan.depth_um if plan is not None else None,
        rate_mhz=plan.rate_mhz if plan is not None else None,
        seconds=plan.seconds if plan is not None else None,
        end_point=plan.end_point if plan is not None else None,
        duration_s=zone.duration_ms / 1000,
        finished=zone.finished,
    )


def _step_view(step: Step) -> StepView:
    return StepView(step.name, step.title, step.phase, step.state, step.text, step.forms, step.optional)


def _timers(recorded: Recorded) -> tuple[TimerView, ...]:
    found = []
    for each in recorded.anaesthetics:
        if each.off_utc_us is None:
            timer = dwell(each.on_utc_us, recorded.now_utc_us, each.dwell_min_s, each.dwell_max_s)
            found.append(
                TimerView(each.product, timer.state, timer.text, timer.on_s, each.dwell_min_s, each.dwell_max_s)
            )
    return tuple(found)
