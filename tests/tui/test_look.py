"""Themes, ASCII and no colour: what may be read, what may be coloured, what is remembered."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style

from tests.tui.fake_client import FakeClient, ModelClock
from tui import scenes
from tui.app import DashboardApp
from tui.gallery import gallery
from tui.painter import app_strips
from tui.palettes import COLOURLESS, DARK, LIGHT, THEMES
from tui.pictures import SCENES
from tui.settings import Settings, SettingsFile, choose
from tui.theme import ALARMS, ASCII, RGB, Ink, Look, Palette, contrast, readable_on

GROUNDS = ("ground", "side", "bar", "sheet")
NO_TEXT = (Ink.NONE, Ink.FAINT, Ink.BAND)
"""Tracks of gauges and lines between fields carry no meaning of their own; bands are drawn, not read."""
OF_ALARMS = {ink for look in ALARMS.values() for ink in (look.banner, look.plain)}


def _rgb(colour: str) -> RGB:
    triplet = Color.parse(colour).get_truecolor()
    return (triplet.red, triplet.green, triplet.blue)


def _is_grey(colour: RGB) -> bool:
    return max(colour) - min(colour) <= 24


@pytest.mark.parametrize("palette", THEMES.values(), ids=lambda p: p.name)
def test_every_text_can_be_read_on_every_ground_it_stands_on(palette: Palette) -> None:
    """WCAG AA: 4.5:1."""
    for ink, style in palette.inks.items():
        if ink in NO_TEXT:
            continue
        assert style.color is not None
        text = _rgb(style.color.name)
        names = ("side",) if ink in (Ink.SCALE, Ink.TRACE) else GROUNDS
        grounds = [style.bgcolor.name] if style.bgcolor else [palette.theme.variables[name] for name in names]
        for ground in grounds:
            assert contrast(text, _rgb(ground)) >= 4.5, (ink, ground)
    band = palette.inks[Ink.BAND].color
    assert band is not None
    assert contrast(_rgb(band.name), _rgb(palette.theme.variables["side"])) >= 3
    for bar in ("stop-on", "stop-off"):
        assert contrast(_rgb(palette.theme.variables["stop-text"]), _rgb(palette.theme.variables[bar])) >= 4.5


@pytest.mark.parametrize("palette", THEMES.values(), ids=lambda p: p.name)
def test_only_alarms_the_stop_bar_and_what_is_over_plan_have_a_colour(palette: Palette) -> None:
    for ink, style in palette.inks.items():
        for colour in (style.color, style.bgcolor):
            if colour is not None and ink not in (*OF_ALARMS, Ink.OVER):
                assert _is_grey(_rgb(colour.name)), ink
    for name, value in palette.theme.variables.items():
        if name != "stop-on":
            assert _is_grey(_rgb(value)), name
    for name in palette.map.__dataclass_fields__:
        assert name == "over" or _is_grey(getattr(palette.map, name)), name


def test_a_label_on_any_grey_can_be_read() -> None:
    for grey in range(256):
        assert contrast(readable_on((grey, grey, grey)), (grey, grey, grey)) >= 4.5


@pytest.mark.parametrize("palette", THEMES.values(), ids=lambda p: p.name)
def test_alarm_priorities_differ_in_lightness_too(palette: Palette) -> None:
    """Red, yellow and cyan banners are told apart by an eye that sees no hue, and by their marks in any case."""
    banners = [palette.inks[look.banner].bgcolor for look in ALARMS.values()]
    red, yellow, cyan = (_rgb(b.name) for b in banners if b is not None)
    assert contrast(red, yellow) > 3
    assert contrast(red, cyan) > 2
    assert len({look.mark for look in ALARMS.values()}) == 3


async def test_ascii_writes_nothing_but_ascii_and_nothing_moves() -> None:
    look = Look(DARK, True)
    for size, wanted in (((80, 24), SCENES), ((120, 40), SCENES[:1])):
        async with gallery(size, look) as shown:
            for scene in (scene for scene in wanted if scene.look == Look(DARK)):
                await shown.enter(replace(scene, look=look))
                text = "\n".join(strip.text for strip in app_strips(shown.app))
                assert text.isascii(), (scene.name, {c for c in text if not c.isascii()})
                assert [len(line) for line in text.split("\n")] == [size[0]] * size[1]
                assert "SIMULATED" in text.split("\n")[0]


def test_every_character_of_ours_becomes_one_of_ascii() -> None:
    assert all(len(theirs) == 1 and theirs.isascii() for theirs in ASCII.values())
    assert Look(DARK, True).text("1.50 → 1.25 mm ≈ ü") == "1.50 > 1.25 mm ~ ?"


def _styles(app: DashboardApp) -> list[Style]:
    return [segment.style for strip in app_strips(app) for segment in strip if segment.style is not None]


@pytest.mark.parametrize("keys", [(), ("g",), ("i",), ("A",), ("question_mark",), ("t",)])
async def test_no_color_writes_no_colour_and_keeps_every_state(
    monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    client = FakeClient(scenes.IDLE)
    app = DashboardApp(client, fps=20, look=Look(LIGHT), clock=ModelClock(), localtime=time.gmtime)
    async with app.run_test(size=(80, 24)) as pilot:
        client.show()
        await pilot.pause(0.1)
        for key in keys:
            client.show()
            await pilot.press(key)
            await pilot.pause(0.1)
        for style in _styles(app):
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.is_default, style
        assert any(style.reverse for style in _styles(app))


async def test_a_theme_is_chosen_by_key_seen_at_once_and_remembered() -> None:
    client, remembered = FakeClient(scenes.IDLE), list[Settings]()

    def remember(settings: Settings) -> None:
        remembered.append(settings)

    app = DashboardApp(client, fps=20, remember=remember, clock=ModelClock(), localtime=time.gmtime)
    async with app.run_test(size=(80, 24)) as pilot:
        client.show()
        await pilot.pause(0.1)
        for key in ("t", "2", "a", "escape"):
            client.show()
            await pilot.press(key)
            await pilot.pause(0.1)
        assert remembered == [Settings("light", None), Settings("light", True)]
        assert app.look == Look(LIGHT, True)
        text = "".join(strip.text for strip in app_strips(app))
        assert text.isascii()
        grounds = {s.bgcolor.name for s in _styles(app) if s.bgcolor is not None}
        assert LIGHT.theme.variables["ground"] in grounds
        assert DARK.theme.variables["side"] not in grounds


async def test_a_theme_that_cannot_be_remembered_says_so() -> None:
    client = FakeClient(scenes.IDLE)
    app = DashboardApp(client, fps=20, remember=lambda _: "not remembered: no room", clock=ModelClock())
    async with app.run_test(size=(80, 24)) as pilot:
        client.show()
        app.set_look(theme="light")
        await pilot.pause(0.1)
        assert "not remembered: no room" in "".join(strip.text for strip in app_strips(app))


def test_settings_are_remembered_and_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "new" / "dashboard.json")
    assert file.load() == Settings()
    assert file.save(Settings("light", True)) is None
    assert file.load() == Settings("light", True)
    assert [path.name for path in file.path.parent.iterdir()] == ["dashboard.json"]
    for broken in ("{", "[]", json.dumps({"theme": "pink", "ascii": "yes"})):
        file.path.write_text(broken)
        assert file.load() == Settings()


def test_settings_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file, not a folder")
    problem = SettingsFile(tmp_path / "config" / "dashboard.json").save(Settings())
    assert problem is not None
    assert "cannot be written" in problem


UTF8 = {"LANG": "de_DE.UTF-8"}
NONE = Settings()


@pytest.mark.parametrize(
    ("saved", "asked", "environment", "palette", "plain"),
    [
        (NONE, NONE, UTF8, DARK, False),
        (NONE, NONE, {}, DARK, False),
        (NONE, NONE, {"LANG": "C"}, DARK, True),
        (NONE, NONE, {**UTF8, "LC_ALL": "POSIX"}, DARK, True),
        (NONE, NONE, {"LANG": "en_US.ISO-8859-1"}, DARK, True),
        (NONE, NONE, {**UTF8, "TERM": "linux"}, DARK, True),
        (Settings("light", True), NONE, UTF8, LIGHT, True),
        (Settings("light", True), NONE, {**UTF8, "DEVICECTL_ASCII": "0"}, LIGHT, False),
        (Settings("dark", False), Settings("light", None), {**UTF8, "DEVICECTL_ASCII": "1"}, LIGHT, True),
        (NONE, Settings(None, False), {"LANG": "C", "DEVICECTL_ASCII": "1"}, DARK, False),
        (Settings("light", None), NONE, {**UTF8, "NO_COLOR": "1"}, COLOURLESS, False),
        (NONE, NONE, {**UTF8, "NO_COLOR": ""}, DARK, False),
    ],
)
def test_an_option_wins_over_the_environment_that_over_the_file_that_over_the_terminal(
    saved: Settings, asked: Settings, environment: dict[str, str], palette: Palette, plain: bool
) -> None:
    look, _ = choose(saved, asked, environment)
    assert (look.palette, look.ascii) == (palette, plain)
