"""Text of people on paper: inert whatever it is, readable where there is a font, named by number where there is none."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import reports
from support.pdf_text import page_texts

from devicectl.reports import setting
from devicectl.reports.calibration import CalibrationReport, Party, report_bytes
from devicectl.reports.setting import ReportFailed, plainest, printable, set_page

EVIL = (
    '#panic("x")',
    '#import "/etc/passwd"',
    '#read("calibration.typ")',
    "$x^2$ *bold* _sloping_ `raw`",
    "@ref <label> = heading",
    "\\ \\u{41} \\n",
    "// no comment /* neither */",
    "- - -- --- ~ ... \"' - item",
    "[ ] { } ( )",
    '"}, {"x": "',
)


def named(data: CalibrationReport, text: str) -> CalibrationReport:
    """A report in which ``text`` stands in every place where a person may have written it."""
    (series,) = data.plan.series
    own = series.model_copy(update={"method": text})
    plan = data.plan.model_copy(
        update={
            "technician": text,
            "place": text,
            "cartridge_lot": text,
            "series": (own,),
            "standards": tuple(
                each.model_copy(update={"name": text, "serial": text, "certificate": text})
                for each in data.plan.standards
            ),
        }
    )
    assert data.authorised is not None
    return replace(
        data,
        plan=plan,
        binding=None,
        results=tuple(replace(each, series=own) for each in data.results),
        laboratory=Party(text, (text,)),
        technician=text,
        authorised=replace(data.authorised, name=text, meaning=text),
        item=replace(data.item, manufacturer=text, model=text, condition=text),
        remarks=(text,),
        replaces=text,
    )


@pytest.mark.parametrize("text", EVIL)
def test_what_looks_like_markup_is_printed_as_it_was_written(text: str) -> None:
    pages = page_texts(report_bytes(named(reports.golden(), text)))
    wanted = " ".join(text.split())
    # Place, technician, condition, remark and the rest of the first page; hyphens and quotes stay what they are.
    assert pages[0].count(wanted) >= 5
    assert "End of report CR-2026-0041" in pages[-1]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(), min_size=1, max_size=40))
def test_no_text_keeps_a_report_from_being_made(text: str) -> None:
    made = report_bytes(named(reports.golden(), text))
    # What is invisible may be glued to the glyph beside it, so only the numbers of the pages are looked for.
    pages = page_texts(made)
    assert len(pages) >= 3
    assert f"{len(pages)} of {len(pages)}" in pages[-1]


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(max_codepoint=0x7E)))
def test_ascii_is_printed_as_it_is(text: str) -> None:
    kept = "".join(each if each >= " " else " " if each in setting.BREAKS else f"[U+{ord(each):04X}]" for each in text)
    assert printable(text) == kept


def test_what_has_no_font_is_named_by_its_number() -> None:
    assert printable("Zoë Łukasz Ωmega Жанна שלום مرحبا µm ≤ ▲") == "Zoë Łukasz Ωmega Жанна שלום مرحبا µm ≤ ▲"
    assert printable("漢 😀 한") == "[U+6F22] [U+1F600] [U+D55C]"
    assert (
        printable("soft\u00adly a\u202eb\u2066c\x00d\ud800e\ue000\n\tf")
        == "soft[U+00AD]ly a[U+202E]b[U+2066]c[U+0000]d[U+D800]e[U+E000]  f"
    )
    assert plainest("Zoë 漢") == "Zo[U+00EB] [U+6F22]"


def test_right_to_left_and_missing_glyphs_in_a_report() -> None:
    pages = page_texts(report_bytes(named(reports.golden(), "דנה 漢字 😀")))
    assert "דנה" in pages[0]
    assert "[U+6F22][U+5B57] [U+1F600]" in pages[0]


def test_a_long_word_stays_inside_of_its_column() -> None:
    text = "W" * 80
    page = page_texts(report_bytes(named(reports.golden(), text)))[0]
    assert text not in page, "it was broken"
    assert page.replace(" ", "").count(text) >= 5, "and is whole"


def test_a_fault_of_the_template_is_one_sentence() -> None:
    with pytest.raises(ReportFailed, match=r"could not be set \(.*\); this is a fault of devicectl"):
        set_page("calibration", {"title": "alone"}, "pdf", datetime(2026, 11, 25, tzinfo=UTC))
