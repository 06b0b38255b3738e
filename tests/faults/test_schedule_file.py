"""Files with schedules: what they say, and where each mistake stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.bench.expectations import problem
from devicectl.bench.schedule_file import (
    EXAMPLE,
    ScheduleError,
    find,
    gallery,
    gallery_names,
    parse,
    place,
    read,
    write,
)
from devicectl.cli.app import run
from simulator.schedule import Entry, Schedule, names

ONE = '[[fault]]\nname = "stall"\n'


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("about = ", "1:9", "not TOML"),
        ('about = "x"\nmust = "y\n', "2:", "not TOML"),
        ("[[fault]]\n", "1:1", "name"),
        ('[[fault]]\nname = "stahl"\n', "2:1", "there is no fault 'stahl'"),
        ('# a comment\n\n[[fault]]\n  name = "drop"\n  value = 1.5\n', "5:3", "value: drop"),
        (f"{ONE}at = -1\n", "3:1", "at"),
        (f"{ONE}at = [3, 2]\n", "3:1", "at: the first of two"),
        (f"{ONE}every = 0\n", "3:1", "every"),
        (f"{ONE}colour = 3\n", "3:1", "no such key; known are name"),
        (f"{ONE}chance = 2\n", "3:1", "chance"),
        (f'{ONE}when = "happy"\n', "3:1", "when"),
        (f'{ONE}\n{ONE}[[fault]]\nname = "reboot"\nfor = 2\n', "8:1", "for: reboot is a moment"),
        ('links = ["smoke"]\n', "1:1", "links"),
        ("seconds = 0\n", "1:1", "seconds"),
        ("speed = 4\n", "1:1", "no such key"),
        ('about = """\n[[fault]]\n"""\nlinks = [\n  "memory",\n  "x",\n]\n', "4:1", "links"),
    ],
)
def test_every_mistake_is_one_sentence_with_its_place(text: str, where: str, words: str) -> None:
    with pytest.raises(ScheduleError) as found:
        parse(text, "mine.toml")
    sentence = str(found.value)
    assert sentence.startswith(f"mine.toml:{where}"), sentence
    assert words in sentence
    assert "\n" not in sentence


@given(st.text(alphabet=st.sampled_from("ab=[]\".\n#' 1{}"), max_size=60))
def test_no_text_brings_anything_but_a_schedule_or_a_sentence(text: str) -> None:
    sentence = ""
    try:
        parse(text)
    except ScheduleError as error:
        sentence = str(error)
    assert "\n" not in sentence


def test_a_missing_file_a_folder_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b'about = "\xff"\n')
    for path, words in (
        (tmp_path / "none.toml", "cannot be read"),
        (tmp_path, "cannot be read"),
        (tmp_path / "bytes.toml", ":1:1: not UTF-8"),
    ):
        with pytest.raises(ScheduleError, match=words):
            read(path)
    with pytest.raises(ScheduleError, match="schedules list"):
        find("no-such-schedule")


def test_the_place_of_a_key_is_found_behind_long_strings_and_lists() -> None:
    text = 'about = \'\'\'\nmust = 1 [\n\'\'\'\n"links" = ["memory", # [\n "ble"]\n[[fault]]\nname = "stall"\n[[fault]]\n\tname = "hot"\n'
    assert place(text, ("links",)) == (4, 1)
    assert place(text, ("fault", 1, "name")) == (9, 2)
    assert place(text, ("fault", 1, "at")) == (8, 1)


@pytest.mark.parametrize("name", gallery_names())
def test_what_is_written_reads_as_it_was(name: str) -> None:
    schedule = gallery()[name]
    assert parse(write(schedule)) == schedule
    assert schedule.about.endswith(".")
    assert schedule.must.endswith(".")
    assert schedule.expect
    assert [problem(phrase) for phrase in schedule.expect] == [None] * len(schedule.expect)


def test_the_example_reads() -> None:
    assert [entry.name for entry in parse(EXAMPLE).faults] == ["silence", "to_pen.drop", "reboot"]


@pytest.mark.parametrize("name", names())
def test_every_name_can_be_used_alone(name: str) -> None:
    assert parse(write(Schedule(faults=(Entry(name=name),)))).faults[0].name == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "pty", "--schedule", "hung-client"], "client.freeze happens on the computer"),
        (["simulate", "pty", "--schedule", "out-of-range"], "radio.out_of_range belongs to ble"),
        (["simulate", "pty", "--schedule", "nothing"], "no file and no schedule"),
        (["schedules", "check", "out-of-range", "--link", "memory"], "makes no sense over memory"),
        (["schedules", "show", "nothing"], "schedules list"),
    ],
)
def test_the_command_line_refuses_in_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert words in capsys.readouterr().err


def test_check_says_what_happened_and_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('expect = ["state FAULT", "alarm clock"]\nseconds = 4\n[[fault]]\nname = "stall"\nat = 2.5\n')
    assert run(["schedules", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert "stall" in out
    assert "ok       state FAULT" in out
    assert "MISSING  alarm clock" in out
