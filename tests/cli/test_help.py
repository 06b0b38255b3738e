"""What can be learnt without a pen: help, examples, exit codes, guesses, completion."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from importlib import import_module
from typing import Any

import click
import pytest

from devicectl.about import DISCLAIMER, VERSION
from devicectl.cli.app import COMMANDS, cli
from devicectl.cli.exits import MEANINGS, Exit, exit_for

HEAVY = ("sqlalchemy", "textual", "bleak", "bumble", "serial", "pydantic", "asyncio", "alembic", "logging")


def imported(*arguments: str) -> set[str]:
    """Top-level modules that a command line has imported when it is done."""
    probe = (
        "import sys\n"
        f"sys.argv = ['devicectl', *{list(arguments)!r}]\n"
        "from devicectl.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    # Coverage would import half of this by itself.
    result = subprocess.run([sys.executable, "-S", "-c", _SITE + probe], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split())


_SITE = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n"


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("--about",), ("nonsense",), ("stop", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments) & set(HEAVY) == set()


def test_the_help_imports_no_command() -> None:
    assert "devicectl" in imported("--help")
    probe = (
        _SITE
        + "import sys\nfrom devicectl.cli.app import run\nrun(['--help'])\nprint(*[m for m in sys.modules if m.startswith('devicectl.')])"
    )
    result = subprocess.run([sys.executable, "-S", "-c", probe], capture_output=True, text=True, timeout=60)
    assert set(result.stdout.splitlines()[-1].split()) == {
        "devicectl.about",
        "devicectl.cli",
        "devicectl.cli.app",
        "devicectl.cli.exits",
    }


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, (module, _) in COMMANDS.items():
        command = getattr(import_module(f"devicectl.cli.{module}"), name.replace("-", "_"))
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", child) for sub, child in command.commands.items()]
    return found


@pytest.mark.parametrize(
    ("path", "command"), every_command(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_examples_that_are_commands(path: str, command: Any) -> None:
    assert command.help
    assert command.examples
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option
    for example in command.examples:
        if path != "completion":
            assert example.startswith(("devicectl " + path, "devicectl"))
    text = command.get_help(click.Context(command, info_name=path, parent=click.Context(cli, info_name="devicectl")))
    assert "Examples:" in text


@pytest.mark.parametrize(
    ("path", "command"), every_command(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_examples_parse(path: str, command: Any) -> None:
    """An example that cannot be typed as it stands is worse than none."""
    for example in command.examples:
        words = [word.strip('"$()') for word in shlex.split(example.split("  ")[0].split(">")[0])]
        words = words[words.index("devicectl") + 1 :] if "devicectl" in words else words[2:]
        target: click.Command = cli
        while (
            words and isinstance(target, click.Group) and (child := target.get_command(click.Context(target), words[0]))
        ):
            target, words = child, words[1:]
        target.make_context(target.name, list(words), resilient_parsing=False).close()


def test_the_help_lists_every_exit_code() -> None:
    text = cli.get_help(click.Context(cli, info_name="devicectl"))
    for code in Exit:
        assert f"\n  {int(code):<4} " in text.replace(MEANINGS[code], MEANINGS[code])
        assert MEANINGS[code].split()[0] in text


def test_codes_of_errors_have_exit_codes() -> None:
    assert exit_for("port-busy") is Exit.NO_PEN
    assert exit_for("schema-too-new") is Exit.RECORD
    assert exit_for("bad-address") is Exit.USAGE
    assert exit_for("something new") is Exit.FAILED


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "devicectl", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_misspelt_command_gets_a_guess() -> None:
    result = run("sesions")
    assert result.returncode == Exit.USAGE
    assert (
        result.stderr
        == "devicectl: No such command 'sesions'. (Did you mean one of: 'sessions', 'sounds'?) See 'devicectl --help'.\n"
    )


def test_a_misspelt_option_gets_a_guess_as_json_too() -> None:
    result = run("stop", "--jsn", "--json")
    assert result.returncode == Exit.USAGE
    assert "Did you mean '--json'" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "usage"


def test_about_and_version() -> None:
    assert DISCLAIMER in run("--about").stdout
    assert run("--version").stdout == f"devicectl {VERSION}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    result = run("completion", shell)
    assert result.returncode == 0
    assert "_DEVICECTL_COMPLETE" in result.stdout


def test_without_a_terminal_the_dashboard_says_so() -> None:
    for arguments in ([], ["dashboard"]):
        result = run(*arguments)
        assert result.returncode == Exit.FAILED
        assert result.stderr.startswith("devicectl: the dashboard needs a terminal; ")
        assert len(result.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "devicectl", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(60)


def test_a_foreign_package_is_noticed_before_anything_else(tmp_path: Any) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "__init__.py").write_text("")
    result = subprocess.run(
        [sys.executable, "-m", "devicectl", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == Exit.FAILED
    assert result.stderr.startswith("devicectl: The package 'migrations' is not devicectl's own")


@pytest.mark.parametrize("fault", ["radio.cut", "radio.rssi=-80@5s"])
def test_a_fault_of_the_radio_is_refused_by_a_pen_without_one(fault: str) -> None:
    result = run("simulate", "pty", "--fault", fault)
    assert result.returncode == Exit.USAGE
    assert "belongs to ble" in result.stderr


def test_a_missing_argument_is_told_in_one_line() -> None:
    result = run("completion")
    assert result.returncode == Exit.USAGE
    assert "\t" not in result.stderr
    assert result.stderr.count("\n") == 1
    assert "bash" in result.stderr


@pytest.mark.parametrize("command", ["run", "info", "reset", "stop", "dashboard"])
def test_commands_that_take_an_address_say_how_one_is_written(command: str) -> None:
    text = run(command, "--help").stdout
    assert "?passkey=" in text
    assert "?baud=" in text
