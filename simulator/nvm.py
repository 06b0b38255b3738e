"""What a pen remembers without power."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Nvm:
    """The boot counter and the bonds, in memory or in a file that two runs of a simulator share.

    ``bonds`` maps the identity address of a host to its keys, as plain data. A file that cannot be read counts as an
    empty memory, as worn-out flash would.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.boots = 0
        self.bonds: dict[str, dict[str, Any]] = {}
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(data, int):  # only the counter
                data = {"boots": data}
            boots, bonds = int(data["boots"]) & 0xFFFF, dict(data.get("bonds", {}))
        except (OSError, ValueError, TypeError, LookupError):
            return
        self.boots, self.bonds = boots, bonds

    def next_boot(self) -> int:
        """Count one boot and give its number, 1 … 65535, wrapping past 0."""
        self.boots = (self.boots & 0xFFFF) + 1 if self.boots < 0xFFFF else 1
        self.save()
        return self.boots

    def save(self) -> None:
        """Make ``bonds`` outlast the power; called after every change."""
        if self._path is not None:
            partial = self._path.with_suffix(".new")
            partial.write_text(json.dumps({"boots": self.boots, "bonds": self.bonds}), encoding="utf-8")
            os.replace(partial, self._path)
