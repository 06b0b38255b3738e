"""What is really so in a simulated pen, for simulated instruments in other processes: a Unix socket, one JSON line for a line."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress

from drivers.runtime import runtime_dir

from .pen import SimulatedPen


class TruthPort:
    """Answers whoever connects with the :class:`~simulator.pen.Truth` of this instant. Nothing can be changed through it."""

    def __init__(self, pen: SimulatedPen) -> None:
        self._pen = pen
        self._server: asyncio.Server | None = None
        self.path = ""

    async def open(self) -> str:
        """Listen; gives the path of the socket, or an empty text where there are no Unix sockets."""
        path = runtime_dir() / f"simulator-{os.getpid()}-{id(self) & 0xFFFF:x}.truth"
        try:
            with suppress(FileNotFoundError):
                os.unlink(path)
            self._server = await asyncio.start_unix_server(self._serve, str(path))
            os.chmod(path, 0o600)
        except (OSError, NotImplementedError, AttributeError):
            return ""
        self.path = str(path)
        return self.path

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readline():
                truth = self._pen.truth._asdict()
                truth["state"] = truth["state"].name
                writer.write(json.dumps(truth).encode() + b"\n")
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self.path:
            with suppress(OSError):
                os.unlink(self.path)
