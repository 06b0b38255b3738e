"""``devicectl calibrate plan``: from what a technician writes to a whole plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from .exits import Exit
from .failures import Failure
from .operator import SignIn
from .output import print_json
from .pens import seat

_KEYS: Final = {
    "serial": "serial", "certificate": "certificate", "cert": "certificate", "due": "due", "unit": "unit", "mpe": "mpe",
    "resolution": "resolution", "u": "uncertainty", "uncertainty": "uncertainty",
}  # fmt: skip
_NUMBERS: Final = frozenset({"mpe", "resolution", "uncertainty"})


def read_plan(path: str) -> dict[str, Any]:
    """A plan from a file. Raises :class:`Failure`."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}; check the path.", "file-trouble") from error
    except ValueError:
        raise Failure(f"{path} is no JSON; make a plan with 'devicectl calibrate plan'.", "bad-plan") from None
    if not isinstance(data, dict):
        raise Failure(f"{path} is no plan; make one with 'devicectl calibrate plan'.", "bad-plan")
    return data


def standard(text: str) -> dict[str, Any]:
    """A reference standard as it is written on the command line."""
    name, *parts = (part.strip() for part in text.split(";"))
    found: dict[str, Any] = {"name": name}
    for part in filter(None, parts):
        key, _, value = (one.strip() for one in part.partition("="))
        field = _KEYS.get(key.lower())
        if field is None or not value:
            raise click.UsageError(f"--standard: '{part}' is not KEY=VALUE with one of {', '.join(sorted(_KEYS))}.")
        if field in _NUMBERS:
            try:
                found[field] = float(value.replace(",", "."))
            except ValueError:
                raise click.UsageError(f"--standard: {key} must be a number in mm or Hz, such as 0.004.") from None
        else:
            found[field] = value
    return found


def _asked(source: str | None, given: dict[str, Any]) -> dict[str, Any]:
    plan: dict[str, Any] = {} if source is None else read_plan(source)
    if given["standards"]:
        plan["standards"] = [standard(text) for text in given["standards"]]
    for option, name in (
        ("temperature", "temperature_c"),
        ("humidity", "humidity_pct"),
        ("place", "place"),
        ("cartridge_type", "cartridge_type"),
        ("cartridge_lot", "cartridge_lot"),
        ("seed", "seed"),
    ):
        if given[option] is not None:
            plan[name] = given[option]
    for name, text in (("temperature_c", "--temperature"), ("humidity_pct", "--humidity"), ("standards", "--standard")):
        if name not in plan:
            raise click.UsageError(f"{text} is missing: a report without it satisfies no auditor.")
    if given["measurands"]:
        before = {one.get("measurand"): one for one in plan.get("series") or [] if isinstance(one, dict)}
        plan["series"] = [{**before.get(one, {}), "measurand": one} for one in given["measurands"]]
    changes = {name: given[name] for name in ("repeats", "seatings", "order", "method") if given[name] is not None}
    if given["points"] is not None:
        try:
            changes["set_points"] = [float(one) for one in given["points"].split(",")]
        except ValueError:
            raise click.UsageError(
                "--points: write numbers with commas between them, as 0.25,0.5,1.0,1.25,1.5."
            ) from None
    series = plan.setdefault("series", [{}])
    if "set_points" in changes and len(series) > 1:
        raise click.UsageError("--points belong to a single --measure; write the others into the plan's file.")
    if changes.get("repeats", 9) < 2 or (changes.get("repeats") == 2 and "seatings" not in changes):
        changes.setdefault("seatings", 2)
    plan["series"] = [{**one, **changes} for one in series]
    return plan


def _write(path: str, plan: dict[str, Any]) -> None:
    Path(path).write_text(json.dumps(plan, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


async def make_plan(
    address: str, source: str | None, out: str | None, as_json: bool, who: SignIn | None, given: dict[str, Any]
) -> int:
    """Ask the station for the whole plan; write or print it, and what is against it."""
    asked = _asked(source, given)
    async with seat("calibrate plan") as place:
        await place.sign_in(who)
        await place.open(address, take=None)
        await place.fresh()
        answer = await place.ask("calibration.plan", plan=asked)
    plan, problems = answer["plan"], answer["problems"]
    if out is not None:
        _write(out, plan)
    if as_json:
        print_json(answer)
    elif out is None:
        print_json(plan)
    else:
        series = ", ".join(f"{one['measurand']} at {len(one['set_points'])} set-points" for one in plan["series"])
        click.echo(f"{out}: pen {plan['pen_serial']}, {series}, {answer['readings']} readings a round.")
    for problem in problems:
        click.echo(f"devicectl: {problem}", err=True)
    return int(Exit.FAILED if problems else Exit.DONE)
