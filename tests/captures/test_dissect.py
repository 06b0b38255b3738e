"""What a capture shows is what the receiver's own decoder makes of the same bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devicectl.bench.capture_file import Damage, Kind, Record
from devicectl.bench.dissect import Dissector, Line, Stream
from drivers.penlink.frame import STOP, Decoder, Frame, encode, encode_inner
from drivers.penlink.gatt import CHANNELS, Characteristic
from drivers.penlink.messages import Cmd, Lease, Opcode, QueryRequest, StatusMessage, TelemetryMessage
from drivers.tap import STREAM, Way

FRAMES = [
    encode(QueryRequest(1), 1),
    encode(TelemetryMessage(1, 2, 1000, 100_000 | 300 << 20, 7), 2),
    encode(StatusMessage(1, 2, 3 | 0 << 4, 5, 10, 77), 3),
    STOP,
    b"\x00",
    b"\x11" * 80,
    b"\xff" * 70 + b"\x00",
    b"\x03\x01\x02\x00",
]
wire = st.lists(st.one_of(st.sampled_from(FRAMES), st.binary(max_size=30)), max_size=20)


@given(wire, st.lists(st.integers(1, 90), min_size=1, max_size=20))
@settings(max_examples=400, deadline=None)
def test_shows_the_frames_and_the_errors_that_the_decoder_counts(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    decoder, frames = Decoder(), []
    stream, pieces = Stream(), []
    at = 0
    for size in sizes * (len(data) // sum(sizes) + 1):
        chunk = data[at : at + size]
        at += size
        decoder.feed(chunk, frames.append)
        pieces += list(stream.feed(chunk))
    assert [piece.frame for piece in pieces if piece.frame is not None] == frames
    errors: dict[str, int] = {}
    for piece in pieces:
        if piece.found == "bad":
            errors[piece.error] = errors.get(piece.error, 0) + 1
    # The decoder counts an overrun when it gives up, this one shows it when it is over.
    pending = decoder.unfinished[1]
    counted = {**decoder.errors, "overrun": decoder.errors.get("overrun", 0) - pending}
    assert errors == {kind: count for kind, count in counted.items() if count}
    assert all(isinstance(frame, Frame) for frame in frames)


def lines(*chunks: bytes, way: Way = Way.IN, channel: int = STREAM) -> list[Line]:
    found = [Record(n, Kind.BYTES, float(n), n, chunk, way, channel) for n, chunk in enumerate(chunks)]
    return list(Dissector().lines(found))


def test_fields_have_the_names_that_people_know() -> None:
    (cmd, status, sample) = lines(
        encode(Cmd(7, Opcode.SET_DEPTH, 500, 1250), 9),
        encode(StatusMessage(1, 2, 3 | 2 << 4, 0b101, 10, 77), 3),
        encode(TelemetryMessage(1, 2, 1000, 100_000 | 300 << 20, 7), 2),
    )
    assert (cmd.message, cmd.crc, cmd.fields["opcode"], cmd.fields["argument"]) == ("CMD", "ok", "SET_DEPTH", 1250)
    assert status.fields["state"] == "RUNNING"
    assert status.fields["last_result"] == "DENIED"
    assert status.fields["faults"] == ["STALL", "OVERTEMPERATURE"]
    assert (sample.fields["rate"], sample.fields["current"]) == (100_000, 300)


def test_an_unknown_number_is_shown_as_it_is() -> None:
    (line,) = lines(encode(Cmd(7, 200, 500, 1), 9))
    assert line.fields["opcode"] == 200


def test_a_wrong_crc_is_told_with_what_it_looks_like_and_what_was_resynchronised() -> None:
    good = bytearray(encode_inner(Lease(1, 2), 3))
    good[-1] ^= 1
    from drivers.penlink import cobs

    bad = cobs.encode(bytes(good)) + b"\x00"
    first, second, third = lines(bad, bytes((9, 9)) + b"\x00", encode(QueryRequest(1), 1))
    assert (first.message, first.crc, first.note) == ("BAD", "wrong", "wrong CRC, looks like LEASE")
    assert (second.message, second.note) == ("BAD", "not COBS")
    assert third.note == f"resynchronised after {len(bad) + 3} bytes"
    assert not first.good
    assert third.good


def test_frames_cut_by_chunks_are_put_together_and_the_rest_is_told() -> None:
    frame = encode(QueryRequest(1), 1)
    one, part = lines(frame[:3], frame[3:] + frame[:4])
    assert (one.message, one.record) == ("QUERY", 1)
    assert part.message == "PART"
    assert part.note == "4 bytes of a frame whose end is not here"


def test_values_on_characteristics_are_frames_by_themselves() -> None:
    sent = CHANNELS[Characteristic.CONTROL_POINT]
    (good, bad) = lines(encode_inner(Cmd(1, 4, 2, 3), 1), b"\x01", way=Way.OUT, channel=sent)
    assert (good.message, good.channel, good.way) == ("CMD", "CONTROL_POINT", "out")
    assert (bad.message, bad.note) == ("BAD", "wrong length")
    (probe,) = lines(b"\x00", way=Way.OUT, channel=sent)
    assert probe.message == "PROBE"
    assert probe.good
    (stop,) = lines(b"x", way=Way.OUT, channel=CHANNELS[Characteristic.STOP])
    assert stop.message == "STOP"


def test_gaps_and_damage_stand_in_their_place() -> None:
    frame = encode(QueryRequest(1), 1)

    def chunk(number: int, data: bytes) -> Record:
        return Record(number, Kind.BYTES, 1.0, 1, data, Way.IN)

    gap = Record(1, Kind.GAP, 1.0, 1, b'{"rows": 3, "bytes_in": 40}')
    found = list(
        Dissector().lines([chunk(0, frame[:3]), gap, chunk(2, frame), Damage("edited", 9, 2, "edited at byte 9")])
    )
    assert [line.message for line in found] == ["GAP", "PART", "QUERY", "DAMAGE"]
    assert found[0].fields == {"rows": 3, "bytes_in": 40}
    assert found[-1].note == "edited at byte 9"


def test_memory_stays_bounded_without_any_zero() -> None:
    stream = Stream()
    for _ in range(1000):
        assert list(stream.feed(b"\x01" * 1000)) == []
    held: Any = vars(stream)
    assert sum(len(value) for value in held.values() if isinstance(value, bytes)) < 200
    (piece,) = stream.feed(b"\x00")
    assert piece.error == "overrun"
    assert len(piece.raw) + piece.dropped == 1_000_000
