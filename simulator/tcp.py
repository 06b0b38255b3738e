"""A simulated pen behind a TCP port of this computer. The first connection controls; anyone may stop."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from drivers.api import LinkRefused
from drivers.penlink.frame import StopMatcher

from .line import BAUD, BITS_PER_BYTE, Line
from .pen import SimulatedPen

_IN_FLIGHT: Final = 256
"""Bytes read at once, and waiting on a paced wire, at most: the rest stays in the kernel and holds the host back."""
_UNREAD: Final = 65_536
"""Bytes that a host may leave unread before the pen's output is dropped, frame by frame."""


class TcpPort:
    """Listens on 127.0.0.1. A connection that closes tells the pen, which ends its lease at once.

    Args:
        port: TCP port, 0 for any free one.
        paced: True for the pace of 115,200 Bd in both directions.
    """

    def __init__(self, pen: SimulatedPen, *, port: int = 0, paced: bool = True) -> None:
        self.pen = pen
        self.paced = paced
        self.control: _Connection | None = None
        self.connections: set[_Connection] = set()
        self.lost = 0
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """``tcp://127.0.0.1:7001``."""
        return f"tcp://127.0.0.1:{self._port}"

    async def open(self) -> str:
        """Listen, and give the address. Raises :class:`drivers.api.LinkRefused`."""
        try:
            self._server = await self.pen.loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port)
        except (OSError, OverflowError) as error:
            raise LinkRefused(
                f"Cannot listen on {self.address} ({getattr(error, 'strerror', None) or error}); choose another port."
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self.address

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self.connections):
                connection.drop()
            await self._server.wait_closed()
            self._server = None


class _Connection(asyncio.BufferedProtocol):
    """One host. All but the controlling one are listened to for STOP alone, and hear the pen from then on."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._stops = StopMatcher()
        self._buffer = bytearray(_IN_FLIGHT)
        self._line: Line | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._port.connections.add(self)
        if self._port.control is None:
            self._port.control = self
            self._attach(controls=True)

    def _attach(self, *, controls: bool) -> None:
        self._line = Line(self._port.pen, BAUD if self._port.paced else None, connection=controls)
        self._line.attach(self._write, lambda _: self.drop())

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])
        if self._port.control is not self:
            if self._stops.feed(data):
                if self._line is None:
                    self._attach(controls=False)
                self._port.pen.stop()
            return
        line = self._line
        if line is None or self._transport is None:
            return
        line.receive(data)
        if self._port.paced and line.waiting > _IN_FLIGHT:
            self._transport.pause_reading()
            self._port.pen.loop.call_later(line.waiting * BITS_PER_BYTE / BAUD / 2, self._listen)

    def _listen(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _UNREAD:
            self._port.lost += len(data)
            return
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._port.connections.discard(self)
        if self._port.control is self:
            self._port.control = None
        self._transport = None
        if self._line is not None:
            self._line.detach()
            self._line = None

    def drop(self) -> None:
        """Close from the pen's side, at once."""
        if self._transport is not None:
            self._transport.abort()
