"""Texts that a client is handed, by version. They inform; none says what a treatment brings.

The sheets are drafts of this project and no legal or medical advice: a practice replaces them by its own and gives these
another version.
"""

from __future__ import annotations

import hashlib
from typing import Final

CONSENT_VERSION: Final = "consent-1"
CONSENT_TEXT: Final = """\
Consent to micro-needling of the scalp

I was told in words that I understand what will be done: fine needles pierce the skin of my scalp many times.
I was told what else could be done, and that I may ask, refuse or stop at any time without giving a reason.
I was told which risks are known: redness, swelling, pain, bleeding, bruises, crusts, infection, change of the skin's
colour, scars, allergic reaction, injury of nerves or vessels.
I answered the questions about my health and my medicines truthfully and will report every change before each session.
I was told that the use on the scalp may be outside of what the device was cleared for.
Photographs are made only if I agree to them separately.
"""
"""The risks are those that the FDA's guidance of 2020-11-10 on microneedling products names, in plain words."""

AFTERCARE_VERSION: Final = "aftercare-1"
AFTERCARE_TEXT: Final = """\
After the session

For 24 hours: do not wash the hair; do not touch, rub or scratch the scalp.
For 48 hours: no heavy sweating, sauna, swimming pool or sea; no dye, alcohol, acid or other harsh product.
For 7 days: keep the scalp out of the sun or wear a hat.
Products on the scalp: only those and from the time that you were told.
Usual: redness, warmth, tenderness and small crusts that fade within days.
Call at once: redness that spreads, pus, fever, swollen lymph nodes, blisters, pain that grows, a change that lasts
longer than 7 days.
"""
"""Times: no wash 24 h, harsh products 24 to 48 h, sweat, sauna and pool 48 h, sun about a week (four providers' aftercare
pages; a clinician should review them); transient effects within 7 days (Chu 2021)."""


def text_sha256(text: str) -> str:
    """Fingerprint of a text as it was handed out."""
    return hashlib.sha256(text.encode()).hexdigest()
