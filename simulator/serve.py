"""A simulated pen as a process of its own: address on the first line, found by scans, until told to end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Literal

from drivers.api import LinkRefused

from .announce import announce
from .console import Console
from .faults import FaultPlan, Faults
from .nvm import Nvm
from .pen import SimulatedPen
from .profile import Profile
from .tcp import TcpPort


async def serve(
    kind: Literal["pty", "tcp"],
    *,
    profile: Profile | str = "reference",
    seed: int = 0,
    faults: Faults | FaultPlan | None = None,
    port: int = 0,
    console: bool = False,
    paced: bool = True,
    emit: Callable[[str], None] = print,
    nvm: Nvm | None = None,
) -> None:
    """Run a pen until SIGTERM, SIGINT, ``quit`` on the console, or cancellation.

    Args:
        port: TCP port, 0 for any free one; not used by ``pty``.
        console: take commands from standard input (see :mod:`simulator.console`).
        paced: 115,200 Bd in both directions; False only for measurements.
        emit: takes the address first, then the console's answers.

    Raises:
        LinkRefused: the port is taken, or there is no pseudo-terminal.
        ProfileError: there is no such profile.
    """
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    async with AsyncExitStack() as stack:
        pen = SimulatedPen(profile, seed=seed, faults=faults, nvm=nvm)
        stack.callback(pen.close)
        address = await _open(kind, pen, port, paced, stack)
        stack.enter_context(announce(address, pen.profile.model, pen.serial, kind))
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, over.set)
            except (ValueError, RuntimeError, NotImplementedError):
                continue  # not the main thread: then cancellation is the way
            stack.callback(loop.remove_signal_handler, number)
        emit(address)
        if console:
            stack.callback(Console(pen, emit, over.set).listen(sys.stdin.fileno()))
        await over.wait()


async def _open(kind: str, pen: SimulatedPen, port: int, paced: bool, stack: AsyncExitStack) -> str:
    if kind == "tcp":
        tcp = TcpPort(pen, port=port, paced=paced)
        stack.push_async_callback(tcp.close)
        return await tcp.open()
    try:
        from .pty import PtyPort

        terminal = PtyPort(pen, paced=paced)
        address = terminal.open()
    except (ImportError, OSError) as error:
        raise LinkRefused(f"This system gives no pseudo-terminal ({error}); simulate a tcp pen instead.") from error
    stack.callback(terminal.close)
    return address
