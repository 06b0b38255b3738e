"""Addresses of pens: ``serial:///dev/ttyACM0?baud=115200``, ``tcp://127.0.0.1:7001``, or just a device path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from drivers.api import PenError


class BadAddress(PenError):
    """The text is not an address."""

    code = "bad-address"


@dataclass(frozen=True, slots=True)
class Address:
    """One pen's address in its canonical form (``str(address)``)."""

    scheme: str
    where: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        query = "&".join(f"{k}={v}" for k, v in sorted(self.options.items()))
        return f"{self.scheme}://{self.where}" + (f"?{query}" if query else "")

    @property
    def port_key(self) -> str:
        """The address without its options: one port is one pen, however it is opened."""
        return f"{self.scheme}://{self.where}"


_BAUD_MAX = 4_000_000
_OPTIONS = {"serial": {"baud", "dtr", "rts"}, "tcp": set[str](), "ble": set[str]()}


def parse_address(text: str) -> Address:
    """Read an address. Raises :class:`BadAddress` with examples of good ones."""
    text = text.strip()
    if text.startswith("/dev/") or (text.upper().startswith("COM") and text[3:].isdigit()):
        text = f"serial://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in _OPTIONS or not text.isprintable():
        raise BadAddress(
            f"{text!r} is not a pen's address; use serial:///dev/ttyACM0 or tcp://127.0.0.1:7001, or run 'devicectl scan'."
        )
    where = parts.netloc + parts.path
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := set(options) - _OPTIONS[parts.scheme]:
        known = ", ".join(sorted(_OPTIONS[parts.scheme])) or "none"
        raise BadAddress(f"'{text}': option {sorted(unknown)[0]} is not known for {parts.scheme} (known: {known}).")
    baud = options.get("baud", "115200")
    if not (baud.isascii() and baud.isdigit() and 0 < int(baud[:8]) <= _BAUD_MAX and len(baud) < 8):
        raise BadAddress(f"'{text}': baud must be a number such as 115200.")
    for name in ("dtr", "rts"):
        if options.get(name, "0") not in ("0", "1"):
            raise BadAddress(f"'{text}': {name} must be 0 or 1.")
    if parts.scheme == "tcp":
        try:
            ok = bool(parts.hostname) and bool(parts.port) and "@" not in parts.netloc
        except ValueError:
            ok = False
        if not ok:
            raise BadAddress(f"'{text}': a TCP address needs host and port, as tcp://127.0.0.1:7001.")
        where = parts.netloc
    elif not where:
        raise BadAddress(f"'{text}': the port is missing, as in serial:///dev/ttyACM0.")
    return Address(parts.scheme, where, options)
