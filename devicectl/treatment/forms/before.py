"""Anaesthetic, skin, and the pen's daily check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from devicectl.treatment.anaesthetics import DOCUMENTED, dose_text

from .engine import Form, Record
from .entries import Choices, Flag, Moment, Number, Text
from .lots import lot_entry
from .numbers import AREA_MM2, LENGTH_UM, MASS_MG, MINUTES_S, PERCENT_MILLI, RATE_MHZ


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
    noun="Removal of the anaesthetic",
    continues="anaesthetic",
    subject="session",
    permission="TREAT",
    when="before",
    multiple=True,
)


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
