"""The block codec: exact, small, and never fooled by damage."""

from __future__ import annotations

import random
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.records.telemetry_block import MAX_SAMPLES, BlockDamaged, Columns, decode, encode

WIDE = st.integers(-(2**62), 2**62 - 1)
NARROW = st.integers(-300, 300)


@st.composite
def blocks(draw) -> Columns:
    count = draw(st.integers(1, 40))
    kind = st.sampled_from([WIDE, NARROW, st.integers(-40_000, 40_000)])
    return Columns(*(draw(st.lists(draw(kind), min_size=count, max_size=count)) for _ in range(8)))


@given(blocks(), st.integers(0, 9))
def test_what_goes_in_comes_out(columns, level):
    assert decode(encode(columns, level)) == columns


@given(blocks(), st.data())
def test_any_changed_byte_is_damage(columns, data):
    blob = bytearray(encode(columns))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BlockDamaged):
        decode(bytes(blob))


@given(blocks(), st.data())
def test_any_cut_or_tail_is_damage(columns, data):
    blob = encode(columns)
    with pytest.raises(BlockDamaged):
        decode(blob[: data.draw(st.integers(0, len(blob) - 1))])
    with pytest.raises(BlockDamaged):
        decode(blob + data.draw(st.binary(min_size=1, max_size=9)))


@given(st.binary(max_size=200))
def test_garbage_is_damage(blob):
    with pytest.raises(BlockDamaged):
        decode(blob)


def signed(blob: bytes) -> bytes:
    return blob + struct.pack("<I", zlib.crc32(blob))


@given(st.binary(max_size=120), st.integers(0, 2**32 - 1), st.booleans())
def test_garbage_with_a_right_checksum_is_still_damage_or_a_block(body, count, packed):
    blob = struct.pack("<BBBBI", ord("T"), 1, 8, 0, count) + (zlib.compress(body) if packed else body)
    try:
        columns = decode(signed(blob))
    except BlockDamaged:
        return
    assert all(len(column) == count for column in columns)


def test_a_bomb_does_not_unpack():
    body = zlib.compress(bytes(100_000_000))
    with pytest.raises(BlockDamaged, match="length"):
        decode(signed(struct.pack("<BBBBI", ord("T"), 1, 8, 0, MAX_SAMPLES) + body))


@pytest.mark.parametrize(
    "columns",
    [
        Columns(*([] for _ in range(8))),
        Columns([1, 2], *([1] for _ in range(7))),
        Columns([2**63], *([1] for _ in range(7))),
        Columns([-(2**63), 2**63 - 1], *([1, 1] for _ in range(7))),
        Columns(*([1] * (MAX_SAMPLES + 1) for _ in range(8))),
    ],
)
def test_what_is_no_block_is_refused(columns):
    with pytest.raises(ValueError):
        encode(columns)


def realistic(count: int, rng: random.Random) -> Columns:
    """50 Hz with noise of 5.4 bits in depth, 4.6 in current, and 11 in the rate: 0.5 Hz, told in mHz."""
    clock = [5_000_000 + 20 * n + rng.choice((0, 0, 0, 0, 1, -1)) for n in range(count)]
    return Columns(
        clock,
        [1_000 + round(rng.gauss(0, 10)) for _ in range(count)],
        [100_000 + round(rng.gauss(0, 500)) for _ in range(count)],
        [260 + round(rng.gauss(0, 6)) for _ in range(count)],
        [3_150 + n // 50 for n in range(count)],
        [3_900 - n // 100 for n in range(count)],
        [1 if (n // 120) % 3 else 0 for n in range(count)],
        [1] * count,
    )


def test_ten_seconds_cost_at_most_nine_bytes_per_sample():
    rng = random.Random(1)
    sizes = [len(encode(realistic(500, rng))) / 500 for _ in range(20)]
    columns = realistic(500, rng)
    start = time.perf_counter()
    for _ in range(20):
        blob = encode(columns)
    encoded = (time.perf_counter() - start) / 20
    start = time.perf_counter()
    for _ in range(20):
        decode(blob)
    decoded = (time.perf_counter() - start) / 20
    fast = len(encode(columns, 1)) / 500
    print(
        f"{sum(sizes) / 20:.2f} B/sample, {max(sizes):.2f} at most (level 1: {fast:.2f}); "
        f"encode {encoded * 1_000:.2f} ms, decode {decoded * 1_000:.2f} ms"
    )
    assert max(sizes) <= 9
