"""The station hears that somebody is at the keys, so that it does not lock under their hands."""

from __future__ import annotations

from tui.app import DashboardApp
from tui.plain import PlainDashboard

from .fake_client import FakeClient, ModelClock


async def test_keys_are_told_once_a_second_at_most() -> None:
    client, clock = FakeClient(), ModelClock()
    app = DashboardApp(client, clock=clock)
    async with app.run_test() as pilot:
        await pilot.press("h", "escape", "h", "escape")
        assert client.activities == 1
        clock.now += 1.0
        await pilot.press("h")
        assert client.activities == 2
        clock.now += 60.0
        await pilot.pause(0.3)
        assert client.activities == 2


async def test_a_line_typed_in_plain_mode_is_activity() -> None:
    client = FakeClient()
    await PlainDashboard(client, lambda text: None).command("help")
    assert client.activities == 1
