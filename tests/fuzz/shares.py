"""How many frames, and from which seeds.

``FUZZ=frames`` makes it longer or shorter, ``FUZZ_SEED=number`` another one; with ``SOAK=1`` it is twenty million. The seed
stands in each test's name.
"""

from __future__ import annotations

import os
from typing import Final

FRAMES: Final = int(os.environ.get("FUZZ", 20_000_000 if os.environ.get("SOAK") else 1_000_000))
FIRST: Final = int(os.environ.get("FUZZ_SEED", "0"))
SEEDS: Final = (FIRST, FIRST + 1)
SHARES: Final = {
    "host": 0.37, "pen": 0.37, "controller": 0.02, "air": 0.02, "advertising": 0.06,
    "notices": 0.02, "captures": 0.06, "dissector": 0.04, "station": 0.03, "blocks": 0.01,
}  # fmt: skip
"""Which part of all frames each decoder gets, over both seeds."""


def share(name: str) -> int:
    """Frames for one decoder and one seed."""
    return max(200, round(FRAMES * SHARES[name] / len(SEEDS)))
