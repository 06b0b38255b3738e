"""A simulated pen behind a pseudo-terminal that reports when STOP bytes are read at its end.

``python -m bench.pen_process [--stamps FD] [--unpaced] [--relay] [--seed N]``; the first line is JSON with the address.
Without ``--stamps`` it is the simulator as it is; ``--unpaced`` bytes are handled and answered as they are read. With
``--relay`` it reads one more pseudo-terminal in the same loop and stamps STOP bytes there too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import time
from typing import Any

from drivers.penlink.frame import StopMatcher
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort

from .lab import STAMP, raw_pty


class Stamper:
    """Looks for STOP in bytes that have just been read."""

    def __init__(self, fd: int, tag: bytes) -> None:
        self._fd, self._tag, self._matcher = fd, tag, StopMatcher()

    def __call__(self, data: bytes) -> None:
        at = time.monotonic_ns()
        if self._matcher.feed(data):
            os.write(self._fd, STAMP.pack(self._tag, at))


class BarePort(PtyPort):
    """A port that does not judge the baud rate at every read, as row a's other peers do not."""

    def _baud_is_right(self) -> bool:
        return True


class StampedPort(PtyPort):
    """A port that looks at the bytes first."""

    def __init__(self, pen: SimulatedPen, stamper: Stamper, *, paced: bool) -> None:
        super().__init__(pen, paced=paced)
        line = self._line
        receive = line.receive

        def stamped(data: bytes) -> None:
            stamper(data)
            receive(data)

        line.receive = stamped  # type: ignore[method-assign]


async def main(options: argparse.Namespace) -> None:
    """Until SIGTERM."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    pen = SimulatedPen("reference", seed=options.seed)
    if options.stamps >= 0:
        port: PtyPort = StampedPort(pen, Stamper(options.stamps, b"s"), paced=not options.unpaced)
    else:
        port = BarePort(pen, paced=False) if options.unpaced else PtyPort(pen)
    told: dict[str, Any] = {"address": port.open()}
    if options.relay:
        master, _slave, told["relay"] = raw_pty()
        stamper = Stamper(options.stamps, b"r")
        loop.add_reader(master, lambda: stamper(os.read(master, 4096)))
    print(json.dumps(told), flush=True)
    await over.wait()
    port.close()
    pen.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stamps", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unpaced", action="store_true")
    parser.add_argument("--relay", action="store_true")
    asyncio.run(main(parser.parse_args()))
