"""The byte pipe under a pen: the small promises that every link keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from drivers.api import Outcome
from drivers.tap import Tap

OnData = Callable[[bytes], None]
OnLost = Callable[[str], None]


class Link(Protocol):
    """Bytes to and from one pen. A link object is used for one opening only.

    Library exceptions never cross it: opening raises :class:`drivers.api.LinkRefused`, and a link that dies says
    so once, through ``on_lost``, with one sentence for a person.
    """

    address: str
    tap: Tap | None
    """Told of every byte as it is handed to the system or comes from it; None when nobody listens."""

    async def open(self, on_data: OnData, on_lost: OnLost) -> None:
        """Open and start delivering. ``on_lost`` is not called for our own :meth:`close`."""

    def write(self, data: bytes) -> None:
        """Queue bytes in order. Ignored after the link is lost; the session's deadlines speak then."""

    def write_stop(self, data: bytes) -> bool:
        """Drop our own queue and hand ``data`` to the system at once; True when it took all of it."""

    @property
    def idle(self) -> bool:
        """True when everything written was handed to the system."""

    async def close(self) -> None:
        """Let go of the port; safe to call twice."""


@runtime_checkable
class SecuredLink(Link, Protocol):
    """A link over which a pen obeys only a bonded, encrypted partner: Bluetooth. Reading and STOP need neither."""

    on_refused: Callable[[Outcome], None]
    """Told what became of a command that never reached the pen's firmware: NotSent, or Rejected by the pen's radio."""

    @property
    def secured(self) -> bool:
        """True once the pen was seen to accept commands over this opening."""

    async def secure(self) -> None:
        """Pair if need be. Sends no command and moves nothing. Raises :class:`drivers.api.PenError`."""
