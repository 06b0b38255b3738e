"""Plays bursts by the system's player, in a thread of its own, or by the terminal's bell. Nothing here ever waits.

Over ssh the player of this computer would sound where nobody is: there the bell is rung, which travels.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from devicectl.alarms.sound import ALL, Burst, wav
from drivers.runtime import runtime_dir

PLAYERS: Final = (("pw-play",), ("paplay",), ("aplay", "-q"), ("afplay",))
SPARE_S: Final = 3.0
"""A player may take so much longer than its burst before it is ended."""
_VERSION: Final = 1
"""Of the sounds: another number is another file."""


def find_player(environment: Mapping[str, str] = os.environ) -> tuple[str, ...] | None:
    """The command that plays a WAV file here; None where the bell is to ring."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return None
    for name, *rest in PLAYERS:
        found = shutil.which(name, path=environment.get("PATH"))
        if found is not None:
            return (found, *rest)
    return None


def sound_file(burst: Burst) -> Path:
    """The burst's WAV file in the runtime folder, made if it is not there. Raises ``OSError``."""
    path = runtime_dir() / f"sound-{burst.name}-{_VERSION}.wav"
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_bytes(wav(burst))
        part.replace(path)
    return path


def play_now(burst: Burst, command: tuple[str, ...]) -> bool:
    """Play a burst to its end; False when that cannot be done here."""
    try:
        done = subprocess.run(
            [*command, str(sound_file(burst))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=burst.length_s + SPARE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Player:
    """``ring`` gets a burst, from the player's thread, when the bell must do; set ``on`` False for silence.

    The sounds are made beforehand by the thread. A burst that comes while another sounds waits; of those that wait only the
    newest is played.
    """

    def __init__(self, ring: Callable[[Burst], None], command: tuple[str, ...] | None) -> None:
        self._ring = ring
        self.command = command
        self.on = True
        self._waiting: queue.Queue[Burst | None] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None
        if command is not None:
            threading.Thread(target=self._run, name="sound", daemon=True).start()

    def play(self, burst: Burst) -> None:
        """Sound it as soon as possible; returns at once."""
        if not self.on:
            return
        if self.command is None:
            self._ring(burst)
            return
        if burst.name == "high" and (process := self._process) is not None:
            process.terminate()
        self._waiting.put(burst)

    def close(self) -> None:
        """Sound no more."""
        self.on = False
        self._waiting.put(None)
        if (process := self._process) is not None:
            process.terminate()

    def _run(self) -> None:
        try:
            for burst in ALL:
                sound_file(burst)
        except OSError:
            self.command = None
        while (burst_or_end := self._newest()) is not None:
            if self.command is None or not self._played(burst_or_end, self.command):
                # No sound device, most likely: from now on the bell.
                self.command = None
                if self.on:
                    self._ring(burst_or_end)

    def _newest(self) -> Burst | None:
        burst = self._waiting.get()
        while burst is not None and not self._waiting.empty():
            burst = self._waiting.get()
        return burst

    def _played(self, burst: Burst, command: tuple[str, ...]) -> bool:
        try:
            self._process = process = subprocess.Popen(
                [*command, str(sound_file(burst))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return False
        try:
            # Below 0: ended by a signal, ours for something more urgent.
            return process.wait(burst.length_s + SPARE_S) <= 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        finally:
            self._process = None
