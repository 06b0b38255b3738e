"""The start sheet: what would start, what was asked and lowered, and every interlock. Only ``Y`` starts."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.binding import Binding

from devicectl.station.views import StartSheet
from tui import text
from tui.screens.base import Sheet
from tui.screens.rows import gate_rows, key_row
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, Row
from tui.zones import zone_name

MIN_DELAY_S: Final = 0.15
"""``Y`` sooner than this after the sheet appeared is a bounce, a repeat or a scan, not a decision."""


class StartSheetScreen(Sheet[bool]):
    """Answers True when ``Y`` was pressed in time; anything else, or ten seconds, answers False."""

    TITLE_TEXT = "Start needling?"
    BINDINGS: ClassVar = [Binding("Y", "confirm", "start", show=False)]

    def __init__(self, sheet: StartSheet, resume: bool = False) -> None:
        super().__init__()
        self.sheet, self.resume = sheet, resume
        self.shown_at: float | None = None

    def on_mount(self) -> None:
        """The clock runs from the moment the sheet can be seen."""
        box = self.query_one("#box")
        box.border_title = "Resume needling?" if self.resume else "Start needling?" if self.sheet.ok else "Cannot start"
        self.shown_at = self.live.clock()

    @property
    def left_s(self) -> float:
        """Seconds until it closes by itself."""
        if self.shown_at is None:
            return self.sheet.valid_s
        return self.sheet.valid_s - (self.live.clock() - self.shown_at)

    def frame(self) -> None:
        """Count down; close when it is over or when the ground under it moved."""
        if not self.is_current:
            return
        live = self.live
        if self.left_s <= 0:
            self._close("the start sheet closed: g opens it again")
        elif live.lost is not None or not live.controls:
            self._close("not started: control or station was lost")
        elif live.view is not None and live.pen is not None and live.pen.motion != "still":
            self._close("not started: the pen is not still")
        else:
            self.show(self._rows())

    def _rows(self) -> list[Row]:
        sheet, width = self.sheet, self.inner
        rows: list[Row] = [
            (("Zone   ", DIM), (zone_name(sheet.zone), BRIGHT)),
            self._value("Depth  ", text.mm(sheet.depth_asked_um), text.mm(sheet.depth_applied_um), "mm"),
            self._value("Rate   ", text.rpm(sheet.rate_asked_mhz), text.rpm(sheet.rate_applied_mhz), "rpm"),
        ]
        rows += [(("       ", DIM), (text.cut(reason, width - 7), TEXT)) for reason in sheet.reasons]
        fixed = len(rows) + 4
        gates = gate_rows(sheet.gates, width)
        if len(gates) > self.room - fixed:
            kept = max(1, self.room - fixed - 1)
            gates = [*gates[:kept], ((f"   and {len(gates) - kept} more", DIM),)]
        rows += [BLANK, *gates, BLANK]
        left = f"closes in {max(0, self.left_s):.0f} s"
        if sheet.ok:
            keys = (("Y", "resumes." if self.resume else "starts."), ("any other key", "cancels."))
            rows.append((*key_row(keys, width), (left, DIM)))
        else:
            rows.append((("A failed check holds the start. Any key closes.  ", BRIGHT), (left, DIM)))
        return rows

    @staticmethod
    def _value(label: str, asked: str, applied: str, unit: str) -> Row:
        if asked == applied:
            return ((label, DIM), (f"{applied} {unit}", BRIGHT))
        return ((label, DIM), (f"{asked} → ", DIM), (f"{applied} {unit}", BRIGHT), ("  lowered", TEXT))

    def action_confirm(self) -> None:
        """``Y``: start, unless the sheet refuses or the key came too soon."""
        delay = max(MIN_DELAY_S, self.sheet.not_before_s)
        if not self.sheet.ok:
            self._close("not started: a check failed")
        elif self.shown_at is None or self.live.clock() - self.shown_at < delay:
            self._close("not started: Y came too soon; press g again")
        else:
            self.dismiss(True)

    def on_key(self, event: events.Key) -> None:
        """Any key that is not bound cancels."""
        if event.key != "Y":
            event.stop()
            self._close("not started")

    def _close(self, why: str) -> None:
        self.live.say(why)
        self.dismiss(False)
