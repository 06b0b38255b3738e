"""Captures come back as they were written; what was cut or edited is found, with its place, and the rest is read."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicectl.bench.capture_file import CaptureError, Damage, Kind, Reader, Record, Writer
from drivers.tap import Way

HEADER = {"program": "1.2.3", "address": "tcp://127.0.0.1:7001", "pen": {"serial": "REF-0001"}, "origin": "simulated"}

chunks = st.tuples(
    st.sampled_from(list(Way)), st.integers(0, 7), st.binary(min_size=0, max_size=300), st.booleans(), st.floats(0, 1e6)
)


def write(path: Path, rows: list[tuple[Way, int, bytes, bool, float]], end: bool = True) -> list[Record]:
    writer = Writer(path, HEADER, 0.0, 1)
    for number, (way, channel, data, stop, at) in enumerate(rows):
        writer.add(Kind.BYTES, at, 1_790_000_000_000_000_000 + number, data, way, channel, stop)
    writer.flush()
    if end:
        writer.close("done", 0.0, 2)
    with Reader(path) as reader:
        return [item for item in reader if isinstance(item, Record)]


def read(path: Path) -> tuple[list[Record], list[Damage]]:
    with Reader(path) as reader:
        items = list(reader)
    return [i for i in items if isinstance(i, Record)], [i for i in items if isinstance(i, Damage)]


def attempt(path: Path) -> tuple[list[Record], list[Damage], str]:
    """As :func:`read`, with the sentence when nothing can be read."""
    try:
        return *read(path), ""
    except CaptureError as error:
        return [], [], str(error)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture of eight chunks with every byte value."""
    path = tmp_path / "a.pcapng"
    write(path, [(Way(1 + n % 2), 0, bytes(range(32 * n, 32 * n + 32)), n == 3, n / 10) for n in range(8)])
    return path


@given(st.lists(chunks, max_size=20))
@settings(max_examples=100, deadline=None)
def test_every_byte_comes_back_in_its_way_at_its_time(rows: list[tuple[Way, int, bytes, bool, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        records = write(Path(folder) / "x", rows)
    assert records[0].facts() == HEADER
    assert records[-1].kind is Kind.END
    found = [(r.way, r.channel, r.data, r.stop) for r in records[1:-1]]
    assert found == [row[:4] for row in rows]
    assert all(abs(r.at - row[4]) < 1e-8 for r, row in zip(records[1:-1], rows, strict=True))
    assert [r.utc_ns for r in records[1:-1]] == [1_790_000_000_000_000_000 + n for n in range(len(rows))]


@given(st.binary(max_size=2000), st.lists(st.integers(1, 70), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_bytes_are_the_same_however_they_were_cut(data: bytes, sizes: list[int]) -> None:
    data = bytes(range(256)) + data
    pieces, at = [], 0
    for size in sizes * (len(data) // sum(sizes) + 1):
        pieces.append(data[at : at + size])
        at += size
    with tempfile.TemporaryDirectory() as folder:
        records = write(Path(folder) / "x", [(Way.IN, 0, piece, False, 0.0) for piece in pieces])
    assert b"".join(r.data for r in records if r.kind is Kind.BYTES) == data
    assert [r.data for r in records if r.kind is Kind.BYTES] == pieces


def test_a_file_cut_anywhere_is_read_up_to_the_cut_and_says_where(capture: Path, tmp_path: Path) -> None:
    whole, none = read(capture)
    assert none == []
    data = capture.read_bytes()
    cut = tmp_path / "cut.pcapng"
    counts = []
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        records, damages, sentence = attempt(cut)
        if sentence:
            assert str(cut) in sentence
            assert counts == []
            continue
        assert records == whole[: len(records)]
        (damage,) = damages
        assert damage.kind in ("cut", "unfinished")
        assert damage.after == len(records) - 1
        assert f"at byte {damage.offset}" in damage.text
        assert f"after record {damage.after}" in damage.text
        assert damage.offset <= size
        counts.append(len(records))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole) - 1


def test_every_edited_byte_is_found_and_costs_one_record(capture: Path, tmp_path: Path) -> None:
    whole, _ = read(capture)
    data = capture.read_bytes()
    edited = tmp_path / "edited.pcapng"
    for place in range(len(data)):
        edited.write_bytes(data[:place] + bytes((data[place] ^ 0x20,)) + data[place + 1 :])
        records, damages, sentence = attempt(edited)
        if sentence:
            # In front of the second record: nothing may be believed.
            assert str(edited) in sentence
            continue
        assert damages, f"byte {place} was changed and nobody noticed"
        assert len(whole) - len(records) <= 1, place
        assert [r for r in whole if r in records] == records
        assert damages[0].offset <= place
        assert str(damages[0].offset) in damages[0].text


def blocks(path: Path) -> list[bytes]:
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append(data[at : at + size])
        at += size
    return found


@pytest.mark.parametrize(
    "edit",
    [
        lambda b: b[:5] + b[6:],
        lambda b: [*b[:5], b[6], b[5], *b[7:]],
        lambda b: [*b[:6], b[5], *b[6:]],
    ],
    ids=["taken out", "swapped", "doubled"],
)
def test_records_taken_out_swapped_or_doubled_are_noticed(capture: Path, tmp_path: Path, edit: Any) -> None:
    edited = tmp_path / "edited.pcapng"
    edited.write_bytes(b"".join(edit(blocks(capture))))
    _, damages = read(edited)
    assert damages[0].kind == "edited"
    assert "after record 2 at byte" in damages[0].text or "after record 3 at byte" in damages[0].text


def test_bytes_put_in_between_are_left_out(capture: Path, tmp_path: Path) -> None:
    whole, _ = read(capture)
    parts = blocks(capture)
    edited = tmp_path / "edited.pcapng"
    edited.write_bytes(b"".join(parts[:6]) + b"\x06\0\0\0\x20\0\0\0 what is this? " + b"".join(parts[6:]))
    records, (damage,) = read(edited)
    assert records == whole
    assert damage.offset == sum(map(len, parts[:6]))
    assert "23 bytes are left out" in damage.text


def test_a_record_of_another_capture_passes_for_nothing(capture: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.pcapng"
    writer = Writer(other, HEADER, 0.0, 77)
    writer.add(Kind.BYTES, 0.0, 5, b"forged", Way.OUT)
    writer.close("done", 0.0, 2)
    edited = tmp_path / "edited.pcapng"
    mine, theirs = blocks(capture), blocks(other)
    edited.write_bytes(b"".join([*mine[:3], theirs[3], *mine[4:]]))
    records, damages = read(edited)
    assert damages
    assert b"forged" not in [r.data for r in records]


@given(st.binary(max_size=400), st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_whatever_a_file_holds_reading_ends_in_records_or_a_sentence(front: bytes, back: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        write(path, [(Way.IN, 0, b"abc", False, 0.0)], end=False)
        good = path.read_bytes()
        for data in (front, good[: len(front)] + front, good + back):
            path.write_bytes(data)
            assert "\n" not in attempt(path)[2]


def test_what_is_no_capture_is_told(tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("text", b"hello\n" * 100), ("zeros", bytes(4096))):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(CaptureError, match="is not a capture"):
            Reader(path)
    with pytest.raises(CaptureError, match="cannot be read"):
        Reader(tmp_path / "nowhere")


def test_a_file_that_exists_is_never_written_over(capture: Path) -> None:
    before = capture.read_bytes()
    with pytest.raises(CaptureError, match="exists already"):
        Writer(capture, HEADER, 0.0, 1)
    assert capture.read_bytes() == before


def test_a_capture_that_was_killed_is_whole_up_to_its_last_record(tmp_path: Path) -> None:
    path = tmp_path / "killed.pcapng"
    records = write(path, [(Way.IN, 0, b"abc", False, 0.0)], end=False)
    assert [r.data for r in records[1:]] == [b"abc"]
    _, (damage,) = read(path)
    assert damage.kind == "unfinished"
    assert "was not ended" in damage.text


def test_numbers_rise_by_one(capture: Path) -> None:
    records, _ = read(capture)
    assert all(b.number - a.number == 1 for a, b in pairwise(records))
