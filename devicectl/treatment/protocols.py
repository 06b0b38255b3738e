"""Protocols as versioned data, each figure with its source. They say what was done in a study, not what it brings.

A figure that a study did not publish is None (or no passes). Studies name no zones of this program: which zones stand in
a protocol is this project's reading of the class of loss that was treated, and is marked so. Rollers have no stroke rate.
What a clinic changes is a copy with a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

Passes = Mapping[str, int]
"""Passes by direction, in the words of the vocabulary."""


@dataclass(frozen=True, slots=True)
class ProtocolZone:
    """What is planned for one zone: µm, mHz, passes by direction, end point, seconds; None where not published."""

    zone: str
    depth_um: int | None = None
    rate_mhz: int | None = None
    passes: Passes = field(default_factory=dict)
    end_point: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that is shipped. ``sources`` says for each figure where it comes from, "not published" where nowhere."""

    name: str
    version: int
    indication: str | None
    citation: str
    sessions: int | None
    min_days: int | None
    detail: str
    zones: tuple[ProtocolZone, ...]
    sources: Mapping[str, str]


_VERTEX: Final = ("FHL", "FTL", "FTR", "MID", "VTX")
_TOP: Final = ("FHL", "FRL", "FRR", "FTL", "FTR", "MID", "VTX")
_NOT: Final = "not published"
_OURS: Final = "not published; chosen by this project for the class of loss"
_ROLLER: Final = "no stroke rate: a roller"


def _zones(codes: tuple[str, ...], depth_um: int | None, end_point: str | None = None) -> tuple[ProtocolZone, ...]:
    return tuple(ProtocolZone(code, depth_um, end_point=end_point) for code in codes)


def _sources(**by_figure: str) -> Mapping[str, str]:
    figures = ("zones", "depth", "rate", "passes", "end_point", "seconds", "min_days", "sessions")
    return MappingProxyType({figure: by_figure.get(figure, _NOT) for figure in figures})


DHURAT_2013: Final = Protocol(
    "Dhurat 2013",
    1,
    "aga_men",
    "Dhurat 2013, PMC3746236; tabulated in PMC9830423, table 5",
    12,
    7,
    "100 men, III vertex to IV; roller, weekly for 12 weeks, with minoxidil 5 % twice a day, resumed 24 h later. Rolled "
    "lengthwise, across and diagonally; the number of passes was not published.",
    _zones(_VERTEX, 1_500, "mild_erythema"),
    _sources(
        zones=_OURS,
        depth="1.5 mm: PMC3746236",
        rate=_ROLLER,
        passes="directions: general knowledge; numbers not published",
        end_point="mild erythema: PMC9830423, table 5",
        min_days="weekly: PMC3746236",
        sessions="12 weeks: PMC3746236",
    ),
)
KUMAR_2018: Final = Protocol(
    "Kumar 2018",
    1,
    "aga_men",
    "Kumar 2018, abstract at jcasonline.com; tabulated in PMC9830423, table 5",
    8,
    7,
    "68 men, III to IV; roller, with minoxidil 5 % twice a day, for 3 months. The abstract says weekly, the review's table "
    "weekly for 4 sessions and then twice a month for 4.",
    _zones(_VERTEX, 1_500, "pinpoint_bleeding"),
    _sources(
        zones=_OURS,
        depth="1.5 mm: PMC9830423, table 5",
        rate=_ROLLER,
        end_point="pinpoint bleeding: PMC9830423, table 5",
        min_days="weekly, the shorter of the two readings: abstract at jcasonline.com",
        sessions="8: PMC9830423, table 5",
    ),
)


def _faghihi(arm: str, depth_um: int) -> Protocol:
    return Protocol(
        f"Faghihi 2021, {arm}",
        1,
        None,
        "Faghihi 2021, pubmed.gov/32897622",
        6,
        14,
        f"60 people of 18 to 45 years, moderate to severe; the arm with {arm}, every 2 weeks for 12 weeks, with minoxidil.",
        _zones(_TOP, depth_um),
        _sources(
            zones=_OURS,
            depth=f"{arm}: pubmed.gov/32897622",
            min_days="2-weekly: pubmed.gov/32897622",
            sessions="about 6, from 12 weeks at 2 weeks: derived",
        ),
    )


def _li(severity: str, sessions: int, drugs: str, zones: tuple[str, ...]) -> Protocol:
    return Protocol(
        f"Li 2026, {severity}",
        1,
        "aga_men",
        "Li 2026, PMC12883901 (read at tomesphere.com)",
        sessions,
        7,
        f"60 men in three groups of severity; the {severity} one: pen, 1 mm ± 0.5 mm as tolerated, weekly, {drugs}.",
        _zones(zones, 1_000),
        _sources(
            zones=_OURS,
            depth="1 mm ± 0.5 mm as tolerated: PMC12883901",
            min_days="weekly: PMC12883901",
            sessions=f"{sessions} for {severity}: PMC12883901",
        ),
    )


ARORA_2022: Final = Protocol(
    "Arora 2022",
    1,
    "areata",
    "Arora 2022, PMC9674065; cutdoc.com",
    3,
    21,
    "60 people with patches; roller, diagonal, vertical and horizontal, 4 to 5 times each, every 3 weeks, with triamcinolone "
    "10 mg/ml, 0.1 ml/cm², half before and half after. Each patch is a zone of its own.",
    (
        ProtocolZone(
            "CUS-1",
            1_500,
            passes=MappingProxyType({"horizontal": 4, "vertical": 4, "diagonal_left": 4}),
        ),
    ),
    _sources(
        zones="one custom patch as an example; add one for each patch",
        depth="1.5 mm: PMC9674065",
        rate=_ROLLER,
        passes="4 to 5 times in each direction, the lower number taken; which diagonal was not published: PMC9674065",
        min_days="3-weekly: PMC9674065",
        sessions="3: PMC9674065",
    ),
)
EMPTY: Final = Protocol(
    "Empty",
    1,
    None,
    "No source: to be filled in",
    None,
    None,
    "Nothing is planned; copy it and fill it in.",
    (),
    _sources(),
)

PROTOCOLS: Final[Mapping[str, Protocol]] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            DHURAT_2013,
            KUMAR_2018,
            _faghihi("0.6 mm", 600),
            _faghihi("1.2 mm", 1_200),
            _li("mild", 8, "without a drug", _VERTEX),
            _li("moderate", 12, "with minoxidil", _TOP),
            _li("severe", 16, "with minoxidil and finasteride", _TOP),
            ARORA_2022,
            EMPTY,
        )
    }
)
"""All that are shipped, by name."""
