"""Noise in files that others write: captures, notices in the runtime directory, blocks of telemetry."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from uuid import UUID

import pytest

from devicectl.bench.capture_file import CaptureError, Damage, Kind, Reader, Record, Writer
from devicectl.bench.dissect import Dissector
from devicectl.bench.replay import inputs
from devicectl.records import telemetry_block
from devicectl.records.lock import _read as holder_of_database
from devicectl.records.telemetry_block import BlockDamaged, Columns
from devicectl.station.stop_notes import waiting_notes
from devicectl.station.unwritten import waiting_entries
from drivers.penlink.frame import encode
from drivers.portlock import holdings, left_behind
from drivers.tap import STREAM, Way
from simulator.announce import announce, announced

from .noise import ALL, Noise, bent, edited
from .shares import SEEDS, share

pytestmark = [pytest.mark.fuzz, pytest.mark.parametrize("seed", SEEDS)]
NOTICES = {
    f"simulator-{os.getpid()}-7.json": {
        "address": "tcp://127.0.0.1:7001", "model": "R", "serial": "S1", "pid": os.getpid(), "kind": "tcp", "radio": "",
    },
    "port-0123456789abcdef.lock": {
        "address": "serial:///dev/ttyACM0", "pid": 1, "owner": "devicectl", "serial": "S1", "device": "", "record": "r",
        "let_go": False,
    },
    "stopped-r-1.json": {
        "id": str(UUID(int=7)), "at_utc_us": 1, "at_boot_us": 2, "source": "SPACE", "address": "a", "serial": "s",
        "sent": True, "left": False, "within_ms": 3,
    },
    "unwritten-r-1.json": {
        "entries": [
            {"kind": "StopStill", "id": str(UUID(int=7)), "intent_to_still_us": 7},
            {"kind": "AlarmMark", "id": str(UUID(int=8)), "what": "cleared", "at_utc_us": 9},
        ],
        "more": 0,
    },
    "r.lock": {"pid": 1, "since": "x"},
}  # fmt: skip


def test_the_runtime_directory_holds_noise(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reader gives what it can make out, or nothing, and always what is sound beside it."""
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path))
    chance = random.Random(f"notices {seed}")
    address = "tcp://127.0.0.1:7999"
    names = list(NOTICES)
    with announce(address, "R", "S9", "tcp"):
        for number in range(share("notices") // 5):
            for name in names:
                text = json.dumps(edited(chance, NOTICES[name])).encode()
                (tmp_path / name).write_bytes(bent(chance, text))
            assert address in [one.address for one in announced()]
            assert all(type(one.pid) is int and one.address.isprintable() for one in announced())
            holdings()
            assert len(waiting_notes("r")) == len(waiting_entries("r")) == 1
            holder_of_database(tmp_path / "r.lock")
            if number % 16 == 0:
                left_behind()


def captured(path: Path, noise: Noise, records: int) -> bytes:
    """A sound capture of noise, as a file."""
    header = {"program": "test", "address": "memory://pen", "pen": None, "origin": "simulated"}
    writer = Writer(path, header, 0.0, 0)
    for number in range(records):
        way = Way.IN if noise.chance.random() < 0.7 else Way.OUT
        writer.add(Kind.BYTES, number / 50, number, noise.damaged(encode(noise.message(), 1)), way, STREAM)
    writer.close("done", records / 50, records)
    return path.read_bytes()


def test_captures_are_bent(seed: int, tmp_path: Path) -> None:
    """What is read is what was written, in order; all that is missing is told, with its place."""
    noise, records = Noise(f"captures {seed}"), 24
    whole = captured(tmp_path / "whole", noise, records)
    with Reader(tmp_path / "whole") as reader:
        sound = [item for item in reader if isinstance(item, Record)]
    path, chance = tmp_path / "bent", noise.chance
    told = 0
    refusals: set[str] = set()
    for _ in range(share("captures") // records):
        raw = bytearray(whole)
        for _ in range(chance.randint(0, 3)):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.3:
            del raw[chance.randrange(len(raw)) :]
        if chance.random() < 0.2:
            at = chance.randrange(len(raw) + 1)
            raw[at:at] = chance.randbytes(chance.randrange(60))
        if chance.random() < 0.2:
            at = chance.randrange(len(raw) + 1)
            del raw[at : at + chance.randrange(200)]
        path.write_bytes(raw)
        try:
            reader = Reader(path)
        except CaptureError as error:
            refusals.add(str(error))
            continue
        with reader:
            found = list(reader)
        read = [item for item in found if isinstance(item, Record)]
        damage = [item for item in found if isinstance(item, Damage)]
        places = iter(sound)
        assert all(any(one == other for other in places) for one in read)
        assert damage or bytes(raw) == whole
        told += len(damage)
        assert all("at byte" in one.text and str(path) in one.text for one in damage)
        inputs(found)
    assert told
    assert refusals
    assert all(str(path) in text and text.endswith(".") for text in refusals)


def test_records_hold_noise(seed: int) -> None:
    """What somebody may have put into a capture with a right checksum is shown, and replayed, without harm."""
    noise, chance = Noise(f"dissector {seed}", ALL), random.Random(seed)
    left = share("dissector")
    while left:
        found = [record(noise, chance, number) for number in range(min(left, 4000))]
        left -= len(found)
        assert len(list(Dissector().lines(found))) > len(found) // 2
        assert inputs(found)


def record(noise: Noise, chance: random.Random, number: int) -> Record:
    """One that nobody would write."""
    kind = Kind.BYTES if chance.random() < 0.9 else chance.choice(list(Kind))
    data = noise.damaged(encode(noise.message(), 1))
    if kind is not Kind.BYTES and chance.random() < 0.5:
        facts = {"mark": "JOINED", "up": True, "boot_id": 1, "last_cmd_id": 2, "clock_ms": 3, "heard_at": 0.5,
                 "sample_counter": 4, "tail": "0102", "overrun": False}  # fmt: skip
        data = bent(chance, json.dumps(edited(chance, facts)).encode())
    way = chance.choice((Way.IN, Way.OUT, None)) if kind is not Kind.BYTES else chance.choice((Way.IN, Way.OUT))
    return Record(number, kind, number / 50, number, data, way, chance.choice((STREAM, 1, 4, 5, 99)))


def test_blocks_of_telemetry_are_bent(seed: int) -> None:
    chance = random.Random(f"blocks {seed}")
    columns = Columns(*([number * 7 % 113 for number in range(50)] for _ in Columns._fields))
    whole = telemetry_block.encode(columns)
    good = 0
    for _ in range(share("blocks")):
        raw = bytearray(whole)
        for _ in range(chance.randrange(3)):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        cut = bytes(raw[: chance.randrange(len(raw) - 8, len(raw) + 1)])
        try:
            good += telemetry_block.decode(cut) == columns
        except BlockDamaged:
            continue
        # What is read is what was written, or nothing.
        assert cut == whole
    assert good
