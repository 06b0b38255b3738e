"""The calibration report: everything that is printed, and the file.

The fields are those of ISO/IEC 17025:2017, 7.8 (which of them comes from where: docs/calibration-report.md). A report of a
stroke rate is the same document: what is printed follows from the series.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from devicectl.about import VERSION
from devicectl.calibration.binding import Binding
from devicectl.calibration.decision import Verdict
from devicectl.calibration.plan import Plan
from devicectl.calibration.run import Phase
from devicectl.reports.series import SeriesResult
from drivers.correction import CorrectionTable

from .calibration_pages import pages
from .setting import PPI, set_page, set_pictures, write_whole


@dataclass(frozen=True, slots=True)
class Party:
    """A laboratory or a customer: name, and the lines of its address or how it is reached."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What was calibrated, apart from serial number and cartridge type, which the plan has. ``needles`` is None when the
    number is not known; ``condition`` is what was seen on receipt; ``received`` the day of it."""

    manufacturer: str
    model: str
    firmware: str
    needles: int | None = None
    condition: str = ""
    received: date | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A printed name, what it was signed as, and when (aware)."""

    name: str
    meaning: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The correction before and after. ``kept_by`` is "pen" or "host"; ``key`` is what the pen reads back for the new one,
    0 for none; ``reason`` why it was changed, or why it was not."""

    old: CorrectionTable | None
    new: CorrectionTable | None
    kept_by: str
    key: int
    reason: str = ""

    @property
    def changed(self) -> bool:
        """True when another correction is in force than before."""
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session of the look-back: what may have been off. ``needling_s`` in seconds, ``deepest_um`` the greatest target in
    µm, None when the needle never moved."""

    session: str
    started: datetime
    client: str
    needling_s: float
    deepest_um: int | None


@dataclass(frozen=True, slots=True)
class LookBack:
    """Sessions with this pen since its last good calibration of ``since``; None when it never had one."""

    since: date | None
    sessions: tuple[PastSession, ...]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """All that a report prints.

    Args:
        number: Unique among all reports of the laboratory; on every page.
        issued: When the report was made (aware). The only time in the file that does not come from the measurement.
        measured: First and last day of the measurement.
        plan: What was planned: pen, cartridge type, standards, ambient conditions, set-points, tolerance, decision rule.
        results: Each series as found, and as left where it was measured again.
        binding: What the calibration holds for; None when it is not in force (a fail, or only as found).
        content: Hash of readings, budget and verdict (:func:`~devicectl.calibration.binding.content_hash`).
        technician: Printed name of who measured; the plan has their code.
        authorised: Who authorised the report; None for a draft, which is printed as one.
        look_back: Made when something was found out of tolerance; None when it was not made, which is printed too.
        remarks: Deviations from the method, additions, what the customer said.
        replaces: Number of the report that this one replaces, and why.
        simulated: True for a simulated pen or gauge: every page says so.
        software: What evaluated the readings.

    Raises:
        ValueError: the parts belong to different calibrations.
    """

    number: str
    issued: datetime
    measured: tuple[date, date]
    laboratory: Party
    customer: Party
    item: Item
    plan: Plan
    results: tuple[SeriesResult, ...]
    binding: Binding | None
    content: str
    technician: str
    authorised: Signature | None = None
    adjustment: Adjustment | None = None
    look_back: LookBack | None = None
    remarks: tuple[str, ...] = ()
    replaces: str = ""
    simulated: bool = False
    software: str = f"devicectl {VERSION}"

    def __post_init__(self) -> None:
        kinds = [(each.series.measurand, each.phase) for each in self.results]
        if not kinds or len(set(kinds)) < len(kinds):
            raise ValueError("a report has the result of one series at least, and each once per phase")
        if any(each.series not in self.plan.series for each in self.results):
            raise ValueError("a result is of a series that is not planned")
        if not self.number.strip() or self.issued.tzinfo is None or self.measured[0] > self.measured[1]:
            raise ValueError("a report has a number, a time with its zone, and days in their order")
        if self.binding is not None and (
            (self.binding.pen_serial, self.binding.cartridge_type, self.binding.firmware, self.binding.content)
            != (self.plan.pen_serial, self.plan.cartridge_type, self.item.firmware, self.content)
        ):
            raise ValueError("the binding is that of another calibration")
        if self.binding is not None and not self.verdict.usable:
            raise ValueError("a calibration with this verdict is not in force and binds nothing")

    @property
    def final(self) -> tuple[SeriesResult, ...]:
        """Of each series the result that counts: as left where there is one, as found otherwise."""
        last = {each.series.measurand: each for each in sorted(self.results, key=_order)}
        return tuple(last.values())

    @property
    def verdict(self) -> Verdict:
        """The worst of what counts."""
        return worst(self.final)

    @property
    def found_bad(self) -> tuple[SeriesResult, ...]:
        """What was not usable as found: the reason for a look-back."""
        return tuple(each for each in self.results if each.phase is Phase.AS_FOUND and not each.decision.verdict.usable)


def worst(results: Iterable[SeriesResult]) -> Verdict:
    """The worst verdict of several."""
    return max((each.decision.verdict for each in results), key=lambda verdict: verdict.rank)


def _order(result: SeriesResult) -> int:
    return list(Phase).index(result.phase)


def write_report(data: CalibrationReport, path: Path) -> None:
    """Write ``data`` as PDF/A-2b; the same data give the same bytes. A file that is there is replaced.

    Takes about a second. Raises :class:`~devicectl.reports.setting.ReportFailed`.
    """
    write_whole(path, report_bytes(data))


def report_bytes(data: CalibrationReport) -> bytes:
    """The content of the file. Raises :class:`~devicectl.reports.setting.ReportFailed`."""
    return set_page("calibration", pages(data), "pdf", data.issued)


def report_pictures(data: CalibrationReport, ppi: float = PPI) -> list[bytes]:
    """Each page as a PNG, from the same source. Raises :class:`~devicectl.reports.setting.ReportFailed`."""
    return set_pictures("calibration", pages(data), data.issued, ppi)
