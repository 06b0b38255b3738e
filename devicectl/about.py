"""What the program says about itself, in one place."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"

DISCLAIMER: Final = (
    "devicectl records what was set and done with a micro-needling pen. It is not a cleared medical device, "
    "makes no claim of efficacy, and replaces neither training nor the label of the pen. "
    "STOP on the screen is not an emergency stop: the emergency stop is the pen's own switch."
)
