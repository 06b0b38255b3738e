"""One bounded run of one zone at a station, as ``run`` and ``demo`` do it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devicectl.station.client_api import StationError
from devicectl.station.views import Reply, StartSheet, View, from_json

from .failures import Failure
from .pens import Seat, demand

SPARE_MS: Final = 2_000
"""How much longer than asked the pen itself lets the run last, should our END not come."""
STILL_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: zone code, needle protrusion in µm, stroke rate in mHz, seconds of needling."""

    zone: str
    depth_um: float
    rate_mhz: float
    seconds: float
    lower: bool = False
    overrides: tuple[tuple[str, str], ...] = ()
    """Gates to open and the reasons, as they are written into the record."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run went. ``whole`` when it lasted as long as asked; else ``why`` says what ended it."""

    whole: bool
    why: str
    reasons: tuple[str, ...]


async def set_up(seat: Seat, plan: Plan) -> tuple[str, ...]:
    """Choose the zone and set depth and rate; answers why they were lowered. Raises :class:`Failure`."""
    await seat.ask("zone.select", zone=plan.zone)
    names = ("depth", "rate")
    replies = await seat.replies(
        lambda answer: [answer[name] for name in names],
        "setpoint",
        depth_um=plan.depth_um,
        rate_mhz=plan.rate_mhz,
        lower=plan.lower,
    )
    lowered = []
    for name, reply in zip(names, replies, strict=True):
        demand(reply, name)
        if reply.text:
            lowered.append(reply.text)
    return tuple(lowered)


def refuse_latched(seat: Seat) -> None:
    """Raise :class:`Failure` before a session is opened in vain."""
    pen = seat.view.pen if seat.view is not None else None
    if pen is not None and pen.latched:
        raise Failure(
            f"not started: the pen is stopped and latched; first devicectl reset {pen.address}", "gate-closed"
        )


async def drive(seat: Seat, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> Ending:
    """Two-step start, needle for ``plan.seconds``, END, wait for stillness. Raises :class:`Failure` if not started."""
    seat.begin_beating()
    reasons = await set_up(seat, plan)
    for gate, reason in plan.overrides:
        await seat.ask("gate.override", gate=gate, reason=reason)
    sheet = await _sheet(seat)
    await asyncio.sleep(sheet.not_before_s + 0.02)
    run_ms = min(180_000, int(plan.seconds * 1000) + SPARE_MS)
    # Not repeated, whatever comes back: a start is one decision.
    reply = from_json(Reply, await seat.ask("run.start", ticket=sheet.ticket, run_ms=run_ms))
    demand(reply, "start")
    whole = await _needle(seat, plan, progress)
    why = "ended"
    if whole:
        ended = await seat.reply("run.end")
        if ended.outcome not in ("confirmed", "not_sent"):
            seat.client.stop_now("command line")
            why = f"END: {ended.text}"
            whole = False
    if not whole and why == "ended":
        why = _cause(seat)
    await seat.wait(lambda view: view.pen and view.pen.motion == "still", STILL_S)
    return Ending(whole, why, (*reasons, *sheet.reasons))


async def _sheet(seat: Seat) -> StartSheet:
    """The start sheet once every gate is open; gates that open by themselves get 2 s."""
    deadline = time.monotonic() + 2.0
    while True:
        sheet = from_json(StartSheet, await seat.ask("run.preview"))
        if sheet.ok:
            return sheet
        shut = [gate for gate in sheet.gates if not gate.passed]
        lasting = {gate.name for gate in shut} & {"latch", "faults", "cartridge", "firmware", "session", "client"}
        if lasting or time.monotonic() > deadline:
            text = " ".join(gate.text for gate in shut)
            address = seat.view.pen.address if seat.view and seat.view.pen else "ADDRESS"
            hint = f" (devicectl reset {address})" if "latch" in lasting else ""
            hint += "".join(f" (or --override {gate.name}=REASON)" for gate in shut if gate.overridable)
            raise Failure(f"not started: {text}{hint}", "gate-closed")
        await asyncio.sleep(0.1)


async def _needle(seat: Seat, plan: Plan, progress: Callable[[str], None]) -> bool:
    """Wait out the run; False when something ended it before."""
    begun = time.monotonic()
    # A view from before the start would look like the end of the run.
    await seat.wait(lambda view: view.run is not None, 0.5)
    while (left := plan.seconds - (time.monotonic() - begun)) > 0:
        if await seat.wait(lambda view: view.run is None, min(left, 0.1)):
            return False
        progress(line_of(seat.view, plan, time.monotonic() - begun))
    return True


def line_of(view: View | None, plan: Plan, elapsed: float) -> str:
    """One line of what happens now."""
    text = f"{plan.zone}  {elapsed:4.1f} of {plan.seconds:.1f} s"
    if view is not None and view.pen is not None:
        pen = view.pen
        if pen.depth_um is not None and pen.rate_mhz is not None:
            text += f"  {pen.depth_um / 1000:.2f} mm  {pen.rate_mhz / 1000:5.1f} Hz  {pen.current_ma or 0:4d} mA"
        if pen.contact is not None:
            text += "  contact" if pen.contact else "  in air "
    if view is not None and view.session is not None and view.session.current is not None:
        text += f"  {view.session.current.strokes} strokes"
    return text


def _cause(seat: Seat) -> str:
    view = seat.view
    if view is not None:
        for alarm in view.alarms:
            if alarm.active and alarm.priority in ("high", "medium"):
                return alarm.text
        stops = [line for line in seat.log if line.startswith(("STOP", "run over"))]
        if stops:
            return stops[-1]
    return "the pen ended the run"


async def close_session(seat: Seat) -> None:
    """Close the session; a station that is gone closes it by itself."""
    try:
        await seat.ask("session.close")
    except StationError:
        return
