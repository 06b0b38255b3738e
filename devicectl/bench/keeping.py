"""A capture as a client of the station: asks for it, and keeps what is handed on in a file."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from devicectl.station.client_api import StationError
from drivers.tap import Way

from .capture_file import CaptureError, Kind, Writer

LAST_S: Final = 5.0
"""How long the rest of a capture that is over may take to come."""
SYNC_S: Final = 1.0
"""How often the file is brought to the disk: what a power cut can take."""


class CaptureClient(Protocol):
    """What a capture needs of a client of the station."""

    def on_capture(self, listener: Callable[[dict[str, Any]], None]) -> None: ...

    def on_lost(self, listener: Callable[[str], None]) -> None: ...

    async def request(self, method: str, **params: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What a capture came to. ``gaps``: how often something could not be kept; ``why`` it ended."""

    file: str
    records: int
    size: int
    gaps: int
    stops: int
    why: str


class Keeper:
    """Rows of the station in, records in a file out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gaps = self.stops = self.records = 0
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._writer: Writer | None = None
        self._early: list[dict[str, Any]] = []
        self._last = (0.0, 0)

    def begin(self, header: dict[str, Any]) -> None:
        """Make the file. Raises :class:`CaptureError`."""
        at, utc_ns = float(header.pop("at")), int(header.pop("utc_ns"))
        if self._early and self._early[0]["rows"]:
            _, at, utc_ns, *_ = self._early[0]["rows"][0]
        self._last = (at, utc_ns)
        self._writer = Writer(self.path, header, at, utc_ns)
        early, self._early = self._early, []
        for bundle in early:
            self.take(bundle)

    def take(self, bundle: dict[str, Any]) -> None:
        """Rows as they come; before :meth:`begin` they wait."""
        if self._writer is None:
            self._early.append(bundle)
            return
        try:
            for row in bundle["rows"]:
                self._row(self._writer, row)
            self._writer.flush()
        except CaptureError as error:
            self.fail(error)
        if "end" in bundle:
            self.end(bundle["end"])

    def _row(self, writer: Writer, row: list[Any]) -> None:
        kind, at, utc_ns, way, channel, stop, data = row
        raw = base64.b64decode(data) if isinstance(data, str) else json.dumps(data, ensure_ascii=False).encode()
        writer.add(Kind[kind.upper()], at, utc_ns, raw, Way(way) if way else None, channel, bool(stop))
        self._last = (at, utc_ns)
        self.records += 1
        self.gaps += kind == "gap"
        self.stops += bool(stop)

    def sync(self) -> None:
        """Bring what is there to the disk."""
        if self._writer is not None:
            try:
                self._writer.flush(durable=True)
            except CaptureError as error:
                self.fail(error)

    def end(self, why: str) -> None:
        """It is over."""
        if not self.over.done():
            self.over.set_result(why)

    def fail(self, error: CaptureError) -> None:
        """The file cannot be written any more."""
        if not self.over.done():
            self.over.set_exception(error)

    def close(self, why: str) -> Kept:
        """End the file. Raises :class:`CaptureError`."""
        assert self._writer is not None
        self._writer.close(why, *self._last)
        return Kept(str(self.path), self.records, self._writer.size, self.gaps, self.stops, why)


def refuse_existing(path: Path) -> None:
    """Raise :class:`CaptureError` for a file that is there: better before a pen was opened for it than after."""
    if os.path.lexists(path):
        raise CaptureError(f"{path} exists already; choose another name.", "file-exists")


async def keep(
    client: CaptureClient,
    address: str,
    path: Path,
    seconds: float | None = None,
    end: asyncio.Event | None = None,
    progress: Callable[[Keeper], None] = lambda keeper: None,
) -> Kept:
    """Capture the pen at ``address`` into a new file for ``seconds``, or until ``end`` is set, or the pen is closed.

    Raises :class:`CaptureError` for the file, :class:`StationError` or :class:`drivers.api.PenError` for the pen. A file
    that was begun is always ended.
    """
    refuse_existing(path)
    keeper = Keeper(path)
    client.on_capture(keeper.take)
    client.on_lost(lambda why: keeper.end(f"the station is gone: {why}"))
    header = await client.request("capture.start", address=address)
    why = "interrupted"
    try:
        keeper.begin(header)
        why = await _until(keeper, seconds, end, progress)
        if why in ("time is up", "ended by the user"):
            await client.request("capture.stop")
            # The last rows come before the word that it is over.
            await asyncio.wait_for(asyncio.shield(keeper.over), LAST_S)
    except StationError as error:
        why = str(error)
    except TimeoutError:
        pass
    finally:
        kept = keeper.close(why) if keeper._writer is not None else None
    assert kept is not None
    return kept


async def _until(
    keeper: Keeper, seconds: float | None, end: asyncio.Event | None, progress: Callable[[Keeper], None]
) -> str:
    loop = asyncio.get_running_loop()
    until = None if seconds is None else loop.time() + seconds
    while not keeper.over.done():
        if end is not None and end.is_set():
            return "ended by the user"
        left = SYNC_S if until is None else min(SYNC_S, until - loop.time())
        if left <= 0:
            return "time is up"
        waits: set[asyncio.Future[Any]] = {keeper.over}
        asked = None if end is None else asyncio.ensure_future(end.wait())
        await asyncio.wait(
            waits | ({asked} if asked is not None else set()), timeout=left, return_when="FIRST_COMPLETED"
        )
        if asked is not None:
            asked.cancel()
        keeper.sync()
        progress(keeper)
    return keeper.over.result()
