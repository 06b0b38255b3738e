"""A record with a session in it, its keys, and an operator."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from records.conftest import Clock, World, furnish

from devicectl.access.keyring import Keyring
from devicectl.access.opening import open_keys
from devicectl.records.ids import IdSource
from devicectl.records.store import Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record" / "devicectl.db"


@pytest.fixture
def opened(path: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Opens the record at ``path``; closes it at the end of the test."""
    stores: list[Store] = []

    def make(where: Path | None = None, **options) -> Store:
        store = Store.open(where or path, ids=IdSource(clock, random.Random(len(stores))), **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        try:
            store.close()
        except Exception:
            pass


@pytest.fixture
def world(opened: Callable[..., Store], clock: Clock) -> World:
    return furnish(opened(), clock)


@pytest.fixture
def keys(world: World) -> Keyring:
    return open_keys(world.store)
