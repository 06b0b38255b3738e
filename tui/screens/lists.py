"""Everything that the treatment screen has no room for, in full: all alarms and news, and the session log."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding

from devicectl.station.views import AlarmView
from tui import text
from tui.model import Live
from tui.screens.base import Scrolled
from tui.screens.rows import log_line
from tui.theme import ALARMS, BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row


def alarm_rows(live: Live, width: int) -> list[Row]:
    """Every alarm with its whole sentence, in the order of the alarm row."""
    rows: list[Row] = []
    for alarm in live.alarms():
        look = ALARMS[alarm.priority]
        first, *more = text.wrap(alarm.text, width - 5)
        rows.append(((f"{look.mark}  ", look.plain), (first, BRIGHT if alarm.active else TEXT)))
        rows += [(("     ", DIM), (words, BRIGHT if alarm.active else TEXT)) for words in more]
        rows.append((("     ", DIM), (_standing(live, alarm), DIM)))
    return rows or [(("no alarms", DIM),)]


def _standing(live: Live, alarm: AlarmView) -> str:
    words = f"{alarm.priority}, since {text.clock(alarm.age_s + live.since)}"
    words += "" if alarm.active else ", over"
    return words + (", seen" if alarm.acknowledged else f"; {live.key('acknowledge')} acknowledges")


class AlarmsScreen(Scrolled):
    """All alarms, and the last answers of the station."""

    TITLE_TEXT = "Alarms"
    BINDINGS: ClassVar = [
        *Scrolled.BINDINGS,
        Binding("escape,q,enter", "close", show=False),
    ]
    ALSO: ClassVar = {"alarms": "close", "acknowledge": "acknowledge"}

    def content(self) -> list[Row]:
        """Alarms first, then news, newest first."""
        live, rows = self.live, alarm_rows(self.live, self.inner)
        if live.news:
            rows += [BLANK, (("What was answered", BRIGHT),)]
        for at, words in reversed(live.news):
            ago = f"{text.clock(live.clock() - at)} ago".ljust(11)
            first, *more = text.wrap(words, self.inner - len(ago))
            rows.append(((ago, DIM), (first, TEXT)))
            rows += [((" " * len(ago), DIM), (line, TEXT)) for line in more]
        return rows

    def action_acknowledge(self) -> None:
        """As on the treatment screen."""
        self.dashboard.treat.action_acknowledge()


class LogScreen(Scrolled):
    """The session log as far as this screen has heard it, newest first."""

    TITLE_TEXT = "Session log, newest first"
    BINDINGS: ClassVar = [*Scrolled.BINDINGS, Binding("escape,q,enter", "close", show=False)]
    ALSO: ClassVar = {"log": "close"}

    def content(self) -> list[Row]:
        """Every line, wrapped."""
        rows: list[Row] = []
        for line in sorted(self.live.log, key=lambda line: -line.at):
            rows += log_line(line, self.inner, self.dashboard.localtime)
        return rows or [(("nothing yet", DIM),)]
