"""Golden vectors of Penlink v1, computed without the product's code: bits for the CRC, bytes for COBS, int.to_bytes.

``python -m tests.drivers.golden`` writes tests/vectors/penlink-v1.json anew. The table here is typed by hand from the
protocol, so that a slip in drivers/penlink shows up as a difference.
"""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "penlink-v1.json"
WIDTH = {"u8": 1, "u16": 2, "u32": 4, "i16": 2}
STOP = b"\x00\xffSTOP!\x00"


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740, one bit at a time."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            top = crc >> 15 ^ byte >> bit & 1
            crc = crc << 1 & 0xFFFF ^ (0x1021 if top else 0)
    return crc


def cobs(data: bytes) -> bytes:
    """Consistent overhead byte stuffing, one byte at a time, without the closing zero."""
    out, group = bytearray(), bytearray()
    full = False
    for byte in data:
        full = False
        if byte:
            group.append(byte)
        if not byte or len(group) == 254:
            out += bytes([len(group) + 1]) + group
            group.clear()
            full = bool(byte)
    if not full:
        out += bytes([len(group) + 1]) + group
    return bytes(out)


def uncobs(data: bytes) -> bytes:
    """The reverse, one byte at a time."""
    out = bytearray()
    left, zero = 0, False
    for byte in data:
        assert byte
        if left == 0:
            if zero:
                out.append(0)
            left, zero = byte - 1, byte != 255
        else:
            out.append(byte)
            left -= 1
    assert left == 0
    return bytes(out)


def pack(kind: str, value: int | str) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return bytes([len(raw)]) + raw
    return value.to_bytes(WIDTH[kind], "little", signed=kind == "i16")


Spec = tuple[str, bool, int, int | None, str]
PAGE = "page:u8 nonce:u16 "
TABLE: dict[str, Spec] = {
    "HELLO_REQUEST": ("HELLO_REQUEST", True, 0x01, None, "page:u8 nonce:u16 protocol:u8"),
    "CMD": ("CMD", True, 0x02, None, "cmd_id:u32 opcode:u8 not_after:u32 argument:u32"),
    "LEASE": ("LEASE", True, 0x03, None, "boot_id:u32 counter:u16"),
    "QUERY": ("QUERY", True, 0x04, None, "what:u8"),
    "HELLO0": (
        "HELLO page 0 (session)",
        False,
        0x81,
        0,
        PAGE + "page_count:u8 boot_id:u32 clock:u32 last_cmd_id:u32 schema_hash:u32 flags:u8 frame_max:u8",
    ),
    "HELLO1": ("HELLO page 1 (model)", False, 0x81, 1, PAGE + "manufacturer:str model:str"),
    "HELLO2": ("HELLO page 2 (unit)", False, 0x81, 2, PAGE + "serial:str firmware:str hardware:str"),
    "HELLO3": (
        "HELLO page 3 (capabilities)",
        False,
        0x81,
        3,
        PAGE + "depth_min:u16 depth_max:u16 depth_step:u16 depth_evaluated:u16 rate_min:u32 rate_max:u32 "
        "rate_step:u32 lease_min:u16 lease_max:u16 run_max:u32 pause_max:u32 telemetry_hz:u8 features:u8",
    ),
    "HELLO4": (
        "HELLO page 4 (cartridge)",
        False,
        0x81,
        4,
        PAGE + "flags:u8 needles:u8 depth_max:u16 expiry:u32 type:str serial:str lot:str",
    ),
    "RESULT": (
        "RESULT",
        False,
        0x82,
        None,
        "cmd_id:u32 opcode:u8 result:u8 reason:u8 applied:u32 token:u16",
    ),
    "STATUS": (
        "STATUS",
        False,
        0x83,
        None,
        "boot_id:u32 last_cmd_id:u32 state_result:u8 faults:u8 lease_left:u8 clock_low:u16",
    ),
    "READBACK": ("READBACK", False, 0x84, None, "depth:u16 rate:u32 depth_limit:u16 run_max:u16"),
    "TELEMETRY": ("TELEMETRY", False, 0x85, None, "counter:u16 clock:u32 depth:u16 rate_current:u32 flags:u8"),
    "VITALS": (
        "VITALS",
        False,
        0x86,
        None,
        "clock:u32 temperature:i16 battery_mv:u16 battery_pct:u8 strokes:u32",
    ),
    "EVENT": ("EVENT", False, 0x87, None, "counter:u8 code:u8 clock:u32 argument:u32"),
    "CORRECTION": (
        "CORRECTION",
        False,
        0x89,
        None,
        "crc:u16 knots:u8 cartridge:u16 flags:u8 depth:u16 commanded:u16",
    ),
    "KNOT": ("KNOT", False, 0x8A, None, "slot:u8 commanded:u16 actual:u16"),
}

BOOT = 0x0007A5C3
END_OF_TIME = 0xFFFFFFFF
EXAMPLES: list[tuple[str, int, list[int | str]]] = [
    # what one meets every day
    ("HELLO_REQUEST", 1, [0, 1, 1]),
    ("HELLO_REQUEST", 2, [4, 258, 1]),
    ("CMD", 7, [1, 1, 5000, 1250]),  # SET_DEPTH 1.25 mm
    ("CMD", 8, [2, 2, 5000, 100_000]),  # SET_RATE 100 Hz
    ("CMD", 9, [3, 3, 5000, 500]),  # ARM, lease 500 ms
    ("CMD", 10, [4, 4, 5000, 0xBEEF << 16 | 1800]),  # START, token BEEF, 180 s
    ("CMD", 11, [5, 5, 0, 1]),  # END, pause
    ("CMD", 12, [6, 5, 0, 0]),  # END, run given back
    ("CMD", 13, [7, 6, 5000, 0]),  # RESET
    ("CMD", 14, [8, 7, 5000, 0xBEEF << 16 | 1]),  # PARK at bottom dead centre, token BEEF
    ("CMD", 15, [9, 8, 0, 0]),  # INDICATE
    ("CMD", 16, [10, 9, 0, 0]),  # SELF_TEST
    ("CMD", 17, [11, 10, 5000, 1 << 26 | 2500 << 13 | 2422]),  # CALIBRATION, knot 1: 2.500 mm gives 2.422 mm
    ("CMD", 18, [12, 11, 0, 0]),  # CARTRIDGE, reserved
    ("CMD", 19, [13, 12, 5000, 1500]),  # LIMIT_DEPTH 1.5 mm
    ("LEASE", 20, [BOOT, 1]),
    ("QUERY", 21, [1]),
    ("QUERY", 22, [2]),
    ("QUERY", 23, [3]),
    ("QUERY", 24, [4]),
    ("QUERY", 25, [5]),
    ("HELLO0", 1, [0, 1, 5, BOOT, 12_345, 0, 0x12345678, 1, 63]),
    ("HELLO1", 2, [1, 2, "Muster & Söhne", "Pen 2"]),
    ("HELLO2", 3, [2, 3, "P2-000123", "1.4.0", "C"]),
    ("HELLO3", 4, [3, 4, 0, 2500, 50, 1500, 50_000, 150_000, 1000, 200, 1000, 300_000, 60_000, 50, 7]),
    ("HELLO4", 5, [4, 5, 1, 12, 2000, 20_301_231, "R12", "C0001-1", "L-0815"]),
    ("RESULT", 6, [3, 3, 0, 0, 500, 0xBEEF]),
    ("RESULT", 7, [1, 1, 2, 8, 0, 0]),
    ("STATUS", 8, [BOOT, 4, 0x03, 0, 50, 0x3039]),
    ("STATUS", 9, [BOOT, 4, 0x2A, 0x01, 0, 0x0000]),
    ("READBACK", 10, [1250, 100_000, 2000, 1800]),
    ("TELEMETRY", 11, [617, 12_340, 1248, 350 << 20 | 99_870, 7]),
    ("VITALS", 12, [12_345, 2485, 3921, 87, 1234]),
    ("VITALS", 13, [12_845, -250, 3921, 87, 1234]),
    ("EVENT", 14, [1, 9, 12_345, 0]),
    ("CORRECTION", 15, [0xDFA8, 2, 0xDC87, 1, 1000, 1041]),
    ("KNOT", 16, [1, 2500, 2422]),
    # the ends of every field
    ("HELLO_REQUEST", 0, [255, 65535, 255]),
    ("CMD", 0xFFFF, [END_OF_TIME, 255, END_OF_TIME, END_OF_TIME]),
    ("LEASE", 0x0100, [END_OF_TIME, 65535]),
    ("QUERY", 0, [0]),
    ("HELLO0", 0xFFFF, [0, 65535, 255, END_OF_TIME, END_OF_TIME, END_OF_TIME, END_OF_TIME, 255, 255]),
    ("HELLO1", 0, [1, 0, "", ""]),
    ("HELLO1", 0, [1, 0, "M" * 24, "m" * 24]),
    ("HELLO2", 0, [2, 0, "S" * 16, "F" * 16, "H" * 16]),
    ("HELLO3", 0, [3, 0, *[65535] * 4, *[END_OF_TIME] * 3, 65535, 65535, END_OF_TIME, END_OF_TIME, 255, 255]),
    ("HELLO4", 0, [4, 0, 0, 0, 0, 0, "", "", ""]),
    ("HELLO4", 0, [4, 0, 3, 255, 65535, END_OF_TIME, "T" * 12, "S" * 12, "L" * 12]),
    ("RESULT", 0, [END_OF_TIME, 255, 255, 255, END_OF_TIME, 65535]),
    ("STATUS", 0, [0, 0, 0, 0, 0, 0]),
    ("STATUS", 0xFFFF, [END_OF_TIME, END_OF_TIME, 255, 255, 255, 65535]),
    ("READBACK", 0, [65535, END_OF_TIME, 65535, 65535]),
    ("TELEMETRY", 0, [65535, END_OF_TIME, 65535, END_OF_TIME, 255]),
    ("VITALS", 0, [END_OF_TIME, -32768, 65535, 255, END_OF_TIME]),
    ("VITALS", 0, [0, 32767, 0, 0, 0]),
    ("EVENT", 0, [255, 255, END_OF_TIME, END_OF_TIME]),
    ("CORRECTION", 0, [65535, 255, 65535, 255, 65535, 65535]),
    ("KNOT", 0, [255, 65535, 65535]),
]


SERVICE = "9f4d0001-1f3a-4c8e-b6d2-5e8a7c0b3d61"
ON = {
    "HELLO_REQUEST": 2,
    "HELLO page 0 (session)": 2,
    "HELLO page 1 (model)": 2,
    "HELLO page 2 (unit)": 2,
    "HELLO page 3 (capabilities)": 2,
    "HELLO page 4 (cartridge)": 2,
    "QUERY": 2,
    "CMD": 3,
    "RESULT": 3,
    "STATUS": 5,
    "READBACK": 5,
    "TELEMETRY": 6,
    "VITALS": 6,
    "LEASE": 7,
    "EVENT": 8,
    "CORRECTION": 8,
    "KNOT": 8,
}
"""Over BLE: the number of the characteristic that carries a message; its value is the inner frame."""


def characteristic(number: int) -> str:
    return SERVICE[:4] + f"{number:04x}" + SERVICE[8:]


def advertised(protocol: int, model_id: int, flags: int) -> dict[str, Any]:
    data = b"\xff\xff" + bytes([protocol]) + model_id.to_bytes(2, "little") + bytes([flags])
    return {"protocol": protocol, "model_id": model_id, "flags": flags, "data": data.hex()}


def inner(kind: int, seq: int, payload: bytes, *, protocol: int = 1) -> bytes:
    body = bytes([protocol, kind]) + seq.to_bytes(2, "little") + bytes([len(payload)]) + payload
    return body + crc16(body).to_bytes(2, "little")


def message(key: str, seq: int, values: list[int | str]) -> dict[str, Any]:
    name, to_pen, kind, page, spec = TABLE[key]
    fields = []
    payload = b""
    for entry, value in zip(spec.split(), values, strict=True):
        field, of = entry.split(":")
        raw = pack(of, value)
        payload += raw
        fields.append({"name": field, "kind": of, "width": len(raw), "value": value})
    frame = inner(kind, seq, payload)
    return {
        "name": name,
        "to_pen": to_pen,
        "type": kind,
        "page": page,
        "seq": seq,
        "fields": fields,
        "payload": payload.hex(),
        "inner": frame.hex(),
        "characteristic": characteristic(ON[name]),
        "serial": (cobs(frame) + b"\x00").hex(),
    }


CORRECTIONS: list[tuple[str, list[tuple[int, int]]]] = [
    ("R12", [(250, 229), (2500, 2422)]),
    ("", [(0, 15), (2500, 2565)]),
    ("R12", [(250, 229), (500, 472), (1000, 960), (1500, 1450), (2000, 1935), (2500, 2420)]),
    (
        "Näh-7",
        [(100, 90), (101, 92), (1000, 1000), (1001, 1001), (1500, 1600), (2000, 1900), (2400, 2500), (2500, 2600)],
    ),
]
TARGETS = (0, 1, 100, 229, 230, 250, 471, 472, 473, 999, 1000, 1001, 1500, 2000, 2422, 2500)


def through(knots: list[tuple[int, int]], value: int, given: int) -> int:
    """From one column of the knots to the other, by fractions, rounded down; ``given`` is the column of ``value``."""
    pieces = [pair for pair in pairwise(knots) if value < pair[1][given]]
    low, high = pieces[0] if pieces else (knots[-2], knots[-1])
    slope = Fraction(high[1 - given] - low[1 - given], high[given] - low[given])
    return floor(low[1 - given] + slope * (value - low[given]))


def correction(kind: str, knots: list[tuple[int, int]]) -> dict[str, Any]:
    name = crc16(kind.encode()) or 1 if kind else 0
    data = name.to_bytes(2, "little") + b"".join(v.to_bytes(2, "little") for knot in knots for v in knot)
    crc = crc16(data)
    pieces = [slot << 26 | commanded << 13 | actual for slot, (commanded, actual) in enumerate(knots)]
    return {
        "cartridge": kind,
        "cartridge_crc": f"{name:04x}",
        "knots": knots,
        "crc": f"{crc:04x}",
        "arguments": [f"{a:08x}" for a in (*pieces, 1 << 30 | name, 2 << 30 | len(knots) << 16 | crc)],
        "commanded": [[target, through(knots, target, 1)] for target in TARGETS],
        "actual": [[commanded, through(knots, commanded, 0)] for commanded in TARGETS],
    }


def run(first: int, last: int) -> bytes:
    return bytes(range(first, last + 1))


def vectors() -> dict[str, Any]:
    """The whole file."""
    status = bytes.fromhex(message("STATUS", 8, [BOOT, 4, 3, 0, 50, 0x3039])["inner"])
    query = bytes.fromhex(message("QUERY", 1, [1])["payload"])
    stuffed = {
        "nothing": b"",
        "one zero": b"\0",
        "two zeros": b"\0\0",
        "zero between": b"\x11\x22\0\x33",
        "no zero": b"\x11\x22\x33\x44",
        "zeros behind": b"\x11\0\0\0",
        "253 bytes without zero": run(1, 253),
        "254 bytes without zero": run(1, 254),
        "a zero and 254 bytes": run(0, 254),
        "255 bytes without zero": run(1, 255),
        "254 bytes and a zero": run(2, 255) + b"\0",
        "253 bytes, a zero, one byte": run(3, 255) + b"\0\x01",
        "254 zeros": b"\0" * 254,
        "255 zeros": b"\0" * 255,
        "508 bytes without zero": run(1, 254) * 2,
    }
    return {
        "note": "Penlink v1: golden vectors, all bytes in hexadecimal, computed by tests/drivers/golden.py",
        "protocol": 1,
        "stop": STOP.hex(),
        "crc": [
            {"data": b"123456789".hex(), "crc": "29b1"},
            *({"data": d.hex(), "crc": f"{crc16(d):04x}"} for d in (b"", b"\0", b"\xff" * 32, run(0, 55))),
        ],
        "cobs": [{"name": name, "data": d.hex(), "encoded": cobs(d).hex()} for name, d in stuffed.items()],
        "cobs_also_valid": [
            {
                "name": "a last code 01 behind a full group",
                "data": run(1, 254).hex(),
                "encoded": f"ff{run(1, 254).hex()}01",
            }
        ],
        "cobs_invalid": [
            {"name": "nothing at all", "encoded": ""},
            {"name": "a zero inside", "encoded": "0200"},
            {"name": "code past the end", "encoded": "0511"},
            {"name": "full group past the end", "encoded": "ff" + "11" * 253},
            {"name": "inside of STOP", "encoded": STOP[1:-1].hex()},
        ],
        "ble_service": SERVICE,
        "ble_stop": {"characteristic": characteristic(4), "value": STOP.hex()},
        "ble_advertised": [advertised(1, 1, 1), advertised(1, 0x1234, 0), advertised(255, 0xFFFF, 255)],
        "corrections": [correction(*example) for example in CORRECTIONS],
        "messages": [message(*example) for example in EXAMPLES],
        "refused": [
            {"why": "length", "inner": status[:6].hex()},
            {"why": "length", "inner": inner(0x83, 1, b"\0" * 57).hex()},
            {"why": "crc", "inner": (status[:-1] + bytes([status[-1] ^ 1])).hex()},
            {"why": "crc", "inner": (status[:-2] + status[:-3:-1]).hex()},
            {"why": "version", "inner": inner(0x04, 1, query, protocol=2).hex()},
            {"why": "version", "inner": inner(0x04, 1, query, protocol=0).hex()},
            {"why": "length", "inner": wrong_length(status).hex()},
            {"why": "type", "inner": inner(0x05, 1, b"\0").hex()},
            {"why": "type", "inner": inner(0x00, 1, b"\0").hex()},
            {"why": "type", "inner": inner(0x81, 1, b"").hex()},
            {"why": "type", "inner": inner(0x81, 1, b"\x05\0\0").hex()},
            {"why": "payload", "inner": inner(0x04, 1, b"").hex()},
            {"why": "payload", "inner": inner(0x04, 1, b"\x01\x00").hex()},
            {"why": "payload", "inner": inner(0x83, 1, b"\0" * 12).hex()},
            {"why": "payload", "inner": inner(0x81, 1, b"\x01\0\0\x05abc\0").hex()},
            {"why": "payload", "inner": inner(0x81, 1, b"\x01\0\0\x01\xff\0").hex()},
            {"why": "payload", "inner": inner(0x81, 1, b"\x01\0\0\0\0\0").hex()},
        ],
    }


def wrong_length(frame: bytes) -> bytes:
    body = frame[:4] + bytes([frame[4] - 1]) + frame[5:-2]
    return body + crc16(body).to_bytes(2, "little")


def text() -> str:
    """The file as it is written: one entry a line."""
    lines = []
    for key, value in vectors().items():
        if isinstance(value, list):
            rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in value)
            lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    VECTORS.parent.mkdir(exist_ok=True)
    VECTORS.write_text(text(), encoding="utf-8")
