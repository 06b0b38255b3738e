"""One whole, valid entry for every form, as a person types it; tests spoil it field by field."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from devicectl.treatment.checklist import ITEMS
from devicectl.treatment.protocols import PROTOCOLS

PLACE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 25, 14, 30, 5, tzinfo=PLACE)
GTIN = "09521234543213"
SCAN = f"]d201{GTIN}1728020010AB-1\x1d21S7"

EXAMPLES: dict[str, list[dict[str, object]]] = {
    "operator": [{"name": "Dr A. Moreau", "role": "practitioner", "pin": "204816", "licence": "X 1"}],
    "client": [{"code": "AB-12"}, {"code": "T.1", "training": "yes"}],
    "identity": [
        {"name": "Zoë Ångström", "born": "1984-03-09", "sex": "2", "contact": "Street 1\nTown"},
        {"remark": "🙂"},
    ],
    "assessment": [
        {"scale": "Norwood–Hamilton (men)", "grade": "iii Vertex"},
        {
            "scale": "salt",
            "salt_top_milli": "50 %",
            "salt_back_milli": "10",
            "salt_right_milli": "0",
            "salt_left_milli": "12,5",
        },
        {"scale": "salt", "score_milli": 24},
        {"scale": "global_photo", "grade": "−2"},
        {"scale": "global_photo", "grade": 1},
        {"scale": "sinclair", "grade": 3},
    ],
    "course": [
        {
            "protocol": "Dhurat 2013",
            "indication": "aga_men",
            "scale": "norwood",
            "grade": "IV",
            "sessions_planned": "12",
            "min_days": "1 week",
        }
    ],
    "course_end": [{}, {"end_reason": "Ended after an adverse event"}],
    "protocol": [
        {"name": "Empty copy", "citation": "our own"},
        {
            "name": "Ours",
            "citation": "Dhurat 2013, changed",
            "indication": "aga_men",
            "sessions": 8,
            "min_days": "14 days",
            "zones": [
                {
                    "zone": "vtx",
                    "depth_um": "1,5",
                    "rate_mhz": "7000 rpm",
                    "passes": "horizontal 4, v 4",
                    "seconds": "90 s",
                },
                {"zone": "CUS-1", "depth_um": "0.6 mm", "passes": {"stamp": 2}, "end_point": "pinpoint_bleeding"},
            ],
        },
    ],
    "consent": [{"photos": "no"}, {"photos": True, "given_by": "guardian", "given_utc_us": "2026-11-20 09:00"}],
    "checklist": [
        {"changed": "first", "answers": [{"item": name, "answer": "no"} for name in ITEMS]},
        {
            "changed": "yes",
            "answers": [{"item": name, "answer": "yes", "changed": "yes", "reason": "asked Dr B."} for name in ITEMS],
        },
    ],
    "anaesthetic": [
        {
            "product": "Lidocaine/prilocaine 2.5/2.5 %",
            "lot": "L 1",
            "strength_milli": "5 %",
            "grams_mg": "2,5 g",
            "area_mm2": "25 cm²",
            "occluded": "y",
            "on_utc_us": "20 min ago",
            "dwell_min_s": "1 h",
            "dwell_max_s": "180",
        }
    ],
    "anaesthetic_off": [{"cleaned": "yes"}],
    "cartridge": [
        {"raw": SCAN},
        {"raw": SCAN, "lot": "AB-1", "expiry": "2028-02"},
        {"gtin": "9521234543213", "lot": "AB-1", "expiry": "2028-02", "serial": "S7", "opened_utc_us": "14:00"},
    ],
    "cartridge_discarded": [{"sharps": "yes"}],
    "skin_preparation": [{"product": "Alcohol 70 %", "lot": "7"}, {"product": "Octenidine"}],
    "pen_check": [
        dict.fromkeys(("body", "cartridge", "needles", "stop", "sound"), "yes"),
        {
            **dict.fromkeys(("body", "cartridge", "needles", "stop"), "yes"),
            "sound": "no",
            "depth_set_um": "1",
            "depth_measured_um": "1.2",
            "rate_set_mhz": "100",
            "rate_measured_mhz": "95 Hz",
            "note": "hums",
        },
    ],
    "zone_result": [
        {"zone": "VTX", "end_point": "mild_erythema", "pain": "3", "bleeding": "0", "reaction": "mild_erythema"},
        {"zone": "FHL", "skipped": "yes", "note": "sore"},
    ],
    "note": [{"phrase": "11"}, {"note": "Wiped .wi twice <b>", "zone": "occ"}],
    "topical": [
        {"product": "Saline", "lot": "9", "expiry": "2027-01", "amount_milli": "1,5 ml", "sterile": "yes"},
        {
            "product": "Minoxidil 5 %",
            "lot": "M1",
            "expiry": "2027-01-31",
            "amount_milli": 2,
            "unit": "puffs",
            "sterile": "no",
            "resume_utc_us": "2026-11-26 14:30",
        },
    ],
    "adverse_event": [{"term": "vasovagal", "grade": "2", "expected": "no", "related": "yes", "action": "observed"}],
    "adverse_event_state": [
        {"outcome": "ongoing"},
        {"outcome": "resolved", "resolved_date": "today", "reported_to": "both"},
    ],
    "photo": [{"file": "/tmp/a b.jpg", "view": "front", "phase": "before", "taken_utc_us": "14:00"}],
    "follow_up": [{"kind": "week12", "due_date": "2027-02-17"}],
    "follow_up_state": [{"state": "done"}, {"state": "missed", "note": "did not answer"}],
    "follow_up_moved": [{"due_date": "2026-12-09"}, {"due_date": "2026-12-09", "note": "on holiday"}],
    "aftercare": [{"way": "both"}, {"version": "ours-3", "way": "In words"}],
    "pass_change": [
        {"zone": "VTX", "reason": "wrong key"},
        {"zone": "VTX", "direction": "stamp", "split_s": "12", "zone_after": "OCC", "reason": "went on"},
    ],
    "signature": [{"pin": "204816"}, {"pin": "204816", "meaning": "reviewed"}],
    "amendment": [
        {"table": "zone_results", "row": "0199aabb", "field": "pain", "value": "4", "reason": "typed wrongly"}
    ],
}
for _protocol in PROTOCOLS.values():
    EXAMPLES["protocol"].append({"name": "Copy", "citation": _protocol.citation})
