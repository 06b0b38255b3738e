"""What the calibration screen asks of the station: drive, park, run, read, judge. Nothing here starts without a key."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from devicectl.station.client_api import StationError
from devicectl.station.views import Reply, StartSheet, from_json
from tui.model import replies
from tui.screens.base import Painted
from tui.screens.calibrate_work import Stage, Work
from tui.screens.start_sheet import Decision, StartSheetScreen

ZONE: Final = "CUS-1"
"""A run needs a zone; this is nobody's scalp."""
LATE_S: Final = 0.02
"""Added to the time that a sheet must have been offered."""


class CalibrationSteps(Painted[None], inherit_bindings=False):
    """The requests of one calibration; the station holds everything that counts."""

    def __init__(self, calibration: dict[str, Any]) -> None:
        super().__init__()
        self.work = Work(calibration, Stage.OVER if calibration["end"] is not None else Stage.READY)

    def do(self, work: Any) -> None:
        self.run_worker(work, group="calibration", exclusive=True)

    async def request(self, method: str, **params: Any) -> Any:
        """Ask the station; a refusal goes on as :class:`StationError`, a silence as one too."""
        try:
            return await self.dashboard.client.request(method, **params)
        except (OSError, TimeoutError) as error:
            words = f"The station did not answer: {str(error) or type(error).__name__}. Try again."
            raise StationError(words, "no-answer") from error

    def refuse(self, error: StationError, stage: Stage = Stage.READY) -> None:
        """Say why, and wait for a person."""
        self.work.stage, self.work.told = stage, str(error)
        self.repaint()

    def go_on(self, calibration: dict[str, Any]) -> None:
        """The calibration as the station has it now."""
        work = self.work
        work.calibration, work.step, work.cursor = calibration, None, None
        if calibration["end"] is not None:
            work.stage = Stage.OVER
        self.repaint()

    async def refresh_state(self) -> None:
        """Read the calibration in hand anew."""
        answer = await self.request("calibration.state")
        if answer["calibration"] is not None:
            self.work.calibration = answer["calibration"]
        self.repaint()

    async def drive(self, *, reseated: bool) -> None:
        """The next step: drive there, and park the needle or ask for a run."""
        work = self.work
        work.stage, work.told, work.refused, work.typed, work.ran = Stage.DRIVING, "", "", "", False
        self.repaint()
        try:
            step = await self.request("calibration.next", reseated=reseated)
            if step["done"]:
                await self.refresh_state()
                await self.judge()
                return
            work.step = step
            if step["reseat"]:
                work.stage, work.told = Stage.RESEAT, ""
            elif step["stand"] == "park":
                await self._park(step["sheet"])
            elif step["stand"] == "run":
                await self.request("zone.select", zone=ZONE)
                work.stage = Stage.RUN
            else:
                work.stage, work.told = Stage.READING, step["text"]
        except StationError as error:
            self.refuse(error)
        self.repaint()

    async def _park(self, sheet: dict[str, Any]) -> None:
        work = self.work
        shut = [gate["text"] for gate in sheet["gates"] if not gate["passed"]]
        if shut or not sheet["ok"]:
            work.stage = Stage.READY
            work.told = f"The needle was not moved: {shut[0] if shut else 'a check failed.'}"
            return
        if sheet["not_before_s"]:
            await asyncio.sleep(sheet["not_before_s"] + LATE_S)
        work.stage = Stage.PARKING
        self.repaint()
        reply = reply_of(await self.request("calibration.park", ticket=sheet["ticket"]))
        if reply.outcome == "confirmed":
            work.stage = Stage.READING
        else:
            work.stage = Stage.READY
            work.told = f"Not parked ({reply.outcome.replace('_', ' ')}): {reply.text}"

    async def start(self) -> None:
        """The start sheet of a run at this setpoint; only its ``Y`` starts."""
        work = self.work
        try:
            answer = await self.request("run.preview")
            sheet = from_json(StartSheet, answer) if isinstance(answer, dict) else answer
            screen = StartSheetScreen(sheet)
            if await self.app.push_screen_wait(screen) is Decision.START:
                reply = reply_of(await self.request("run.start", ticket=screen.sheet.ticket))
                work.told = "" if reply.outcome == "confirmed" else f"Not started: {reply.text}"
        except StationError as error:
            work.told = str(error)
        self.repaint()

    async def end_run(self) -> None:
        try:
            reply = reply_of(await self.request("run.end"))
            self.work.told = "" if reply.outcome == "confirmed" else reply.text
        except StationError as error:
            self.work.told = str(error)
        self.repaint()

    async def reset(self) -> None:
        try:
            self.work.told = reply_of(await self.request("pen.reset")).text
        except StationError as error:
            self.work.told = str(error)
        self.repaint()

    async def send_reading(self, source: str, anyway: str) -> None:
        work, step = self.work, self.work.step
        if step is None or step["step"] is None:
            self.refuse(StationError("The pen has not been driven to a step; Y drives on.", "not-approached"))
            return
        work.stage, value = Stage.SENDING, work.typed.strip()
        self.repaint()
        try:
            answer = await self.request(
                "calibration.reading", step=step["step"]["step"], text=value, source=source, anyway=anyway
            )
        except StationError as error:
            again = error.code in ("bad-reading", "implausible", "not-still", "no-answer")
            self.refuse(error, Stage.READING if again else Stage.READY)
            work.refused = value if error.code == "implausible" else ""
            return
        work.typed = work.refused = ""
        if answer["outlier"]:
            work.outliers.add(answer["reading"]["id"])
        try:
            await self.refresh_state()
        except StationError as error:
            self.refuse(error)
            return
        told = answer["text"]
        await self.drive(reseated=False)
        if told and not work.told:
            work.told = told
            self.repaint()

    async def take_anyway(self, reason: str) -> None:
        """The reading that can hardly be meant is taken, with the reason."""
        self.work.typed = self.work.refused
        await self.send_reading("typed", reason)

    async def judge(self) -> None:
        """Everything of this round is measured: have it judged."""
        work = self.work
        try:
            answer = await self.request("calibration.evaluate")
        except StationError as error:
            self.refuse(error)
            return
        work.calibration, work.look_back = answer["calibration"], answer["look_back"]
        work.stage, work.step, work.page, work.told = Stage.JUDGED, None, 0, ""
        self.repaint()

    def stopped(self) -> None:
        """STOP went out: nothing goes on by itself."""
        if self.work.stage in (Stage.READING, Stage.RUN, Stage.RESEAT):
            self.work.stage, self.work.typed = Stage.READY, ""
        self.work.told = "STOP. What was taken down is kept; the step comes again."
        self.repaint()

    def follow_run(self) -> None:
        """A run that is over leads to its reading, however it ended; STOP leads back."""
        work, view = self.work, self.live.view
        if work.stage is not Stage.RUN or view is None:
            return
        if view.run is not None:
            work.ran = True
        elif work.ran and self.live.at_rest:
            work.stage = Stage.READING


def reply_of(answer: Any) -> Reply:
    """The one reply in an answer; none means that it was done."""
    found = replies(answer)
    return found[0] if found else Reply("confirmed", "")
