"""``devicectl soak``: the whole stack in virtual time under trouble, judged all the while."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .app import Command
from .exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devicectl.bench.soak import Plan, Result
    from simulator.schedule import Schedule

SECONDS_MIN = 1.0


@click.command(
    cls=Command,
    examples=(
        "devicectl soak --hours 1 --seed 7",
        "devicectl soak --hours 0.5 --seed 0 --seeds 20 --jobs 2",
        "devicectl soak --hours 0.1 --pens 4 --link ble",
        "devicectl soak --schedule lost-frames --hours 0.05 --report table",
        "devicectl soak --schedule soak-17.toml --seed 17      what an earlier one left",
    ),
)
@click.option("--hours", type=click.FloatRange(0.001, 1000), metavar="H", help="Model time of each seed; 0.1.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 10**9), help="The first seed.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many seeds.")
@click.option("--pens", default=1, show_default=True, type=click.IntRange(1, 64), help="Pens at one station.")
@click.option("--schedule", metavar="NAME|FILE", help="What goes wrong; else the seed draws it.")
@click.option(
    "--link", type=click.Choice(["memory", "ble"]), default="memory", show_default=True, help="How pens are reached."
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--report", type=click.Choice(["table", "json"]), help="The record beside the physics, pass by pass.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("."), metavar="FOLDER",
    help="Where schedule and capture of a violation go.",
)  # fmt: skip
def soak(
    hours: float | None,
    seed: int,
    seeds: int,
    pens: int,
    schedule: str | None,
    link: Literal["memory", "ble"],
    jobs: int,
    report: str | None,
    out: Path,
) -> int:
    """Let people, pens, links, disk and clock do their worst in virtual time, and judge every safety rule all the while.

    Client, station, record and firmware are the real ones. The same seed gives the same run. The first broken rule of a seed
    ends it: the fewest happenings that break it again are written as a schedule, and the link's bytes as a capture.
    """
    if link == "ble":
        _need_radio()
    plans = [_plan(one, hours, pens, schedule, link) for one in range(seed, seed + seeds)]
    results = _run_all(plans, jobs)
    broken = [result for result in results if result.violations or result.unmet]
    for result in broken:
        _tell(result, out)
    _sum_up(results, report)
    return int(Exit.FAILED if broken else Exit.DONE)


def _need_radio() -> None:
    try:
        import simulator.radio.host  # noqa: F401
    except ImportError as error:
        from .failures import Failure

        raise Failure(str(error), "not-installed") from error


def _plan(seed: int, hours: float | None, pens: int, schedule: str | None, link: Literal["memory", "ble"]) -> Plan:
    from devicectl.bench.schedule_file import find
    from devicectl.bench.soak import Plan

    found: Schedule | None = None if schedule is None else find(schedule)
    if found is not None and found.of_radio is not None and link != "ble":
        raise click.UsageError(f"{found.of_radio} belongs to ble: say --link ble.")
    default = 360.0 if found is None else found.seconds
    # What a schedule expects is for its own rehearsal, in which nobody ends the run.
    alone = found.model_copy(update={"expect": ()}) if found is not None else None
    return Plan(seed, default if hours is None else max(SECONDS_MIN, hours * 3600), pens, link, alone)


def _run_all(plans: Sequence[Plan], jobs: int) -> list[Result]:
    from .soak_jobs import run_jobs, run_one

    seconds = round(sum(plan.seconds for plan in plans))
    shown = sys.stderr.isatty()
    label = f"{len(plans)} seed{'s' * (len(plans) > 1)}"
    bar: Any = (
        click.progressbar(length=seconds, label=label, show_eta=True, file=sys.stderr) if shown else nullcontext()
    )
    with bar:
        if jobs == 1:
            return [run_one(plan, bar.update if shown else None) for plan in plans]
        return run_jobs(plans, jobs, bar.update if shown else None)


def _tell(result: Result, out: Path) -> None:
    from devicectl.bench.minimise import captured, minimise
    from devicectl.bench.schedule_file import write
    from devicectl.bench.soak import quiet

    seed, pens = result.plan.seed, result.plan.pens
    for phrase in result.unmet:
        click.echo(f"seed {seed}: missing: {phrase}")
    if not result.violations:
        return
    one = result.violations[0]
    click.echo(f"seed {seed}, pen {one.pen}, {result.model_s:.2f} s: [{one.rule}] {one.text}")
    with quiet():
        smallest = minimise(result)
    assert smallest.plan.schedule is not None or result.plan.schedule is None
    if smallest.plan.schedule is None:
        click.echo(f"  not broken again by what had happened alone; again: devicectl soak --seed {seed} --pens {pens}")
        return
    out.mkdir(parents=True, exist_ok=True)
    file, capture = _free(out, f"soak-{seed}", ".toml"), _free(out, f"soak-{seed}", ".pcapng")
    file.write_text(write(smallest.plan.schedule), encoding="utf-8")
    captured(smallest.plan, smallest.violation.pen, capture)
    count = len(smallest.plan.schedule.faults)
    click.echo(f"  {count} of {smallest.before} happenings break it ({smallest.runs} runs tried): {file}")
    for entry in smallest.plan.schedule.faults:
        value = "" if entry.amount is True else f" = {entry.amount}"
        lasts = "" if entry.lasts is None else f" for {entry.lasts:g} s"
        click.echo(f"    {entry.at:9.3f} s  pen {entry.pen}  {entry.name}{value}{lasts}")
    click.echo(f"  its bytes: {capture}")
    link = "" if result.plan.link == "memory" else f" --link {result.plan.link}"
    click.echo(f"  again: devicectl soak --schedule {file} --seed {seed} --pens {pens}{link}")


def _free(folder: Path, name: str, ending: str) -> Path:
    """A file that is not there yet."""
    number = 1
    while (path := folder / f"{name}{'' if number == 1 else f'-{number}'}{ending}").exists():
        number += 1
    return path


def _sum_up(results: Sequence[Result], report: str | None) -> None:
    from devicectl.bench.report import as_json, as_rows, summary

    from .output import print_json, print_table

    if report == "json":
        print_json(as_json(results))
        return
    if report == "table":
        head, rows = as_rows(results)
        print_table(head, rows, "rrl" + "r" * len(head))
    for line in summary(results):
        click.echo(line)
