"""What every hand-drawn widget shares: the look that the user chose."""

from __future__ import annotations

from typing import Protocol, cast

from textual.widget import Widget

from tui.theme import Look


class _HasLook(Protocol):
    look: Look


class Drawn(Widget):
    """A widget that draws itself line by line in the application's look."""

    @property
    def look(self) -> Look:
        """Palette and characters in force now."""
        return cast(_HasLook, self.app).look

    def forget(self) -> None:
        """Drop what was drawn in another look; subclasses that keep strips override it."""
        self.refresh()
