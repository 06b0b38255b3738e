"""The words of a treatment record: what is kept, and the label that is shown. One name for each thing, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _words(**words: str) -> Mapping[str, str]:
    return MappingProxyType(words)


INDICATIONS: Final = _words(
    aga_men="Androgenetic alopecia, man",
    aga_women="Pattern hair loss, woman",
    areata="Alopecia areata",
    telogen="Telogen effluvium",
    other="Other",
)
DIRECTIONS: Final = _words(
    horizontal="Horizontal",
    vertical="Vertical",
    diagonal_left="Diagonal left",
    diagonal_right="Diagonal right",
    circular="Circular",
    stamp="Stamp",
)
"""How the pen is moved over a zone, in the order in which a plan asks for them."""

END_POINTS: Final = _words(
    none="Not set",
    mild_erythema="Mild erythema",
    erythema="Erythema",
    pinpoint_bleeding="Pinpoint bleeding",
    other="Other",
)
"""Trials stop at different signs (review PMC9830423, table 5: mild erythema or pinpoint bleeding)."""

BLEEDING: Final[Mapping[str, str]] = MappingProxyType(
    {"0": "No bleeding", "1": "Pinpoint", "2": "Beads", "3": "Flowing"}
)
REACTIONS: Final = _words(
    none="No reaction",
    mild_erythema="Mild erythema",
    erythema="Marked erythema",
    oedema="Oedema",
    weals="Weals",
    bruise="Bruise",
    other="Other",
)
TOPICAL_PRODUCTS: Final = (
    "Minoxidil 2 %",
    "Minoxidil 5 %",
    "Platelet-rich plasma",
    "Triamcinolone 10 mg/ml",
    "Hyaluronic acid glide",
    "Saline",
)
"""Suggestions only: what is recorded is what was used. No product here is approved for use under the skin by needling."""
TOPICAL_PHASES: Final = _words(before="Before needling", during="During needling", after="After needling")
AMOUNT_UNITS: Final = _words(ml="ml", g="g", drops="drops", puffs="puffs", ampoules="ampoules")

ADVERSE_EVENTS: Final = _words(
    erythema="Erythema",
    oedema="Oedema",
    pain="Pain",
    pruritus="Itch",
    bleeding="Bleeding or crust",
    bruise="Bruise",
    desquamation="Scaling",
    hyperpigmentation="Hyperpigmentation",
    infection="Infection",
    herpes="Herpes flare",
    contact_dermatitis="Contact dermatitis",
    granuloma="Granuloma",
    tram_track_scar="Tram-track scar",
    lymphadenopathy="Swollen lymph nodes",
    headache="Headache",
    vasovagal="Vasovagal reaction",
    anaesthetic_reaction="Reaction to the anaesthetic",
    needle_breakage="Needle breakage",
    needlestick="Needlestick of the operator",
    other="Other",
)
GRADES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "1 mild, no intervention",
        "2": "2 moderate, local or non-invasive intervention",
        "3": "3 severe, medically significant",
        "4": "4 life-threatening",
        "5": "5 death",
    }
)
"""Grades of the Common Terminology Criteria for Adverse Events (CTCAE)."""

AE_ACTIONS: Final = _words(
    none="No action",
    observed="Observed",
    local="Local treatment",
    medicine="Medicine",
    stopped="Session stopped",
    referred="Referred to a physician",
    emergency="Emergency care",
)
OUTCOMES: Final = _words(
    ongoing="Ongoing",
    resolved="Resolved",
    sequelae="Resolved with lasting signs",
    fatal="Fatal",
    unknown="Unknown",
)
REPORTED_TO: Final = _words(
    nobody="Nobody", manufacturer="Manufacturer", authority="Authority (such as MedWatch)", both="Both"
)
PHOTO_VIEWS: Final = _words(
    front="Front",
    top="Top",
    crown="Crown",
    left="Left side",
    right="Right side",
    back="Back",
    close_up="Close-up",
)
PHOTO_PHASES: Final = _words(before="Before", after="After", follow_up="Follow-up")
FOLLOW_UPS: Final = {
    "day1-3": "Contact on day 1 to 3",
    "day7": "Contact on day 7",
    "next-session": "Next session",
    "week12": "Assessment in week 12",
    "week24": "Assessment in week 24",
    "other": "Other",
}
FOLLOW_UP_STATES: Final = _words(done="Done", missed="Missed", cancelled="Cancelled")
AFTERCARE_WAYS: Final = _words(spoken="In words", printed="On paper", both="In words and on paper", sent="Sent")
MEANINGS: Final = _words(performed="Performed", reviewed="Reviewed")
"""What a signature means (21 CFR 11.50)."""
COURSE_ENDS: Final = _words(
    completed="Completed",
    wish="Ended at the client's wish",
    event="Ended after an adverse event",
    changed="Changed to another protocol",
    other="Other",
)
