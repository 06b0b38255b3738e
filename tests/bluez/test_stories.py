"""Every BlueZ story on the stand-in; ``make test-bluez`` plays the same ones on the real BlueZ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from support.bluez.play import Stage
from support.bluez.stories import STORIES


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_story(stage: Stage, story: Callable[[Stage], Awaitable[None]]) -> None:
    await story(stage)
