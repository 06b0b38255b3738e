"""STOP past the stations, straight to the ports: of those that do not answer, and of programs that were killed.

Threads and no event loop: it serves the command line, and a client whose station does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.address import Address, parse_address
from drivers.direct_stop import SWITCH, DirectStop, DirectStops, direct_stop
from drivers.portlock import Holding, Left, forget, holdings, left_behind, tidy

from .stop_press import Press, Pressed

LOOK: Final = "look whether the pen stands still"


@dataclass(slots=True)
class PortStop:
    """STOP past a station at one port. ``left``: the holder was killed; ``holding`` None when nobody held it."""

    address: str
    sent: bool
    text: str
    holding: Holding | None = None
    left: bool = False


def in_short(results: Sequence[PortStop]) -> str:
    """One line for a screen: what STOP past the station came to. The worst comes first, a line may be cut."""
    missed = [one.address for one in results if not one.sent]
    if missed:
        return f"STOP not delivered, use the pen's own switch: {', '.join(missed)}."
    if results:
        return f"STOP was written straight to {', '.join(one.address for one in results)}; {LOOK}."
    return f"STOP: the station does not answer and no port is known; {SWITCH}."


@dataclass(slots=True)
class Round:
    """STOP everywhere: what the stations answered, what was written straight to ports, and who held what."""

    pressed: list[Pressed]
    direct: list[PortStop]
    held: list[Holding]


def stop_everywhere(press: Press, enough: Callable[[Pressed], bool]) -> Round:
    """STOP every pen that this user's programs hold, or held when they were killed.

    The stations of ``press`` have the byte already. The ports of a station whose answer is not ``enough``, of every
    other program that holds one, and those that killed programs left behind get the STOP bytes themselves; a port that
    somebody else holds by now is that holder's to stop.
    """
    # As soon after STOP as can be: a command that was stopped lets go of its pen before we can ask about it.
    held = holdings()
    asked = press.pids
    others = AtPorts([one for one in held if one.pid not in asked], left_behind())
    pressed = press.wait()
    silent = asked - {one.pid for one in pressed if enough(one)}
    hung = AtPorts([one for one in held if one.pid in silent], [])
    direct = others.wait() + hung.wait()
    tidy()
    return Round(pressed, direct, held)


class AtPorts:
    """STOP on its way to ports: beside their living holders, and to those whose holder was killed."""

    def __init__(self, held: Sequence[Holding], left: Sequence[Left]) -> None:
        self._held, self._left = held, left
        self._same = [one for one in left if not one.another_device]
        targets = [(one.address, False) for one in held] + [(one.holding.address, True) for one in self._same]
        self._stops = DirectStops(targets)

    def wait(self) -> list[PortStop]:
        """What was done. Files left behind that are of no more use are cleaned."""
        results = self._stops.wait()
        beside = [at_held(one, result) for one, result in zip(self._held, results[: len(self._held)], strict=True)]
        by_port = dict(zip((id(one) for one in self._same), results[len(self._held) :], strict=True))
        return beside + [_at_left(one, by_port.get(id(one))) for one in self._left]


def at_held(holding: Holding, result: DirectStop) -> PortStop:
    """What was done beside a living holder, in a sentence."""
    text = f"{result.address}: STOP was written straight to the port; {LOOK}." if result.sent else result.text
    return PortStop(result.address, result.sent, text, holding)


def _at_left(left: Left, result: DirectStop | None) -> PortStop:
    holding = left.holding
    pen = f" (pen {holding.serial})" if holding.serial else ""
    start = f"{holding.address}{pen}: {holding.owner} (process {holding.pid}) that held it is gone"
    if result is not None and result.sent:
        return PortStop(
            holding.address, True, f"{start}; STOP was written straight to the port; {LOOK}.", holding, True
        )
    if result is None:
        text = f"{start}, and so is its port: another device has that name now and got nothing; {SWITCH}."
    elif result.gone:
        text = f"{start}, and so is its port; {SWITCH}."
    else:
        text = f"{start}; {result.text.partition(': ')[2]}"
    if result is None or result.gone:
        forget(left)
    return PortStop(holding.address, False, text, holding, True)


def stop_at(text: str, holding: Holding | None, left: Left | None) -> PortStop:
    """STOP straight to the one port that was named, whoever holds it. Raises :class:`drivers.api.PenError`.

    ``holding``: who holds it now and did not answer; ``left``: what a killed holder left of it. The recorded options of
    the address count where ``text`` says nothing else, so that a board is not reset by DTR.
    """
    address = parse_address(text)
    if holding is not None:
        return at_held(holding, direct_stop(address))
    if left is not None and left.another_device:
        forget(left)
    elif left is not None:
        before = parse_address(left.holding.address)
        whole = Address(address.scheme, address.where, {**before.options, **address.options})
        return _at_left(left, direct_stop(whole, alone=True))
    result = direct_stop(address, alone=True)
    done = f"{address}: no program here holds it; STOP was written straight to the port; {LOOK}."
    return PortStop(result.address, result.sent, done if result.sent else result.text)
