"""The questions before every session, by version. *Stop* ends it; *ask* needs a physician's answer and a reason.

The split is the stricter reading of the sources; a practice may keep a stricter one, and its physician a milder one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

CHECKLIST_VERSION: Final = "checklist-1"
ISOTRETINOIN_MONTHS: Final = 12
"""Months since the last isotretinoin; sources say 12 (popprobe.com) or 6 (filtered-skin.com). A setting of the clinic."""

ANSWERS: Final[Mapping[str, str]] = MappingProxyType({"no": "No", "yes": "Yes", "unknown": "Not known"})

_CLINICS: Final = "balancedayspa.com, blessedhandsiv.com, popprobe.com"


@dataclass(frozen=True, slots=True)
class Item:
    """One question; "no" is the answer that goes on. ``name`` is kept, ``source`` says why it is asked."""

    name: str
    kind: Literal["stop", "ask"]
    text: str
    source: str


def items(isotretinoin_months: int = ISOTRETINOIN_MONTHS) -> tuple[Item, ...]:
    """All questions of this version, stops first. ``isotretinoin_months`` is the clinic's window (1 to 24)."""
    if not 1 <= isotretinoin_months <= 24:
        raise ValueError("the isotretinoin window lies between 1 and 24 months")
    return (
        Item("infection", "stop", "Infection in the area (bacterial, viral, fungal)?", f"{_CLINICS}; Chu 2021"),
        Item("herpes", "stop", "Active herpes in the area?", "popprobe.com; Chu 2021"),
        Item("wound", "stop", "Open wound in the area?", _CLINICS),
        Item("malignancy", "stop", "Skin cancer or actinic lesion in the area?", _CLINICS),
        Item("bleeding_disorder", "stop", "Bleeding disorder?", "NCT04147845; blessedhandsiv.com"),
        Item("metal_allergy", "stop", "Allergy to steel or other metal?", "Chu 2021"),
        Item("anaesthetic_allergy", "stop", "Allergy to the anaesthetic?", _CLINICS),
        Item("anticoagulant", "ask", "Anticoagulant or antiplatelet medicine?", "blessedhandsiv.com (absolute there)"),
        Item("keloid", "ask", "Keloids or hypertrophic scars, ever?", _CLINICS),
        Item(
            "isotretinoin",
            "ask",
            f"Isotretinoin within {isotretinoin_months} {'month' if isotretinoin_months == 1 else 'months'}?",
            "popprobe.com: 12 months; filtered-skin.com: 6 months",
        ),
        Item("immunosuppression", "ask", "Immunosuppression?", "blessedhandsiv.com (absolute there); NCT04147845"),
        Item("oncology", "ask", "Chemotherapy or radiotherapy?", "blessedhandsiv.com (absolute there)"),
        Item("diabetes", "ask", "Diabetes that is not controlled?", _CLINICS),
        Item("pregnancy", "ask", "Pregnancy or breast-feeding?", "NCT04147845; balancedayspa.com"),
        Item("collagen_disease", "ask", "Collagen-vascular disease?", "blessedhandsiv.com (absolute there)"),
        Item("skin_disease", "ask", "Active psoriasis or eczema on the scalp?", _CLINICS),
        Item("surgery", "ask", "Scalp surgery or hair transplant in the last 6 months?", "general knowledge"),
        Item("retinoids", "ask", "Retinoid on the scalp within 7 days?", _CLINICS),
        Item("procedure", "ask", "Another procedure on the scalp within 14 days?", "general knowledge"),
        Item("scarring", "ask", "Scarring alopecia in an active phase?", "general knowledge"),
        Item("dark_skin", "ask", "Skin that darkens after injuries?", "Chu 2021 (risk of hyperpigmentation)"),
    )


ITEMS: Final[Mapping[str, Item]] = MappingProxyType({item.name: item for item in items()})
"""The questions with the shipped isotretinoin window, by name."""


def version(isotretinoin_months: int = ISOTRETINOIN_MONTHS) -> str:
    """Name of the checklist with this window; the shipped one has no addition."""
    plain = isotretinoin_months == ISOTRETINOIN_MONTHS
    return CHECKLIST_VERSION if plain else f"{CHECKLIST_VERSION}, isotretinoin {isotretinoin_months} months"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it is recorded. ``reason``: there is one (the text itself may be sealed)."""

    item: str
    answer: str
    reason: bool = False


def blocking(answers: tuple[Answer, ...]) -> tuple[tuple[Item, str], ...]:
    """What stands in the way, each with a sentence: a stop, an ask without a reason, a question without an answer."""
    given = {answer.item: answer for answer in answers}
    found = []
    for item in ITEMS.values():
        answer = given.get(item.name)
        if answer is None:
            found.append((item, f"Not answered: {item.text}"))
        elif answer.answer == "no":
            continue
        elif item.kind == "stop":
            found.append((item, f"{item.text} {ANSWERS[answer.answer]}: no needling today."))
        elif not answer.reason:
            found.append(
                (item, f"{item.text} {ANSWERS[answer.answer]}: ask a physician and enter the reason to go on.")
            )
    return tuple(found)


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the questions that were answered differently the last time, in the order of the list."""
    return tuple(name for name in ITEMS if name in before and name in now and before[name] != now[name])
