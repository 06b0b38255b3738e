"""The record of a session in lines, read-only: passes, what was entered, signatures, and what an amendment made of a value.

Where a value was amended, what stood there before stays visible beside it. A line that an amendment may correct names its
table, row and field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Annotated, Any, Final

from pydantic import create_model

from devicectl.records.clinic import Row
from devicectl.records.reader import PassSummary
from devicectl.records.sealed import SEALED
from devicectl.treatment.amending import fields_of_table
from devicectl.treatment.checklist import ITEMS
from devicectl.treatment.forms import Field, Form, Record
from devicectl.treatment.forms.before import PEN_CHECKS
from devicectl.treatment.forms.signing import REASON
from devicectl.treatment.kept import field_of, form_of, shown_value
from tui import text
from tui.book import SessionRecord

Moment = Callable[[int], str]
"""Writes a time in µs UTC."""
SEALED_WORDS: Final = "sealed"
_OWN: Final = frozenset({"id", "at_utc_us", "operator", "session_id", "client_id", "pen_id", "seq"})

_TITLES: Final = {
    "checklist_answers": "Checklist",
    "passes": "Pass",
    "pass_parts": "Part of a pass",
    "pass_changes": "Change of a pass",
}
"""What rows are called that are a part of a form, or of none."""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One line. A heading has no ``label``; ``was`` says what stood there before an amendment, by whom and when."""

    label: str
    value: str
    was: str = ""
    table: str = ""
    row: str = ""
    field: str = ""
    urgent: bool = False

    @property
    def amendable(self) -> bool:
        """Whether an amendment may correct it."""
        return bool(self.field)


def record_lines(record: SessionRecord, moment: Moment, zone: tzinfo) -> list[RecordLine]:
    """Everything of a session, in the order of a session."""
    one = record.detail.session
    ended = f"{one.end_reason} {moment(one.ended_utc_us)}" if one.ended_utc_us is not None else "still open"
    simulated = "SIMULATED, " if one.origin.startswith("sim") else ""
    lines = [
        RecordLine("", f"{simulated}{one.purpose} of client {one.client or 'none'}, pen {one.pen}"),
        RecordLine("Opened", f"{moment(one.opened_utc_us)}, {ended}"),
        *_signed(record, moment),
    ]
    changed = _amended(record.amendments, moment, zone)
    if record.detail.passes:
        lines.append(RecordLine("", "Passes"))
        lines += [line for each in record.detail.passes for line in _pass(each, changed)]
    for table, rows in record.entered.items():
        if table not in ("pass_parts", "checklist_answers"):
            for row in rows:
                lines += _entered(table, row, moment, zone, changed)
        elif table == "checklist_answers":
            lines += _checklist(rows, moment, zone, changed)
    for row in record.amendments:
        lines.append(RecordLine("Amended", _amendment(row, moment, zone)))
    return lines


def _signed(record: SessionRecord, moment: Moment) -> list[RecordLine]:
    if not record.signatures:
        return [RecordLine("Signature", "NOT SIGNED", urgent=True)]
    return [
        RecordLine("Signature", f"{one['meaning']} by {one['name']}, {moment(one['at_utc_us'])}, audit entry {one['audit_seq']}")
        for one in record.signatures
    ]  # fmt: skip


Changed = Mapping[tuple[str, str, str], tuple[str, str]]
"""Table, row and field → the value that counts now, and what is said of the one before."""


def _amended(amendments: Sequence[Row], moment: Moment, zone: tzinfo) -> Changed:
    found: dict[tuple[str, str, str], tuple[str, str]] = {}
    for row in amendments:
        field = field_of(row["table"], row["field"])
        old, new = _shown(field, row["old"], zone), _shown(field, row["new"], zone)
        key = (row["table"], str(row["row"]), row["field"])
        earlier = f"; {found[key][1]}" if key in found else ""
        was = f"was {old or 'empty'}, amended {moment(row['at_utc_us'])} by {row['operator'] or 'nobody'}{earlier}"
        found[key] = (new or "empty", was)
    return found


def _title(table: str) -> str:
    form = form_of(table)
    return form.title if form is not None else _TITLES.get(table, table)


def _amendment(row: Row, moment: Moment, zone: tzinfo) -> str:
    field = field_of(row["table"], row["field"])
    what = f"{_title(row['table'])}, {field.label if field is not None else row['field']}"
    old, new = _shown(field, row["old"], zone) or "empty", _shown(field, row["new"], zone) or "empty"
    return f"{moment(row['at_utc_us'])} {what}: {old} → {new}, by {row['operator'] or 'nobody'}; reason {SEALED_WORDS}"


def _shown(field: Field | None, value: Any, zone: tzinfo) -> str:
    shown = ("" if value is None else str(value)) if field is None else shown_value(field.entry, value, zone)
    unit = f" {field.entry.unit}" if field is not None and field.entry.unit and shown[-1:].isdigit() else ""
    return SEALED_WORDS if shown == SEALED else f"{shown}{unit}"


def _pass(one: PassSummary, changed: Changed) -> list[RecordLine]:
    zone = one.zone or "-"
    kind = "" if one.kind == "granted" else f" ({one.kind})"
    now, was = changed.get(("passes", str(one.id), "zone"), (zone, ""))
    depth, rate = text.mm(one.depth_set_um), text.hz(one.rate_set_mhz)
    contact = "" if one.contact_ms is None else f", contact {text.clock(one.contact_ms / 1000)}"
    length = text.clock((one.duration_ms or 0) / 1000)
    end = (one.end_reason or "open").replace("_", " ")
    words = f"{now}{kind}  {depth} mm  {rate} Hz  {length}{contact}  {end}"
    field = "zone" if one.kind == "granted" else ""
    return [RecordLine(f"Pass {one.seq}", words, was, "passes", str(one.id), field)]


def _heading(table: str, row: Row, moment: Moment) -> RecordLine:
    return RecordLine("", f"{_title(table)}, {moment(row['at_utc_us'])}, {row['operator'] or 'nobody'}")


def _entered(table: str, row: Row, moment: Moment, zone: tzinfo, changed: Changed) -> list[RecordLine]:
    lines = [_heading(table, row, moment)]
    may = fields_of_table(table)
    for name, value in row.items():
        field = field_of(table, name)
        key = (table, str(row["id"]), name)
        if field is None and key not in changed:
            if table == "pen_checks" and name == "items":
                lines += [RecordLine(PEN_CHECKS.get(part, part), words) for part, words in _items(value)]
            continue
        shown = _shown(field, value, zone)
        now, was = changed.get(key, (shown, ""))
        column = name if name in may else ""
        if now or was or column:
            label = field.label if field is not None else name
            lines.append(RecordLine(label, now or "-", was, table, str(row["id"]), column))
    return lines


def _items(value: str) -> list[tuple[str, str]]:
    import json

    found = json.loads(value)
    return [(name, "yes" if passed else "NO") for name, passed in found.items() if isinstance(passed, bool | int)]


def _checklist(rows: Sequence[Row], moment: Moment, zone: tzinfo, changed: Changed) -> list[RecordLine]:
    """The newest answers, those that need a look one by one."""
    newest = {row["item"]: row for row in rows}
    lines = [_heading("checklist_answers", rows[-1], moment)]
    answer = field_of("checklist_answers", "answer")
    plain = 0
    for row in newest.values():
        key = ("checklist_answers", str(row["id"]), "answer")
        now, was = changed.get(key, (_shown(answer, row["answer"], zone), ""))
        if row["answer"] == "no" and not row["changed"] and not was:
            plain += 1
            continue
        item = ITEMS.get(row["item"])
        more = f"{', changed' if row['changed'] else ''}{', reason sealed' if row.get('reason') else ''}"
        label = item.text if item is not None else row["item"]
        lines.append(RecordLine(label, f"{now}{more}", was, *key))
    return [*lines, RecordLine("Answered No", f"{plain} of {len(newest)} questions")]


# -- correcting a value


def correction_form(line: RecordLine) -> Form[Any]:
    """What corrects a line: the right value as its field is typed, and a reason."""
    field = field_of(line.table, line.field)
    if field is None:
        raise LookupError(f"{line.table}.{line.field} is corrected by no form")
    entry = replace(field.entry, help=f"Now: {line.value}. {field.entry.help}".strip(), prefill="")
    given: Any = (Annotated[Any, entry], ... if field.required else None)
    model: Any = create_model("Correction", __base__=Record, value=given, reason=(Annotated[str, REASON], ...))
    return Form("correction", "Amendment", model, subject="session", permission="AMEND", when="after")


def amendment_of(line: RecordLine, given: Mapping[str, object]) -> dict[str, str]:
    """``values`` of the request ``session.amend``: the value as it was typed, which the station reads by the field of its form."""
    value, reason = str(given.get("value") or ""), str(given["reason"])
    return {"table": line.table, "row": line.row, "field": line.field, "value": value, "reason": reason}
