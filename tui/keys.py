"""The keymap as data: what each key is called, does and says in the help. STOP keys are not in it, and cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingType

from tui.zones import ZONES

STOP_KEYS: Final = frozenset({"space", "f9", "ctrl+c"})
"""Caught in the input thread; with or without a modifier key held."""


@dataclass(frozen=True, slots=True)
class Command:
    """One key of the treatment screen."""

    key: str
    action: str
    shown: str
    help: str
    group: str


COMMANDS: Final = (
    *(Command(z.key, f"zone('{z.code}')", z.key, f"{z.code}  {z.name}", "Zone") for z in ZONES),
    Command("up", "move(0,-1)", "arrows", "the zone in that direction", "Zone"),
    Command("down", "move(0,1)", "", "", "Zone"),
    Command("left", "move(-1,0)", "", "", "Zone"),
    Command("right", "move(1,0)", "", "", "Zone"),
    Command("d", "depth(-1)", "d", "one step shallower", "Setpoint"),
    Command("D", "depth(1)", "D", "one step deeper", "Setpoint"),
    Command("v", "rate(-1)", "v", "one step slower", "Setpoint"),
    Command("V", "rate(1)", "V", "one step faster", "Setpoint"),
    Command("g", "go", "g", "open the start sheet; then Y starts, not sooner than 150 ms after", "Run"),
    Command("e", "pause", "e", "END: pause the run; g Y resumes within 60 s", "Run"),
    Command("x", "end_run", "x", "end the run", "Run"),
    Command("r", "reset", "r", "after STOP, while still: leave the latch", "Run"),
    Command("a", "acknowledge", "a", "acknowledge alarms and silence the sound for 2 min", "Station"),
    Command("c", "take_control", "c", "take control, while the pen is still", "Station"),
    Command("p", "pens", "p", "choose a pen", "Station"),
    Command("s", "session", "s", "open or close a session", "Station"),
    Command("n", "note", "n", "note: a digit phrase, then Enter", "Station"),
    Command("question_mark", "help", "? F1", "this page", "Station"),
    Command("f1", "help", "", "", "Station"),
    Command("q", "leave", "q", "quit, while the pen is still", "Station"),
)


def bindings(commands: tuple[Command, ...] = COMMANDS) -> list[BindingType]:
    """Textual bindings of a command table; each carries its action as id, so that a keymap can move it."""
    return [Binding(c.key, c.action, c.help or c.action, show=False, id=f"{c.key}.{c.action}") for c in commands]


def names(bound: list[BindingType]) -> frozenset[str]:
    """The key names of bindings, for the guard that turns every other key into STOP."""
    return frozenset(name for b in bound for name in (b.key if isinstance(b, Binding) else b[0]).split(","))
