"""The requests of clients, by group; a group is a module with a table ``METHODS``."""

from __future__ import annotations

from typing import Final

from . import capture, control, greeting, pens, sessions
from .common import Methods

REQUESTS: Final[Methods] = {
    **greeting.METHODS,
    **pens.METHODS,
    **control.METHODS,
    **sessions.METHODS,
    **capture.METHODS,
}
METHODS: Final = (*REQUESTS, "heartbeat", "pen.stop")
"""Every request and notification a client may send."""
