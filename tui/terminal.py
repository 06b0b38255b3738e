"""Whether somebody can still see this terminal and type into it: a screen that nobody sees counts as dead.

Sans-IO: told what happened, asked what to do. Three signs: the terminal answers a question (the cursor's position, which
every terminal since the VT100 answers), it takes what is written, and tmux or screen has a client attached. The thread that
reads, the one that writes and the one that looks at the multiplexer each set plain attributes here; the screen's loop reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

QUESTION: Final = "\x1b[6n"
ASK_S: Final = 0.25
"""So long after an answer the next question is due while the motor may turn."""
IDLE_S: Final = 2.0
"""The same while it is still: a run must not begin before a dead terminal is known."""
ANSWER_S: Final = 1.0
"""An answer may take so long; a link over two continents needs 0.3 s."""
STALL_S: Final = 1.0
"""A terminal that takes no byte for so long is not there."""
BUSY_S: Final = 0.25
"""A write that waits so long: painting more would only make the screen's loop wait too."""
TRIES: Final = 3
"""So many unanswered questions at first, and the terminal is one that answers none."""
STOOD_S: Final = 0.5
"""Looks further apart than this: it was us who stood still, and the answer may lie there unread."""


class TerminalPulse:
    """Signs of life of one terminal. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._sent_at = self._looked_at = clock()
        self._tries = 0
        self._busy_since: float | None = None
        self.hung_up = False
        """Reading or writing failed: there is no terminal any more."""
        self.attached: bool | None = None
        """Whether tmux or screen has a client; None without them, or when they cannot be asked."""
        self.multiplexer = ""

    def look(self, may_turn: bool) -> bool:
        """To be called with every frame. Whether a question is to be written now."""
        now = self._clock()
        stood, self._looked_at = now - self._looked_at, now
        if self._asked_at is not None:
            if stood > STOOD_S:
                self._asked_at, self._sent_at = self._asked_at + stood, self._sent_at + stood
            if now - self._sent_at < ANSWER_S:
                return False
        elif self._answered_at is not None and now - self._answered_at < (ASK_S if may_turn else IDLE_S):
            return False
        return not self.hung_up and not self.busy and (not self.mute or may_turn)

    def asked(self) -> None:
        """A question was handed to the terminal. What waits for an answer already goes on waiting."""
        self._sent_at = self._clock()
        if self._asked_at is None or self._answered_at is None:
            self._asked_at = self._sent_at
        self._tries += 1

    def answered(self) -> None:
        """An answer was read. A late one is a sign of life too."""
        self._answered_at, self._asked_at = self._clock(), None

    def write_began(self) -> None:
        """Bytes wait for the terminal to take them."""
        self._busy_since = self._clock()

    def write_ended(self) -> None:
        """It took them."""
        self._busy_since = None

    @property
    def stood(self) -> float:
        """Seconds since the last look."""
        return self._clock() - self._looked_at

    @property
    def mute(self) -> bool:
        """Whether this terminal never answers: only the other signs are left."""
        return self._answered_at is None and self._tries >= TRIES

    @property
    def busy(self) -> bool:
        """Whether the terminal is so slow just now that nothing should be painted."""
        return self._busy_for() > BUSY_S

    def _busy_for(self) -> float:
        since = self._busy_since
        return 0.0 if since is None else self._clock() - since

    @property
    def problem(self) -> str | None:
        """Why nobody can see this screen now, as the end of a sentence; None while somebody can."""
        if self.hung_up:
            return "the terminal was closed"
        if self.attached is False:
            return f"{self.multiplexer} was detached"
        if self._busy_for() > STALL_S:
            return "the terminal took no more output"
        asked = self._asked_at
        if asked is not None and self._answered_at is not None and self._clock() - asked > ANSWER_S:
            return "the terminal did not answer"
        return None


class Absence:
    """Turns the pulse into news: when the terminal went, and what there is to say when it is back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._gone_at: float | None = None
        self._why = ""
        self._stopped = False

    def look(self, problem: str | None, running: bool) -> str | None:
        """Once a frame; ``running``: a run of this screen is granted. The sentence when the terminal is back."""
        if problem is not None:
            if self._gone_at is None:
                self._gone_at, self._why, self._stopped = self._clock(), problem, False
            self._stopped = self._stopped or running
            return None
        if self._gone_at is None:
            return None
        away, self._gone_at = self._clock() - self._gone_at, None
        what = "; the pen was stopped" if self._stopped else ""
        return f"{self._why[0].upper()}{self._why[1:]} for {away:.1f} s{what}."
