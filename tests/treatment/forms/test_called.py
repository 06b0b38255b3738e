"""What is said once a form is stored reads as English, for every form there is."""

from __future__ import annotations

from devicectl.treatment.forms import FORMS

SAID = {
    "operator": "Operator recorded.",
    "client": "Client recorded.",
    "identity": "Identity recorded.",
    "assessment": "Assessment recorded.",
    "course": "Course recorded.",
    "course_end": "End of the course recorded.",
    "protocol": "Protocol recorded.",
    "consent": "Consent recorded.",
    "checklist": "Checklist recorded.",
    "anaesthetic": "Anaesthetic recorded.",
    "anaesthetic_off": "Removal of the anaesthetic recorded.",
    "cartridge": "Cartridge recorded.",
    "cartridge_discarded": "Disposal of the cartridge recorded.",
    "skin_preparation": "Skin preparation recorded.",
    "pen_check": "Daily check recorded.",
    "zone_result": "Result of the zone recorded.",
    "note": "Note recorded.",
    "topical": "Topical recorded.",
    "adverse_event": "Adverse event recorded.",
    "adverse_event_state": "Follow-up of the adverse event recorded.",
    "photo": "Photograph recorded.",
    "follow_up": "Follow-up recorded.",
    "follow_up_state": "State of the follow-up recorded.",
    "follow_up_moved": "New day of the follow-up recorded.",
    "aftercare": "Aftercare recorded.",
    "pass_change": "Change of the pass recorded.",
    "signature": "Signature recorded.",
    "amendment": "Amendment recorded.",
}


def test_every_form_is_said_to_be_recorded_in_a_sentence_that_somebody_has_read() -> None:
    assert {name: form.recorded for name, form in FORMS.items()} == SAID
