"""The user's keymap: what it may move, what it can never take away, and one sentence for everything that is wrong."""

from __future__ import annotations

import json
import re
import string
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from devicectl.cli.app import run
from devicectl.cli.keys import EXAMPLE
from devicectl.station.views import View
from tests.tui.conftest import Stage
from tests.tui.fake_client import FakeClient, ModelClock
from tui import scenes
from tui.app import DashboardApp
from tui.keymap import KeymapError, load_keymap
from tui.keys import COMMANDS, DEFAULT, PUNCTUATION, STOP_KEYS, Keymap, show_key

MOVED = """
stop = ["F8", "ctrl+s"]
[keys]
go = "o"
end = "#"
log = ["L", "F5"]
zone-vtx = "f"
help = "h"
"""


def _load(folder: Path, text: str) -> Keymap:
    path = folder / "keys.toml"
    path.write_text(text, encoding="utf-8")
    return load_keymap(path)


@asynccontextmanager
async def _stage(keymap: Keymap, view: View = scenes.IDLE, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Stage]:
    clock, client = ModelClock(), FakeClient()
    app = DashboardApp(client, fps=20, keymap=keymap, clock=clock, localtime=time.gmtime)
    async with app.run_test(size=size) as pilot:
        made = Stage(app, client, clock, pilot)
        client.show(view)
        await made.settle()
        yield made


def test_without_a_file_the_built_in_keys_are_in_force(tmp_path: Path) -> None:
    assert load_keymap(tmp_path / "none.toml").keys == DEFAULT.keys


def test_a_file_moves_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    keymap = _load(tmp_path, MOVED)
    assert keymap.keys["go"] == ("o",)
    assert keymap.keys["log"] == ("L", "f5")
    assert keymap.keys["reset"] == ("r",)
    assert keymap.stops == STOP_KEYS | {"f8", "ctrl+s"}
    assert keymap.shown("depth-down", "depth-up") == "d/D"
    assert keymap.shown("end") == "#"


def test_two_commands_may_exchange_their_keys(tmp_path: Path) -> None:
    keymap = _load(tmp_path, '[keys]\ndepth-up = "d"\ndepth-down = "D"')
    assert (keymap.keys["depth-up"], keymap.keys["depth-down"]) == (("d",), ("D",))


def test_the_example_of_the_help_is_a_keymap(tmp_path: Path) -> None:
    assert _load(tmp_path, "\n".join(EXAMPLE)).keys["depth-up"] == ("D", "plus")


def test_stop_keys_cannot_be_taken_away_by_any_file(tmp_path: Path) -> None:
    assert _load(tmp_path, "stop = []").stops == STOP_KEYS


def test_our_names_of_characters_are_those_of_textual() -> None:
    for shown, name in PUNCTUATION.items():
        assert name == _character_to_key(shown)
    assert set(string.punctuation) <= set(PUNCTUATION)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[keys]\nlag = "o"', "no command is called 'lag', perhaps 'log' is meant"),
        ('[keys]\nlog = "a"', "key a belongs to both 'acknowledge' and 'log'"),
        ('[keys]\nlog = "space"', "SPACE is STOP and cannot be given to 'log'"),
        ('[keys]\nlog = " "', "SPACE is STOP"),
        ('[keys]\nlog = "F9"', "F9 is STOP"),
        ('[keys]\nlog = "Ctrl+C"', "Ctrl+C is STOP"),
        ('[keys]\ngo = "enter"', "kept for the sheets"),
        ('[keys]\ngo = "Y"', "kept for the sheets"),
        ('[keys]\nlog = "escape"', "Esc closes sheets"),
        ('[keys]\nlog = "ctrl+m"', "cannot be told from Enter"),
        ('[keys]\nlog = "foo"', "no key is called 'foo'"),
        ('[keys]\nlog = ""', "no key is called ''"),
        ("[keys]\nlog = []", "'log' has no key"),
        ("[keys]\nlog = 3", "'keys.log' must be a key or a list of keys"),
        ("stop = [3]", "'stop.0' must be a key"),
        ('stop = ["g"]', "g is typed in fields and cannot be STOP"),
        ('stop = ["5"]', "5 is typed in fields"),
        ('stop = ["."]', ". is typed in fields"),
        ('stop = ["escape"]', "Esc arrives late"),
        ('stop = ["tab"]', "Tab moves in sheets"),
        ('stop = ["F1"]', "key F1 is to be STOP and belongs to 'help' too"),
        ("color = 1", "'color' is not known there"),
        ("[keys", "this is not TOML"),
        ("x" * 70_000, "more than 64000 bytes"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_file_and_the_next_step(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(KeymapError) as caught:
        _load(tmp_path, text)
    sentence = str(caught.value)
    assert says in sentence
    assert str(tmp_path / "keys.toml") in sentence
    assert "correct it or move the file away" in sentence
    assert "\n" not in sentence


def test_a_file_that_is_no_text_and_one_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(KeymapError, match="not UTF-8"):
        load_keymap(tmp_path / "keys.toml")
    with pytest.raises(KeymapError, match="cannot be read"):
        load_keymap(tmp_path)


async def test_moved_keys_act_and_the_old_ones_do_not(tmp_path: Path) -> None:
    async with _stage(_load(tmp_path, MOVED)) as s:
        await s.press("g", "9")
        assert not s.client.requests
        await s.press("f")
        assert s.asked("zone.select") == [{"zone": "VTX"}]
        await s.press("o")
        assert s.asked("run.preview")
        s.clock.now += 1
        await s.press("Y")
        assert s.asked("run.start"), "Y stays what it is"


async def test_a_key_that_was_moved_away_is_stop_while_turning(tmp_path: Path) -> None:
    async with _stage(_load(tmp_path, MOVED), scenes.needling()) as s:
        await s.press("number_sign")
        assert s.asked("run.pause") == [{}]
        assert not s.client.stops
        await s.press("e")
        assert s.client.stops == ["key e"]


@pytest.mark.parametrize("way", [(), ("o",), ("h",), ("L",), ("A",), ("t",), ("i",), ("p",)])
async def test_an_added_stop_key_stops_from_every_screen(tmp_path: Path, way: tuple[str, ...]) -> None:
    async with _stage(_load(tmp_path, MOVED)) as s:
        await s.press(*way)
        await s.press("f8")
        assert s.client.stops == ["f8"]
        assert s.app.screen is s.app.treat
        await s.press("space", "f9", "ctrl+c")
        assert s.client.stops == ["f8", "space", "f9", "ctrl+c"]


async def test_every_text_names_the_keys_in_force(tmp_path: Path) -> None:
    async with _stage(_load(tmp_path, MOVED), size=(120, 40)) as s:
        assert "o opens the start sheet" in s.text()
        assert re.search(r"o go .*L log", s.rows()[-4])
        await s.press("h")
        shown = s.text()
        assert "Ctrl+C, Ctrl+S, F8 or a click" in shown.replace("\n", " ") or "F8" in shown
        assert re.search(r"L F5 +session log", shown)
        assert "f Crown" in shown
        await s.press("h")
        assert s.app.screen is s.app.treat, "the key that opened a sheet closes it"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_has_an_action_and_a_help(command: object) -> None:
    from tui.screens.treat import TreatScreen

    action = getattr(command, "action").partition("(")[0]  # noqa: B009
    assert hasattr(TreatScreen, f"action_{action}")
    assert getattr(command, "help")  # noqa: B009


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tui.settings.config_directory", lambda: tmp_path)
    return tmp_path


def test_the_command_prints_the_keys_in_force(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys"]) == 0
    assert "the built-in keys are in force" in capsys.readouterr().out
    (config / "keys.toml").write_text(MOVED)
    assert run(["keys", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stop"] == ["SPACE", "F9", "Ctrl+C", "Ctrl+S", "F8"]
    assert told["file"] == str(config / "keys.toml")
    by_name = {c["command"]: c for c in told["commands"]}
    assert by_name["log"] == {"command": "log", "keys": ["L", "F5"], "changed": True, "help": "session log in full"}
    assert not by_name["reset"]["changed"]


def test_a_wrong_file_is_one_sentence_on_the_command_line_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "keys.toml").write_text('[keys]\nlog = "a"')
    assert run(["keys"]) == 1
    said = capsys.readouterr().err
    assert "belongs to both" in said
    assert len(said.splitlines()) == 1


def test_the_table_of_the_documentation_is_the_keymap() -> None:
    page = (Path(__file__).parents[2] / "docs" / "screen.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", page, re.M)
    assert table == [(c.name, " ".join(f"`{show_key(key)}`" for key in c.keys), c.help) for c in COMMANDS]
