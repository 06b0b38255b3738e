"""``devicectl calibrate verify``: does the record of a calibration hold, and do its figures come out again?"""

from __future__ import annotations

import json
from typing import Any

import click
import sqlalchemy as sa

from devicectl.calibration.assessment import assess, detail, differences
from devicectl.calibration.book import binding_of, content, process_of, text_of
from devicectl.calibration.process import Process
from devicectl.records import tables as t
from devicectl.records.calibrations import calibration_rows, find_calibration
from devicectl.records.reader import Reader

from .exits import Exit
from .output import badge, marks, print_json


def verify(text: str, as_json: bool) -> int:
    """Everything that can be said about one calibration; the exit code."""
    with Reader() as reader:
        key = reader.run(lambda connection: find_calibration(connection, text))
        rows = reader.run(lambda connection: calibration_rows(connection, key))
        process = process_of(rows)
        public = None
        if rows.end is not None and rows.end["key_id"] is not None:
            public = reader.run(lambda connection: _key(connection, rows.end["key_id"] if rows.end else None))
    found = problems(process, rows.end, public)
    if as_json:
        print_json({**marks(process.origin), "calibration": str(process.id), "sound": not found, "problems": found})
    elif found:
        for line in found:
            click.echo(line)
    else:
        signed = ", signature good" if process.end is not None and process.end.how == "finished" else ""
        click.echo(
            f"calibration {process.id}{badge(process.origin)}: {len(process.readings)} readings, "
            f"{len(process.evaluations)} evaluations come out again{signed}."
        )
        click.echo("Whether rows were edited past the program, 'devicectl audit verify' says.")
    return int(Exit.RECORD if found else Exit.DONE)


def _key(connection: sa.Connection, key: Any) -> bytes:
    return bytes(
        connection.execute(sa.select(t.station_keys.c.public_key).where(t.station_keys.c.id == key)).scalar_one()
    )


def problems(process: Process, end: dict[str, Any] | None, public_key: bytes | None) -> list[str]:
    """What does not hold, a sentence each; empty when all does."""
    found = []
    for one in process.evaluations:
        if process.evaluated(one.measurand, one.round) is not one:
            continue  # readings came or went since: it was judged anew
        again = json.loads(text_of(detail(assess(process, one.measurand, one.round))))
        if names := differences(one.detail, again):
            found.append(
                f"The evaluation of {one.measurand} (round {one.round}) does not come out again: {', '.join(names[:5])}."
            )
        elif str(one.verdict) != again["verdict"]:
            found.append(
                f"The verdict on {one.measurand} (round {one.round}) is {one.verdict} and should be {again['verdict']}."
            )
    binding = binding_of(process)
    if process.end is None or binding is None or end is None:
        return found
    if content(process) != process.end.content:
        found.append("What was measured is not what was signed: readings, evaluations or corrections were changed.")
    if binding.hash() != process.end.binding:
        found.append("What it holds for is not what was signed: pen, cartridge, dates or name were changed.")
    if process.verdict(0) is not process.end.found or process.verdict(process.round) is not process.end.left:
        found.append("The verdicts are not those of the evaluations.")
    if not _signed(bytes(end["signature"]), bytes.fromhex(process.end.binding), public_key):
        found.append("The signature was not made with the key of this station.")
    return found


def _signed(signature: bytes, digest: bytes, public_key: bytes | None) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if public_key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, digest)
    except (InvalidSignature, ValueError):
        return False
    return True
