"""Hands for a simulated pen from a terminal: one command per line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from .faults import FaultError, parse_fault
from .pen import SimulatedPen

HELP: Final = (
    "button | footswitch down|up | press LOAD|hand | fault NAME[=VALUE] | clear | reboot | "
    "cartridge remove|insert | state | quit"
)


class Console:
    """Reads lines and acts on the pen; every line gets one line in answer through ``emit``."""

    def __init__(self, pen: SimulatedPen, emit: Callable[[str], None], leave: Callable[[], None]) -> None:
        self._pen = pen
        self._emit = emit
        self._leave = leave
        self._tail = ""

    def execute(self, text: str) -> str:
        """Do what one line says and give the answer; never raises for what a person typed."""
        words = text.split()
        try:
            return self._do(words[0], words[1:]) if words else HELP
        except (FaultError, ValueError) as error:
            return str(error)

    def _do(self, verb: str, rest: list[str]) -> str:
        pen = self._pen
        match (verb, rest):
            case ("button", []):
                pen.press_button()
            case ("footswitch", [("down" | "up") as way]):
                pen.footswitch(way == "down")
            case ("press", ["hand"]):
                pen.press(None)
            case ("press", [load]):
                pen.press(max(0.0, float(load)))
            case ("fault", [name]):
                fault = parse_fault(name)
                if fault.start or fault.duration is not None:
                    return "A time cannot be given here; switch the fault on now, and off with: clear"
                if name.startswith("radio.") and not pen.on_air:
                    return "This pen is not on the air; devicectl simulate ble starts one that is"
                pen.set_faults(None, **fault.values)
            case ("clear", []):
                pen.clear_faults()
            case ("reboot", []):
                pen.reboot()
            case ("cartridge", ["remove"]):
                pen.remove_cartridge()
            case ("cartridge", ["insert"]):
                pen.insert_cartridge()
            case ("state", []):
                pass
            case ("quit" | "exit", []):
                self._leave()
                return "bye"
            case _:
                return HELP
        return self.state()

    def state(self) -> str:
        """What is really so, in one line."""
        truth = self._pen.truth
        return (
            f"{truth.state.name} {truth.rate_mhz / 1000:.1f} Hz {truth.depth_um / 1000:.3f} mm "
            f"{truth.current_ma:.0f} mA {truth.temperature:.1f} °C {truth.battery:.0f} % {truth.strokes:.0f} strokes{' INDICATING' if truth.indicating else ''}"
        )

    def listen(self, descriptor: int) -> Callable[[], None]:
        """Read lines from ``descriptor`` until it ends; gives the function that ends listening."""
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(descriptor)

        def ready() -> None:
            try:
                data = os.read(descriptor, 4096)
            except OSError:
                data = b""
            if not data:
                end()
            self._take(data.decode(errors="replace"))

        try:
            loop.add_reader(descriptor, ready)
        except OSError:
            # A plain file or /dev/null is always ready and cannot be waited for.
            while data := os.read(descriptor, 4096):
                self._take(data.decode(errors="replace"))
        return end

    def _take(self, text: str) -> None:
        *lines, self._tail = (self._tail + text).split("\n")
        self._tail = self._tail[-4096:]
        for line in lines:
            self._emit(self.execute(line))
