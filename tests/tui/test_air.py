"""Pens on the air: found with their signal, paired with by a passkey, refusals in full, and how good the link is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from devicectl.station.client_api import StationError
from devicectl.station.views import AlarmView
from tests.tui.conftest import Stage, StageMaker
from tests.tui.fake_client import FakeClient, ModelClock
from tests.tui.test_plain import Lines
from tui import scenes, text
from tui.app import DashboardApp
from tui.model import LOSS_S, Live
from tui.painter import app_strips
from tui.screens.pairing import PasskeyScreen, RefusedScreen, with_passkey
from tui.screens.pens import Looked, PensScreen
from tui.theme import ASCII

PEN = "ble://F0:50:45:4E:00:01"
AIR = "ble://F0:50:45:4E:00:01?radio=tcp-client:127.0.0.1:9300"
assert scenes.no_session().pen is not None
IDLE = replace(scenes.no_session(), pen=replace(scenes.PEN, address=AIR))
BOND_LOST = (
    f"{PEN}: the pen does not know this computer any more; forget the pen in the system's Bluetooth settings "
    "(or 'devicectl forget F0:50:45:4E:00:01') and pair again."
)


def _told(s: Stage) -> str:
    """The text of the box, without the places where lines were broken."""
    return " ".join(" ".join(row.partition("│")[2].rpartition("│")[0] for row in s.rows()[2:-2]).split())


@pytest.mark.parametrize(
    ("rssi", "shape"), [(-40, "▂▄▆█"), (-60, "▂▄▆█"), (-61, "▂▄▆·"), (-75, "▂▄··"), (-90, "▂···"), (-91, "····")]
)
def test_signal_is_shape_and_number(rssi: int, shape: str) -> None:
    assert text.signal(rssi) == f"{shape} {rssi} dBm"
    assert text.signal(rssi).translate(ASCII).isascii()


async def test_the_chooser_asks_in_two_steps_and_shows_the_signal(stage: StageMaker) -> None:
    async with stage(scenes.no_session(), (80, 24)) as s:
        s.client.air = scenes.AIR
        await s.press("p")
        assert s.asked("pens.scan") == [{"bluetooth": False}, {"ports": False}]
        near = next(row for row in s.rows() if "-58 dBm" in row)
        far = next(row for row in s.rows() if "-84 dBm" in row)
        assert "▂▄▆█" in near
        assert "SIMULATED" in near
        assert "▂···" in far
        assert "advertises the Penlink service" in s.text()
        assert "TV" not in s.text()
        assert "1 other device that is no pen" in s.text()
        await s.press("3")
        assert s.asked("pen.open") == [{"address": PEN}]
        assert "connecting over the air, which takes" in s.text()


class SlowAir(FakeClient):
    """Has a port that is no pen, and listens until it is told to have heard enough."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    async def request(self, method: str, **params: Any) -> Any:
        if method != "pens.scan":
            return await super().request(method, **params)
        if params.get("ports", True):
            return [{"address": "serial:///dev/ttyS0", "why": "not a USB port", "matched": False}, *scenes.FOUND]
        await self.heard.wait()
        return scenes.AIR


async def test_what_needs_no_radio_is_there_at_once_and_keeps_its_number() -> None:
    client, clock = SlowAir(), ModelClock()
    app = DashboardApp(client, fps=20, clock=clock)
    async with app.run_test(size=(80, 24)) as pilot:
        client.show(scenes.no_session())
        await pilot.pause(0.1)
        await pilot.press("p")
        await pilot.pause(0.1)
        screen = app.screen
        assert isinstance(screen, PensScreen)
        before = [pen.address for pen in screen.pens]
        assert before == ["serial:///dev/pts/4", "serial:///dev/ttyACM0"]
        clock.now += 1.2
        await pilot.pause(0.1)
        assert "listening for pens on the air, 1 s" in "".join(strip.text for strip in app_strips(app))
        client.heard.set()
        await pilot.pause(0.1)
        after = [pen.address for pen in screen.pens]
        assert after[:2] == before
        assert PEN in after
        assert after[-1] == "serial:///dev/ttyS0"
        assert app.live.heard_rssi[PEN] == -58


async def test_why_nothing_was_heard_is_a_sentence_and_cannot_be_chosen(stage: StageMaker) -> None:
    off = "Bluetooth: Bluetooth is switched off; switch it on in the system's settings and try again."
    async with stage(scenes.no_session(), (80, 24)) as s:
        s.client.answers["pens.scan"] = [{"address": "", "name": "Bluetooth", "why": off, "matched": False}]
        await s.press("p")
        assert "No pen found." in s.text()
        assert off in _told(s)
        await s.press("1", "enter")
        assert not s.asked("pen.open")


def test_a_later_answer_knows_more_about_a_pen() -> None:
    announced = [{"address": PEN, "name": "Reference pen", "why": "announced", "rssi": None}]
    heard = [{"address": PEN, "name": "Reference pen", "why": "announced", "rssi": -70}]
    looked = Looked.of(announced, heard)
    assert [pen.rssi for pen in looked.pens] == [-70]
    assert looked.strengths == {PEN: -70}
    assert Looked.of(announced, None).pens[0].rssi is None


async def test_a_passkey_is_typed_and_what_was_refused_is_tried_again(stage: StageMaker) -> None:
    async with stage(IDLE, (80, 24)) as s:
        s.client.refusals["session.open"] = scenes.NO_PASSKEY
        await s.press("s", "b")
        assert isinstance(s.app.screen, PasskeyScreen)
        assert "the pen asks for a passkey" in _told(s)
        await s.press("1", "2", "x", "3", "enter")
        assert "6 digits" in s.text()
        assert not s.asked("pen.open")
        await s.press("4", "5", "6")
        del s.client.refusals["session.open"]
        s.clock.now += 1
        await s.press("enter")
        assert [name for name, _ in s.client.requests] == ["session.open", "pen.close", "pen.open", "session.open"]
        assert s.asked("pen.open") == [{"address": f"{AIR}&passkey=123456"}]
        assert s.asked("session.open")[0] == s.asked("session.open")[1]
        assert "123456" not in " ".join(words for _, words in s.app.live.news)
        assert not s.app.guard.text_focus


async def test_a_wrong_passkey_is_asked_for_again(stage: StageMaker) -> None:
    async with stage(IDLE) as s:
        s.client.refusals["setpoint"] = StationError("the passkey is wrong; look at the pen.", "wrong-passkey")
        await s.press("D")
        for _ in range(2):
            assert isinstance(s.app.screen, PasskeyScreen)
            await s.press(*"000000")
            s.clock.now += 1
            await s.press("enter")
        assert len(s.asked("setpoint")) == 3
        await s.press("escape")
        assert s.app.screen is s.app.treat


async def test_typed_values_ask_for_the_passkey_too(stage: StageMaker) -> None:
    async with stage(IDLE) as s:
        s.client.refusals["setpoint"] = scenes.NO_PASSKEY
        await s.press("i", "1")
        s.clock.now += 1
        await s.press("enter")
        await s.settle()
        assert isinstance(s.app.screen, PasskeyScreen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_refusal_is_shown_whole(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(IDLE, size) as s:
        s.client.refusals["session.open"] = StationError(BOND_LOST, "bond-lost")
        await s.press("s", "b")
        assert isinstance(s.app.screen, RefusedScreen)
        assert BOND_LOST in _told(s)
        await s.press("Y")
        assert s.app.screen is s.app.treat
        assert not s.asked("run.start")


async def test_a_refusal_covers_nothing_while_the_motor_turns(stage: StageMaker) -> None:
    async with stage(scenes.on_air()) as s:
        s.client.refusals["setpoint"] = scenes.NO_PASSKEY
        await s.press("d")
        assert s.app.screen is s.app.treat
        assert "asks for a passkey" in " ".join(words for _, words in s.app.live.news)


async def test_no_passkey_is_asked_for_while_a_session_is_open(stage: StageMaker) -> None:
    """Letting the pen go would end the session."""
    async with stage(replace(scenes.IDLE, pen=replace(scenes.PEN, address=AIR))) as s:
        s.client.refusals["setpoint"] = scenes.NO_PASSKEY
        await s.press("d")
        assert isinstance(s.app.screen, RefusedScreen)
        assert not s.asked("pen.close")


async def test_space_in_the_passkey_is_stop(stage: StageMaker) -> None:
    async with stage(IDLE) as s:
        s.client.refusals["session.open"] = scenes.NO_PASSKEY
        await s.press("s", "b", "space")
        assert s.client.stops == ["space"]
        assert s.app.screen is s.app.treat


def test_the_passkey_is_an_option_of_the_address() -> None:
    from drivers.address import parse_address

    for address in (PEN, AIR, "ble://Reference%20pen"):
        full = parse_address(with_passkey(address, "012345"))
        assert full.options["passkey"] == "012345"
        assert str(full) == str(parse_address(address))


def _fed(samples: int, lost: int) -> Any:
    return replace(scenes.IDLE, pen=replace(scenes.PEN, samples=samples, lost_samples=lost))


def test_loss_is_a_share_of_the_last_minute() -> None:
    clock = ModelClock()
    live = Live(clock)
    assert live.loss is None
    live.hear(_fed(1000, 500))
    assert live.loss is None, "what was lost before is not of this minute"
    for second in range(1, 11):
        clock.now += 1
        live.hear(_fed(1000 + 45 * second, 500 + 5 * second))
    assert live.loss == pytest.approx(0.1)
    for second in range(1, round(LOSS_S) + 1):
        clock.now += 1
        live.hear(_fed(1450 + 50 * second, 550))
    assert live.loss == 0
    live.hear(_fed(10, 0))
    assert live.loss is None, "counters that fall belong to another link"


def test_loss_counts_anew_for_another_pen() -> None:
    clock = ModelClock()
    live = Live(clock)
    live.hear(_fed(1000, 0))
    clock.now += 1
    other = replace(_fed(2000, 900), pen=replace(scenes.PEN, address=AIR, samples=2000, lost_samples=900))
    live.hear(other)
    assert live.loss is None


@pytest.mark.parametrize(
    ("share", "words"), [(None, "--"), (0.0, "0.0 %"), (0.0001, "<0.1 %"), (0.0123, "1.2 %"), (1.0, "100.0 %")]
)
def test_shares(share: float | None, words: str) -> None:
    assert text.share(share) == words


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_link_row_says_how_good_it_is(stage: StageMaker, size: tuple[int, int]) -> None:
    async with stage(IDLE, size) as s:
        s.app.live.heard_rssi[AIR] = -72
        s.clock.now += 2
        assert IDLE.pen is not None
        await s.show(replace(IDLE, pen=replace(IDLE.pen, lost_samples=IDLE.pen.lost_samples + 2)))
        row = next(row for row in s.rows() if "Link " in row)
        assert "% lost" in row
        assert "0.0 % lost" not in row
        assert "-72 dBm" in row
        assert "scan" in row


async def test_the_pens_own_address_does_not_crowd_out_the_sentence(stage: StageMaker) -> None:
    lost = f"{AIR}: the connection was lost; bring the pen near, the link is tried again."
    alarms = (AlarmView("1", "link", "high", lost, 1.0, True, False),)
    async with stage(replace(IDLE, alarms=alarms), (80, 24)) as s:
        assert "!!! The connection was lost; bring the pen near" in s.rows()[1]


async def test_line_mode_finds_pairs_and_tells_the_link() -> None:
    lines = Lines()
    lines.client.air = scenes.AIR
    lines.client.show(IDLE)
    said = await lines.say("pens")
    assert any(line.startswith("3: SIMULATED") and "signal 4 of 4, -58 dBm" in line for line in said)
    assert "no pen" in said[-1]
    assert "No pen asks" in (await lines.say("passkey 123456"))[0]
    lines.client.refusals["session.open"] = scenes.NO_PASSKEY
    assert "passkey and its 6 digits" in (await lines.say("session bench"))[0]
    assert "6 digits" in (await lines.say("passkey 12"))[0]
    lines.client.requests.clear()
    del lines.client.refusals["session.open"]
    said = await lines.say("passkey 123456")
    assert [name for name, _ in lines.client.requests] == ["pen.close", "pen.open", "session.open"]
    assert lines.client.requests[1] == ("pen.open", {"address": f"{AIR}&passkey=123456"})
    assert not any("123456" in line for line in said)
    lines.dashboard.live.heard_rssi[AIR] = -58
    said = await lines.say("status")
    assert said[-1].startswith("Link: last heard 20 ms ago, 0.0 % of samples lost")
    assert said[-1].endswith("signal 4 of 4, -58 dBm at the scan.")


async def test_which_pen_is_it(stage: StageMaker) -> None:
    async with stage(scenes.no_session(), (80, 24)) as s:
        await s.press("p")
        assert "w which is it?" in s.text()
        await s.press("down", "w")
        assert s.asked("pen.indicate") == [{"address": "serial:///dev/ttyACM0"}]
        assert not s.asked("pen.open")
        assert "Choose a pen" in s.text()
