"""``devicectl clients``: whom the record is about, by a code that says nothing about the person."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from .app import Command
from .client_code import CODE
from .later import LaterGroup
from .operator import SignIn, operator_options

if TYPE_CHECKING:
    from devicectl.records.clinic import Row

    from .entering import Given, Target

REASONS: Final = ("requested", "consent-withdrawn", "retention-over", "entered-in-error")
"""As `devicectl.access.erasure.REASONS`."""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

FORMS: Final = {
    "assessment": "Severity on a scale; SALT is worked out from the four quadrants.",
    "adverse-event": "Something unwanted, graded.",
    "adverse-event-state": "How an adverse event went on.",
    "photo": "A photograph from a file; what it says of place and camera is removed.",
    "follow-up": "Something that is due.",
    "follow-up-state": "What became of a follow-up ('follow-ups done' does the same).",
}
"""What is entered about a client, by the names of the commands."""
_ABOUT: Final = {
    "adverse-event-state": ("adverse_events", "adverse event"),
    "follow-up-state": ("follow_ups", "follow-up"),
}
"""The table and the name of what a form goes on with."""
_EXAMPLES: Final = {
    "assessment": ("devicectl clients enter assessment AB-12 --scale norwood --grade 'III vertex' --operator 'Ida'",),
    "adverse-event": (
        "devicectl clients enter adverse-event AB-12 --term vasovagal --grade 1 --no-expected --related --action observed",
    ),
    "adverse-event-state": (
        "devicectl clients enter adverse-event-state AB-12 --about 3f2a91c0 --outcome resolved --resolved-date today",
    ),
    "photo": ("devicectl clients enter photo AB-12 --file front.jpg --view front --phase before",),
    "follow-up": ("devicectl clients enter follow-up AB-12 --kind other --due-date 2026-12-24",),
    "follow-up-state": ("devicectl clients enter follow-up-state AB-12 --about 3f2a91c0 --state done",),
}


def _form_command(name: str) -> click.Command:
    from .entering import Entering, Target

    parent = _ABOUT.get(name)
    params: list[click.Parameter] = [click.Argument(["code"], type=CODE)]
    if parent is not None:
        text = f"The {parent[1]} that goes on: digits of its id, as 'clients show' has them."
        params.append(click.Option(["--about"], required=True, metavar="ID", help=text))
    else:
        text = "The session to which this belongs: digits of its id, or 'last'. Else it belongs to none."
        params.append(click.Option(["--session"], metavar="ID", help=text))

    def target(given: Given) -> Target:
        about = None if parent is None else str(row_named(*parent, given["about"]))
        return Target(client=given["code"], session=given.get("session"), about=about)

    return Entering(name.replace("-", "_"), name, FORMS[name], _EXAMPLES[name], params, target).command()


def row_named(table: str, what: str, text: str) -> Any:
    """The key of a row by the digits of its id. Raises :class:`RecordError`."""
    from devicectl.records.entered import find_row
    from devicectl.records.reader import Reader

    with Reader() as reader:
        return reader.run(lambda connection: find_row(connection, table, text, what))


@click.group(
    cls=LaterGroup,
    later={name: (line, partial(_form_command, name)) for name, line in FORMS.items()},
    examples=("devicectl clients enter assessment AB-12 --scale ludwig --grade II",),
)
def enter() -> None:
    """Enter something about a client. On a terminal, what is missing is asked for."""


def _add_command() -> click.Command:
    from .entering import Entering

    return Entering(
        "client",
        "add",
        "Add a client by CODE, which must not name the person.",
        ("devicectl clients add AB-12 --operator 'Ida'", "devicectl clients add T-1 --training --operator 'Ida'"),
        [click.Argument(["code"])],
        fixed=lambda given: {"code": given["code"]},
        fixed_fields=frozenset({"code"}),
    ).command()


@click.group(
    cls=LaterGroup,
    later={"add": ("Add a client by a code.", _add_command)},
    examples=(
        "devicectl clients list",
        "devicectl clients add T-1 --training --operator 'Ida'",
        "devicectl clients show T-1",
        "devicectl clients enter assessment T-1 --scale norwood --grade IV --operator 'Ida'",
    ),
)
def clients() -> None:
    """List, show and add clients, enter what concerns them, erase them."""


clients.add_command(enter)


@clients.command("list", examples=("devicectl clients list", "devicectl clients list AB --json"))
@click.argument("text", default="")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@_json
def list_command(text: str, limit: int, as_json: bool) -> None:
    """List clients whose code holds TEXT, those seen last first."""
    from devicectl.records import clinic
    from devicectl.records.reader import Reader

    from .output import print_json, print_table, utc_text

    with Reader() as reader:
        found = reader.run(lambda connection: clinic.clients(connection, text, limit))
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No such client." if text else "There are no clients yet; add one: devicectl clients add CODE.")
    else:
        print_table(
            ("code", "", "sessions", "last", "course"),
            [
                (
                    row["code"],
                    _kind(row),
                    str(row["sessions"]),
                    utc_text(row["last_utc_us"])[:16],
                    _course(row["course"]),
                )
                for row in found
            ],
            "..r..",
        )


def _kind(row: Row) -> str:
    return "erased" if row["erased"] else "training" if row["training"] else ""


def _course(course: Row | None) -> str:
    return "" if course is None else f"{course['protocol']}, {course['sessions_done']} of {course['sessions_planned']}"


@clients.command("show", examples=("devicectl clients show AB-12", "devicectl clients show AB-12 --json"))
@click.argument("code")
@_json
def show_command(code: str, as_json: bool) -> None:
    """Show a client's courses, sessions, assessments, adverse events, follow-ups and photographs; not who it is."""
    from devicectl.records import clinic
    from devicectl.records.reader import Reader

    from .output import badge, marks, print_json

    with Reader() as reader:
        one = reader.run(lambda connection: clinic.client_at_a_glance(connection, code))
    origin = "simulated" if one["training"] else "hardware"
    if as_json:
        print_json({**marks(origin), **one})
        return
    click.echo(f"client {code}{badge(origin)}{'  ERASED: who it was is gone for good' if one['erased'] else ''}")
    _show_parts(one)


def _show_parts(one: Row) -> None:
    from .output import print_table, utc_text

    tables: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [
        (
            ("course", "protocol", "sessions", "days between", ""),
            [
                (
                    _digits(row["id"]), row["protocol"], f"{row['sessions_done']} of {row['sessions_planned']}",
                    str(row["min_days"]), "ended" if row["ended"] else "open",
                )
                for row in one["courses"]
            ],
        ),
        (
            ("session", "opened", "end", "", ""),
            [
                (
                    _digits(row["id"]), utc_text(row["opened_utc_us"]), row["end_reason"] or "open",
                    "signed" if row["signed"] else "not signed", "resumes one before" if row["resumes_id"] else "",
                )
                for row in one["sessions"]
            ],
        ),
        (
            ("assessment", "at", "scale", "grade"),
            [
                (_digits(row["id"]), utc_text(row["at_utc_us"]), row["scale"], row["grade"] or "")
                for row in one["assessments"]
            ],
        ),
        (
            ("adverse event", "at", "what", "grade", "state"),
            [
                (
                    _digits(row["id"]), utc_text(row["onset_utc_us"]), row["term"], str(row["grade"]),
                    row["state"]["outcome"] if row["state"] else "no outcome yet",
                )
                for row in one["adverse_events"]
            ],
        ),
        (
            ("follow-up", "due", "what", "state"),
            [
                (_digits(row["id"]), row["due_date"], row["kind"], row["state"]["state"] if row["state"] else "due")
                for row in one["follow_ups"]
            ],
        ),
        (
            ("photograph", "at", "view", "when"),
            [(_digits(row["id"]), utc_text(row["at_utc_us"]), row["view"], row["phase"]) for row in one["photos"]],
        ),
    ]  # fmt: skip
    for head, rows in tables:
        if rows:
            click.echo()
            print_table(head, rows)


def _digits(key: Any) -> str:
    return str(key.hex[-8:])


@clients.command(
    "identity",
    examples=(
        "devicectl clients identity AB-12 --operator 'Ida'",
        "devicectl clients identity AB-12 --values - --operator 'Ida' < identity.json",
        "devicectl clients identity AB-12 --set allergies=latex --operator 'Ida'",
    ),
)
@click.argument("code", type=CODE)
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change one field; others can see it run.")
@click.option(
    "--values", "values_from", metavar="FILE", help="Fields to change as a JSON object, - for standard input."
)
@operator_options
@_json
def identity_command(
    code: str, changes: tuple[str, ...], values_from: str | None, who: SignIn | None, as_json: bool
) -> int:
    """Show who a client is, or change it. Both stand in the record with your name.

    Fields: name, born, sex, contact, allergies, medicines, remark. All are kept as ciphertext under the client's own key.
    """
    from .identity import identity

    return identity(code, changes, values_from, who, as_json)


@clients.command(
    "erase",
    cls=Command,
    examples=("devicectl clients erase AB-12 --reason requested --operator 'Ida'",),
)
@click.argument("code", type=CODE)
@click.option("--reason", required=True, type=click.Choice(REASONS), help="Why.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
@operator_options
@_json
def erase_command(code: str, reason: str, yes: bool, who: SignIn | None, as_json: bool) -> None:
    """Erase who a client is and every free text about them, for good. Figures stay, under the code.

    Needs an administrator, with the PIN.
    """
    from .identity import erase

    erase(code, reason, yes, who, as_json)
