"""Clients of a station: over its socket, starting one if need be, or inside the same loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from devicectl.records.errors import RecordError
from devicectl.records.location import locate

from .client_api import StationError
from .params import PROTOCOL_VERSION, REQUEST_MAX
from .paths import StationPaths, station_paths
from .stop_line import StopLine
from .stop_ways import PortStop, in_short
from .views import ChartView, View, charted, from_json

START_S: Final = 10.0
ANSWER_S: Final = 15.0
SECRETS: Final = ("DEVICECTL_PIN", "DEVICECTL_NEW_PIN", "DEVICECTL_PASSPHRASE")
"""What a command may have in its environment and a process that lives on must not."""
RECORD_EXIT: Final = 4
"""Exit code of a station that could not use its database (the command line's table of exit codes)."""
_LINE_MAX: Final = 4 * REQUEST_MAX


class _Calls:
    """Requests that wait for their answer."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def new(self) -> tuple[int, asyncio.Future[Any]]:
        self._next += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._next] = future
        return self._next, future

    def forget(self, key: int) -> None:
        self._waiting.pop(key, None)

    def answer(self, message: dict[str, Any]) -> None:
        future = self._waiting.pop(message.get("id"), None)  # type: ignore[arg-type]
        if future is None or future.done():
            return
        error = message.get("error")
        if error is not None:
            data = error.get("data", {})
            future.set_exception(StationError(error["message"], data.get("code", "station-error"), data.get("fields")))
        else:
            future.set_result(message.get("result"))

    def fail_all(self, text: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(StationError(text, "station-lost"))


class SocketClient:
    """A :class:`devicectl.station.client_api.StationClient` over the station's Unix sockets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paths: StationPaths) -> None:
        self._reader = reader
        self._writer = writer
        self._calls = _Calls()
        self._view_listeners: list[Callable[[View], None]] = []
        self._chart: ChartView | None = None
        self._lost_listeners: list[Callable[[str], None]] = []
        self._capture: Callable[[dict[str, Any]], None] = lambda rows: None
        self._closed = False
        self._direct_listeners: list[Callable[[str], None]] = []
        self.direct_results: list[PortStop] = []
        self._loop = asyncio.get_running_loop()
        self._stop_line = StopLine(paths.stop, self._stopped_directly)
        self._task = asyncio.get_running_loop().create_task(self._read())

    def on_view(self, listener: Callable[[View], None]) -> None:
        """Call ``listener`` for every view, and ask the station for views."""
        self._view_listeners.append(listener)
        if len(self._view_listeners) == 1:
            self._write({"jsonrpc": "2.0", "id": 0, "method": "view.subscribe"})

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` once when the station is gone."""
        self._lost_listeners.append(listener)

    def on_capture(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Give ``listener`` what a capture hands on (docs/station.md), on the event loop."""
        self._capture = listener

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with a line for a person when STOP had to go past the station."""
        self._direct_listeners.append(listener)

    def _stopped_directly(self, results: list[PortStop]) -> None:
        self.direct_results.extend(results)
        try:
            self._loop.call_soon_threadsafe(self._tell_direct, in_short(results))
        except RuntimeError:  # the loop has ended, and the screen with it
            pass

    def _tell_direct(self, line: str) -> None:
        for listener in self._direct_listeners:
            listener(line)

    async def _read(self) -> None:
        text = "The station ended; start devicectl again, the pen stops by itself within its lease."
        try:
            while line := await self._reader.readline():
                message = json.loads(line)
                if message.get("method") == "view":
                    view = charted(from_json(View, message["params"]), self._chart)
                    self._chart = view.chart
                    for listener in self._view_listeners:
                        listener(view)
                elif message.get("method") == "capture":
                    self._capture(message["params"])
                else:
                    self._calls.answer(message)
        except (OSError, ValueError) as error:
            text = f"The connection to the station broke ({error}); start devicectl again."
        self._calls.fail_all(text)
        if not self._closed:
            for lost in self._lost_listeners:
                lost(text)

    def _write(self, message: dict[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def request(self, method: str, **params: Any) -> Any:
        """Ask and wait. Raises :class:`StationError`."""
        if self._task.done():
            raise StationError("The station is gone; start devicectl again.", "station-lost")
        key, future = self._calls.new()
        self._write({"jsonrpc": "2.0", "id": key, "method": method, "params": params})
        try:
            return await asyncio.wait_for(future, ANSWER_S)
        except TimeoutError:
            raise StationError(
                f"The station did not answer '{method}' within {ANSWER_S:.0f} s; press STOP, then 'devicectl doctor'.",
                "station-silent",
            ) from None
        finally:
            self._calls.forget(key)

    def heartbeat(self, frame: int, keys: int) -> None:
        """One notification; dropped when the socket is congested (late heartbeats are worth nothing)."""
        if self._writer.transport.get_write_buffer_size() == 0:
            self._write({"jsonrpc": "2.0", "method": "heartbeat", "params": {"frame": frame, "keys": keys}})

    def activity(self) -> None:
        """One notification; dropped when the socket is congested (the next key says it too)."""
        if self._writer.transport.get_write_buffer_size() == 0:
            self._write({"jsonrpc": "2.0", "method": "activity"})

    def stop_now(self, source: str) -> None:
        """STOP from any thread."""
        self._stop_line.press(source)

    async def close(self) -> None:
        """End the connection."""
        self._closed = True
        self._task.cancel()
        self._stop_line.close()
        self._writer.close()
        try:
            await self._task
        except asyncio.CancelledError:
            pass


def _reachable(paths: StationPaths) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(str(paths.requests))
            return True
    except OSError:
        return False


def start_station(database: str | None, paths: StationPaths) -> None:
    """Start a station process for a database and wait until it listens. Raises :class:`StationError`.

    It outlives the caller, so that a closed terminal does not take the record with it.
    """
    environment = dict(os.environ)
    for secret in SECRETS:
        environment.pop(secret, None)
    if database:
        environment["DEVICECTL_DATABASE"] = database
    paths.log.parent.mkdir(parents=True, exist_ok=True)
    with paths.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "devicectl", "station", "--on-demand"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            start_new_session=True,
            close_fds=True,
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if _reachable(paths):
            return
        if process.poll() is not None and not _other_begins(database):
            if _reachable(paths):
                return
            raise StationError(_last_words(paths), "record" if process.returncode == RECORD_EXIT else "station-start")
        time.sleep(0.01)
    raise StationError(f"The station did not start within {START_S:.0f} s; its log is {paths.log}.", "station-start")


def _other_begins(database: str | None) -> bool:
    """Whether a station of another client has the database: it won the race, and will listen."""
    from devicectl.records.lock import station_of

    try:
        return station_of(locate(database)) is not None
    except (OSError, RecordError):
        return False


def _last_words(paths: StationPaths) -> str:
    try:
        lines = [line for line in paths.log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    words = lines[-1].strip() if lines else ""
    if words.startswith("devicectl: "):
        return words.removeprefix("devicectl: ")
    return f"The station could not start; its log is {paths.log}."


async def connect(client: str, database: str | None = None, *, start: bool = True, radio: str = "") -> SocketClient:
    """Connect to the station of a database, starting it if nothing listens (unless ``start`` is false).

    ``radio`` is where this client looks for pens on the air, empty for the computer's own Bluetooth.

    Raises :class:`StationError` with one sentence.
    """
    where = locate(database)
    digest = where.hash
    paths = station_paths(digest)
    for attempt in (0, 1):
        if not _reachable(paths):
            if not start:
                raise StationError("No station is running.", "no-station")
            await asyncio.to_thread(start_station, str(where.path), paths)
        try:
            reader, writer = await asyncio.open_unix_connection(str(paths.requests), limit=_LINE_MAX)
            break
        except OSError as error:
            if attempt:
                raise StationError(
                    f"The station cannot be reached ({error}); see {paths.log}.", "no-station"
                ) from error
    connection = SocketClient(reader, writer, paths)
    try:
        hello = {"client": client, "version": PROTOCOL_VERSION, "database": digest}
        await connection.request("station.hello", **hello, **({"radio": radio} if radio else {}))
    except BaseException:
        await connection.close()
        raise
    return connection
