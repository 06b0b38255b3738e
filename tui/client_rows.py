"""The file of a client in lines: courses, sessions, assessments, adverse events, follow-ups, and what each leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devicectl.records.clinic import Row
from devicectl.treatment.scales import SCALE_TITLES
from devicectl.treatment.vocabulary import ADVERSE_EVENTS, FOLLOW_UP_STATES, FOLLOW_UPS, OUTCOMES

Day = Callable[[int], str]
KINDS: Final = ("Course", "Session", "Assessment", "Event", "Follow-up", "Photo")


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line. ``form`` says what became of it or ends it, empty where nothing does; ``urgent``: somebody should look."""

    kind: str
    key: str
    day: str
    text: str
    state: str
    form: str = ""
    urgent: bool = False


def file_rows(found: Row, now: datetime, day: Day) -> list[FileRow]:
    """What is known of a client, by kind, the newest of each first; ``day`` writes a time in µs UTC as a day."""
    today = now.date().isoformat()
    rows = [_course(row, day) for row in found["courses"]]
    rows += [_session(row, day) for row in found["sessions"]]
    rows += [_assessment(row, day) for row in found["assessments"]]
    rows += [_event(row, day) for row in found["adverse_events"]]
    rows += sorted((_follow_up(row, today) for row in found["follow_ups"]), key=lambda row: (not row.form, row.day))
    return rows + [
        FileRow("Photo", str(row["id"]), day(row["at_utc_us"]), f"{row['view']}, {row['phase']}", "")
        for row in found["photos"]
    ]


def _course(row: Row, day: Day) -> FileRow:
    text = (
        f"{row['protocol']}, {row['sessions_done']} of {row['sessions_planned']} sessions, {row['min_days']} days apart"
    )
    ended = row["ended"]
    return FileRow("Course", str(row["id"]), day(row["at_utc_us"]), text, "ended" if ended else "open",
                   "" if ended else "course_end")  # fmt: skip


def _session(row: Row, day: Day) -> FileRow:
    simulated = "SIMULATED" if str(row["origin"]).startswith("sim") else ""
    again = "goes on with the one before" if row["resumes_id"] else ""
    ended = row["ended_utc_us"] is not None
    state = "signed" if row["signed"] else f"{row['end_reason']}, NOT SIGNED" if ended else "open"
    text = ", ".join(part for part in (simulated, again) if part) or "treatment"
    return FileRow("Session", str(row["id"]), day(row["opened_utc_us"]), text, state, "", ended and not row["signed"])


def _assessment(row: Row, day: Day) -> FileRow:
    scale = SCALE_TITLES.get(row["scale"], row["scale"])
    return FileRow("Assessment", str(row["id"]), day(row["at_utc_us"]), f"{scale}: {row['grade']}", "")


def _event(row: Row, day: Day) -> FileRow:
    newest: Row | None = row["state"]
    outcome = "ongoing" if newest is None else str(newest["outcome"])
    resolved = f" {newest['resolved_date']}" if newest is not None and newest["resolved_date"] else ""
    where = f", {row['zone']}" if row["zone"] else ""
    text = f"{ADVERSE_EVENTS.get(row['term'], row['term'])}, grade {row['grade']}{where}"
    over = outcome not in ("ongoing", "unknown")
    return FileRow("Event", str(row["id"]), day(row["onset_utc_us"]), text, f"{OUTCOMES.get(outcome, outcome)}{resolved}",
                   "adverse_event_state", not over)  # fmt: skip


def _follow_up(row: Row, today: str) -> FileRow:
    newest: Row | None = row["state"]
    late = newest is None and str(row["due_date"]) < today
    said = "" if newest is None else str(FOLLOW_UP_STATES.get(newest["state"], newest["state"]))
    state = "OVERDUE" if late else said or "due"
    text = str(FOLLOW_UPS.get(row["kind"], row["kind"]))
    return FileRow("Follow-up", str(row["id"]), str(row["due_date"]), text, state,
                   "" if newest is not None else "follow_up_state", late)  # fmt: skip


def line_of(row: FileRow) -> str:
    """A row as a line of text."""
    state = f": {row.state}" if row.state else ""
    return f"{row.kind} {row.day}, {row.text}{state}."


def of_kind(rows: list[FileRow], kind: str) -> list[FileRow]:
    """Rows of one kind to which something may still be said."""
    return [row for row in rows if row.kind == kind and row.form]
