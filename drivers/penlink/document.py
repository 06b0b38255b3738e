"""The tables of docs/penlink.md, made from the code: ``python -m drivers.penlink.document docs/penlink.md`` renews them.

A section stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. What only a running pen can tell (the state
machine, the worked example) is filled in by the tests of this folder with the same :func:`replace`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from drivers.api import EventCode, Fault, PenState, Reason, Result

from .gatt import ACCESS, CARRIES, COMPANY, SERVICE, Characteristic
from .messages import LAYOUTS, RESERVED_TYPES, SCHEMA_HASH, Layout, Opcode, canonical_table

UNDESCRIBED: Final = "(not described yet)"
_WIDTHS: Final = {"u8": "1", "u16": "2", "u32": "4", "i16": "2", "str": "1 + n"}


class OpcodeText(NamedTuple):
    """What the document says about one opcode. ``timed``: its ``not_after`` is looked at."""

    argument: str
    applied: str
    timed: bool
    reasons: tuple[str, ...]
    text: str


RESERVED_OPCODE: Final = OpcodeText("–", "0", False, ("UNKNOWN_OPCODE",), "Reserved: answer UNSUPPORTED.")

OPCODES: Final[dict[str, OpcodeText]] = {
    "SET_DEPTH": OpcodeText(
        "µm, `depth_min` … `depth_max` on `depth_step`",
        "the target, µm",
        True,
        (
            "EXPIRED",
            "LATCHED",
            "RUNNING",
            "BELOW_MINIMUM",
            "ABOVE_MAXIMUM",
            "OFF_STEP",
            "CARTRIDGE_LIMIT",
            "SESSION_LIMIT",
            "CORRECTION_LIMIT",
        ),
        "Absolute target of the needle protrusion. Never starts the motor. Refused RUNNING only during the self-test.",
    ),
    "SET_RATE": OpcodeText(
        "mHz, `rate_min` … `rate_max` on `rate_step`",
        "the target, mHz",
        True,
        ("EXPIRED", "LATCHED", "RUNNING", "BELOW_MINIMUM", "ABOVE_MAXIMUM", "OFF_STEP"),
        "Absolute target of the stroke rate; followed at once while RUNNING, else kept for the next START.",
    ),
    "ARM": OpcodeText(
        "lease wanted, ms",
        "lease granted, ms: the argument held within `lease_min` … `lease_max`",
        True,
        (
            "EXPIRED",
            "LATCHED",
            "RUNNING",
            "FAULT",
            "NO_CARTRIDGE",
            "CARTRIDGE_USED",
            "SESSION_LIMIT",
            "CARTRIDGE_LIMIT",
            "CORRECTION_LIMIT",
            "BATTERY",
            "MOVING",
        ),
        "Hands out `token`, good for one START within 10 s. A new ARM replaces the token.",
    ),
    "START": OpcodeText(
        "bits 16–31 token, bits 0–15 longest run in 100 ms (1 … 65535)",
        "run granted, ms",
        True,
        (
            "EXPIRED",
            "LATCHED",
            "RUNNING",
            "NOT_ARMED",
            "BAD_TOKEN",
            "FAULT",
            "NO_CARTRIDGE",
            "CARTRIDGE_USED",
            "SESSION_LIMIT",
            "CARTRIDGE_LIMIT",
            "CORRECTION_LIMIT",
            "BATTERY",
            "BAD_PARAMETER",
        ),
        "Turns the motor. Whatever the answer, except LATCHED, RUNNING and EXPIRED, the token is spent.",
    ),
    "END": OpcodeText(
        "0 gives the run back, 1 pauses it",
        "0",
        False,
        (),
        "Motor off, not latched. Never refused and never late, since it only lessens motion; an argument above 1 is 0.",
    ),
    "RESET": OpcodeText(
        "0",
        "0",
        True,
        ("EXPIRED", "RUNNING", "MOVING", "FAULT", "BATTERY"),
        "Leaves a latched state for IDLE once the needle is still and the cause is gone, and clears all fault bits. "
        "In IDLE and ARMED it is accepted and changes nothing.",
    ),
    "PARK": OpcodeText(
        "bits 16–31 token, bits 0–15: 0 top dead centre (needles in), 1 bottom dead centre",
        "where: 0 or 1",
        True,
        (
            "EXPIRED",
            "LATCHED",
            "RUNNING",
            "NOT_ARMED",
            "BAD_TOKEN",
            "FAULT",
            "NO_CARTRIDGE",
            "CARTRIDGE_USED",
            "SESSION_LIMIT",
            "CARTRIDGE_LIMIT",
            "CORRECTION_LIMIT",
            "BATTERY",
            "BAD_PARAMETER",
        ),
        "Turns the needle slowly, forward and by less than one stroke, to a dead centre, with a token and a lease like START. "
        "Only in ARMED.",
    ),
    "INDICATE": OpcodeText("0", "0", False, (), "Buzzer or light, so that a person sees which pen it is."),
    "SELF_TEST": OpcodeText(
        "0",
        "0",
        False,
        (
            "LATCHED",
            "RUNNING",
            "MOVING",
            "FAULT",
            "NO_CARTRIDGE",
            "CARTRIDGE_USED",
            "SESSION_LIMIT",
            "CARTRIDGE_LIMIT",
            "CORRECTION_LIMIT",
            "BATTERY",
        ),
        "Answers IN_PROGRESS, and within 10 s a second RESULT of the same `cmd_id`: ACCEPTED, FAILED with a reason, or "
        "CANCELLED by a latch. It does not move the needle. The second one replaces the stored result. Motion is refused RUNNING meanwhile.",
    ),
    "CALIBRATION": OpcodeText(
        "see Correction",
        "the argument",
        True,
        ("EXPIRED", "RUNNING", "MOVING", "BAD_PARAMETER", "INCOMPLETE"),
        "Hands a correction table over piece by piece and writes it whole. Answers to the commit are IN_PROGRESS and, within "
        "500 ms, a second RESULT. Motion is refused RUNNING meanwhile. A pen without a correction table (features bit 4) "
        "answers UNSUPPORTED.",
    ),
    "CARTRIDGE": RESERVED_OPCODE,
    "LIMIT_DEPTH": OpcodeText(
        "µm, any value",
        "the limit now in force for this session, µm",
        True,
        ("EXPIRED", "RUNNING"),
        "Lowers the greatest protrusion for this session; never raises it. Ends with the session (HELLO page 0). "
        "Refused RUNNING while a granted run uses more depth than that.",
    ),
}

RESULTS: Final = {
    "ACCEPTED": "done, or begun for a target that takes time to reach",
    "TEMPORARILY_REJECTED": "refused because of the state the pen is in; another state may allow it",
    "DENIED": "refused, and the same command will always be refused",
    "UNSUPPORTED": "this pen does not know the opcode",
    "FAILED": "it was tried and did not work",
    "IN_PROGRESS": "begun; a second RESULT follows",
    "CANCELLED": "begun and broken off by STOP, a fault or the end of the lease",
}

REASONS: Final = {
    "NONE": "nothing to say: the command was taken",
    "STALE_ID": "`cmd_id` is lower than the last one",
    "EXPIRED": "the pen's clock is past `not_after`, or `not_after` is 0",
    "BAD_TOKEN": "the token is not the one that ARM gave",
    "NOT_ARMED": "START without a live token",
    "LATCHED": "the state is latched; RESET first",
    "MOVING": "the needle still moves",
    "BELOW_MINIMUM": "below `depth_min` or `rate_min`",
    "ABOVE_MAXIMUM": "above `depth_max` or `rate_max`",
    "OFF_STEP": "not a whole number of steps above the minimum",
    "NO_CARTRIDGE": "no cartridge is plugged in",
    "CARTRIDGE_LIMIT": "deeper than the cartridge allows",
    "CARTRIDGE_USED": "the cartridge is marked used, and this pen refuses such",
    "BATTERY": "too little charge to begin a run",
    "FAULT": "a fault is present",
    "NOT_PAUSED": "reserved",
    "UNKNOWN_OPCODE": "the pen does not know the opcode",
    "BAD_PARAMETER": "the argument makes no sense for this opcode",
    "RUNNING": "a run, a self-test or the writing of a correction is going on",
    "NO_SESSION": "no session is open; ask for HELLO page 0",
    "SESSION_LIMIT": "deeper than LIMIT_DEPTH of this session allows",
    "CORRECTION_LIMIT": "the correction would command more than the limit in force",
    "INCOMPLETE": "what was handed over is not the table that the commit names, or is no table",
}

STATES: Final = {
    "BOOT": "from power-on to the unasked HELLO; only STOP is heard",
    "IDLE": "at rest, no token, no run",
    "ARMED": "at rest, a token is out",
    "RUNNING": "a run is granted and the motor is driven",
    "PAUSED": "a run is granted and the motor is off; the lease still counts",
    "PARKING": "the needle is turned to a dead centre; the lease counts",
    "STOPPED": "latched by STOP",
    "LEASE_EXPIRED": "latched because the lease of a granted run ended",
    "FAULT": "latched by a fault",
    "UPDATING": "latched while firmware is written; no v1 message enters it",
}

FAULTS: Final = {
    "STALL": "the motor is driven, does not turn, and draws stall current",
    "OVERCURRENT": "motor current above the pen's own limit",
    "OVERTEMPERATURE": "motor above the pen's own limit",
    "BATTERY": "the battery is too low to go on with a run",
    "DEPTH_ACTUATOR": "the depth drive does not reach its target",
    "SENSOR": "a sensor that motion depends on cannot be believed",
    "CARTRIDGE": "the cartridge was pulled out during a granted run",
    "INTERNAL": "the firmware found itself in error",
}

EVENTS: Final = {
    "BUTTON_DOWN": "the pen's button went down",
    "BUTTON_UP": "and up",
    "FOOTSWITCH_DOWN": "the footswitch went down",
    "FOOTSWITCH_UP": "and up",
    "FAULT_RAISED": "`argument`: bit number of the fault",
    "FAULT_CLEARED": "by RESET; `argument`: bit number of the fault",
    "RUN_TIME_OVER": "the granted run time is used up; the pen is IDLE",
    "LEASE_EXPIRED": "the lease of a granted run ended, by time, by HELLO page 0 or by loss of the link",
    "STOP_SEEN": "the first STOP that led into STOPPED",
    "PAUSED": "by END, button or footswitch",
    "RESUMED": "by button, footswitch or START",
    "CARTRIDGE_CHANGED": "a cartridge was plugged in or pulled out; ask for HELLO page 4",
    "PAUSE_OVER": "the pause lasted longer than `pause_max`; the run is given back and the pen is IDLE",
    "PARKED": "the needle stands at a dead centre; `argument`: 0 top, 1 bottom",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _message(layout: Layout) -> str:
    at = 5
    known = True
    rows = []
    for field in layout.fields:
        rows.append((str(at) if known else "…", _WIDTHS[field.kind], field.kind, field.name, field.unit, field.text))
        if field.kind == "str":
            known = False
        else:
            at += int(_WIDTHS[field.kind])
    size = f"{layout.size} bytes" if not layout.strings else f"{layout.size} bytes and {layout.strings} strings"
    way = "host → pen" if layout.to_pen else "pen → host"
    head = f"### {layout.name}\n\nType `{layout.code:#04x}`, {way}, payload {size}. {layout.text}\n\n"
    return head + table(("at", "bytes", "kind", "field", "unit", "meaning"), rows)


def _messages() -> str:
    return "\n\n".join(_message(layout) for layout in LAYOUTS)


def _reserved() -> str:
    return table(("type", "for"), [(f"`{code:#04x}`", name) for code, name in sorted(RESERVED_TYPES.items())])


def _opcodes() -> str:
    rows = []
    for opcode in Opcode:
        told = OPCODES.get(opcode.name, OpcodeText(UNDESCRIBED, "", False, (), UNDESCRIBED))
        reasons = ", ".join(told.reasons) or "–"
        timed = "yes" if told.timed else "no"
        rows.append((str(int(opcode)), opcode.name, told.argument, told.applied, timed, reasons, told.text))
    return table(("id", "opcode", "argument", "applied", "`not_after`", "may be refused with", "what it does"), rows)


def _numbers(kind: type[IntEnum], texts: dict[str, str], head: str, first: str = "id") -> str:
    rows = [(str(int(one)), one.name, texts.get(one.name, UNDESCRIBED)) for one in kind]
    return table((first, head, "meaning"), rows)


def _schema() -> str:
    return f"```text\n{canonical_table()}\n```\n\nCRC-32 of these lines: `{SCHEMA_HASH:#010x}`."


def _carried(characteristic: Characteristic, to_pen: bool) -> str:
    # HELLO has one type and five layouts.
    names = [
        layout.name.partition(" page")[0]
        for layout in LAYOUTS
        if CARRIES[layout.code] is characteristic and layout.to_pen is to_pen
    ]
    return ", ".join(dict.fromkeys(names)) or "–"


def _gatt() -> str:
    rows = []
    for characteristic, access in ACCESS.items():
        name = characteristic.name.replace("_", " ").title().replace("Of", "of")
        trust = "bonded, encrypted" if access.trusted else "–"
        to_pen = "STOP" if characteristic is Characteristic.STOP else _carried(characteristic, True)
        rows.append(
            (
                name,
                f"`{characteristic.value[:8]}…`",
                ", ".join(access.properties),
                to_pen,
                _carried(characteristic, False),
                trust,
                access.text,
            )
        )
    head = ("characteristic", "UUID", "properties", "host → pen", "pen → host", "needs", "how")
    return (
        f"Service `{SERVICE}`; the UUIDs of its characteristics differ in the first group only.\n\n{table(head, rows)}"
    )


def _advertised() -> str:
    rows = [
        ("0", "2", "u16", "company", f"`{COMPANY:#06x}`, the value for tests: no id is assigned yet"),
        ("2", "1", "u8", "protocol", "version of this page that the pen speaks: 1"),
        ("3", "2", "u16", "model_id", "model of the pen, by its maker; 0 unknown"),
        ("5", "1", "u8", "flags", "bit 0: simulated pen"),
    ]
    return table(("at", "bytes", "kind", "field", "meaning"), rows)


SECTIONS: Final[dict[str, Callable[[], str]]] = {
    "messages": _messages,
    "reserved types": _reserved,
    "opcodes": _opcodes,
    "results": lambda: _numbers(Result, RESULTS, "result"),
    "reasons": lambda: _numbers(Reason, REASONS, "reason"),
    "states": lambda: _numbers(PenState, STATES, "state"),
    "faults": lambda: _numbers(Fault, FAULTS, "fault", "bit"),
    "events": lambda: _numbers(EventCode, EVENTS, "event", "code"),
    "gatt": _gatt,
    "advertised": _advertised,
    "schema": _schema,
}


def replace(text: str, name: str, body: str) -> str:
    """``text`` with the section ``name`` filled anew. Raises ``ValueError`` when its two markers are not there once."""
    pattern = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    filled, count = pattern.subn(lambda found: f"{found[1]}\n{body}\n\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"section {name!r}: found {count} times, wanted once")
    return filled


def renew(text: str) -> str:
    """``text`` with every section that is made from the code filled anew."""
    for name, make in SECTIONS.items():
        text = replace(text, name, make())
    return text


def main(path: Path) -> None:
    """Rewrite the sections of the file at ``path``."""
    path.write_text(renew(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
