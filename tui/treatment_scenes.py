"""Scenes of a treatment beside the pen: its chart, the register of clients, who is signed in. Made up, for pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from devicectl.records.reader import PassSummary, SessionDetail, SessionSummary
from devicectl.records.register import ClientSummary, CourseSummary, TreatmentSummary
from devicectl.station.views import ChartView, OperatorView, StepView, TimerView, View, ZonePlanView, ZoneView
from devicectl.treatment.checklist import ITEMS
from devicectl.treatment.last_time import Answered, Open
from tui import calibration_scenes as calibrations
from tui import scenes
from tui.book import HeldBook, Register, SessionRecord

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
    _step("discard", "Discard cartridge", "after", "waiting", "No cartridge is registered."),
    _step("photos", "Photographs", "after", "open", "None recorded.", True),
    _step("follow_ups", "Aftercare", "after", "open", "No aftercare is recorded. Follow-ups are laid down when it is signed.", True),
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


# -- custom patches


_STAMPED: Final = {"stamp": 2}
PATCHED: Final = (
    *ZONES,
    _zone("CUS-1", "begun", _STAMPED, {"stamp": 1}, 31.0),
    _zone("CUS-2", "open", _STAMPED, {}, 0.0),
)


def patched(view: View = scenes.IDLE) -> View:
    """A treatment with two custom patches, the first of them chosen."""
    zones = (*scenes.ZONES_DONE, ZoneView("CUS-1", 1, 28.0, False, 2_800, 84.0))
    session = replace(scenes.SESSION, zones=zones, zone="CUS-1")
    return replace(charted(view), session=session, zone="CUS-1", chart=replace(CHART, zones=PATCHED, next_zone="CUS-1"))


# -- what is filed


_SESSION_ID: Final = UUID("018f0000-0000-7000-8000-000000000001")


def _row(number: int, days: int, **values: Any) -> dict[str, Any]:
    return {"id": UUID(int=number), "at_utc_us": _NOON_US - days * _DAY_US, "operator": "Dr A. Moreau", **values}


FILE: Final = {
    "courses": [
        _row(9, 35, protocol="Li 2026, moderate v1", sessions_done=3, sessions_planned=12, min_days=7, ended=False),
    ],
    "sessions": [
        _row(n, days, opened_utc_us=_NOON_US - days * _DAY_US, ended_utc_us=_NOON_US - days * _DAY_US + 2_700_000_000,
             end_reason="closed", origin="simulated", resumes_id=None, signed=n != 3)
        for n, days in ((3, 21), (2, 28), (1, 35))
    ],
    "assessments": [_row(21, 35, scale="norwood", grade="III vertex")],
    "adverse_events": [
        _row(31, 21, term="pruritus", grade=1, zone="VTX", onset_utc_us=_NOON_US - 20 * _DAY_US, state=None),
        _row(32, 28, term="oedema", grade=1, zone="FHL", onset_utc_us=_NOON_US - 28 * _DAY_US,
             state={"outcome": "resolved", "resolved_date": "2026-08-27"}),
    ],
    "follow_ups": [
        _row(41, 21, kind="day7", due_date="2026-09-07", state=None),
        _row(42, 21, kind="week12", due_date="2026-11-09", state=None),
        _row(43, 28, kind="day1-3", due_date="2026-08-27", state={"state": "done"}),
    ],
    "photos": [_row(51, 21, view="crown", phase="before")],
}  # fmt: skip
"""A client as `devicectl.records.clinic.client_at_a_glance` gives it."""


def _pass(number: int, zone: str, depth_um: int, seconds: int) -> PassSummary:
    return PassSummary(
        UUID(int=60 + number), number, "granted", zone, depth_um, 100_000, 16, 5_000, _NOON_US, "ended",
        seconds * 1000, seconds * 900, "inferred", 0, seconds * 100, seconds * 90, 80, depth_um, depth_um, depth_um,
        320, seconds * 50, 0,
    )  # fmt: skip


RECORD: Final = SessionRecord(
    SessionDetail(
        SessionSummary(
            _SESSION_ID, "treatment", "simulated", "T-001", "PL-A113", _NOON_US - 21 * _DAY_US,
            _NOON_US - 21 * _DAY_US + 2_700_000_000, "closed", 3, 18_000, 160_000,
        ),
        (_pass(1, "FHL", 1000, 58), _pass(2, "FHL", 1000, 61), _pass(3, "VTX", 1250, 66)),
        (), (), (), (),
    ),
    {
        "consents": [_row(71, 21, version="consent-1", given_utc_us=_NOON_US - 21 * _DAY_US, given_by="client", photos=1)],
        "checklist_answers": [
            _row(72, 21, version="checklist-1", item="infection", answer="no", changed=0, since_last="no", reason=None),
            _row(73, 21, version="checklist-1", item="anticoagulant", answer="yes", changed=1, since_last="yes", reason="…"),
        ],
        "zone_results": [
            _row(74, 21, zone="FHL", end_point="mild_erythema", pain=3, bleeding=0, reaction="none", skipped=0, note="…"),
            _row(75, 21, zone="VTX", end_point="mild_erythema", pain=4, bleeding=1, reaction="mild_erythema", skipped=0, note=None),
        ],
        "notes": [_row(76, 21, zone=None, phrase="aftercare aftercare-1 both 0011223344556677", note=None)],
    },
    [{"meaning": "performed", "name": "Dr A. Moreau", "at_utc_us": _NOON_US - 21 * _DAY_US + 2_800_000_000, "audit_seq": 412}],
    [
        {"id": UUID(int=81), "at_utc_us": _NOON_US - 20 * _DAY_US, "operator": "Dr A. Moreau", "table": "zone_results",
         "row": UUID(int=74), "field": "pain", "old": 3, "new": 5, "reason": "…"},
    ],
)  # fmt: skip
"""A session that is signed, with one amendment."""
ANSWERED: Final = Answered(
    _NOON_US - 21 * _DAY_US, {name: "yes" if name == "anticoagulant" else "no" for name in ITEMS}
)
BOOK: Final = HeldBook(
    replace(REGISTER, matters={"T-001": Open(1, (("day7", "2026-09-07"),))}),
    interrupted=calibrations.INTERRUPTED,
    plan=calibrations.plan().model_dump(mode="json"),
    due=calibrations.DUE,
    charts=calibrations.charts(),
    client=FILE,
    session=RECORD,
    answered=ANSWERED,
)
"""What the scenes read of the record."""
