"""Instruments that send readings over a serial port: dial indicators, calipers, tachometers. They move nothing.

The protocol is the one that most have in common: ASCII lines that end with CR or LF, each one reading, ``+12.345``, with or
without a unit behind it (``+0.487 in``) and with or without a Mitutoyo header before it (``01A+00012.345``). A gauge is asked
with ``?`` CR (Sylvac, Mahr, TESA); one that only sends when its key is pressed does so unasked. Seven data bits with
parity are read as well: the eighth bit is not looked at.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from .address import Address
from .api import PenError
from .links.serial import PortSettings, SerialLink

BAUD: Final = 9600
ASK: Final = b"?\r"
ANSWER_S: Final = 1.0
_READING: Final = re.compile(r"(?:\d{2}A)?\s*([+-]?\d*[.,]?\d+)\s*([A-Za-zµμ\"/1]{0,5})")
_TROUBLE: Final = re.compile(r"(?:\d{2}A)?\s*(ERR\S*|9[0-9]{2}|[-_]{3,}|OVER|LOW|E\d+)", re.IGNORECASE)
_LINE_MAX: Final = 64


class GaugeError(PenError):
    """The gauge cannot be read; the text is one sentence with the next step."""

    code = "gauge"


def parse_line(line: str) -> tuple[str, str]:
    """Number and unit (empty: as the gauge is set) of one line. Raises :class:`GaugeError`.

    The sign of a plus is left out; leading zeros too, so that the number reads as a person would write it.
    """
    text = line.strip()
    # What a gauge says instead of a reading is looked for first: 911 is Mitutoyo's word for "not ready".
    if _TROUBLE.fullmatch(text):
        raise GaugeError(f"The gauge says {text[:20]!r} instead of a reading; look at its display and read again.")
    match = _READING.fullmatch(text)
    if match is None:
        raise GaugeError(f"The gauge sent {text[:20]!r}, which is no reading; check its baud rate and protocol.")
    number, unit = match.groups()
    sign, digits = ("-", number[1:]) if number[0] == "-" else ("", number.lstrip("+"))
    whole, point, rest = digits.replace(",", ".").partition(".")
    return f"{sign}{whole.lstrip('0') or '0'}{point}{rest}", unit


class SerialGauge:
    """A gauge at a ``serial://`` address (``?baud=4800`` for another rate than 9600) or behind ``tcp://``.

    ``ask`` is sent for each reading; empty for a gauge that sends only when its key is pressed.
    """

    def __init__(self, address: Address, ask: bytes = ASK) -> None:
        if address.scheme not in ("serial", "tcp"):
            raise GaugeError(f"{address}: a gauge is read over a serial port; use serial:///dev/ttyUSB0.")
        self.address, self._ask = address, ask
        socket = address.scheme == "tcp"
        options = address.options
        settings = PortSettings(int(options.get("baud", BAUD)), *(_flag(options.get(name)) for name in ("dtr", "rts")))
        self._link = SerialLink(str(address), f"socket://{address.where}" if socket else address.where, settings)
        self._rest = ""
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._lost = ""

    async def open(self) -> None:
        """Open the port. Raises :class:`drivers.api.LinkRefused`."""
        await self._link.open(self._data, self._gone)

    async def close(self) -> None:
        """Let go of the port."""
        await self._link.close()

    def _data(self, data: bytes) -> None:
        text = self._rest + bytes(byte & 0x7F for byte in data).decode("ascii", "replace")
        *lines, self._rest = re.split(r"[\r\n]+", text)
        self._rest = self._rest[-_LINE_MAX:]
        for line in lines:
            if line.strip():
                self._lines.put_nowait(line)

    def _gone(self, reason: str) -> None:
        self._lost = reason
        self._lines.put_nowait("")

    async def read(self, timeout: float = ANSWER_S) -> tuple[str, str]:
        """A reading taken after this call: number and unit. Raises :class:`GaugeError`."""
        self._check()
        if self._ask:
            # What the gauge sent before it was asked belongs to another set-point.
            while not self._lines.empty():
                self._lines.get_nowait()
            self._rest = ""
            self._link.write(self._ask)
        try:
            line = await asyncio.wait_for(self._lines.get(), timeout)
        except TimeoutError:
            what = "did not answer; switch it on and check its cable" if self._ask else "sent nothing; press its key"
            raise GaugeError(f"{self.address}: the gauge {what}.") from None
        self._check()
        return parse_line(line)

    def _check(self) -> None:
        if self._lost:
            raise GaugeError(f"{self._lost} The gauge is gone; plug it in and start again.")


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "1"
