"""Penlink: the open pen protocol, host side and the codec that both sides share (docs/penlink.md)."""

from .driver import DRIVER

__all__ = ["DRIVER"]
