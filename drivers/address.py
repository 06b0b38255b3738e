"""Addresses of pens: ``serial:///dev/ttyACM0?baud=115200``, ``tcp://127.0.0.1:7001``, ``ble://F0:50:45:4E:00:01``, or
just a device path.

A BLE pen is named by its Bluetooth address (on macOS the UUID that stands for it) or by the name that it advertises.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from drivers.api import PenError


class BadAddress(PenError):
    """The text is not an address."""

    code = "bad-address"


@dataclass(frozen=True, slots=True)
class Address:
    """One pen's address in its canonical form (``str(address)``), which leaves secrets (a passkey) out."""

    scheme: str
    where: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = sorted((k, v) for k, v in self.options.items() if k not in _SECRET)
        query = "&".join(f"{k}={quote(v, safe=_PLAIN)}" for k, v in shown)
        return f"{self.scheme}://{self._shown}" + (f"?{query}" if query else "")

    @property
    def _shown(self) -> str:
        return quote(self.where, safe=_IN_NAME) if self.scheme == "ble" else self.where

    @property
    def port_key(self) -> str:
        """The address without its options: one port is one pen, however it is opened. Another radio is another air.

        A serial port goes by the device to which its name leads now, so that a link such as those in
        ``/dev/serial/by-id`` is no other port.
        """
        key = f"{self.scheme}://{self._device}"
        radio = self.options.get("radio")
        return f"{key}?radio={quote(radio, safe=_PLAIN)}" if radio else key

    @property
    def _device(self) -> str:
        linked = self.scheme == "serial" and self.where.startswith("/")
        return os.path.realpath(self.where) if linked else self._shown

    def may_be(self, other: Address) -> bool:
        """True when both mean one pen, also when one of them leaves out which radio it is on."""
        same = (self.scheme, self._device) == (other.scheme, other._device)
        mine, theirs = self.options.get("radio"), other.options.get("radio")
        return same and (mine == theirs or not mine or not theirs)


_PLAIN = "/:,@;~!$'()*[]"
_IN_NAME = ": ,;~!$'()*"
_SECRET = {"passkey"}
_PASSKEY = re.compile(r"(passkey=)[^&#]*", re.IGNORECASE)
_BAUD_MAX = 4_000_000
_OPTIONS = {"serial": {"baud", "dtr", "rts"}, "tcp": set[str](), "ble": {"radio", "passkey"}}
_BLUETOOTH = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_bluetooth(text: str) -> bool:
    """True for a Bluetooth address, or the UUID that macOS gives instead of one; else it is a name."""
    return _BLUETOOTH.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Read an address. Raises :class:`BadAddress` with examples of good ones, which does not repeat a passkey."""
    text = text.strip()
    if text.startswith("/dev/") or (text.upper().startswith("COM") and text[3:].isdigit()):
        text = f"serial://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    told = _PASSKEY.sub(r"\1…", text)
    if parts.scheme not in _OPTIONS or not text.isprintable():
        raise BadAddress(
            f"{told!r} is not a pen's address; use serial:///dev/ttyACM0, tcp://127.0.0.1:7001 or "
            "ble://F0:50:45:4E:00:01, or run 'devicectl scan'."
        )
    if "#" in text:
        # What follows is no part of an address to urlsplit: "Pen #2" would lead to "Pen", which may be another one.
        raise BadAddress(f"'{told}': write # as %23 in an address.")
    where = (parts.netloc + parts.path).strip()
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := set(options) - _OPTIONS[parts.scheme]:
        known = ", ".join(sorted(_OPTIONS[parts.scheme])) or "none"
        name = min(unknown)
        # Percent signs can hide what no terminal should be sent.
        shown = name if name.isprintable() else ascii(name)
        raise BadAddress(f"'{told}': option {shown} is not known for {parts.scheme} (known: {known}).")
    baud = options.get("baud", "115200")
    if not (baud.isascii() and baud.isdigit() and 0 < int(baud[:8]) <= _BAUD_MAX and len(baud) < 8):
        raise BadAddress(f"'{told}': baud must be a number such as 115200.")
    for name in ("dtr", "rts"):
        if options.get(name, "0") not in ("0", "1"):
            raise BadAddress(f"'{told}': {name} must be 0 or 1.")
    if parts.scheme == "ble":
        return _ble(told, unquote(where).strip(), options)
    if parts.scheme == "tcp":
        try:
            ok = bool(parts.hostname) and bool(parts.port) and "@" not in parts.netloc
        except ValueError:
            ok = False
        if not ok:
            raise BadAddress(f"'{told}': a TCP address needs host and port, as tcp://127.0.0.1:7001.")
        where = parts.netloc
    elif not where:
        raise BadAddress(f"'{told}': the port is missing, as in serial:///dev/ttyACM0.")
    return Address(parts.scheme, where, options)


def _ble(told: str, where: str, options: dict[str, str]) -> Address:
    if not where or len(where) > 80 or not where.isprintable():
        raise BadAddress(f"'{told}': a BLE pen needs its Bluetooth address or name, as ble://F0:50:45:4E:00:01.")
    if _PASSKEY.search(where):
        raise BadAddress(f"'{told}': options begin with a question mark, as in ble://F0:50:45:4E:00:01?passkey=….")
    passkey = options.get("passkey", "0")
    if not (passkey.isascii() and passkey.isdigit() and len(passkey) <= 6):
        raise BadAddress(f"ble://{where}: a passkey is a number of up to six digits.")
    if "radio" in options and not options["radio"]:
        del options["radio"]
    return Address("ble", where.upper() if is_bluetooth(where) else where, options)
