"""What a client of the station can do: the interface that screens are written against.

The socket client and the in-process client both satisfy it; a screen never sees a link or the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from devicectl.station.views import View


class StationClient(Protocol):
    """One connection to a station.

    Requests (``docs/station.md`` has all of them) and their parameters:

    ``pens.scan`` {bluetooth, ports} → list of {address, name, why, held, ours, simulated, matched, rssi};
    ``pen.open`` {address}; ``pen.close`` {};
    ``control.take`` {}; ``control.release`` {}; ``session.open`` {purpose, client}; ``session.close`` {};
    ``gate.override`` {gate, reason}; ``zone.select`` {zone}; ``setpoint`` {depth_um, rate_mhz};
    ``run.preview`` {} → StartSheet;
    ``run.start`` {ticket} → Reply; ``run.pause`` {} → Reply; ``run.end`` {} → Reply; ``pen.reset`` {} → Reply;
    ``pen.indicate`` {address} → Reply;
    ``alarm.acknowledge`` {}; ``alarm.silence`` {}; ``note`` {digits};
    ``operator.list`` {retired} → list of {id, name, role, active, locked_out_s};
    ``operator.sign_in`` {name, pin}; ``operator.sign_out`` {}; ``operator.lock`` {};
    ``operator.add`` {name, role, pin}; ``operator.change`` {name, …}.
    """

    def on_view(self, listener: Callable[[View], None]) -> None:
        """Call ``listener`` on the event loop for every view."""

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` once, with a sentence, when the station is gone."""

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` on the event loop, with a line for a person, when STOP had to go past the station."""

    async def request(self, method: str, **params: Any) -> Any:
        """Ask and wait for the answer. Raises :class:`StationError` with one sentence when it is refused."""

    def heartbeat(self, frame: int, keys: int) -> None:
        """Tell the station that frame ``frame`` was finished and the input thread's counter stands at ``keys``."""

    def activity(self) -> None:
        """Tell the station that somebody is at the keys: puts off the lock. Once a second is enough."""

    def stop_now(self, source: str) -> None:
        """STOP, from any thread, at once: one byte on the stop connection; on silence for 300 ms the constant STOP
        frame straight to the ports of the lock file. Never raises."""

    async def close(self) -> None:
        """End the connection; a controlling client's end is a STOP while the motor may turn."""


class StationError(Exception):
    """The station refused or cannot be reached; the text is one sentence with the next step.

    ``fields``: of a form that was refused, one sentence for each field in question.
    """

    def __init__(self, text: str, code: str = "station-error", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.fields: Mapping[str, str] = fields or {}
