"""The steps of a session in order, each with its state and one sentence, from what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeVar

from devicectl.control.gates import Gate

from . import gates
from .anaesthetics import dwell
from .follow_up import interval
from .plan import next_zone
from .recorded import Recorded

State = Literal["open", "done", "trouble", "waiting"]
Phase = Literal["start", "before", "during", "after", "sign"]

_AFTER: Final = ("after", "sign")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``forms``: what is entered in it; ``optional``: a session is whole without it."""

    name: str
    title: str
    phase: Phase
    state: State
    text: str
    forms: tuple[str, ...] = ()
    optional: bool = False


def steps(r: Recorded) -> tuple[Step, ...]:
    """All steps, from signing in to the signature."""
    found: list[Step] = []
    for make in _STEPS:
        found.append(make(r, tuple(found)))
    return tuple(found)


class _Stands(Protocol):
    """What is asked of a step to find the next one; the view of a step has it too."""

    @property
    def phase(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def optional(self) -> bool: ...


_S = TypeVar("_S", bound=_Stands)


def next_step(found: Iterable[_S]) -> _S | None:
    """What to do next: trouble first in its place, then what is open and needed, then what is waited for; None when all is
    done. What comes after the zones is not next while anything before them is left: nobody is to be led to the sharps
    container while the anaesthetic works."""
    needed = [step for step in found if not step.optional or step.state in ("trouble", "waiting")]
    for part in (
        [step for step in needed if step.phase not in _AFTER],
        [step for step in needed if step.phase in _AFTER],
    ):
        for states in (("open", "trouble"), ("waiting",)):
            following = next((step for step in part if step.state in states), None)
            if following is not None:
                return following
    return None


def missing(found: Iterable[Step]) -> tuple[str, ...]:
    """What stands in the way of a signature, one sentence each."""
    return tuple(
        f"{step.title}: {step.text}"
        for step in found
        if step.phase != "sign"
        and (step.state in ("trouble", "waiting") or (step.state == "open" and not step.optional))
    )


def _by_gate(r: Recorded, gate: Gate, entered: bool) -> tuple[State, str]:
    """Done when the gate is open; trouble when something was entered and it is not."""
    text = gate.text[0].upper() + gate.text[1:]
    text = text if text.endswith(".") else f"{text}."
    if gate.passed:
        return "done", text
    reason = r.overrides.get(gate.name) if gate.name in gates.OVERRIDABLE else None
    if reason is not None:
        return "done", f"Opened with a reason: {text}"
    return ("trouble" if entered else "open"), text


def _operator(r: Recorded, _: tuple[Step, ...]) -> Step:
    state, text = _by_gate(r, gates.operator(r), r.operator is not None)
    return Step("operator", "Operator", "start", state, text)


def _client(r: Recorded, _: tuple[Step, ...]) -> Step:
    if r.client is None:
        return Step(
            "client", "Client", "start", "open", "No client is chosen; choose or add one.", ("client", "identity")
        )
    return Step("client", "Client", "start", "done", f"Client {r.client}.", ("client", "identity"))


def _course(r: Recorded, _: tuple[Step, ...]) -> Step:
    forms = ("assessment", "course")
    course = r.course
    if course is None:
        text = "No course is chosen; choose or open one."
        if r.client is not None:
            text = "Opened without a course; the signature asks why."
        return Step("course", "Course", "start", "open", text, forms)
    if course.ended and not r.closed:
        return Step("course", "Course", "start", "trouble", "The course is closed; choose or open another.", forms)
    state, text = _by_gate(r, gates.minimum_days(r), True)
    left = course.sessions_planned - course.sessions_done
    late = interval(course.last_session, r.today, course.min_days, left).overdue_days
    if state == "done" and not text.startswith("Opened"):
        number = f"session {course.sessions_done + 1} of {course.sessions_planned}"
        text = f"{course.protocol}, {number}{f', {late} days overdue' if late else ''}."
    return Step("course", "Course", "start", state, text, forms)


def _consent(r: Recorded, _: tuple[Step, ...]) -> Step:
    state, text = _by_gate(r, gates.consent(r), bool(r.consents))
    return Step("consent", "Consent", "before", state, text, ("consent",))


def _checklist(r: Recorded, _: tuple[Step, ...]) -> Step:
    state, text = _by_gate(r, gates.checklist(r), r.checklist is not None)
    return Step("checklist", "Checklist", "before", state, text, ("checklist",))


def _anaesthetic(r: Recorded, _: tuple[Step, ...]) -> Step:
    forms = ("anaesthetic", "anaesthetic_off")
    if not r.anaesthetics:
        text = "None recorded; enter it if one is used."
        return Step("anaesthetic", "Anaesthetic", "before", "open", text, forms, optional=True)
    on = next((each for each in r.anaesthetics if each.off_utc_us is None), None)
    state, text = _by_gate(r, gates.anaesthetic(r), True)
    if on is not None and state != "done":
        timer = dwell(on.on_utc_us, r.now_utc_us, on.dwell_min_s, on.dwell_max_s)
        state, text = {"early": "waiting", "ready": "open", "over": "trouble"}[timer.state], timer.text  # type: ignore[assignment]
    # Once one is on, the session is not whole before it is off.
    return Step("anaesthetic", "Anaesthetic", "before", state, text, forms)


def _cartridge(r: Recorded, _: tuple[Step, ...]) -> Step:
    if r.cartridge is None and r.cartridges and (r.closed or _needled(r)):
        return Step("cartridge", "Cartridge", "before", "done", "Registered and discarded.", ("cartridge",))
    state, text = _by_gate(r, gates.cartridge(r), r.cartridge is not None)
    return Step("cartridge", "Cartridge", "before", state, text, ("cartridge",))


def _needled(r: Recorded) -> bool:
    """Every planned zone, or without a plan every zone that was begun, is done and has its result."""
    planned = [each for each in r.zones if each.plan is not None]
    begun = [each for each in r.zones if each.duration_ms]
    all_done = all(each.state in ("done", "over", "skipped") for each in planned)
    return bool(planned or begun) and all_done and all(each.finished or each.skipped for each in begun)


def _skin(r: Recorded, _: tuple[Step, ...]) -> Step:
    state: State = "done" if r.skin_preparations else "open"
    text = "Skin prepared." if r.skin_preparations else "Enter what the skin was cleaned with."
    return Step("skin_preparation", "Skin", "before", state, text, ("skin_preparation",))


def _pen_check(r: Recorded, _: tuple[Step, ...]) -> Step:
    checked = r.pen_check is not None and r.pen_check.day == r.today
    state, text = _by_gate(r, gates.daily_check(r), checked)
    return Step("pen_check", "Daily check", "before", state, text, ("pen_check",))


def _zones(r: Recorded, before: tuple[Step, ...]) -> Step:
    forms = ("zone_result", "note")
    begun = any(each.duration_ms for each in r.zones)
    # A session that was opened without a course gets none any more: its zones do not wait for one.
    lacking = [
        s.title
        for s in before
        if s.state != "done" and not s.optional and (s.name != "course" or r.course or r.client is None)
    ]
    if lacking and not begun:
        return Step("zones", "Zones", "during", "waiting", f"First: {', '.join(lacking)}.", forms)
    planned = [each for each in r.zones if each.plan is not None]
    done = [each for each in planned if each.state in ("done", "over", "skipped")]
    unfinished = [each.zone for each in r.zones if each.duration_ms and not (each.finished or each.skipped)]
    if not planned:
        state: State = "done" if begun and not unfinished else "open"
        text = f"{len(r.zones)} zones treated, none planned." if begun else "No zone is planned; choose one."
        return Step("zones", "Zones", "during", state, text, forms)
    text = f"{len(done)} of {len(planned)} planned zones done."
    following = next_zone(r.zones)
    if following is not None:
        return Step("zones", "Zones", "during", "open", f"{text[:-1]}; next {following}.", forms)
    if unfinished:
        return Step("zones", "Zones", "during", "open", f"{text[:-1]}; result missing: {', '.join(unfinished)}.", forms)
    return Step("zones", "Zones", "during", "done", text, forms)


def _topicals(r: Recorded, _: tuple[Step, ...]) -> Step:
    return _counted("topicals", "Topicals", r.topicals, "topical", "topicals", ("topical",))


def _adverse_events(r: Recorded, _: tuple[Step, ...]) -> Step:
    forms = ("adverse_event", "adverse_event_state")
    return _counted("adverse_events", "Adverse events", r.adverse_events, "adverse event", "adverse events", forms)


def _photos(r: Recorded, _: tuple[Step, ...]) -> Step:
    if r.photos and r.consents and not r.consents[-1].photos:
        text = "There are photographs, and the consent allows none; ask, and record the consent again."
        return Step("photos", "Photographs", "after", "trouble", text, ("photo",), optional=True)
    return _counted("photos", "Photographs", r.photos, "photograph", "photographs", ("photo",))


def _counted(name: str, title: str, number: int, one: str, many: str, forms: tuple[str, ...]) -> Step:
    state: State = "done" if number else "open"
    text = f"{number} {one if number == 1 else many} recorded." if number else "None recorded."
    return Step(name, title, "after", state, text, forms, optional=True)


def _discard(r: Recorded, _: tuple[Step, ...]) -> Step:
    forms = ("cartridge_discarded",)
    left = [each.lot for each in r.cartridges if not each.discarded]
    if not r.cartridges:
        return Step("discard", "Discard cartridge", "after", "waiting", "No cartridge is registered.", forms)
    if left:
        text = f"Discard the cartridge of lot {', '.join(left)} and say so."
        return Step("discard", "Discard cartridge", "after", "open", text, forms)
    return Step("discard", "Discard cartridge", "after", "done", "Every cartridge is discarded.", forms)


def _follow_ups(r: Recorded, _: tuple[Step, ...]) -> Step:
    """Aftercare and follow-ups are one step: both are about the days after the session."""
    forms = ("aftercare", "follow_up", "follow_up_state", "follow_up_moved")
    number = f"{r.follow_ups} follow-up{'s' if r.follow_ups > 1 else ''}"
    laid = f"{number} laid down." if r.follow_ups else "Follow-ups are laid down when it is signed."
    state: State = "done" if r.aftercare or r.follow_ups else "open"
    text = f"{r.aftercare or 'No aftercare is recorded.'} {laid}"
    return Step("follow_ups", "Aftercare", "after", state, text, forms, optional=True)


def _sign(r: Recorded, before: tuple[Step, ...]) -> Step:
    forms = ("pass_change", "signature", "amendment")
    if "performed" in r.signatures:
        reviewed = " and reviewed" if "reviewed" in r.signatures else ""
        return Step("sign", "Sign", "sign", "done", f"Signed as performed{reviewed}; the record is locked.", forms)
    lacking = missing(before)
    if lacking:
        more = f" And {len(lacking) - 1} more." if len(lacking) > 1 else ""
        return Step("sign", "Sign", "sign", "waiting", f"{lacking[0]}{more}", forms)
    if not r.closed:
        return Step("sign", "Sign", "sign", "open", "Close the session, then sign it.", forms)
    return Step("sign", "Sign", "sign", "open", "Everything is recorded; sign it.", forms)


_STEPS: Final[tuple[Callable[[Recorded, tuple[Step, ...]], Step], ...]] = (
    _operator,
    _client,
    _course,
    _consent,
    _checklist,
    _anaesthetic,
    _cartridge,
    _skin,
    _pen_check,
    _zones,
    _topicals,
    _adverse_events,
    _discard,
    _photos,
    _follow_ups,
    _sign,
)
