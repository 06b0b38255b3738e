"""The pytest plugin: simulated pens and virtual time for anybody's tests (docs/testing.md).

pytest loads this in every test run of an environment that has devicectl, so it imports nothing but pytest itself;
a fixture that is asked for loads the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .simulated import AirborneSim, Bench, ThreadedSim

MARK = "simulated_pen"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(profile='reference', seed=0, faults=()): which pen the fixtures of devicectl simulate; faults are texts as "
        "for 'devicectl simulate --fault'",
    )


def _wanted(request: pytest.FixtureRequest) -> dict[str, Any]:
    mark = request.node.get_closest_marker(MARK)
    if mark is None:
        return {}
    if mark.args or not mark.kwargs.keys() <= {"profile", "seed", "faults"}:
        raise pytest.UsageError(f"@pytest.mark.{MARK} takes profile, seed and faults by name, such as seed=7.")
    return dict(mark.kwargs)


@pytest.fixture
def _simulated_benches() -> Iterator[list[Bench]]:
    """Pens made in a test, switched off at its end."""
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.drop()


@pytest.fixture
def simulated_pen(request: pytest.FixtureRequest, _simulated_benches: list[Bench]) -> Callable[..., Bench]:
    """``simulated_pen(profile=…, seed=…, faults=…)`` makes a pen on the running loop, in real or in virtual time.

    The answer has ``sim``, the :class:`simulator.pen.SimulatedPen` itself, whose ``truth`` is what really happens, and ``pen``,
    devicectl's driver on the other end of a memory link (:class:`drivers.api.Pen`), not connected yet.
    """

    def make(**options: Any) -> Bench:
        from .simulated import Bench

        bench = Bench(**{**_wanted(request), **options})
        _simulated_benches.append(bench)
        return bench

    return make


@pytest.fixture
def virtual_time(_simulated_benches: list[Bench]) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """``virtual_time(play())`` runs a coroutine to its end on a clock that jumps to the next timer, and gives its result.

    No thread, process or file descriptor may exist there: asking for one raises :class:`simulator.virtual_time.VirtualTimeError`.
    """

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        from simulator.virtual_time import run_virtual

        async def whole() -> Any:
            try:
                return await main
            finally:
                while _simulated_benches:
                    await _simulated_benches.pop().close()

        return run_virtual(whole())

    return run


@pytest.fixture
def pen_over_pty(request: pytest.FixtureRequest) -> Iterator[ThreadedSim]:
    """A simulated pen behind a real pseudo-terminal, in real time, in a thread of its own: any program can open it.

    ``path`` is the terminal (``/dev/pts/4``), ``address`` the same for devicectl (``serial:///dev/pts/4``).
    """
    pytest.importorskip("termios", reason="this system has no pseudo-terminals")
    from .simulated import ThreadedSim

    with ThreadedSim(**_wanted(request)) as sim:
        yield sim


@pytest.fixture
def pen_over_ble(request: pytest.FixtureRequest) -> Iterator[AirborneSim]:
    """A simulated pen on a virtual radio, in real time, in a thread of its own; skips without the extra simulator-ble.

    ``address`` is the pen with its radio, for devicectl; ``radio`` the radio alone, for :func:`simulator.radio.host.open_radio`.
    """
    try:
        import simulator.radio.server  # noqa: F401
    except ImportError as error:
        pytest.skip(str(error))
    from .simulated import AirborneSim

    with AirborneSim(**_wanted(request)) as sim:
        yield sim
