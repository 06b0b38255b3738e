"""The register on the screen: choosing and adding a client, and choosing the protocol of a new course."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from devicectl.records.register import ClientSummary, CourseSummary, ProtocolSummary, TreatmentSummary
from devicectl.treatment.follow_up import interval
from devicectl.treatment.last_time import Open
from devicectl.treatment.protocols import PROTOCOLS
from devicectl.treatment.scales import SCALE_TITLES
from devicectl.treatment.vocabulary import FOLLOW_UPS
from tui import text
from tui.book import Register
from tui.screens.listed import MOVES, ListSheet, pointed
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import Row

RESUME_S: Final = 12 * 3600
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class ClientChoice:
    """What was chosen: a client, and ``what`` is to be done: treat, repeat, resume, course, file, add, identity, assess, sign."""

    what: str
    client: ClientSummary | None = None


def day(utc_us: int, localtime: Any) -> str:
    """A day as the screens write it."""
    return time.strftime("%Y-%m-%d", localtime(utc_us / 1e6))


def interrupted(client: ClientSummary, utc: float) -> TreatmentSummary | None:
    """The newest treatment, if it was interrupted less than 12 h ago and nothing of it is signed or resumed."""
    if not client.treatments:
        return None
    last = client.treatments[0]
    fresh = last.ended_utc_us is not None and utc - last.ended_utc_us / 1e6 < RESUME_S
    return last if last.end_reason == "interrupted" and fresh and not last.signed and not last.resumed else None


def unsigned(client: ClientSummary) -> TreatmentSummary | None:
    """The newest treatment that is over and not signed."""
    waiting = (one for one in client.treatments if one.ended_utc_us is not None and not one.signed and not one.resumed)
    return next(waiting, None)


class ClientsScreen(ListSheet[ClientSummary]):
    """Answers a `ClientChoice`, or None. A simulated pen treats training clients, a pen of metal treats the others."""

    TITLE_TEXT = "Clients"
    SEARCHES = True
    ABOUT: ClassVar = 7

    def __init__(self, simulated: bool) -> None:
        super().__init__()
        self.simulated = simulated
        self.register = Register()
        self.read = False

    def on_mount(self) -> None:
        """Read the register."""
        self.run_worker(self._read())

    async def _read(self) -> None:
        self.register, self.read = await self.dashboard.book.register(), True
        if self.register.problem:
            self.tell(self.register.problem)
        self.repaint()

    @property
    def items(self) -> Sequence[ClientSummary]:
        """Those whose code contains what was typed; those that this pen may treat come first."""
        wanted = self.search.casefold()
        found = [one for one in self.register.clients if wanted in one.code.casefold() and not one.erased]
        return sorted(found, key=lambda one: one.training is not self.simulated)

    def head(self) -> list[Row]:
        """The search."""
        what = "training clients: this pen is simulated" if self.simulated else "clients"
        return [(("Search  ", DIM), (self.search, BRIGHT), (" ", TEXT), (f"   {what}", DIM))]

    def line(self, item: ClientSummary, here: bool, width: int) -> Row:
        """Code, last treatment, course."""
        last = day(item.treatments[0].opened_utc_us, self.dashboard.localtime) if item.treatments else "never"
        course = course_line(item.course)
        kind = "training" if item.training else ""
        words = text.cut(course, width - 43)
        return (*pointed(here, f"{item.code:<16}"), (f" {kind:<9} {last:<11} ", DIM), (words, TEXT if here else DIM))

    def about(self, item: ClientSummary | None, width: int) -> list[Row]:
        """The last sessions and what stands open."""
        if item is None:
            if not self.read:
                return [(("reading the record …", DIM),)]
            return [(("No client found. F5 adds one.", BRIGHT),)]
        if item.training is not self.simulated:
            why = (
                "A training client is treated with a simulated pen only."
                if item.training
                else ("A real client is not treated with a simulated pen; choose or add a training client.")
            )
            return [(("✖ ", BRIGHT), (why, BRIGHT))]
        rows: list[Row] = []
        utc = self.dashboard.now().timestamp()
        if interrupted(item, utc) is not None:
            rows.append((("! Interrupted session: ", BRIGHT), ("F6 resumes it.", BRIGHT)))
        elif unsigned(item) is not None:
            rows.append((("! The last session is not signed: ", BRIGHT), ("F8 signs it.", BRIGHT)))
        matters = matters_line(self.register.matters.get(item.code))
        if matters:
            rows.append((("! ", BRIGHT), (text.cut(f"{matters} Tab: file", width - 2), BRIGHT)))
        if item.course is not None:
            rows.append((("Course  ", DIM), (text.cut(course_words(item.course), width - 8), TEXT)))
        due = due_line(item.course, self.dashboard.now().timestamp())
        if due:
            rows.append((("        ", DIM), (text.cut(due, width - 8), TEXT)))
        for one in item.treatments[:3]:
            rows.append((("Session ", DIM), (text.cut(session_line(one, self.dashboard.localtime), width - 8), TEXT)))
        return rows or [(("No session yet.", DIM),)]

    def keys(self) -> tuple[tuple[str, str], ...]:
        """What can be done with the client under the cursor."""
        add = ("F5", "add")
        if self.here is None:
            return (add, ("Esc", "back"))
        more = (("F2", "course"), ("F3", "assess"), ("F4", "identity"), ("Esc", "back"))
        again = (("F7", "as last time"),) if last_depths(self.here) else ()
        return (("Enter", "treat"), *again, ("Tab", "file"), add, *more)

    async def pressed(self, key: str) -> bool:
        """The function keys."""
        item = self.here
        if key == "f5":
            self.dismiss(ClientChoice("add"))
            return True
        what = {
            "tab": "file",
            "f2": "course",
            "f3": "assess",
            "f4": "identity",
            "f6": "resume",
            "f7": "repeat",
            "f8": "sign",
        }.get(key)
        if what is None:
            return False
        if item is not None:
            self.dismiss(ClientChoice(what, item))
        return True

    @property
    def bound(self) -> frozenset[str]:
        """Moving about, and the file."""
        return MOVES | {"tab"}

    def chosen(self, item: ClientSummary) -> None:
        """Enter treats."""
        if item.training is self.simulated:
            self.dismiss(ClientChoice("treat", item))


def last_depths(client: ClientSummary) -> dict[str, int]:
    """Depths (µm) by zone as they were last, for a session that repeats it; empty when there was none."""
    treated = next((one for one in client.treatments if one.depths_um), None)
    depths = treated.depths_um if treated is not None else {}
    return {zone: depth for zone, depth in depths.items() if depth > 0}  # needles that stayed in say nothing of a plan


def matters_line(matters: Open | None) -> str:
    """What somebody should look at before the next session; empty when there is nothing."""
    if matters is None:
        return ""
    said = []
    if matters.events:
        said.append(f"{matters.events} event{'s go' if matters.events > 1 else ' goes'} on.")
    if matters.follow_ups:
        kind, due = matters.follow_ups[0]
        more = f", and {len(matters.follow_ups) - 1} more" if len(matters.follow_ups) > 1 else ""
        said.append(f"Due {due}: {FOLLOW_UPS.get(kind, kind)}{more}.")
    return " ".join(said)


def course_words(course: CourseSummary) -> str:
    """A course with what is left of it and how severe it was found."""
    left = max(0, course.planned - course.sessions)
    grade = f", {SCALE_TITLES.get(course.scale, course.scale)} {course.grade}" if course.grade else ""
    count = (
        "ended"
        if course.ended
        else f"{course.sessions} of {course.planned} sessions, {left} left, {course.min_days} days apart"
    )
    return f"{course.protocol}: {count}{grade}"


def course_line(course: CourseSummary | None) -> str:
    """A course in one line."""
    if course is None:
        return "no course"
    if course.ended:
        return f"course ended: {course.protocol}"
    return f"{course.protocol}, {course.sessions} of {course.planned} sessions"


def due_line(course: CourseSummary | None, utc: float) -> str:
    """When the next session of an open course may be, and whether it is late."""
    if course is None or course.ended or course.last_utc_us is None:
        return ""
    from datetime import UTC, datetime

    last = datetime.fromtimestamp(course.last_utc_us / 1e6, UTC).astimezone().date()
    today = datetime.fromtimestamp(utc, UTC).astimezone().date()
    found = interval(last, today, course.min_days, course.planned - course.sessions)
    if found.overdue_days:
        return f"OVERDUE by {found.overdue_days} days: the next session was due on {found.earliest}."
    if found.earliest is not None and found.earliest > today:
        return f"The next session of the course is due from {found.earliest} on."
    return f"The next session has been due since {found.earliest}."


def session_line(one: TreatmentSummary, localtime: Any) -> str:
    """A treatment in one line."""
    depths = ", ".join(f"{zone} {text.mm(depth)}" for zone, depth in one.depths_um.items())
    depths = f"{depths} mm" if depths else ""
    state = "signed" if one.signed else "open" if one.ended_utc_us is None else f"{one.end_reason}, not signed"
    return f"{day(one.opened_utc_us, localtime)}  {one.passes} passes  {state}  {depths}"


@dataclass(frozen=True, slots=True)
class ProtocolItem:
    """A protocol to choose: shipped, or from the record; None of a name means a session without a course."""

    name: str
    citation: str
    indication: str
    sessions: int | None
    min_days: int | None
    detail: str
    shipped: bool
    zones: tuple[dict[str, Any], ...]
    id: str = ""


def protocol_items(kept: Sequence[ProtocolSummary]) -> list[ProtocolItem]:
    """Those of the clinic first, then those that are shipped."""
    own = [
        ProtocolItem(
            one.name, one.citation, one.indication or "", one.sessions, one.min_days, one.detail, False,
            tuple(dict(zone) for zone in one.zones), str(one.id),
        )
        for one in kept
        if not one.shipped
    ]  # fmt: skip
    shipped = [
        ProtocolItem(
            one.name, one.citation, one.indication or "", one.sessions, one.min_days, one.detail, True,
            tuple(
                {"zone": zone.zone, "depth_um": zone.depth_um, "rate_mhz": zone.rate_mhz, "passes": dict(zone.passes),
                 "end_point": zone.end_point, "seconds": zone.seconds}
                for zone in one.zones
            ),
        )
        for one in PROTOCOLS.values()
    ]  # fmt: skip
    return [*own, *shipped]


class ProtocolsScreen(ListSheet[ProtocolItem]):
    """Answers ``(what, protocol)``: course, copy or none (a session without a course); or None at Esc."""

    TITLE_TEXT = "Protocol of the course"
    ABOUT: ClassVar = 6

    def __init__(self, register: Register) -> None:
        super().__init__()
        self._items = protocol_items(register.protocols)

    @property
    def items(self) -> Sequence[ProtocolItem]:
        """See `ListSheet`."""
        return self._items

    def line(self, item: ProtocolItem, here: bool, width: int) -> Row:
        """Name and how often."""
        del width
        often = f"{item.sessions or '?'} sessions, {item.min_days or '?'} days apart"
        kind = "shipped" if item.shipped else "own"
        return (*pointed(here, f"{item.name:<24}"), (f" {kind:<8} {often}", TEXT if here else DIM))

    def about(self, item: ProtocolItem | None, width: int) -> list[Row]:
        """Where it comes from and what it plans. No word on what it brings."""
        if item is None:
            return []
        rows: list[Row] = [(("Source  ", DIM), (text.cut(item.citation, width - 8), TEXT))]
        zones = ", ".join(zone_words(zone) for zone in item.zones) or "no zones"
        rows += [((words, TEXT),) for words in text.within(f"Plan    {zones}", width, 2)]
        return [*rows, *(((words, DIM),) for words in text.within(item.detail, width, 3))]

    def keys(self) -> tuple[tuple[str, str], ...]:
        """What can be done."""
        return (
            ("Enter", "opens a course"),
            ("F5", "copy and change"),
            ("F6", "session without a course"),
            ("Esc", "back"),
        )

    async def pressed(self, key: str) -> bool:
        """Copy, or no course."""
        if key == "f5" and self.here is not None:
            self.dismiss(("copy", self.here))
        elif key == "f6":
            self.dismiss(("none", None))
        else:
            return False
        return True

    def chosen(self, item: ProtocolItem) -> None:
        """Enter."""
        self.dismiss(("course", item))


def zone_words(zone: dict[str, Any]) -> str:
    """A planned zone in few words."""
    depth = f" {text.mm(zone['depth_um'])} mm" if zone.get("depth_um") else ""
    passes = sum(zone.get("passes", {}).values())
    return f"{zone['zone']}{depth}{f' {passes}×' if passes else ''}"


def copied(item: ProtocolItem) -> dict[str, object]:
    """A protocol as it would be typed under another name."""
    from devicectl.treatment.forms import typed
    from devicectl.treatment.forms.course import PlannedZone, ProtocolEntry

    zones = tuple(
        PlannedZone(
            zone=zone["zone"],
            depth_um=zone["depth_um"],
            rate_mhz=zone["rate_mhz"],
            passes=dict(zone["passes"]),
            end_point=zone["end_point"] or "",
            seconds=zone["seconds"],
        )
        for zone in item.zones
    )
    record = ProtocolEntry(
        name=f"{item.name}, changed",
        indication=item.indication,
        citation=item.citation,
        sessions=item.sessions,
        min_days=item.min_days,
        detail=item.detail,
        zones=zones,
    )
    return dict(typed(record))
