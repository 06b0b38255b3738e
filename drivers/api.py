"""What every pen looks like from above: the types between a driver and the code that uses it.

Units everywhere: needle protrusion in µm, stroke rate in mHz (1 stroke = 1 revolution), time in
seconds of the running loop unless a name ends in ``_ms``. Integers, so that a limit compares exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from drivers.correction import CorrectionTable, Knot

API_VERSION = 1
"""Version of this interface; a driver that was written for another one is refused by name."""


class Result(IntEnum):
    """The pen's own answer to a command, in MAVLink's words (MAV_RESULT)."""

    ACCEPTED = 0
    TEMPORARILY_REJECTED = 1
    DENIED = 2
    UNSUPPORTED = 3
    FAILED = 4
    IN_PROGRESS = 5
    CANCELLED = 6


class Reason(IntEnum):
    """Why a pen answered as it did; one number, one cause."""

    NONE = 0
    STALE_ID = 1
    EXPIRED = 2
    BAD_TOKEN = 3
    NOT_ARMED = 4
    LATCHED = 5
    MOVING = 6
    BELOW_MINIMUM = 7
    ABOVE_MAXIMUM = 8
    OFF_STEP = 9
    NO_CARTRIDGE = 10
    CARTRIDGE_LIMIT = 11
    CARTRIDGE_USED = 12
    BATTERY = 13
    FAULT = 14
    NOT_PAUSED = 15
    UNKNOWN_OPCODE = 16
    BAD_PARAMETER = 17
    RUNNING = 18
    NO_SESSION = 19
    SESSION_LIMIT = 20
    CORRECTION_LIMIT = 21
    INCOMPLETE = 22


class PenState(IntEnum):
    """What the pen's state machine says; from 8 on the state is latched and only RESET leaves it."""

    BOOT = 0
    IDLE = 1
    ARMED = 2
    RUNNING = 3
    PAUSED = 4
    PARKING = 5
    STOPPED = 8
    LEASE_EXPIRED = 9
    FAULT = 10
    UPDATING = 11

    @property
    def latched(self) -> bool:
        """True when only RESET leaves this state."""
        return self >= PenState.STOPPED


class Fault(IntEnum):
    """Bit numbers of the STATUS fault mask."""

    STALL = 0
    OVERCURRENT = 1
    OVERTEMPERATURE = 2
    BATTERY = 3
    DEPTH_ACTUATOR = 4
    SENSOR = 5
    CARTRIDGE = 6
    INTERNAL = 7


class EventCode(IntEnum):
    """What an EVENT message tells."""

    BUTTON_DOWN = 1
    BUTTON_UP = 2
    FOOTSWITCH_DOWN = 3
    FOOTSWITCH_UP = 4
    FAULT_RAISED = 5
    FAULT_CLEARED = 6
    RUN_TIME_OVER = 7
    LEASE_EXPIRED = 8
    STOP_SEEN = 9
    PAUSED = 10
    RESUMED = 11
    CARTRIDGE_CHANGED = 12
    PAUSE_OVER = 13
    PARKED = 14


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the pen says it is. ``simulated`` is the pen's own word and is shown on every screen."""

    manufacturer: str
    model: str
    serial: str
    firmware: str
    hardware: str
    boot_id: int
    protocol: int
    schema_hash: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Ranges the pen enforces by itself. Depth in µm, rate in mHz, times in ms."""

    depth_min_um: int
    depth_max_um: int
    depth_step_um: int
    rate_min_mhz: int
    rate_max_mhz: int
    rate_step_mhz: int
    lease_min_ms: int
    lease_max_ms: int
    run_max_ms: int
    pause_max_ms: int
    telemetry_hz: int
    has_contact: bool
    has_button: bool
    has_footswitch: bool
    depth_evaluated_max_um: int
    can_park: bool = False
    can_correct: bool = False


@dataclass(frozen=True, slots=True)
class Cartridge:
    """What the pen reads from the cartridge. ``expiry`` is ISO 8601 (YYYY-MM-DD) or empty."""

    present: bool
    type: str = ""
    needles: int = 0
    serial: str = ""
    lot: str = ""
    expiry: str = ""
    depth_max_um: int = 0
    used: bool = False


class Status(NamedTuple):
    """A STATUS as it arrived. ``at`` is loop time, ``clock_ms`` the pen's clock (unwrapped, ms since boot)."""

    at: float
    boot_id: int
    clock_ms: int
    last_cmd_id: int
    last_result: Result
    state: PenState
    faults: int
    lease_left_ms: int


class Telemetry(NamedTuple):
    """One sample of the fast stream. ``at`` is loop time of arrival, ``clock_ms`` the pen's own time."""

    at: float
    counter: int
    clock_ms: int
    depth_um: int
    rate_mhz: int
    current_ma: int
    contact: bool | None
    driving: bool


class Vitals(NamedTuple):
    """The slow stream: temperature in 0.01 °C, battery in mV and %, strokes since boot."""

    at: float
    clock_ms: int
    temperature_cc: int
    battery_mv: int
    battery_pct: int
    strokes: int


class ReadBack(NamedTuple):
    """What the pen will do at the next START: targets in µm and mHz, maximum run time in ms."""

    at: float
    depth_um: int
    rate_mhz: int
    depth_limit_um: int
    run_max_ms: int


class CorrectionState(NamedTuple):
    """What the pen makes of its correction table now. ``key`` is 0 without one; ``cartridge`` is the
    :func:`~drivers.correction.cartridge_key` that it is for; ``applies``: it is for the cartridge that is plugged in.

    ``commanded_um`` is what the depth drive is told for the target ``depth_um``.
    """

    at: float
    key: int
    cartridge: int
    applies: bool
    depth_um: int
    commanded_um: int


class PenEvent(NamedTuple):
    """Something that happened on the pen, with the pen's own time."""

    at: float
    clock_ms: int
    code: EventCode
    argument: int


class Gap(NamedTuple):
    """``missing`` telemetry samples were lost before the sample that follows this event."""

    at: float
    missing: int


class Rebooted(NamedTuple):
    """The pen started anew: everything known about it before is void."""

    at: float
    boot_id: int
    cause: str


class Lost(NamedTuple):
    """The link is gone. ``reason`` is one sentence for a person."""

    at: float
    reason: str


class Up(NamedTuple):
    """The link is up and the pen has said who it is."""

    at: float
    identity: Identity
    capabilities: Capabilities
    cartridge: Cartridge


PenInput = Status | Telemetry | Vitals | ReadBack | CorrectionState | PenEvent | Gap | Rebooted | Lost | Up


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The pen did it and said so afresh; ``applied`` is the value it took (µm, mHz, ms or 0)."""

    applied: int = 0
    token: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """The pen refused; nothing changed."""

    result: Result
    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte left this computer; ``text`` is one sentence with the next step."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes left and no answer came: the pen may have done it. ``cmd_id`` settles it later."""

    cmd_id: int
    text: str


Outcome = Confirmed | Rejected | NotSent | Unknown


class Action(StrEnum):
    """What a command asks of a pen. STOP is not among them: it is not a command."""

    SET_DEPTH = "set_depth"
    SET_RATE = "set_rate"
    ARM = "arm"
    START = "start"
    END = "end"
    RESET = "reset"
    PARK = "park"
    INDICATE = "indicate"
    SELF_TEST = "self_test"
    LIMIT_DEPTH = "limit_depth"
    CALIBRATE = "calibrate"


MOTION: frozenset[Action] = frozenset({Action.SET_DEPTH, Action.SET_RATE, Action.ARM, Action.START, Action.PARK})
"""Actions that carry ``not_after`` and are never repeated by themselves."""


@dataclass(frozen=True, slots=True)
class Command:
    """One request to a pen. ``value`` by action: SET_DEPTH µm, SET_RATE mHz, ARM lease in ms, START maximum run
    time in ms, END 1 to pause and 0 to give the run back, PARK 0 top or 1 bottom dead centre, LIMIT_DEPTH µm,
    CALIBRATE one of :func:`calibrate_knot`, :func:`calibrate_cartridge`, :func:`calibrate_commit`; else 0.
    ``token`` is that of ARM, for START and PARK."""

    action: Action
    value: int = 0
    token: int = 0


def calibrate_knot(slot: int, knot: Knot) -> int:
    """Value of CALIBRATE that hands one knot over; nothing is in force before the commit."""
    return slot << 26 | knot.commanded_um << 13 | knot.actual_um


def calibrate_cartridge(cartridge: int) -> int:
    """Value of CALIBRATE that says for which :func:`~drivers.correction.cartridge_key` the table is."""
    return 1 << 30 | cartridge


def calibrate_commit(key: int) -> int:
    """Value of CALIBRATE that writes what was handed over into the pen's memory if it is the table of this key."""
    return 2 << 30 | key


@dataclass(slots=True)
class LinkStatistics:
    """Counters since the link object was made; they only rise."""

    frames: int = 0
    bad_frames: int = 0
    lost_samples: int = 0
    reboots: int = 0
    reconnects: int = 0
    late_answers: int = 0
    implausible: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    extra: dict[str, int] = field(default_factory=dict)


class Pen(Protocol):
    """A pen behind some link. One object per address, for as long as the station owns that pen."""

    statistics: LinkStatistics

    @property
    def connected(self) -> bool:
        """True between :class:`Up` and :class:`Lost`."""

    @property
    def names(self) -> frozenset[str]:
        """Over BLE: every address and name it was found to answer to; elsewhere nothing."""

    @property
    def lease_ms(self) -> int:
        """The lease that a run over this link asks for: 500 ms on a wire, 1,000 ms over BLE."""

    @property
    def obeys(self) -> bool:
        """True when commands are taken: connected and, over BLE, bonded and encrypted. Reading and STOP need no bond."""

    async def secure(self) -> None:
        """Make the pen obey: over BLE pair with it if need be, elsewhere nothing. Moves nothing, repeats no command.

        Once it has succeeded, every later :meth:`connect` does the same. Raises :class:`PenError`.
        """

    def subscribe(self, listener: Callable[[PenInput], None]) -> Callable[[], None]:
        """Call ``listener`` synchronously for everything that arrives; returns the function that ends it.

        A listener that raises is logged and passed over, except at :class:`Up`: a :class:`PenError` raised there
        refuses the pen, and ``connect`` fails with it.
        """

    async def connect(self) -> Up:
        """Open the link and learn who is there. Never moves anything. Raises :class:`PenError`."""

    def next_id(self) -> int:
        """The id that the next command will carry (for the journal, before any byte leaves)."""

    async def command(self, command: Command, *, deadline: float, not_after_ms: int | None = None) -> Outcome:
        """Send once, never again; answer within ``deadline`` seconds or ``Unknown``.

        ``not_after_ms`` is in the pen's clock; None takes the last STATUS + 300 ms.
        """

    def stop(self) -> bool:
        """Put the STOP bytes on the wire now, ahead of everything queued; True when the link took them."""

    def renew_lease(self) -> None:
        """Send one lease renewal; dropped when the link is down or its output is not empty."""

    def query(self) -> None:
        """Ask for STATUS and read-back; harmless at any time."""

    async def refresh_cartridge(self) -> Cartridge:
        """Read again what is plugged in. Raises :class:`PenError`."""

    async def read_correction(self) -> tuple[CorrectionState, CorrectionTable | None]:
        """Read the correction back from the pen's memory. Raises :class:`PenError`."""

    async def close(self) -> None:
        """Let go of the link. Does not stop the pen: whoever closes has stopped it before."""


class PenError(Exception):
    """A pen or its link failed; the text is one sentence with the next step. ``code`` is stable for scripts."""

    code = "pen-error"

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code


class LinkRefused(PenError):
    """The port or address could not be opened."""

    code = "link-refused"


class LinkLost(PenError):
    """The link went away while it was needed."""

    code = "link-lost"


class NotAPen(PenError):
    """Something is there, but it does not answer as a pen."""

    code = "not-a-pen"


class WrongProtocol(PenError):
    """A pen is there and speaks another version of the protocol."""

    code = "wrong-protocol"
