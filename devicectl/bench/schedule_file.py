"""Schedules of faults as TOML files: read with the place of every mistake, and written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from simulator.schedule import Entry, Schedule

EXAMPLE: Final = """\
# A schedule of faults for devicectl. Names: 'devicectl schedules names'. Times in s; [2, 5] lets the seed choose.
about = "The cable is loose, and once the pen restarts."
must = "Nothing starts again by itself."
expect = ["ends still"]                  # what 'devicectl schedules check' looks for
seconds = 20                             # after which all of it can be seen

[[fault]]
name = "silence"                         # nothing gets through, both ways
when = "running"                         # while a run goes on
at = [1, 3]                              # after 1 to 3 s of it
for = 0.2
every = 4                                # and again each 4 s
chance = 0.5                             # or not
times = 10

[[fault]]
name = "to_pen.drop"
value = 0.05

[[fault]]
name = "reboot"
at = 15
"""
SIZE_MAX: Final = 4_000_000
"""Bytes; more is no schedule that somebody wrote."""
_QUOTES: Final = ('"""', "'''", '"', "'")


class ScheduleError(ValueError):
    """A schedule cannot be used; the text is one sentence with file, line and column."""

    code = "bad-schedule"


# -- reading


def read(path: Path) -> Schedule:
    """The schedule in a file. Raises :class:`ScheduleError`."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read ({error.strerror}); name a file with a schedule.") from error
    if len(data) > SIZE_MAX:
        raise ScheduleError(f"{path}: larger than {SIZE_MAX // 1_000_000} MB; that is no schedule.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ScheduleError(f"{path}:{line}:1: not UTF-8; save the file as UTF-8.") from error
    return parse(text, str(path))


def parse(text: str, where: str = "schedule") -> Schedule:
    """The schedule in a text; ``where`` is how its mistakes call it. Raises :class:`ScheduleError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScheduleError(_not_toml(text, where, str(error))) from error
    except RecursionError:
        raise ScheduleError(f"{where}:1:1: nested too deeply; a schedule is flat.") from None
    try:
        return Schedule.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = tuple(part for part in first["loc"] if isinstance(part, int) or part in _known_keys(first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error":  # of a whole entry; it says which key in front
            key, colon, rest = message.partition(": ")
            if colon and key in ("value", "for"):
                path, message = (*path, key), rest
        name = next((str(part) for part in reversed(path) if isinstance(part, str)), "schedule")
        if first["type"] == "extra_forbidden":
            message = f"there is no such key; known are {_keys_beside(first['loc'])}"
        line, column = place(text, path)
        raise ScheduleError(f"{where}:{line}:{column}: {name}: {message[:1].lower()}{message[1:]}.") from None


def _not_toml(text: str, where: str, message: str) -> str:
    what, _, at = message.rpartition(" (at ")
    words = at.rstrip(")").replace(",", "").split()
    if len(words) == 4 and words[0] == "line":
        return f"{where}:{words[1]}:{words[3]}: not TOML: {what[:1].lower()}{what[1:]}."
    lines = text.splitlines() or [""]
    return f"{where}:{len(lines)}:{len(lines[-1]) + 1}: not TOML: {(what or message)[:1].lower()}{(what or message)[1:].removesuffix(' (at end of document)')}."


def _known_keys(loc: tuple[Any, ...]) -> set[Any]:
    """Pydantic names branches of a union in a location too; those are no keys of the file."""
    entry = {field.alias or name for name, field in Entry.model_fields.items()}
    whole = {field.alias or name for name, field in Schedule.model_fields.items()}
    # The last part of a location is the key itself even when nobody knows it.
    return entry | whole | ({loc[1:3][-1]} if len(loc) == 3 and loc[0] == "fault" else {loc[0]})


def _keys_beside(loc: tuple[Any, ...]) -> str:
    model = Entry if loc[0] == "fault" and len(loc) > 1 else Schedule
    return ", ".join(field.alias or name for name, field in model.model_fields.items())


# -- places


def place(text: str, path: tuple[Any, ...]) -> tuple[int, int]:
    """Line and column, from 1, where the value at ``path`` stands; of the nearest thing above it if it is not there."""
    found = {(): (1, 1)}
    for key, line, column in places(text):
        found.setdefault(key, (line, column))
    while path not in found:
        path = path[:-1]
    return found[path]


def places(text: str) -> Iterator[tuple[tuple[Any, ...], int, int]]:
    """Every table and key of a TOML text that is in order: path, line, column. Inline tables count as one value."""
    table: tuple[Any, ...] = ()
    counts: dict[tuple[Any, ...], int] = {}
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        stripped = line.lstrip()
        indent = len(line) - len(stripped)
        at += 1
        if stripped.startswith("[["):
            keys = tuple(_dotted(stripped[2:]))
            counts[keys] = counts.get(keys, -1) + 1
            table = (*keys, counts[keys])
            yield keys, number, indent + 1
            yield table, number, indent + 1
        elif stripped.startswith("["):
            table = tuple(_dotted(stripped[1:]))
            yield table, number, indent + 1
        elif stripped and not stripped.startswith("#"):
            yield (*table, *_dotted(stripped)), number, indent + 1
            at += _lines_of_value(lines, at - 1)


def _dotted(text: str) -> Iterator[str]:
    """The parts of the key that ``text`` begins with."""
    part, quote = "", ""
    for letter in text:
        if quote:
            if letter == quote:
                quote = ""
            else:
                part += letter
        elif letter in "\"'":
            quote = letter
        elif letter == ".":
            yield part
            part = ""
        elif letter in "=]":
            break
        elif not letter.isspace():
            part += letter
    yield part


def _lines_of_value(lines: list[str], begin: int) -> int:
    """How many lines after ``begin`` the value goes on: brackets and long strings that are still open."""
    depth, quote, at = 0, "", begin
    while True:
        line, i = lines[at], 0
        while i < len(line):
            if quote:
                if quote[0] == '"' and line[i] == "\\":
                    i += 2
                    continue
                if line.startswith(quote, i):
                    i += len(quote)
                    quote = ""
                    continue
            else:
                opened = next((q for q in _QUOTES if line.startswith(q, i)), "")
                if opened:
                    quote = opened
                    i += len(opened)
                    continue
                if line[i] == "#":
                    break
                depth += (line[i] in "[{") - (line[i] in "]}")
            i += 1
        if (depth <= 0 and len(quote) != 3) or at + 1 >= len(lines):
            return at - begin
        at += 1


# -- writing


def write(schedule: Schedule) -> str:
    """The text of a file that reads as ``schedule``."""
    parts = [f"{key} = {_toml(value)}" for key, value in _told(schedule).items() if key != "fault"]
    for entry in schedule.faults:
        parts += ["", "[[fault]]", *(f"{key} = {_toml(value)}" for key, value in _told(entry).items())]
    return "\n".join(parts) + "\n"


def _told(model: Schedule | Entry) -> dict[str, Any]:
    return model.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


# -- the gallery


def gallery() -> dict[str, Schedule]:
    """Every schedule that comes with the program, by name."""
    return {name: parse(_text_of(name), f"{name}.toml") for name in gallery_names()}


def gallery_names() -> list[str]:
    """Their names, sorted."""
    folder = resources.files("devicectl.bench") / "gallery"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def gallery_text(name: str) -> str:
    """The file of one. Raises :class:`ScheduleError` for a name that is not there."""
    if name not in gallery_names():
        raise ScheduleError(f"There is no schedule {name!r} in the gallery; 'devicectl schedules list' shows them.")
    return _text_of(name)


def find(what: str) -> Schedule:
    """A schedule by the name in the gallery, or by its file. Raises :class:`ScheduleError`."""
    if what in gallery_names():
        return parse(_text_of(what), f"{what}.toml")
    path = Path(what)
    if not path.exists() and "/" not in what and not what.endswith(".toml"):
        raise ScheduleError(
            f"There is no file and no schedule {what!r}; 'devicectl schedules list' shows those that come with the program."
        )
    return read(path)


def _text_of(name: str) -> str:
    return (resources.files("devicectl.bench") / "gallery" / f"{name}.toml").read_text(encoding="utf-8")
