"""Scenes for documentation pictures: made-up views of a treatment, and a client that shows them. Never a real pen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from devicectl.station.client_api import StationError
from devicectl.station.views import (
    AlarmView,
    GateView,
    LimitsView,
    LogView,
    PassView,
    PenView,
    Reply,
    RunView,
    SessionView,
    StartSheet,
    TraceView,
    View,
    ZoneView,
)

NOON: Final = 1_790_000_000.0
LIMITS: Final = LimitsView(250, 2500, 250, 1500, 10_000, 150_000, 1_000, 16, "R16", True)
GATES: Final = (
    GateView("identity", True, "Penlink 1, serial PL-A113"),
    GateView("firmware", True, "1.0.2 is known"),
    GateView("cartridge", True, "R16 is in"),
    GateView("battery", True, "86 %"),
    GateView("link", True, "last heard 20 ms ago"),
    GateView("record", True, "writable"),
)
PEN: Final = PenView(
    address="serial:///dev/pts/4",
    model="Reference pen",
    serial="PL-A113",
    firmware="1.0.2",
    simulated=True,
    link="up",
    link_text="",
    state="ready",
    latched=False,
    faults=(),
    motion="still",
    depth_set_um=1000,
    rate_set_mhz=100_000,
    depth_um=1000,
    rate_mhz=0,
    current_ma=20,
    contact=False,
    temperature_cc=2910,
    battery_pct=86,
    battery_mv=3980,
    sample_age_s=0.02,
    vitals_age_s=0.4,
    status_age_s=0.1,
    lease_left_ms=0,
    lease_ms=500,
    samples=94_512,
    lost_samples=3,
    stop_ms=None,
    limits=LIMITS,
    settling=False,
)
ZONES_DONE: Final = (
    ZoneView("FHL", 4, 214.0, False, 21_400, 148.0),
    ZoneView("FRL", 4, 190.0, False, 19_000, 156.0),
    ZoneView("FRR", 2, 96.0, False, 9_600, 80.0),
    ZoneView("FTL", 1, 44.0, True, 4_400, 31.0),
    ZoneView("MID", 3, 233.0, False, 23_300, 88.0),
    ZoneView("PAL", 1, 71.0, False, 7_100, 30.0),
    ZoneView("VTX", 6, 402.0, False, 40_200, 171.0),
)
LOG: Final = (
    LogView(NOON - 1812, "session opened (treatment, client T-001)"),
    LogView(NOON - 1800, "FHL: started at 1.00 mm, 100.0 Hz (6000 rpm)"),
    LogView(NOON - 610, "VTX: pass 6 ended, 67.2 s"),
    LogView(NOON - 240, "MID: pass 3 ended, 79.4 s"),
    LogView(NOON - 170, "FRR: pass 2 ended, 48.0 s"),
    LogView(NOON - 169, "run over: ended"),
    LogView(NOON - 30, "alarm: Depth 0.72 mm measured, 1.00 mm set. Lift the pen and check the cartridge."),
    LogView(NOON - 24, "FRR: started at 1.00 mm, 100.0 Hz (6000 rpm)"),
)
SESSION: Final = SessionView("018f", "treatment", "simulated", "T-001", 1812.0, "FRR", 21, ZONES_DONE, None)
IDLE: Final = View(
    serial=1,
    utc=NOON,
    controller="this screen",
    you_control=True,
    pen=PEN,
    run=None,
    session=SESSION,
    alarms=(),
    gates=GATES,
    log=LOG,
    trace=None,
    zone="FRR",
    depth_request_um=1000,
    rate_request_mhz=100_000,
    record_ok=True,
    silenced_s=0.0,
)


def needling() -> View:
    """A pass in frontal right."""
    pen = replace(
        PEN, state="running", motion="turning", rate_mhz=99_400, depth_um=990, current_ma=310, contact=True,
        temperature_cc=3170, lease_left_ms=420,
    )  # fmt: skip
    run = RunView("FRR", 1000, 100_000, "running", 24.0, 156.0, None)
    now = PassView(22, "FRR", 24.0, 19.0, 1_900, 16.0)
    return replace(IDLE, pen=pen, run=run, session=replace(SESSION, current=now))


def alarmed() -> View:
    """The same with a depth that is not what was set, and an older alarm."""
    view = needling()
    assert view.pen is not None
    alarms = (
        AlarmView("2", "reboot", "medium", "The pen restarted (brown-out). Check it before you go on.", 40.0, True, True),
        AlarmView(
            "1", "depth", "medium",
            "Depth 0.72 mm measured, 1.00 mm set. Lift the pen and check the cartridge.", 2.0, True, False,
        ),
    )  # fmt: skip
    return replace(view, pen=replace(view.pen, depth_um=720, battery_pct=18, battery_mv=3610), alarms=alarms)


def not_still() -> View:
    """After a STOP that the pen did not follow, with a record that failed: the two longest sentences there are."""
    view = needling()
    assert view.pen is not None
    alarms = (
        AlarmView(
            "3", "not-still", "high",
            "STOP sent but the pen is not seen still. Switch the pen off and lift it.", 1.0, True, False,
        ),
        AlarmView(
            "4", "record", "high",
            "The record cannot be written: the disk that holds /home/clinic/.local/share/devicectl/devicectl.db is full; "
            "make room on it, then start the station again.", 3.0, True, False,
        ),
    )  # fmt: skip
    return replace(view, pen=replace(view.pen, state="stopped", latched=True), run=None, alarms=alarms)


def stopped() -> View:
    """After STOP: latched, still, with the time it took."""
    pen = replace(PEN, state="stopped", latched=True, stop_ms=74.0, current_ma=10)
    log = (*LOG, LogView(NOON, "STOP (space)"), LogView(NOON + 0.1, "still, 74 ms after STOP"))
    return replace(IDLE, pen=pen, log=log)


def no_session() -> View:
    """Before anything was opened."""
    return replace(IDLE, session=None, log=())


def watching() -> View:
    """As an observer sees it."""
    return replace(needling(), you_control=False, controller="dashboard on tty2")


def start_sheet(ok: bool = True) -> StartSheet:
    """An answer to ``run.preview``: depth lowered by the cartridge; refused when ``ok`` is False."""
    gates = GATES if ok else (*GATES[:3], GateView("battery", False, "9 %: needs 15 %", True), *GATES[4:])
    return StartSheet(
        "ticket-1", ok, "FRR", 1500, 1250, 100_000, 100_000, ("1.50 mm → 1.25 mm: cartridge R16",), gates, 10.0, 0.15
    )


def overridden_sheet() -> StartSheet:
    """The refused sheet after its check was opened with a reason."""
    text = "overridden (runs from a supply): Battery 9 %, 10 % needed; charge the pen."
    opened = GateView("battery", True, text, overridable=True, overridden=True)
    sheet = start_sheet()
    return replace(sheet, gates=tuple(opened if gate.name == "battery" else gate for gate in sheet.gates))


FOUND: Final[list[dict[str, Any]]] = [
    {
        "address": "serial:///dev/pts/4",
        "name": "Reference pen PL-A113",
        "why": "announced by a simulator",
        "held": "",
        "simulated": True,
    },
    {
        "address": "serial:///dev/ttyACM0",
        "name": "Penlink pen 0042",
        "why": "USB 1209:d0c5, known pen",
        "held": "held by devicectl run, process 4711",
        "simulated": False,
    },
]


AIR: Final[list[dict[str, Any]]] = [
    {
        "address": "ble://F0:50:45:4E:00:01",
        "name": "Reference pen PL-A113",
        "why": "advertises the Penlink service",
        "held": "",
        "simulated": True,
        "rssi": -58,
    },
    {
        "address": "ble://C4:11:9E:20:7B:66",
        "name": "Penlink pen 0077",
        "why": "advertises the Penlink service",
        "held": "",
        "simulated": False,
        "rssi": -84,
    },
    {"address": "ble://D0:00:00:00:00:09", "name": "TV", "why": "no pen", "held": "", "matched": False, "rssi": -71},
]
"""What is heard on the air: a pen beside the bed, one in the next room, and a device that is none."""


NO_PASSKEY: Final = StationError(
    "ble://F0:50:45:4E:00:01: the pen asks for a passkey; give the number it shows or that is printed on it as "
    "?passkey=NNNNNN.",
    "no-passkey",
)


def on_air() -> View:
    """The pen of the other scenes, over Bluetooth."""
    view = needling()
    assert view.pen is not None
    return replace(view, pen=replace(view.pen, address="ble://F0:50:45:4E:00:01", lease_ms=1000))


def traced(view: View, start_ms: int, samples: int = 5) -> View:
    """``view`` with 50 Hz telemetry from ``start_ms`` on, drawn to look like a pass with the pen lifted now and then."""
    pen = view.pen
    assert pen is not None
    at = [start_ms + 20 * i for i in range(samples)]
    turning = pen.motion == "turning"

    def wave(ms: int, slow: float, fast: float) -> float:
        return math.sin(ms / slow) * 0.6 + math.sin(ms / fast) * 0.4

    contact = [math.sin(ms / 900) > -0.7 for ms in at]
    rate = [int((pen.rate_mhz or 0) + (wave(ms, 310, 97) * 700 if turning else 0)) for ms in at]
    depth = [int((pen.depth_um or 0) + (wave(ms, 410, 60) * 18 if turning else 0)) for ms in at]
    base = pen.current_ma or 0
    current = [
        int(base + wave(ms, 230, 71) * 40 - (0 if on else base * 0.5)) if turning else base
        for ms, on in zip(at, contact, strict=True)
    ]
    trace = TraceView(tuple(at), tuple(depth), tuple(rate), tuple(current))
    now = replace(
        pen, rate_mhz=rate[-1], depth_um=depth[-1], current_ma=current[-1], samples=pen.samples + start_ms // 20
    )
    return replace(view, pen=now, trace=trace, serial=start_ms)


class SceneClient:
    """A client with no station behind it: shows the views it is given and remembers what it was told."""

    def __init__(self, sheet: StartSheet | None = None) -> None:
        self.sheet = sheet or start_sheet()
        self.air: list[dict[str, Any]] = []
        self.operators: list[dict[str, Any]] = []
        self.refusals: dict[str, StationError] = {}
        self.answers: dict[str, Any] = {}
        self.stops: list[str] = []
        self.beats: list[tuple[int, int]] = []
        self.activities = 0
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._view: Callable[[View], None] = lambda view: None
        self._lost: Callable[[str], None] = lambda sentence: None
        self._direct: Callable[[str], None] = lambda line: None

    def push(self, view: View) -> None:
        """Show ``view``."""
        self._view(view)

    def lose(self, sentence: str) -> None:
        """Lose the station."""
        self._lost(sentence)

    def stopped_directly(self, line: str) -> None:
        """STOP went past the station."""
        self._direct(line)

    def on_view(self, listener: Callable[[View], None]) -> None:
        """See `StationClient`."""
        self._view = listener

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """See `StationClient`."""
        self._lost = listener

    def on_direct(self, listener: Callable[[str], None]) -> None:
        """See `StationClient`."""
        self._direct = listener

    async def request(self, method: str, **params: Any) -> Any:
        """See `StationClient`: a start sheet, the pens that were found, or nothing."""
        self.requests.append((method, params))
        if method in self.refusals:
            raise self.refusals[method]
        if method in self.answers:
            return self.answers[method]
        if method == "calibration.park":
            return Reply("confirmed", "the needle stands at bottom dead centre")
        if method == "run.preview":
            return self.sheet
        if method == "operator.list":
            return self.operators
        if method != "pens.scan":
            return None
        wired: list[dict[str, Any]] = FOUND if params.get("ports", True) else []
        return [*wired, *(self.air if params.get("bluetooth", True) else [])]

    def heartbeat(self, frame: int, keys: int) -> None:
        """See `StationClient`."""
        self.beats.append((frame, keys))

    def activity(self) -> None:
        """See `StationClient`."""
        self.activities += 1

    def stop_now(self, source: str) -> None:
        """See `StationClient`."""
        self.stops.append(source)

    async def close(self) -> None:
        """See `StationClient`."""
