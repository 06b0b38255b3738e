"""Gates before START of a treatment, from what is recorded; each a sentence that says what is missing and what to do.

They hold for training clients too: practising rehearses the whole way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from devicectl.control.gates import Gate

from .anaesthetics import dwell
from .checklist import blocking
from .follow_up import interval
from .recorded import Recorded

TREATING_ROLES: Final = ("practitioner", "administrator")
CONSENT_DAYS: Final = 365
"""How long before a session a consent may have been signed. A choice of this project; no figure was found."""


def operator(r: Recorded) -> Gate:
    """Somebody who may treat is signed in."""
    if r.operator is None:
        return Gate("operator", False, "Nobody is signed in; sign in first.")
    if r.role not in TREATING_ROLES:
        return Gate("operator", False, f"{r.operator} is signed in as {r.role} and may not treat; a practitioner may.")
    return Gate("operator", True, f"operator {r.operator}")


def consent(r: Recorded) -> Gate:
    """The consent in use was entered in this session and is not too old."""
    if not r.consents:
        return Gate("consent", False, "No consent is recorded for this session; enter it.")
    newest = r.consents[-1]
    if newest.version != r.consent_version:
        return Gate(
            "consent", False, f"The consent is {newest.version[:40]}, in use is {r.consent_version}; have it signed."
        )
    given = datetime.fromtimestamp(newest.given_utc_us / 1e6, tz=UTC)
    now = datetime.fromtimestamp(r.now_utc_us / 1e6, tz=UTC)
    if now - given > timedelta(days=CONSENT_DAYS):
        return Gate("consent", False, f"The consent is older than {CONSENT_DAYS} days; have it signed again.")
    return Gate("consent", True, f"consent {newest.version}")


def checklist(r: Recorded) -> Gate:
    """Every question of the version in use was answered, no stop is met, and what a physician allowed has its reason."""
    if r.checklist is None:
        return Gate("checklist", False, "The checklist is not answered for this session; answer it.")
    if r.checklist.version != r.checklist_version:
        return Gate("checklist", False, f"The checklist in use is {r.checklist_version}; answer that one.")
    found = blocking(r.checklist.answers)
    if found:
        # What ends the session is said before what can still be mended.
        text = next((text for item, text in found if item.kind == "stop"), found[0][1])
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        return Gate("checklist", False, text + more)
    allowed = sum(answer.answer != "no" for answer in r.checklist.answers)
    return Gate("checklist", True, f"checklist answered, {allowed} with a reason" if allowed else "checklist answered")


def anaesthetic(r: Recorded) -> Gate:
    """No anaesthetic is on, and what was on is removed and cleaned off."""
    for each in r.anaesthetics:
        if each.off_utc_us is None:
            timer = dwell(each.on_utc_us, r.now_utc_us, each.dwell_min_s, each.dwell_max_s)
            minutes = timer.on_s // 60
            return Gate(
                "anaesthetic", False, f"{each.product[:40]} is on for {minutes} min; remove it and clean the skin."
            )
        if not each.cleaned:
            return Gate("anaesthetic", False, f"{each.product[:40]} is not cleaned off; clean the skin and say so.")
    return Gate("anaesthetic", True, "anaesthetic off and cleaned" if r.anaesthetics else "no anaesthetic")


def cartridge(r: Recorded) -> Gate:
    """The cartridge in use is registered, in date, new to this session, and the one that the pen reads."""
    name, used = "cartridge registered", r.cartridge
    if used is None:
        return Gate(name, False, "No cartridge is registered for this session; scan it or enter it by hand.")
    if used.used_before:
        return Gate(
            name, False, f"Cartridge lot {used.lot} was used in another session; discard it and open a new one."
        )
    if used.expiry < r.today:
        return Gate(name, False, f"Cartridge lot {used.lot} expired on {used.expiry}; discard it and open another.")
    if used.differs:
        return Gate(
            name,
            False,
            f"The pen reads cartridge {used.differs[:40]}, registered is lot {used.lot}; register what is in.",
        )
    return Gate(name, True, f"cartridge lot {used.lot}, in date")


def daily_check(r: Recorded) -> Gate:
    """The pen was checked today and passed."""
    name, check = "daily check", r.pen_check
    if check is None or check.day != r.today:
        return Gate(name, False, "This pen was not checked today; do the daily check.")
    if not check.passed:
        return Gate(name, False, "This pen failed its check today; mend it, or take another pen.")
    return Gate(name, True, "pen checked today")


def minimum_days(r: Recorded) -> Gate:
    """The days between two sessions of the course are over."""
    name, course = "interval", r.course
    if course is None:
        return Gate(name, True, "no course")
    left = course.sessions_planned - course.sessions_done
    found = interval(course.last_session, r.today, course.min_days, left)
    if found.earliest is None or found.days_since is None or r.today >= found.earliest:
        return Gate(name, True, f"{course.min_days} days between sessions kept")
    days = "1 day" if found.days_since == 1 else f"{found.days_since} days"
    return Gate(
        name,
        False,
        f"The last session was {days} ago, {course.min_days} are planned; wait until {found.earliest}, or give a reason.",
    )


GATES: Final[tuple[Callable[[Recorded], Gate], ...]] = (
    operator,
    consent,
    checklist,
    anaesthetic,
    cartridge,
    daily_check,
    minimum_days,
)
"""In the order in which they are asked before START."""

OVERRIDABLE: Final = frozenset({"anaesthetic", "daily check", "interval"})
"""Gates that open with a reason. Operator, consent, a stop of the checklist and a bad cartridge never do; a question that
a physician answered has its reason in the checklist itself."""


def evaluate(r: Recorded) -> tuple[Gate, ...]:
    """Every gate, without its overrides: those are control's."""
    return tuple(gate(r) for gate in GATES)
