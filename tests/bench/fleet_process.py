"""Many simulated pens behind pseudo-terminals that report when STOP bytes have arrived at their ends.

``python -m bench.fleet_process --count N --stamps FD``; the first line is JSON with the addresses. A stamp's tag is the
number of the pen. Real pens do not wait for each other, so what has arrived is read and stamped at all of them before any
of them deals with it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import signal
from collections import deque

from simulator.pen import SimulatedPen
from simulator.pty import PtyPort

from .pen_process import Stamper


class Sweep:
    """Reads and stamps at all ports at once, and again whenever one pen has dealt with something."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._ports: dict[int, SweptPort] = {}
        self._waiting: deque[tuple[SweptPort, bytes]] = deque()

    def add(self, port: SweptPort) -> None:
        """One more port, opened."""
        self._ports[port.fd] = port
        self._poll.register(port.fd, select.POLLIN)

    def look(self) -> None:
        """Read and stamp what has arrived."""
        for fd, _ in self._poll.poll(0):
            port = self._ports[fd]
            if data := port.take():
                self._waiting.append((port, data))

    def serve(self) -> None:
        """Let the pens deal with it."""
        self.look()
        while self._waiting:
            port, data = self._waiting.popleft()
            port.line.receive(data)
            self.look()


class SweptPort(PtyPort):
    """A port of a fleet: whoever is readable reads for all."""

    def __init__(self, pen: SimulatedPen, stamper: Stamper, sweep: Sweep) -> None:
        super().__init__(pen)
        self._stamper, self._sweep, self.line = stamper, sweep, self._line
        receive = pen.receive

        def received(data: bytes) -> None:
            sweep.look()
            receive(data)

        self._line._to_pen.sink = received

    @property
    def fd(self) -> int:
        """The master's side."""
        return self._master

    def take(self) -> bytes:
        """What has arrived, stamped."""
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return b""
        self._stamper(data)
        return data

    def _readable(self) -> None:
        self._sweep.serve()


async def main(options: argparse.Namespace) -> None:
    """Until SIGTERM."""
    with contextlib.suppress(OSError):
        # A pen has a processor of its own, and does not wait for what else this machine does.
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    pens = [SimulatedPen("reference", seed=options.seed + number) for number in range(options.count)]
    sweep = Sweep()
    ports = [SweptPort(pen, Stamper(options.stamps, bytes((number,))), sweep) for number, pen in enumerate(pens)]
    addresses = [port.open() for port in ports]
    for port in ports:
        sweep.add(port)
    print(json.dumps({"addresses": addresses}), flush=True)
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
