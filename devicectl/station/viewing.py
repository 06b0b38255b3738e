"""Builds the view that screens see from a desk, without touching anything."""

from __future__ import annotations

from devicectl.control.controller import Controller
from devicectl.control.gates import Gate
from devicectl.control.grant import Grant

from .desk import Desk
from .views import (
    AlarmView,
    GateView,
    LimitsView,
    OperatorView,
    PenView,
    RunView,
    SessionView,
    TraceView,
    View,
)

LOG_SHOWN = 20


def _round(age: float | None) -> float | None:
    return None if age is None or age == float("inf") else round(age, 3)


def gate_views(gates: tuple[Gate, ...]) -> tuple[GateView, ...]:
    """Gates as clients see them."""
    return tuple(GateView(g.name, g.passed, g.text, g.overridable, g.overridden, g.waiting) for g in gates)


def _limits(c: Controller) -> LimitsView | None:
    caps = c.capabilities
    if caps is None:
        return None
    cartridge = c.cartridge.depth_max_um or caps.depth_max_um
    return LimitsView(
        depth_min_um=caps.depth_min_um,
        depth_max_um=min(caps.depth_max_um, cartridge, c.limits.hard_depth_um),
        depth_step_um=caps.depth_step_um,
        depth_soft_um=c.limits.ceiling_um,
        rate_min_mhz=caps.rate_min_mhz,
        rate_max_mhz=min(caps.rate_max_mhz, c.limits.max_rate_mhz or caps.rate_max_mhz),
        rate_step_mhz=caps.rate_step_mhz,
        needles=c.cartridge.needles,
        cartridge=c.cartridge.type if c.cartridge.present else "",
        has_contact=caps.has_contact,
        depth_operator_um=c.limits.operator_depth_um,
    )


def pen_view(desk: Desk) -> PenView:
    """The pen as known now."""
    c, now = desk.control, desk.loop.time()
    identity, status, vitals, back, sample = c.identity, c.status, c.vitals, c.readback, c.motion.sample
    connected = desk.pen.connected
    return PenView(
        address=str(desk.address),
        model=identity.model if identity else "",
        serial=identity.serial if identity else "",
        firmware=identity.firmware if identity else "",
        simulated=bool(identity and identity.simulated),
        link="up" if connected else ("lost" if identity else "connecting"),
        link_text=desk.link_text,
        state=status.state.name.lower() if status else "unknown",
        latched=c.latched or bool(status and status.state.latched),
        faults=c.fault_names(),
        motion=c.motion.at(now).value,
        depth_set_um=back.depth_um if back else None,
        rate_set_mhz=back.rate_mhz if back else None,
        depth_um=sample.depth_um if sample else None,
        rate_mhz=sample.rate_mhz if sample else None,
        current_ma=sample.current_ma if sample else None,
        contact=sample.contact if sample else None,
        temperature_cc=vitals.temperature_cc if vitals else None,
        battery_pct=vitals.battery_pct if vitals else None,
        battery_mv=vitals.battery_mv if vitals else None,
        sample_age_s=_round(c.motion.age(now)),
        vitals_age_s=_round(now - vitals.at if vitals else None),
        status_age_s=_round(now - status.at if status else None),
        lease_left_ms=status.lease_left_ms if status else 0,
        lease_ms=c.lease_ms,
        samples=desk.trace.end,
        lost_samples=desk.pen.statistics.lost_samples,
        stop_ms=c.last_stop_ms,
        limits=_limits(c),
        settling=c.lane.unsettled,
        stop_found_still=c.stop_found_still,
        session=desk.recording.session_id,
        cartridge_lot=c.cartridge.lot,
        cartridge_serial=c.cartridge.serial,
        cartridge_expiry=c.cartridge.expiry,
    )


def _run_view(run: Grant, c: Controller, now: float) -> RunView:
    pause_left = None
    if run.phase == "paused" and c.capabilities is not None:
        pause_left = max(0.0, c.capabilities.pause_max_ms / 1000 - (now - run.paused_at))
    return RunView(
        run.zone,
        run.depth_um,
        run.rate_mhz,
        run.phase,
        round(run.ran_s, 1),
        round(max(0.0, run.run_max_s - run.ran_s), 1),
        pause_left,
        None if run.planned_s is None else round(run.planned_s - run.ran_s, 1),
    )


def session_view(desk: Desk) -> SessionView | None:
    """The open session and its passes."""
    return desk.recording.session_view()


def build_view(
    desk: Desk | None,
    serial: int,
    utc: float,
    you_control: bool,
    trace: TraceView | None,
    operator: OperatorView | None = None,
) -> View:
    """Everything one screen needs, as of now."""
    if desk is None:
        return View(serial, utc, None, False, None, None, None, (), (), (), None, None, None, None, True, 0.0, operator)
    c, now = desk.control, desk.loop.time()
    problem = desk.recording.problem()
    return View(
        serial=serial,
        utc=utc,
        controller=desk.holder.name if desk.holder else None,
        you_control=you_control,
        pen=pen_view(desk),
        run=_run_view(c.run, c, now) if c.run else None,
        session=session_view(desk),
        alarms=tuple(
            AlarmView(
                a.code, a.code, a.priority.name.lower(), a.text, round(now - a.since, 1), a.active, a.acknowledged
            )
            for a in desk.alarms.standing()
        ),
        gates=gate_views(c.gates()),
        log=tuple(desk.log)[-LOG_SHOWN:],
        trace=trace,
        zone=c.zone,
        depth_request_um=desk.intents.depth_request_um,
        rate_request_mhz=desk.intents.rate_request_mhz,
        record_ok=problem is None,
        silenced_s=desk.alarms.silent_for,
        operator=operator,
        chart=desk.recording.charting.view(),
    )
