"""Scales of severity and of change, and the arithmetic of SALT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale: its grades (what is kept, and the label) and where they are described."""

    name: str
    title: str
    grades: Mapping[str, str]
    source: str


_NORWOOD: Final = ("I", "II", "IIa", "III", "IIIa", "III vertex", "IV", "IVa", "V", "Va", "VI", "VII")

NORWOOD: Final = Scale(
    "norwood",
    "Norwood–Hamilton (men)",
    MappingProxyType({grade: grade for grade in _NORWOOD}),
    "Classes I to VII and III vertex: spotidoc.com/doc/88411, idealofmed.com; variants a: general knowledge",
)
LUDWIG: Final = Scale(
    "ludwig",
    "Ludwig (women)",
    MappingProxyType({grade: grade for grade in ("I", "II", "III")}),
    "hairmore.info, hairx.tv",
)
SINCLAIR: Final = Scale(
    "sinclair",
    "Sinclair (women)",
    MappingProxyType({str(grade): str(grade) for grade in range(1, 6)}),
    "hairmore.info, hairx.tv",
)
SALT: Final = Scale(
    "salt",
    "SALT (alopecia areata)",
    MappingProxyType(
        {
            "S0": "S0, no loss",
            "S1": "S1, below 25 %",
            "S2": "S2, 25 to 49 %",
            "S3": "S3, 50 to 74 %",
            "S4": "S4, 75 to 99 %",
            "S5": "S5, 100 %",
        }
    ),
    "Score: dermatopics.dk, dermapp.in/salt; classes: ubiehealth.com",
)
GLOBAL_PHOTO: Final = Scale(
    "global_photo",
    "Global photo comparison, 7 points",
    MappingProxyType(
        {
            "-3": "−3 greatly decreased",
            "-2": "−2 moderately decreased",
            "-1": "−1 slightly decreased",
            "0": "0 no change",
            "+1": "+1 slightly increased",
            "+2": "+2 moderately increased",
            "+3": "+3 greatly increased",
        }
    ),
    "Used in PMC3746236; wording of the seven points: general knowledge",
)
SCALES: Final[Mapping[str, Scale]] = MappingProxyType(
    {scale.name: scale for scale in (NORWOOD, LUDWIG, SINCLAIR, SALT, GLOBAL_PHOTO)}
)
SCALE_TITLES: Final[Mapping[str, str]] = MappingProxyType({name: scale.title for name, scale in SCALES.items()})

SALT_WEIGHTS: Final[Mapping[str, int]] = MappingProxyType({"top": 40, "back": 24, "right": 18, "left": 18})
"""Share of the scalp in percent (dermatopics.dk, dermapp.in/salt)."""
FULL_MILLI: Final = 100_000


def salt_score_milli(top: int, back: int, right: int, left: int) -> int:
    """SALT score in thousandths of a percent, from the loss in each quadrant in the same unit (0 to 100,000)."""
    loss = {"top": top, "back": back, "right": right, "left": left}
    if not all(0 <= value <= FULL_MILLI for value in loss.values()):
        raise ValueError("the loss in a quadrant lies between 0 and 100 %")
    return (sum(SALT_WEIGHTS[quadrant] * value for quadrant, value in loss.items()) + 50) // 100


def salt_class(score_milli: int) -> str:
    """S0 to S5 (ubiehealth.com); what lies between two classes belongs to the lower one."""
    if score_milli <= 0:
        return "S0"
    if score_milli >= FULL_MILLI:
        return "S5"
    return f"S{1 + score_milli // 25_000}"


def salt_severity(score_milli: int) -> str:
    """The newer four words (alopecia.org.uk): limited to 20, moderate below 50, severe below 95, very severe."""
    if score_milli <= 0:
        return "none"
    if score_milli <= 20_000:
        return "limited"
    if score_milli < 50_000:
        return "moderate"
    return "severe" if score_milli < 95_000 else "very severe"
