"""``devicectl operators``, as it is typed."""

from __future__ import annotations

import os
import sys

import pexpect
import psutil

from .conftest import LONG_S, House

PIN, OTHER = "480917", "kelp 93 otter"


def test_from_the_first_operator_to_the_one_who_leaves(house: House) -> None:
    assert "no operators yet" in house.run("operators", "list").out
    first = house.run("operators", "add", "Ida Bergman", "--operator", "Ida Bergman")
    assert "DEVICECTL_NEW_PIN" in first.sentence, "nobody can sign in yet: only the new PIN is asked for"
    house.hire("Ida Bergman", PIN)
    house.env["DEVICECTL_NEW_PIN"] = OTHER
    added = house.run("operators", "add", "Bo Lind", "--role", "technician", "--json")
    assert added.json["name"] == "Bo Lind"
    assert added.json["role"] == "technician"
    # Bo may not do what an administrator does, but changes the PIN.
    as_bo = ("--operator", "Bo Lind")
    house.env |= {"DEVICECTL_PIN": OTHER}
    refused = house.run("operators", "retire", "Ida Bergman", *as_bo)
    assert (refused.code, "technician" in refused.sentence) == (1, True)
    house.env |= {"DEVICECTL_NEW_PIN": "739184"}
    assert house.run("operators", "change", "Bo Lind", "--pin", *as_bo).code == 0
    house.env |= {"DEVICECTL_PIN": PIN}
    for _ in range(5):
        assert "wrong" in house.run("operators", "unlock", "Ida Bergman", *as_bo).sentence
    assert "Too many" in house.run("operators", "unlock", "Ida Bergman", *as_bo).sentence
    assert "locked out" in house.run("operators", "list").out
    assert house.run("operators", "unlock", "bo lind").code == 0
    assert house.run("operators", "change", "Bo Lind", "--role", "practitioner", "--reason", "trained").code == 0
    assert "practitioner, retired" in house.run("operators", "retire", "Bo Lind").out
    listed = {row["name"]: row["active"] for row in house.run("operators", "list", "--retired", "--json").json}
    assert listed == {"Bo Lind": False, "Ida Bergman": True}
    assert "administrator" in house.run("operators", "retire", "Ida Bergman").sentence
    assert house.run("operators", "change", "Bo Lind", "--back").code == 0


def test_pins_come_from_a_descriptor_or_hidden_from_a_terminal(house: House) -> None:
    del house.env["DEVICECTL_DATABASE"]
    nothing = house.run("operators", "add", "Ida")
    assert (nothing.code, "DEVICECTL_NEW_PIN" in nothing.sentence) == (1, True)
    screen = pexpect.spawn(
        sys.executable,
        ["-P", "-m", "devicectl", "operators", "add", "Ida"],
        env=house.env,
        timeout=LONG_S,
        encoding="utf-8",
    )
    screen.expect("New PIN for Ida: ")
    screen.sendline(PIN)
    screen.expect("(?i)repeat.*: ")
    screen.sendline(PIN)
    screen.expect("was added as administrator")
    screen.expect(pexpect.EOF)
    assert PIN not in (screen.before or "")
    reading, writing = os.pipe()
    os.write(writing, f"{PIN}\n{OTHER}\n".encode())
    os.close(writing)
    options = ("--operator", "Ida", "--pin-fd", str(reading), "--new-pin-fd", str(reading))
    added = house.finish(house.start("operators", "add", "Bo", *options, pass_fds=(reading,)))
    os.close(reading)
    assert added.code == 0, added.err
    assert OTHER not in added.out + added.err


def test_a_station_inherits_no_pin(house: House) -> None:
    house.hire()
    house.env["DEVICECTL_NEW_PIN"] = OTHER
    assert house.run("operators", "list").code == 0
    pid = house.station_pid
    assert pid is not None
    environment = psutil.Process(pid).environ()
    assert "DEVICECTL_DATABASE" in environment
    assert not [name for name in environment if name.endswith("_PIN")]
