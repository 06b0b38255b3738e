"""Has everything imported and forks stations and clients in milliseconds, so that a hundred kills take a minute.

Lines of JSON on standard input: ``{"role": "station"|"client", "environment": {…}, "log": path, "arguments": […]}``;
answered by ``{"pid": …}``; ``{"pid": …, "code": …}`` follows when that process has ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

from devicectl.station.runtime import run_station
from processes.client_process import play

_DIE_WITH_PARENT = 1


def _with_parent() -> None:
    """Whatever ends the nursery ends its children (Linux; elsewhere the harness ends them by their ids)."""
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    except (AttributeError, OSError):
        pass


def child(order: dict[str, Any]) -> NoReturn:
    """The forked process: never returns."""
    code = 1
    try:
        _with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])
        if order["role"] == "station":
            code = asyncio.run(run_station(None, on_demand=False))
        else:
            asyncio.run(play(*order["arguments"]))
            code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def tell(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    tail = b""
    tell(ready=True)
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            reap()
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, tail = (tail + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    child(order)
                tell(order=order["order"], pid=pid)


if __name__ == "__main__":
    main()
