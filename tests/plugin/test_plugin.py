"""The pytest plugin as a stranger meets it: in an own process, in an own folder, with nothing of this repository's tests."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from devicectl.bench.simulated import ThreadedSim
from simulator.faults import FaultError

pytest_plugins = "pytester"
EXAMPLE = Path(__file__).with_name("example_pens.py")
STRICT = ("-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider")
GUIDE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_the_guide_holds_the_example_word_for_word() -> None:
    blocks = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", GUIDE, re.S)]
    assert EXAMPLE.read_text(encoding="utf-8") in blocks


def test_a_stranger_copies_the_example_and_it_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_pens=EXAMPLE.read_text(encoding="utf-8"))
    result = pytester.runpytest_subprocess(*STRICT, "--strict-markers")
    result.assert_outcomes(passed=3)


def test_without_the_virtual_radio_its_test_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['bumble'] = None\n")
    pytester.makepyfile(test_pens=EXAMPLE.read_text(encoding="utf-8"))
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*simulator-ble*"])


def test_a_wrong_marker_and_a_wrong_fault_are_told_in_a_sentence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.simulated_pen(7)
        def test_marker(pen_over_pty):
            pass

        @pytest.mark.simulated_pen(faults=["dorp=0.1"])
        def test_fault(pen_over_pty):
            pass
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*takes profile, seed and faults by name*", "*FaultError*dorp*"])


def test_what_a_test_leaves_running_is_switched_off(pytester: pytest.Pytester) -> None:
    """With every warning an error: nothing that was opened is left to the garbage collector."""
    pytester.makepyfile("""
        import asyncio, threading

        def test_virtual(virtual_time, simulated_pen):
            async def play():
                await simulated_pen().pen.connect()
            virtual_time(play())

        def test_fails_inside(virtual_time, simulated_pen):
            async def play():
                await simulated_pen().pen.connect()
                raise ValueError("meant")
            try:
                virtual_time(play())
            except ValueError:
                pass

        def test_real_time(simulated_pen):
            async def play():
                bench = simulated_pen(baud=None)
                await bench.pen.connect()
            asyncio.run(play())

        def test_thread(pen_over_pty):
            pen_over_pty.press_button()
            pen_over_pty.set_faults(stall=True)
            pen_over_pty.clear_faults()
            pen_over_pty.reboot()

        def test_none_is_left():
            assert [one.name for one in threading.enumerate()] == ["MainThread"]
    """)
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=5)


def test_it_can_be_turned_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(virtual_time): pass")
    result = pytester.runpytest_subprocess("-p", "no:devicectl")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'virtual_time' not found*"])


def run(code: str) -> str:
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return found.stdout.strip()


def test_it_loads_nothing_until_a_fixture_is_asked_for() -> None:
    """Every pytest run of a user's environment pays for what is imported here."""
    probe = (
        "import pytest, sys\n"
        "before = set(sys.modules)\n"
        "import devicectl.bench.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    assert run(probe).split() == ["devicectl", "devicectl.bench", "devicectl.bench.pytest_plugin"]


def test_nothing_else_needs_pytest() -> None:
    """Users have no pytest: every module but the plugin is there without it."""
    probe = (
        "import sys, pkgutil, importlib\n"
        "sys.modules['pytest'] = None\n"
        "import devicectl.bench\n"
        "names = [m.name for m in pkgutil.iter_modules(devicectl.bench.__path__, 'devicectl.bench.')]\n"
        "names.remove('devicectl.bench.pytest_plugin')\n"
        "for name in ['devicectl.cli.app', *names]: importlib.import_module(name)\n"
        "print('pytest' in names)\n"
    )
    assert run(probe) == "False"


def test_a_bad_fault_is_refused_before_anything_runs() -> None:
    with pytest.raises(FaultError):
        ThreadedSim(faults=["nonsense"])
