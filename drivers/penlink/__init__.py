"""Penlink: the open pen protocol, host side and the codec that both sides share (docs/penlink.md)."""
