"""Penlink as a registered driver: which addresses and ports it takes, and how it opens them."""

from __future__ import annotations

from typing import Final

from drivers.address import Address
from drivers.api import API_VERSION, Pen
from drivers.driver import Driver, PortFacts, PortMatch
from drivers.link import Link
from drivers.links.serial import BAUD, PortSettings, SerialLink

from .pen import BLE, PenlinkPen

USB_IDS: Final[frozenset[tuple[int, int]]] = frozenset()
"""USB ids of Penlink pens. None is assigned yet: a pen is matched by its USB product text."""


def _open(address: Address) -> Pen:
    text = str(address)
    if address.scheme == "ble":
        return _ble(address)
    if address.scheme == "tcp":
        url, settings = f"socket://{address.where}", PortSettings()
    else:
        url = address.where

        def flag(name: str) -> bool | None:
            return address.options[name] == "1" if name in address.options else None

        settings = PortSettings(int(address.options.get("baud", BAUD)), flag("dtr"), flag("rts"))
    return PenlinkPen(text, lambda: SerialLink(text, url, settings))


def _ble(address: Address) -> Pen:
    # Bluetooth is loaded by those who use it only.
    from drivers.ble.link import BleLink, Target

    target = Target(address.where, address.options.get("radio", ""))
    number = address.options.get("passkey")

    async def passkey() -> int | None:
        return int(number) if number else None

    def link() -> Link:
        return BleLink(str(address), target, passkey=passkey if number else None)

    return PenlinkPen(str(address), link, BLE, lambda: target.names)


def _match(port: PortFacts) -> PortMatch:
    if "penlink" in port.product.lower():
        return PortMatch(True, f"its USB product text says '{port.product}'")
    if (port.vid, port.pid) in USB_IDS:
        return PortMatch(True, f"USB id {port.vid:04x}:{port.pid:04x} belongs to a Penlink pen")
    if port.vid is None:
        return PortMatch(False, "not a USB port, so nothing says what is behind it; name it with --probe to ask it")
    seen = port.product or f"{port.vid:04x}:{port.pid or 0:04x}"
    return PortMatch(False, f"USB says '{seen}', which is no pen known here; name it with --probe to ask it")


DRIVER: Final = Driver(
    name="penlink", api=API_VERSION, schemes=frozenset({"serial", "tcp", "ble"}), open=_open, match=_match
)
