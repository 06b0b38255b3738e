"""STOP past the stations, straight to the ports: of those that do not answer, and of programs that were killed.

Threads and no event loop: it serves the command line, and a client whose station does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.address import Address, parse_address
from drivers.direct_stop import SWITCH, DirectStop, DirectStops, Target, direct_stop
from drivers.portlock import Holding, Left, forget, holdings, left_behind, tidy

from .stop_press import Press, Pressed

LOOK: Final = "look whether the pen stands still"
GONE: Final = f"there is no such port any more, and nobody has seen the pen still; if it turns, {SWITCH}"


@dataclass(slots=True)
class PortStop:
    """STOP past a station at one port. ``left``: its holder holds it no more; ``holding`` None when nobody held it;
    ``gone``: it was held, and there is no such port any more."""

    address: str
    sent: bool
    text: str
    holding: Holding | None = None
    left: bool = False
    gone: bool = False


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
        targets = [Target(one.address, False, one.device) for one in held]
        targets += [Target(one.holding.address, True, one.holding.device) for one in left]
        self._stops = DirectStops(targets)

    def wait(self, *, clean: bool = True) -> list[PortStop]:
        """What was done. ``clean``: files left behind that are of no more use are emptied, so that it is said once."""
        results = self._stops.wait()
        count = len(self._held)
        return [
            *(at_held(one, result) for one, result in zip(self._held, results[:count], strict=True)),
            *(_at_left(one, result, clean) for one, result in zip(self._left, results[count:], strict=True)),
        ]


def at_held(holding: Holding, result: DirectStop) -> PortStop:
    """What was done beside a living holder, in a sentence."""
    if result.sent:
        text = f"{result.address}: STOP was written straight to the port; {LOOK}."
    elif result.gone:
        text = f"{result.address}: {GONE}."
    else:
        text = result.text
    return PortStop(result.address, result.sent, text, holding, gone=result.gone)


def _at_left(left: Left, result: DirectStop, clean: bool = True) -> PortStop:
    holding = left.holding
    pen = f" (pen {holding.serial})" if holding.serial else ""
    what = "let go of it while its link was lost" if holding.let_go else "that held it is gone"
    start = f"{holding.address}{pen}: {holding.owner} (process {holding.pid}) {what}"
    if result.sent:
        return PortStop(
            holding.address, True, f"{start}; STOP was written straight to the port; {LOOK}.", holding, True
        )
    told = GONE if result.gone else result.text.partition(": ")[2].removesuffix(".")
    if clean and (result.gone or result.another):
        forget(left)
    return PortStop(holding.address, False, f"{start}; {told}.", holding, True, result.gone)


def stop_at(text: str, holding: Holding | None, left: Left | None, device: str = "") -> PortStop:
    """STOP straight to the one port that was named, whoever holds it. Raises :class:`drivers.api.PenError`.

    ``holding``: who holds it now and did not answer; ``left``: what a killed holder left of it; ``device``: what the port
    was when STOP was pressed and somebody held it still. The recorded options of the address count where ``text`` says
    nothing else, so that a board is not reset by DTR.
    """
    address = parse_address(text)
    if holding is not None:
        return at_held(holding, direct_stop(address, device=holding.device))
    if left is not None and left.another_device:
        forget(left)
    elif left is not None:
        before = parse_address(left.holding.address)
        whole = Address(address.scheme, address.where, {**before.options, **address.options})
        return _at_left(left, direct_stop(whole, alone=True, device=left.holding.device))
    result = direct_stop(address, alone=True, device=device)
    done = f"{address}: no program here holds it; STOP was written straight to the port; {LOOK}."
    return PortStop(result.address, result.sent, done if result.sent else result.text)
