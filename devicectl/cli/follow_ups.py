"""``devicectl follow-ups``: what is due, and what became of it."""

from __future__ import annotations

import click

from .later import LaterGroup


def _done_command() -> click.Command:
    from .clients import row_named
    from .entering import Entering, Target

    return Entering(
        "follow_up_state",
        "done",
        "Say what became of the follow-up ID (digits of its id): it was done, unless --state says otherwise.",
        (
            "devicectl follow-ups done 3f2a91c0 --operator 'Ida'",
            "devicectl follow-ups done 3f2a91c0 --state missed --values - --operator 'Ida' < note.json",
        ),
        [click.Argument(["about"], metavar="ID")],
        target=lambda given: Target(about=str(row_named("follow_ups", "follow-up", given["about"]))),
        start=lambda _given: {"state": "done"},
    ).command()


def _move_command() -> click.Command:
    from .clients import row_named
    from .entering import Entering, Target

    return Entering(
        "follow_up_moved",
        "move",
        "Lay the follow-up ID (digits of its id) on another day: it is cancelled, and a new one of its kind laid down.",
        ("devicectl follow-ups move 3f2a91c0 --due-date 2026-12-09 --operator 'Ida'",),
        [click.Argument(["about"], metavar="ID")],
        target=lambda given: Target(about=str(row_named("follow_ups", "follow-up", given["about"]))),
    ).command()


@click.group(
    cls=LaterGroup,
    later={
        "done": ("Say what became of a follow-up.", _done_command),
        "move": ("Lay a follow-up on another day.", _move_command),
    },
    examples=("devicectl follow-ups due", "devicectl follow-ups done 3f2a91c0 --operator 'Ida'"),
)
def follow_ups() -> None:
    """List follow-ups that are due, and say what became of them."""


@follow_ups.command("due", examples=("devicectl follow-ups due", "devicectl follow-ups due --days 30 --json"))
@click.option("--days", default=0, show_default=True, type=click.IntRange(0, 3650), help="Also those of the next days.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def due_command(days: int, as_json: bool) -> None:
    """List follow-ups that are due until today and nobody has said anything of, oldest first."""
    from datetime import timedelta

    from devicectl.records import clinic
    from devicectl.records.reader import Reader

    from .output import print_json, print_table, today

    until = (today() + timedelta(days)).isoformat()
    with Reader() as reader:
        found = reader.run(lambda connection: clinic.follow_ups_due(connection, until))
    if as_json:
        print_json(found)
    elif not found:
        click.echo(f"Nothing is due until {until}.")
    else:
        print_table(
            ("id", "due", "client", "what"),
            [(row["id"].hex[-8:], row["due_date"], row["code"], row["kind"]) for row in found],
        )
