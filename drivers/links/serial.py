"""Serial ports and ``socket://``: the event loop moves the bytes by the file descriptor.

pyserial opens and configures serial ports only. Its write spins at 100 % CPU on a full buffer and its close does not
cancel a read, so neither is used; its ``socket://`` sleeps for 0.3 s in every close, so sockets are opened without it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import serial

from drivers.api import LinkRefused
from drivers.link import OnData, OnLost
from drivers.tap import STREAM, Tap, Way

KERNEL_BYTES: Final = 64
"""Most bytes we leave in the kernel's output buffer: at 115,200 Bd a STOP then waits 5.6 ms at most."""

BAUD: Final = 115_200
_RETRY_S: Final = 0.002
_CONNECT_S: Final = 5.0
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 5000))


@dataclass(frozen=True, slots=True)
class PortSettings:
    """How to open a port. ``dtr`` and ``rts``: None leaves the system's default (which may reset a board)."""

    baud: int = BAUD
    dtr: bool | None = None
    rts: bool | None = None


class SerialLink:
    """A :class:`drivers.link.Link` over a POSIX serial device or a TCP socket."""

    def __init__(self, address: str, url: str, settings: PortSettings | None = None) -> None:
        self.address = address
        self.tap: Tap | None = None
        self._url = url
        self._settings = settings or PortSettings()
        self._is_socket = url.startswith("socket://")
        self._port: Any = None
        self._fd = -1
        self._out = bytearray()
        # Bytes in the kernel's output buffer at most: it is asked (a system call) only when this leaves no room.
        self._at_most = KERNEL_BYTES
        self._watching = False
        self._timer: asyncio.TimerHandle | None = None
        self._on_data: OnData | None = None
        self._on_lost: OnLost | None = None

    async def open(self, on_data: OnData, on_lost: OnLost) -> None:
        """Open the port in a thread (it may block). Raises :class:`LinkRefused` with the next step."""
        self._loop = asyncio.get_running_loop()
        try:
            self._port = await asyncio.to_thread(self._open_port)
        except (OSError, ValueError, termios.error) as error:
            raise LinkRefused(explain_refusal(self.address, error), refusal_code(error)) from error
        self._fd = self._port.fileno()
        os.set_blocking(self._fd, False)
        self._on_data, self._on_lost = on_data, on_lost
        self._loop.add_reader(self._fd, self._readable)

    def _open_port(self) -> Any:
        if self._is_socket:
            return self._open_socket()
        port = serial.serial_for_url(self._url, do_not_open=True, baudrate=self._settings.baud, timeout=0.2)
        port.exclusive = True
        if self._settings.dtr is not None:
            port.dtr = self._settings.dtr
        if self._settings.rts is not None:
            port.rts = self._settings.rts
        port.open()
        return port

    def _open_socket(self) -> socket.socket:
        parts = urlsplit(self._url)
        if parts.hostname is None or parts.port is None:
            raise ValueError("host or port is missing")
        connection = socket.create_connection((parts.hostname, parts.port), timeout=_CONNECT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A peer that is gone without a word would else look connected for ever.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE:
            if (option := getattr(socket, name, None)) is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
        return connection

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(_lost_text(self.address, error))
            return
        if not data:
            self._lose(f"{self.address}: the other end closed the connection; switch the pen on and plug it in.")
        elif self._on_data is not None:
            if self.tap is not None:
                self.tap.passed(Way.IN, STREAM, data)
            self._on_data(data)

    def write(self, data: bytes) -> None:
        """Queue bytes; they go to the kernel in order, never more than :data:`KERNEL_BYTES` ahead of the wire."""
        if self._fd < 0:
            return
        self._out += data
        if not self._watching and self._timer is None:
            self._pump()

    def write_stop(self, data: bytes) -> bool:
        """Drop what we queued, and write now; a full kernel buffer is flushed once, because STOP matters more."""
        if self._fd < 0:
            return False
        self._out.clear()
        if self._write_all(data):
            return True
        # The attempt itself may have found the link dead, and then there is no descriptor any more.
        if self._is_socket or self._fd < 0:
            return False
        try:
            termios.tcflush(self._fd, termios.TCOFLUSH)
        except termios.error:
            return False
        return self._write_all(data)

    def _write_all(self, data: bytes) -> bool:
        try:
            sent = os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._lose(_lost_text(self.address, error))
            return False
        self._at_most += sent
        if self.tap is not None:
            self.tap.passed(Way.OUT, STREAM, data[:sent], True)
        return sent == len(data)

    def _pump(self) -> None:
        self._timer = None
        if self._fd < 0 or not self._out:
            return self._unwatch()
        if len(self._out) > KERNEL_BYTES - self._at_most:
            self._at_most = self._kernel_bytes()
        room = KERNEL_BYTES - self._at_most
        if room <= 0:
            self._timer = self._loop.call_later(_RETRY_S, self._pump)
            return None
        try:
            sent = os.write(self._fd, self._out[:room] if len(self._out) > room else self._out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            return self._lose(_lost_text(self.address, error))
        self._at_most += sent
        if self.tap is not None and sent:
            self.tap.passed(Way.OUT, STREAM, bytes(self._out[:sent]))
        del self._out[:sent]
        if not self._out:
            return self._unwatch()
        if sent and len(self._out):
            self._timer = self._loop.call_later(_RETRY_S, self._pump)
            return self._unwatch()
        if not self._watching:
            self._watching = True
            self._loop.add_writer(self._fd, self._pump)
        return None

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._fd)

    def _kernel_bytes(self) -> int:
        if self._is_socket or self._fd < 0:
            return 0
        try:
            return int(struct.unpack("i", fcntl.ioctl(self._fd, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
        except OSError:
            return 0

    @property
    def idle(self) -> bool:
        """True when nothing waits in our own queue."""
        return not self._out

    def _lose(self, reason: str) -> None:
        on_lost = self._on_lost
        if (port := self._release()) is not None:
            self._loop.run_in_executor(None, _quietly, port.close)
        if on_lost is not None:
            on_lost(reason)

    def _release(self) -> Any:
        """Let go of the descriptor; gives the port that has yet to be closed, None when there is none.

        The system may hold up the close of a serial port for 30 s while bytes wait in it: no loop may wait there.
        """
        if self._fd < 0:
            return None
        # The descriptor is unregistered before it is closed: its number may be reused at once.
        self._loop.remove_reader(self._fd)
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._fd = -1
        self._on_data = self._on_lost = None
        if self._is_socket:
            # What was written last, a STOP perhaps, is sent before the end is.
            _quietly(lambda: self._port.shutdown(socket.SHUT_RDWR))
            _quietly(self._port.close)
            return None
        return self._port

    async def close(self) -> None:
        """Release the port; ``on_lost`` is not called. Returns when it can be opened anew."""
        if (port := self._release()) is not None:
            await asyncio.to_thread(_quietly, port.close)


def _quietly(call: Callable[[], None]) -> None:
    try:
        call()
    except OSError:
        pass


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, termios.error) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    cause = error.__cause__ or error.__context__
    return _number(cause) if cause is not None else None


def refusal_code(error: BaseException) -> str:
    """A stable word for scripts: no-permission, port-busy, no-such-port, refused or bad-address."""
    match _number(error):
        case errno.EACCES | errno.EPERM:
            return "no-permission"
        case errno.EAGAIN | errno.EBUSY:
            return "port-busy"
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "no-such-port"
        case None if isinstance(error, ValueError):
            return "bad-address"
        case _:
            return "refused"


def explain_refusal(address: str, error: BaseException) -> str:
    """One sentence for a person: what is wrong with this port and what to do."""
    match refusal_code(error):
        case "no-permission":
            return f"{address}: no permission to open the port; add yourself to its group (often dialout) and log in again."
        case "port-busy":
            return (
                f"{address}: the port is held by another program; close that program or run 'devicectl scan --explain'."
            )
        case "no-such-port":
            return f"{address}: there is no such port; plug the pen in and run 'devicectl scan'."
        case "bad-address":
            return f"{address}: this is not an address that can be opened ({error}); run 'devicectl scan' for one that can."
    if _number(error) == errno.ECONNREFUSED:
        return f"{address}: nothing listens there; start the simulated pen or check host and port."
    if _number(error) in (errno.ENOTTY, errno.EINVAL):
        return f"{address}: this is not a serial device; run 'devicectl scan' to see the ports."
    return f"{address}: cannot be opened ({error}); check the address with 'devicectl scan'."


def _lost_text(address: str, error: OSError) -> str:
    return (
        f"{address}: the link broke ({os.strerror(error.errno or errno.EIO)}); check the plug, the link is tried again."
    )
