"""A simulated pen behind a real pseudo-terminal, which any program can open like a serial port (POSIX)."""

from __future__ import annotations

import fcntl
import os
import random
import termios
import tty
from typing import Final

from .line import BAUD, BITS_PER_BYTE
from .pen import SimulatedPen

_BURST: Final = 64
_LOOK_EVERY: Final = 0.01
"""Seconds for which the baud rate last seen is believed when sending; what is read is always judged afresh."""


class PtyPort:
    """The master's side. Hosts may open and close the slave as often as they like, the pen does not notice.

    A host that sets another rate than 115,200 Bd gets and sends noise, as on metal. What nobody reads is lost once the
    kernel's buffer is full. Raises ``OSError`` from :meth:`open` when the system has no pseudo-terminal to give.

    Args:
        paced: True for the pace of 115,200 Bd; False to handle and answer what is read within the same callback.
    """

    def __init__(self, pen: SimulatedPen, *, paced: bool = True) -> None:
        self._pen = pen
        self._line = pen.line(BAUD if paced else None)
        self._byte = BITS_PER_BYTE / BAUD if paced else 0.0
        self._master = self._slave = -1
        self._noise = random.Random(f"noise {pen.seed}")
        self._looked = float("-inf")
        self._right_baud = True
        self.path = ""
        self.lost = 0

    @property
    def address(self) -> str:
        """``serial:///dev/pts/4``; empty before :meth:`open`."""
        return f"serial://{self.path}" if self.path else ""

    def open(self) -> str:
        """Make the pseudo-terminal and give its address."""
        # The slave stays open here: without any opener the master would report an error for ever.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        attributes = termios.tcgetattr(self._slave)
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        os.set_blocking(self._master, False)
        fcntl.fcntl(self._master, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        self.path = os.ttyname(self._slave)
        self._line.attach(self._write, lambda _: self.close())
        self._pen.loop.add_reader(self._master, self._readable)
        return self.address

    def close(self) -> None:
        """Give the pseudo-terminal back; hosts see their port vanish. Safe to call twice."""
        if self._master < 0:
            return
        master, slave, self._master, self._slave = self._master, self._slave, -1, -1
        self._pen.loop.remove_reader(master)
        self._line.detach()
        os.close(master)
        os.close(slave)
        self.path = ""

    def _readable(self) -> None:
        try:
            data = os.read(self._master, _BURST if self._byte else 4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        self._looked = float("-inf")
        self._line.receive(data if self._baud_is_right() else self._garble(data))
        if self._byte and self._line.waiting >= _BURST:
            # What the wire cannot carry yet stays in the kernel, and at last in the host's own queue.
            self._pen.loop.remove_reader(self._master)
            self._pen.loop.call_later(self._line.waiting * self._byte / 2, self._listen)

    def _listen(self) -> None:
        if self._master >= 0:
            self._pen.loop.add_reader(self._master, self._readable)

    def _write(self, data: bytes) -> None:
        if self._master < 0:
            return
        if not self._baud_is_right():
            data = self._garble(data)
        try:
            self.lost += len(data) - os.write(self._master, data)
        except BlockingIOError:
            self.lost += len(data)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """The terminal was revoked by the system; nobody can open it any more."""
        self._line.unplug(f"the pseudo-terminal is gone ({error.strerror})")
        self.close()

    def _baud_is_right(self) -> bool:
        now = self._pen.loop.time()
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            attributes = termios.tcgetattr(self._slave)
            self._right_baud = attributes[4] == attributes[5] == termios.B115200
        return self._right_baud

    def _garble(self, data: bytes) -> bytes:
        """What a receiver at another rate makes of it: about as many bytes, none of them meant."""
        return self._noise.randbytes(max(1, len(data) * self._noise.randint(50, 150) // 100))
