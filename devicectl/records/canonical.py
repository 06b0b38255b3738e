"""Canonical JSON (in the manner of RFC 8785): one text for one content, whoever writes it, so that it can be hashed.

Objects with their keys in order, no blanks, UTF-8, whole numbers in full; no fractions, which two programs would round apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

JsonValue = None | bool | int | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def canonical(value: JsonValue) -> bytes:
    """The one way to write ``value``. Raises ``TypeError`` for what is not JSON here, fractions included."""
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _check(value: object) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case list() | tuple():
            for item in value:
                _check(item)
        case dict():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise TypeError("a key of canonical JSON is a text")
                _check(item)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical JSON")


def plain(value: object) -> JsonValue:
    """A value of a database row as JSON: bytes and keys in hexadecimal digits."""
    match value:
        case UUID():
            return value.hex
        case bytes():
            return value.hex()
        case None | bool() | int() | str():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} does not occur in a row")
