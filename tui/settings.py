"""What the user chose for the screens, remembered in the config directory; and what the terminal can show."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tui.palettes import COLOURLESS, DARK, THEMES
from tui.theme import Look, Palette

NAME: Final = "dashboard.json"
KEYMAP_NAME: Final = "keys.toml"
ASCII_VARIABLE: Final = "DEVICECTL_ASCII"
_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """A theme by name, ASCII or not, and sound or not; None means nothing was chosen: the terminal decides, and it sounds."""

    theme: str | None = None
    ascii: bool | None = None
    sound: bool | None = None


class SettingsFile:
    """``dashboard.json`` in the user's config directory. A file that cannot be used counts as absent: it only colours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Settings:
        """What was remembered."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return Settings()
        if not isinstance(data, dict):
            return Settings()
        theme, plain, sound = data.get("theme"), data.get("ascii"), data.get("sound")
        return Settings(
            theme if theme in THEMES else None,
            plain if isinstance(plain, bool) else None,
            sound if isinstance(sound, bool) else None,
        )

    def save(self, settings: Settings) -> str | None:
        """Remember ``settings``, whole or not at all; answers a sentence when that failed."""
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(asdict(settings)) + "\n", encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            return f"not remembered: {self.path} cannot be written ({error.strerror})"
        return None


def config_directory() -> Path:
    """Where the user's choices and keymap lie."""
    from platformdirs import user_config_path

    return user_config_path("devicectl", appauthor=False)


def needs_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows no more than ASCII: its locale says so, or it is a console whose font lacks braille.

    Read from the environment, because Python takes the locales C and POSIX for UTF-8. Without any locale the terminal is
    taken for what terminals are today.
    """
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    told = next((name for name in names if name), "UTF-8")
    return "utf" not in told.lower() or environment.get("TERM") in ("linux", "dumb", "vt100", "vt220")


def choose(saved: Settings, asked: Settings, environment: Mapping[str, str]) -> tuple[Look, Settings]:
    """The look in force and what is to be remembered with the next change.

    An option (``asked``) wins over the environment, that over what was ``saved``, that over what the terminal can do.
    ``NO_COLOR`` (any value but none) leaves out every colour, whatever the theme.
    """
    name = asked.theme or saved.theme or DARK.name
    palette: Palette = COLOURLESS if environment.get("NO_COLOR") else THEMES[name]
    wish = environment.get(ASCII_VARIABLE, "").strip().lower()
    told = True if wish in _YES else False if wish in _NO else None
    plain = next((choice for choice in (asked.ascii, told, saved.ascii) if choice is not None), None)
    return (
        Look(palette, needs_ascii(environment) if plain is None else plain),
        Settings(
            name,
            saved.ascii if asked.ascii is None else asked.ascii,
            saved.sound if asked.sound is None else asked.sound,
        ),
    )
