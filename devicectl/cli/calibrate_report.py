"""``devicectl calibrate report``: a calibration from the record as the report that is handed over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from devicectl.calibration.book import binding_of, content, process_of
from devicectl.calibration.fit import NoFit
from devicectl.calibration.lookback import look_back
from devicectl.calibration.process import Process
from devicectl.calibration.quantities import TooFew
from devicectl.calibration.run import Phase
from devicectl.records.calibrations import calibration_rows, find_calibration
from devicectl.records.reader import Reader
from devicectl.reports.calibration import (
    Adjustment,
    CalibrationReport,
    Item,
    LookBack,
    Party,
    PastSession,
    Signature,
    write_report,
)
from devicectl.reports.series import SeriesResult, series_result
from devicectl.reports.setting import ReportFailed

from .exits import Exit
from .failures import Failure
from .output import badge, print_json


def party(text: str) -> Party:
    """``NAME; line; line``."""
    name, *lines = (part.strip() for part in text.split(";"))
    return Party(name, tuple(filter(None, lines)))


def _at(utc_us: int) -> datetime:
    return datetime.fromtimestamp(utc_us // 1_000_000, tz=UTC).astimezone()


def results_of(process: Process) -> tuple[SeriesResult, ...]:
    """Each series as found, and as left where it was measured again. Raises :class:`Failure` while there is nothing."""
    found = []
    for round, phase in ((0, Phase.AS_FOUND), (process.round, Phase.AS_LEFT)):
        if phase is Phase.AS_LEFT and not process.round:
            continue
        for series in process.series_of(round):
            try:
                found.append(series_result(process.plan, series, phase, process.run(series, round)))
            except (TooFew, NoFit) as error:
                if process.end is not None and process.end.how == "finished":
                    raise Failure(str(error), "too-few") from error
    if not found:
        raise Failure("nothing is measured completely yet; a report needs one whole series.", "too-few")
    return tuple(found)


def moved(process: Process) -> list[str]:
    """What of the plan could not be kept as left, a remark for each series."""
    found = []
    for series in process.series_of(process.round) if process.round else ():
        measured = sorted({step.set_to for step in process.steps(series, process.round)})
        if measured != sorted({step.set_to for step in process.steps(series, 0)}):
            points = ", ".join(f"{one:g}" for one in measured)
            found.append(
                f"{series.measurand} was measured as left at {points} {series.measurand.unit}: with its correction the pen "
                "cannot be asked for more."
            )
    return found


def report_of(connection: sa.Connection, process: Process, given: dict[str, Any]) -> CalibrationReport:
    """The report of a calibration; one that is not finished is a draft."""
    end = process.end if process.end is not None and process.end.how == "finished" else None
    taken = [one.at_utc_us for one in process.readings] or [process.begun_utc_us]
    usable = end is not None and end.left is not None and end.left.usable
    confirmed = [one for one in process.corrections if one.outcome == "confirmed"]
    looked = None
    if (verdict := process.verdict(0)) is not None and not verdict.usable:
        back = look_back(connection, process)
        looked = LookBack(
            back.since,
            tuple(
                PastSession(
                    row["id"].hex[-8:],
                    _at(row["opened_utc_us"]),
                    row["client"] or "",
                    (row["needling_ms"] or 0) / 1000,
                    row["deepest_um"],
                )
                for row in back.sessions
            ),
        )
    laboratory = party(given["laboratory"])
    return CalibrationReport(
        number=given["number"] or f"C-{process.id.hex[-8:]}",
        issued=_at(end.at_utc_us if end is not None else max(taken)),
        measured=(_at(min(taken)).date(), _at(max(taken)).date()),
        laboratory=laboratory,
        customer=party(given["customer"]) if given["customer"] else laboratory,
        item=Item(process.manufacturer, process.model, process.firmware, condition=given["condition"] or ""),
        plan=process.plan,
        results=results_of(process),
        binding=binding_of(process) if usable else None,
        content=end.content if end is not None else content(process),
        technician=process.plan.technician,
        authorised=None if end is None else Signature(end.name, "calibrated and signed", _at(end.at_utc_us)),
        adjustment=Adjustment(
            process.found,
            confirmed[-1].table if confirmed else process.found,
            "pen",
            confirmed[-1].table_key if confirmed else process.found_key,
            f"{confirmed[-1].kind} correction" if confirmed else "no adjustment was made",
        ),
        look_back=looked,
        remarks=(*moved(process), *given["remarks"]),
        simulated=process.origin != "hardware",
    )


def report(text: str, out: str, as_json: bool, given: dict[str, Any]) -> int:
    """Write the report of a calibration to ``out``."""
    with Reader() as reader:
        key = reader.run(lambda connection: find_calibration(connection, text))
        process = process_of(reader.run(lambda connection: calibration_rows(connection, key)))
        data = reader.run(lambda connection: report_of(connection, process, given))
    try:
        write_report(data, Path(out))
    except ReportFailed as error:
        raise Failure(str(error), "report") from error
    draft = data.authorised is None
    if as_json:
        print_json(
            {"file": out, "number": data.number, "calibration": str(key), "draft": draft, "verdict": str(data.verdict)}
        )
    else:
        click.echo(f"{out}: report {data.number}{' (DRAFT)' if draft else ''}, {data.verdict}{badge(process.origin)}")
    return int(Exit.DONE)
