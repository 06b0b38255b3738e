"""What only a running pen can tell, asked of the reference firmware: state machine, answers, a session in hex.

``python -m tests.drivers.reference`` renews every generated section of docs/penlink.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink import document
from drivers.penlink.frame import STOP, Decoder, Frame, encode
from drivers.penlink.messages import (
    CURRENT_MAX_MA,
    RATE_BITS,
    RATE_MASK,
    Cmd,
    HelloRequest,
    Lease,
    Message,
    Opcode,
    Query,
    QueryRequest,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
    VitalsMessage,
)

from .golden import VECTORS
from .table import LATCH, STATES, Table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "penlink.md"
STREAMS = (TelemetryMessage, StatusMessage, VitalsMessage)
Deed = Callable[[Table], object]
ALL = frozenset(STATES)
AWAKE = ALL - {PenState.BOOT}
GRANTED = frozenset({PenState.RUNNING, PenState.PAUSED})


def _start(pen: Table) -> None:
    token = pen.pen.token or pen.accept(Opcode.ARM, 500).token
    pen.order(Opcode.START, token << 16 | 100)


def _park(pen: Table) -> None:
    token = pen.pen.token or pen.accept(Opcode.ARM, 500).token
    pen.order(Opcode.PARK, token << 16 | 1)


def _fault(pen: Table) -> None:
    pen.pen.raise_fault(Fault.SENSOR)


def _boot(pen: Table) -> None:
    pen.pen.power_on(pen.now, 80)


def _run_over(pen: Table) -> None:
    pen.go(6000, renew=True)


INPUTS: tuple[tuple[str, frozenset[PenState], Deed], ...] = (
    ("STOP", ALL, lambda t: t.put(STOP)),
    ("HELLO page 0 (session opens anew)", AWAKE, lambda t: t.say(HelloRequest(0, 9, 1))),
    ("HELLO page 0 for another protocol version", AWAKE, lambda t: t.say(HelloRequest(0, 9, 2))),
    ("HELLO pages 1 to 4, QUERY", AWAKE, lambda t: (t.say(HelloRequest(3, 9, 1)), t.say(QueryRequest(2)))),
    ("LEASE, own boot_id", AWAKE, lambda t: t.renew()),
    ("ARM", AWAKE, lambda t: t.order(Opcode.ARM, 500)),
    ("START, live token", frozenset({PenState.ARMED, PenState.PAUSED}), _start),
    ("START, wrong or no token", AWAKE, lambda t: t.order(Opcode.START, ((t.pen.token ^ 1) << 16) | 100)),
    ("END 0 (give back)", AWAKE, lambda t: t.order(Opcode.END, 0)),
    ("END 1 (pause)", AWAKE, lambda t: t.order(Opcode.END, 1)),
    ("RESET, needle still, cause gone", AWAKE, lambda t: t.order(Opcode.RESET)),
    ("SET_DEPTH, SET_RATE", AWAKE, lambda t: (t.order(Opcode.SET_DEPTH, 500), t.order(Opcode.SET_RATE, 90_000))),
    ("LIMIT_DEPTH", AWAKE, lambda t: t.order(Opcode.LIMIT_DEPTH, 500)),
    ("PARK, live token", frozenset({PenState.ARMED, PenState.PAUSED}), _park),
    ("PARK, wrong or no token", AWAKE, lambda t: t.order(Opcode.PARK, (t.pen.token ^ 1) << 16)),
    ("CALIBRATION", AWAKE, lambda t: t.order(Opcode.CALIBRATION, 1 << 30)),
    ("dead centre reached", frozenset({PenState.PARKING}), lambda t: t.go(600, renew=True)),
    ("INDICATE", AWAKE, lambda t: t.order(Opcode.INDICATE)),
    ("SELF_TEST", AWAKE, lambda t: (t.order(Opcode.SELF_TEST), t.go(200, renew=True))),
    ("no renewal for the granted lease", AWAKE, lambda t: t.go(1500)),
    ("granted run time used up", frozenset({PenState.RUNNING}), _run_over),
    ("`pause_max` over (lease renewed)", frozenset({PenState.PAUSED}), lambda t: t.go(60_000, renew=True)),
    ("10 s after ARM", frozenset({PenState.ARMED}), lambda t: t.go(10_000)),
    ("link lost, where the wire can tell", AWAKE, lambda t: t.pen.link_down(t.now)),
    ("button", AWAKE, lambda t: t.pen.press_button(t.now)),
    ("footswitch pressed", AWAKE, lambda t: t.pen.footswitch(True, t.now)),
    ("footswitch released", AWAKE, lambda t: t.pen.footswitch(False, t.now)),
    ("cartridge pulled out", AWAKE, lambda t: t.pen.change_cartridge(None, t.now)),
    ("a fault appears", AWAKE, _fault),
    ("boot finished", frozenset({PenState.BOOT}), lambda t: t.go(100)),
    ("power cycle or crash", ALL, _boot),
)

ANSWERS: tuple[tuple[str, Opcode, int], ...] = (
    ("SET_DEPTH", Opcode.SET_DEPTH, 500),
    ("SET_RATE", Opcode.SET_RATE, 90_000),
    ("ARM", Opcode.ARM, 500),
    ("START, live token", Opcode.START, 100),
    ("START, no token", Opcode.START, 100),
    ("END", Opcode.END, 0),
    ("RESET", Opcode.RESET, 0),
    ("PARK, live token", Opcode.PARK, 1),
    ("PARK, no token", Opcode.PARK, 1),
    ("CALIBRATION", Opcode.CALIBRATION, 1 << 30),
    ("INDICATE", Opcode.INDICATE, 0),
    ("SELF_TEST", Opcode.SELF_TEST, 0),
    ("LIMIT_DEPTH, not below the target", Opcode.LIMIT_DEPTH, 2000),
    ("LIMIT_DEPTH, below the target", Opcode.LIMIT_DEPTH, 500),
    ("any other opcode", Opcode.CARTRIDGE, 0),
)


def after(state: PenState, deed: Deed) -> PenState:
    """The state in which ``deed`` leaves a pen that was in ``state``."""
    pen = Table().into(state, 5000)
    deed(pen)
    return pen.pen.state


def machine() -> str:
    """State × input → state."""
    rows = []
    for name, where, deed in INPUTS:
        cells = []
        for state in STATES:
            then = after(state, deed) if state in where else None
            cells.append("" if then is None else "·" if then is state else then.name)
        rows.append((name, *cells))
    return document.table(("input", *(state.name for state in STATES)), rows)


def answer(state: PenState, name: str, opcode: Opcode, argument: int) -> str:
    pen = Table().into(state, 5000)
    if name.endswith("live token"):
        if state not in (PenState.ARMED, PenState.PAUSED):
            return ""
        argument |= (pen.pen.token or pen.accept(Opcode.ARM, 500).token) << 16
    elif name.endswith("no token"):
        if state is PenState.ARMED:
            return ""
        argument |= 7 << 16
    if opcode is Opcode.RESET and state in LATCH:
        pen.go(1000)
    result = pen.order(opcode, argument)
    assert result is not None
    reason = Reason(result.reason)
    return Result(result.result).name if reason is Reason.NONE else reason.name


def answers() -> str:
    """State × command → result, or the reason for which it is refused."""
    states = [state for state in STATES if state is not PenState.BOOT]
    rows = [(entry[0], *(answer(state, *entry) for state in states)) for entry in ANSWERS]
    return document.table(("command", *(state.name for state in states)), rows)


class Session:
    """A conversation written down: the bytes as they pass, and what they say."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.samples = 0
        self.asked = False
        self.pen = Table(session=False, seed=20)
        self.pen.pen.power_on(self.pen.now, 80)
        self.pen.raw.clear()
        self.pen.frames.clear()
        self._decoder = Decoder()
        self.pen.on_bytes = self._from_pen

    def _from_pen(self, data: bytes) -> None:
        for piece in data.split(b"\0")[:-1]:
            frames: list[Frame] = []
            self._decoder.feed(piece + b"\0", frames.append)
            message = frames[0].message
            if not self.asked and isinstance(message, STREAMS):
                self.samples += 1
                if self.samples > 1:
                    continue
            self._line("←", piece + b"\0", tell(message))

    def _line(self, way: str, data: bytes, text: str) -> None:
        self.lines.append(f"{self.pen.pen.clock:>6} {way} {data.hex(' ')}\n           {text}")

    def to(self, message: Message) -> None:
        """The host says one thing, and the pen answers in the same ms."""
        self.pen.seq += 1
        self.raw(encode(message, self.pen.seq), tell(message))

    def raw(self, data: bytes, text: str) -> None:
        self.streams()
        self._line("→", data, text)
        self.asked = True
        self.pen.put(data)
        self.asked = False

    def streams(self) -> None:
        if self.samples > 1:
            self.lines.append(f"           … {self.samples - 1} more of TELEMETRY, STATUS and VITALS")
        self.samples = 0

    def note(self, text: str) -> None:
        self.streams()
        self.lines.append(f"\n# {text}")

    def command(self, opcode: Opcode, argument: int = 0) -> ResultMessage:
        not_after = 0 if opcode is Opcode.END else self.pen.pen.clock + 300
        self.to(Cmd(self.pen.pen.last_cmd_id + 1, opcode, not_after, argument))
        return self.pen.of(ResultMessage)[-1]

    def renew(self, ms: int) -> None:
        """Renewals every 125 ms for so long; the first is shown."""
        first = Lease(self.pen.pen.boot_id, 1)
        self.to(first)
        for counter in range(2, ms // 125 + 1):
            self.pen.go(125)
            self.pen.say(first._replace(counter=counter))
        self.streams()
        self.lines.append(f"           … {ms // 125 - 1} more renewals, one every 125 ms")
        self.pen.go(125)


def _name(kind: type[IntEnum], value: int) -> str:
    return kind(value).name if value in set(kind) else str(value)


def tell(message: Message) -> str:
    """A message in words: its name and its fields, enumerations by name."""
    values: dict[str, Any] = dict(message._asdict())
    if "rate_current" in values:
        both = values.pop("rate_current")
        values |= {"rate": both & RATE_MASK, "current": both >> RATE_BITS & CURRENT_MAX_MA}
    if "state_result" in values:
        both = values.pop("state_result")
        values |= {"state": _name(PenState, both & 15), "last_result": _name(Result, both >> 4)}
    if values.get("opcode") in (Opcode.START, Opcode.PARK, Opcode.CALIBRATION) and "argument" in values:
        values["argument"] = f"{values['argument']:#010x}"
    if "opcode" in values:
        values["opcode"] = _name(Opcode, values["opcode"])
    if "result" in values:
        values |= {"result": _name(Result, values["result"]), "reason": _name(Reason, values["reason"])}
    for field in ("boot_id", "schema_hash", "token"):
        if field in values:
            values[field] = f"{values[field]:#x}"
    if "code" in values:
        values["code"] = _name(EventCode, values["code"])
    name = type(message).__name__.removesuffix("Message")
    return f"{name} " + " ".join(f"{key}={value}" for key, value in values.items())


def session() -> str:
    """A whole conversation with the reference pen, from power-on to RESET."""
    play = Session()
    play.note("power on: one HELLO page 0, unasked")
    play.pen.go(120)
    play.note("the host closes whatever half frame there was and reads the five pages")
    play.raw(b"\0", "(a lone zero)")
    for page in range(5):
        play.to(HelloRequest(page, page + 1, 1))
    play.pen.go(45)
    play.note("what does it hold?")
    for what in (Query.STATUS, Query.READBACK, Query.VITALS):
        play.to(QueryRequest(what))
    play.note("limit and targets")
    play.command(Opcode.LIMIT_DEPTH, 1500)
    play.command(Opcode.SET_RATE, 100_000)
    play.command(Opcode.SET_DEPTH, 1000)
    play.note("beyond the limit of the session: refused")
    play.command(Opcode.SET_DEPTH, 2000)
    play.pen.go(500)
    play.note("arm with a lease of 500 ms, start for 60 s with the token, keep it alive")
    token = play.command(Opcode.ARM, 500).token
    play.command(Opcode.START, token << 16 | 600)
    play.pen.go(45)
    play.renew(1000)
    play.note("the same START again (its answer was lost, say): the stored result, and nothing else happens")
    play.to(Cmd(play.pen.pen.last_cmd_id, Opcode.START, play.pen.pen.clock + 300, token << 16 | 600))
    play.note("end the pass; the needle runs down")
    play.command(Opcode.END, 0)
    play.pen.go(400)
    play.note("STOP, in a state where nothing moves: legal, and latched")
    play.raw(STOP, "STOP")
    play.command(Opcode.ARM, 500)
    play.command(Opcode.RESET)
    play.streams()
    return "```text" + "\n".join(["", *play.lines]) + "\n```"


def vectors() -> str:
    """The golden vectors of everyday messages."""
    rows = []
    for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["messages"]:
        if vector["seq"] == 0 or vector["seq"] in (0xFFFF, 0x0100):
            continue
        values = " ".join(f"{field['name']}={field['value']}" for field in vector["fields"])
        rows.append(
            f"{vector['name']}, seq {vector['seq']}\n  {values}\n  inner  {vector['inner']}"
            f"\n  ble    {vector['characteristic'][:8]}, the inner frame\n  serial {vector['serial']}"
        )
    return "```text\n" + "\n".join(rows) + "\n```"


def corrections() -> str:
    """The golden vectors of corrections."""
    blocks = []
    for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["corrections"]:
        pairs = [f"{target}→{commanded}" for target, commanded in vector["commanded"]]
        blocks.append(
            f"cartridge {vector['cartridge']!r} {vector['cartridge_crc']}, knots "
            + " ".join(f"{commanded}:{actual}" for commanded, actual in vector["knots"])
            + f"\n  CRC {vector['crc']}, arguments {' '.join(vector['arguments'])}\n  target→commanded {' '.join(pairs)}"
        )
    return "```text\n" + "\n".join(blocks) + "\n```"


SECTIONS = {"corrections": corrections, "machine": machine, "answers": answers, "session": session, "vectors": vectors}


def renew(text: str) -> str:
    text = document.renew(text)
    for name, make in SECTIONS.items():
        text = document.replace(text, name, make())
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(renew(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
