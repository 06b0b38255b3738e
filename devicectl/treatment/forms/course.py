"""Severity, courses of sessions, and protocols with their zones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from devicectl.treatment.protocols import Protocol
from devicectl.treatment.scales import FULL_MILLI, SCALE_TITLES, SCALES, salt_class, salt_score_milli
from devicectl.treatment.vocabulary import COURSE_ENDS, DIRECTIONS, END_POINTS, INDICATIONS
from devicectl.treatment.zones import CUSTOM_MAX, ZONES

from .engine import Form, Record, Rows, typed
from .entries import Choice, Counts, Number, Text, ZoneEntry, listed
from .numbers import DAYS, LENGTH_UM, MINUTES_S, PERCENT_MILLI, RATE_MHZ, show_number
from .words import BadEntry, folded

DEPTH_MAX_UM: Final = 3_000
"""The greatest protrusion that any pen known to this project claims; the station's limits lower it further."""


def _grade_fits(scale: str, grade: str) -> str | None:
    """The grade as the scale writes it, or None."""
    grades = SCALES[scale].grades
    wanted = grade.replace("−", "-").strip()
    for word, label in grades.items():
        if wanted.casefold() in (word.casefold(), label.casefold()) or (word == "+" + wanted):
            return word
    return next((word for word, label in grades.items() if folded(label) == folded(grade)), None)


def _assessed(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    """Fills the grade in the words of the scale, for SALT score and class."""
    return _salt(values, now) if _scale(values) == "salt" else _graded(values, now)


def _graded(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    """Fills the grade in the words of the scale."""
    del now
    scale, grade = _scale(values), values.get("grade")
    if isinstance(grade, int) and not isinstance(grade, bool) and abs(grade) < 100:
        grade = str(grade)
    if scale is not None and isinstance(grade, str) and len(grade) < 100:
        found = _grade_fits(scale, grade)
        return values if found is None else {**values, "grade": found}
    return values


def _scale(values: Mapping[str, object]) -> str | None:
    try:
        return Choice(label="Scale", of=SCALE_TITLES).word(values.get("scale"))
    except BadEntry:
        return None


_QUADRANTS: Final = ("top", "back", "right", "left")


def _salt(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    try:
        if any(values.get(f"salt_{each}_milli") not in (None, "") for each in _QUADRANTS):
            loss = [
                Assessment.entry(f"salt_{each}_milli").read(values.get(f"salt_{each}_milli"), now)
                for each in _QUADRANTS
            ]
            score = salt_score_milli(*loss)
        else:
            score = Assessment.entry("score_milli").read(values.get("score_milli"), now)
    except BadEntry:
        return values
    filled = dict(values)
    for name, value in (("score_milli", show_number(score, PERCENT_MILLI)), ("grade", salt_class(score))):
        if filled.get(name) in (None, ""):
            filled[name] = value
    return filled


def _loss(quadrant: str) -> Number:
    return Number(
        label=f"Loss, {quadrant}", dimension=PERCENT_MILLI, most=FULL_MILLI, help="For SALT: percent of this quadrant."
    )


_SCALE: Final = Choice(label="Scale", of=SCALE_TITLES)


class Assessment(Record):
    """How severe it is, on one scale; SALT is worked out from the four quadrants."""

    scale: Annotated[str, _SCALE]
    salt_top_milli: Annotated[int | None, _loss("top")] = None
    salt_back_milli: Annotated[int | None, _loss("back")] = None
    salt_right_milli: Annotated[int | None, _loss("right")] = None
    salt_left_milli: Annotated[int | None, _loss("left")] = None
    score_milli: Annotated[
        int | None,
        Number(label="SALT score", dimension=PERCENT_MILLI, most=FULL_MILLI, help="Worked out from the quadrants."),
    ] = None
    grade: Annotated[str, Text(label="Grade", most=40, example="III vertex", help="As the scale writes it.")] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """A grade of the scale; quadrants only for SALT, then all four; score and class that agree with them."""
        del now
        loss = [getattr(self, f"salt_{each}_milli") for each in _QUADRANTS]
        if self.scale != "salt":
            if any(value is not None for value in (*loss, self.score_milli)):
                return {"scale": "Quadrants and score belong to SALT; choose that scale, or leave them empty."}
            return _grade_problem(self.scale, self.grade)
        if any(value is not None for value in loss):
            for name, value in zip(_QUADRANTS, loss, strict=True):
                if value is None:
                    return {f"salt_{name}_milli": f"Loss, {name} is needed too, in %."}
            score = salt_score_milli(*loss)
            if self.score_milli != score:
                right = show_number(score, PERCENT_MILLI)
                return {"score_milli": f"The quadrants give a SALT score of {right}; leave the score empty."}
        if self.score_milli is None:
            return {"salt_top_milli": "Enter the loss of the four quadrants, or the SALT score."}
        if self.grade != salt_class(self.score_milli):
            return {"grade": f"The score is in class {salt_class(self.score_milli)}; leave the grade empty."}
        return {}

    def columns(self) -> dict[str, object]:
        """The quadrants go into ``detail``."""
        kept = super().columns()
        quadrants = {each: kept.pop(f"salt_{each}_milli") for each in _QUADRANTS}
        kept["detail"] = quadrants if self.salt_top_milli is not None else None
        return kept


def _grade_problem(scale: str, grade: str) -> Mapping[str, str]:
    if grade in SCALES[scale].grades:
        return {}
    return {"grade": f"Grade on {SCALES[scale].title} must be {listed(SCALES[scale].grades)}."}


ASSESSMENT: Final = Form(
    "assessment", "Assessment", Assessment, subject="client", permission="KEEP_CLIENTS", multiple=True, expand=_assessed
)


class Course(Record):
    """Sessions of one plan."""

    protocol: Annotated[str, Text(label="Protocol", most=80, example="Dhurat 2013", help="By its name.")]
    indication: Annotated[str, Choice(label="Indication", of=INDICATIONS)]
    scale: Annotated[str, _SCALE]
    grade: Annotated[str, Text(label="Grade", most=40, example="III vertex")]
    sessions_planned: Annotated[int, Number(label="Sessions planned", least=1, most=100)]
    min_days: Annotated[int, Number(label="Least days between", dimension=DAYS, least=1, most=365)]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """A grade of the scale."""
        del now
        return _grade_problem(self.scale, self.grade)


COURSE: Final = Form(
    "course", "Course", Course, subject="client", permission="KEEP_CLIENTS", multiple=True, expand=_graded
)


class CourseEnd(Record):
    """Why a course is closed; a closed course takes no session."""

    end_reason: Annotated[str, Choice(label="Reason", of=COURSE_ENDS, prefill="completed")]


COURSE_END: Final = Form("course_end", "End of the course", CourseEnd, subject="course", permission="KEEP_CLIENTS")


PASSES_HELP: Final = (
    f"Directions with their numbers, such as horizontal4,vertical4; there are {listed(DIRECTIONS.values()).casefold()}."
)


class PlannedZone(Record):
    """What is planned for one zone; what the source does not say stays empty."""

    zone: Annotated[str, ZoneEntry(label="Zone")]
    depth_um: Annotated[int | None, Number(label="Depth", dimension=LENGTH_UM, least=100, most=DEPTH_MAX_UM)] = None
    rate_mhz: Annotated[int | None, Number(label="Rate", dimension=RATE_MHZ, least=1_000, most=300_000)] = None
    passes: Annotated[dict[str, int], Counts(label="Passes", of=DIRECTIONS, help=PASSES_HELP)] = {}
    end_point: Annotated[str, Choice(label="End point", of=END_POINTS)] = ""
    seconds: Annotated[int | None, Number(label="Time", dimension=MINUTES_S, least=1, most=3_600)] = None


class ProtocolEntry(Record):
    """A protocol of the clinic: a copy that was changed, or one of its own."""

    name: Annotated[str, Text(label="Name", most=80, example="Our vertex plan")]
    indication: Annotated[str, Choice(label="Indication", of=INDICATIONS)] = ""
    citation: Annotated[
        str, Text(label="Source", most=300, example="Dhurat 2013, changed", help="Where the figures come from.")
    ]
    sessions: Annotated[int | None, Number(label="Sessions", least=1, most=100)] = None
    min_days: Annotated[int | None, Number(label="Least days between", dimension=DAYS, least=1, most=365)] = None
    detail: Annotated[str, Text(label="Remark", most=1000, lines=True)] = ""
    zones: Annotated[
        tuple[PlannedZone, ...],
        Rows(label="Zones", row=PlannedZone, most=len(ZONES) + CUSTOM_MAX, word="Zone", title_of="zone"),
    ] = ()

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Each zone once."""
        del now
        seen: set[str] = set()
        for at, row in enumerate(self.zones):
            if row.zone in seen:
                return {f"zones.{at}.zone": f"Zone {row.zone} stands in the plan already; change that row."}
            seen.add(row.zone)
        return {}


PROTOCOL: Final = Form(
    "protocol", "Protocol", ProtocolEntry, subject="protocol", permission="MANAGE_PROTOCOLS", multiple=True
)


def protocol_entry(protocol: Protocol, name: str) -> dict[str, str]:
    """A shipped protocol as it would be typed under another name: where a copy begins."""
    zones = tuple(
        PlannedZone(
            zone=each.zone,
            depth_um=each.depth_um,
            rate_mhz=each.rate_mhz,
            passes=dict(each.passes),
            end_point=each.end_point or "",
            seconds=each.seconds,
        )
        for each in protocol.zones
    )
    return typed(
        ProtocolEntry(
            name=name,
            indication=protocol.indication or "",
            citation=protocol.citation,
            sessions=protocol.sessions,
            min_days=protocol.min_days,
            detail=protocol.detail,
            zones=zones,
        )
    )
