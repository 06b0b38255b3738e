"""A simulated pen as a process that reports the truth about its motor; started by ``harness.Pen``.

Arguments: pty|tcp, file for the truth, seed, TCP port. Standard input takes the lines of ``simulator.console``.
Each line of the file is JSON; ``t`` is CLOCK_MONOTONIC, which is the simulation's own time:
``{"t": …, "drive": true}`` for every change of the motor's current, ``{"t": …, "renewed": counter}`` for every renewal of
the lease, ``{"t": …, "late": seconds}`` when this process was not given the processor in time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, Final

from drivers.penlink.messages import Lease
from simulator.announce import announce
from simulator.console import Console
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort
from simulator.tcp import TcpPort

TICK_S: Final = 0.01
LATE_S: Final = 0.01


def report(pen: SimulatedPen, path: str) -> None:
    """Write every change of the motor's current, at the model's time, and every delay of this process."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    body, began = pen.physics, pen._start
    set_drive, renew = body._set_drive, pen.firmware._renew

    def tell(**what: Any) -> None:
        os.write(file, json.dumps(what).encode() + b"\n")

    def watched(rate: float) -> None:
        before = body.driven
        set_drive(rate)
        if body.driven != before:
            tell(t=began + body.now / 1000, drive=body.driven)

    def renewed(lease: Lease) -> None:
        renew(lease)
        tell(t=pen.loop.time(), renewed=lease.counter)

    def tick(due: float) -> None:
        now = pen.loop.time()
        if now - due > LATE_S:
            tell(t=now, late=now - due)
        pen.loop.call_at(now + TICK_S, tick, now + TICK_S)

    body._set_drive = watched  # type: ignore[method-assign]
    pen.firmware._renew = renewed  # type: ignore[method-assign]
    tick(pen.loop.time())


async def main(kind: str, truth: str, seed: int, port: int) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    pen = SimulatedPen(seed=seed)
    report(pen, truth)
    terminal = PtyPort(pen) if kind == "pty" else None
    network = TcpPort(pen, port=port) if terminal is None else None
    address = terminal.open() if terminal is not None else await network.open() if network is not None else ""

    def emit(text: str) -> None:
        print(text, flush=True)

    with announce(address, pen.profile.model, pen.serial, kind):
        emit(address)
        stop_listening = Console(pen, emit, over.set).listen(sys.stdin.fileno())
        await over.wait()
        stop_listening()
    if terminal is not None:
        terminal.close()
    if network is not None:
        await network.close()
    pen.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
