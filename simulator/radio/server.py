"""The air for other processes: HCI over TCP or a Unix socket, one controller for each who connects."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from pathlib import Path
from typing import Final, cast

from bumble.transport.common import PacketParser

from drivers.api import LinkRefused
from simulator.pen import SimulatedPen

from .air import Air
from .options import AirOptions
from .pen import RadioPen

_LOOPBACK: Final = "127.0.0.1"
_UNREAD: Final = 1 << 20
"""Bytes that a host may leave unread before it is dropped, as a real adapter would be reset."""


class _Dongle(asyncio.Protocol):
    """One host's adapter. A closed socket is an adapter that was pulled out: its pens learn by their timeout."""

    def __init__(self, server: RadioServer) -> None:
        self._server = server
        self._parser = PacketParser()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.dongles.add(self)
        self.controller = self._server.air.controller(f"dongle {next(self._server.numbers)}")
        self.controller.host = self
        self._parser.set_packet_sink(self.controller)

    def on_packet(self, packet: bytes) -> None:
        """From the controller."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _UNREAD:
            self._transport.abort()
            return
        self._transport.write(packet)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except Exception:
            self.drop()  # whoever this is, it does not speak HCI

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._server.dongles.discard(self)
        self._server.air.unplug(self.controller)

    def drop(self) -> None:
        """Close from this side, at once."""
        if self._transport is not None:
            self._transport.abort()


class RadioServer:
    """Listens where only this computer can reach it: HCI knows no password.

    Args:
        where: ``tcp:PORT`` (0 for any free one, on 127.0.0.1) or ``unix:PATH`` (made with mode 0600).
    """

    def __init__(self, air: Air, where: str = "tcp:0") -> None:
        self.air = air
        self.dongles: set[_Dongle] = set()
        self.numbers = iter(range(1, 1 << 62))
        self._where = where
        self._server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen, and give the address for :func:`~simulator.radio.host.open_radio`.

        Raises :class:`drivers.api.LinkRefused` when it is taken.
        """
        loop = asyncio.get_running_loop()
        scheme, _, rest = self._where.partition(":")
        try:
            if scheme == "unix":
                self._server = await loop.create_unix_server(lambda: _Dongle(self), sock=self._bind(rest))
                return f"unix:{rest}"
            self._server = await loop.create_server(lambda: _Dongle(self), _LOOPBACK, int(rest))
        except (OSError, OverflowError, ValueError) as error:
            raise LinkRefused(
                f"Cannot listen on {self._where} ({getattr(error, 'strerror', None) or error}); choose another place."
            ) from error
        return f"tcp-client:{_LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def _bind(self, path: str) -> socket.socket:
        """A socket that is nobody else's from the beginning."""
        self._clear(Path(path))
        bound = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            bound.bind(path)
        except OSError:
            bound.close()
            raise
        finally:
            os.umask(before)
        return bound

    @staticmethod
    def _clear(path: Path) -> None:
        """Remove what a simulator that was killed has left behind; anything else is not touched.

        Raises ``OSError`` when somebody listens there.
        """
        if not path.is_socket():
            return
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
        raise OSError(errno.EADDRINUSE, "in use")

    async def close(self) -> None:
        """Stop listening and pull every adapter out."""
        if self._server is not None:
            self._server.close()
            for dongle in tuple(self.dongles):
                dongle.drop()
            await self._server.wait_closed()
            self._server = None
            if self._where.startswith("unix:"):
                self._clear(Path(self._where.removeprefix("unix:")))


class RadioPort:
    """A simulated pen on an air of its own that other processes can use."""

    def __init__(self, pen: SimulatedPen, options: AirOptions) -> None:
        self.air = Air(interval=options.interval, seed=pen.seed)
        self.on_air = RadioPen(self.air, pen, options.pen)
        self._server = RadioServer(self.air, options.where)

    async def open(self) -> tuple[str, str]:
        """Be on the air; gives the pen's address (``ble://F0:…``) and the radio's (``tcp-client:127.0.0.1:9300``).

        Raises :class:`drivers.api.LinkRefused`.
        """
        radio = await self._server.open()
        await self.on_air.start()
        return f"ble://{self.on_air.address}", radio

    async def close(self) -> None:
        """Leave the air and stop listening."""
        await self.on_air.close()
        await self._server.close()
