"""Properties of every decoder: nothing raises, nothing grows, nothing is misread."""

import itertools
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.address import Address, BadAddress, is_bluetooth, parse_address
from drivers.api import CorrectionState, LinkStatistics, PenInput
from drivers.penlink import cobs
from drivers.penlink.frame import (
    MAX_INNER,
    MAX_PAYLOAD,
    STOP,
    Decoder,
    Frame,
    FrameError,
    StopMatcher,
    decode_inner,
    encode,
    encode_inner,
)
from drivers.penlink.messages import LAYOUTS, KnotMessage, Layout, Message, PayloadError, Query, ResultMessage
from drivers.penlink.session import Hello, HostSession

from . import golden

LIMITS = {"u8": (0, 0xFF), "u16": (0, 0xFFFF), "u32": (0, 0xFFFFFFFF), "i16": (-0x8000, 0x7FFF)}
STRING_BYTES = 8


def field(kind: str) -> st.SearchStrategy[int | str]:
    if kind == "str":
        return st.text(max_size=STRING_BYTES).filter(lambda text: len(text.encode()) <= STRING_BYTES)
    return st.integers(*LIMITS[kind])


@st.composite
def of_layout(draw: st.DrawFn, layout: Layout) -> Message:
    values: list[int | str] = [draw(field(f.kind)) for f in layout.fields]
    if layout.page is not None:
        values[0] = layout.page
    made: Message = layout.cls(*values)
    return made


messages = st.sampled_from(LAYOUTS).flatmap(of_layout)
noise = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"\0", b"\xff", STOP, STOP[:4], b"\1\1", encode(LAYOUTS[3].cls(1), 5), b"\x05STOP"]), max_size=20
).map(b"".join)
surrogate_free = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


def decoded(data: bytes, sizes: tuple[int, ...] = ()) -> tuple[list[Frame], Decoder]:
    """``data`` fed in pieces of ``sizes``, the rest in one."""
    decoder, frames = Decoder(), []
    at = 0
    for size in (*sizes, len(data)):
        decoder.feed(data[at : at + size], frames.append)
        at += size
    return frames, decoder


# -- COBS --------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.binary(max_size=1200) | st.integers(0, 1100).map(lambda n: b"\x55" * n))
@example(b"\x55" * 254)
@example(b"\0" * 255)
def test_cobs_round_trip_without_zeros_and_as_the_other_implementation(data: bytes) -> None:
    encoded = cobs.encode(data)
    assert 0 not in encoded
    assert encoded == golden.cobs(data)
    assert cobs.decode(encoded) == golden.uncobs(encoded) == data
    assert len(data) < len(encoded) <= len(data) + len(data) // 254 + 1


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_cobs_decode_raises_its_own_error_only(data: bytes) -> None:
    try:
        out = cobs.decode(data)
    except cobs.CobsError:
        return
    assert len(out) < len(data)
    assert cobs.decode(cobs.encode(out)) == out


# -- frames ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(messages, st.integers(0, 0xFFFF))
def test_every_message_round_trips(message: Message, seq: int) -> None:
    assert decode_inner(encode_inner(message, seq)) == Frame(seq, message)
    frames, decoder = decoded(encode(message, seq))
    assert frames == [Frame(seq, message)]
    assert not decoder.errors
    assert decoder.frames == 1


@settings(deadline=None)
@given(st.lists(messages, min_size=1, max_size=5), st.integers(0, 0xFFFF))
def test_no_sequence_of_frames_holds_stop(several: list[Message], seq: int) -> None:
    data = b"\0" + b"".join(encode(message, seq) for message in several)
    assert STOP not in data
    assert not StopMatcher().feed(data)
    # Not even one frame lost in the middle, or a half one before it, can make it.
    for start in range(0, len(data), 7):
        assert STOP not in data[start:]


@settings(deadline=None)
@given(st.binary(max_size=700))
def test_no_encoding_of_anything_holds_stop(data: bytes) -> None:
    assert STOP not in b"\0" + cobs.encode(data) + b"\0"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_frames_at_every_split_point(layout: Layout, data: st.DataObject) -> None:
    message = data.draw(of_layout(layout))
    raw = encode(message, 1) + encode(message, 2)
    for at in range(len(raw) + 1):
        frames, decoder = decoded(raw, (at,))
        assert [frame.message for frame in frames] == [message, message]
        assert not decoder.errors
    frames, decoder = decoded(raw, (1,) * len(raw))
    assert [frame.seq for frame in frames] == [1, 2]


@settings(deadline=None)
@given(st.lists(noise, max_size=8), st.lists(st.integers(0, 90), max_size=30))
def test_arbitrary_bytes_never_raise_and_memory_is_bounded(chunks: list[bytes], sizes: list[int]) -> None:
    decoder, matcher, whole = Decoder(), StopMatcher(), b"".join(chunks)
    frames: list[Frame] = []
    at = 0
    for size in (*sizes, len(whole)):
        piece = whole[at : at + size]
        decoder.feed(piece, frames.append)
        matcher.feed(piece)
        at += size
        assert len(decoder._tail) <= MAX_INNER + 2
        assert len(matcher._tail) < len(STOP)
    assert frames == decoded(whole)[0]
    assert decoder.bytes == len(whole)


def test_a_gigabyte_without_a_zero_needs_no_memory() -> None:
    decoder = Decoder()
    for _ in range(1000):
        decoder.feed(b"\x55" * 4096, lambda frame: None)
        assert len(decoder._tail) <= MAX_INNER + 2
    assert decoder.errors == {"overrun": 1}


@settings(deadline=None)
@given(noise, messages, st.lists(st.integers(0, 60), max_size=20))
def test_after_any_garbage_the_next_frame_but_one_zero_is_read(
    garbage: bytes, message: Message, sizes: list[int]
) -> None:
    frames, _ = decoded(garbage + b"\0" + encode(message, 77), tuple(sizes))
    assert frames[-1] == Frame(77, message)


@settings(deadline=None)
@given(messages, messages)
def test_half_a_frame_costs_at_most_the_next_one(first: Message, second: Message) -> None:
    raw = encode(first, 1)
    for at in range(1, len(raw)):
        frames, _ = decoded(raw[:at] + encode(second, 2) + encode(second, 3))
        assert frames[-1] == Frame(3, second)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_decode_inner_raises_its_own_error_only_and_is_one_to_one(data: bytes) -> None:
    try:
        frame = decode_inner(data)
    except FrameError:
        return
    assert encode_inner(frame.message, frame.seq) == data


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(deadline=None)
@given(payload=st.binary(max_size=70))
def test_unpack_raises_its_own_error_only_and_is_one_to_one(layout: Layout, payload: bytes) -> None:
    try:
        message = layout.unpack(payload)
    except PayloadError:
        return
    assert layout.pack(message) == payload


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(deadline=None)
@given(data=st.data())
def test_behind_a_right_crc_any_payload_is_harmless(layout: Layout, data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=max(0, layout.size - 2), max_size=min(MAX_PAYLOAD, layout.size + 20)))
    if layout.page is not None:
        payload = bytes((layout.page,)) + payload[1:]
    try:
        frame = decode_inner(golden.inner(layout.code, 3, payload))
    except FrameError as refused:
        kind = refused.kind
    else:
        assert layout.pack(frame.message) == payload
        return
    assert kind in ("payload", "type")


@pytest.mark.parametrize("value", [-1, 1 << 32, 1.5, None, "x"])
def test_values_that_do_not_fit_are_refused(value: object) -> None:
    for layout in LAYOUTS:
        if layout.fields[0].kind != "str":
            with pytest.raises(PayloadError):
                layout.pack(layout.cls(*[value] * len(layout.fields)))


def test_strings_that_do_not_fit_are_refused() -> None:
    layout = next(layout for layout in LAYOUTS if layout.page == 1)
    for text in ("x" * 256, "\ud800"):
        with pytest.raises(PayloadError):
            layout.pack(layout.cls(1, 0, text, ""))
    with pytest.raises(PayloadError):
        encode(layout.cls(1, 0, "x" * 30, "y" * 30), 0)


# -- errors on the wire ------------------------------------------------------------------------------------------------


def test_one_or_two_flipped_bits_are_never_another_frame() -> None:
    """Exhaustive for the inner frame of a START (16 million is not needed: its CRC has a Hamming distance of 4)."""
    inner = bytes.fromhex(next(v["inner"] for v in golden.vectors()["messages"] if v["seq"] == 10))
    number, bits = int.from_bytes(inner, "little"), len(inner) * 8
    for flips in (1, 2):
        for places in itertools.combinations(range(bits), flips):
            bad = number
            for place in places:
                bad ^= 1 << place
            with pytest.raises(FrameError):
                decode_inner(bad.to_bytes(len(inner), "little"))


def test_one_or_two_flipped_bits_on_the_line_are_never_another_frame() -> None:
    """As above in the COBS bytes, where a flip may also move zeros and cut the frame in two."""
    serial = bytes.fromhex(next(v["serial"] for v in golden.vectors()["messages"] if v["seq"] == 10))
    number, bits = int.from_bytes(serial, "little"), (len(serial) - 1) * 8
    for flips in (1, 2):
        for places in itertools.combinations(range(bits), flips):
            bad = number
            for place in places:
                bad ^= 1 << place
            frames, decoder = decoded(bad.to_bytes(len(serial), "little"))
            assert not frames, places
            assert decoder.errors, places


# -- STOP --------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(noise, max_size=4), st.lists(noise, max_size=4), st.lists(st.integers(1, 40), max_size=30))
def test_stop_is_found_in_whatever_surrounds_it_across_any_split(
    before: list[bytes], after: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(before) + STOP + b"".join(after)
    matcher, found, at = StopMatcher(), [], 0
    for size in (*sizes, len(data)):
        found.append(matcher.feed(data[at : at + size]))
        at += size
    assert any(found)


@settings(deadline=None)
@given(noise, st.lists(st.integers(1, 12), max_size=40))
def test_each_piece_says_whether_a_stop_ended_in_it(data: bytes, sizes: list[int]) -> None:
    matcher, at = StopMatcher(), 0
    for size in (*sizes, len(data)):
        end = min(at + size, len(data))
        ended = any(data[max(0, i - 7) : i + 1] == STOP for i in range(at, end))
        assert matcher.feed(data[at:end]) == ended
        at = end


def test_a_second_stop_begun_in_the_piece_that_ended_the_first_is_found() -> None:
    matcher = StopMatcher()
    assert matcher.feed(STOP + STOP[:5])
    assert matcher.feed(STOP[5:])
    assert matcher.feed(STOP[1:])
    assert not matcher.feed(STOP[2:])


# -- the host's session ------------------------------------------------------------------------------------------------


class Ear:
    """A host session and what it delivered."""

    def __init__(self) -> None:
        self.inputs: list[PenInput] = []
        self.hellos: list[Hello] = []
        self.results: list[ResultMessage] = []
        self.tables: list[CorrectionState | KnotMessage] = []
        self.statistics = LinkStatistics()
        self.session = HostSession(
            self.inputs.append, self.hellos.append, self.results.append, self.tables.append, self.statistics
        )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(messages | noise, st.floats(0, 100)), max_size=20),
    st.booleans(),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
)
def test_a_session_survives_every_message_and_every_byte(
    heard: list[tuple[Message | bytes, float]], established: bool, boot_id: int, bound: int
) -> None:
    """Values from the pen are believed only within reason, and what goes out afterwards is still a frame."""
    ear = Ear()
    ear.session.established = established
    ear.session.boot_id = boot_id
    ear.session.bound(bound & 0xFFFF, bound)
    now = 5.0
    before = (0, 0, 0)
    for seq, (item, step) in enumerate(heard):
        now += step
        ear.session.feed(item if isinstance(item, bytes) else encode(item, seq), now)
        counted = (ear.statistics.frames, ear.statistics.bad_frames, ear.statistics.bytes_in)
        assert all(new >= old for new, old in zip(counted, before, strict=True))
        before = counted
    for out in (ear.session.lease(), ear.session.hello(0)[1], *(ear.session.query(what) for what in Query)):
        frames, _ = decoded(out)
        assert len(frames) == 1


# -- addresses ---------------------------------------------------------------------------------------------------------

PIECES = [
    "serial://",
    "tcp://",
    "ble://",
    "/dev/",
    "ttyACM0",
    "COM3",
    "127.0.0.1",
    "[::1]",
    "[",
    "]",
    ":",
    "7001",
    "70010",
]
PIECES += [
    "?baud=",
    "115200",
    "²",
    "&dtr=",
    "1",
    "rts=0",
    "#",
    "%00",
    "\0",
    "\n",
    " ",
    "@",
    "é",
    "//",
    "?",
    "=",
    "localhost",
]


@settings(max_examples=500, deadline=None)
@given(
    surrogate_free | st.text(string.printable, max_size=40) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
)
@example("serial://[")
@example("serial:///dev/ttyACM0?baud=²")
@example("tcp://h:99999")
@example("serial:///dev/\0")
@example("SERIAL:?%00")
@example("serial:///dev/x?%1b[2J=1")
@example("serial:///dev/x?baud=" + "9" * 5000)
def test_any_text_is_an_address_or_a_bad_address(text: str) -> None:
    try:
        address = parse_address(text)
    except BadAddress as error:
        told = str(error)
    else:
        assert isinstance(address, Address)
        assert parse_address(str(address)) == address
        assert int(address.options.get("baud", 1)) > 0
        return
    assert told.isprintable()
    assert told.endswith((".", ")."))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("/dev/ttyACM0", "serial:///dev/ttyACM0"),
        (" serial:///dev/ttyACM0 ", "serial:///dev/ttyACM0"),
        ("COM3", "serial://COM3"),
        ("serial:///dev/ttyUSB1?rts=0&baud=9600", "serial:///dev/ttyUSB1?baud=9600&rts=0"),
        ("tcp://127.0.0.1:7001", "tcp://127.0.0.1:7001"),
        ("tcp://[::1]:7001/", "tcp://[::1]:7001"),
        ("ble://AA:BB:CC:DD:EE:FF", "ble://AA:BB:CC:DD:EE:FF"),
        ("ble://aa:bb:cc:dd:ee:ff", "ble://AA:BB:CC:DD:EE:FF"),
        ("ble://Reference pen REF-0001", "ble://Reference pen REF-0001"),
        ("ble://Pen%20%3F?passkey=012345", "ble://Pen %3F"),
        ("ble://pen?radio=", "ble://pen"),
    ],
)
def test_good_addresses_in_their_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_address(text)) == canonical
    assert "?" not in parse_address(text).port_key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a pen's address"),
        ("ttyACM0", "not a pen's address"),
        ("http://x", "not a pen's address"),
        ("serial://", "port is missing"),
        ("serial:///dev/x?boud=1", "option boud is not known for serial (known: baud, dtr, rts)"),
        ("serial:///dev/x?baud=fast", "baud must be a number"),
        ("serial:///dev/x?baud=0", "baud must be a number"),
        ("serial:///dev/x?dtr=2", "dtr must be 0 or 1"),
        ("tcp://127.0.0.1", "needs host and port"),
        ("tcp://127.0.0.1:0", "needs host and port"),
        ("tcp://127.0.0.1:70000", "needs host and port"),
        ("tcp://:7001", "needs host and port"),
        ("tcp://me@host:7001", "needs host and port"),
        ("ble://", "needs its Bluetooth address or name"),
        ("ble://%00", "needs its Bluetooth address or name"),
        ("ble://pen?baud=9600", "option baud is not known for ble (known: passkey, radio)"),
        ("ble://pen?passkey=1234567", "a passkey is a number of up to six digits"),
        ("ble://pen?passkey=secret", "a passkey is a number of up to six digits"),
        ("ble://Pen #2", "write # as %23"),
        ("serial:///dev/x#1", "write # as %23"),
    ],
)
def test_bad_addresses_are_told_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(BadAddress, match=says.replace("(", r"\(").replace(")", r"\)")) as error:
        parse_address(text)
    assert error.value.code == "bad-address"


@pytest.mark.parametrize(
    "text",
    [
        "ble://F0:50:45:4E:00:01?passkey=271828&radoi=x",
        "ble://F0:50:45:4E:00:01?passkey=2718280",
        "ble://F0:50:45:4E:00:01?PASSKEY=271828",
        "ble://F0:50:45:4E:00:01&passkey=271828",
        "ble://F0:50:45:4E:00:01%26passkey=271828",
        "ble://?passkey=271828",
        "blue://F0:50:45:4E:00:01?passkey=271828",
        "ble://pen?passkey=271828#1",
        "ble://pen\x07?passkey=271828",
        "tcp://127.0.0.1?passkey=271828",
    ],
)
def test_a_passkey_is_not_repeated_when_the_address_is_bad(text: str) -> None:
    try:
        told = str(parse_address(text))
    except BadAddress as error:
        told = str(error)
    assert "271828" not in told


NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(NAMES, NAMES, NAMES)
@example("50%", "unix:/tmp/a+b &c=d", "x")
def test_any_name_and_any_radio_are_kept_and_passkeys_are_not_shown(name: str, radio: str, other: str) -> None:
    address = parse_address(str(Address("ble", name, {"radio": radio, "passkey": "271828"})))
    assert address.options == {"radio": radio}
    where = name.upper() if is_bluetooth(name) else name
    assert address.where == where
    assert parse_address(address.port_key) == address, "another radio is another air"
    assert address.may_be(Address("ble", where))
    assert address.may_be(Address("ble", where, {"radio": radio, "passkey": "1"}))
    assert address.may_be(Address("ble", where, {"radio": other})) is (other == radio)
    assert not address.may_be(Address("tcp", where))
