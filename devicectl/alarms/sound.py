"""What the ear gets: pulses by priority, and which of them is due now. Pure: time and alarms in, a burst out.

The patterns follow IEC 60601-1-8 as manuals and secondary texts report it (the standard itself was not at hand): high 3 + 2
pulses, twice; medium 3 pulses; low 2, not repeated. A pulse has a fundamental of 150 to 1,000 Hz and four harmonics.
"""

from __future__ import annotations

import array
import io
import math
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .board import Priority

SAMPLES_HZ: Final = 22_050
_EDGE_S: Final = 0.02
"""Rise and fall of a pulse: without them it clicks."""
_SLACK_S: Final = 1e-6
_HARMONICS: Final = (1.0, 0.6, 0.45, 0.35, 0.25)


@dataclass(frozen=True, slots=True)
class Burst:
    """Pulses of ``pulse_s`` at ``starts`` (s), and after how many seconds they come again (None: never)."""

    name: str
    starts: tuple[float, ...]
    pulse_s: float
    pitch_hz: float
    again_s: float | None

    @property
    def length_s(self) -> float:
        """From the first pulse to the end of the last."""
        return self.starts[-1] + self.pulse_s


_FIVE: Final = (0.0, 0.25, 0.5, 1.0, 1.25)
HIGH: Final = Burst("high", (*_FIVE, *(2.25 + start for start in _FIVE)), 0.15, 660.0, 6.0)
MEDIUM: Final = Burst("medium", (0.0, 0.4, 0.8), 0.2, 520.0, 12.0)
LOW: Final = Burst("low", (0.0, 0.4), 0.2, 390.0, None)
TICK: Final = Burst("tick", (0.0,), 0.08, 880.0, None)
"""The planned time of a zone is over: no alarm."""
BURSTS: Final = {Priority.HIGH: HIGH, Priority.MEDIUM: MEDIUM, Priority.LOW: LOW}
ALL: Final = (HIGH, MEDIUM, LOW, TICK)


@dataclass(frozen=True, slots=True)
class Heard:
    """A condition as the ear is concerned: nobody has acknowledged it. ``id`` differs from condition to condition."""

    id: str
    priority: Priority


class Sounder:
    """Which burst is due. Ask it often; times are of one clock, in s."""

    def __init__(self) -> None:
        self._known: dict[str, Priority] = {}
        self._paused: set[str] = set()
        self._silent = False
        self._last: dict[str, float] = {}
        self._busy_until = float("-inf")
        self._new: set[Priority] = set()
        self._tick = False

    def tick(self) -> None:
        """The planned time is over; sounds when nothing more urgent does."""
        self._tick = True

    def due(self, now: float, heard: Iterable[Heard], silent: bool) -> Burst | None:
        """The burst that is to begin now, or None. ``silent``: the sound of what is known already is paused.

        What is new or has become more urgent sounds all the same.
        """
        conditions = {one.id: one.priority for one in heard}
        new = {id_ for id_, priority in conditions.items() if priority > self._known.get(id_, 0)}
        if silent and not self._silent:
            self._paused = set(conditions) - new
            self._new.clear()
        elif not silent:
            self._paused.clear()
        self._paused -= new
        self._silent, self._known = silent, conditions
        sounding = {priority for id_, priority in conditions.items() if id_ not in self._paused}
        self._new = (self._new | {conditions[id_] for id_ in new}) & sounding
        burst = self._choose(now, sounding)
        if burst is not None:
            self._busy_until = now + burst.length_s
        return burst

    def _choose(self, now: float, sounding: set[Priority]) -> Burst | None:
        top = max(sounding, default=None)
        if top is not None:
            burst = BURSTS[top]
            last = self._last.get(burst.name)
            again = burst.again_s is not None and (last is None or now - last >= burst.again_s - _SLACK_S)
            # A high one does not wait for the end of what is less urgent.
            free = now >= self._busy_until - _SLACK_S or (top is Priority.HIGH and top in self._new)
            if free and (top in self._new or again):
                self._new.discard(top)
                self._last[burst.name] = now
                if top is Priority.HIGH:
                    self._new.clear()
                return burst
        if self._tick and now >= self._busy_until - _SLACK_S and top is not Priority.HIGH:
            self._tick = False
            return TICK
        return None


def wav(burst: Burst) -> bytes:
    """The burst as a WAV file: mono, 16 bits."""
    count = int((burst.length_s + 0.05) * SAMPLES_HZ)
    samples = array.array("h", bytes(2 * count))
    scale = 0.8 * 32767 / sum(_HARMONICS)
    one = [
        int(scale * _envelope(n / SAMPLES_HZ, burst.pulse_s) * _voice(n / SAMPLES_HZ, burst.pitch_hz))
        for n in range(int(burst.pulse_s * SAMPLES_HZ))
    ]
    for start in burst.starts:
        at = int(start * SAMPLES_HZ)
        samples[at : at + len(one)] = array.array("h", one)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLES_HZ)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def _voice(t: float, pitch_hz: float) -> float:
    return sum(part * math.sin(math.tau * pitch_hz * n * t) for n, part in enumerate(_HARMONICS, 1))


def _envelope(t: float, pulse_s: float) -> float:
    return max(0.0, min(1.0, t / _EDGE_S, (pulse_s - t) / _EDGE_S))
