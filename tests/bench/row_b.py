"""Row b: a stop key's byte written to the terminal until the STOP bytes are read at the pen's end.

Four processes as in life: the dashboard in a terminal of 120×40, the station, the simulated pen behind its
pseudo-terminal at 115,200 Bd with 50 Hz telemetry, and the bench, which types and draws. The reference is a bare relay
of two processes, pressed in turn with ours while the same dashboard draws, its bytes read and stamped by the pen's
process too. Before every press the latch is reset through the station, and every fourth press stops a turning motor.
"""

from __future__ import annotations

import contextlib
import random
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .lab import BenchError, Lab, PenProcess, Terminal
from .measure import Line, figures, ratios

BLOCK_S: Final = 0.36
IN_BLOCK_S: Final = 0.3
"""Presses come in this first part of a block; the station's own dead-man stop comes later at the soonest."""
ANSWER_S: Final = 2.0
TURNING_EVERY: Final = 4


@dataclass(slots=True)
class Presses:
    """ms from the key to the bytes, of both ways; and STOPs that came without a key."""

    ours: list[float] = field(default_factory=list)
    relay: list[float] = field(default_factory=list)
    dead_man: int = 0


def measure(lab: Lab) -> list[Line]:
    """Quiet, asleep and computing, in rounds by turns."""
    found = {"quiet": Presses(), "sleep": Presses(), "compute": Presses()}
    with _stage(lab) as stage:
        for _ in range(1 if lab.quick else 8):
            for kind, count in (("quiet", 18), ("sleep", 18), ("compute", 6)):
                stage.press(kind, found[kind], 4 if lab.quick else count)
    bounds = {"quiet": (5.0, 5.0), "sleep": (5.0, 12.0), "compute": (None, None)}
    words = {
        "quiet": "stop key → STOP at the pen, 50 Hz, against a bare relay",
        "sleep": f"the same, screen's loop in time.sleep({BLOCK_S})",
        "compute": f"the same, screen's loop computing for {BLOCK_S} s",
    }
    lines = []
    for kind, presses in found.items():
        ours, relay = figures(presses.ours), figures(presses.relay)
        note = f"{ours.n} presses; dead-man stops apart: {presses.dead_man}" if kind != "quiet" else f"{ours.n} presses"
        lines.append(Line("b", words[kind], "ms", ours, relay, ratios(ours, relay, *bounds[kind], tail=True), note))
    return lines


@contextlib.contextmanager
def _stage(lab: Lab) -> Iterator[Stage]:
    database = lab.database()
    with contextlib.ExitStack() as stack:
        pen = stack.enter_context(lab.pen("--relay", stamped=True))
        stack.enter_context(lab.station(database))
        path = str(lab.runtime / "relay")
        port = stack.enter_context(
            lab.process(["-m", "bench.relay_process", "port", path, pen.relay], stdout=subprocess.PIPE)
        )
        assert port.stdout is not None
        if not port.stdout.readline():
            raise BenchError("the relay did not start")
        relay = stack.enter_context(lab.terminal(["-m", "bench.relay_process", "terminal", path]))
        screen = stack.enter_context(lab.terminal(["-m", "bench.dashboard_process", pen.address], database))
        screen.answer()
        while not relay.bytes:
            relay.pass_time(0.05)
        yield Stage(pen, screen, relay)


class Stage:
    """The dashboard, the relay, and the pen that sees what comes of either."""

    def __init__(self, pen: PenProcess, screen: Terminal, relay: Terminal) -> None:
        self._pen, self._screen, self._relay = pen, screen, relay
        self._chance = random.Random("presses")
        self._count = 0

    def press(self, kind: str, presses: Presses, count: int) -> None:
        """Press ours and the relay ``count`` times each, in changing order, both in the same block if there is one."""
        for _ in range(count):
            self._screen.ask("reset")
            if self._count % TURNING_EVERY == 0:
                self._screen.ask("start VTX")
            self._screen.pass_time(self._chance.uniform(0.02, 0.1))
            self._pen.take()
            blocked = None
            if kind != "quiet":
                blocked = self._screen.ask(f"{kind} {BLOCK_S}")["at"] / 1e9
            order = (b"s", b"r") if self._count % 2 else (b"r", b"s")
            for part, tag in enumerate(order):
                if blocked is not None:
                    half = IN_BLOCK_S / 2
                    due = blocked + part * half + self._chance.uniform(0.005, half - 0.03)
                    self._screen.pass_time(max(0.0, due - time.monotonic()))
                else:
                    self._screen.pass_time(self._chance.uniform(0.02, 0.08))
                self._one(tag, presses)
            self._count += 1
            if blocked is not None:
                self._screen.pass_time(max(0.0, blocked + BLOCK_S + 0.02 - time.monotonic()))

    def _one(self, tag: bytes, presses: Presses) -> None:
        early = sum(1 for found, _ in self._pen.take() if found == b"s") if tag == b"s" else 0
        presses.dead_man += bool(early)
        terminal = self._screen if tag == b"s" else self._relay
        at = terminal.key(b" ")
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            for found, stamp in self._wait(until - time.monotonic()):
                if found == tag and stamp >= at:
                    if not early:
                        (presses.ours if tag == b"s" else presses.relay).append((stamp - at) / 1e6)
                    return
        raise BenchError(f"no STOP came within {ANSWER_S:.0f} s of a {'key' if tag == b's' else 'relayed byte'}")

    def _wait(self, seconds: float) -> list[tuple[bytes, int]]:
        ready = select.select([self._pen.stamps, self._screen.master], [], [], max(0.0, seconds))[0]
        if self._screen.master in ready:
            self._screen.read()
        return self._pen.take() if self._pen.stamps in ready else []
