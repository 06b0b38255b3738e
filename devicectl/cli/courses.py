"""``devicectl courses``: sessions of one plan for one client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from .client_code import CODE
from .later import LaterGroup

if TYPE_CHECKING:
    from datetime import date

    from devicectl.records.clinic import Row

    from .entering import Given

GRACE_DAYS: Final = 7
"""As `devicectl.treatment.follow_up.interval`."""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _open_command() -> click.Command:
    from .entering import Entering, Target

    return Entering(
        "course",
        "open",
        "Open a course for the client CODE. What you leave out is taken from the protocol, as far as it says so.",
        (
            "devicectl courses open AB-12 --protocol 'Dhurat 2013' --scale norwood --grade IV --operator 'Ida'",
            "devicectl courses open AB-12 --values course.json --operator 'Ida'",
        ),
        [click.Argument(["code"], type=CODE)],
        target=lambda given: Target(client=given["code"]),
        start=_of_protocol,
    ).command()


def _of_protocol(given: Given) -> dict[str, Any]:
    """Indication, number of sessions and days between as the protocol has them."""
    from .protocols import library_row

    if not given.get("field_protocol"):
        return {}
    row = library_row(given["field_protocol"])
    found = {"indication": row["indication"], "sessions_planned": row["sessions"], "min_days": row["min_days"]}
    return {field: value for field, value in found.items() if value not in (None, "")}


def _end_command() -> click.Command:
    from .entering import Entering, Target

    return Entering(
        "course_end",
        "end",
        "End the open course of the client CODE; it takes no session after that.",
        (
            "devicectl courses end AB-12 --operator 'Ida'",
            "devicectl courses end AB-12 --end-reason wish --operator 'Ida'",
        ),
        [click.Argument(["code"], type=CODE)],
        target=lambda given: Target(client=given["code"]),
    ).command()


@click.group(
    cls=LaterGroup,
    later={
        "open": ("Open a course for a client.", _open_command),
        "end": ("End the open course of a client.", _end_command),
    },
    examples=(
        "devicectl courses list",
        "devicectl courses open AB-12 --protocol 'Dhurat 2013' --scale norwood --grade IV --operator 'Ida'",
        "devicectl courses overdue",
    ),
)
def courses() -> None:
    """List, open and end courses, and find those whose next session is overdue."""


@courses.command("list", examples=("devicectl courses list", "devicectl courses list --client AB-12 --all --json"))
@click.option("--client", "code", metavar="CODE", help="Only those of this client.")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@_json
def list_command(code: str | None, everything: bool, as_json: bool) -> None:
    """List the courses that are open, newest first."""
    found = _read(code, open_only=not everything)
    _print(found, as_json, "There is no such course." if code or everything else "No course is open.")


@courses.command("overdue", examples=("devicectl courses overdue", "devicectl courses overdue --days 14 --json"))
@click.option(
    "--days",
    default=GRACE_DAYS,
    show_default=True,
    type=click.IntRange(0, 3650),
    help="How many days late do not count.",
)
@_json
def overdue_command(days: int, as_json: bool) -> None:
    """List open courses whose next session is overdue, the longest first.

    It is due when the course's least number of days between two sessions has passed.
    """
    found = [row for row in _read(None, open_only=True, grace_days=days) if row["overdue_days"]]
    _print(sorted(found, key=lambda row: -int(row["overdue_days"])), as_json, "No session is overdue.")


def _read(code: str | None, *, open_only: bool, grace_days: int = GRACE_DAYS) -> list[Row]:
    from devicectl.records import clinic
    from devicectl.records.reader import Reader
    from devicectl.treatment.follow_up import interval

    from .output import today

    with Reader() as reader:
        found = reader.run(
            lambda connection: clinic.courses(
                connection, None if code is None else clinic.client_key(connection, code), open_only=open_only
            )
        )
    for row in found:
        left = 0 if row["ended"] else int(row["sessions_planned"]) - int(row["sessions_done"])
        last = _day(row["last_utc_us"]) if row["last_utc_us"] else None
        due = interval(last, today(), row["min_days"], left, grace_days=grace_days)
        row["sessions_left"] = max(0, left)
        row["next_from"] = due.earliest.isoformat() if due.earliest is not None and left > 0 else None
        row["overdue_days"] = due.overdue_days
    return found


def _day(utc_us: int) -> date:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(utc_us / 1e6, tz=UTC).astimezone().date()


def _print(found: list[Row], as_json: bool, nothing: str) -> None:
    from .output import print_json, print_table, utc_text

    if as_json:
        print_json(found)
    elif not found:
        click.echo(nothing)
    else:
        print_table(
            ("id", "client", "protocol", "sessions", "days between", "last", "next from", ""),
            [
                (
                    row["id"].hex[-8:],
                    row["code"],
                    row["protocol"],
                    f"{row['sessions_done']} of {row['sessions_planned']}",
                    str(row["min_days"]),
                    utc_text(row["last_utc_us"])[:10],
                    row["next_from"] or "",
                    "ended" if row["ended"] else f"{row['overdue_days']} days overdue" if row["overdue_days"] else "",
                )
                for row in found
            ],
            "...rr...",
        )
