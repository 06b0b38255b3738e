"""Before and after the signature: passes given to another zone, the meaning of a signature, amendments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from devicectl.treatment.vocabulary import DIRECTIONS, MEANINGS

from .engine import Form, Record
from .entries import Choice, Number, Secret, Text, ZoneEntry
from .numbers import SECONDS_S

REASON: Final = Text(label="Reason", most=300, personal=True, example="wrong zone chosen")


class PassChange(Record):
    """A pass under another zone or direction, whole or from a time on; the pass itself stays as it was recorded."""

    zone: Annotated[str, ZoneEntry(label="Zone", help="Of the whole pass, or of its first part.")]
    direction: Annotated[str, Choice(label="Direction", of=DIRECTIONS)] = ""
    split_s: Annotated[
        int | None,
        Number(
            label="Split at",
            dimension=SECONDS_S,
            least=1,
            most=3_600,
            help="Seconds into the pass; empty for all of it.",
        ),
    ] = None
    zone_after: Annotated[str, ZoneEntry(label="Zone after the split")] = ""
    direction_after: Annotated[str, Choice(label="Direction after the split", of=DIRECTIONS)] = ""
    reason: Annotated[str, REASON]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """A split has a zone behind it, and no zone stands behind no split."""
        del now
        if self.split_s is not None and not self.zone_after:
            return {"zone_after": "Zone after the split is needed, such as VTX."}
        if self.split_s is None and (self.zone_after or self.direction_after):
            return {"split_s": "Split at is needed: the seconds into the pass, or leave the second zone empty."}
        return {}


PASS_CHANGE: Final = Form(
    "pass_change",
    "Change of a pass",
    PassChange,
    subject="pass",
    permission="TREAT",
    when="after",
    multiple=True,
    noun="Change of the pass",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a changed pass, in the pen's clock."""

    from_clock_ms: int
    to_clock_ms: int
    zone: str
    direction: str | None


def parts_of(change: PassChange, from_clock_ms: int, to_clock_ms: int) -> tuple[Part, ...] | str:
    """The parts of a pass from its beginning to its end in the pen's clock, or the sentence why it cannot be split so."""
    first = change.direction or None
    if change.split_s is None:
        return (Part(from_clock_ms, to_clock_ms, change.zone, first),)
    at = from_clock_ms + change.split_s * 1000
    if at >= to_clock_ms:
        return f"The pass lasted {(to_clock_ms - from_clock_ms) // 1000} s; split it before its end."
    return (
        Part(from_clock_ms, at, change.zone, first),
        Part(at, to_clock_ms, change.zone_after, change.direction_after or None),
    )


class Signature(Record):
    """What a signature means; the PIN is asked for again."""

    meaning: Annotated[str, Choice(label="Meaning", of=MEANINGS, prefill="performed")]
    pin: Annotated[str, Secret(label="PIN", most=64)]


SIGNATURE: Final = Form("signature", "Signature", Signature, subject="session", permission="SIGN", when="after")


class Amendment(Record):
    """A correction of a signed record: the old value stays beside it."""

    table: Annotated[
        str,
        Text(
            label="Table",
            most=40,
            pattern="[A-Za-z_ -]{1,40}",
            means="the name of a table or of what was entered",
            example="zone_results or zone result",
        ),
    ]
    row: Annotated[
        str,
        Text(
            label="Row",
            most=36,
            pattern="[0-9]{1,3}|[0-9a-fA-F-]{4,36}",
            means="the row's number, or 4 or more digits of its id",
            example="2",
        ),
    ]
    field: Annotated[
        str, Text(label="Field", most=40, pattern="[a-z_0-9]{1,40}", means="a field's name", example="pain")
    ]
    value: Annotated[
        str, Text(label="New value", most=1000, lines=True, personal=True, help="Empty takes the value away.")
    ] = ""
    reason: Annotated[str, REASON]


AMENDMENT: Final = Form(
    "amendment", "Amendment", Amendment, subject="session", permission="AMEND", when="after", multiple=True
)
