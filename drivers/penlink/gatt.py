"""Penlink over Bluetooth Low Energy: the service, which message travels on which characteristic, what is advertised.

Each value is one inner frame without COBS, except Stop (anything that is not empty).
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final, NamedTuple

from .messages import BY_CLASS, HELLO

COMPANY: Final = 0xFFFF
"""Company id of the advertised manufacturer data; FFFF is the Bluetooth SIG's value for tests. None is assigned yet."""
DEVICE_INFORMATION: Final = "0000180a-0000-1000-8000-00805f9b34fb"
BATTERY: Final = "0000180f-0000-1000-8000-00805f9b34fb"
BATTERY_LEVEL: Final = "00002a19-0000-1000-8000-00805f9b34fb"


def _uuid(number: int) -> str:
    return f"9f4d{number:04x}-1f3a-4c8e-b6d2-5e8a7c0b3d61"


SERVICE: Final = _uuid(1)


class Characteristic(Enum):
    """The characteristics of the Penlink service; :data:`ACCESS` says what may be done with each."""

    FEATURES = _uuid(2)
    CONTROL_POINT = _uuid(3)
    STOP = _uuid(4)
    STATUS = _uuid(5)
    TELEMETRY = _uuid(6)
    LEASE = _uuid(7)
    LOG = _uuid(8)


PROBE: Final = b"\x00"
"""Written to the Control Point to learn whether the link is trusted: no frame, so the pen does nothing."""
CHANNELS: Final[dict[Characteristic, int]] = {kind: number for number, kind in enumerate(Characteristic, 1)}
"""The number of each characteristic for whoever listens on a link (:mod:`drivers.tap`)."""


class Access(NamedTuple):
    """How a characteristic is used. ``properties`` in bleak's words; ``trusted``: a bonded, encrypted link only."""

    properties: tuple[str, ...]
    trusted: bool
    text: str


ACCESS: Final[dict[Characteristic, Access]] = {
    Characteristic.FEATURES: Access(
        ("read", "write"), False, "Write a request. After a HELLO_REQUEST, reading gives that page of HELLO."
    ),
    Characteristic.CONTROL_POINT: Access(
        ("write", "indicate"), True, "One command at a time; its RESULT is indicated."
    ),
    Characteristic.STOP: Access(
        ("write", "write-without-response"), False, "Any value that is not empty is STOP; hosts send the eight bytes."
    ),
    Characteristic.STATUS: Access(
        ("read", "notify"), False, "Reading gives STATUS of that instant, subscribed or not: a host's first request."
    ),
    Characteristic.TELEMETRY: Access(("notify",), False, "The streams."),
    Characteristic.LEASE: Access(("write-without-response",), True, "Renewals; never answered."),
    Characteristic.LOG: Access(("notify",), False, "Events."),
}
"""What may be done with each characteristic."""

_BY_NAME = {
    "HELLO_REQUEST": Characteristic.FEATURES,
    "QUERY": Characteristic.FEATURES,
    "CMD": Characteristic.CONTROL_POINT,
    "RESULT": Characteristic.CONTROL_POINT,
    "STATUS": Characteristic.STATUS,
    "READBACK": Characteristic.STATUS,
    "TELEMETRY": Characteristic.TELEMETRY,
    "VITALS": Characteristic.TELEMETRY,
    "LEASE": Characteristic.LEASE,
    "EVENT": Characteristic.LOG,
}
CARRIES: Final[dict[int, Characteristic]] = {
    HELLO: Characteristic.FEATURES,
    **{layout.code: _BY_NAME[layout.name] for layout in BY_CLASS.values() if layout.code != HELLO},
}
"""The characteristic of each message type (the second byte of an inner frame)."""

_ADVERTISED = struct.Struct("<BHB")


class Advertised(NamedTuple):
    """The manufacturer data of an advertisement: which model, without connecting, and whether it is simulated."""

    protocol: int
    model_id: int
    flags: int

    @property
    def simulated(self) -> bool:
        """True when the pen says that it is not a real one."""
        return bool(self.flags & 1)

    def pack(self) -> bytes:
        """The bytes after the company id."""
        return _ADVERTISED.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Advertised | None:
        """The reverse of :meth:`pack`; None for what is not ours. Longer data of a later version is read as far."""
        return cls(*_ADVERTISED.unpack_from(data)) if len(data) >= _ADVERTISED.size else None
