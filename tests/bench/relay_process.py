"""The bare relay of row b: a key in one process, STOP bytes on a pseudo-terminal by another, a Unix socket between them.

``python -m bench.relay_process port SOCKET TTY`` listens, and writes STOP to TTY for every byte that comes;
``python -m bench.relay_process terminal SOCKET`` sends on what it reads from its terminal. Blocking calls, nothing else.
"""

from __future__ import annotations

import os
import socket
import sys
import tty

from drivers.penlink.frame import STOP


def port(path: str, device: str) -> None:
    """The far process."""
    out = os.open(device, os.O_RDWR | os.O_NOCTTY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        print("ready", flush=True)
        line, _ = listener.accept()
        while line.recv(64):
            os.write(out, STOP)


def terminal(path: str) -> None:
    """The near process."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        tty.setraw(0)
        os.write(1, b"ready")
        while data := os.read(0, 64):
            line.send(data)


if __name__ == "__main__":
    {"port": port, "terminal": terminal}[sys.argv[1]](*sys.argv[2 : 4 if sys.argv[1] == "port" else 3])
