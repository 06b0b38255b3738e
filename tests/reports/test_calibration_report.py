"""The calibration report as a file: PDF/A-2b, the same bytes for the same input, and the right figures in it."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops
from support import reports
from support.calibration import STANDARDS, golden_plan, golden_reading, run_of
from support.pdf_text import page_texts

from devicectl.about import DISCLAIMER
from devicectl.calibration.decision import Verdict
from devicectl.calibration.run import Phase, Run, Taken, steps
from devicectl.reports.calibration import CalibrationReport, report_bytes, report_pictures, write_report
from devicectl.reports.series import series_result
from devicectl.reports.setting import ReportFailed

TESTS = Path(__file__).resolve().parents[1]
EVERY: list[Callable[[], CalibrationReport]] = [reports.golden, reports.adjusted, reports.rates]


@pytest.fixture(scope="module")
def golden() -> list[str]:
    return page_texts(report_bytes(reports.golden()))


@pytest.fixture(scope="module")
def adjusted() -> list[str]:
    return page_texts(report_bytes(reports.adjusted()))


@pytest.fixture(scope="module")
def rates() -> list[str]:
    return page_texts(report_bytes(reports.rates()))


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_it_is_pdf_a_2b_with_its_metadata(make: Callable[[], CalibrationReport]) -> None:
    data = make()
    with pikepdf.open(io.BytesIO(report_bytes(data))) as pdf:
        meta = pdf.open_metadata()
        assert meta.pdfa_status == "2B"
        assert data.number in meta["dc:title"]
        assert meta["dc:creator"] == [data.authorised.name if data.authorised else data.technician]
        assert data.plan.pen_serial in meta["dc:description"]
        assert str(pdf.Root.Lang) == "en"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261125143000")
        assert pdf.Root.MarkInfo.Marked
        assert not pdf.is_encrypted
        assert "/OutputIntents" in pdf.Root
        for page in pdf.pages:
            for font in page.Resources.get("/Font", {}).values():
                assert "/FontFile" in str(font.DescendantFonts[0].FontDescriptor.keys())


def test_every_page_has_the_number_the_page_of_pages_and_who_did_not_issue_it(adjusted: list[str]) -> None:
    assert len(adjusted) == 6
    for place, text in enumerate(adjusted, 1):
        assert "Calibration report CR-2026-0042" in text
        assert f"page {place} of 6" in text
        assert (
            "Not issued by an accredited laboratory. The fields follow ISO/IEC 17025:2017, 7.8; nobody has assessed"
            in text
        )
        assert "SIMULATED: no real pen was measured" in text
    assert adjusted[-1].count("End of report CR-2026-0042") == 1


def test_the_same_input_gives_the_same_bytes_in_two_processes(tmp_path: Path) -> None:
    here = sha256(report_bytes(reports.adjusted())).hexdigest()
    code = (
        "import sys; from hashlib import sha256; from support import reports\n"
        "from devicectl.reports.calibration import report_bytes\n"
        "print(sha256(report_bytes(reports.adjusted())).hexdigest())"
    )
    for number in (1, 2):
        found = subprocess.run(
            [sys.executable, "-c", code],
            env={
                "PYTHONPATH": f"{TESTS}:{TESTS.parent}",
                "PYTHONHASHSEED": str(number),
                "TZ": f"XYZ{number}",
                "HOME": "/",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        assert found.stdout.strip() == here


def test_the_worked_example_is_printed_with_the_right_digits(golden: list[str]) -> None:
    text = " ".join(golden)
    for row in (
        "0.25 6 0.213 0.243 0.228 −0.022 +0.030 0.028 0.15 0.122 pass",
        "0.50 6 0.457 0.487 0.472 −0.028 +0.030 0.028 0.15 0.122 pass",
        "1.00 6 0.943 0.977 0.960 −0.040 +0.033 0.028 0.15 0.122 pass",
        "1.50 6 1.433 1.467 1.450 −0.050 +0.033 0.028 0.15 0.122 pass",
        "2.00 6 1.917 1.953 1.935 −0.065 +0.037 0.028 0.15 0.122 pass",
        "2.50 6 2.403 2.437 2.420 −0.080 +0.033 0.028 0.15 0.122 pass",
        "offset a −0.014731 0.005607 mm",
        "gain b 0.974630 0.003695 1",
        "greatest error −0.080 mm at 2.5 mm ± 0.15 mm",
        "greatest hysteresis 0.037 mm ≤ 0.05 mm",
        "repeatability s, pooled 0.0058 mm (24 degrees of freedom) ≤ 0.02 mm",
        "non-linearity 0.0028 mm",
        "tolerance / U 5.3 ≥ 4",
        "(−0.080 ± 0.028) mm",
        "half of the hysteresis B 0.01833 rectangular 1.732 0.01058 56.6",
        "Dial indicator: limit of error B 0.00400 rectangular 1.732 0.00231 2.7",
        "Gauge block 2.5 mm: calibration B 0.00050 normal, k = 2 2.000 0.00025 0.0",
        "combined standard uncertainty uc 0.0141 mm",
        "coverage factor k 2",
        "= k · uc 0.028 mm",
    ):
        assert row in text


def test_what_iso_17025_asks_for_is_there(golden: list[str]) -> None:
    text = " ".join(golden)
    for field in (
        "Needle Workshop 12 Mill Lane Utrecht",
        "Scalp Clinic North 3 Harbour Street Groningen",
        "Workshop 2, bench 4",
        "Serial number REF-0020",
        "Firmware 1.4.2",
        "Cartridge type R12 Cartridge test cartridge, discarded after; 12 needles; lot L2409",
        "clean, no damage seen",
        "Item received 2026-11-25",
        "Report issued 2026-11-25 14:30 UTC",
        "Temperature 22.5 °C",
        "Relative humidity 45 %",
        "Dial indicator DI-7 K-2026-118 2027-03-31 limit of error ± 0.004 mm; resolution 0.001 mm",
        "Gauge block 2.5 mm GB-2 K-2026-120 2028-03-31 U (k = 2) 0.0005 mm",
        "dial indicator on a flat anvil, light spring",
        "Valid until 2027-05-25 or until 200 sessions after it",
        "The results relate only to the item described",
        "Guard band w = U (ILAC-G8:09/2019, 4.2.3)",
        "Jo Winter (jw)",
        "Mara Lind",
        "technical manager",
    ):
        assert field in text
    assert DISCLAIMER in text
    assert "DRAFT" not in text
    assert "SIMULATED" not in text


def test_found_bad_adjusted_and_left_good(adjusted: list[str]) -> None:
    text = " ".join(adjusted)
    data = reports.adjusted()
    assert [each.decision.verdict for each in data.results] == [Verdict.FAIL, Verdict.PASS]
    assert data.verdict is Verdict.PASS
    assert "static as found (−0.180 ± 0.028) mm 2.5 mm ± 0.15 mm fail" in text
    assert re.search(r"static as left \([+−]0\.00\d ± 0\.0\d\d\) mm", text)
    assert "7 sessions since then; each of them may have had another protrusion or rate than was set" in text
    assert "S-2026-0004 2026-10-07 09:15 UTC C-104 7.5 –" in text
    assert "No. 8 withdrawn, does not count: the indicator had slipped in its holder" in text
    assert "stands out from the others of its set-point and direction; it counts." in text
    assert "fail: at 2.5 mm the error is −0.180 mm, allowed is ±0.122 mm" in text
    assert "12 needles measured at 1 mm" in text
    assert "A correction of 2 knots was written to the pen, read back and compared" in text
    assert "0.250 0.130" in text
    assert "Correction before none" in text
    key = f"{data.adjustment.key:06X}" if data.adjustment else ""
    assert text.count(key) == 2
    assert data.binding is not None
    assert data.binding.hash() in text
    assert data.content in text


def test_a_rate_is_printed_in_hz_rpm_and_per_cent(rates: list[str]) -> None:
    text = " ".join(rates)
    assert "Calibration report: stroke rate" in text
    assert "Stroke rate, no load, as found" in text
    assert "Stroke rate, light load, as found" in text
    # 8.44 Hz are 506.6 rpm; U is 0.39 Hz and 23 rpm.
    assert "150 9000 8494 −507 23 −5.63 0.26 10" in text
    assert "150 6 141.53 141.59 141.56 −8.44 +0.06 0.39 15.0 14.61 pass" in text
    assert "Uncertainty budget at 50 Hz" in text
    assert "Uncertainty budget at 150 Hz" in text
    assert "drift of the load B 0.3000 rectangular 1.732 0.1732" in text
    assert "Warning: at 125 Hz the error is −6.96 Hz, over the warning limit ±6.25 Hz" in text
    assert all("DRAFT: not authorised" in page for page in rates)


def test_a_calibration_that_is_not_in_force_says_so() -> None:
    data = replace(reports.adjusted(), binding=None, look_back=None, adjustment=None)
    text = " ".join(page_texts(report_bytes(replace(data, results=data.results[:1]))))
    assert "This calibration is not in force" in text
    assert "Valid until" not in text
    assert "The sessions since the last good calibration have not been looked up." in text
    assert "FAIL" in text


def test_an_overdue_standard_is_marked() -> None:
    data = replace(reports.golden(), measured=(date(2027, 3, 30), date(2027, 4, 2)))
    text = " ".join(page_texts(report_bytes(data)))
    assert "2027-03-31 (overdue)" in text
    assert "2028-03-31 (overdue)" not in text
    assert "Measured 2027-03-30 to 2027-04-02" in text


def test_a_set_point_that_is_reached_from_one_side_only() -> None:
    plan = golden_plan()
    (series,) = plan.series
    # The pen ends at the greatest set-point: nothing comes down to it.
    planned = steps(series, Phase.AS_FOUND, plan.seed, 0.0, 2.5)
    run = Run(planned, [Taken(s.index, golden_reading(s.set_to, s.direction, s.repeat)) for s in planned])
    text = " ".join(page_texts(report_bytes(reports.report(plan, (series_result(plan, series, Phase.AS_FOUND, run),)))))
    assert "2.50 3 2.403 – 2.403 −0.097 – 0.029 0.15 0.121 pass" in text


def test_readings_without_any_spread_and_a_budget_of_nothing() -> None:
    standard = STANDARDS[0] | {"mpe": 0.0, "resolution": 0.0}
    plan = golden_plan(standards=[standard], rule="simple acceptance")
    series = plan.series[0].model_copy(update={"effects": ()})
    plan = plan.model_copy(update={"series": (series,)})
    run = run_of(plan, series, Phase.AS_FOUND, lambda at, _side, _repeat: at - 0.01)
    made = reports.report(plan, (series_result(plan, series, Phase.AS_FOUND, run),))
    text = " ".join(page_texts(report_bytes(made)))
    assert "0.25 6 0.240 0.240 0.240 −0.010 0.000 0.000 0.15 0.150 pass" in text
    assert "tolerance / U U is 0" in text
    assert "nothing stated" in text
    assert "Simple acceptance (ILAC-G8:09/2019, 4.2.1)" in text
    assert "Note: The repeats are identical at every set-point" in text


def test_many_readings_go_over_several_pages_with_their_heads() -> None:
    made = reports.golden()
    series = made.plan.series[0].model_copy(update={"repeats": 20})
    plan = made.plan.model_copy(update={"series": (series,)})
    run = run_of(plan, series, Phase.AS_FOUND, lambda at, side, repeat: golden_reading(at, side, repeat % 3 + 1))
    pages = page_texts(report_bytes(reports.report(plan, (series_result(plan, series, Phase.AS_FOUND, run),))))
    head = "no. set-point mm approach seating reading mm mark"
    assert " ".join(pages).count(head) == 6
    assert " ".join(pages).count("▲ up") == 120
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]


def test_parts_of_different_calibrations_make_no_report() -> None:
    data = reports.golden()
    assert data.binding is not None
    with pytest.raises(ValueError, match="binding"):
        replace(data, binding=replace(data.binding, pen_serial="REF-0021"))
    with pytest.raises(ValueError, match="binding"):
        replace(data, content="0" * 64)
    with pytest.raises(ValueError, match="once per phase"):
        replace(data, results=data.results * 2)
    with pytest.raises(ValueError, match="plan"):
        replace(data, results=reports.rates().results)
    bad = reports.adjusted()
    with pytest.raises(ValueError, match="not in force"):
        replace(bad, results=bad.results[:1])
    with pytest.raises(ValueError, match="zone"):
        replace(data, issued=data.issued.replace(tzinfo=None))


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    data = reports.golden()
    path = tmp_path / "report.pdf"
    path.write_text("an older one")
    write_report(data, path)
    assert path.read_bytes() == report_bytes(data)
    assert [each.name for each in tmp_path.iterdir()] == ["report.pdf"]
    with pytest.raises(ReportFailed, match="was not written: No such file or directory; choose"):
        write_report(data, tmp_path / "missing" / "report.pdf")
    folder = tmp_path / "folder.pdf"
    folder.mkdir()
    with pytest.raises(ReportFailed, match="was not written"):
        write_report(data, folder)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder.pdf", "report.pdf"]


def test_its_pages_as_pictures_need_no_colour() -> None:
    pictures = report_pictures(reports.golden(), ppi=72)
    assert len(pictures) == 3
    for content in pictures:
        with Image.open(io.BytesIO(content)) as page:
            assert page.size == (595, 842), "A4"
            red, green, blue = page.convert("RGB").split()
        for other in (green, blue):
            assert ImageChops.difference(red, other).getextrema() == (0, 0)
        # Nothing runs over the edge of the paper.
        ink = ImageChops.invert(red).getbbox()
        assert ink is not None
        assert ink[0] >= 54
        assert ink[2] <= 542
