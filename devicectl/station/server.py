"""The station as a process: its lock, its two sockets, its signals, its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .connection import Connection
from .idle import watch_idle
from .params import REQUEST_MAX
from .paths import STOP_ACK, STOP_NAK, STOP_SOURCES, StationPaths
from .station import Station
from .views import one_level

ACCEPT_AGAIN_S: Final = 0.2
CONGESTED_BYTES: Final = 64 * 1024
DEAD_CLIENT_BYTES: Final = 4 * 1024 * 1024
LINES_AT_ONCE: Final = 16
log = logging.getLogger("devicectl.station")


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), default=one_level).encode() + b"\n"


class _RequestProtocol(asyncio.Protocol):
    """One client's socket: lines in, lines out."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._buffer = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connection = Connection(self._station, self._send, self._congested)

    def _congested(self) -> bool:
        return self._transport.get_write_buffer_size() > CONGESTED_BYTES

    def _send(self, message: dict[str, Any]) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(_encode(message))
        if self._transport.get_write_buffer_size() > DEAD_CLIENT_BYTES:
            log.warning("a client did not read %d bytes of answers and was cut off", DEAD_CLIENT_BYTES)
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._work()

    def _work(self) -> None:
        """A few lines at a time: whoever sends a thousand at once waits for them, a STOP of others does not."""
        self._busy = False
        for _ in range(LINES_AT_ONCE):
            end = self._buffer.find(b"\n")
            if (len(self._buffer) if end < 0 else end) > REQUEST_MAX:
                log.warning("a client sent a request of more than %d bytes and was cut off", REQUEST_MAX)
                self._buffer.clear()
                self._transport.abort()
                return
            if end < 0:
                self._transport.resume_reading()
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if line.strip():
                self._connection.receive_line(line)
        if self._transport.is_closing():
            return
        self._busy = True
        self._transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._work)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connection.lost()


class StopServer:
    """The STOP socket: any byte is STOP. Read by the descriptor itself, so nothing stands between byte and link."""

    def __init__(self, station: Station, path: Path) -> None:
        self._station = station
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._lines: set[socket.socket] = set()
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        # The mask is set around bind, so that the socket is never open to others, not even for an instant.
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(mask)
        self._listener.listen(64)
        self._listen()

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            line, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            # Out of descriptors: the listener would be readable for ever, and the loop do nothing else.
            log.error("a STOP connection could not be taken: %s", error)
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(ACCEPT_AGAIN_S, self._listen)
            return
        line.setblocking(False)
        self._lines.add(line)
        self._loop.add_reader(line.fileno(), self._byte, line)

    def _byte(self, line: socket.socket) -> None:
        try:
            data = line.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            sent = self._station.pressed(STOP_SOURCES.get(data[:1], "stop connection"), line=True)
            try:
                # A byte for a byte, so that a late answer is never taken for that to the next press.
                line.send((STOP_ACK if sent else STOP_NAK) * len(data))
            except OSError:
                pass
            return
        self._loop.remove_reader(line.fileno())
        self._lines.discard(line)
        line.close()

    def close(self) -> None:
        """Close every line and remove the socket file."""
        for line in (*self._lines, self._listener):
            self._loop.remove_reader(line.fileno())
            line.close()
        self._lines.clear()
        self._path.unlink(missing_ok=True)


async def serve(station: Station, paths: StationPaths, *, on_demand: bool, ready: Callable[[], None]) -> str:
    """Serve until a signal, or, ``on_demand``, until nobody needs it (`watch_idle`). Returns why it ended.

    SIGTERM, SIGINT and SIGHUP end it cleanly: pens stopped, passes and sessions closed.
    """
    loop = asyncio.get_running_loop()
    end: asyncio.Future[str] = loop.create_future()

    def ask_end(why: str) -> None:
        if not end.done():
            # The bytes of STOP leave here, before anything that could take time.
            if any(desk.may_turn for desk in station.desks):
                station.stop_all(why)
            end.set_result(why)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ask_end, f"the station was ended ({number.name})")
    paths.requests.unlink(missing_ok=True)
    # The mask is set around bind, so that the socket is never open to others, not even for an instant.
    mask = os.umask(0o177)
    try:
        server = await loop.create_unix_server(lambda: _RequestProtocol(station), str(paths.requests))
    finally:
        os.umask(mask)
    stop_server = StopServer(station, paths.stop)
    idle = loop.create_task(watch_idle(station, ask_end)) if on_demand else None
    ready()
    try:
        return await end
    finally:
        if idle is not None:
            idle.cancel()
        server.close()
        await station.close(end.result() if end.done() and not end.cancelled() else "the station ended")
        stop_server.close()
        paths.requests.unlink(missing_ok=True)
