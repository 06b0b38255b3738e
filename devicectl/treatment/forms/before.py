"""What is entered before the needles touch: checklist, anaesthetic, cartridge, skin, and the pen's daily check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final

from devicectl.treatment.anaesthetics import DOCUMENTED, dose_text
from devicectl.treatment.checklist import ANSWERS, CHECKLIST_VERSION, ISOTRETINOIN_MONTHS, ITEMS, items, version
from devicectl.treatment.udi import GROUP_SEPARATOR, SCAN_MAX, BadBarcode, parse_udi, read_gtin

from .engine import Form, Record, Rows
from .entries import Choice, Choices, Day, Flag, Moment, Number, Text
from .numbers import AREA_MM2, LENGTH_UM, MASS_MG, MINUTES_S, PERCENT_MILLI, RATE_MHZ
from .words import BadEntries, BadEntry, clean

_LOT_SIGNS: Final = r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z ]{1,20}"


def lot_entry(*, scan: str = "") -> Text:
    """A lot as printed behind LOT or (10)."""
    return Text(
        label="Lot",
        most=20,
        pattern=_LOT_SIGNS,
        means="1 to 20 letters, digits and signs",
        example="AB-123",
        help=scan or "As printed behind LOT.",
    )


# ---- checklist

CHANGED: Final[Choices] = {"first": "First session", "no": "No", "yes": "Yes"}


def _texts(isotretinoin_months: int) -> Choices:
    return {item.name: item.text for item in items(isotretinoin_months)}


class ChecklistAnswer(Record):
    """One question's answer. A reason is needed to go on where a physician was asked."""

    item: Annotated[str, Choice(label="Question", of=_texts(ISOTRETINOIN_MONTHS), help="By its name.")]
    answer: Annotated[str, Choice(label="Answer", of=ANSWERS)]
    changed: Annotated[bool, Flag(label="Changed since last time", prefill="no")] = False
    reason: Annotated[
        str,
        Text(label="Reason", most=300, personal=True, help="Who was asked, and why the session may go on."),
    ] = ""


def _answers(row: type[ChecklistAnswer]) -> Rows:
    return Rows(
        label="Answers",
        row=row,
        least=len(ITEMS),
        most=len(ITEMS),
        title_of="item",
        word="",
        start=tuple({"item": name} for name in ITEMS),
        fixed=True,
    )


class Checklist(Record):
    """All questions of one version, asked before every session."""

    version: Annotated[str, Text(label="Version", most=60, prefill=CHECKLIST_VERSION)]
    changed: Annotated[str, Choice(label="Anything changed since last time", of=CHANGED)]
    answers: Annotated[tuple[ChecklistAnswer, ...], _answers(ChecklistAnswer)]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Every question once; "nothing changed" fits no answer that is marked changed."""
        del now
        found: dict[str, str] = {}
        asked = self.entry("version").prefill
        if self.version != asked:
            found["version"] = f"The checklist in use is {asked}; answer that one."
        seen: set[str] = set()
        for at, row in enumerate(self.answers):
            if row.item in seen:
                found[f"answers.{at}.item"] = "This question is answered twice; keep one answer."
            seen.add(row.item)
            if row.changed and self.changed != "yes":
                found["changed"] = "An answer is marked as changed; answer Yes here, or unmark it."
        return found


def checklist_form(isotretinoin_months: int = ISOTRETINOIN_MONTHS) -> Form[Checklist]:
    """The checklist with the clinic's isotretinoin window (1 to 24 months), as a version of its own."""
    model = Checklist
    if isotretinoin_months != ISOTRETINOIN_MONTHS:

        class Asked(ChecklistAnswer):
            item: Annotated[str, Choice(label="Question", of=_texts(isotretinoin_months), help="By its name.")]

        class Changed(Checklist):
            version: Annotated[str, Text(label="Version", most=60, prefill=version(isotretinoin_months))]
            answers: Annotated[tuple[ChecklistAnswer, ...], _answers(Asked)]

        model = Changed
    return Form(
        "checklist",
        "Checklist",
        model,
        subject="session",
        permission="TREAT",
        when="before",
        multiple=True,
        help="“No” goes on. A stop ends the session; the others need a physician's word and its reason.",
    )


CHECKLIST: Final = checklist_form()


def checklist_again(before: Mapping[str, str]) -> dict[str, object]:
    """The checklist as it was answered the last time (answer by question), ready to be asked again."""
    rows = [{"item": name, **({"answer": ANSWERS[before[name]]} if name in before else {})} for name in ITEMS]
    return {"answers": rows}


# ---- anaesthetic


class Anaesthetic(Record):
    """What was put on the skin, how much, where, when, and how long it should stay."""

    product: Annotated[
        str,
        Text(label="Product", most=80, suggestions=tuple(each.product for each in DOCUMENTED), example="Lidocaine 4 %"),
    ]
    lot: Annotated[str, lot_entry()]
    strength_milli: Annotated[
        int,
        Number(
            label="Strength",
            dimension=PERCENT_MILLI,
            least=100,
            most=40_000,
            help="Of a mixture, the sum: 2.5 + 2.5 is 5 %.",
        ),
    ]
    grams_mg: Annotated[int, Number(label="Amount", dimension=MASS_MG, least=10, most=100_000)]
    area_mm2: Annotated[int, Number(label="Area", dimension=AREA_MM2, least=100, most=100_000)]
    occluded: Annotated[bool, Flag(label="Occluded", help="Under a film.")]
    on_utc_us: Annotated[int, Moment(label="On at", prefill="now")]
    dwell_min_s: Annotated[int, Number(label="Least time", dimension=MINUTES_S, least=0, most=14_400)]
    dwell_max_s: Annotated[int | None, Number(label="Greatest time", dimension=MINUTES_S, least=60, most=14_400)] = None

    def problems(self, now: datetime) -> Mapping[str, str]:
        """The greatest time is not below the least, and it went on today."""
        if self.dwell_max_s is not None and self.dwell_max_s < self.dwell_min_s:
            return {"dwell_max_s": "Greatest time must not be below the least time."}
        if self.on_utc_us < (now.timestamp() - 86_400) * 1e6:
            return {"on_utc_us": "On at must lie within the last 24 hours."}
        return {}

    def dose(self) -> str:
        """The dose beside what is documented, as information."""
        return dose_text(self.grams_mg, self.area_mm2, self.strength_milli)


ANAESTHETIC: Final = Form(
    "anaesthetic", "Anaesthetic", Anaesthetic, subject="session", permission="TREAT", when="before", multiple=True
)


class AnaestheticOff(Record):
    """The anaesthetic is off and the skin is clean."""

    off_utc_us: Annotated[int, Moment(label="Off at", prefill="now")]
    cleaned: Annotated[bool, Flag(label="Removed and cleaned")]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """It is entered when it is done."""
        del now
        return {} if self.cleaned else {"cleaned": "Remove all of it and clean the skin first, then answer Yes."}


ANAESTHETIC_OFF: Final = Form(
    "anaesthetic_off",
    "Anaesthetic off",
    AnaestheticOff,
    continues="anaesthetic",
    subject="session",
    permission="TREAT",
    when="before",
    multiple=True,
)


# ---- cartridge


class _Gtin(Text):
    """A GTIN with its check digit."""

    def read(self, raw: object, now: datetime) -> str:
        """See :class:`Entry`."""
        del now
        try:
            return read_gtin(clean(self.label, raw, most=40))
        except BadBarcode as bad:
            raise BadEntry(str(bad)) from None


class Cartridge(Record):
    """A cartridge as its package says; scanned, or copied by hand."""

    raw: Annotated[
        str,
        Text(
            label="Scan", most=2 * SCAN_MAX, scan=True, help="Scan the barcode; or leave it empty and copy the package."
        ),
    ] = ""
    gtin: Annotated[str, _Gtin(label="GTIN", most=40, example="09521234543213", help="The number behind (01).")]
    lot: Annotated[str, lot_entry(scan="The sign behind (10) or LOT.")]
    expiry: Annotated[
        date, Day(label="Expiry", month_end=True, example="2028-02", help="Behind (17); a month means its last day.")
    ]
    serial: Annotated[
        str,
        Text(
            label="Serial", most=20, pattern=_LOT_SIGNS, means="1 to 20 letters, digits and signs", help="Behind (21)."
        ),
    ] = ""
    opened_utc_us: Annotated[int, Moment(label="Opened at", prefill="now")]

    def problems(self, now: datetime) -> Mapping[str, str]:
        """Nothing expired is used."""
        if self.expiry < now.date():
            return {"expiry": f"This cartridge expired on {self.expiry.isoformat()}; discard it and open another."}
        return {}

    def columns(self) -> dict[str, object]:
        """``entered`` says how it came in."""
        return {**super().columns(), "entered": "scan" if self.raw else "hand"}


def _scanned(values: dict[str, object], now: datetime) -> Mapping[str, object]:
    """Fills the fields from the scan; what was typed beside it must agree."""
    raw = values.get("raw")
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return values
    if not isinstance(raw, str):
        raise BadEntries({"raw": "Scan must be text, as the scanner sends it."})
    try:
        found = parse_udi(raw.replace(_SEPARATOR_SHOWN, GROUP_SEPARATOR), now.date())
    except BadBarcode as bad:
        raise BadEntries({"raw": str(bad)}) from None
    read = {"gtin": found.gtin, "lot": found.lot, "serial": found.serial}
    read["expiry"] = found.expiry.isoformat() if found.expiry else ""
    filled: dict[str, object] = {**values, "raw": printed(found.raw)}
    for name, value in read.items():
        beside = values.get(name)
        if not value or beside in (None, ""):
            filled[name] = value or beside
            continue
        entry = Cartridge.entry(name)
        try:
            same = entry.show(entry.read(beside, now)) == value
        except BadEntry as bad:
            raise BadEntries({name: str(bad)}) from None
        if not same:
            raise BadEntries({name: f"The barcode says {entry.label} {value}; clear this field, or scan again."})
    return filled


def printed(raw: str) -> str:
    """A scan as it can be kept and typed: the group separators, which are control characters, as ``{GS}``."""
    return raw.replace(GROUP_SEPARATOR, _SEPARATOR_SHOWN)


_SEPARATOR_SHOWN: Final = "{GS}"


CARTRIDGE: Final = Form(
    "cartridge",
    "Cartridge",
    Cartridge,
    subject="session",
    permission="TREAT",
    when="any",
    multiple=True,
    expand=_scanned,
)


class CartridgeDiscarded(Record):
    """The cartridge is gone, and where."""

    discarded_utc_us: Annotated[int, Moment(label="Discarded at", prefill="now")]
    sharps: Annotated[bool, Flag(label="Into the sharps container")]


CARTRIDGE_DISCARDED: Final = Form(
    "cartridge_discarded",
    "Cartridge discarded",
    CartridgeDiscarded,
    continues="cartridge",
    subject="session",
    permission="TREAT",
    when="any",
    multiple=True,
)


# ---- skin and pen


class SkinPreparation(Record):
    """What the skin was cleaned with."""

    product: Annotated[
        str,
        Text(
            label="Product",
            most=80,
            suggestions=("Chlorhexidine 0.5 %", "Alcohol 70 %", "Octenidine", "Povidone iodine"),
            example="Chlorhexidine 0.5 %",
        ),
    ]
    lot: Annotated[str, lot_entry()] = ""


SKIN_PREPARATION: Final = Form(
    "skin_preparation",
    "Skin preparation",
    SkinPreparation,
    subject="session",
    permission="TREAT",
    when="before",
    multiple=True,
)

PEN_CHECKS: Final[Choices] = {
    "body": "Body and cable whole and clean",
    "cartridge": "Cartridge seats firmly",
    "needles": "Needles straight, hidden at 0",
    "stop": "STOP stops the motor",
    "sound": "Motor sounds as usual",
}


def _checked(name: str) -> Flag:
    return Flag(label=PEN_CHECKS[name])


class PenCheck(Record):
    """The functional check at the start of a day: five looks, one depth and one rate where there is a gauge."""

    body: Annotated[bool, _checked("body")]
    cartridge: Annotated[bool, _checked("cartridge")]
    needles: Annotated[bool, _checked("needles")]
    stop: Annotated[bool, _checked("stop")]
    sound: Annotated[bool, _checked("sound")]
    depth_set_um: Annotated[int | None, Number(label="Depth set", dimension=LENGTH_UM, most=3_000)] = None
    depth_measured_um: Annotated[int | None, Number(label="Depth measured", dimension=LENGTH_UM, most=5_000)] = None
    rate_set_mhz: Annotated[int | None, Number(label="Rate set", dimension=RATE_MHZ, most=300_000)] = None
    rate_measured_mhz: Annotated[int | None, Number(label="Rate measured", dimension=RATE_MHZ, most=500_000)] = None
    note: Annotated[str, Text(label="Note", most=300, help="About the pen; name no person.")] = ""

    def problems(self, now: datetime) -> Mapping[str, str]:
        """What is measured needs what was set, and the reverse; a check that failed needs a note."""
        del now
        for what, unit in (("depth", "um"), ("rate", "mhz")):
            given, measured = getattr(self, f"{what}_set_{unit}"), getattr(self, f"{what}_measured_{unit}")
            if (given is None) != (measured is None):
                name = f"{what}_set_{unit}" if given is None else f"{what}_measured_{unit}"
                return {name: f"{self.entry(name).label} is needed beside the other {what}; or leave both empty."}
        if not self.passed and not self.note:
            return {"note": "Something is not in order: say what in the note."}
        return {}

    @property
    def passed(self) -> bool:
        """Every look was in order, depth within 0.15 mm and rate within 10 % of what was set.

        0.15 mm is the tolerance that a cleared pen publishes (K180778); 10 % is this project's, no figure was found.
        """
        looks = all(getattr(self, name) for name in PEN_CHECKS)
        depth = (
            self.depth_set_um is None
            or self.depth_measured_um is None
            or abs(self.depth_measured_um - self.depth_set_um) <= DEPTH_TOLERANCE_UM
        )
        rate = (
            self.rate_set_mhz is None
            or self.rate_measured_mhz is None
            or abs(self.rate_measured_mhz - self.rate_set_mhz) * 10 <= self.rate_set_mhz
        )
        return looks and depth and rate

    def columns(self) -> dict[str, object]:
        """All but verdict and note go into ``items``."""
        items = super().columns()
        note = items.pop("note")
        return {"items": items, "passed": int(self.passed), "note": note}


DEPTH_TOLERANCE_UM: Final = 150
PEN_CHECK: Final = Form("pen_check", "Daily check", PenCheck, subject="pen", permission="CHECK_PENS", multiple=True)
