"""What the keys of the treatment screen do: each sends one request and shows at once what was asked."""

from __future__ import annotations

from typing import Any, Final

from devicectl.station.client_api import StationError
from devicectl.station.views import PenView, StartSheet, from_json
from tui import text
from tui.model import DEAD_S, NOTICE_S, Pending, RepeatFilter, known, replies
from tui.screens.base import Painted
from tui.screens.help import HelpScreen
from tui.screens.lists import AlarmsScreen, LogScreen
from tui.screens.look import LookScreen
from tui.screens.override import OverrideScreen
from tui.screens.pairing import PAIRING_CODES, PASSKEY_CODES, PasskeyScreen, RefusedScreen, with_passkey
from tui.screens.pens import PensScreen
from tui.screens.session import Choice, NoteScreen, SessionScreen
from tui.screens.start_sheet import Decision, StartSheetScreen
from tui.screens.values_sheet import ValuesScreen
from tui.widgets.scalp_map import ScalpMap

ECHO_S: Final = 0.4
"""A request's echo is in the views by then."""


class TreatActions(Painted[None], inherit_bindings=False):
    """Actions named in ``tui.keys``. None of them starts the motor: `action_go` opens the sheet that can."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats: RepeatFilter | None = None
        self._previewing = False
        self._under_way = 0
        self._asked_leave = -NOTICE_S - 1

    def _may(self) -> bool:
        """Whether this client may act; says why not."""
        live = self.live
        if live.lost is not None:
            live.say(live.lost)
        elif live.view is None:
            live.say("waiting for the station")
        elif live.view.pen is None:
            live.say(f"no pen: {live.key('pens')} chooses one")
        elif not live.view.you_control:
            live.say(f"watching: {live.key('control')} takes control while still")
        else:
            return True
        self.repaint()
        return False

    def _send(self, method: str, **params: Any) -> None:
        """Ask in the background; the answer becomes a line of news."""
        self.run_worker(self._sent(method, **params), group="requests")
        self.repaint()

    async def _sent(self, method: str, **params: Any) -> None:
        self._under_way += 1
        try:
            answer = await self.dashboard.ask(method, **params)
        finally:
            self._under_way -= 1
        if answer is None or any(reply.outcome != "confirmed" for reply in replies(answer)):
            self.live.pending = Pending()
        elif self._under_way == 0:
            self.set_timer(ECHO_S, self._settle)
        self.repaint()

    def _settle(self) -> None:
        """What was asked has become, by now, what the views show; a limit may have made it another value."""
        if self._under_way == 0:
            self.live.pending = Pending()

    def refused(self, method: str, params: dict[str, Any], error: StationError) -> None:
        """A pen on the air refused: ask for its passkey where that helps, else show the whole sentence."""
        live = self.live
        if error.code not in PAIRING_CODES or not live.at_rest:
            return  # while the motor may turn nothing covers the screen: the news has it
        address = params.get("address") or (live.pen.address if live.pen is not None else "")
        session = live.view.session if live.view is not None else None
        if error.code in PASSKEY_CODES and session is None and address:
            self.app.push_screen(
                PasskeyScreen(str(error)), lambda digits: self._pair(str(address), digits, method, params)
            )
        else:
            self.app.push_screen(RefusedScreen(str(error)))

    def _pair(self, address: str, digits: str | None, method: str, params: dict[str, Any]) -> None:
        if digits:
            self.run_worker(self._open_paired(address, digits, method, params), group="requests")

    async def _open_paired(self, address: str, digits: str, method: str, params: dict[str, Any]) -> None:
        """The passkey belongs to the address, so the pen is let go and opened with it; then what was refused again."""
        self._say("pairing with the pen, which takes up to 12 s")
        ask, pen = self.dashboard.ask, self.live.pen
        if pen is not None and pen.address == address and await ask("pen.close") is None:
            return
        if await ask("pen.open", address=with_passkey(address, digits)) is None or method == "pen.open":
            return
        await self._sent(method, **params)

    def action_zone(self, code: str) -> None:
        """Choose a zone; the map moves before the station has answered."""
        if self._may():
            self.live.pending.zone = code
            self._send("zone.select", zone=code)

    def action_move(self, dx: int, dy: int) -> None:
        """Choose the neighbouring zone."""
        code = self.query_one(ScalpMap).neighbour(dx, dy)
        if code is not None:
            self.action_zone(code)

    def action_depth(self, way: int) -> None:
        """One step deeper (1) or shallower (-1)."""
        pen = self._settable("D" if way > 0 else "")
        if pen is None or pen.limits is None:
            return
        limits = pen.limits
        now = self._depth(pen)
        new = min(limits.depth_max_um, max(limits.depth_min_um, now + way * limits.depth_step_um))
        if new == now:
            self._say(f"depth is at its {'greatest' if way > 0 else 'least'}: {text.mm(now)} mm")
            return
        self.live.pending.depth_um = new
        self._send("setpoint", depth_um=new, lower=True)

    def action_rate(self, way: int) -> None:
        """One step faster (1) or slower (-1)."""
        pen = self._settable("V" if way > 0 else "")
        if pen is None or pen.limits is None:
            return
        limits, now = pen.limits, self._rate(pen)
        new = min(limits.rate_max_mhz, max(limits.rate_min_mhz, now + way * limits.rate_step_mhz))
        if new == now:
            self._say(f"rate is at its {'greatest' if way > 0 else 'least'}: {text.rate(now)}")
            return
        self.live.pending.rate_mhz = new
        self._send("setpoint", rate_mhz=new, lower=True)

    def _settable(self, raising: str) -> PenView | None:
        """The pen, when a setpoint may be asked for; a raising key that repeats while running is dropped."""
        if not self._may():
            return None
        pen = self.live.pen
        if pen is None or pen.limits is None:
            self._say(f"no pen: {self.live.key('pens')} chooses one")
            return None
        if self._repeats is None:
            self._repeats = RepeatFilter(self.live.clock)
        if raising and not self._repeats.passes(raising) and not self.live.still:
            return None
        return pen

    def _rate(self, pen: PenView) -> int:
        view, limits = self.live.view, pen.limits
        asked = known(self.live.pending.rate_mhz, view.rate_request_mhz if view is not None else None)
        return known(asked, pen.rate_set_mhz, limits.rate_min_mhz if limits is not None else None) or 0

    def _depth(self, pen: PenView) -> int:
        view, limits = self.live.view, pen.limits
        asked = known(self.live.pending.depth_um, view.depth_request_um if view is not None else None)
        return known(asked, pen.depth_set_um, limits.depth_min_um if limits is not None else None) or 0

    def _say(self, news: str) -> None:
        self.live.say(news)
        self.repaint()

    def action_go(self) -> None:
        """Open the start sheet."""
        if not self._may() or self._previewing:
            return
        view = self.live.view
        if view is not None and view.run is not None and view.run.phase != "paused":
            self._say(f"a run is on: {self.live.key('end')} pauses it, {self.live.key('finish')} ends it")
            return
        self._previewing = True
        self.run_worker(self._preview(), group="requests")

    async def _preview(self) -> None:
        try:
            answer = await self.dashboard.ask("run.preview")
        finally:
            self._previewing = False
        sheet = from_json(StartSheet, answer) if isinstance(answer, dict) else answer
        if isinstance(sheet, StartSheet) and self.is_current:
            view = self.live.view
            resume = view is not None and view.run is not None
            screen = StartSheetScreen(sheet, resume)
            self.app.push_screen(screen, lambda decision: self._decided(screen, decision))

    def _decided(self, screen: StartSheetScreen, decision: Decision | None) -> None:
        if decision is Decision.START:
            self._send("run.start", ticket=screen.sheet.ticket)
        elif decision is Decision.OVERRIDE:
            self.app.push_screen(OverrideScreen(screen.overridable[0]), self._overridden)
        self.repaint()

    def _overridden(self, opened: bool | None) -> None:
        """The sheet anew, with what is open now; only it can start."""
        if opened:
            self.action_go()

    def action_pause(self) -> None:
        """END."""
        if self._may():
            self._send("run.pause")

    def action_end_run(self) -> None:
        """Give the run back."""
        if self._may():
            self._send("run.end")

    def action_reset(self) -> None:
        """Leave the latch after STOP."""
        if not self._may():
            return
        if not self.live.still:
            self._say("not reset: the pen is not confirmed still")
        else:
            self._send("pen.reset")

    def action_acknowledge(self) -> None:
        """Alarms seen; the sound pauses, the conditions stay on the screen until they are gone."""
        self.run_worker(self._acknowledge(), group="requests")

    async def _acknowledge(self) -> None:
        await self.dashboard.ask("alarm.acknowledge")
        await self.dashboard.ask("alarm.silence")
        self.repaint()

    def action_take_control(self) -> None:
        """Take control; the station grants it only while the pen is confirmed still."""
        self._send("control.take")

    def action_pens(self) -> None:
        """Choose a pen."""
        if not self.live.at_rest:
            away = self.live.pen is not None and self.live.pen.link != "up"
            leave = self.live.key("quit")
            self._say(
                f"this pen is away: plug it in, or {leave} twice" if away else "pens change at rest only: still, no run"
            )
        else:
            self.app.push_screen(PensScreen(), self._chosen)

    def _chosen(self, address: str | None) -> None:
        if not address:
            return
        if address.startswith("ble:"):
            self.live.say("connecting over the air, which takes some seconds")
        self._send("pen.open", address=address)

    def action_session(self) -> None:
        """Open or close a session."""
        if not self._may():
            return
        if not self.live.at_rest:
            self._say("sessions are opened and closed while the pen is still and no run is open")
        else:
            self.app.push_screen(SessionScreen(), self._session_chosen)

    def _session_chosen(self, choice: Choice | None) -> None:
        if choice is None:
            return
        pen = self.live.pen
        if choice["method"] == "session.open" and pen is not None and pen.address.startswith("ble:"):
            self.live.say("opening the session; a pen on the air is paired with first, which takes up to 12 s")
        self._send(choice["method"], **choice["params"])

    def action_note(self) -> None:
        """A note in digits."""
        if self._may():
            self.app.push_screen(NoteScreen(), lambda digits: self._send("note", digits=digits) if digits else None)

    def action_values(self) -> None:
        """Type depth and rate; only while the pen is confirmed still and no run is open."""
        if self._settable("") is None:
            return
        if not self.live.at_rest:
            self._say("values are typed while the pen is still and no run is open")
        else:
            self.app.push_screen(ValuesScreen())

    def action_alarms(self) -> None:
        """All alarms and answers in full."""
        self.app.push_screen(AlarmsScreen())

    def action_log(self) -> None:
        """The session log in full."""
        self.app.push_screen(LogScreen())

    def action_theme(self) -> None:
        """Theme and characters."""
        self.app.push_screen(LookScreen())

    def action_sound(self) -> None:
        """Sound on or off."""
        sounds = self.dashboard.sounds
        if sounds is not None:
            self.dashboard.set_sound(not sounds.on)
            self.repaint()

    def action_help(self) -> None:
        """The help page."""
        self.app.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """Quit, unless the motor may turn under this client's control."""
        live = self.live
        if live.lost is None and live.since > DEAD_S:
            self.dashboard.client.stop_now("quit")  # nobody answers: the user must be able to leave, with a STOP
            self.dashboard.leave()
        elif live.lost is None and live.controls and not live.at_rest:
            away = live.pen is not None and (live.pen.link != "up" or live.pen.motion != "turning")
            if away and live.clock() - self._asked_leave <= NOTICE_S:
                self.dashboard.client.stop_now("quit")  # a pen that never comes back must not hold the user here
                self.dashboard.leave()
                return
            self._asked_leave = live.clock() if away else self._asked_leave
            leave, finish = live.key("quit"), live.key("finish")
            self._say(
                f"not seen still; {leave} again: STOP and leave"
                if away
                else f"not left: the motor may turn. SPACE stops, {finish} ends the run, then {leave}"
            )
        else:
            self.dashboard.leave()
