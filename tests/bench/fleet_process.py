"""Many simulated pens behind pseudo-terminals that report when STOP bytes have arrived at their ends.

``python -m bench.fleet_process --count N --stamps FD``; the first line is JSON with the addresses. A stamp's tag is the
number of the pen. Real pens do not wait for each other, so what has arrived is read and stamped at all of them before any
of them deals with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal

from simulator.pen import SimulatedPen
from simulator.pty import PtyPort

from .pen_process import Stamper


class SweptPort(PtyPort):
    """A port of a fleet: whoever is readable reads for all."""

    def __init__(self, pen: SimulatedPen, stamper: Stamper, fleet: list[SweptPort]) -> None:
        super().__init__(pen)
        self._stamper, self._fleet = stamper, fleet

    def _arrived(self) -> bytes:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return b""
        self._stamper(data)
        return data

    def _readable(self) -> None:
        for port, data in [(port, port._arrived()) for port in self._fleet]:
            if data:
                port._line.receive(data)


async def main(options: argparse.Namespace) -> None:
    """Until SIGTERM."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    pens = [SimulatedPen("reference", seed=options.seed + number) for number in range(options.count)]
    ports: list[SweptPort] = []
    ports += [SweptPort(pen, Stamper(options.stamps, bytes((number,))), ports) for number, pen in enumerate(pens)]
    print(json.dumps({"addresses": [port.open() for port in ports]}), flush=True)
    await over.wait()
    lost = sum(port.lost for port in ports)
    for port in ports:
        port.close()
    for pen in pens:
        pen.close()
    print(json.dumps({"lost": lost}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--stamps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(main(parser.parse_args()))
