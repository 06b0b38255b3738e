"""Sheets of a calibration: a reason, the plan once more, a correction before it is written, the PIN, the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar, Final

from textual.binding import Binding

from devicectl.treatment.forms import Form, Record
from devicectl.treatment.forms.entries import Secret, Text
from tui import text
from tui.screens.base import Scrolled
from tui.screens.calibrate_plan import plan_rows
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.screens.rows import key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row


class Reason(Record):
    """Why."""

    reason: Annotated[str, Text(label="Reason", most=200, example="the zero had moved")]


class Pin(Record):
    """The PIN again: it is a signature."""

    pin: Annotated[str, Secret(label="PIN", most=64, help="Your own, again.")]


class FileEntry(Record):
    """Where a plan is read."""

    path: Annotated[
        str, Text(label="File", most=200, example="plan.json", help="Made by 'devicectl calibrate plan', or by hand.")
    ]


class ReportEntry(Record):
    """What a report says beside what was measured."""

    out: Annotated[str, Text(label="File", most=200, help="Where the PDF is written.")]
    laboratory: Annotated[
        str,
        Text(
            label="Laboratory",
            most=200,
            example="Needle Workshop; 12 Mill Lane; Utrecht",
            help="Semicolons part the lines.",
        ),
    ]
    customer: Annotated[str, Text(label="Customer", most=200, help="The same way; empty: the laboratory.")] = ""
    condition: Annotated[
        str, Text(label="Condition", most=200, example="clean, no damage seen", help="Of the pen on receipt.")
    ] = ""
    number: Annotated[
        str, Text(label="Number", most=40, help="Of the report; empty: made from the calibration's id.")
    ] = ""


REASON: Final = Form("calibration_reason", "Reason", Reason, subject="pen", permission="CALIBRATE")
FILE: Final = Form("calibration_file", "Plan in a file", FileEntry, subject="pen", permission="CALIBRATE")
PIN: Final = Form("calibration_sign", "Sign", Pin, subject="pen", permission="CALIBRATE")
REPORT: Final = Form("calibration_report", "Report", ReportEntry, subject="pen", permission="CALIBRATE")
Submit = Callable[[dict[str, object]], Awaitable[Any]]


async def _given(values: dict[str, object]) -> Any:
    return values


class ReasonSheet(FormSheet):
    """Asks for a reason; answers the values of the form."""

    WIDTH = 76
    SAVE: ClassVar = "goes on"

    def __init__(self, title: str, words: str) -> None:
        self._words = words
        super().__init__(title, Draft.of(REASON), _given, self._intro)

    def _intro(self) -> list[Row]:
        return [((line, TEXT),) for line in text.within(self._words, self.inner, 4)]


class PinSheet(FormSheet):
    """Signs the calibration."""

    WIDTH = 76
    SAVE: ClassVar = "signs"

    def __init__(self, title: str, words: str, submit: Submit) -> None:
        self._words = words
        super().__init__(title, Draft.of(PIN), submit, self._intro)

    def _intro(self) -> list[Row]:
        return [((line, TEXT),) for line in text.within(self._words, self.inner, 4)]


class FileSheet(FormSheet):
    """Asks where the plan is."""

    SAVE: ClassVar = "shows the plan"

    def __init__(self, draft: Draft, submit: Submit) -> None:
        super().__init__("A plan in a file", draft, submit)


class PlanFormSheet(FormSheet):
    """The plan, field by field."""

    SAVE: ClassVar = "shows the plan"


class ReportSheet(FormSheet):
    """Writes the report."""

    SAVE: ClassVar = "writes the PDF"

    def __init__(self, draft: Draft, submit: Submit) -> None:
        super().__init__("Report of the calibration", draft, submit)


class Confirmed(Scrolled):
    """Rows to read, then Enter: afterwards ``confirmed`` says whether it was pressed."""

    WIDTH = 92
    BINDINGS: ClassVar = [
        *Scrolled.BINDINGS,
        Binding("enter", "confirm", show=False),
        Binding("escape", "close", show=False),
    ]

    def __init__(self, title: str, does: str, may: bool = True) -> None:
        super().__init__()
        self._title, self.does, self.may = title, does, may
        self.confirmed = False

    def on_mount(self) -> None:
        """Its title."""
        super().on_mount()
        self.query_one("#box").border_title = self._title

    def lines(self) -> list[Row]:
        """What is read."""
        return []

    def content(self) -> list[Row]:
        """What is read, and the keys."""
        keys = (("Enter", self.does), ("Esc", "back")) if self.may else (("Esc", "back"),)
        return [*self.lines(), BLANK, key_row(keys, self.inner)]

    def action_confirm(self) -> None:
        """Enter, while the pen is still."""
        if self.may and self.live.at_rest:
            self.confirmed = True
            self.dismiss(None)


class PlanSheet(Confirmed):
    """The plan whole, before it begins."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__("The plan", "begins", not answer["problems"])
        self.answer = answer

    def lines(self) -> list[Row]:
        """See `Confirmed`."""
        return plan_rows(self.answer, self.inner)


class AdjustSheet(Confirmed):
    """A correction before it is written into the pen."""

    WIDTH = 70

    def __init__(self, proposal: Mapping[str, Any], held: list[list[int]]) -> None:
        super().__init__("Write this correction into the pen?", "writes it, reads it back and compares")
        self.proposal, self.held = proposal, held

    def lines(self) -> list[Row]:
        """Knots, and up to where can be asked for with it."""
        kinds = {"linear": "A straight line", "piecewise": "From set-point to set-point", "none": "No correction"}
        rows: list[Row] = [((kinds[self.proposal["kind"]], BRIGHT),)]
        if self.held:
            rows.append((("The pen holds one now; this one takes its place.", TEXT),))
        if self.proposal["knots"]:
            rows.append((("  commanded mm   needle stands out mm   difference", DIM),))
        for commanded, actual in self.proposal["knots"]:
            figures = f"{commanded / 1000:>14.3f} {actual / 1000:>21.3f} {(actual - commanded) / 1000:>+12.3f}"
            rows.append(((figures, TEXT),))
        rows += [((line, TEXT),) for line in text.within(self.proposal["text"], self.inner, 2)]
        rows.append((("The limits hold for what is asked for and for what is commanded.", DIM),))
        return [*rows, (("As left is measured afterwards, with the same plan.", DIM),)]
