"""Faults as text, profiles as files, memory as a file, announcements, the console's lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.runtime import runtime_dir
from simulator.announce import Announcement, announce, announced
from simulator.console import HELP, Console
from simulator.faults import (
    CALM,
    FaultError,
    Faults,
    LinkFaults,
    TimedFault,
    fault_help,
    fault_names,
    parse_fault,
    parse_faults,
)
from simulator.nvm import Nvm
from simulator.pen import SimulatedPen
from simulator.profile import FOLDER, Profile, ProfileError, load_profile, profile_names
from simulator.virtual_time import run_virtual


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop=0.05", TimedFault(0, None, {"drop": "0.05"})),
        ("stall@5s", TimedFault(5, None, {"stall": True})),
        ("stall@2.5", TimedFault(2.5, None, {"stall": True})),
        ("to_pen.delay=0.2@5s+2s", TimedFault(5, 2, {"to_pen.delay": "0.2"})),
        ("lying_sensor=-300", TimedFault(0, None, {"lying_sensor": "-300"})),
        ("  lying_sensor ", TimedFault(0, None, {"lying_sensor": 400})),
    ],
)
def test_fault_texts(text: str, expected: TimedFault) -> None:
    assert parse_fault(text) == expected


@pytest.mark.parametrize("name", fault_names())
def test_every_fault_can_be_switched_on_by_its_name_alone(name: str) -> None:
    plan = parse_faults([name])
    assert plan.always != CALM
    assert plan.timed == ()


def test_a_name_without_direction_means_both() -> None:
    always = parse_faults(["drop=0.1", "from_pen.drop=0.5", "silence"]).always
    assert (always.to_pen.drop, always.from_pen.drop) == (0.1, 0.5)
    assert always.to_pen.silence
    assert always.from_pen.silence


def test_timed_faults_are_sorted_and_apart() -> None:
    plan = parse_faults(["stall@9s", "silence@1s+1s", "hot"])
    assert plan.always == Faults(hot=True)
    assert [fault.start for fault in plan.timed] == [1, 9]


@pytest.mark.parametrize(
    "text",
    ["", "=", "gremlins", "drop=2", "drop=x", "stall@", "stall@soon", "stall@-1s", "stall@1s+0s", "drop=0.1@1e99s",
     "to_pen.stall", "lying_sensor=99999", "drop==1", "stall=maybe", "a.b.c", "stall@nan"],
)  # fmt: skip
def test_bad_fault_texts_are_told_in_one_sentence(text: str) -> None:
    with pytest.raises(FaultError) as error:
        parse_fault(text)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


@given(st.text(max_size=40))
def test_any_text_is_a_fault_or_a_fault_error(text: str) -> None:
    try:
        parse_fault(text)
    except FaultError:
        pass


def test_faults_are_strict() -> None:
    with pytest.raises(ValidationError):
        LinkFaults(drop=1.5)
    with pytest.raises(ValidationError):
        Faults.model_validate({"stal": True})


# -- profiles ----------------------------------------------------------------------------------------------------------


def test_the_shipped_profiles() -> None:
    assert profile_names() == ["fixed-117", "reference", "vary-150"]
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name
        assert len(profile.source) > 40


def test_figures_of_the_two_product_like_profiles() -> None:
    """SkinPen-like and Exceed-like, from their published figures (FDA DEN160029, K180778)."""
    fixed, vary = load_profile("fixed-117"), load_profile("vary-150")
    assert (fixed.rate_min, fixed.rate_max, fixed.rate_step) == (116_667, 116_667, 0)
    assert (fixed.depth_min, fixed.depth_max, fixed.depth_step, fixed.cartridge.needles) == (0, 2500, 250, 14)
    assert (vary.rate_min, vary.rate_max) == (100_000, 150_000)
    assert (vary.depth_min, vary.depth_max, vary.depth_step, vary.cartridge.needles) == (0, 1500, 100, 6)
    assert vary.footswitch
    assert not fixed.contact_sensor


@pytest.mark.parametrize(
    "change",
    [{"depth_min": 2500}, {"depth_step": 70}, {"rate_step": 0}, {"rate_step": 999}, {"lease_min": 2000}, {"x": 1}],
)
def test_inconsistent_profiles_are_refused(change: dict[str, int]) -> None:
    data = json.loads((FOLDER / "reference.json").read_text())
    with pytest.raises(ValidationError):
        Profile.model_validate(data | change)


def test_an_unknown_profile_is_told_with_those_that_exist() -> None:
    with pytest.raises(ProfileError, match=r"'../x'; known are fixed-117, reference, vary-150"):
        load_profile("../x")


# -- memory ------------------------------------------------------------------------------------------------------------


def test_the_boot_counter_is_kept_in_a_file_and_wraps(tmp_path: Path) -> None:
    file = tmp_path / "nvm"
    assert [Nvm(file).next_boot() for _ in range(3)] == [1, 2, 3]
    file.write_text("65535")
    assert Nvm(file).next_boot() == 1
    file.write_bytes(b"\xff\x00worn out")
    assert Nvm(file).next_boot() == 1


# -- announcements -----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _own_runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path / "run"))


def test_a_simulator_is_announced_while_it_runs() -> None:
    with announce("tcp://127.0.0.1:1", "Model µ", "S1", "tcp") as told, announce("tcp://127.0.0.1:2", "M", "S2", "tcp"):
        assert told == Announcement("tcp://127.0.0.1:1", "Model µ", "S1", os.getpid(), "tcp")
        assert [one.serial for one in announced()] == ["S1", "S2"]
        assert oct(next(runtime_dir().glob("*.json")).stat().st_mode & 0o777) in ("0o600", "0o644")
    assert announced() == []
    assert list(runtime_dir().iterdir()) == []


def test_what_dead_simulators_left_behind_is_removed() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = runtime_dir()
    dead = folder / f"simulator-{gone.pid}-1.json"
    dead.write_text(json.dumps({"address": "a", "model": "m", "serial": "s", "pid": gone.pid, "kind": "pty"}))
    lying = folder / f"simulator-{gone.pid}-2.json"
    lying.write_text(json.dumps({"address": "a", "model": "m", "serial": "s", "pid": os.getpid(), "kind": "pty"}))
    (folder / "simulator-x-1.json").write_text("{")
    unfinished = folder / f"simulator-{os.getpid()}-1.json"
    unfinished.write_text("")
    assert announced() == []
    assert list(folder.iterdir()) == [unfinished]


# -- console -----------------------------------------------------------------------------------------------------------


def test_every_console_line_is_answered() -> None:
    async def main() -> list[str]:
        left: list[bool] = []
        console = Console(SimulatedPen(), print, lambda: left.append(True))
        lines = ["button", "footswitch down", "footswitch sideways", "press 1.0", "press hand", "press hard",
                 "fault stall", "fault nothing", "fault stall@5s", "clear", "cartridge remove", "cartridge insert",
                 "state", "", "dance", "reboot", "quit"]  # fmt: skip
        answers = [console.execute(line) for line in lines]
        assert left == [True]
        return answers

    answers = run_virtual(main())
    assert answers.count(HELP) == 3
    assert sum(answer.startswith("IDLE 0.0 Hz") for answer in answers) == 9
    assert answers[-2].startswith("BOOT")
    assert all("\n" not in answer for answer in answers)


def test_the_help_names_every_fault_with_its_values() -> None:
    told = dict(fault_help())
    for name in fault_names():
        leaf = name.removeprefix("to_pen.").removeprefix("from_pen.")
        assert leaf in told or f"{leaf}=N" in told, name
    assert told["delay=N"].startswith("seconds")
    assert "0 … 60, alone 0.2" in told["delay=N"]
    assert told["silence"].startswith("nothing at all")
    assert "dBm" in told["radio.rssi=N"]


def test_a_fault_of_the_radio_is_known_as_one() -> None:
    assert parse_faults(["stall", "drop=0.1"]).of_radio is None
    for text in ("radio.cut", "radio.rssi=-90", "radio.loss@5s+1s"):
        assert parse_faults(["stall", text]).of_radio == text.partition("=")[0].partition("@")[0]
