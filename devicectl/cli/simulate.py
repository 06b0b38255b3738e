"""``devicectl simulate``: a pen that is not there, as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from .app import Command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from simulator.faults import FaultPlan
    from simulator.fleet import Member
    from simulator.pen import SimulatedPen
    from simulator.radio.options import AirOptions
    from simulator.schedule import Schedule

PROFILES = ("reference", "fixed-117", "vary-150")
Kind = Literal["pty", "tcp", "ble", "fleet"]
FLEET: int = 8
_GAUGE = ("at", "what", "unit", "errors")
_AIR = ("interval", "mtu", "pairing", "passkey", "name", "address", "rssi", "socket")


def _air_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a pen on the air."""
    for option in reversed(
        (
            click.option("--address", metavar="F0:…", help="ble: address, random static; made from the seed."),
            click.option("--name", metavar="TEXT", help="ble: name; model and serial number if not given."),
            click.option(
                "--pairing",
                type=click.Choice(["just-works", "passkey", "refuse"]),
                help="ble: how the pen pairs; just-works if not given.",
            ),
            click.option(
                "--passkey", type=click.IntRange(0, 999_999), help="ble: what a pen with a passkey shows; 123456."
            ),
            click.option(
                "--interval", type=click.FloatRange(7.5, 100), metavar="MS", help="ble: connection interval; 15."
            ),
            click.option("--mtu", type=click.IntRange(23, 517), help="ble: largest ATT MTU; 247."),
            click.option("--rssi", type=click.IntRange(-127, 0), metavar="DBM", help="ble: signal; -50."),
            click.option("--socket", metavar="PATH", help="ble: the radio on a Unix socket instead of a TCP port."),
        )
    ):
        command = option(command)
    return command


def _pen_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a pen is made of, beside its profile."""
    for option in reversed(
        (
            click.option(
                "--actuator",
                multiple=True,
                metavar="NAME=VALUE",
                help="Another error of the depth drive than the profile's: gain, offset_um, backlash_um, bow_um, "
                "drift_um_per_million, slew_um_s; may be repeated.",
            ),
            click.option(
                "--rate-gain",
                type=click.FloatRange(0.5, 2),
                metavar="X",
                help="True stroke rate over what the pen measures.",
            ),
            click.option("--firmware", metavar="TEXT", help="Another version than the profile's."),
            click.option(
                "--memory",
                metavar="FILE",
                help="Keep what the pen remembers without power (boots, bonds, correction) here.",
            ),
        )
    ):
        command = option(command)
    return command


def _gauge_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of an instrument."""
    for option in reversed(
        (
            click.option("--at", metavar="ADDRESS", help="gauge: the simulated pen that it measures; the only one."),
            click.option("--what", type=click.Choice(["dial", "tachometer"]), help="gauge: which instrument; dial."),
            click.option(
                "--unit", type=click.Choice(["mm", "in", "um", "Hz", "rpm"]), help="gauge: what it shows; mm or rpm."
            ),
            click.option(
                "--error",
                "errors",
                multiple=True,
                metavar="NAME=VALUE",
                help="gauge: its own error: gain (a part), offset and noise in µm or mHz; may be repeated.",
            ),
        )
    ):
        command = option(command)
    return command


class Simulate(Command):
    """Its help lists every fault."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, then faults with their values and units."""
        super().format_epilog(ctx, formatter)
        from simulator.faults import fault_help

        with formatter.section("Faults"):
            formatter.write_dl(fault_help())


@click.command(
    cls=Simulate,
    examples=(
        "devicectl simulate pty",
        "devicectl simulate tcp --port 7001 --profile vary-150",
        "devicectl simulate ble --interval 30 --pairing passkey --fault radio.out_of_range@20s+5s",
        "devicectl simulate pty --fault drop=0.05 --fault stall@5s",
        "devicectl simulate tcp --schedule stuck-motor --seed 7",
        "devicectl simulate pty --console          type: button, press 1.5, fault stall, state, quit",
        "devicectl simulate fleet --count 64 --profile reference,vary-150     and then: devicectl monitor",
        "devicectl simulate pty --actuator gain=0.95 --actuator backlash_um=30 --memory pen.json",
        "devicectl simulate gauge                  a dial indicator at the simulated pen that runs",
        "devicectl simulate gauge --what tachometer --error noise=50",
    ),
)
@click.argument("kind", type=click.Choice(["pty", "tcp", "ble", "fleet", "gauge"]))
@click.option(
    "--profile",
    default="reference",
    show_default=True,
    metavar="NAME",
    help=f"Which pen: {', '.join(PROFILES)}. fleet: several with commas between, taken in turn.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Chance of the simulation; fleet: of the first pen, each further one has the next.",
)
@click.option("--count", type=click.IntRange(1, 256), help=f"fleet: how many pens; {FLEET} if not given.")
@click.option("--pty/--tcp", "behind", default=None, help="fleet: on pseudo-terminals, as without it, or on TCP ports.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="TEXT",
    help="NAME, NAME=VALUE, NAME@5s (from the fifth second on) or NAME=VALUE@5s+2s (for two seconds); may be repeated. "
    "The names stand below.",
)
@click.option(
    "--schedule",
    metavar="NAME|FILE",
    help="Play a schedule of faults: a file, or one of those that 'devicectl schedules list' shows. --seed decides its chance.",
)
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="TCP port of tcp or ble, the first of fleet --tcp; 0 takes a free one.",
)
@_pen_options
@_gauge_options
@_air_options
@click.option("--console", is_flag=True, help="Take commands from standard input.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print address, radio and pen (fleet: all pens) as one line of JSON."
)
@click.option("--unpaced", is_flag=True, help="No 115,200 Bd pacing (for measurements).")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the process that started it ends.")
def simulate(
    kind: Literal["pty", "tcp", "ble", "fleet", "gauge"],
    profile: str,
    seed: int,
    count: int | None,
    behind: bool | None,
    faults: tuple[str, ...],
    schedule: str | None,
    port: int,
    console: bool,
    as_json: bool,
    unpaced: bool,
    with_parent: bool,
    actuator: tuple[str, ...],
    rate_gain: float | None,
    firmware: str | None,
    memory: str | None,
    **more: Any,
) -> None:
    """Start a simulated pen. The first line is its address; it runs until Ctrl+C or SIGTERM.

    KIND is pty (a pseudo-terminal, like a serial port), tcp, or ble: a pen on a virtual radio, whose own address is the
    second line, for --radio or DEVICECTL_RADIO. fleet is many pens in one process, a line for each: address, serial number,
    seed, profile. gauge is a serial instrument at a simulated pen that runs already, for 'devicectl calibrate run --gauge'.
    """
    air = {name: more[name] for name in _AIR}
    gauge = {name: more[name] for name in _GAUGE}
    if kind == "gauge":
        given = {"faults": faults, "port": port, "unpaced": unpaced, "actuator": actuator, "rate_gain": rate_gain}
        given |= {"firmware": firmware, "memory": memory, "count": count, **air}
        if strange := [name for name, value in given.items() if value]:
            raise click.UsageError(f"--{strange[0].replace('_', '-').removesuffix('s')} belongs to a pen.")
        _gauge(gauge, seed, console, as_json, with_parent)
        return
    if strange := [name for name, value in gauge.items() if value]:
        raise click.UsageError(f"--{strange[0].removesuffix('s')} belongs to gauge: devicectl simulate gauge.")
    if kind == "fleet" and (actuator or rate_gain or firmware or memory):
        raise click.UsageError("--actuator, --rate-gain, --firmware and --memory belong to a single pen.")
    if kind != "fleet" and (count is not None or behind is not None):
        raise click.UsageError("--count, --pty and --tcp belong to fleet: devicectl simulate fleet --count 64 --tcp.")
    if kind == "fleet" and console:
        raise click.UsageError("--console belongs to a single pen: devicectl simulate pty --console.")
    if port and (kind == "pty" or (kind == "fleet" and behind is not False)):
        raise click.UsageError("--port belongs to tcp and ble: devicectl simulate tcp --port 7001.")
    if kind != "ble" and (strange := [name for name in _AIR if air[name] is not None]):
        raise click.UsageError(f"--{strange[0]} belongs to ble: devicectl simulate ble --{strange[0]} ….")
    import asyncio

    from simulator.faults import parse_faults
    from simulator.serve import serve

    signal = [] if air["rssi"] is None else [f"radio.rssi={air['rssi']}"]
    plan = parse_faults((*signal, *faults))
    if kind != "ble" and plan.of_radio is not None:
        raise click.UsageError(f"{plan.of_radio} belongs to ble: devicectl simulate ble --fault {plan.of_radio} ….")
    if kind == "fleet":
        if schedule is not None:
            raise click.UsageError("--schedule is for one pen; a fleet takes --fault.")
        pens = _fleet(count or FLEET, behind is not False, profile, seed, plan, port, not unpaced, as_json)
        asyncio.run(_until_over(pens, with_parent))
        return
    from pathlib import Path

    from simulator.nvm import Nvm

    played = None if schedule is None else _schedule(schedule, kind)
    pen = serve(
        kind,
        schedule=played,
        profile=_profile(profile, actuator, rate_gain, firmware),
        seed=seed,
        faults=plan,
        port=port,
        console=console,
        paced=not unpaced,
        emit=lambda line: print(line, flush=True),
        air=_air(port, air) if kind == "ble" else None,
        told=_tell_as_json if as_json else None,
        nvm=None if memory is None else Nvm(Path(memory)),
    )
    asyncio.run(_until_over(pen, with_parent))


def _fleet(
    count: int, pty: bool, profile: str, seed: int, plan: FaultPlan, port: int, paced: bool, as_json: bool
) -> Awaitable[None]:
    from simulator.fleet import serve_fleet

    if port + count > 65536:
        raise click.UsageError(f"There are no {count} ports from {port} on; choose a lower --port.")
    profiles = [name.strip() for name in profile.split(",")]
    return serve_fleet(
        "pty" if pty else "tcp",
        count,
        _tell_fleet_as_json if as_json else _tell_fleet,
        profiles=profiles,
        seed=seed,
        faults=plan,
        port=port,
        paced=paced,
    )


def _tell_fleet(members: list[Member]) -> None:
    width = max(len(one.address) for one in members)
    for one in members:
        print(f"{one.address:{width}}  {one.serial}  seed {one.seed}  {one.profile}")
    print(end="", flush=True)


def _tell_fleet_as_json(members: list[Member]) -> None:
    import json
    import os

    told = {"pens": [one._asdict() for one in members], "pid": os.getpid()}
    print(json.dumps(told, ensure_ascii=False), flush=True)


def _profile(name: str, actuator: tuple[str, ...], rate_gain: float | None, firmware: str | None) -> Any:
    """A profile with what is asked for instead of its own. Raises `ProfileError`."""
    from pydantic import ValidationError

    from simulator.profile import ProfileError, load_profile

    made = load_profile(name)
    parts = {**made.actuator.model_dump(), **_numbers("--actuator", actuator)}
    changes: dict[str, Any] = {}
    try:
        changes["actuator"] = type(made.actuator).model_validate(parts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        names = ", ".join(type(made.actuator).model_fields)
        raise ProfileError(
            f"--actuator {'.'.join(map(str, first['loc']))}: {first['msg']}; known are {names}."
        ) from error
    if rate_gain is not None:
        changes["motor"] = made.motor.model_copy(update={"clock_gain": rate_gain})
    if firmware is not None:
        if not 0 < len(firmware.encode()) <= 16:
            raise ProfileError("--firmware takes 1 to 16 bytes, such as 1.0.1.")
        changes["firmware"] = firmware
    return made.model_copy(update=changes)


def _numbers(option: str, texts: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise click.UsageError(f"{option} {text}: write it as NAME=NUMBER.") from None
    return found


def _gauge(options: dict[str, Any], seed: int, console: bool, as_json: bool, with_parent: bool) -> None:
    import asyncio
    import json
    import os
    from dataclasses import replace

    from simulator.announce import Announcement
    from simulator.gauge import ERRORS
    from simulator.serve import serve_gauge

    what: Literal["dial", "tachometer"] = options["what"] or "dial"
    unit = options["unit"]
    if unit is not None and (unit in ("Hz", "rpm")) is not (what == "tachometer"):
        raise click.UsageError(f"a {what} does not show {unit}.")
    errors = _numbers("--error", options["errors"])
    if strange := errors.keys() - {"gain", "offset", "noise"}:
        raise click.UsageError(f"--error {min(strange)}: known are gain, offset and noise.")

    def told(address: str, pen: Announcement) -> None:
        if as_json:
            print(
                json.dumps({"address": address, "pen": pen.address, "serial": pen.serial, "pid": os.getpid()}),
                flush=True,
            )
        else:
            print(address, flush=True)

    gauge = serve_gauge(
        what,
        pen=options["at"],
        unit=unit,
        errors=replace(ERRORS[what], **errors),
        seed=seed,
        console=console,
        told=told,
    )
    asyncio.run(_until_over(gauge, with_parent))


def _schedule(what: str, kind: Kind) -> Schedule:
    from devicectl.bench.schedule_file import find

    schedule = find(what)
    if schedule.of_stack is not None:
        raise click.UsageError(
            f"{schedule.of_stack} happens on the computer, not in the pen: devicectl soak --schedule {what} plays it."
        )
    if schedule.of_radio is not None and kind != "ble":
        raise click.UsageError(f"{schedule.of_radio} belongs to ble: devicectl simulate ble --schedule {what}.")
    return schedule


def _air(port: int, air: dict[str, Any]) -> AirOptions:
    try:
        from simulator.radio.options import AirOptions, RadioOptions
    except ImportError as error:
        from .failures import Failure

        raise Failure(str(error), "not-installed") from error

    named = {name: air[name] for name in ("address", "name", "pairing", "passkey", "mtu") if air[name] is not None}
    if "passkey" in named:
        named.setdefault("pairing", "passkey")
    where = f"tcp:{port}" if air["socket"] is None else f"unix:{air['socket']}"
    interval = {} if air["interval"] is None else {"interval": air["interval"] / 1000}
    return AirOptions(RadioOptions(**named), where, **interval)


def _tell_as_json(pen: SimulatedPen, address: str, radio: str) -> None:
    import json
    import os

    told = {"address": address, "radio": radio, "model": pen.profile.model, "serial": pen.serial, "pid": os.getpid()}
    print(json.dumps(told, ensure_ascii=False), flush=True)


async def _until_over(serving: Awaitable[None], with_parent: bool) -> None:
    import asyncio
    import os

    async def until_orphaned(parent: int) -> None:
        while os.getppid() == parent:
            await asyncio.sleep(0.5)

    pen = asyncio.ensure_future(serving)
    watched = {pen}
    if with_parent:
        watched.add(asyncio.ensure_future(until_orphaned(os.getppid())))
    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    for task in watched - {pen}:
        task.cancel()
    if pen.done():
        await pen
    else:
        pen.cancel()
        await asyncio.gather(pen, return_exceptions=True)
