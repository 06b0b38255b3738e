"""The keys as data: what each command is called, which keys it has at first, what it does and says in the help.

STOP keys are not commands: a keymap can add to them and cannot take one away. No Textual here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tui.zones import ZONES

STOP_KEYS: Final = frozenset({"space", "f9", "ctrl+c"})
"""Caught in the input thread; with or without a modifier key held."""
START_KEY: Final = "Y"
"""Starts, on the start sheet and nowhere else; not in the keymap."""
OVERRIDE_KEY: Final = "o"
"""On the start sheet: opens a failed check with a reason; not in the keymap."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the treatment screen: its name in a keymap file, its keys, the action behind it."""

    name: str
    keys: tuple[str, ...]
    action: str
    help: str
    group: str


COMMANDS: Final = (
    *(Command(f"zone-{z.code.lower()}", (z.key,), f"zone('{z.code}')", f"zone {z.code}, {z.name}", "Zone") for z in ZONES),
    Command("zone-up", ("up",), "move(0,-1)", "the zone in front", "Zone"),
    Command("zone-down", ("down",), "move(0,1)", "the zone behind", "Zone"),
    Command("zone-left", ("left",), "move(-1,0)", "the zone to the left", "Zone"),
    Command("zone-right", ("right",), "move(1,0)", "the zone to the right", "Zone"),
    Command("depth-down", ("d",), "depth(-1)", "depth one step shallower", "Setpoint"),
    Command("depth-up", ("D",), "depth(1)", "depth one step deeper", "Setpoint"),
    Command("rate-down", ("v",), "rate(-1)", "rate one step slower", "Setpoint"),
    Command("rate-up", ("V",), "rate(1)", "rate one step faster", "Setpoint"),
    Command("values", ("i",), "values", "type depth and rate, at rest", "Setpoint"),
    Command("go", ("g",), "go", "start sheet; there Y starts", "Run"),
    Command("end", ("e",), "pause", "END: pause, at most 60 s", "Run"),
    Command("finish", ("x",), "end_run", "end the run", "Run"),
    Command("reset", ("r",), "reset", "leave STOP, while still", "Run"),
    Command("acknowledge", ("a",), "acknowledge", "acknowledge; silent for 2 min", "Alarms"),
    Command("alarms", ("A",), "alarms", "alarms and answers in full", "Alarms"),
    Command("sound", ("m",), "sound", "sound on or off; on is heard", "Alarms"),
    Command("log", ("l",), "log", "session log in full", "Alarms"),
    Command("control", ("c",), "take_control", "take control, while still", "Station"),
    Command("pens", ("p",), "pens", "choose a pen", "Station"),
    Command("session", ("s",), "session", "open or close a session", "Station"),
    Command("note", ("n",), "note", "note: a digit phrase", "Station"),
    Command("steps", ("w",), "steps", "the way through a session", "Treatment"),
    Command("result", ("k",), "result", "result of a zone, at rest", "Treatment"),
    Command("patch", ("z",), "patch", "custom patches CUS-1, CUS-2 …", "Treatment"),
    Command("direction", ("u",), "direction", "direction of the strokes", "Treatment"),
    Command("operator", ("W",), "operator", "who works: sign in, out", "Treatment"),
    Command("lock", ("K",), "lock", "lock until the PIN is typed", "Treatment"),
    Command("calibrate", ("C",), "calibrate", "calibrate this pen", "Station"),
    Command("theme", ("t",), "theme", "theme and characters", "Station"),
    Command("help", ("question_mark", "f1"), "help", "help: every key", "Station"),
    Command("quit", ("q",), "leave", "quit, while still", "Station"),
)  # fmt: skip
GROUPS: Final = ("Treatment", "Setpoint", "Run", "Alarms", "Station")

_SHOWN: Final = {
    "question_mark": "?", "plus": "+", "minus": "-", "slash": "/", "backslash": "\\", "comma": ",", "full_stop": ".",
    "colon": ":", "semicolon": ";", "exclamation_mark": "!", "quotation_mark": '"', "apostrophe": "'", "at": "@",
    "number_sign": "#", "dollar_sign": "$", "percent_sign": "%", "ampersand": "&", "asterisk": "*", "underscore": "_",
    "equals_sign": "=", "less_than_sign": "<", "greater_than_sign": ">", "left_parenthesis": "(", "tilde": "~",
    "right_parenthesis": ")", "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "vertical_line": "|", "grave_accent": "`", "circumflex_accent": "^",
    "pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End", "insert": "Ins", "delete": "Del",
    "tab": "Tab", "backspace": "Backspace", "space": "SPACE",
}  # fmt: skip
PUNCTUATION: Final = {shown: name for name, shown in _SHOWN.items() if len(shown) == 1}
"""Textual's names of characters that are no letters and no digits."""


def show_key(key: str) -> str:
    """A key as it is written on the keyboard: ``?`` for ``question_mark``, ``F8``, ``Ctrl+S``."""
    if key in _SHOWN:
        return _SHOWN[key]
    if key.startswith("ctrl+"):
        return f"Ctrl+{key[5:].upper()}"
    return key.upper() if len(key) > 1 and key[0] == "f" and key[1:].isdigit() else key


def _defaults() -> dict[str, tuple[str, ...]]:
    return {command.name: command.keys for command in COMMANDS}


@dataclass(frozen=True)
class Keymap:
    """Keys in force by command name, and every STOP key; ``source`` is the file they came from, or empty."""

    keys: dict[str, tuple[str, ...]] = field(default_factory=_defaults)
    stops: frozenset[str] = STOP_KEYS
    source: str = ""

    def shown(self, *names: str) -> str:
        """The first key of each command as a person reads it: ``d/D`` for two."""
        return "/".join(show_key(self.keys[name][0]) for name in names)

    def all_shown(self, name: str) -> str:
        """All keys of a command."""
        return " ".join(show_key(key) for key in self.keys[name])

    @property
    def zones_shown(self) -> str:
        """The zone keys in short: ``1-0`` when they are the digits in order."""
        keys = [show_key(self.keys[f"zone-{zone.code.lower()}"][0]) for zone in ZONES]
        return f"{keys[0]}-{keys[-1]}" if keys == [zone.key for zone in ZONES] else "".join(keys)

    @property
    def added_stops(self) -> list[str]:
        """STOP keys that the user added."""
        return sorted(self.stops - STOP_KEYS)


DEFAULT: Final = Keymap()
