"""What a pen remembers without power."""

from __future__ import annotations

import os
from pathlib import Path


class Nvm:
    """The boot counter, in memory or in a file that two runs of a simulator share.

    A file that cannot be read as a number counts as an empty memory, as worn-out flash would.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.boots = 0
        if path is not None:
            try:
                self.boots = int(path.read_text(encoding="ascii")) & 0xFFFF
            except (OSError, ValueError):
                self.boots = 0

    def next_boot(self) -> int:
        """Count one boot and give its number, 1 … 65535, wrapping past 0."""
        self.boots = (self.boots & 0xFFFF) + 1 if self.boots < 0xFFFF else 1
        if self._path is not None:
            partial = self._path.with_suffix(".new")
            partial.write_text(f"{self.boots}\n", encoding="ascii")
            os.replace(partial, self._path)
        return self.boots
