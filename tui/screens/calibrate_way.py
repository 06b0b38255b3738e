"""From the treatment screen to a calibration and through it: who may, what is resumed, the plan, and what has a sheet of its own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from devicectl.access.roles import PERMISSIONS, Permission, Role
from devicectl.station.client_api import StationError
from devicectl.treatment.forms import parse
from tui.model import replies
from tui.screens import calibrate_rows as rows
from tui.screens.calibrate import CalibrateScreen
from tui.screens.calibrate_plan import PLAN, PlanEntry, known_of, plan_of
from tui.screens.calibrate_sheets import (
    FILE,
    REPORT,
    AdjustSheet,
    FileSheet,
    PinSheet,
    PlanFormSheet,
    PlanSheet,
    ReasonSheet,
    ReportSheet,
)
from tui.screens.calibrate_watch import ChartScreen, DueScreen
from tui.screens.calibrate_work import Stage
from tui.screens.first_run import FirstRunActions
from tui.screens.menu import MenuScreen

if TYPE_CHECKING:
    from tui.calibration_book import OpenCalibration

REPORT_S: Final = 60.0
"""A report takes a second; a slow machine some more."""


class CalibrationActions(FirstRunActions):
    """The way to a calibration. The pen moves only on the calibration screen, after its ``Y``."""

    def action_calibrate(self) -> None:
        """Go on with a calibration, or plan one."""
        if not self._may():
            return
        problem = self._not_calibrating()
        if problem:
            self._say(problem)
        else:
            self._flow(self._calibrations())

    def _not_calibrating(self) -> str:
        """Why nobody can calibrate now; empty when somebody can."""
        view = self.live.view
        operator = view.operator if view is not None else None
        key = self.live.key("operator")
        if operator is None:
            return f"a calibration is signed: {key} signs a technician in"
        if Permission.CALIBRATE not in PERMISSIONS[Role(operator.role)]:
            return f"a {operator.role} may not {Permission.CALIBRATE}: {key} signs a technician in"
        if not self.live.at_rest:
            return "a pen is calibrated from rest: still, no run"
        if view is not None and view.session is not None and view.session.purpose != "bench":
            return "a treatment is open on this pen; close it first, then calibrate"
        return ""

    async def _calibrations(self) -> None:
        answer = await self.dashboard.ask("calibration.state")
        if not isinstance(answer, dict):
            return
        if answer["calibration"] is not None:
            await self._calibrate(answer["calibration"])
            return
        pen = self.live.pen
        if pen is None:
            return
        kept = await self.dashboard.book.open_calibrations(pen.serial, pen.simulated)
        cartridge = pen.limits.cartridge if pen.limits is not None else ""
        items = [(f"resume {one.id}", self._resumable(one)) for one in kept]
        items += [
            ("new", f"New calibration of this pen{f' with cartridge {cartridge}' if cartridge else ''}"),
            ("file", "New calibration by a plan in a file"),
            ("due", "Which pens are due"),
            ("chart", "Control charts of this pen's daily checks"),
        ]
        name = await self._ask_screen(MenuScreen(f"Calibration of pen {pen.serial}", items))
        if name is None:
            return
        if name == "due":
            await self._ask_screen(DueScreen(await self.dashboard.book.due(self.dashboard.now().date())))
            return
        if name == "chart":
            await self._ask_screen(ChartScreen(pen.serial, await self.dashboard.book.charts(pen.serial, pen.simulated)))
            return
        if name.startswith("resume "):
            calibration = await self.dashboard.ask("calibration.resume", calibration=name.removeprefix("resume "))
        else:
            calibration = await (self._planned() if name == "new" else self._from_file())
        if isinstance(calibration, dict):
            await self._calibrate(calibration)

    def _resumable(self, one: OpenCalibration) -> str:
        begun = time.strftime("%Y-%m-%d %H:%M", self.dashboard.localtime(one.begun_utc_us / 1e6))
        return f"Go on: {one.cartridge_type}, begun {begun} by {one.technician}, {one.readings} readings"

    async def _calibrate(self, calibration: dict[str, Any]) -> None:
        await self._ask_screen(CalibrateScreen(calibration, self._chore))

    # -- planning

    async def _planned(self) -> Any:
        """Form, plan, begin; None when somebody went back."""
        pen = self.live.pen
        if pen is None:
            return None
        before = await self.dashboard.book.last_plan(pen.serial)
        cartridge = pen.limits.cartridge if pen.limits is not None else ""
        draft = self.draft(PLAN, pen.serial, known_of(before, cartridge, pen.cartridge_lot))

        async def submit(given: dict[str, object]) -> Any:
            record = parse(PLAN, given, self.dashboard.now())
            assert isinstance(record, PlanEntry)  # the form has checked it
            return await self.dashboard.client.request("calibration.plan", plan=plan_of(record))

        while True:
            kept = dict(draft.values)
            answer = await self._ask_screen(PlanFormSheet(f"Plan: pen {pen.serial}", draft, submit))
            if not isinstance(answer, dict):
                return None
            draft.values.update({**kept, **draft.values})
            if (begun := await self._begun(answer)) is not None:
                return begun

    async def _from_file(self) -> Any:
        """A plan that is in a file, with several measurands if need be."""
        draft = self.draft(FILE, "")

        async def submit(given: dict[str, object]) -> Any:
            data = await asyncio.to_thread(_read_plan, str(given["path"]).strip())
            return await self.dashboard.client.request("calibration.plan", plan=data)

        while True:
            kept = dict(draft.values)
            answer = await self._ask_screen(FileSheet(draft, submit))
            if not isinstance(answer, dict):
                return None
            draft.values.update(kept)
            if (begun := await self._begun(answer)) is not None:
                return begun

    async def _begun(self, answer: dict[str, Any]) -> Any:
        """The plan once more; begins when somebody says so. None: back to where it came from."""
        shown = PlanSheet(answer)
        await self._ask_screen(shown)
        return await self.dashboard.ask("calibration.begin", plan=answer["plan"]) if shown.confirmed else None

    # -- what has a sheet of its own

    async def _chore(self, screen: CalibrateScreen, name: str) -> None:
        try:
            match name:
                case "withdraw":
                    await self._withdraw(screen)
                case "anyway":
                    words = f"{screen.work.refused}: {screen.work.told}"
                    if (given := await self._ask_screen(ReasonSheet("Take it anyway?", words))) is not None:
                        await screen.take_anyway(str(given["reason"]))
                case "abandon":
                    await self._abandon(screen)
                case "linear" | "piecewise" | "none":
                    await self._adjust(screen, name)
                case "sign":
                    await self._sign_calibration(screen)
                case "report":
                    await self._report(screen)
        except StationError as error:
            screen.work.told = str(error)
        screen.repaint()

    async def _withdraw(self, screen: CalibrateScreen) -> None:
        work = screen.work
        readings = work.readings
        at = work.cursor
        valid = [one for one in readings if one["withdrawn"] is None]
        one = readings[at] if at is not None else valid[-1] if valid else None
        if one is None or one["withdrawn"] is not None:
            work.told = "There is no reading to withdraw here; up and down choose one."
            return
        places = rows.places_of(one["measurand"])
        words = (
            f"Reading {one['step'] + 1}, {one['value']:.{places}f} at {one['set_to']:g} {rows.SIDES[one['direction']]}. It stays in the "
            "record, and its step comes again."
        )
        given = await self._ask_screen(ReasonSheet("Withdraw a reading", words))
        if given is None:
            return
        answer = await screen.request(
            "calibration.annul", step=one["step"], measurand=one["measurand"], reason=str(given["reason"])
        )
        await screen.refresh_state()
        work.stage, work.step, work.cursor, work.told = Stage.READY, None, None, answer["text"]

    async def _abandon(self, screen: CalibrateScreen) -> None:
        words = "It ends without a result. What was measured stays in the record; a correction that was written stays in the pen."
        given = await self._ask_screen(ReasonSheet("Abandon this calibration?", words))
        if given is not None:
            answer = await screen.request("calibration.abandon", reason=str(given["reason"]))
            screen.work.told = answer["text"]
            screen.go_on(answer["calibration"])

    async def _adjust(self, screen: CalibrateScreen, kind: str) -> None:
        proposal = await screen.request("calibration.propose", kind=kind)
        held = screen.work.calibration["found_correction"]
        confirmed = [one for one in screen.work.calibration["corrections"] if one["outcome"] == "confirmed"]
        if confirmed:
            held = confirmed[-1]["knots"]
        sheet = AdjustSheet(proposal, held)
        await self._ask_screen(sheet)
        if not sheet.confirmed:
            return
        screen.work.told = "Writing the correction …"
        screen.repaint()
        answer = await screen.request("calibration.correct", kind=kind)
        reply = replies(answer["reply"])[0]
        screen.go_on(answer["calibration"])
        if reply.outcome == "confirmed":
            screen.work.stage = Stage.READY
            screen.work.told = f"Correction written, read back: the same. {reply.text} Now as left."
        else:
            screen.work.told = f"The correction was not confirmed ({reply.outcome.replace('_', ' ')}): {reply.text}"

    async def _sign_calibration(self, screen: CalibrateScreen) -> None:
        calibration = screen.work.calibration
        if calibration["missing"] is not None:
            screen.work.told = calibration["missing"]
            return
        last = rows.evaluation_of(calibration, rows.series_now(calibration)["measurand"], calibration["round"])
        verdict = last["verdict"] if last is not None else ""
        words = (
            f"Pen {calibration['pen']} with cartridge {calibration['cartridge_type']}, firmware {calibration['firmware']}: {verdict}. "
            f"Signed as {calibration['technician']}; after it nothing can be changed."
        )

        async def submit(given: dict[str, object]) -> Any:
            return await screen.request("calibration.finish", pin=given["pin"])

        answer = await self._ask_screen(PinSheet("Sign the calibration", words, submit))
        if isinstance(answer, dict):
            screen.work.told = f"{answer['text']} p writes the report."
            screen.go_on(answer["calibration"])

    async def _report(self, screen: CalibrateScreen) -> None:
        calibration = screen.work.calibration
        day = time.strftime("%Y-%m-%d", self.dashboard.localtime(calibration["begun_utc_us"] / 1e6))
        name = f"calibration-{calibration['pen']}-{day}.pdf"
        draft = self.draft(REPORT, str(calibration["id"]), {"out": str(Path.cwd() / name)})

        async def submit(given: dict[str, object]) -> Any:
            return await _write_report(str(calibration["id"]), given)

        told = await self._ask_screen(ReportSheet(draft, submit))
        if told is not None:
            screen.work.told = str(told)


def _at_home(path: str) -> str:
    """A path in which ``~`` is the home of who works here."""
    return str(Path(path).expanduser())


def _read_plan(path: str) -> dict[str, Any]:
    """The plan in a file. Raises :class:`StationError`."""
    try:
        data = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise StationError(f"{path}: {error.strerror}; check the path.", "bad-plan") from None
    except ValueError:
        raise StationError(f"{path} is no JSON; make a plan with 'devicectl calibrate plan'.", "bad-plan") from None
    if not isinstance(data, dict):
        raise StationError(f"{path} is no plan; make one with 'devicectl calibrate plan'.", "bad-plan")
    return data


async def _write_report(calibration: str, given: dict[str, object]) -> str:
    """The report, made by a process of its own: typesetting must hold up neither the screen nor its heartbeat."""
    out = _at_home(str(given["out"]).strip())
    options = [
        f"--{name}={value}" for name in ("laboratory", "customer", "condition", "number") if (value := given.get(name))
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "devicectl", "calibrate", "report", calibration, f"--out={out}", *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, wrong = await asyncio.wait_for(process.communicate(), REPORT_S)
    except TimeoutError:
        process.kill()
        raise StationError("The report took too long; try again, or 'devicectl calibrate report'.", "report") from None
    if process.returncode:
        words = wrong.decode(errors="replace").strip().removeprefix("devicectl: ")
        raise StationError(words or "The report was not written.", "report")
    return f"Written: {said.decode(errors='replace').strip()}"
