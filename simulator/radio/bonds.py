"""The keys that a host or a pen keeps of those it has paired with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bumble.keys import KeyStore, PairingKeys

Plain = dict[str, dict[str, Any]]
"""Keys as plain data by the peer's identity address, oldest first."""


class Bonds(KeyStore):
    """Keys in ``held``, which is told by ``save`` that it has changed.

    Args:
        limit: as many peers are remembered; the oldest is forgotten for a new one.
    """

    def __init__(self, held: Plain, save: Callable[[], None] = lambda: None, limit: int = 8) -> None:
        self.held = held
        self._save = save
        self._limit = limit

    def find(self, name: str) -> PairingKeys | None:
        """The keys of one peer."""
        found = self.held.get(name)
        return PairingKeys.from_dict(found) if found is not None else None

    async def get(self, name: str) -> PairingKeys | None:
        """As :meth:`find`, for Bumble."""
        return self.find(name)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Everybody's keys."""
        return [(name, PairingKeys.from_dict(keys)) for name, keys in self.held.items()]

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Remember a peer, as the newest."""
        self.held.pop(name, None)
        self.held[name] = keys.to_dict()
        while len(self.held) > self._limit:
            del self.held[next(iter(self.held))]
        self._save()

    async def delete(self, name: str) -> None:
        """Forget a peer; unknown ones are no error."""
        if self.held.pop(name, None) is not None:
            self._save()

    def forget_all(self) -> None:
        """Forget everybody."""
        self.held.clear()
        self._save()


class BondFile:
    """A host's own address and bonds in a JSON file of mode 0600; in memory when there is no path.

    Raises ``OSError`` when the file is there and cannot be read, and ``ValueError`` when it is not such a file.
    """

    def __init__(self, path: Path | None, address: str) -> None:
        self._path = path
        self.address = address
        held: Plain = {}
        if path is not None and path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            try:
                self.address, held = str(data["address"]), dict(data["bonds"])
            except (TypeError, LookupError):
                raise ValueError(f"{path} is not a file of bonds; choose another, or remove it.") from None
        self.bonds = Bonds(held, self._save, limit=64)

    def _save(self) -> None:
        if self._path is None:
            return
        partial = self._path.with_suffix(".new")
        text = json.dumps({"address": self.address, "bonds": self.bonds.held})
        with open(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, self._path)
