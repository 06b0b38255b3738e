"""What can be learnt without a pen: help, examples, exit codes, guesses, completion."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from devicectl.about import DISCLAIMER, VERSION
from devicectl.cli.app import COMMANDS, cli
from devicectl.cli.exits import MEANINGS, Exit, exit_for
from devicectl.records.errors import RecordError

ROOT = Path(__file__).parents[2]

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


@pytest.mark.parametrize(
    "arguments", [("sessions", "list"), ("sessions", "--help"), ("clients", "list"), ("clients", "--help")]
)
def test_lists_import_no_forms(arguments: tuple[str, ...], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_DATABASE", str(tmp_path / "none.db"))
    probe = (
        _SITE + "import sys\nfrom devicectl.cli.app import run\n"
        f"run({list(arguments)!r})\nprint('\\n', *[m for m in sys.modules if m.startswith('devicectl.treatment')])"
    )
    result = subprocess.run([sys.executable, "-S", "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert "devicectl.treatment.forms" not in result.stdout.splitlines()[-1].split()


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
        found += tree(name, command)
    return found


def tree(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
    """A command and those below it."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += tree(f"{path} {name}", child)
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
        words = [word.strip('"$()') for word in shlex.split(example.split("  ")[0].split(" < ")[0].split(">")[0])]
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


def test_what_the_rules_of_the_record_refuse_has_the_exit_code_of_the_record() -> None:
    """Every refusal that treatment and station raise in the record's name; what is not there is no rule of it."""
    words = set()
    for folder in ("treatment", "station"):
        for path in (ROOT / "devicectl" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "refused":
                    code = node.args[1] if len(node.args) > 1 else None
                    words.add(code.value if isinstance(code, ast.Constant) else "not-taken")
    absent = {word for word in words if word.startswith("no-") and word != "no-consent"}
    assert {"cartridge-used", "client-exists", "no-consent", "no-such-client"} <= words
    assert {exit_for(word) for word in absent} == {Exit.FAILED}
    # A split is a value of the form, and an open session is the station's affair too.
    rules = words - absent - {"bad-split", "session-open"}
    assert {word: exit_for(word) for word in rules} == dict.fromkeys(rules, Exit.RECORD)


def test_every_trouble_of_the_record_has_its_exit_code() -> None:
    def kinds(one: type[RecordError]) -> Iterator[type[RecordError]]:
        yield one
        for each in one.__subclasses__():
            yield from kinds(each)

    import_module("devicectl.access.key_errors")
    found = {kind.code: exit_for(kind.code) for kind in kinds(RecordError)}
    assert found == dict.fromkeys(found, Exit.RECORD)


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
