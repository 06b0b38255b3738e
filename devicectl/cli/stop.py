"""``devicectl stop``: STOP by every way there is, and a report of what was reached.

Plain sockets and no event loop: the bytes of STOP leave before anything else is imported.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from .app import Command
from .exits import Exit
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from pathlib import Path

    from devicectl.station.stop_ways import PortStop
    from drivers.address import Address
    from drivers.portlock import Holding

ANSWER_S: Final = 0.3
STILL_S: Final = 2.0
SWITCH: Final = "use the pen's own switch"
_PROTOCOL: Final = 1
_LINE_MAX: Final = 4_000_000


@dataclass(slots=True)
class Reached:
    """One pen. ``way`` is station, port or none; ``still`` None when nobody can tell from here; ``holder`` of its port:
    alive, gone (it was killed, or gave its lost link up) or none; ``gone``: its port is there no more."""

    address: str
    reached: bool
    still: bool | None
    way: str
    text: str
    holder: str = "alive"
    gone: bool = False


@click.command(
    cls=Command,
    examples=("devicectl stop", "devicectl stop serial:///dev/ttyACM0", "devicectl stop --json"),
)
@click.argument("address", required=False, type=ADDRESS)
@radio_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stop(address: str | None, as_json: bool) -> int:
    """STOP the pen at ADDRESS, or every pen that any program of yours holds.

    Works while the dashboard or another command holds the pen, and when the station hangs or was killed: STOP is
    then written straight to the ports that it holds or held, unless another device has the port's name by now.
    Exit code 0: every pen was seen still; 6: STOP was sent but a pen was not seen still, or its port is there no more:
    look at it; 5: a pen could not be reached or still turns: use its own switch; 3: no program holds or held a pen. It
    is no emergency stop; that is the pen's own switch.
    """
    begun = time.monotonic()
    direct: list[PortStop] = []
    pens = _stop_all(direct, begun) if address is None else [_stop_one(address, direct, begun)]
    if direct:
        _tell_the_record(direct, begun)
    return _report(pens, time.monotonic() - begun, as_json)


def _tell_the_record(direct: list[PortStop], begun: float) -> None:
    from devicectl.station.stop_notes import leave_notes, this_moment

    now = this_moment()
    ago_us = round((now.monotonic - begun) * 1e6)
    leave_notes(
        direct, "command line", now._replace(utc_us=now.utc_us - ago_us, boot_us=now.boot_us - ago_us, monotonic=begun)
    )


def _report(pens: list[Reached], took_s: float, as_json: bool) -> int:
    missed = [pen for pen in pens if not (pen.reached or pen.gone) or pen.still is False]
    unseen = [pen for pen in pens if pen.still is None and pen not in missed]
    number = Exit.STOP if missed else Exit.UNKNOWN if unseen else Exit.DONE if pens else Exit.NO_PEN
    nothing = "no program here holds a pen or left one behind, nothing was stopped; name one: devicectl stop ADDRESS."
    if as_json:
        from .output import print_json

        result: dict[str, Any] = {"pens": pens, "took_ms": round(took_s * 1000)}
        if missed:
            message = " ".join(pen.text for pen in missed)
            result["error"] = {"code": "stop-not-delivered", "message": message}
        elif unseen:
            result["error"] = {"code": "not-seen-still", "message": " ".join(pen.text for pen in unseen)}
        elif not pens:
            result["error"] = {"code": "no-pen", "message": nothing}
        print_json(result)
    else:
        for pen in pens:
            if pen not in missed and pen not in unseen:
                click.echo(pen.text)
    for pen in (*missed, *unseen):
        click.echo(f"devicectl: {pen.text}", err=True)
    if not pens:
        click.echo(f"devicectl: {nothing}", err=True)
    return int(number)


# ---- every pen


def _stop_all(direct: list[PortStop], begun: float) -> list[Reached]:
    from devicectl.station.paths import stop_sockets
    from devicectl.station.stop_press import Press

    press = Press(stop_sockets(), b"L")
    from devicectl.station.stop_ways import stop_everywhere

    done = stop_everywhere(press, lambda station: station.answered)
    direct += done.direct
    pens = [_at_port(one) for one in done.direct]
    told = {pen.address for pen in pens}
    for station in done.pressed:
        if station.answered:
            seen = _watch(station.requests, None, direct, begun, done.held)
            pens += [pen for pen in seen if pen.address not in told]
    told = {pen.address for pen in pens}
    good = {station.pid for station in done.pressed if station.answered}
    return pens + [_let_go(one.address) for one in done.held if one.pid in good and one.address not in told]


def _let_go(address: str) -> Reached:
    """A pen whose station took STOP, and which that station no longer shows."""
    text = f"{address}: its station took STOP and no longer shows the pen; look whether it stands still."
    return Reached(address, True, None, "station", text)


def _at_port(one: PortStop) -> Reached:
    holder = "gone" if one.left else "alive" if one.holding is not None else "none"
    way = "port" if one.sent else "none"
    return Reached(one.address, one.sent, None, way, one.text, holder, one.gone and holder != "none")


# ---- one pen


def _stop_one(text: str, direct: list[PortStop], begun: float) -> Reached:
    from devicectl.station.paths import stop_sockets
    from drivers.address import parse_address
    from drivers.portlock import holdings

    address = parse_address(text)
    stations = [path.with_suffix(".sock") for path in stop_sockets()]
    for requests, answer in _ask_all(stations, "pen.stop", {"source": "command line", "address": str(address)}):
        if answer.get("result", {}).get("sent"):
            seen = _watch(requests, address, direct, begun, holdings())
            # What the station had lost was tried at its port by now, and once is enough.
            return seen[0] if seen else _let_go(str(address))
    return _directly(str(address), direct)


def _directly(text: str, direct: list[PortStop], held: Sequence[Holding] = ()) -> Reached:
    """Past the station, to one port; ``held``: who held what when STOP was pressed."""
    from devicectl.station.stop_ways import stop_at
    from drivers.address import parse_address
    from drivers.portlock import holder_of, left_at

    address = parse_address(text)
    device = next((one.device for one in held if one.address == text), "")
    done = stop_at(text, holder_of(address), left_at(address), device)
    direct.append(done)
    return _at_port(done)


# ---- through the station


def _ask_all(stations: Sequence[Path], method: str, params: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The same request to all stations at once, so that one that hangs delays no other; answers as they come.

    The last of them 300 ms after the requests.
    """
    lines: dict[socket.socket, Path] = {}
    for path in stations:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(path))
            _say(line, method, params)
        except OSError:
            line.close()
        else:
            lines[line] = path
    waiting, end = set(lines), time.monotonic() + ANSWER_S
    try:
        while waiting and (left := end - time.monotonic()) > 0:
            for line in select.select(list(waiting), [], [], left)[0]:
                waiting.discard(line)
                try:
                    answer = _hear(line)
                except (OSError, ValueError):
                    continue
                if answer is not None:
                    yield lines[line], answer
    finally:
        for line in lines:
            line.close()


def _exchange(line: socket.socket, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    _say(line, method, params)
    return _hear(line)


def _say(line: socket.socket, method: str, params: dict[str, Any]) -> None:
    import json

    line.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")


def _hear(line: socket.socket) -> dict[str, Any] | None:
    import json

    buffer = b""
    while b"\n" not in buffer and len(buffer) < _LINE_MAX:
        data = line.recv(65536)
        if not data:
            return None
        buffer += data
    answer = json.loads(buffer.split(b"\n", 1)[0])
    return answer if isinstance(answer, dict) else None


def _watch(
    requests: Path, only: Address | None, direct: list[PortStop], begun: float, held: Sequence[Holding] = ()
) -> list[Reached]:
    """What the station knows of its pens after STOP: asked until all are still, 2 s at most.

    Pens that it has let go of since ``begun`` (the press) are told as they were then: who had them running closes them
    once they are stopped. A pen whose link is down, or that was not still when it was let go, is tried straight at its
    port.
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
                answer = _exchange(line, "pens.list", {"closed": True}) or {}
                if "result" not in answer:
                    # A station that an older version of the program started.
                    answer = _exchange(line, "pens.list", {}) or {}
                pens = [pen for pen in answer.get("result", []) if _is(pen, only) and not _closed_before(pen, begun)]
                turning = [
                    pen for pen in pens if pen["link"] == "up" and pen["motion"] != "still" and not pen.get("closed_s")
                ]
                if not turning or time.monotonic() > deadline:
                    break
                time.sleep(0.03)
    except (OSError, ValueError):
        pass
    return [_station_result(pen, direct, held) for pen in pens]


def _is(pen: dict[str, Any], only: Address | None) -> bool:
    if only is None:
        return True
    from drivers.address import parse_address

    return parse_address(str(pen["address"])).may_be(only)


def _closed_before(pen: dict[str, Any], begun: float) -> bool:
    closed_s = pen.get("closed_s")
    return closed_s is not None and closed_s > time.monotonic() - begun


def _station_result(pen: dict[str, Any], direct: list[PortStop], held: Sequence[Holding]) -> Reached:
    address = str(pen["address"])
    name = f"{address} ({pen['model']} {pen['serial']})" if pen["serial"] else address
    gone = pen.get("closed_s") is not None
    if pen["link"] != "up" or (gone and pen["motion"] != "still"):
        done = _directly(address, direct, held)
        why = "its link is lost" if pen["link"] != "up" else "its station let go of it before it was seen still"
        done.text = f"{name}: {why}; {done.text.partition(': ')[2]}"
        return done
    if pen["motion"] == "still":
        after = f", {pen['stop_ms']:.0f} ms after STOP" if pen["stop_ms"] is not None else ""
        what = "was still already, and stays stopped" if pen["stop_found_still"] else f"stopped and still{after}"
        text = f"{name}: {what}{'; the program that held it has let go of it' if gone else ''}."
        return Reached(address, True, True, "station", text)
    if pen["motion"] == "turning":
        return Reached(address, True, False, "station", f"{name}: STOP was sent but the motor still turns; {SWITCH}.")
    text = f"{name}: STOP was sent but the pen is not seen still; {SWITCH}."
    return Reached(address, True, None, "station", text)
