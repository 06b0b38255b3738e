"""``devicectl calibrate``: a pen against instruments whose own error is known."""

from __future__ import annotations

from typing import Any, Final

import click

from .app import Group
from .operator import SignIn, operator_options
from .radio import ADDRESS, radio_option

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
MEASURANDS: Final = ("protrusion-static", "protrusion-dynamic", "rate-no-load", "rate-light-load")


@click.group(
    cls=Group,
    examples=(
        (
            "devicectl calibrate plan ADDRESS --standard 'Dial indicator; serial=DI-7; certificate=K-118; due=2027-03-31; mpe=0.004; "
            "resolution=0.001; u=0.0005' --temperature 22.5 --humidity 45 --out plan.json --operator Tom"
        ),
        "devicectl calibrate run ADDRESS plan.json --operator Tom",
        "devicectl calibrate show last",
        "devicectl calibrate due",
    ),
)
def calibrate() -> None:
    """Calibrate a pen: needle protrusion and stroke rate, as found and as left. See docs/calibration.md."""


@calibrate.command(
    "plan",
    examples=(
        (
            "devicectl calibrate plan serial:///dev/ttyACM0 --standard 'Dial indicator; serial=DI-7; certificate=K-118; "
            "due=2027-03-31; mpe=0.004; resolution=0.001; u=0.0005' --temperature 22.5 --humidity 45 --out plan.json"
        ),
        "devicectl calibrate plan tcp://127.0.0.1:7001 --from plan.json --points 0.25,0.5,0.75,1,1.5 --repeats 4 --json",
    ),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--from", "source", type=click.Path(dir_okay=False), help="A plan to begin with; the options change it.")
@click.option(
    "--standard",
    "standards",
    multiple=True,
    metavar="TEXT",
    help="A reference standard: 'NAME; serial=…; certificate=…; due=YYYY-MM-DD; unit=mm; mpe=…; resolution=…; u=…', u being U (k = 2) "
    "of its certificate, values in mm or Hz; may be repeated.",
)
@click.option("--temperature", type=float, metavar="°C", help="Of the air at the bench.")
@click.option("--humidity", type=float, metavar="%", help="Relative humidity.")
@click.option("--place", help="Where it is done.")
@click.option("--cartridge-type", help="If the pen does not read it.")
@click.option("--cartridge-lot", help="Of the test cartridge.")
@click.option(
    "--measure",
    "measurands",
    multiple=True,
    type=click.Choice(MEASURANDS),
    help="What is measured, may be repeated; protrusion-static if not given.",
)
@click.option("--points", metavar="A,B,…", help="Set-points in mm or Hz (of a single --measure).")
@click.option("--repeats", type=click.IntRange(2, 20), help="Readings at each set-point from each side; 3.")
@click.option("--seatings", type=click.IntRange(1, 20), help="How often the cartridge is seated in all; 2.")
@click.option("--order", type=click.Choice(["random", "sweep"]), help="random, or up through all and down again.")
@click.option("--method", help="How it is measured, as it stands in the report.")
@click.option("--seed", type=click.IntRange(0), help="Decides the order.")
@click.option(
    "--out", type=click.Path(dir_okay=False, writable=True), help="Write the plan there instead of printing it."
)
@_json
@operator_options
def plan_command(
    address: str, source: str | None, out: str | None, as_json: bool, who: SignIn | None, **given: Any
) -> int:
    """Make a plan for the pen at ADDRESS, with everything that was left out. Moves nothing."""
    import asyncio

    from .calibrate_plan import make_plan

    return asyncio.run(make_plan(address, source, out, as_json, who, given))


def _driving(command: Any) -> Any:
    """The options of what drives a pen through its steps."""
    for option in reversed(
        (
            click.option(
                "--gauge",
                metavar="ADDRESS",
                help="Read protrusion from this serial gauge, as serial:///dev/ttyUSB0?baud=9600.",
            ),
            click.option("--tachometer", metavar="ADDRESS", help="Read stroke rate from this one."),
            click.option(
                "--unit",
                "units",
                multiple=True,
                type=click.Choice(["mm", "um", "in", "mil", "Hz", "rpm"]),
                help="Unit of readings without one, for protrusion and for rate; else mm and Hz.",
            ),
            click.option("--key", is_flag=True, help="The gauge sends when its own key is pressed; it is not asked."),
            click.option(
                "--keyboard",
                is_flag=True,
                help="Readings are typed by a gauge that is a keyboard (only noted in the record).",
            ),
            click.option(
                "--readings",
                type=click.Path(dir_okay=False, allow_dash=True),
                help="Read them from this file, a line each, in the order of the steps; for scripts.",
            ),
            click.option(
                "--adjust",
                type=click.Choice(["ask", "no", "auto", "linear", "piecewise"]),
                default="ask",
                show_default=True,
                help="Whether the error is taken away; auto: linear unless the pen is found in order and within the warning limit.",
            ),
            click.option("--yes", is_flag=True, help="Do not ask before the needle moves, nor before it is signed."),
            click.option(
                "--take", is_flag=True, help="Take control although another program holds it (the pen must be still)."
            ),
            _json,
        )
    ):
        command = option(command)
    return command


@calibrate.command(
    "run",
    examples=(
        "devicectl calibrate run serial:///dev/ttyACM0 plan.json --operator Tom",
        "devicectl calibrate run serial:///dev/ttyACM0 plan.json --gauge serial:///dev/ttyUSB0 --operator Tom",
        "devicectl calibrate run tcp://127.0.0.1:7001 plan.json --gauge /dev/pts/4 --adjust linear --yes --json --operator Tom",
    ),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.argument("plan", type=click.Path(dir_okay=False))
@_driving
@operator_options
def run_command(address: str, plan: str, who: SignIn | None, **given: Any) -> int:
    """Calibrate the pen at ADDRESS by PLAN: measure as found, judge, adjust, measure as left, sign.

    THE NEEDLE MOVES at each step, and for dynamic protrusion and rate the motor runs. Ctrl+C is STOP. Interrupted, it
    goes on with 'devicectl calibrate resume'.
    """
    import asyncio

    from .calibrate_run import Options, run_plan

    return asyncio.run(run_plan(address, plan, who, Options(**given)))


@calibrate.command(
    "resume",
    examples=(
        "devicectl calibrate resume serial:///dev/ttyACM0 --operator Tom",
        "devicectl calibrate resume serial:///dev/ttyACM0 3f2a91c0 --gauge serial:///dev/ttyUSB0 --operator Tom",
        "devicectl calibrate resume serial:///dev/ttyACM0 last --abandon 'the gauge fell down' --operator Tom",
    ),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.argument("calibration", default="last")
@click.option("--abandon", metavar="REASON", help="End it without a result; what was measured stays.")
@_driving
@operator_options
def resume_command(address: str, calibration: str, abandon: str | None, who: SignIn | None, **given: Any) -> int:
    """Go on with an interrupted calibration of the pen at ADDRESS (an id, or 'last'), or abandon it.

    THE NEEDLE MOVES as in 'calibrate run'.
    """
    import asyncio

    from .calibrate_run import Options, resume

    return asyncio.run(resume(address, calibration, abandon, who, Options(**given)))


@calibrate.command(
    "show",
    examples=(
        "devicectl calibrate show",
        "devicectl calibrate show last",
        "devicectl calibrate show 3f2a91c0 --readings",
        "devicectl calibrate show last --json",
    ),
)
@click.argument("calibration", required=False)
@click.option("--readings", is_flag=True, help="Every reading too.")
@_json
def show_command(calibration: str | None, readings: bool, as_json: bool) -> None:
    """Show a calibration (an id, or 'last'); without one, list them."""
    from .calibrate_text import list_all, show

    if calibration is None:
        list_all(as_json)
    else:
        show(calibration, readings, as_json)


@calibrate.command(
    "report",
    examples=(
        "devicectl calibrate report last --laboratory 'Needle Workshop; 12 Mill Lane; Utrecht' --out report.pdf",
        (
            "devicectl calibrate report 3f2a91c0 --number CR-2026-41 --laboratory 'Needle Workshop' --customer 'Clinic North' "
            "--condition 'clean, no damage seen' --out report.pdf --json"
        ),
    ),
)
@click.argument("calibration")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, writable=True),
    help="The file; one that is there is replaced.",
)
@click.option(
    "--laboratory",
    required=True,
    envvar="DEVICECTL_LABORATORY",
    metavar="TEXT",
    help="Who calibrated: name, then the lines of the address, with ; between them.",
)
@click.option("--customer", metavar="TEXT", help="For whom, in the same way; the laboratory itself if not given.")
@click.option("--number", help="Of the report, unique among all of the laboratory; made from the id if not given.")
@click.option("--condition", help="Of the pen on receipt.")
@click.option(
    "--remark", "remarks", multiple=True, help="A deviation, an addition, what the customer said; may be repeated."
)
@_json
def report_command(calibration: str, out: str, as_json: bool, **given: Any) -> int:
    """Write the report of a calibration (an id, or 'last') as PDF/A. One that is not finished is printed as a draft.

    The same calibration gives the same file, byte by byte. It is not issued by an accredited laboratory, and says so.
    """
    from .calibrate_report import report

    return report(calibration, out, as_json, given)


@calibrate.command("verify", examples=("devicectl calibrate verify last", "devicectl calibrate verify 3f2a91c0 --json"))
@click.argument("calibration")
@_json
def verify_command(calibration: str, as_json: bool) -> int:
    """Compute a calibration (an id, or 'last') anew from its readings and compare: figures, verdicts, hashes, signature."""
    from .calibrate_verify import verify

    return verify(calibration, as_json)


@calibrate.command(
    "chart",
    examples=(
        "devicectl calibrate chart REF-0020",
        "devicectl calibrate chart REF-0020 --json",
        "devicectl calibrate chart REF-0020 --quantity depth --set 1.0 --out chart.png",
    ),
)
@click.argument("pen")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True),
    help="Draw it there (.svg, .png or .pdf); where there are several charts, --quantity and --set choose one.",
)
@click.option("--quantity", type=click.Choice(["depth", "rate"]), help="Only charts of this.")
@click.option("--set", "set_to", type=float, metavar="X", help="Only at this set-point, in mm or Hz.")
@_json
def chart_command(pen: str, out: str | None, quantity: str | None, set_to: float | None, as_json: bool) -> int:
    """Control charts of the daily checks of PEN (its serial): one for each set-point, with the rules it breaks."""
    from .calibrate_chart import chart

    return chart(pen, out, quantity, set_to, as_json)


@calibrate.command("due", examples=("devicectl calibrate due", "devicectl calibrate due --json"))
@_json
def due_command(as_json: bool) -> int:
    """Which pens are due: by date, by treatments, by motor hours; and what the next interval should be.

    Exit code 1 when one is overdue or its last calibration does not hold.
    """
    from .calibrate_chart import due

    return due(as_json)
