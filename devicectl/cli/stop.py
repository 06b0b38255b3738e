"""``devicectl stop``: STOP by every way there is, and a report of what was reached.

Plain sockets and no event loop: the bytes of STOP leave before anything else is imported.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .app import Command
from .exits import Exit
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from drivers.address import Address
    from drivers.direct_stop import DirectStop

ANSWER_S: Final = 0.3
STILL_S: Final = 2.0
SWITCH: Final = "use the pen's own switch"
_PROTOCOL: Final = 1
_LINE_MAX: Final = 4_000_000


@dataclass(slots=True)
class Reached:
    """One pen. ``way`` is station, port or none; ``still`` None when nobody can tell from here."""

    address: str
    reached: bool
    still: bool | None
    way: str
    text: str


@dataclass(slots=True)
class Pressed:
    """One station that got the STOP byte; ``pid`` 0 when the system does not tell."""

    requests: Path
    pid: int
    answered: bool


@click.command(
    cls=Command,
    examples=("devicectl stop", "devicectl stop serial:///dev/ttyACM0", "devicectl stop --json"),
)
@click.argument("address", required=False, type=ADDRESS)
@radio_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stop(address: str | None, as_json: bool) -> int:
    """STOP the pen at ADDRESS, or every pen that any program of yours holds.

    Works while the dashboard or another command holds the pen, and when the station hangs: STOP is then written
    straight to the port. It is no emergency stop; that is the pen's own switch.
    """
    begun = time.monotonic()
    pens = _stop_all() if address is None else [_stop_one(address)]
    return _report(pens, time.monotonic() - begun, as_json)


def _report(pens: list[Reached], took_s: float, as_json: bool) -> int:
    missed = [pen for pen in pens if not pen.reached or pen.still is False]
    number = Exit.STOP if missed else Exit.DONE if pens else Exit.NO_PEN
    nothing = "no program here holds a pen, nothing was stopped; name one: devicectl stop ADDRESS."
    if as_json:
        from .output import print_json

        result: dict[str, Any] = {"pens": pens, "took_ms": round(took_s * 1000)}
        if missed:
            message = " ".join(pen.text for pen in missed)
            result["error"] = {"code": "stop-not-delivered", "message": message}
        elif not pens:
            result["error"] = {"code": "no-pen", "message": nothing}
        print_json(result)
    else:
        for pen in pens:
            if pen not in missed:
                click.echo(pen.text)
    for pen in missed:
        click.echo(f"devicectl: {pen.text}", err=True)
    if not pens:
        click.echo(f"devicectl: {nothing}", err=True)
    return int(number)


# ---- every pen


def _stop_all() -> list[Reached]:
    from devicectl.station.paths import stop_sockets

    stations = _press(stop_sockets())
    from drivers.portlock import holdings

    good = {station.pid for station in stations if station.answered and station.pid}
    # As soon after STOP as can be: a command that was stopped lets go of its pen before we can ask about it.
    found = holdings()
    pens: list[Reached] = _directly([holding.address for holding in found if holding.pid not in good])
    told = {pen.address for pen in pens}
    for station in stations:
        if station.answered:
            pens += [pen for pen in _watch(station.requests, None) if pen.address not in told]
    told = {pen.address for pen in pens}
    return pens + [_let_go(one.address) for one in found if one.pid in good and one.address not in told]


def _let_go(address: str) -> Reached:
    """A pen whose station took STOP, and which that station no longer shows."""
    text = f"{address}: its station took STOP and no longer shows the pen; look whether it stands still."
    return Reached(address, True, None, "station", text)


def _press(paths: list[Path]) -> list[Pressed]:
    """One byte to every station at once, then 300 ms for all of them to answer. Dead sockets are left out."""
    lines: dict[socket.socket, Pressed] = {}
    for path in paths:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(path))
            line.sendall(b"L")
        except TimeoutError:
            lines[line] = Pressed(path.with_suffix(".sock"), 0, False)
        except OSError:
            line.close()
        else:
            lines[line] = Pressed(path.with_suffix(".sock"), _peer(line), False)
    deadline = time.monotonic() + ANSWER_S
    waiting = set(lines)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for line in select.select(list(waiting), [], [], left)[0]:
            waiting.discard(line)
            try:
                lines[line].answered = bool(line.recv(1))
            except OSError:
                continue
    for line in lines:
        line.close()
    return list(lines.values())


def _peer(line: socket.socket) -> int:
    """The process at the other end; 0 when the system does not tell."""
    credentials = getattr(socket, "SO_PEERCRED", None)
    try:
        if credentials is not None:
            return int.from_bytes(line.getsockopt(socket.SOL_SOCKET, credentials, 12)[:4], sys.byteorder)
        # SOL_LOCAL and LOCAL_PEERPID of macOS' <sys/un.h>
        return int.from_bytes(line.getsockopt(0, 2, 4), sys.byteorder)
    except OSError:
        pass
    return 0


# ---- one pen


def _stop_one(text: str) -> Reached:
    from devicectl.station.paths import stop_sockets
    from drivers.address import parse_address

    address = parse_address(text)
    for path in stop_sockets():
        requests = path.with_suffix(".sock")
        answer = _ask(requests, "pen.stop", {"source": "command line", "address": str(address)})
        if answer is not None and answer.get("result", {}).get("sent"):
            seen = _watch(requests, address)
            if seen and seen[0].reached:
                return seen[0]
    return _directly([str(address)])[0]


# ---- past the station


def _directly(addresses: list[str]) -> list[Reached]:
    """STOP straight to the ports, all at the same time, because one that hangs must not delay the others."""
    if not addresses:
        return []
    import threading

    from drivers.address import parse_address
    from drivers.api import PenError
    from drivers.direct_stop import direct_stop

    results: dict[str, DirectStop | str] = {}

    def one(text: str) -> None:
        try:
            results[text] = direct_stop(parse_address(text))
        except PenError as error:
            results[text] = str(error)

    threads = [threading.Thread(target=one, args=(text,), daemon=True) for text in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(1.0)
    return [_direct_result(text, results.get(text)) for text in addresses]


def _direct_result(address: str, result: DirectStop | str | None) -> Reached:
    if result is None:
        return Reached(address, False, None, "none", f"{address}: the port does not take STOP; {SWITCH}.")
    if isinstance(result, str):
        return Reached(address, False, None, "none", result)
    if not result.sent:
        return Reached(address, False, None, "none", result.text)
    text = f"{address}: STOP was written straight to the port; look whether the pen stands still."
    return Reached(address, True, None, "port", text)


# ---- through the station


def _ask(requests: Path, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """One request on a connection of its own; None when there was no answer in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_S)
            line.connect(str(requests))
            return _exchange(line, method, params)
    except (OSError, ValueError):
        return None


def _exchange(line: socket.socket, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    import json

    line.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
    buffer = b""
    while b"\n" not in buffer and len(buffer) < _LINE_MAX:
        data = line.recv(65536)
        if not data:
            return None
        buffer += data
    answer = json.loads(buffer.split(b"\n", 1)[0])
    return answer if isinstance(answer, dict) else None


def _watch(requests: Path, only: Address | None) -> list[Reached]:
    """What the station knows of its pens after STOP: asked until all are still, 2 s at most.

    A pen whose link is down is tried straight at its port.
    """
    pens: list[dict[str, Any]] = []
    hello = {"client": f"devicectl stop (process {os.getpid()})", "version": _PROTOCOL}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_S)
            line.connect(str(requests))
            _exchange(line, "station.hello", hello)
            deadline = time.monotonic() + STILL_S
            while True:
                answer = _exchange(line, "pens.list", {})
                pens = [pen for pen in (answer or {}).get("result", []) if _is(pen, only)]
                turning = [pen for pen in pens if pen["link"] == "up" and pen["motion"] != "still"]
                if not turning or time.monotonic() > deadline:
                    break
                time.sleep(0.03)
    except (OSError, ValueError):
        pass
    return [_station_result(pen) for pen in pens]


def _is(pen: dict[str, Any], only: Address | None) -> bool:
    if only is None:
        return True
    from drivers.address import parse_address

    return parse_address(str(pen["address"])).may_be(only)


def _station_result(pen: dict[str, Any]) -> Reached:
    address = str(pen["address"])
    name = f"{address} ({pen['model']} {pen['serial']})" if pen["serial"] else address
    if pen["link"] != "up":
        direct = _directly([address])[0]
        if direct.reached:
            direct.text = f"{name}: its link is lost; {direct.text.partition(': ')[2]}"
        return direct
    if pen["motion"] == "still":
        after = f", {pen['stop_ms']:.0f} ms after STOP" if pen["stop_ms"] is not None else ""
        return Reached(address, True, True, "station", f"{name}: stopped and still{after}.")
    if pen["motion"] == "turning":
        return Reached(address, True, False, "station", f"{name}: STOP was sent but the motor still turns; {SWITCH}.")
    text = f"{name}: STOP was sent but the pen is not seen still; {SWITCH}."
    return Reached(address, True, False, "station", text)
