"""What was entered for a session, in lines for people: labels and values as the forms show them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from devicectl.treatment.amending import FORM_OF, fields_of_table
from devicectl.treatment.checklist import ITEMS
from devicectl.treatment.forms import FORMS, Form
from devicectl.treatment.forms.before import PEN_CHECKS
from devicectl.treatment.kept import shown_value
from devicectl.treatment.vocabulary import DIRECTIONS

from .asking import here
from .output import print_table, utc_text

if TYPE_CHECKING:
    from devicectl.records.clinic import Row


def show_entered(
    rows: Mapping[str, Sequence[Row]],
    signatures: Sequence[Row],
    amendments: Sequence[Row],
    passes: Mapping[UUID, int],
) -> None:
    """Everything that people entered, with the number and the digits by which a row is amended. ``passes``: numbers of passes
    by key."""
    zone = here().tzinfo
    assert zone is not None
    lines = [
        (f"{table} {number}", row["id"].hex[-8:], utc_text(row["at_utc_us"]), row["operator"] or "–", text)
        for table, found in rows.items()
        for number, row in _counting(table, found)
        if (text := _text(table, row, zone, rows, passes))
    ]
    if lines:
        click.echo()
        print_table(("row", "id", "entered", "by", "what"), lines)
    if signatures:
        click.echo()
        print_table(
            ("signed", "meaning", "by"),
            [(utc_text(one["at_utc_us"]), one["meaning"], one["name"]) for one in signatures],
        )
    if amendments:
        click.echo()
        print_table(
            ("amended", "by", "table", "row", "field", "old", "new", "reason"),
            [
                (
                    utc_text(one["at_utc_us"]),
                    one["operator"] or "–",
                    one["table"],
                    one["row"].hex[-8:],
                    one["field"],
                    _amended(one, "old", zone),
                    _amended(one, "new", zone),
                    one["reason"],
                )
                for one in amendments
            ],
        )


def _counting(table: str, found: Sequence[Row]) -> Sequence[tuple[int, Row]]:
    """All rows with their numbers, but of the checklist those that need a look; the parts of changed passes stand with their
    change."""
    rows = list(enumerate(found, 1))
    if table == "pass_parts":
        return ()
    if table == "checklist_answers":
        return [one for one in rows if one[1]["answer"] != "no" or one[1]["changed"]] or rows[-1:]
    return rows


def _text(table: str, row: Row, zone: tzinfo, rows: Mapping[str, Sequence[Row]], passes: Mapping[UUID, int]) -> str:
    match table:
        case "checklist_answers":
            return _answer(row)
        case "pass_changes":
            return _change(row, rows.get("pass_parts", ()), passes)
        case "pen_checks":
            items = json.loads(row["items"])
            bad = [PEN_CHECKS[name] for name, value in items.items() if name in PEN_CHECKS and not value]
            return ("passed" if row["passed"] else f"NOT passed: {', '.join(bad)}") + _behind(row["note"])
    name = FORM_OF.get(table)
    return "" if name is None else "; ".join(_fields(FORMS[name], row, zone))


def _behind(note: str | None) -> str:
    return f"; {note}" if note else ""


def _fields(form: Form[Any], row: Row, zone: tzinfo) -> list[str]:
    return [
        f"{each.label} {shown_value(each.entry, row[each.name], zone)}"
        for each in form.fields
        if each.name in row and row[each.name] not in (None, "")
    ]


def _answer(row: Row) -> str:
    if row["answer"] == "no" and not row["changed"]:
        return f"{row['version']}: every answer is No"
    item = ITEMS.get(row["item"])
    reason = f"; reason {row['reason']}" if row.get("reason") else ""
    marked = ", changed" if row["changed"] else ""
    return f"{item.text if item is not None else row['item']} {row['answer'].capitalize()}{marked}{reason}"


def _change(row: Row, parts: Sequence[Row], passes: Mapping[UUID, int]) -> str:
    mine = sorted((part for part in parts if part["change_id"] == row["id"]), key=lambda part: int(part["seq"]))
    told = [
        part["zone"]
        + (f" {DIRECTIONS[part['direction']].casefold()}" if part["direction"] else "")
        + (f" for {(part['to_clock_ms'] - part['from_clock_ms']) / 1000:.1f} s" if len(mine) > 1 else "")
        for part in mine
    ]
    return f"pass {passes.get(row['pass_id'], '?')} is {', then '.join(told)}; reason {row['reason']}"


def _amended(one: Row, which: str, zone: tzinfo) -> str:
    value = one[which]
    if value is None or value == "":
        return "–"
    field = fields_of_table(one["table"]).get(one["field"])
    try:
        return str(value) if field is None else shown_value(field.entry, value, zone)
    except (ValueError, TypeError, KeyError):
        # What the field of today cannot show is shown as it stands.
        return str(value)
