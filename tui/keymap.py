"""The user's keymap file: which keys the commands have, and what else is STOP.

TOML, read when the dashboard starts, for example::

    stop = ["F8"]                 # more STOP keys; SPACE, F9 and Ctrl+C always are

    [keys]
    depth-up = ["D", "+"]         # several keys for one command
    log = "o"

A command that is not named keeps its keys. What is wrong is told in one sentence, and the dashboard does not open on
keys that are not those the user believes in.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from tui.keys import COMMANDS, PUNCTUATION, START_KEY, STOP_KEYS, Keymap, show_key

MAX_BYTES: Final = 64_000
NAMED: Final = frozenset(
    [
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pageup",
        "pagedown",
        "insert",
        "delete",
        "tab",
        "backspace",
        "enter",
        "escape",
        "space",
    ]
) | {f"f{number}" for number in range(1, 25)}
_SAME_BYTE: Final = {"ctrl+i": "Tab", "ctrl+m": "Enter", "ctrl+j": "Enter", "ctrl+h": "Backspace"}
_NEXT: Final = "correct it or move the file away"


class KeymapError(Exception):
    """The keymap file cannot be used; the text is one sentence with the next step."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    stop: list[str] = []
    keys: dict[str, str | list[str]] = {}


def load_keymap(path: Path) -> Keymap:
    """Keys in force: the built-in ones where there is no file.

    Raises:
        KeymapError: the file cannot be read, or something in it is unknown, in conflict or not allowed.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Keymap()
    except OSError as error:
        raise KeymapError(f"{path} cannot be read ({error.strerror}); check its rights or move it away.") from error
    try:
        if len(data) > MAX_BYTES:
            raise _Wrong(f"the file has more than {MAX_BYTES} bytes")
        return _keymap(_read(data), str(path))
    except _Wrong as wrong:
        raise KeymapError(f"{path}: {wrong}; {_NEXT} ('devicectl keys --help' has an example).") from None


class _Wrong(Exception):
    """What is wrong, without the file's name and the next step."""


def _read(data: bytes) -> _File:
    try:
        return _File.model_validate(tomllib.loads(data.decode()))
    except UnicodeDecodeError:
        raise _Wrong("the file is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise _Wrong(f"this is not TOML ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in ("str", "list[str]")]
        if first["type"] == "extra_forbidden":
            raise _Wrong(f"'{place[0]}' is not known there, only 'stop' and the table [keys]") from None
        raise _Wrong(f"'{'.'.join(place[:2])}' must be a key or a list of keys, in quotation marks") from None


def _keymap(file: _File, source: str) -> Keymap:
    keys = {command.name: command.keys for command in COMMANDS}
    for name, words in file.keys.items():
        if name not in keys:
            near = difflib.get_close_matches(name, keys, 1)
            raise _Wrong(f"no command is called '{name}'" + (f", perhaps '{near[0]}' is meant" if near else ""))
        found = [_for_command(word, name) for word in ([words] if isinstance(words, str) else words)]
        if not found:
            raise _Wrong(f"'{name}' has no key")
        keys[name] = tuple(dict.fromkeys(found))
    stops = {_for_stop(word) for word in file.stop}
    _no_conflict(keys, stops)
    return Keymap(keys, STOP_KEYS | stops, source)


def _no_conflict(keys: dict[str, tuple[str, ...]], stops: set[str]) -> None:
    owner: dict[str, str] = {}
    for name, bound in keys.items():
        for key in bound:
            if key in owner:
                raise _Wrong(f"key {show_key(key)} belongs to both '{owner[key]}' and '{name}'")
            if key in stops:
                raise _Wrong(f"key {show_key(key)} is to be STOP and belongs to '{name}' too")
            owner[key] = name


def _key(word: str) -> str:
    """A key's name as Textual has it."""
    if len(word) == 1:
        if word.isalnum():
            return word
        if word in PUNCTUATION:
            return PUNCTUATION[word]
        if word == " ":
            return "space"
    elif word in PUNCTUATION.values():
        return word
    lower = word.lower()
    if lower in NAMED:
        return lower
    if lower.startswith("ctrl+") and len(lower) == 6 and lower[5].isascii() and lower[5].isalpha():
        if lower in _SAME_BYTE:
            raise _Wrong(f"{show_key(lower)} cannot be told from {_SAME_BYTE[lower]} in a terminal")
        return lower
    raise _Wrong(f"no key is called '{word}'")


def _for_command(word: str, name: str) -> str:
    key = _key(word)
    if key in STOP_KEYS:
        raise _Wrong(f"{show_key(key)} is STOP and cannot be given to '{name}'")
    if key in (START_KEY, "enter"):
        raise _Wrong(f"{show_key(key)} is kept for the sheets and cannot be given to '{name}'")
    if key == "escape":
        raise _Wrong(f"Esc closes sheets and arrives late; it cannot be given to '{name}'")
    return key


def _for_stop(word: str) -> str:
    key = _key(word)
    if key in (
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pageup",
        "pagedown",
        "tab",
        "backspace",
        "enter",
        "delete",
    ):
        raise _Wrong(f"{show_key(key)} moves in sheets and fields and cannot be STOP")
    if key == "escape":
        raise _Wrong("Esc arrives late in terminals and cannot be STOP")
    if len(key) == 1 or key in ("minus", "full_stop", "comma", "underscore"):
        raise _Wrong(f"{show_key(key)} is typed in fields and cannot be STOP")
    return key
