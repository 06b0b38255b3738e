"""Typing depth and rate: two fields that exist only while the pen is confirmed still."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input

from devicectl.station.client_api import StationError
from tui import text
from tui.entry import EntryError, parse_depth, parse_rate
from tui.model import known, replies
from tui.screens.base import Sheet
from tui.screens.pairing import PASSKEY_CODES
from tui.screens.rows import key_row
from tui.stop_guard import SCAN_GAP_S
from tui.theme import BRIGHT, DIM, TEXT
from tui.widgets.line_board import BLANK, LineBoard, Row

TYPED: Final = r"[0-9]*[.,]?[0-9]*[a-zA-Z]*"
FIELDS: Final = {"depth": ("Depth  mm   ", parse_depth, "depth_um"), "rate": ("Rate   Hz   ", parse_rate, "rate_mhz")}


class ValuesScreen(Sheet[None]):
    """Sends what was typed as one ``setpoint``; what the station made of it stays to be read.

    The fields have the focus only while the pen is confirmed still and no run is open, and take no blank: SPACE is
    STOP here too. Enter right behind a character comes from a scanner and sends nothing.
    """

    TITLE_TEXT = "Type depth and rate"
    BINDINGS: ClassVar = [
        Binding("tab,down", "other", show=False),
        Binding("shift+tab,up", "other", show=False),
        Binding("escape", "close", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.field = "depth"
        self.told: list[str] = []
        self.typed_at = -1.0
        self.sending = False

    def extra(self) -> ComposeResult:
        """A field for each value, then what the station said."""
        for name, (label, _, _) in FIELDS.items():
            with Horizontal(classes="entry"):
                board = LineBoard(1, id=f"label-{name}", classes="label")
                board.put(0, ((label, DIM),))
                yield board
                entry = Input(max_length=12, restrict=TYPED, id=f"value-{name}", select_on_focus=False)
                entry.cursor_blink = False
                entry.can_focus = False
                yield entry
        yield LineBoard(id="answer")

    def frame(self) -> None:
        """Follow the pen: the fields lose the focus as soon as it is not confirmed still."""
        allowed, guard = self.live.at_rest, self.dashboard.guard
        for name in FIELDS:
            entry = self._entry(name)
            if entry.can_focus != allowed:
                entry.can_focus = allowed
                if name == self.field:
                    self.set_focus(entry if allowed else None)
                    guard.text_focus = allowed
        self.show(self._limits())
        answer = self.query_one("#answer", LineBoard)
        rows = self._answer()[: max(1, self.room - 4)]
        if answer.styles.height is None or answer.styles.height.value != len(rows):
            answer.styles.height = len(rows)
        answer.fill(rows)

    def _entry(self, name: str) -> Input:
        return self.query_one(f"#value-{name}", Input)

    def _limits(self) -> list[Row]:
        view, pen = self.live.view, self.live.pen
        limits = pen.limits if pen is not None else None
        if view is None or pen is None or limits is None:
            return [(("no pen", DIM),)]
        depth, rate = known(view.depth_request_um, pen.depth_set_um), known(view.rate_request_mhz, pen.rate_set_mhz)
        soft = f"  soft limit {text.mm(limits.depth_soft_um)}" if limits.depth_soft_um < limits.depth_max_um else ""
        return [
            (("Depth  ", DIM), (f"{text.mm(depth)} mm", TEXT),
             (f"   {text.mm(limits.depth_min_um)} to {text.mm(limits.depth_max_um)}{soft}", DIM)),
            (("Rate   ", DIM), (text.rate(rate), TEXT),
             (f"   {text.hz(limits.rate_min_mhz)} to {text.hz(limits.rate_max_mhz)}", DIM)),
            BLANK,
        ]  # fmt: skip

    def _answer(self) -> list[Row]:
        rows: list[Row] = [BLANK]
        if not self.live.at_rest:
            rows.append((("waiting until the pen is confirmed still and no run is open", BRIGHT),))
        for words in self.told:
            rows += [((line, BRIGHT),) for line in text.wrap(words, self.inner)]
        keys = (("Enter", "sends"), ("Tab", "other field"), ("Esc", "closes"))
        return [*rows, (*key_row(keys, self.inner - 20), ("rate: 100 or 6000rpm", DIM))]

    def action_other(self) -> None:
        """The other field."""
        self.field = "rate" if self.field == "depth" else "depth"
        if self.live.at_rest:
            self.set_focus(self._entry(self.field))

    def on_descendant_focus(self) -> None:
        """A click may have chosen the other field."""
        focused = self.focused
        if focused is not None and focused.id is not None:
            self.field = focused.id.removeprefix("value-")

    def on_input_changed(self) -> None:
        """When the last character came."""
        self.typed_at = self.live.clock()

    def on_input_submitted(self) -> None:
        """Send what both fields say."""
        if self.sending or not self.live.at_rest:
            return
        if 0 <= self.live.clock() - self.typed_at < SCAN_GAP_S:
            self._tell("Not sent: that came as fast as a scan. Enter sends it.")
            return
        params: dict[str, int] = {}
        for name, (_, parse, parameter) in FIELDS.items():
            words = self._entry(name).value
            try:
                if words:
                    params[parameter] = parse(words)
            except EntryError as error:
                self._tell(str(error))
                return
        if params:
            self.sending = True
            self.run_worker(self._send(params), group="requests")

    async def _send(self, params: dict[str, Any]) -> None:
        live = self.live
        try:
            answer = await self.dashboard.client.request("setpoint", **params, lower=True)
            told = [
                reply.text
                if reply.outcome == "confirmed"
                else f"{reply.outcome.replace('_', ' ').upper()}: {reply.text}"
                for reply in replies(answer)
            ]
        except StationError as error:
            told = [str(error)]
            if error.code in PASSKEY_CODES and self.is_current:
                self.dismiss(None)
                self.app.call_later(self.dashboard.treat.refused, "setpoint", {**params, "lower": True}, error)
        except (OSError, TimeoutError) as error:
            told = [f"the station did not answer: {str(error) or type(error).__name__}"]
        finally:
            self.sending = False
        told = [words for words in told if words]
        for words in told:
            live.say(words)
        if not self.is_current:
            return
        if told:
            self._tell(*told)
        else:
            depth, rate = params.get("depth_um"), params.get("rate_mhz")
            live.say(
                ", ".join(
                    [f"depth {text.mm(depth)} mm"] * (depth is not None)
                    + [f"rate {text.rate(rate)}"] * (rate is not None)
                )
                + ": confirmed"
            )
            self.dismiss(None)

    def _tell(self, *sentences: str) -> None:
        self.told = list(sentences)
        self.repaint()

    def on_unmount(self) -> None:
        """No text field is left."""
        self.dashboard.guard.text_focus = False

    def action_close(self) -> None:
        """Back; nothing was sent that was not answered."""
        self.dismiss(None)
