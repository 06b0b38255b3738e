"""A whole treatment as a person does it: a real terminal of 80x24, keys only, a real station, a simulated pen."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator

import pexpect
import pyte
import pytest

from .conftest import LONG_S, House, simulate_on_air

KEYS = {
    "enter": "\r", "esc": "\x1b", "up": "\x1b[A", "down": "\x1b[B", "f2": "\x1bOQ", "f3": "\x1bOR", "f5": "\x1b[15~",
    "f6": "\x1b[17~", "f7": "\x1b[18~",
}  # fmt: skip
PIN = "135790"
WHERE_IS_THE_CURSOR = b"\x1b[6n"


class Person:
    """Somebody before the dashboard, who looks before pressing the next key."""

    def __init__(self, house: House, *arguments: str) -> None:
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-P", "-m", "devicectl", "dashboard", *arguments],
            env={**house.env, "COLORTERM": "truecolor", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
            dimensions=(24, 80),
        )
        self.child.delaybeforesend = None

    def read(self, seconds: float) -> None:
        """Draw what comes within some seconds, and answer as a terminal does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                said = self.child.read_nonblocking(1 << 16, timeout=left)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self._stream.feed(said)
            if WHERE_IS_THE_CURSOR in said:
                os.write(self.child.child_fd, b"\x1b[1;1R")

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    @property
    def here(self) -> str:
        """The row that the keyboard is in."""
        return next((row for row in self.screen.display if "│ ›" in row), "")

    def sees(self, *words: str) -> None:
        """Look until every word is there."""
        end = time.monotonic() + LONG_S
        while not all(word in self.text for word in words):
            assert time.monotonic() < end, f"{words} never came:\n{self.text}"
            self.read(0.05)

    def press(self, key: str, *words: str) -> None:
        """One key, and what must be seen then."""
        self.read(0.1)
        os.write(self.child.child_fd, KEYS.get(key, key).encode())
        self.read(0.1)
        self.sees(*words)

    def moves(self, key: str) -> None:
        """One key after which the keyboard is in another row."""
        before = self.here
        self.press(key)
        end = time.monotonic() + LONG_S
        while self.here == before:
            assert time.monotonic() < end, f"{key} changed nothing:\n{self.text}"
            self.read(0.05)

    def types(self, words: str, shown: str | None = None) -> None:
        """Letter by letter; ``_`` makes a blank."""
        for letter in words:
            self.press(letter)
        if shown != "":
            self.sees(shown or words.replace("_", " "))


@pytest.fixture(params=["pty", "ble"])
def person(house: House, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Before a dashboard, with a simulated pen on a serial line or on the air."""
    if request.param == "ble":
        pytest.importorskip("bumble")
        house.env["DEVICECTL_RADIO"] = simulate_on_air(house, "--seed", "7").radio
    else:
        house.simulate("pty", "--seed", "7")
    made = Person(house)
    yield made
    made.child.close(force=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_treatment_by_keys_alone(house: House, person: Person) -> None:
    p = person
    arrives(p)
    plans(p)
    prepares(p)
    needles(p)
    signs(p)
    reads_the_record(house)


def arrives(p: Person) -> None:
    """First run: the disclaimer, the first operator, the record, the keys; then the pen and a training client."""
    p.sees("not a cleared medical device")
    p.press("enter", "Setting up", "› ○ open  First operator")
    p.press("enter", "The first operator")
    p.types("Dr_Ada")
    p.moves("enter")
    p.moves("enter")
    p.types(PIN, "*" * len(PIN))
    p.moves("enter")
    p.types("135791", "")
    p.press("enter", "Enter adds")
    p.press("enter", "The two PINs differ")
    p.press("\x7f")
    p.types("0", "")
    p.press("f2", "✓ done  First operator", "› ○ open  Record and backup")
    p.press("enter", "record.db.keys", "db backup-keys")
    p.press("enter", "✓ done  Record and backup", "› ○ open  Key test")
    p.press("enter", "11 to go")
    p.press("f5", "✓ F5", "10 to go")
    p.press("esc", "› ○ open  Key test")
    p.press("esc", "NO PEN")
    p.press("w", "✓ done    Operator", "› ○ open    Pen")
    p.press("enter", "look again", "SIMULATED Reference pen")
    p.press("1", "✓ done    Pen", "› ○ open    Client")
    p.press("enter", "No client found")
    p.press("f5", "Client code")
    p.types("T-1")
    p.press("f2", "Search", "T-1              training")


def plans(p: Person) -> None:
    """A copy of a protocol with one zone, and a course of it."""
    p.press("enter", "Dhurat 2013", "PMC3746236")
    p.press("f5", "Remark")
    for _ in range(6):
        p.moves("down")
    for zone in ("FTL", "FTR", "MID", "VTX"):
        p.press("f6", f"Zone 1              {zone}")
    p.moves("down")
    p.moves("down")
    p.moves("down")
    p.types("horizontal_1,_vertical_1")
    p.press("f2", "Dhurat 2013, changed     own")
    p.press("enter", "‹ choose ›")
    p.moves("1")
    p.types("III_vertex")
    p.press("f2", "TREATMENT T-1", "› ○ open    Consent")


def prepares(p: Person) -> None:
    """Consent, checklist, cartridge, skin, daily check; what is missing is said beside the field."""
    p.press("enter", "Photographs allowed")
    p.press("f2", "Photographs allowed is needed")
    p.moves("2")
    p.press("enter", "› ○ open    Checklist")
    p.press("enter", "STOP Infection")
    while "› Enter saves" not in p.text:
        p.moves("1")
    p.press("enter", "✓ done    Checklist", "› ○ open    Cartridge")
    p.press("enter", "GTIN", "SIM-LOT")
    p.press("f2", "✓ done    Cartridge", "› ○ open    Skin")
    p.press("enter", "Product")
    p.press("f3", "Chlorhexidine")
    p.press("f2", "✓ done    Skin", "› ○ open    Daily check")
    p.press("enter", "Body and cable")
    for _ in range(5):
        p.moves("1")
    p.press("f2", "✓ done    Daily check", "› ○ open    Zones")


def needles(p: Person) -> None:
    """The planned zone in both directions, and its result."""
    p.press("enter", "READY  9 Crown")
    for done in ("1/2", "2/2"):
        p.press("g", "Start needling?")
        p.read(0.4)
        p.press("Y", "NEEDLING")
        p.read(3.0)
        p.press("x", "READY", done)
    p.press("k", "End point")
    p.moves("enter")
    p.moves("2")
    p.moves("2")
    p.types("3")
    p.moves("enter")
    p.moves("1")
    p.moves("1")
    p.types("calm")
    p.press("f2", "next step: Discard")


def signs(p: Person) -> None:
    """The cartridge goes, the record is signed, the screen is locked, and STOP works there."""
    p.press("w", "› ○ open    Discard")
    p.press("f7", "Change a pass: which?", "  2  VTX")
    p.press("esc", "› ○ open    Discard")
    p.press("enter", "sharps container")
    p.moves("1")
    p.press("enter", "› ○ open    Sign")
    p.press("enter", "Sign the session of T-1", "VTX 2/2")
    p.types("999999", "******")
    p.press("enter", "Enter signs")
    p.press("enter", "no session", "more tries")
    p.types(PIN, "******")
    p.press("f2", "✓ done    Sign", "the record is locked")
    p.press("esc", "READY")
    p.press("K", "Locked.", "alarms stay")
    p.press(" ", "STOP")
    p.sees("STOPPED", "Locked.")
    p.types(PIN, "")
    p.press("f2", "is signed in")


def reads_the_record(house: House) -> None:
    """With plain sqlite3: nothing of what was entered is missing, and free text cannot be read."""
    with sqlite3.connect(f"file:{house.database}?mode=ro", uri=True) as record:
        assert record.execute("select count(*) from checklist_answers").fetchone() == (21,)
        directions = record.execute("select zone, direction from passes order by seq").fetchall()
        assert directions == [("VTX", "horizontal"), ("VTX", "vertical")]
        result = record.execute("select end_point, pain, bleeding, reaction, note_sealed from zone_results").fetchone()
        assert result[:4] == ("mild_erythema", 3, 1, "none")
        assert b"calm" not in result[4]
        assert record.execute("select meaning, name from signatures").fetchall() == [("performed", "Dr Ada")]
        assert record.execute("select count(*) from follow_ups").fetchone()[0] >= 4
