"""A capture taken straight from a pen object, without a station."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devicectl.bench.capture_file import Damage, Kind, Reader, Record, Writer
from drivers.tap import STREAM, Mark, Way


class FileTap:
    """A :class:`drivers.tap.Tap` that writes what it hears."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loop = asyncio.get_running_loop()
        header = {"program": "test", "address": "memory://pen", "pen": None, "origin": "simulated"}
        self._writer = Writer(path, header, self._loop.time(), 0)

    def _add(self, kind: Kind, data: bytes, way: Way | None, channel: int = STREAM, stop: bool = False) -> None:
        now = self._loop.time()
        self._writer.add(kind, now, round(now * 1e9), data, way, channel, stop)

    def passed(self, way: Way, channel: int, data: bytes, stop: bool = False) -> None:
        self._add(Kind.BYTES, data, way, channel, stop)

    def marked(self, mark: Mark, facts: Mapping[str, Any]) -> None:
        self._add(Kind.MARK, json.dumps({"mark": mark.name, **facts}).encode(), None)

    def known(self, data: bytes) -> None:
        self._add(Kind.KNOWN, data, Way.IN)

    def close(self) -> list[Record]:
        self._writer.close("done", self._loop.time(), 0)
        return records(self.path)


def items(path: Path) -> list[Record | Damage]:
    with Reader(path) as reader:
        return list(reader)


def records(path: Path) -> list[Record]:
    """Every record; fails when there is any damage."""
    found = items(path)
    assert not [item for item in found if isinstance(item, Damage)]
    return [item for item in found if isinstance(item, Record)]


def passed(found: list[Record], way: Way) -> bytes:
    """The bytes of one way."""
    return b"".join(r.data for r in found if r.kind is Kind.BYTES and r.way is way)
