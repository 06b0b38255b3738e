"""A simulated pen as a process of its own: address on the first line, found by scans, until told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal

from drivers.api import LinkRefused

from .announce import Announcement, announce
from .console import Console
from .faults import FaultPlan, Faults
from .gauge import ERRORS, Errors, GaugePort, Instrument, PenTruth, What, find_pen
from .nvm import Nvm
from .pen import SimulatedPen
from .player import Player
from .profile import Profile
from .schedule import Schedule
from .tcp import TcpPort
from .truth import TruthPort

if TYPE_CHECKING:
    from .radio.options import AirOptions


async def serve(
    kind: Literal["pty", "tcp", "ble"],
    *,
    profile: Profile | str = "reference",
    seed: int = 0,
    faults: Faults | FaultPlan | None = None,
    port: int = 0,
    console: bool = False,
    paced: bool = True,
    emit: Callable[[str], None] = print,
    nvm: Nvm | None = None,
    air: AirOptions | None = None,
    told: Callable[[SimulatedPen, str, str], None] | None = None,
    schedule: Schedule | None = None,
) -> None:
    """Run a pen until SIGTERM, SIGINT, ``quit`` on the console, or cancellation.

    Args:
        port: TCP port, 0 for any free one; for ``tcp`` only.
        console: take commands from standard input (see :mod:`simulator.console`).
        paced: 115,200 Bd in both directions; False only for measurements.
        emit: takes the address first, the radio's address second if the pen is on one, then the console's answers.
        air: how the pen is on the air; for ``ble`` only.
        schedule: faults that are played on the pen from now on, decided by ``seed``.
        told: is given pen, address and the radio's address instead of ``emit``.

    Raises:
        LinkRefused: the port is taken, or there is no pseudo-terminal.
        ProfileError: there is no such profile.
        ImportError: the virtual radio is not installed; the text says how to.
    """
    over = asyncio.Event()
    async with AsyncExitStack() as stack:
        pen = SimulatedPen(profile, seed=seed, faults=faults, nvm=nvm)
        stack.callback(pen.close)
        if schedule is not None:
            stack.callback(Player(pen, schedule, seed).close)
        radio = ""
        if kind == "ble":
            address, radio = await _open_air(pen, air, stack)
        else:
            address = await open_port(kind, pen, port, paced, stack)
        truth = TruthPort(pen)
        stack.push_async_callback(truth.close)
        seen = await truth.open()
        stack.enter_context(announce(address, pen.profile.model, pen.serial, kind, radio, seen))
        heed_signals(over, stack)
        if told is not None:
            told(pen, address, radio)
        else:
            for line in filter(None, (address, radio)):
                emit(line)
        if console:
            stack.callback(Console(pen, emit, over.set).listen(sys.stdin.fileno()))
        await over.wait()


def heed_signals(over: asyncio.Event, stack: AsyncExitStack) -> None:
    """Set ``over`` at SIGTERM and SIGINT, until ``stack`` is closed."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, over.set)
        except (ValueError, RuntimeError, NotImplementedError):
            continue  # not the main thread: then cancellation is the way
        stack.callback(loop.remove_signal_handler, number)


async def _open_air(pen: SimulatedPen, air: AirOptions | None, stack: AsyncExitStack) -> tuple[str, str]:
    from .radio.options import AirOptions
    from .radio.server import RadioPort

    port = RadioPort(pen, air or AirOptions())
    stack.push_async_callback(port.close)
    return await port.open()


async def open_port(kind: str, pen: SimulatedPen, port: int, paced: bool, stack: AsyncExitStack) -> str:
    """The address of a port of ``kind`` (pty or tcp) for ``pen``, closed with ``stack``. Raises :class:`LinkRefused`."""
    if kind == "tcp":
        tcp = TcpPort(pen, port=port, paced=paced)
        stack.push_async_callback(tcp.close)
        return await tcp.open()
    return open_pty(pen, stack, paced=paced)


def open_pty(pen: SimulatedPen, stack: AsyncExitStack, *, paced: bool = True) -> str:
    """The address of a pseudo-terminal for ``pen``, closed with ``stack``. Raises :class:`LinkRefused`."""
    try:
        from .pty import PtyPort

        terminal = PtyPort(pen, paced=paced)
        address = terminal.open()
    except (ImportError, OSError) as error:
        raise LinkRefused(f"This system gives no pseudo-terminal ({error}); simulate a tcp pen instead.") from error
    stack.callback(terminal.close)
    return address


async def serve_gauge(
    what: What,
    *,
    pen: str | None = None,
    unit: str | None = None,
    errors: Errors | None = None,
    seed: int = 0,
    console: bool = False,
    told: Callable[[str, Announcement], None] = lambda address, pen: print(address),
) -> None:
    """Run an instrument at a simulated pen of this machine until SIGTERM, SIGINT or cancellation.

    ``told`` gets its address and the pen that it measures. With ``console`` each line on standard input is a press of the
    gauge's own key.

    Raises:
        GaugeTrouble: there is no such pen.
        LinkRefused: the system gives no pseudo-terminal.
    """
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    measured = find_pen(pen)
    truth = PenTruth(measured.truth)
    await truth.ask()
    port = GaugePort(
        Instrument(what, unit or ("mm" if what == "dial" else "rpm"), errors or ERRORS[what], seed), truth.ask
    )
    try:
        address = port.open()
    except OSError as error:
        raise LinkRefused(f"This system gives no pseudo-terminal ({error}).") from error
    async with AsyncExitStack() as stack:
        stack.push_async_callback(port.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
            stack.callback(loop.remove_signal_handler, number)
        told(address, measured)
        if console:
            descriptor = sys.stdin.fileno()

            def pressed() -> None:
                if not os.read(descriptor, 256):
                    loop.remove_reader(descriptor)
                else:
                    port.send()

            loop.add_reader(descriptor, pressed)
            stack.callback(loop.remove_reader, descriptor)
        await over.wait()
