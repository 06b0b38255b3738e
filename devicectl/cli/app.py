"""The root command: what commands there are, the help, and what becomes of every error."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from devicectl.about import DISCLAIMER, VERSION

from .exits import MEANINGS, Exit

COMMANDS: dict[str, tuple[str, str]] = {
    "dashboard": ("dashboard", "Open the dashboard (also: devicectl without a command)."),
    "demo": ("demo", "Open the dashboard on a simulated pen, or run a scripted session."),
    "scan": ("scan", "List pens and say why each port matched or not."),
    "info": ("pen", "Show what a pen says about itself."),
    "run": ("run", "Start a pen for some seconds (purpose: bench) and record it."),
    "stop": ("stop", "STOP one pen, or all of them."),
    "reset": ("pen", "Leave the STOP latch; starts nothing."),
    "indicate": ("pen", "Let a pen blink or buzz: which one is it?"),
    "forget": ("forget", "Forget the Bluetooth bond with a pen, to pair with it anew."),
    "accept-firmware": ("pen", "Say that a pen was checked after its firmware changed."),
    "limits": ("limits", "Show this station's limits on depth and rate."),
    "simulate": (
        "simulate",
        "Start a simulated pen (pseudo-terminal, TCP port, air), a fleet of them, or a gauge at one.",
    ),
    "monitor": ("monitor", "Show all pens at once, the worst first; STOP them all."),
    "soak": ("soak", "Let everything go wrong in virtual time, and judge every safety rule all the while."),
    "schedules": ("schedules", "List, show and check schedules of faults, yours and those that come with the program."),
    "capture": ("capture", "Keep every byte of a pen's link in a file; show and export such files."),
    "replay": ("replay", "Play a captured file into the driver, the dashboard or a simulated pen."),
    "calibrate": ("calibrate", "Calibrate a pen: plan, run, resume, show, verify; when it is due."),
    "check": ("check", "Record the daily check of a pen."),
    "sessions": ("sessions", "List, show, open, fill in, close, sign and amend sessions."),
    "clients": ("clients", "List, show, add and erase clients, and enter what concerns them."),
    "courses": ("courses", "List, open and end courses of sessions; those that are overdue."),
    "protocols": ("protocols", "List, show, copy and change protocols."),
    "cartridges": ("cartridges", "List cartridges; find on whom a lot was used."),
    "follow-ups": ("follow_ups", "List follow-ups that are due, and say what became of them."),
    "operators": ("operators", "List operators, add and change them."),
    "db": ("db", "Path, check and backup of the database and its keys."),
    "audit": ("audit", "Verify that nobody changed the record, and list what was entered."),
    "doctor": ("doctor", "Look at this installation and say what is wrong with it."),
    "station": ("station", "Run the station in the foreground, or end the one that runs."),
    "keys": ("keys", "Show the keys of the dashboard, yours included."),
    "sounds": ("sounds", "Let the sounds of the alarms be heard."),
    "completion": ("completion", "Print the shell completion for bash, zsh or fish."),
}
"""Name → module of this package and the line in the help. Help is made from this table, without any import."""
_ON_AIR = (
    "a pen on the air, by its address or its name; ?passkey=123456 with what it shows when it asks for a passkey, which is "
    "not recorded (quote the address in a shell)"
)
ADDRESSES = (
    ("serial:///dev/ttyACM0", "a serial port; ?baud=9600 for another rate than 115,200; /dev/ttyACM0 alone will do"),
    ("tcp://127.0.0.1:7001", "a pen behind a TCP port"),
    ("ble://F0:50:45:4E:00:01", _ON_AIR),
)
"""How the address of a pen is written."""


class Command(click.Command):
    """A command with examples under its help."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """How an address is written, where one is taken; then examples, as they are typed."""
        if any(param.type.name == "address" for param in self.params):
            with formatter.section("Addresses"):
                formatter.write_dl(ADDRESSES)
        write_examples(formatter, self.examples)


class Group(click.Group):
    """A group of commands with examples under its help."""

    command_class = Command

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Examples, as they are typed."""
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """A section of lines that are not wrapped: they are there to be copied."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Root(Group):
    """Knows its commands by name only and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command = getattr(import_module(f"devicectl.cli.{COMMANDS[cmd_name][0]}"), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with our own names to guess from."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples and exit codes."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text) for code, text in MEANINGS.items()])
        with formatter.section("Environment"):
            formatter.write_dl(
                [
                    ("DEVICECTL_DATABASE", "the database, a path or sqlite:///PATH"),
                    ("DEVICECTL_RADIO", "the radio for ble:// pens, as --radio; else the computer's own Bluetooth"),
                    ("DEVICECTL_RUNTIME_DIR", "where stations and simulators are found"),
                    ("DEVICECTL_PASSPHRASE", "the passphrase of a backup of keys; else it is asked for"),
                    ("DEVICECTL_LIMITS", "the file with this station's limits"),
                    ("DEVICECTL_OPERATOR", "who signs in, as --operator"),
                    ("DEVICECTL_PIN", "their PIN, for scripts; else it is asked for (or --pin-fd)"),
                    ("DEVICECTL_NEW_PIN", "the new PIN for 'operators add' and 'operators change --pin'"),
                    ("DEVICECTL_ASCII", "1: the dashboard writes only ASCII; 0: it never does"),
                    ("NO_COLOR", "the dashboard writes no colour"),
                ]
            )


def _about(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"devicectl {VERSION}\n\n{DISCLAIMER}")
        ctx.exit()


@click.group(
    cls=Root,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "devicectl                          the dashboard; p chooses a pen",
        "devicectl demo                     the dashboard on a simulated pen",
        "devicectl simulate pty             a simulated pen; prints its address",
        "devicectl run ADDRESS --zone VTX --depth 1.0 --rate 100 --seconds 5",
        "devicectl stop                     STOP every pen",
    ),
)
@click.option("--plain", is_flag=True, help="Lines of text instead of the full-screen dashboard.")
@click.option(
    "--about",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_about,
    help="What this program is, and is not.",
)
@click.version_option(VERSION, prog_name="devicectl", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, plain: bool) -> None:
    """Drives a motorised micro-needling pen and keeps the record of the treatment.

    Without a command it opens the dashboard.
    """
    if ctx.invoked_subcommand is None:
        from .dashboard import open_dashboard

        ctx.exit(open_dashboard(None, plain=plain))
    elif plain:
        raise click.UsageError("--plain belongs to the dashboard: devicectl --plain, or devicectl dashboard --plain.")


def run(arguments: list[str]) -> int:
    """Run one command line; answers the exit code. Nothing but a sentence reaches the user when it fails."""
    as_json = "--json" in arguments
    try:
        result = cli.main(arguments, prog_name="devicectl", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads us has gone (head, less); the interpreter would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.FAILED)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _fail("interrupted.", "interrupted", as_json, Exit.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return int(Exit.USAGE)
    except click.ClickException as error:
        return _usage(error, as_json)
    except Exception as error:
        from .failures import explain

        text, code, number = explain(error)
        return _fail(text, code, as_json, number)
    return int(result) if isinstance(result, int) else int(Exit.DONE)


def _usage(error: click.ClickException, as_json: bool) -> int:
    text = " ".join(error.format_message().split())
    ctx = getattr(error, "ctx", None)
    if ctx is not None and isinstance(error, click.UsageError):
        text = f"{text} See '{ctx.command_path} --help'."
    number = Exit.USAGE if isinstance(error, click.UsageError) else Exit.FAILED
    return _fail(text, "usage", as_json, number)


def _fail(text: str, code: str, as_json: bool, number: int) -> int:
    click.echo(f"devicectl: {text}", err=True)
    if as_json:
        import json

        click.echo(json.dumps({"error": {"code": code, "message": text}}, ensure_ascii=False))
    return int(number)
