"""A capture for Wireshark: pcapng with one packet for each frame, whatever way its bytes were cut; and what reads them.

The dissector is written from the table of messages, so that it cannot say anything else than the code.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from drivers.api import EventCode, PenState, Reason, Result
from drivers.penlink.messages import BY_TYPE, HELLO, HELLO_PAGES, RATE_MASK, Layout, Opcode
from drivers.tap import Way

from . import pcapng
from .capture_file import CaptureError, Reader
from .dissect import CHANNEL_NAMES, Dissector, Line

FRAME, STOP, BAD, TEXT = 1, 2, 3, 4
"""What a packet of an export holds: an inner frame, STOP, bytes that are no frame, a remark."""
_HEAD: Final = struct.Struct("<BBBB")
"""What, way (0 none, 1 from the pen, 2 to the pen), channel, 0. The data follow."""
_WAYS: Final = {"": 0, "in": pcapng.INBOUND, "out": pcapng.OUTBOUND}
_CHANNELS: Final = {name: number for number, name in CHANNEL_NAMES.items()}


def export(reader: Reader, target: Path) -> tuple[int, list[str]]:
    """Write ``target``, which must not exist. Gives the number of packets, and a sentence for each damage of the capture.

    Raises :class:`CaptureError` when it cannot be written.
    """
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise CaptureError(f"{target} exists already; choose another name.", "file-exists") from None
    except OSError as error:
        raise CaptureError(f"{target} cannot be written ({error.strerror}); check the path.", "file-trouble") from error
    header = reader.header
    packets, trouble = 0, []
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pcapng.section(f"devicectl {header.get('program', '')}", "devicectl export 1"))
            file.write(pcapng.interface(str(header.get("address", "")), "Penlink"))
            for line in Dissector().lines(reader):
                if line.message == "DAMAGE":
                    trouble.append(line.note)
                for block in _packets(line):
                    file.write(block)
                    packets += 1
    except OSError as error:
        raise CaptureError(f"{target} cannot be written ({error.strerror}); make room.", "file-trouble") from error
    return packets, trouble


def _packets(line: Line) -> Iterator[bytes]:
    way = _WAYS[line.way]
    what = FRAME if line.inner else STOP if line.message == "STOP" else BAD if line.raw else TEXT
    data = line.inner or line.raw or _words(line).encode()
    head = _HEAD.pack(what, way, _CHANNELS.get(line.channel, 0), 0)
    yield pcapng.packet(head + data, line.utc_ns, way, line.note)


def _words(line: Line) -> str:
    facts = " ".join(f"{name}={value}" for name, value in line.fields.items())
    return " ".join(filter(None, (line.message, facts, line.note)))


_SIZES: Final = {"u8": 1, "u16": 2, "u32": 4, "i16": 2}
_NAMED: Final = {
    "opcode": {int(one): one.name for one in Opcode},
    "result": {int(one): one.name for one in Result},
    "reason": {int(one): one.name for one in Reason},
    "code": {int(one): one.name for one in EventCode},
    "state": {int(one): one.name for one in PenState},
}


def dissector() -> str:
    """The Lua text for Wireshark's plugin folder."""
    lines = [
        "-- Penlink in captures that 'devicectl capture export' wrote. Made by 'devicectl capture dissector' from the",
        "-- table of messages: put it into Wireshark's folder of personal Lua plugins (Help, About, Folders).",
        'local penlink = Proto("penlink", "Penlink")',
        "local f = penlink.fields",
        f"local whats = {_lua({FRAME: 'frame', STOP: 'STOP', BAD: 'no frame', TEXT: 'remark'})}",
        f"local ways = {_lua({0: '', int(Way.IN): 'pen to host', int(Way.OUT): 'host to pen'})}",
        f"local channels = {_lua(CHANNEL_NAMES)}",
        *(f"local {name}s = {_lua(values)}" for name, values in _NAMED.items()),
        'f.what = ProtoField.uint8("penlink.packet.what", "What", base.DEC, whats)',
        'f.way = ProtoField.uint8("penlink.packet.way", "Way", base.DEC, ways)',
        'f.channel = ProtoField.uint8("penlink.packet.channel", "Characteristic", base.DEC, channels)',
        'f.version = ProtoField.uint8("penlink.frame.version", "Version")',
        'f.type = ProtoField.uint8("penlink.frame.type", "Type", base.HEX)',
        'f.seq = ProtoField.uint16("penlink.frame.seq", "Sequence")',
        'f.length = ProtoField.uint8("penlink.frame.length", "Payload length")',
        'f.crc = ProtoField.uint16("penlink.frame.crc", "CRC", base.HEX)',
        'f.rest = ProtoField.bytes("penlink.packet.data", "Bytes")',
        'f.text = ProtoField.string("penlink.packet.text", "Remark")',
    ]
    layouts = [*BY_TYPE.values(), *HELLO_PAGES.values()]
    names = {(field.name, field.kind) for layout in layouts for field in layout.fields}
    lines += [_field(name, kind) for name, kind in sorted(names)]
    lines += ["local messages = {"]
    lines += [_message(layout) for layout in layouts]
    lines += ["}", _LUA]
    return "\n".join(lines)


def _lua(values: dict[int, str]) -> str:
    return "{ " + ", ".join(f'[{number}] = "{name}"' for number, name in values.items()) + " }"


def _key(name: str, kind: str) -> str:
    return f"f_{name}_{kind}"


def _field(name: str, kind: str) -> str:
    if kind == "str":
        return f'f.{_key(name, kind)} = ProtoField.string("penlink.{name}", "{name}")'
    type_ = {"i16": "int16"}.get(kind, f"uint{8 * _SIZES[kind]}")
    values = f", base.DEC, {name}s" if name in _NAMED else ""
    return f'f.{_key(name, kind)} = ProtoField.{type_}("penlink.{name}", "{name}"{values})'


def _message(layout: Layout) -> str:
    key = layout.code if layout.code != HELLO else layout.code * 256 + (layout.page or 0)
    fields = ", ".join(
        f'{{ f.{_key(one.name, one.kind)}, {_SIZES.get(one.kind, 0)}, "{one.unit}" }}' for one in layout.fields
    )
    return f'  [{key}] = {{ name = "{layout.name}", fields = {{ {fields} }} }},'


_LUA: Final = f"""
local function crc16(bytes, size)
  local crc = 0xffff
  for i = 0, size - 1 do
    crc = bit.bxor(crc, bit.lshift(bytes:get_index(i), 8))
    for _ = 1, 8 do
      crc = bit.band(bit.band(crc, 0x8000) ~= 0 and bit.bxor(bit.lshift(crc, 1), 0x1021) or bit.lshift(crc, 1), 0xffff)
    end
  end
  return crc
end

local function payload(message, range, tree)
  local at = 0
  for _, field in ipairs(message.fields) do
    local size = field[2]
    local item
    if size == 0 then
      size = 1 + range(at, 1):uint()
      item = tree:add(field[1], range(at + 1, size - 1))
    else
      item = tree:add_le(field[1], range(at, size))
    end
    if field[3] ~= "" then item:append_text(" " .. field[3]) end
    at = at + size
  end
  if message.name == "STATUS" then
    local both = range(8, 1):uint()
    tree:append_text(", " .. (states[bit.band(both, 15)] or bit.band(both, 15)))
  elseif message.name == "TELEMETRY" then
    local both = range(8, 4):le_uint()
    tree:append_text(", " .. bit.band(both, {RATE_MASK}) .. " mHz")
  end
end

local function frame(range, tree, info)
  local size = range:len()
  local kind = range(1, 1):uint()
  local message = messages[kind == {HELLO} and kind * 256 + range(5, 1):uint() or kind]
  local sound = crc16(range:bytes(), size - 2) == range(size - 2, 2):le_uint()
  tree:add(f.version, range(0, 1))
  tree:add(f.type, range(1, 1))
  tree:add_le(f.seq, range(2, 2))
  tree:add(f.length, range(4, 1))
  if message ~= nil and sound then
    info:append(message.name)
    payload(message, range(5, size - 7), tree:add(penlink, range(5, size - 7), message.name))
  else
    info:append(sound and "unknown type" or "wrong CRC")
  end
  tree:add_le(f.crc, range(size - 2, 2)):append_text(sound and " (right)" or " (wrong)")
end

function penlink.dissector(buffer, packet, root)
  local size = buffer:reported_length_remaining()
  if size < 4 then return 0 end
  local tree = root:add(penlink, buffer(0, size))
  local what, way = buffer(0, 1):uint(), buffer(1, 1):uint()
  packet.cols.protocol = "Penlink"
  packet.cols.info = way == {int(Way.OUT)} and "> " or way == {int(Way.IN)} and "< " or ""
  tree:add(f.what, buffer(0, 1))
  tree:add(f.way, buffer(1, 1))
  if buffer(2, 1):uint() ~= 0 then tree:add(f.channel, buffer(2, 1)) end
  if size == 4 then return size end
  local data = buffer(4, size - 4)
  if what == {FRAME} and data:len() >= 7 then
    frame(data, tree, packet.cols.info)
  elseif what == {TEXT} then
    tree:add(f.text, data)
    packet.cols.info:append(data:string())
  else
    tree:add(f.rest, data)
    packet.cols.info:append(whats[what] or "?")
  end
  return size
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, penlink)
"""
