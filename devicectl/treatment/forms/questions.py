"""The checklist before every session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from devicectl.treatment.checklist import ANSWERS, CHECKLIST_VERSION, ISOTRETINOIN_MONTHS, ITEMS, items, version

from .engine import Form, Record, Rows
from .entries import Choice, Choices, Flag, Text

CHANGED: Final[Choices] = {"first": "First session", "no": "No", "yes": "Yes"}


def _texts(isotretinoin_months: int) -> Choices:
    return {item.name: item.text for item in items(isotretinoin_months)}


class ChecklistAnswer(Record):
    """One question's answer. A reason is needed to go on where a physician was asked."""

    item: Annotated[str, Choice(label="Question", of=_texts(ISOTRETINOIN_MONTHS), help="By its name.")]
    answer: Annotated[str, Choice(label="Answer", of=ANSWERS)]
    changed: Annotated[bool, Flag(label="Changed since last time", prefill="no")] = False
    reason: Annotated[
        str,
        Text(label="Reason", most=300, personal=True, help="Who was asked, and why the session may go on."),
    ] = ""


def _answers(row: type[ChecklistAnswer]) -> Rows:
    return Rows(
        label="Answers",
        row=row,
        least=len(ITEMS),
        most=len(ITEMS),
        title_of="item",
        word="",
        start=tuple({"item": name} for name in ITEMS),
        fixed=True,
    )


class Checklist(Record):
    """All questions of one version, asked before every session."""

    version: Annotated[str, Text(label="Version", most=60, prefill=CHECKLIST_VERSION)]
    changed: Annotated[str, Choice(label="Anything changed since last time", of=CHANGED)]
    answers: Annotated[tuple[ChecklistAnswer, ...], _answers(ChecklistAnswer)]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Every question once; "nothing changed" fits no answer that is marked changed."""
        del now
        found: dict[str, str] = {}
        asked = self.entry("version").prefill
        if self.version != asked:
            found["version"] = f"The checklist in use is {asked}; answer that one."
        seen: set[str] = set()
        for at, row in enumerate(self.answers):
            if row.item in seen:
                found[f"answers.{at}.item"] = "This question is answered twice; keep one answer."
            seen.add(row.item)
            if row.changed and self.changed != "yes":
                found["changed"] = "An answer is marked as changed; answer Yes here, or unmark it."
        return found


def checklist_form(isotretinoin_months: int = ISOTRETINOIN_MONTHS) -> Form[Checklist]:
    """The checklist with the clinic's isotretinoin window (1 to 24 months), as a version of its own."""
    model = Checklist
    if isotretinoin_months != ISOTRETINOIN_MONTHS:

        class Asked(ChecklistAnswer):
            item: Annotated[str, Choice(label="Question", of=_texts(isotretinoin_months), help="By its name.")]

        class Changed(Checklist):
            version: Annotated[str, Text(label="Version", most=60, prefill=version(isotretinoin_months))]
            answers: Annotated[tuple[ChecklistAnswer, ...], _answers(Asked)]

        model = Changed
    return Form(
        "checklist",
        "Checklist",
        model,
        subject="session",
        permission="TREAT",
        when="before",
        multiple=True,
        help="“No” goes on. A stop ends the session; the others need a physician's word and its reason.",
    )


CHECKLIST: Final = checklist_form()


def checklist_again(before: Mapping[str, str]) -> dict[str, object]:
    """The checklist as it was answered the last time (answer by question), ready to be asked again."""
    rows = [{"item": name, **({"answer": ANSWERS[before[name]]} if name in before else {})} for name in ITEMS]
    return {"answers": rows}
