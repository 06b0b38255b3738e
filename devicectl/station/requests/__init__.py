"""The requests of clients, by group; a group is a module with a table ``METHODS``."""

from __future__ import annotations

from typing import Final

from . import calibrations, capture, control, forms, greeting, limits, operators, pens, reading, sessions, signing
from .common import Methods

_GROUPS: Final = (greeting, operators, pens, control, sessions, forms, signing, reading, capture, calibrations, limits)
REQUESTS: Final[Methods] = {name: entry for group in _GROUPS for name, entry in group.METHODS.items()}
METHODS: Final = (*REQUESTS, "heartbeat", "activity", "pen.stop")
"""Every request and notification a client may send."""
