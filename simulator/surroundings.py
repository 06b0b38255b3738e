"""What can happen around a pen, by the names that schedules use: hands, clients, the station, its disk and its clock."""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Happening(NamedTuple):
    """One thing that can happen. ``lasts``: it goes on until its ``for`` is over; else it is a moment.

    ``least`` and ``most`` bound its value when it takes a number, ``alone`` is its value when none is given.
    """

    text: str
    lasts: bool = False
    least: float | None = None
    most: float | None = None
    alone: Any = True

    def problem(self, value: Any) -> str | None:
        """Why ``value`` cannot be; None when it can."""
        if isinstance(self.alone, str):
            return None if isinstance(value, str) else "takes a text"
        if self.least is None or self.most is None:
            return None if value is True else "takes no value"
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.least <= value <= self.most:
            return f"takes a number from {self.least:g} to {self.most:g}"
        return None


HANDS: Final = {
    "hand.button": Happening("the button of the pen is pressed"),
    "hand.footswitch": Happening("somebody stands on the footswitch", lasts=True),
    "hand.cartridge": Happening("the cartridge is pulled out, and put back afterwards", lasts=True),
    "hand.press": Happening("the pen is pressed on skin: 0 air, 1 usual", lasts=True, least=0, most=10, alone=1.0),
}
"""What hands do to the pen; the simulator does it by itself."""

STACK: Final = {
    "client.start": Happening("somebody chooses this zone, reads the sheet and starts", alone="VTX"),
    "client.hasty": Happening("the same, sooner than 150 ms after the sheet is shown", alone="VTX"),
    "client.end": Happening("somebody ends the run"),
    "client.pause": Happening("somebody pauses the run"),
    "client.stop": Happening("somebody presses STOP"),
    "client.reset": Happening("somebody leaves the STOP latch"),
    "client.depth": Happening("somebody asks for another depth, mm", least=0, most=5, alone=1.0),
    "client.rate": Happening("somebody asks for another rate, Hz", least=1, most=300, alone=100.0),
    "client.recover": Happening("somebody mends what can be mended: opens, takes control, ends, resets"),
    "client.onlooker": Happening("a second client tries to set, start, end and reset"),
    "client.lock": Happening("the screen is locked, tried, and unlocked by PIN"),
    "client.freeze": Happening("the screen's program hangs", lasts=True),
    "client.gone": Happening("the client is killed, and another one comes"),
    "client.away": Happening("no client is there", lasts=True),
    "station.stop": Happening("the station stops all pens"),
    "station.kill": Happening("the station is killed as by kill -9, and another opens the same record"),
    "disk.locked": Happening("another program locks the record", lasts=True),
    "disk.silent": Happening("the disk does not answer", lasts=True),
    "clock.set": Happening("the computer's clock is set forward, s", least=-86_400, most=86_400, alone=3.0),
    "clock.suspend": Happening("the computer sleeps, s", least=0.001, most=86_400, alone=3.0),
}
"""What happens on the computer; only who has a whole stack can do it."""

HAPPENINGS: Final = HANDS | STACK
