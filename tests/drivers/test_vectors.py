"""The golden vectors against the codec and against the simulated pen's firmware."""

import binascii
import json
from typing import Any

import pytest

from drivers.api import calibrate_cartridge, calibrate_commit, calibrate_knot
from drivers.correction import CorrectionTable, Knot, cartridge_key
from drivers.penlink import cobs
from drivers.penlink.frame import STOP, Decoder, Frame, FrameError, crc16, decode_inner, encode, encode_inner
from drivers.penlink.gatt import CARRIES, COMPANY, SERVICE, Advertised, Characteristic
from drivers.penlink.messages import (
    BY_TYPE,
    HELLO_PAGES,
    LAYOUTS,
    SMALL_PAYLOAD,
    Cmd,
    Layout,
    Message,
    Opcode,
    ResultMessage,
    StatusMessage,
)

from . import golden
from .table import Table

FILE: dict[str, Any] = json.loads(golden.VECTORS.read_text(encoding="utf-8"))
MESSAGES: list[dict[str, Any]] = FILE["messages"]


def layout_of(vector: dict[str, Any]) -> Layout:
    return BY_TYPE[vector["type"]] if vector["page"] is None else HELLO_PAGES[vector["page"]]


def message_of(vector: dict[str, Any]) -> Message:
    made: Message = layout_of(vector).cls(*(field["value"] for field in vector["fields"]))
    return made


def label(vector: dict[str, Any]) -> str:
    return f"{vector['name']} {vector['inner'][:20]}"


def test_the_file_is_what_the_independent_implementation_computes() -> None:
    assert golden.VECTORS.read_text(encoding="utf-8") == golden.text()


def test_every_message_type_has_vectors() -> None:
    assert {(v["type"], v["page"], v["name"], v["to_pen"]) for v in MESSAGES} == {
        (layout.code, layout.page, layout.name, layout.to_pen) for layout in LAYOUTS
    }
    assert {v["fields"][1]["value"] for v in MESSAGES if v["name"] == "CMD"} >= set(Opcode)


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_message_is_encoded_and_decoded_as_the_vector_says(vector: dict[str, Any]) -> None:
    layout, message = layout_of(vector), message_of(vector)
    assert [(f.name, f.kind) for f in layout.fields] == [(f["name"], f["kind"]) for f in vector["fields"]]
    assert sum(f["width"] for f in vector["fields"]) == len(vector["payload"]) // 2
    assert layout.pack(message).hex() == vector["payload"]
    assert encode_inner(message, vector["seq"]).hex() == vector["inner"]
    assert encode(message, vector["seq"]).hex() == vector["serial"]
    assert decode_inner(bytes.fromhex(vector["inner"])) == Frame(vector["seq"], message)
    heard: list[Frame] = []
    Decoder().feed(bytes.fromhex(vector["serial"]), heard.append)
    assert heard == [Frame(vector["seq"], message)]


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_every_message_but_hello_fits_the_smallest_att_payload(vector: dict[str, Any]) -> None:
    size = len(vector["inner"]) // 2
    assert size <= (63 if "HELLO page" in vector["name"] else 20)
    assert "HELLO page" in vector["name"] or len(vector["payload"]) // 2 <= SMALL_PAYLOAD


@pytest.mark.parametrize("vector", FILE["crc"], ids=lambda v: v["crc"])
def test_crc(vector: dict[str, str]) -> None:
    data = bytes.fromhex(vector["data"])
    assert f"{crc16(data):04x}" == f"{golden.crc16(data):04x}" == vector["crc"]


def test_the_check_value_of_the_crc() -> None:
    assert crc16(b"123456789") == 0x29B1 == golden.crc16(b"123456789") == binascii.crc_hqx(b"123456789", 0xFFFF)


@pytest.mark.parametrize("vector", FILE["cobs"], ids=lambda v: v["name"])
def test_cobs(vector: dict[str, str]) -> None:
    data, encoded = bytes.fromhex(vector["data"]), bytes.fromhex(vector["encoded"])
    assert cobs.encode(data) == encoded
    assert cobs.decode(encoded) == golden.uncobs(encoded) == data
    assert len(encoded) <= len(data) + len(data) // 254 + 1


@pytest.mark.parametrize("vector", FILE["cobs_also_valid"], ids=lambda v: v["name"])
def test_other_encoders_are_understood(vector: dict[str, str]) -> None:
    assert cobs.decode(bytes.fromhex(vector["encoded"])).hex() == vector["data"]


@pytest.mark.parametrize("vector", FILE["cobs_invalid"], ids=lambda v: v["name"])
def test_what_is_not_cobs(vector: dict[str, str]) -> None:
    with pytest.raises(cobs.CobsError):
        cobs.decode(bytes.fromhex(vector["encoded"]))


@pytest.mark.parametrize("vector", FILE["refused"], ids=lambda v: f"{v['why']} {v['inner'][:16]}")
def test_refused_frames_are_named_and_counted(vector: dict[str, str]) -> None:
    inner = bytes.fromhex(vector["inner"])
    with pytest.raises(FrameError) as error:
        decode_inner(inner)
    assert error.value.kind == vector["why"]
    decoder = Decoder()
    decoder.feed(golden.cobs(inner) + b"\0", lambda frame: pytest.fail(f"{frame}"))
    assert sum(decoder.errors.values()) == 1
    # The pen drops them as well, without a word.
    table = Table()
    table.raw.clear()
    table.put(golden.cobs(inner) + b"\0")
    assert not table.raw


@pytest.mark.parametrize("vector", FILE["corrections"], ids=lambda v: v["crc"])
def test_corrections(vector: dict[str, Any]) -> None:
    table = CorrectionTable(tuple(Knot(*pair) for pair in vector["knots"]))
    cartridge = cartridge_key(vector["cartridge"])
    assert f"{cartridge:04x}" == vector["cartridge_crc"]
    key = table.key(cartridge)
    assert (key >> 16, f"{key & 0xFFFF:04x}") == (len(table.knots), vector["crc"])
    arguments = [calibrate_knot(slot, knot) for slot, knot in enumerate(table.knots)]
    arguments += [calibrate_cartridge(cartridge), calibrate_commit(key)]
    assert [f"{argument:08x}" for argument in arguments] == vector["arguments"]
    for target, commanded in vector["commanded"]:
        assert table.commanded_um(target) == commanded
    for commanded, actual in vector["actual"]:
        assert table.actual_um(commanded) == actual


def test_stop_is_one_constant() -> None:
    assert bytes.fromhex(FILE["stop"]) == STOP == golden.STOP


def test_the_simulated_pen_takes_every_vector_to_it() -> None:
    """Each CMD vector gets its RESULT and STATUS, every QUERY and HELLO_REQUEST its answer; all of it re-encodes equal."""
    table = Table()
    table.pen.last_cmd_id = 0
    for vector in (v for v in MESSAGES if v["to_pen"] and v["seq"] not in (0, 0xFFFF, 0x0100)):
        before = len(table.frames)
        table.put(bytes.fromhex(vector["serial"]))
        answers = [frame.message for frame in table.frames[before:]]
        message = message_of(vector)
        if isinstance(message, Cmd):
            result, status = answers[:2]
            assert isinstance(result, ResultMessage)
            assert isinstance(status, StatusMessage)
            assert (result.cmd_id, result.opcode) == (message.cmd_id, message.opcode)
            assert (status.last_cmd_id, status.state_result >> 4) == (message.cmd_id, result.result)
        elif vector["name"] == "LEASE":
            assert not answers
        else:
            assert len(answers) == 1
    table.go(2000)
    emitted = [part + b"\0" for part in bytes(table.raw).split(b"\0")[:-1]]
    assert len(emitted) == len(table.frames) > 100
    for raw, frame in zip(emitted, table.frames, strict=True):
        assert encode(frame.message, frame.seq) == raw
        inner = golden.uncobs(raw[:-1])
        assert golden.crc16(inner[:-2]) == int.from_bytes(inner[-2:], "little")
    seqs = [frame.seq for frame in table.frames]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_vectors_at_the_ends_of_their_ranges_do_not_upset_the_pen() -> None:
    table = Table()
    for vector in MESSAGES:
        table.put(bytes.fromhex(vector["serial"]))
    table.go(1000)
    assert not table.body.driven


# -- over BLE


@pytest.mark.parametrize("vector", MESSAGES, ids=label)
def test_a_message_travels_on_the_characteristic_of_the_vector(vector: dict[str, Any]) -> None:
    assert CARRIES[vector["type"]].value == vector["characteristic"]


def test_service_stop_and_advertisement_are_as_the_vectors_say() -> None:
    assert FILE["ble_service"] == SERVICE
    assert FILE["ble_stop"] == {"characteristic": Characteristic.STOP.value, "value": STOP.hex()}
    for vector in FILE["ble_advertised"]:
        data = bytes.fromhex(vector["data"])
        assert int.from_bytes(data[:2], "little") == COMPANY
        advertised = Advertised(vector["protocol"], vector["model_id"], vector["flags"])
        assert data[2:] == advertised.pack()
        assert Advertised.unpack(data[2:] + b"later") == advertised
        assert Advertised.unpack(data[2:-1]) is None
        assert advertised.simulated is bool(vector["flags"] & 1)
