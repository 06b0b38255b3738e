"""Puts a reader that nothing can end between a terminal and Textual's keys.

Textual's input thread ends, and the dashboard with it, at a byte that is not UTF-8 or a sequence that is none; every key
behind it in the same read, SPACE too, would be lost. Here what cannot be read is a key that nobody has bound: while the
motor may turn that is STOP.
"""

from __future__ import annotations

import sys
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import Any, Final

from textual import events
from textual.driver import Driver
from textual.message import Message

UNREADABLE: Final = "unreadable"
"""Name of the key that stands for what cannot be read."""
PASTE_S: Final = 0.5
"""A paste comes in one go; one whose end does not come for so long must not take the keys that follow."""
_PASTE: Final = "\x1b[200~"
_PASTED: Final = "\x1b[201~"
LETTER_S: Final = 0.05
"""The bytes of one letter come together; what is left alone for so long is no letter."""


class SturdyInput:
    """Decoder and parser of one input thread. ``parser`` makes Textual's own, anew after a failure; ``clock`` counts seconds."""

    def __init__(self, parser: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = parser, clock
        self._parser = parser()
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._decoded_at = clock()
        self._tail = ""
        self._pasting = False

    def decode(self, data: bytes, final: bool = False) -> str:
        """Bytes as text; what is no UTF-8 becomes U+FFFD."""
        now = self._clock()
        if self._pasting and now - self._decoded_at >= PASTE_S:
            self._parser, self._pasting, self._tail = self._make(), False, ""
        self._decoded_at = now
        text = self._decoder.decode(data, final)
        seen = self._tail + text
        begun, ended = seen.rfind(_PASTE), seen.rfind(_PASTED)
        if begun != ended:
            self._pasting = begun > ended
        self._tail = seen[1 - len(_PASTE) :]
        return text

    def feed(self, text: str) -> Iterator[Message]:
        """Messages for what was typed. A character that the parser fails at costs that sequence only."""
        if not text:
            yield from self._guarded(lambda: self._parser.feed(text))
        for character in text:
            yield from self._guarded(lambda: self._parser.feed(character))  # noqa: B023  (called at once)

    def tick(self) -> Iterator[Message]:
        """To be called now and then: messages for what nothing more came for."""
        if self._decoder.getstate()[0] and self._clock() - self._decoded_at >= LETTER_S:
            self._decoder.reset()
            yield from self.feed("\ufffd")
        yield from self._guarded(lambda: self._parser.tick())

    def _guarded(self, parse: Callable[[], Iterator[Message]]) -> Iterator[Message]:
        found: list[Message] = []
        try:
            for message in parse():
                found.append(message)
        except Exception:
            self._parser = self._make()
            found.append(events.Key(UNREADABLE, None))
        yield from found


def read_anything(driver: Driver) -> None:
    """Have the input thread of ``driver``, which has not begun, read through a :class:`SturdyInput`."""
    module: Any = sys.modules[type(driver).__module__]
    parser = getattr(module, "XTermParser", None)
    if parser is None or not hasattr(module, "getincrementaldecoder") or getattr(parser, "sturdy", False):
        return
    made: list[SturdyInput] = []

    def make(debug: bool = False) -> SturdyInput:
        made[:] = [SturdyInput(lambda: parser(debug))]
        return made[0]

    # The thread makes its parser first and its decoder right after.
    make.sturdy = True  # type: ignore[attr-defined]
    module.XTermParser = make
    module.getincrementaldecoder = lambda _: lambda: made[0]
