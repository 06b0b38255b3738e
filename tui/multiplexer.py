"""Whether tmux or screen, in which a dashboard may run, shows it to anybody."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tui.terminal import TerminalPulse

EVERY_S: Final = 0.3
"""Between two looks while the motor may turn: with the heartbeat's 400 ms the pen is stopped within a second."""
IDLE_S: Final = 2.0
ANSWER_S: Final = 2.0


def tmux_attached(environment: Mapping[str, str]) -> bool | None:
    """Whether a client is attached to the session of our pane; None when tmux cannot say.

    tmux takes the execute bits from its socket when no session at all has a client, which needs no process to see.
    """
    socket = environment.get("TMUX", "").partition(",")[0]
    try:
        if not os.stat(socket).st_mode & stat.S_IXUSR:
            return False
        pane = ("-t", environment["TMUX_PANE"]) if environment.get("TMUX_PANE") else ()
        told = subprocess.run(
            ["tmux", "-S", socket, "display-message", "-p", *pane, "#{session_attached}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=True,
        )
        return int(told.stdout) > 0
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def screen_attached(environment: Mapping[str, str], folders: tuple[Path, ...] | None = None) -> bool | None:
    """The same for GNU screen, whose socket is executable while a display is attached."""
    if folders is None:
        user = environment.get("USER") or environment.get("LOGNAME") or ""
        roots = (Path("/run/screen"), Path("/var/run/screen"), Path(tempfile.gettempdir()) / "screens")
        named = environment.get("SCREENDIR")
        folders = (*([Path(named)] if named else ()), *(root / f"S-{user}" for root in roots), Path.home() / ".screen")
    for folder in folders:
        try:
            return bool((folder / environment["STY"]).stat().st_mode & stat.S_IXUSR)
        except OSError:
            continue
    return None


def question(environment: Mapping[str, str]) -> tuple[str, Callable[[], bool | None]] | None:
    """The multiplexer that holds us, and what asks it; None without one. tmux inside screen counts as tmux."""
    if environment.get("TMUX"):
        return "tmux", lambda: tmux_attached(environment)
    if environment.get("STY"):
        return "screen", lambda: screen_attached(environment)
    return None


class MultiplexerWatch:
    """Asks in a thread of its own and writes the answer into a pulse. ``may_turn`` decides how often."""

    def __init__(
        self,
        pulse: TerminalPulse,
        may_turn: Callable[[], bool],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._pulse, self._may_turn = pulse, may_turn
        self._end = threading.Event()
        found = question(environment)
        if found is not None:
            pulse.multiplexer, self._ask = found
            threading.Thread(target=self._run, name="terminal-watch", daemon=True).start()

    def _run(self) -> None:
        while not self._end.is_set():
            self._pulse.attached = self._ask()
            waited = 0.0
            # A run may begin meanwhile, and what was known then may be two seconds old.
            while waited < (EVERY_S if self._may_turn() else IDLE_S) and not self._end.wait(EVERY_S / 3):
                waited += EVERY_S / 3

    def close(self) -> None:
        """Ask no more."""
        self._end.set()
