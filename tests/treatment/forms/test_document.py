"""The page on forms names every form and field."""

from __future__ import annotations

from pathlib import Path

import devicectl
from devicectl.treatment.forms import FORMS, Rows


def table():
    lines = ["| form | about | when | fields | personal |", "|---|---|---|---|---|"]
    for form in FORMS.values():
        names, personal = [], []
        for each in form.fields:
            parts = each.entry.fields if isinstance(each.entry, Rows) else ()
            rows = f" ({', '.join(f'`{part.name}`' for part in parts)})" if parts else ""
            names.append(f"`{each.name}`{rows}")
            personal += [f"`{one.name}`" for one in (each, *parts) if one.entry.personal]
        personal = ["all"] if len(personal) == len(names) else personal
        lines.append(f"| `{form.name}` | {form.subject} | {form.when} | {', '.join(names)} | {', '.join(personal)} |")
    return "\n".join(lines) + "\n"


def test_the_page_lists_the_forms_as_they_are():
    page = (Path(devicectl.__file__).parents[1] / "docs" / "forms.md").read_text("utf-8")
    assert table() in page
