"""``devicectl sessions``: what was recorded, read straight from the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import click

from .client_code import CODE
from .later import LaterGroup
from .operator import SignIn, operator_options
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from devicectl.records.reader import SessionSummary


FORMS: Final = {
    "consent": "Consent: which text, when, by whom.",
    "checklist": "The questions before every session.",
    "anaesthetic": "What was put on the skin, how much, where and when.",
    "anaesthetic-off": "The anaesthetic is off and the skin clean.",
    "cartridge": "A cartridge, as its barcode or its package says.",
    "cartridge-discarded": "The cartridge is gone, and where.",
    "skin-preparation": "What the skin was cleaned with.",
    "zone-result": "What a zone looked like when it was done.",
    "note": "A note, by a phrase's digits or as text.",
    "topical": "A product that was put on the skin, with its lot.",
    "aftercare": "Which aftercare text was given, and how.",
}
"""What is entered for a session, by the names of the commands."""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _enter(name: str) -> click.Command:
    from .session_forms import enter_command

    return enter_command(name, FORMS[name])


def _amend() -> click.Command:
    from .session_forms import amend_command

    return amend_command()


def _change_pass() -> click.Command:
    from .session_forms import change_pass_command

    return change_pass_command()


@click.group(
    cls=LaterGroup,
    later={name: (line, partial(_enter, name)) for name, line in FORMS.items()},
    examples=(
        "devicectl sessions enter consent --no-photos --operator 'Ida'",
        "devicectl sessions enter checklist --changed no --all-no --operator 'Ida'",
        "devicectl sessions enter zone-result --zone VTX --end-point erythema --operator 'Ida'",
    ),
)
def enter() -> None:
    """Enter something for a session. On a terminal, what is missing is asked for."""


@click.group(
    cls=LaterGroup,
    later={
        "change-pass": ("Give a pass to another zone or direction, before the signature.", _change_pass),
        "amend": ("Correct something in a signed session, with a reason.", _amend),
    },
    examples=(
        "devicectl sessions list",
        "devicectl sessions show last",
        "devicectl sessions chart",
        "devicectl sessions sign last --operator 'Ida'",
    ),
)
def sessions() -> None:
    """List and show sessions, open, fill in, close, sign and amend them. Reading works while a station writes."""


sessions.add_command(enter)


@sessions.command("list", examples=("devicectl sessions list --limit 10", "devicectl sessions list --json"))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(limit: int, as_json: bool) -> None:
    """List the newest sessions, newest first."""
    from devicectl.records.reader import Reader

    from .output import print_json, print_table

    with Reader() as reader:
        found = reader.sessions(limit)
    if as_json:
        from .session_text import session_row

        print_json([session_row(one) for one in found])
    elif not found:
        click.echo("No session has been recorded yet.")
    else:
        print_table(
            ("id", "opened", "purpose", "origin", "client", "pen", "passes", "strokes", "contact s", "end"),
            [_line(one) for one in found],
            "......rrr.",
        )


def _line(one: SessionSummary) -> tuple[str, ...]:
    from .output import seconds, utc_text

    return (
        one.id.hex[-8:],
        utc_text(one.opened_utc_us),
        one.purpose,
        one.origin.upper() if one.origin != "hardware" else one.origin,
        one.client or "–",
        one.pen,
        str(one.passes),
        str(one.strokes),
        seconds(one.contact_ms),
        one.end_reason or "open",
    )


@sessions.command(
    "show",
    examples=(
        "devicectl sessions show last",
        "devicectl sessions show 3f2a91c0 --json",
        "devicectl sessions show last --texts --operator 'Ida'",
    ),
)
@click.argument("session")
@click.option("--texts", is_flag=True, help="Open the texts about the client; needs an operator.")
@operator_options
@_json
def show_command(session: str, texts: bool, who: SignIn | None, as_json: bool) -> None:
    """Show one session: passes, stops, alarms, what was entered, signatures and amendments.

    SESSION is the start or the end of its id, or 'last'. Texts about a client are shown as 'sealed'; with --texts the
    station opens them for a practitioner or an administrator, and writes down that they were read.
    """
    from .session_acts import show

    show(session, as_json, texts, who)


@sessions.command("chart", examples=("devicectl sessions chart", "devicectl sessions chart last --json"))
@click.argument("session", required=False)
@_json
def chart_command(session: str | None, as_json: bool) -> None:
    """Show the steps of a treatment and its zones, plan against done; of the one that is open unless SESSION is named."""
    from .session_acts import chart

    chart(session, as_json)


@sessions.command(
    "sign",
    examples=(
        "devicectl sessions sign last --operator 'Ida'",
        "devicectl sessions sign 3f2a91c0 --reason 'client left early' --operator 'Ida'",
        "devicectl sessions sign last --meaning reviewed --operator 'Bo'",
    ),
)
@click.argument("session")
@click.option(
    "--meaning",
    type=click.Choice(("performed", "reviewed")),
    default="performed",
    show_default=True,
    help="Its meaning.",
)
@click.option("--reason", metavar="TEXT", help="Why it is signed although something is missing.")
@operator_options
@_json
def sign_command(session: str, meaning: str, reason: str | None, who: SignIn | None, as_json: bool) -> int:
    """Sign the closed treatment SESSION with your PIN; its record is locked then, and follow-ups are laid down."""
    from .session_acts import sign

    return sign(session, meaning, reason, who, as_json)


@sessions.command(
    "open",
    examples=(
        "devicectl sessions open serial:///dev/ttyACM0 --client T-1 --operator 'Ida'",
        "devicectl sessions open serial:///dev/ttyACM0 --resume last --operator 'Ida'",
    ),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option(
    "--client", "code", type=CODE, metavar="CODE", help="The client; a simulated pen takes training clients only."
)
@click.option("--resume", metavar="ID", help="Go on with this interrupted session: digits of its id, or 'last'.")
@click.option("--no-course", is_flag=True, help="It does not belong to the client's open course.")
@operator_options
@_json
def open_command(
    address: str, code: str | None, resume: str | None, no_course: bool, who: SignIn | None, as_json: bool
) -> None:
    """Open a treatment with the pen at ADDRESS. Moves nothing; it stays open for half an hour without a screen on it."""
    from .session_acts import open_

    open_(address, code, resume, not no_course, who, as_json)


@sessions.command("close", examples=("devicectl sessions close serial:///dev/ttyACM0 --operator 'Ida'",))
@click.argument("address", type=ADDRESS)
@radio_option
@operator_options
@_json
def close_command(address: str, who: SignIn | None, as_json: bool) -> None:
    """Close the session that is open with the pen at ADDRESS, and let go of the pen."""
    from .session_acts import close

    close(address, who, as_json)
