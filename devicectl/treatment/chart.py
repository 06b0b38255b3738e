"""What is recorded of one session, kept at hand: from it the steps, the gates, and the plan against what is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from devicectl.control.gates import Gate
from devicectl.records import tables as t

from . import gates
from .aftercare import given_in
from .checklist import Answer
from .intake import Row, Stored
from .opening import CourseFacts, Opened, chain_of, course_facts, passes_of, plan_of, rows_of
from .plan import DonePass, PlannedZone, ZoneProgress, next_direction, progress
from .recorded import (
    AnaestheticFact,
    CartridgeFact,
    ChecklistFact,
    ConsentFact,
    CourseFact,
    PenCheckFact,
    Recorded,
)
from .steps import Step, steps


class Chart:
    """One session. ``version`` rises with every change; ``zone`` is the time zone of the place."""

    def __init__(self, opened: Opened, zone: tzinfo) -> None:
        self.id, self.client, self.code = opened.id, opened.client, opened.code
        self.course, self.pen = opened.course, opened.pen
        self._sessions = frozenset((opened.id, *opened.resumes))
        self.plan: Mapping[str, PlannedZone] = {each.zone: each for each in opened.plan}
        self.version = 0
        self.ended_utc_us = opened.ended_utc_us
        self.signatures = opened.signatures
        self._zone = zone
        self._rows: dict[str, list[Row]] = {name: list(rows) for name, rows in opened.rows.items()}
        self._passes = list(opened.passes)
        self._progress: tuple[ZoneProgress, ...] | None = None

    # -- what comes in

    def take(self, stored: Stored) -> None:
        """What was entered for this session."""
        for name, row in stored.rows:
            self._rows.setdefault(name, []).append(row)
        self._changed()

    def passes_changed(self, passes: Iterable[DonePass]) -> None:
        """Passes were given to another zone or split: these are all that count now."""
        self._passes = list(passes)
        self._changed()

    def pass_done(self, done: DonePass) -> None:
        """A granted pass has ended."""
        self._passes.append(done)
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        self._progress = None

    # -- what it says

    def covers(self, session: UUID | None) -> bool:
        """Whether it is this session, or one that this one resumes: what is entered there counts here."""
        return session in self._sessions

    @property
    def progress(self) -> tuple[ZoneProgress, ...]:
        """Every zone, planned and done."""
        if self._progress is None:
            results = {row["zone"]: row for row in self._of("zone_results")}
            self._progress = progress(
                self.plan.values(),
                self._passes,
                finished=[zone for zone, row in results.items() if not row["skipped"]],
                skipped=[zone for zone, row in results.items() if row["skipped"]],
            )
        return self._progress

    def of_zone(self, zone: str) -> ZoneProgress | None:
        """One zone's plan and what is done of it."""
        return next((each for each in self.progress if each.zone == zone), None)

    def next_direction(self, zone: str) -> str | None:
        """The direction that the plan asks for next in this zone."""
        found = self.of_zone(zone)
        return None if found is None else next_direction(found)

    @property
    def depths_um(self) -> dict[str, int]:
        """Planned needle protrusion by zone, where the plan names one."""
        return {code: each.depth_um for code, each in self.plan.items() if each.depth_um is not None}

    def recorded(
        self,
        now_utc_us: int,
        *,
        operator: str | None = None,
        role: str | None = None,
        reads: tuple[str, str] = ("", ""),
        overrides: Mapping[str, str] | None = None,
    ) -> Recorded:
        """Everything as plain values; of a closed session as of its end, so that it can be signed on another day.

        ``reads``: lot and serial of the cartridge as the pen reads it, empty if it does not.
        """
        if self.ended_utc_us is not None:
            now_utc_us = min(now_utc_us, self.ended_utc_us)
        return Recorded(
            now_utc_us=now_utc_us,
            today=self._day(now_utc_us),
            operator=operator,
            role=role,
            client=self.code or None,
            course=self._course(),
            consents=tuple(
                ConsentFact(row["version"], row["given_utc_us"], bool(row["photos"])) for row in self._of("consents")
            ),
            checklist=self._checklist(),
            anaesthetics=self._anaesthetics(),
            cartridges=self._cartridges(*reads),
            skin_preparations=len(self._of("skin_preparations")),
            pen_check=self._pen_check(),
            zones=self.progress,
            topicals=len(self._of("topicals")),
            adverse_events=len(self._of("adverse_events")),
            photos=len(self._of("photos")),
            follow_ups=len(self._of("follow_ups")),
            aftercare=self._aftercare(),
            closed=self.ended_utc_us is not None,
            signatures=self.signatures,
            overrides=overrides or {},
        )

    def _of(self, table: str) -> list[Row]:
        return self._rows.get(table, [])

    def _day(self, utc_us: int) -> date:
        return datetime.fromtimestamp(utc_us / 1e6, tz=UTC).astimezone(self._zone).date()

    def _course(self) -> CourseFact | None:
        course = self.course
        if course is None:
            return None
        last = None if course.last_utc_us is None else self._day(course.last_utc_us)
        return CourseFact(
            course.protocol, course.sessions_planned, course.session - 1, course.min_days, last, course.ended
        )

    def _checklist(self) -> ChecklistFact | None:
        newest = {row["item"]: row for row in self._of("checklist_answers")}
        if not newest:
            return None
        answers = tuple(Answer(row["item"], row["answer"], row["reason_sealed"] is not None) for row in newest.values())
        return ChecklistFact(self._of("checklist_answers")[-1]["version"], answers)

    def _anaesthetics(self) -> tuple[AnaestheticFact, ...]:
        off = {row["anaesthetic_id"]: row for row in self._of("anaesthetic_removals")}
        found = []
        for row in self._of("anaesthetics"):
            done = off.get(row["id"])
            found.append(
                AnaestheticFact(
                    row["product"],
                    row["on_utc_us"],
                    row["dwell_min_s"],
                    row["dwell_max_s"],
                    None if done is None else done["off_utc_us"],
                    done is not None and bool(done["cleaned"]),
                )
            )
        return tuple(found)

    def _cartridges(self, lot: str, serial: str) -> tuple[CartridgeFact, ...]:
        gone = {row["cartridge_use_id"] for row in self._of("cartridge_discards")}
        found = []
        for row in self._of("cartridge_uses"):
            other = serial if serial and row["serial"] and serial != row["serial"] else ""
            other = other or (lot if lot and lot != row["lot"] else "")
            expiry = date.fromisoformat(row["expiry"])
            found.append(CartridgeFact(row["lot"], expiry, row["serial"], differs=other, discarded=row["id"] in gone))
        return tuple(found)

    def _aftercare(self) -> str:
        found = [given for row in self._of("notes") if (given := given_in(row["phrase"])) is not None]
        return found[-1].text if found else ""

    def _pen_check(self) -> PenCheckFact | None:
        rows = [row for row in self._of("pen_checks") if row["pen_id"] == self.pen]
        return None if not rows else PenCheckFact(self._day(rows[-1]["at_utc_us"]), bool(rows[-1]["passed"]))


def gates_of(recorded: Recorded) -> tuple[Gate, ...]:
    """The gates of a treatment, each marked whether it opens with a reason."""
    return tuple(
        gate
        if gate.passed or gate.name not in gates.OVERRIDABLE
        else Gate(gate.name, False, gate.text, overridable=True)
        for gate in gates.evaluate(recorded)
    )


def steps_of(recorded: Recorded) -> tuple[Step, ...]:
    """The steps of the session, in order."""
    return steps(recorded)


def load_chart(connection: sa.Connection, session: UUID, zone: tzinfo) -> Chart | None:
    """The chart of any session from the record, with those it resumes; None when there is no such treatment."""
    row = connection.execute(
        sa.select(t.sessions, t.clients.c.code)
        .join(t.clients, t.clients.c.id == t.sessions.c.client_id)
        .where(t.sessions.c.id == session)
    ).first()
    if row is None:
        return None
    chain = chain_of(connection, session)
    course: CourseFacts | None = None
    if row.course_id is not None:
        course = course_facts(connection, row.course_id, before_utc_us=row.opened_utc_us, resumed=row.resumes_id)
    opened = Opened(
        session,
        row.client_id,
        row.code,
        course,
        plan_of(connection, None, session),
        rows_of(connection, chain, row.pen_id, row.ended_utc_us),
        passes_of(connection, chain),
        chain[1:],
        row.pen_id,
        ended_utc_us=row.ended_utc_us,
        signatures=_signatures(connection, session),
    )
    return Chart(opened, zone)


def _signatures(connection: sa.Connection, session: UUID) -> tuple[str, ...]:
    query: sa.Select[Any] = (
        sa.select(t.signatures.c.meaning)
        .join(t.signature_sessions, t.signature_sessions.c.signature_id == t.signatures.c.id)
        .where(t.signature_sessions.c.session_id == session)
        .order_by(t.signatures.c.at_utc_us)
    )
    return tuple(connection.execute(query).scalars())
