"""``devicectl check``: the daily check of a pen."""

from __future__ import annotations

from typing import Final

import click

from .entering import Entering, Target
from .radio import ADDRESS, radio_option


@radio_option
def _radio() -> None:
    """Carries the option."""


check: Final = Entering(
    "pen_check",
    "check",
    "Record the daily check of the pen at ADDRESS: five looks, one depth and one rate where there is a gauge. Moves nothing.\n\n"
    "It counts for the day, for everybody who treats with this pen.",
    (
        "devicectl check serial:///dev/ttyACM0 --body --cartridge --needles --stop --sound --operator 'Ida'",
        "devicectl check serial:///dev/ttyACM0 --body --cartridge --needles --stop --no-sound --note 'hums' --operator 'Ida'",
    ),
    [click.Argument(["address"], type=ADDRESS), *getattr(_radio, "__click_params__", ())],
    target=lambda given: Target(address=given["address"]),
).command()
