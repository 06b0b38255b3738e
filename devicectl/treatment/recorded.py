"""What is recorded of one session, as plain values: what steps and gates are worked out from.

The newest row of each kind counts; rows of an interrupted session that this one resumes are among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from .checklist import CHECKLIST_VERSION, Answer
from .plan import ZoneProgress
from .texts import CONSENT_VERSION


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """A consent that was entered in this session."""

    version: str
    given_utc_us: int
    photos: bool


@dataclass(frozen=True, slots=True)
class ChecklistFact:
    """The newest checklist of this session."""

    version: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class AnaestheticFact:
    """One application; ``off_utc_us`` None while it is on. Times in µs UTC and s."""

    product: str
    on_utc_us: int
    dwell_min_s: int
    dwell_max_s: int | None = None
    off_utc_us: int | None = None
    cleaned: bool = False


@dataclass(frozen=True, slots=True)
class CartridgeFact:
    """One registered cartridge. ``used_before``: in another session; ``differs``: what the pen reads instead, if it does."""

    lot: str
    expiry: date
    serial: str = ""
    used_before: bool = False
    differs: str = ""
    discarded: bool = False


@dataclass(frozen=True, slots=True)
class CourseFact:
    """The course of this session. ``last_session`` is the day of the one before this."""

    protocol: str
    sessions_planned: int
    sessions_done: int
    min_days: int
    last_session: date | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class PenCheckFact:
    """The newest functional check of the pen in use."""

    day: date
    passed: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """One session as of ``now_utc_us``; ``today`` is the day at the place.

    Once the session is closed, both and the operator are those of its end: what was in order stays so when it is signed
    later. ``aftercare`` is the sentence about what was given, empty if nothing was. ``role`` is a word of the operator form; ``consent_version`` and ``checklist_version`` are those in use here.
    """

    now_utc_us: int
    today: date
    operator: str | None = None
    role: str | None = None
    client: str | None = None
    course: CourseFact | None = None
    consents: tuple[ConsentFact, ...] = ()
    checklist: ChecklistFact | None = None
    anaesthetics: tuple[AnaestheticFact, ...] = ()
    cartridges: tuple[CartridgeFact, ...] = ()
    skin_preparations: int = 0
    pen_check: PenCheckFact | None = None
    zones: tuple[ZoneProgress, ...] = ()
    topicals: int = 0
    adverse_events: int = 0
    photos: int = 0
    follow_ups: int = 0
    aftercare: str = ""
    closed: bool = False
    signatures: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    consent_version: str = CONSENT_VERSION
    checklist_version: str = CHECKLIST_VERSION

    @property
    def cartridge(self) -> CartridgeFact | None:
        """The newest that was not discarded: the one in use."""
        return next((each for each in reversed(self.cartridges) if not each.discarded), None)
