"""What is entered during and after the needling."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final

from devicectl.treatment.phrases import BY_DIGITS, expand
from devicectl.treatment.vocabulary import (
    ADVERSE_EVENTS,
    AE_ACTIONS,
    AMOUNT_UNITS,
    BLEEDING,
    END_POINTS,
    FOLLOW_UP_STATES,
    FOLLOW_UPS,
    GRADES,
    OUTCOMES,
    PHOTO_PHASES,
    PHOTO_VIEWS,
    REACTIONS,
    REPORTED_TO,
    TOPICAL_PHASES,
    TOPICAL_PRODUCTS,
)

from .engine import Form, Record
from .entries import Choice, Day, Flag, Grade, Moment, Number, Text, ZoneEntry
from .lots import lot_entry
from .numbers import PLAIN_MILLI


def note_entry(label: str = "Note", most: int = 1000) -> Text:
    """Free text about a client."""
    return Text(label=label, most=most, lines=True, personal=True)


class ZoneResult(Record):
    """What a zone looked like when it was done."""

    zone: Annotated[str, ZoneEntry(label="Zone")]
    skipped: Annotated[bool, Flag(label="Skipped", prefill="no", help="The zone was not treated, or not to its end.")]
    end_point: Annotated[str, Choice(label="End point", of=END_POINTS)] = ""
    pain: Annotated[int | None, Number(label="Pain", most=10, help="0 none, 10 the worst.")] = None
    bleeding: Annotated[int | None, Grade(label="Bleeding", of=BLEEDING)] = None
    reaction: Annotated[str, Choice(label="Reaction", of=REACTIONS)] = ""
    note: Annotated[str, note_entry()] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """A zone that was done has an end point; one that was skipped has a reason."""
        del now
        if self.skipped and not self.note:
            return {"note": "Say in the note why the zone was skipped."}
        if not self.skipped and not self.end_point:
            return {"end_point": "End point is needed: choose what was reached, or answer that the zone was skipped."}
        return {}


ZONE_RESULT: Final = Form(
    "zone_result",
    "Zone",
    ZoneResult,
    subject="session",
    permission="TREAT",
    when="any",
    multiple=True,
    noun="Result of the zone",
)


class Note(Record):
    """A note, by a phrase's digits or as text; dot phrases (``.pb``) are written out."""

    zone: Annotated[str, ZoneEntry(label="Zone")] = ""
    phrase: Annotated[
        str,
        Choice(label="Phrase", of={digits: phrase.text for digits, phrase in BY_DIGITS.items()}, help="By its digits."),
    ] = ""
    note: Annotated[str, note_entry()] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """One of both."""
        del now
        return {} if self.phrase or self.note else {"note": "Choose a phrase or write a note."}


def _written_out(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    del now
    note = values.get("note")
    # Longer text is refused in any case.
    return {**values, "note": expand(note)} if isinstance(note, str) and len(note) < 2_000 else values


NOTE: Final = Form("note", "Note", Note, subject="session", permission="TREAT", multiple=True, expand=_written_out)


class Topical(Record):
    """A product that was put on the skin, with its lot."""

    product: Annotated[str, Text(label="Product", most=80, suggestions=TOPICAL_PRODUCTS, example="Saline")]
    lot: Annotated[str, lot_entry()]
    expiry: Annotated[date, Day(label="Expiry", month_end=True, example="2028-02", help="A month means its last day.")]
    amount_milli: Annotated[int, Number(label="Amount", dimension=PLAIN_MILLI, least=1, most=1_000_000)]
    unit: Annotated[str, Choice(label="Unit", of=AMOUNT_UNITS)]
    phase: Annotated[str, Choice(label="When", of=TOPICAL_PHASES, prefill="after")]
    sterile: Annotated[bool, Flag(label="Sterile")]
    resume_utc_us: Annotated[
        int | None, Moment(label="Resume at", side="future", help="From when the client uses it again at home.")
    ] = None

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Nothing expired is used."""
        if self.expiry < now.date():
            return {"expiry": f"This product expired on {self.expiry.isoformat()}; take another."}
        return {}


def _amount_and_unit(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    """``1.5 ml`` typed as the amount says the unit too."""
    del now
    amount, unit = values.get("amount_milli"), values.get("unit")
    if isinstance(amount, str) and unit in (None, "") and len(amount) < 40:
        for word in AMOUNT_UNITS:
            if amount.strip().casefold().endswith(word):
                return {**values, "amount_milli": amount.strip()[: -len(word)], "unit": word}
    return values


TOPICAL: Final = Form(
    "topical", "Topical", Topical, subject="session", permission="TREAT", multiple=True, expand=_amount_and_unit
)


class AdverseEvent(Record):
    """Something unwanted, graded; followed up until it is resolved."""

    term: Annotated[str, Choice(label="Event", of=ADVERSE_EVENTS)]
    zone: Annotated[str, ZoneEntry(label="Zone")] = ""
    grade: Annotated[int, Grade(label="Grade", of=GRADES, help="CTCAE.")]
    expected: Annotated[bool, Flag(label="Expected")]
    related: Annotated[bool, Flag(label="Related to the session")]
    onset_utc_us: Annotated[int, Moment(label="Began at", prefill="now")]
    action: Annotated[str, Choice(label="Action", of=AE_ACTIONS)]
    note: Annotated[str, note_entry()] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """ "Other" says what."""
        del now
        return {"note": "Say in the note what it was."} if self.term == "other" and not self.note else {}


ADVERSE_EVENT: Final = Form(
    "adverse_event", "Adverse event", AdverseEvent, subject="client", permission="TREAT", multiple=True
)


class AdverseEventState(Record):
    """How an adverse event went on."""

    outcome: Annotated[str, Choice(label="Outcome", of=OUTCOMES)]
    resolved_date: Annotated[date | None, Day(label="Resolved on", side="past")] = None
    reported_to: Annotated[str, Choice(label="Reported to", of=REPORTED_TO, prefill="nobody")]
    note: Annotated[str, note_entry()] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """What is resolved has a day, what goes on has none."""
        del now
        resolved = self.outcome in ("resolved", "sequelae")
        if resolved and self.resolved_date is None:
            return {"resolved_date": "Resolved on is needed, such as 2026-11-25."}
        if not resolved and self.resolved_date is not None:
            return {"resolved_date": "Leave the day empty, or choose an outcome that is resolved."}
        return {}


ADVERSE_EVENT_STATE: Final = Form(
    "adverse_event_state",
    "Adverse event, follow-up",
    AdverseEventState,
    noun="Follow-up of the adverse event",
    continues="adverse_event",
    subject="client",
    permission="TREAT",
    multiple=True,
)


class Photo(Record):
    """A photograph, by the file that holds it; its cleaned copy and hash are what is kept."""

    file: Annotated[
        str,
        Text(
            label="File", most=1000, example="/home/me/front.jpg", help="Its metadata, such as the place, are removed."
        ),
    ]
    view: Annotated[str, Choice(label="View", of=PHOTO_VIEWS)]
    phase: Annotated[str, Choice(label="When", of=PHOTO_PHASES)]
    taken_utc_us: Annotated[int | None, Moment(label="Taken at")] = None


PHOTO: Final = Form("photo", "Photograph", Photo, subject="client", permission="TREAT", multiple=True)


class FollowUp(Record):
    """Something that is due."""

    kind: Annotated[str, Choice(label="What", of=FOLLOW_UPS)]
    due_date: Annotated[date, Day(label="Due on", side="future")]


FOLLOW_UP: Final = Form("follow_up", "Follow-up", FollowUp, subject="client", permission="TREAT", multiple=True)


class FollowUpState(Record):
    """What became of a follow-up."""

    state: Annotated[str, Choice(label="State", of=FOLLOW_UP_STATES)]
    note: Annotated[str, note_entry()] = ""


FOLLOW_UP_STATE: Final = Form(
    "follow_up_state",
    "Follow-up done",
    FollowUpState,
    noun="State of the follow-up",
    continues="follow_up",
    subject="client",
    permission="TREAT",
    multiple=True,
)


class FollowUpMoved(Record):
    """A follow-up that will be on another day: the old one is cancelled, a new one of the same kind is laid down."""

    due_date: Annotated[date, Day(label="New day", side="future")]
    note: Annotated[str, note_entry()] = ""


FOLLOW_UP_MOVED: Final = Form(
    "follow_up_moved",
    "Follow-up moved",
    FollowUpMoved,
    noun="New day of the follow-up",
    continues="follow_up",
    subject="client",
    permission="TREAT",
    multiple=True,
)
