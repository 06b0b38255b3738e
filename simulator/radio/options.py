"""How a simulated pen appears on the air, and where that air is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Literal

Pairing = Literal["just-works", "passkey", "refuse"]
MTU: Final = 247
MTU_MIN: Final = 23
MTU_MAX: Final = 517
ADVERTISING_MS: Final = 100.0
INTERVAL: Final = 0.015
INTERVAL_MIN: Final = 0.0075
NAME_BYTES: Final = 29
"""What fits the scan response."""
_STATIC: Final = 3 << 46
"""The two highest bits of a random static address."""


class BadRadioOption(ValueError):
    """An option cannot be so; the text is one sentence with what is possible."""


def random_static(text: str) -> str:
    """A random static address that is always the same for ``text``."""
    return _written(random.Random(text).getrandbits(46) | _STATIC)


def _written(number: int) -> str:
    return ":".join(f"{byte:02X}" for byte in number.to_bytes(6, "big"))


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """How a pen appears.

    Args:
        address: random static (C0:… to FF:…); None takes one from the pen's seed.
        name: at most 29 bytes; None is model and serial number.
        pairing: a pen with ``passkey`` shows six digits, which the host has to give.
        mtu: largest ATT MTU that the pen agrees to, 23 … 517.
        advertising_ms: time between two advertisements.

    Raises :class:`BadRadioOption`.
    """

    address: str | None = None
    name: str | None = None
    pairing: Pairing = "just-works"
    passkey: int = 123_456
    mtu: int = MTU
    advertising_ms: float = ADVERTISING_MS

    def __post_init__(self) -> None:
        if self.address is not None:
            try:
                number = int.from_bytes(bytes.fromhex(self.address.replace(":", "")), "big")
            except ValueError:
                number = 0
            if len(self.address) != 17 or self.address.upper() != _written(number) or number & _STATIC != _STATIC:
                raise BadRadioOption(f"{self.address!r} is no random static address; write one like F0:50:45:4E:00:01.")
            object.__setattr__(self, "address", self.address.upper())
        if self.name is not None and not 0 < len(self.name.encode()) <= NAME_BYTES:
            raise BadRadioOption(f"{self.name!r}: a name has 1 to {NAME_BYTES} bytes.")
        if not 0 <= self.passkey <= 999_999:
            raise BadRadioOption(f"{self.passkey}: a passkey has six digits, 000000 to 999999.")
        if not MTU_MIN <= self.mtu <= MTU_MAX:
            raise BadRadioOption(f"{self.mtu}: an MTU lies between {MTU_MIN} and {MTU_MAX}.")


PLAIN: Final = RadioOptions()


@dataclass(frozen=True, slots=True)
class AirOptions:
    """One pen on an air of its own.

    Args:
        where: ``tcp:PORT`` on this computer, 0 for any free one, or ``unix:PATH``.
        interval: connection interval in s.
    """

    pen: RadioOptions = PLAIN
    where: str = "tcp:0"
    interval: float = INTERVAL
