"""The reference of row h: the same data in Textual's stock widgets, by the same client, in a terminal of the same size.

Four traces of 250 samples in Sparklines and their values in Statics, all updated ten times a second. The fourth trace is
the temperature, repeated for every sample. ``python -m bench.sparkline_app ADDRESS --side FD``.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import socket
import sys
import termios
from collections import deque
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Sparkline, Static

from devicectl.station.client import connect
from devicectl.station.views import View

TRACES = ("depth", "rate", "current", "temperature")
SAMPLES = 250
FPS = 10


class SparklineApp(App[int]):
    """Labels and sparklines, nothing else."""

    CSS: ClassVar[str] = "Static { height: 1; } Sparkline { height: 4; margin-bottom: 1; }"

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self._data = {name: deque([0.0] * SAMPLES, maxlen=SAMPLES) for name in TRACES}
        self._texts = dict.fromkeys(TRACES, "--")

    def compose(self) -> ComposeResult:
        """A label over each trace."""
        for name in TRACES:
            yield Static("", id=f"v-{name}")
            yield Sparkline([], id=f"s-{name}")

    def on_mount(self) -> None:
        """Listen, and draw on one timer."""
        self._client.on_view(self._hear)
        self.set_interval(1 / FPS, self._frame)

    def _hear(self, view: View) -> None:
        pen, trace = view.pen, view.trace
        if pen is None or trace is None:
            return
        data = self._data
        data["depth"].extend(v or 0 for v in trace.depth_um)
        data["rate"].extend(v or 0 for v in trace.rate_mhz)
        data["current"].extend(v or 0 for v in trace.current_ma)
        data["temperature"].extend([pen.temperature_cc or 0] * len(trace.clock_ms))
        self._texts = {
            "depth": f"Depth       {(pen.depth_um or 0) / 1000:6.2f} mm",
            "rate": f"Rate        {(pen.rate_mhz or 0) * 60 // 1000:6d} rpm",
            "current": f"Current     {(pen.current_ma or 0) / 1000:6.3f} A",
            "temperature": f"Temperature {(pen.temperature_cc or 0) / 100:6.1f} °C",
        }

    def _frame(self) -> None:
        for name in TRACES:
            self.query_one(f"#v-{name}", Static).update(self._texts[name], layout=False)
            self.query_one(f"#s-{name}", Sparkline).data = list(self._data[name])


async def main(options: argparse.Namespace) -> int:
    """Watches the pen; another client holds control."""
    client = await connect("sparklines", start=False)
    await client.request("pen.open", address=options.address)
    side = socket.socket(fileno=options.side)
    asyncio.get_running_loop().call_later(1.5, lambda: side.send(json.dumps({"ready": True}).encode() + b"\n"))
    return await SparklineApp(client).run_async() or 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--side", type=int, required=True)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.exit(asyncio.run(main(parser.parse_args())))
