"""``devicectl keys``: the dashboard's keys in force, and how to change them."""

from __future__ import annotations

import click

from .app import Command

EXAMPLE = (
    'stop = ["F8"]              # more STOP keys; SPACE, F9 and Ctrl+C always are',
    "[keys]",
    'depth-up = ["D", "+"]      # several keys for one command',
    'log = "o"                  # what is not named keeps its keys',
)

HELP = """Show every command of the dashboard with its keys.

Keys are changed in the file keys.toml of your config directory (the first line says where). Its table [keys] names
commands; 'stop' adds STOP keys, and none can be taken away. A key belongs to one command; SPACE, F9, Ctrl+C, Y,
Enter and Esc to none. For example:

\b
""" + "\n".join(f"  {line}" for line in EXAMPLE)


@click.command(cls=Command, help=HELP, examples=("devicectl keys", "devicectl keys --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def keys(as_json: bool) -> None:
    """Print the keys in force."""
    from tui.keys import COMMANDS, START_KEY, STOP_KEYS, show_key
    from tui.settings import KEYMAP_NAME, config_directory

    from .dashboard import keymap
    from .output import print_json, print_table

    path, found = config_directory() / KEYMAP_NAME, keymap()
    stops = [*("space", "f9", "ctrl+c"), *found.added_stops]
    if as_json:
        commands = [
            {
                "command": c.name,
                "keys": [show_key(key) for key in found.keys[c.name]],
                "changed": found.keys[c.name] != c.keys,
                "help": c.help,
            }
            for c in COMMANDS
        ]
        file = str(path) if found.source else None
        print_json(
            {
                "file": file,
                "looked_for": str(path),
                "stop": [show_key(key) for key in stops],
                "start": START_KEY,
                "commands": commands,
            }
        )
        return
    click.echo(f"{path}{'' if found.source else ' (not there: the built-in keys are in force)'}")
    click.echo()
    rows = [("STOP", "  ".join(show_key(key) for key in stops), "", "and a click on the bottom bar")]
    rows += [
        (
            c.name,
            "  ".join(show_key(key) for key in found.keys[c.name]),
            "" if found.keys[c.name] == c.keys else "*",
            c.help,
        )
        for c in COMMANDS
    ]
    print_table(("command", "keys", "", "what it does"), rows)
    if any(found.keys[c.name] != c.keys for c in COMMANDS) or found.stops != STOP_KEYS:
        click.echo("\n* changed by your file" + ("; STOP keys added" if found.stops != STOP_KEYS else ""))
