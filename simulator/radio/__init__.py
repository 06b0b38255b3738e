"""The air between a simulated pen and its hosts: a virtual radio, for which no adapter is needed.

Built on Bumble, which is alpha: an optional extra, pinned to one version, and imported by nobody but this package.
"""

from __future__ import annotations

import importlib.util

MISSING = (
    "The virtual radio is not installed: run 'make radio' in the checkout (elsewhere pip install 'devicectl[simulator-ble]'), "
    "then try again."
)

if importlib.util.find_spec("bumble") is None:
    raise ImportError(MISSING, name="bumble")
