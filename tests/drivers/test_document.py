"""docs/penlink.md against the code: tables, state machine, worked example, the C in it, and what it says of refusals."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.correction import Knot
from drivers.penlink import cobs, document
from drivers.penlink.frame import STOP, StopMatcher, crc16
from drivers.penlink.gatt import COMPANY, SERVICE, Characteristic
from drivers.penlink.messages import LAYOUTS, SCHEMA_HASH, Opcode
from simulator.commands import LOW_CHARGE, TIMED

from . import golden, reference
from .table import STATES, Table

TEXT = reference.DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*document.SECTIONS, *reference.SECTIONS])
def test_the_document_is_what_the_code_does(name: str) -> None:
    """If this fails, the wire changed: `python -m tests.drivers.reference` writes the new page."""
    make = (document.SECTIONS | reference.SECTIONS)[name]
    assert document.replace(TEXT, name, make()) == TEXT


def test_rewriting_needs_nothing_but_the_drivers(tmp_path: Path) -> None:
    page = tmp_path / "penlink.md"
    page.write_text(
        re.sub(r"(<!-- begin messages -->).*?(<!-- end)", r"\1\n\2", TEXT, count=1, flags=re.DOTALL), "utf-8"
    )
    document.main(page)
    assert page.read_text(encoding="utf-8") == TEXT


def test_a_missing_marker_is_told() -> None:
    with pytest.raises(ValueError, match="'machine': found 0 times"):
        document.replace("nothing", "machine", "")


def test_everything_is_described_and_nothing_else() -> None:
    assert document.UNDESCRIBED not in TEXT
    for kind, texts in (
        (Opcode, document.OPCODES),
        (Result, document.RESULTS),
        (Reason, document.REASONS),
        (PenState, document.STATES),
        (Fault, document.FAULTS),
        (EventCode, document.EVENTS),
    ):
        assert [one.name for one in kind] == list(texts), kind
    assert f"{SCHEMA_HASH:#010x}" in TEXT
    for layout in LAYOUTS:
        assert f"### {layout.name}\n" in TEXT


def test_the_opcodes_with_a_deadline_are_those_of_the_firmware() -> None:
    assert {name for name, told in document.OPCODES.items() if told.timed} == {opcode.name for opcode in TIMED}


def test_every_reason_that_the_firmware_gives_is_listed_with_its_opcode() -> None:
    given: dict[str, set[str]] = {opcode.name: set() for opcode in Opcode}
    arguments = (
        0,
        1,
        2,
        25,
        500,
        2500,
        3000,
        10_000,
        90_000,
        90_500,
        200_000,
        7 << 16 | 10,
        2 << 30,
        2 << 30 | 1 << 16,
        3 << 30,
    )
    for state, bad in itertools.product(STATES[1:], range(8)):
        table = _upset(Table().into(state, 5000), bad)
        for opcode, argument in itertools.product(Opcode, arguments):
            if bad == 6 and table.pen.token:
                argument = table.pen.token << 16 | argument & 0xFF
            result = table.order(opcode, argument, late=bad == 5)
            assert result is not None
            refused = result.result not in (Result.ACCEPTED, Result.IN_PROGRESS)
            assert refused == (result.reason != Reason.NONE)
            assert not refused or (result.applied, result.token) == (0, 0)
            if refused:
                given[opcode.name].add(Reason(result.reason).name)
            if table.pen.state is not state or (
                not refused and opcode in (Opcode.LIMIT_DEPTH, Opcode.SELF_TEST, Opcode.CALIBRATION)
            ):
                table = _upset(Table().into(state, 5000), bad)
    for name, reasons in given.items():
        listed = set(document.OPCODES[name].reasons)
        # The reference pen's least depth is 0; the others need a special moment, which the simulator's tests make.
        rare = {
            "BELOW_MINIMUM",
            "CARTRIDGE_USED",
            "CARTRIDGE_LIMIT",
            "FAULT",
            "NO_CARTRIDGE",
            "SESSION_LIMIT",
            "CORRECTION_LIMIT",
            "BATTERY",
            "MOVING",
        }
        assert reasons <= listed, name
        assert listed - reasons <= rare, name


def _upset(table: Table, how: int) -> Table:
    if how == 1:
        table.order(Opcode.SELF_TEST)
    elif how == 2:
        table.order(Opcode.LIMIT_DEPTH, 250)
    elif how == 3:
        table.pen.cartridge = table.profile.cartridge.model_copy(update={"depth_max_um": 300})
    elif how == 7:
        table.pen._nvm.write(0, (Knot(0, 0), Knot(2500, 2100)))
        table.pen.correction.power_on("R12")
    elif how == 4:
        table.body.charge = LOW_CHARGE / 2
    return table


# -- the C of the document ---------------------------------------------------------------------------------------------

MAIN = """
#include <stdio.h>
#include <string.h>
int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        uint8_t data[2048];
        size_t size = 0;
        unsigned value;
        for (char *at = line + 1; sscanf(at, "%2x", &value) == 1; at += 2)
            data[size++] = (uint8_t)value;
        if (line[0] == 'c')
            printf("%04x\\n", penlink_crc(data, size));
        if (line[0] == 's') {
            int seen = 0;
            for (size_t i = 0; i < size; i++)
                seen += penlink_stop_seen(data[i]);
            printf("%d\\n", seen);
        }
        if (line[0] == 'u') {
            size = penlink_uncobs(data, size);
            for (size_t i = 0; i < size; i++)
                printf("%02x", data[i]);
            puts("");
        }
    }
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_c_of_the_document_compiles_and_keeps_the_vectors(tmp_path: Path) -> None:
    source, program = tmp_path / "penlink.c", tmp_path / "penlink"
    source.write_text("\n".join(re.findall(r"```c\n(.*?)```", TEXT, re.DOTALL)) + MAIN, "utf-8")
    subprocess.run(
        ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source)], check=True, timeout=60
    )
    file = json.loads(golden.VECTORS.read_text(encoding="utf-8"))
    asked, wanted = [], []
    for vector in file["crc"]:
        asked.append("c" + vector["data"])
        wanted.append(vector["crc"])
    for vector in file["cobs"] + file["cobs_also_valid"]:
        asked.append("u" + vector["encoded"])
        wanted.append(vector["data"])
    for vector in file["cobs_invalid"]:
        asked.append("u" + vector["encoded"])
        wanted.append("")
    for vector in file["messages"]:
        asked.append("u" + vector["serial"][:-2])
        wanted.append(vector["inner"])
    stops = [STOP, b"\1\2" + STOP + STOP, STOP[:5], STOP[5:], STOP[:-1] * 3 + b"\0", b"\0" + STOP[1:-1] + b"\1\0", STOP]
    matcher = StopMatcher()
    for data in stops:
        asked.append("s" + data.hex())
        wanted.append(str(sum(matcher.feed(bytes((byte,))) for byte in data)))
    assert wanted[-len(stops) :] == ["1", "2", "0", "1", "3", "0", "1"]
    told = subprocess.run(
        [program], input="\n".join(asked) + "\n", capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.splitlines() == wanted


def test_the_figures_of_the_text() -> None:
    assert crc16(b"123456789") == int("29b1", 16)
    assert STOP.hex(" ") in TEXT
    with pytest.raises(cobs.CobsError):
        cobs.decode(STOP[1:-1])


def test_the_bluetooth_tables_name_every_characteristic_and_message() -> None:
    section = TEXT[TEXT.index("<!-- begin gatt -->") : TEXT.index("<!-- end gatt -->")]
    for characteristic in Characteristic:
        assert section.count(f"`{characteristic.value[:8]}…`") == 1
    for layout in LAYOUTS:
        assert layout.name.partition(" page")[0] in section
    assert f"`{SERVICE}`" in section
    assert f"{COMPANY:#06x}" in TEXT
