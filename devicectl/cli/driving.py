"""One bounded run of one zone at a station, as ``run`` and ``demo`` do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from devicectl.control.gates import OVERRIDABLE, Purpose
from devicectl.control.intents import NO_RUN
from devicectl.station.client_api import StationError
from devicectl.station.views import Reply, StartSheet, View, from_json

from .failures import Failure
from .pens import Seat, about_record, demand

SPARE_MS: Final = 2_000
"""How much longer than asked the pen itself lets the run last, should our END not come."""
STILL_S: Final = 3.0
SETTLE_S: Final = 5.0
"""How long an END that was not answered may take to be settled by the pen's own memory."""
GATES_S: Final = 2.0
ARRIVE_S: Final = 4.0
"""How long needles that are on their way to the set depth are waited for."""
_RECORD_STOPS: Final = ("STOP (record failed)", "STOP (the record is silent)")


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
    """How a run went. ``whole``: it lasted as long as asked, END was answered, and nothing went wrong meanwhile.

    Else ``why`` is a sentence, and ``code`` its stable word: ``stopped``, ``unknown`` (whether the pen took END) or
    ``record``.
    """

    code: str
    why: str
    reasons: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Nothing needs to be told."""
        return not self.code


async def set_up(seat: Seat, plan: Plan) -> tuple[str, ...]:
    """Choose the zone and set depth and rate; answers why they were lowered. Raises :class:`Failure`."""
    await seat.ask("zone.select", zone=plan.zone)
    names = ("depth", "rate")
    replies = await seat.patient(
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
    return await needle(seat, plan, await prepare(seat, plan, progress), progress)


async def prepare(
    seat: Seat, plan: Plan, progress: Callable[[str], None] = lambda text: None, *, session: bool = True
) -> tuple[str, ...]:
    """Set up what ``plan`` says; answers why depth and rate were lowered. Raises :class:`Failure`.

    Without ``session`` none is open yet: what would refuse the start is found before one is opened in vain.
    """
    seat.begin_beating()
    reasons = await set_up(seat, plan)
    if not session:
        await _sheet(seat, progress, frozenset({"session", *(gate for gate, _ in plan.overrides)}))
    return reasons


async def needle(
    seat: Seat, plan: Plan, reasons: tuple[str, ...], progress: Callable[[str], None] = lambda text: None
) -> Ending:
    """The rest of :func:`drive`, in an open session; ``reasons`` are those of :func:`prepare`."""
    # A session that is opened begins without a zone.
    await seat.ask("zone.select", zone=plan.zone)
    shut = {gate.name for gate in seat.view.gates if not gate.passed} if seat.view is not None else set()
    for gate, reason in plan.overrides:
        if gate not in shut:
            # It is open by itself, and so it stays on the sheet.
            continue
        await seat.ask("gate.override", gate=gate, reason=reason)
    sheet = await _sheet(seat, progress)
    await asyncio.sleep(sheet.not_before_s + 0.02)
    run_ms = min(180_000, int(plan.seconds * 1000) + SPARE_MS)
    # Not repeated, whatever comes back: a start is one decision.
    mark = len(seat.log)
    reply = from_json(Reply, await seat.ask("run.start", ticket=sheet.ticket, run_ms=run_ms))
    demand(reply, "start")
    lasted = await _needle(seat, plan, progress)
    code, why = await _end(seat) if lasted else ("", "")
    still = await _rest(seat)
    code, why = _judge(seat.log[mark:], code, why, lasted, still)
    return Ending(code, why, (*reasons, *sheet.reasons))


async def _end(seat: Seat) -> tuple[str, str]:
    """END; word and sentence of what went wrong with it, both empty when the pen took it."""
    ended = await seat.reply("run.end")
    if ended.outcome == "confirmed" or (ended.outcome == "not_sent" and ended.text == NO_RUN):
        return "", ""
    if ended.outcome == "unknown":
        return await _settled(seat)
    seat.client.stop_now("command line")
    return "record" if about_record(ended.text) else "stopped", f"END was refused, so STOP was sent: {ended.text}"


async def _settled(seat: Seat) -> tuple[str, str]:
    """Control has sent STOP, as nobody answered END; whether the pen took END is what its own memory says."""
    before = seat.view.serial if seat.view is not None else 0
    known = await seat.wait(
        lambda view: view.serial > before and view.pen and view.pen.link == "up" and not view.pen.settling, SETTLE_S
    )
    address = _address(seat)
    if not known:
        text = f"it does not answer. STOP was sent: look at the pen, then ask it with devicectl info {address}."
        return "unknown", f"it is not known whether the pen took END: {text}"
    return "stopped", f"END was not answered in time, so STOP was sent; devicectl reset {address} leaves it."


async def _rest(seat: Seat) -> bool:
    """Until the pen is seen still; one that is not, and was not stopped yet, gets STOP."""
    for turn in (1, 2):
        if await seat.wait(lambda view: view.pen and view.pen.motion == "still", STILL_S):
            return True
        pen = seat.view.pen if seat.view is not None else None
        if turn == 1 and pen is not None and pen.link == "up" and not pen.latched:
            seat.client.stop_now("command line")
        else:
            break
    return False


def _judge(log: Sequence[str], code: str, why: str, lasted: bool, still: bool) -> tuple[str, str]:
    """Word and sentence of a run whose session log since START is ``log``; both empty when it was whole."""
    alarms = [line.removeprefix("alarm: ") for line in log if line.startswith("alarm: ")]
    stops = [line for line in log if line.startswith("STOP")]
    said = alarms or stops
    if any(line.startswith(_RECORD_STOPS) for line in stops):
        code = "record"
    if not still:
        said = [*said, "The pen is not seen still: lift it, and switch it off if it turns."]
    if why:
        return code, f"{why} {' '.join(alarms)}".strip()
    if not lasted:
        over = [line for line in log if line.startswith("run over")]
        return code or "stopped", f"the run did not last as long as asked: {(said or over or ['the pen ended it'])[0]}"
    if said:
        return code or "stopped", f"the run lasted as long as asked, but not all went well: {' '.join(said)}"
    return "", ""


def _address(seat: Seat) -> str:
    return seat.view.pen.address if seat.view is not None and seat.view.pen is not None else "ADDRESS"


async def _sheet(seat: Seat, progress: Callable[[str], None], later: frozenset[str] = frozenset()) -> StartSheet:
    """The start sheet once every gate is open but those that are opened ``later``.

    Gates that open by themselves get :data:`GATES_S`, needles on their way :data:`ARRIVE_S`.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        sheet = from_json(StartSheet, await seat.ask("run.preview"))
        shut = [gate for gate in sheet.gates if not gate.passed and gate.name not in later]
        if not shut:
            return sheet
        lasting = {gate.name for gate in shut} & {"latch", "faults", "cartridge", "firmware", "session", "client"}
        waits = all(gate.waiting for gate in shut)
        if waits:
            progress(shut[0].text)
        if lasting or loop.time() - began > (ARRIVE_S if waits else GATES_S):
            # Needles on their way are no reason beside one that lasts.
            shut = [gate for gate in shut if not gate.waiting] or shut
            text = " ".join(gate.text for gate in shut)
            openable = {gate.name for gate in shut if gate.overridable}
            if seat.view is None or seat.view.session is None:
                # Nothing opens before there is a session; then these will.
                openable |= OVERRIDABLE[Purpose.BENCH]
            hint = f" (devicectl reset {_address(seat)})" if "latch" in lasting else ""
            hint += "".join(f" (or --override {gate.name}=REASON)" for gate in shut if gate.name in openable)
            record = any(gate.name == "record" for gate in shut)
            raise Failure(f"not started: {text}{hint}", "record" if record else "gate-closed")
        await asyncio.sleep(0.1)


async def _needle(seat: Seat, plan: Plan, progress: Callable[[str], None]) -> bool:
    """Wait out the run; False when something ended it before."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    # A view from before the start would look like the end of the run.
    await seat.wait(lambda view: view.run is not None, 0.5)
    # A rest that is too small to be added to the time would never be waited out.
    while (left := plan.seconds - (loop.time() - begun)) > 1e-6:
        if await seat.wait(lambda view: view.run is None, min(left, 0.1)):
            return False
        progress(line_of(seat.view, plan, loop.time() - begun))
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


async def close_session(seat: Seat) -> str:
    """Close the session; a station that is gone closes it by itself. The sentence when the record could not take it."""
    try:
        await seat.ask("session.close")
    except StationError as error:
        return str(error) if error.code == "record" else ""
    return ""
