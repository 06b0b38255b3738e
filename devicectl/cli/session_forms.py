"""What is entered for a session: the commands of ``sessions enter``, ``sessions amend`` and ``sessions change-pass``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from devicectl.records import entered
from devicectl.records.reader import Reader, find_session
from devicectl.treatment.forms import Form

from .asking import Values
from .entering import Entering, Given, Target

if TYPE_CHECKING:
    from .pens import Seat

EXAMPLES: Final = {
    "consent": ("devicectl sessions enter consent --no-photos --operator 'Ida'",),
    "checklist": (
        "devicectl sessions enter checklist --changed no --all-no --operator 'Ida'",
        "devicectl sessions enter checklist --changed yes --all-no --answers 'item=diabetes; answer=yes; reason=asked Dr B.'",
        "devicectl sessions enter checklist --changed first --answers answers.json --operator 'Ida'",
    ),
    "anaesthetic": (
        "devicectl sessions enter anaesthetic --product 'Lidocaine 4 %' --lot L1 --strength 4 --grams 2.5 --area 25 --no-occluded --dwell-min '30 min'",
    ),
    "anaesthetic-off": ("devicectl sessions enter anaesthetic-off --cleaned --operator 'Ida'",),
    "cartridge": (
        "devicectl sessions enter cartridge --gtin 09521234543213 --lot AB-1 --expiry 2028-02 --serial S7 --operator 'Ida'",
        "devicectl sessions enter cartridge --raw ']d2010952123454321317280200' --lot AB-1 --operator 'Ida'",
    ),
    "cartridge-discarded": ("devicectl sessions enter cartridge-discarded --sharps --operator 'Ida'",),
    "skin-preparation": ("devicectl sessions enter skin-preparation --product 'Chlorhexidine 0.5 %' --operator 'Ida'",),
    "zone-result": (
        "devicectl sessions enter zone-result --zone VTX --end-point mild_erythema --pain 3 --bleeding 0 --operator 'Ida'",
    ),
    "note": ("devicectl sessions enter note --phrase 21", "devicectl sessions enter note --values - < note.json"),
    "aftercare": ("devicectl sessions enter aftercare --way both --operator 'Ida'",),
    "topical": (
        "devicectl sessions enter topical --product Saline --lot 9 --expiry 2028-02 --amount '1.5 ml' --sterile --operator 'Ida'",
    ),
}


def session_option() -> click.Option:
    """``--session``; left out it is the only treatment that is open."""
    text = "Digits of its id, or 'last'; else the treatment that is open."
    return click.Option(["--session"], metavar="ID", help=text)


def session_key(given: Given) -> str:
    """The id of the session that was meant. Raises :class:`RecordError`."""
    text = given.get("session")
    with Reader() as reader:
        return str(reader.run(entered.open_treatment if text is None else lambda one: find_session(one, text)))


def enter_command(name: str, line: str) -> click.Command:
    """One command of ``sessions enter``."""
    return Entering(
        name.replace("-", "_"),
        name,
        line,
        EXAMPLES[name],
        [session_option()],
        target=lambda given: Target(session=session_key(given)),
    ).command()


# -- after the session


async def _amend(place: Seat, form: Form[Any], target: Target, values: Values) -> Any:
    del form
    return await place.ask("session.amend", session=target.session, values=values)


def amend_command() -> click.Command:
    """``sessions amend``."""
    return Entering(
        "amendment",
        "amend",
        "Correct something in the signed session SESSION (digits of its id, or 'last'), with a reason.\n\n"
        "What stood there stays, and the new value beside it. 'sessions show' has the names and numbers of rows ('zone_results "
        "2'), 'sessions show --json' the fields. A value is given as the form takes it, with its rules; 'sessions enter' and "
        "'clients enter' have them.",
        (
            "devicectl sessions amend last --table zone_results --row 2 --field pain --value 4 --reason 'typed wrongly'",
            "devicectl sessions amend 9d01 --values - --operator 'Ida' < amendment.json",
        ),
        [click.Argument(["session"])],
        target=lambda given: Target(session=session_key(given)),
        send=_amend,
    ).command()


def _pass_key(given: Given) -> str:
    text: str = given["about"]
    with Reader() as reader:
        if text.isascii() and text.isdigit() and len(text) < entered.ID_DIGITS:
            session = given.get("session") or "last"
            return str(reader.run(lambda one: entered.find_pass(one, find_session(one, session), int(text))))
        return str(reader.run(lambda one: entered.find_row(one, "passes", text, "pass")))


def change_pass_command() -> click.Command:
    """``sessions change-pass``."""
    text = "The session whose pass has this number: digits of its id; else the last one."
    return Entering(
        "pass_change",
        "change-pass",
        "Give the pass PASS to another zone or direction, whole or from a time on, before the session is signed.\n\n"
        "PASS is its number in the session, or digits of its id. What was recorded stays beside the change.",
        (
            "devicectl sessions change-pass 2 --zone OCC --reason 'wrong zone chosen' --operator 'Ida'",
            "devicectl sessions change-pass 2 --zone VTX --split 12 --zone-after OCC --reason 'went on' --operator 'Ida'",
        ),
        [click.Argument(["about"], metavar="PASS"), click.Option(["--session"], metavar="ID", help=text)],
        target=lambda given: Target(about=_pass_key(given)),
    ).command()
