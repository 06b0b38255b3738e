"""Penlink: the open pen protocol, host side and the codec that both sides share (docs/penlink.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .driver import DRIVER

__all__ = ["DRIVER"]


def __getattr__(name: str) -> Any:
    # A STOP from the command line needs the frames only, and must not wait for pyserial and asyncio.
    if name == "DRIVER":
        from .driver import DRIVER

        return DRIVER
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
