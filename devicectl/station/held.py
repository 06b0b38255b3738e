"""A desk and the locks that go with it, as the station holds them."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.address import Address

from .desk import Desk, Holder
from .ports import Lock


@dataclass(slots=True)
class Held:
    """``port`` and ``pen`` are None in a station without files; ``serial`` is empty until a pen has answered."""

    desk: Desk
    port: Lock | None
    pen: Lock | None = None
    serial: str = ""
    opener: Holder | None = None
    """The control that belongs to who asked for it, until it is open."""
    moved: bool = False
    """The pen is held at another address by now."""
    alone_since: float | None = None
    """Since when its link is lost and nobody looks at it."""

    def note(self) -> None:
        """The pen is heard at its port now. Raises ``OSError``."""
        for lock in (self.port, self.pen):
            if lock is not None:
                lock.note()

    @property
    def unconfirmed(self) -> bool:
        """The link was lost before a STOP was confirmed: the port stays one that STOP goes to."""
        return self.desk.lost_at is not None and self.desk.control.stop_lane.active and not self.moved

    def release(self, *, unconfirmed: bool) -> None:
        """Give the port and the pen back, or leave them to the next STOP; touches files."""
        for lock in (self.port, self.pen):
            if lock is not None and unconfirmed:
                lock.leave()
            elif lock is not None:
                lock.release(used=self.moved or bool(self.serial))


def answers_to(desk: Desk, address: Address) -> bool:
    """Whether the pen of this desk is on the same air and was found to be called so."""
    same_air = desk.address.options.get("radio", "") == address.options.get("radio", "")
    return address.scheme == "ble" and same_air and address.where in desk.pen.names
