"""The reference of row j: a Textual app with one line and nothing else to do. ``python -m bench.empty_app ADDRESS --side FD``."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import socket
import sys
import termios

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static


class EmptyApp(App[int]):
    """Says which key was pressed."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("", id="line")

    def on_key(self, event: events.Key) -> None:
        """Show it."""
        self.query_one("#line", Static).update(f"pressed: {event.key}", layout=False)


async def main(options: argparse.Namespace) -> int:
    """Until the terminal goes away."""
    side = socket.socket(fileno=options.side)
    asyncio.get_running_loop().call_later(1.5, lambda: side.send(json.dumps({"ready": True}).encode() + b"\n"))
    return await EmptyApp().run_async() or 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--side", type=int, required=True)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.exit(asyncio.run(main(parser.parse_args())))
