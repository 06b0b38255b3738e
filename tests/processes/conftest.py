from __future__ import annotations

from collections.abc import Iterator

import pytest

from .harness import Nursery, Place


@pytest.fixture
def place() -> Iterator[Place]:
    """A workstation of its own."""
    made = Place()
    try:
        yield made
    finally:
        made.close()
    assert not (left := made.left_running()), f"still running: {left}"


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """Forks stations and clients quickly."""
    made = Nursery()
    try:
        yield made
    finally:
        made.close()
