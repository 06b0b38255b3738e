"""One pen under control, played over every link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.links import LINKS, VIRTUAL, run_over
from support.rig import rigged

Scenario = Callable[..., None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for ``scenario`` runs over each link; one marked ``exact`` only where time is virtual.

    Such a test waits for minutes, or needs a machine that never stands still.
    """
    if "scenario" in metafunc.fixturenames:
        exact = any(mark.name == "exact" for mark in metafunc.definition.iter_markers())
        metafunc.parametrize("scenario", VIRTUAL if exact else LINKS, indirect=True)


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """Calls a play with a connected rig over the link that the test is run for."""
    kind = request.param

    def run(play: Callable[[Any], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with rigged(link=kind, **options) as rig:
                await rig.up()
                await play(rig)

        run_over(kind, main)

    return run
