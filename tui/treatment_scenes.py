"""Scenes of a treatment beside the pen: its chart, the register of clients, who is signed in. Made up, for pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from devicectl.records.register import ClientSummary, CourseSummary, TreatmentSummary
from devicectl.station.views import ChartView, OperatorView, StepView, TimerView, View, ZonePlanView
from tui import scenes
from tui.book import Register

_DAY_US: Final = 86_400_000_000
_NOON_US: Final = int(scenes.NOON * 1e6)
OPERATOR: Final = OperatorView("Dr A. Moreau", "practitioner", False, 240.0)


def _zone(
    code: str, state: str, planned: dict[str, int], done: dict[str, int], seconds: float, finished: bool = False
) -> ZonePlanView:
    return ZonePlanView(code, state, "", planned, done, 0, 1000, 100_000, 240, "mild_erythema", seconds, finished)


_BOTH: Final = {"horizontal": 2, "vertical": 2}
ZONES: Final = (
    _zone("FHL", "done", _BOTH, {"horizontal": 2, "vertical": 2}, 231.0, True),
    _zone("FRL", "done", _BOTH, {"horizontal": 2, "vertical": 2}, 204.0, True),
    _zone("FRR", "begun", _BOTH, {"horizontal": 2}, 104.0),
    _zone("FTL", "skipped", _BOTH, {}, 0.0),
    _zone("MID", "begun", _BOTH, {"horizontal": 2, "vertical": 1}, 245.0),
    _zone("VTX", "over", _BOTH, {"horizontal": 3, "vertical": 3}, 430.0, True),
    _zone("OCC", "open", _BOTH, {}, 0.0),
)


def _step(name: str, title: str, phase: str, state: str, text: str, optional: bool = False) -> StepView:
    return StepView(name, title, phase, state, text, (), optional)


STEPS: Final = (
    _step("operator", "Operator", "start", "done", "Operator Dr A. Moreau."),
    _step("client", "Client", "start", "done", "Client T-001."),
    _step("course", "Course", "start", "done", "Li 2026, moderate v1, session 4 of 12."),
    _step("consent", "Consent", "before", "done", "Consent consent-1."),
    _step("checklist", "Checklist", "before", "trouble", "Anticoagulant or antiplatelet medicine? Yes: ask a physician and enter the reason to go on."),
    _step("anaesthetic", "Anaesthetic", "before", "waiting", "Lidocaine 4 % has been on for 12 min; 30 min at least.", True),
    _step("cartridge", "Cartridge", "before", "open", "No cartridge is registered for this session; scan it or enter it by hand."),
    _step("skin_preparation", "Skin", "before", "open", "Enter what the skin was cleaned with."),
    _step("pen_check", "Daily check", "before", "done", "Pen checked today."),
    _step("zones", "Zones", "during", "waiting", "First: Checklist, Cartridge, Skin."),
    _step("topicals", "Topicals", "after", "open", "None recorded.", True),
    _step("adverse_events", "Adverse events", "after", "open", "None recorded.", True),
    _step("discard", "Discard", "after", "waiting", "No cartridge is registered."),
    _step("photos", "Photographs", "after", "open", "None recorded.", True),
    _step("follow_ups", "Follow-ups", "after", "open", "Laid down when the session is closed.", True),
    _step("sign", "Sign", "sign", "waiting", "Checklist: Anticoagulant or antiplatelet medicine? And 3 more."),
)  # fmt: skip
CHART: Final = ChartView(
    session="018f0000-0000-7000-8000-000000000001",
    client="T-001",
    course="Li 2026, moderate v1",
    direction="vertical",
    zones=ZONES,
    steps=STEPS,
    next_step="checklist",
    next_zone="FRR",
    timers=(),
    closed=False,
    signatures=(),
)
TIMER: Final = TimerView("Lidocaine 4 %", "early", "Lidocaine 4 % on for 12 min.", 745, 1800, 3600)


def charted(view: View = scenes.IDLE) -> View:
    """A scene of the pen, in a treatment with a plan."""
    return replace(view, operator=OPERATOR, chart=CHART)


def whole() -> View:
    """Everything is recorded; only the signature is missing."""
    steps = tuple(replace(step, state="open" if step.name == "sign" or step.optional else "done") for step in STEPS)
    steps = (*steps[:-1], replace(steps[-1], text="Close the session, then sign it."))
    return replace(charted(), chart=replace(CHART, steps=steps, next_step="sign"))


def numbing() -> View:
    """The anaesthetic is on."""
    return replace(charted(), chart=replace(CHART, timers=(TIMER,)))


def arriving() -> View:
    """Nobody is signed in, a pen is there."""
    return scenes.no_session()


def at_work() -> View:
    """Somebody is signed in, no session is open."""
    return replace(scenes.no_session(), operator=OPERATOR)


def locked() -> View:
    """A treatment whose screen has locked itself."""
    return replace(charted(), operator=replace(OPERATOR, locked=True, lock_in_s=None))


def _treatment(number: int, days: int, passes: int, reason: str, signed: bool) -> TreatmentSummary:
    at = _NOON_US - days * _DAY_US
    depths = {"FHL": 1000, "MID": 1000, "VTX": 1250}
    return TreatmentSummary(UUID(int=number), at, at + 2_700_000_000, reason, passes, depths, signed, False)


REGISTER: Final = Register(
    (
        ClientSummary(
            "T-001", True, False, _NOON_US - 90 * _DAY_US,
            CourseSummary(UUID(int=9), "Li 2026, moderate", "aga_men", "norwood", "III vertex", 12, 7, 3, _NOON_US - 21 * _DAY_US, False),
            (_treatment(3, 21, 27, "closed", True), _treatment(2, 28, 34, "closed", True), _treatment(1, 35, 34, "closed", True)),
        ),
        ClientSummary("T-002", True, False, _NOON_US - 3 * _DAY_US, None, (_treatment(4, 0, 8, "interrupted", False),)),
        ClientSummary("T-014", True, False, _NOON_US - 2 * _DAY_US, None, ()),
        ClientSummary("K-2071", False, False, _NOON_US - 9 * _DAY_US, None, ()),
    )
)  # fmt: skip
NAMES: Final = ({"name": "Dr A. Moreau", "role": "practitioner"}, {"name": "K. Berg", "role": "administrator"})
