"""Lines from a terminal that is also asked whether it is there: its answers must not land in what is typed.

While lines are read by the terminal itself an answer would wait, and be shown, until Enter is pressed. So echo and the few
editing keys are done here.
"""

from __future__ import annotations

import os
import re
import termios
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any, Final

_ANSWER: Final = re.compile(r"\x1b\[\d+;\d+R")
_SEQUENCE: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|[^\[O])", re.DOTALL)
_BEGUN: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?\Z")
_LONGEST: Final = 32
_NO_KEY: Final = b"\0"
"""POSIX: the value with which a terminal has no key for something."""


class LineEditor:
    """Sans-IO: bytes in, lines and echo out. Backspace, Ctrl+U (empties the line) and Ctrl+D (end) mean what they always do."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._line: list[str] = []
        self.echo = ""
        """To be shown; whoever shows it empties it."""
        self.answers = 0
        """How often the terminal has answered."""
        self.ended = False

    def feed(self, data: bytes) -> list[str]:
        """Take what was read; gives the lines that are complete."""
        lines: list[str] = []
        for key in self._keys(data):
            if len(key) == 1 and not self.ended:
                self._key(key, lines)
        return lines

    def keys(self, data: bytes) -> list[str]:
        """Take what was read as keys; a sequence that is no answer of the terminal is one key. What was typed is forgotten."""
        if self._line:
            self._line.clear()
            self.echo += "\r\n"
        return list(self._keys(data))

    def give_up(self) -> bool:
        """Whether a sequence or a letter had begun, which nothing more came for; it is forgotten."""
        begun, self._rest = bool(self._rest or self._decoder.getstate()[0]), ""
        self._decoder.reset()
        return begun

    def _keys(self, data: bytes) -> Iterator[str]:
        text, self._rest = self._rest + self._decoder.decode(data), ""
        at = 0
        while at < len(text) and not self.ended:
            if text[at] != "\x1b":
                yield text[at]
                at += 1
                continue
            found = _SEQUENCE.match(text, at)
            if found is None:
                if _BEGUN.match(text, at) and len(text) - at < _LONGEST:
                    self._rest = text[at:]
                    return
                yield "escape"
                at += 1
                continue
            if _ANSWER.fullmatch(found[0]):
                self.answers += 1
            else:
                yield found[0]
            at = found.end()

    def _key(self, key: str, lines: list[str]) -> None:
        if key in "\r\n":
            self.echo += "\r\n"
            lines.append("".join(self._line))
            self._line.clear()
        elif key in "\x7f\b":
            self._rub(1)
        elif key == "\x15":
            self._rub(len(self._line))
        elif key == "\x04":
            self.ended = not self._line
        elif key.isprintable():
            self._line.append(key)
            self.echo += key

    def _rub(self, count: int) -> None:
        for _ in self._line[len(self._line) - count :]:
            self._line.pop()
            self.echo += "\b \b"


class KeyByKey:
    """A terminal that hands over each key at once and shows none. Ctrl+C stays a signal.

    The keys that a terminal keeps for itself (Ctrl+Z, Ctrl+\\, Ctrl+S, Ctrl+Q) are handed over too while ``all_keys`` is
    set; else they mean what they always do.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None
        self._all_keys = False

    def all_keys(self, all_of_them: bool) -> None:
        """Whether each key is one to be read, and none is the terminal's own."""
        self._all_keys = all_of_them
        self.enter()

    @classmethod
    def possible(cls, fd: int, out: int) -> bool:
        """Whether both are terminals, and not one that shows an escape sequence as text."""
        return os.isatty(fd) and os.isatty(out) and os.environ.get("TERM", "dumb") != "dumb"

    def enter(self) -> None:
        """Begin, or begin again after the shell had the terminal."""
        try:
            now = termios.tcgetattr(self._fd)
            if self._before is None:
                self._before = termios.tcgetattr(self._fd)
            before = self._before
            now[3] &= ~(termios.ICANON | termios.ECHO)
            now[6][termios.VMIN], now[6][termios.VTIME] = 1, 0
            now[0] = now[0] & ~termios.IXON if self._all_keys else now[0] | before[0] & termios.IXON
            for own in (termios.VSUSP, termios.VQUIT):
                now[6][own] = _NO_KEY if self._all_keys else before[6][own]
            termios.tcsetattr(self._fd, termios.TCSANOW, now)
        except termios.error:
            pass  # the terminal is gone, and its reader says so

    def leave(self) -> None:
        """As it was before."""
        if self._before is not None:
            try:
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
            except termios.error:
                pass  # the terminal is gone
