"""``devicectl info``, ``devicectl reset``, ``devicectl indicate`` and ``devicectl accept-firmware``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .app import Command
from .exits import Exit
from .operator import SignIn, operator_options
from .radio import ADDRESS, radio_option

if TYPE_CHECKING:
    from devicectl.station.views import PenView


@click.command(
    cls=Command,
    examples=("devicectl info serial:///dev/ttyACM0", "devicectl info tcp://127.0.0.1:7001 --json"),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(address: str, as_json: bool) -> int:
    """Show what the pen at ADDRESS says about itself. Moves nothing."""
    import asyncio

    from .output import print_json

    pen, controller = asyncio.run(_look(address))
    if as_json:
        print_json({"pen": pen, "controller": controller})
    else:
        for line in describe(pen, controller):
            click.echo(line)
    return int(Exit.DONE if pen.link == "up" else Exit.NO_PEN)


async def _look(address: str) -> tuple[PenView, str | None]:
    from drivers.address import parse_address

    from .pens import seat

    parse_address(address)
    async with seat("info") as place:
        known = await place.known(address)
        if known is not None:
            # Opening it would take control of a pen that nobody holds at this moment.
            return known, None
        pen = await place.open(address, take=None)
        await place.fresh()
        view = place.view
        if view is None or view.pen is None:
            return pen, None
        return view.pen, None if view.you_control else view.controller


def describe(pen: PenView, controller: str | None) -> list[str]:
    """A pen in lines for people."""
    from .output import hz, mm

    rows: list[tuple[str, str]] = [
        ("pen", f"{pen.model} {pen.serial}" + ("  SIMULATED" if pen.simulated else "")),
        ("address", pen.address),
        ("firmware", pen.firmware),
        ("link", pen.link if pen.link == "up" else f"{pen.link}: {pen.link_text}"),
        (
            "state",
            pen.state.replace("_", " ")
            + ("  LATCHED (devicectl reset leaves it)" if pen.latched and pen.link == "up" else ""),
        ),
        ("motor", pen.motion),
    ]
    if pen.faults:
        rows.append(("faults", ", ".join(pen.faults)))
    rows += [
        ("depth", f"set {mm(pen.depth_set_um)} mm, measured {mm(pen.depth_um)} mm"),
        ("rate", f"set {hz(pen.rate_set_mhz)} Hz, measured {hz(pen.rate_mhz)} Hz"),
    ]
    if pen.battery_pct is not None:
        rows.append(("battery", f"{pen.battery_pct} %  {(pen.battery_mv or 0) / 1000:.2f} V"))
    if pen.temperature_cc is not None:
        rows.append(("temperature", f"{pen.temperature_cc / 100:.1f} °C"))
    limits = pen.limits
    if limits is not None:
        step = f" in steps of {hz(limits.rate_step_mhz)}" if limits.rate_step_mhz else ", fixed"
        rows += [
            (
                "depth range",
                f"{mm(limits.depth_min_um)} to {mm(limits.depth_max_um)} mm in steps of {mm(limits.depth_step_um)}",
            ),
            (
                "operator limit" if limits.depth_soft_um == limits.depth_operator_um else "soft limit",
                f"{mm(limits.depth_soft_um)} mm; a deeper request is refused, or lowered to it where that is allowed",
            ),
            ("rate range", f"{hz(limits.rate_min_mhz)} to {hz(limits.rate_max_mhz)} Hz{step}"),
            ("cartridge", f"{limits.cartridge or 'none'}, {limits.needles} needles"),
            ("contact", "measured by the pen" if limits.has_contact else "inferred from the motor current"),
        ]
    if pen.stop_ms is not None:
        rows.append(("last stop", f"still {pen.stop_ms:.0f} ms after STOP"))
    if controller:
        rows.append(("held by", controller))
    return [f"{name:<14} {text}" for name, text in rows]


@click.command(
    cls=Command,
    examples=("devicectl reset serial:///dev/ttyACM0", "devicectl reset tcp://127.0.0.1:7001 --take"),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--take", is_flag=True, help="Take control although another program holds it (the pen must be still).")
@operator_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reset(address: str, take: bool, who: SignIn | None, as_json: bool) -> None:
    """Leave the STOP latch of the pen at ADDRESS. Starts nothing; refused unless the pen is confirmed still."""
    import asyncio

    from .output import print_json

    result = asyncio.run(_reset(address, take, who))
    if as_json:
        print_json(result)
    else:
        word = "was not latched" if not result["was_latched"] else "is reset"
        click.echo(f"{result['pen']} {word}; state {result['state']}.")


async def _reset(address: str, take: bool, who: SignIn | None) -> dict[str, Any]:
    from drivers.address import parse_address

    from .pens import demand, seat

    parse_address(address)
    async with seat("reset") as place:
        await place.sign_in(who)
        await place.open(address, take=take)
        await place.fresh()
        view = place.view
        latched = bool(view and view.pen and view.pen.latched)
        if latched:
            await place.wait(lambda v: v.pen and v.pen.motion == "still", 2.0)
            demand(await place.reply("pen.reset"), "reset")
            await place.wait(lambda v: v.pen and not v.pen.latched, 2.0)
        view = place.view
        assert view is not None
        pen = view.pen
        assert pen is not None
        return {
            "address": pen.address,
            "pen": f"{pen.model} {pen.serial}",
            "was_latched": latched,
            "state": pen.state,
            "latched": pen.latched,
        }


@click.command(
    "accept-firmware",
    cls=Command,
    examples=("devicectl accept-firmware serial:///dev/ttyACM0",),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--take", is_flag=True, help="Take control although another program holds it (the pen must be still).")
@operator_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def accept_firmware(address: str, take: bool, who: SignIn | None, as_json: bool) -> None:
    """Say that the pen at ADDRESS was checked after its firmware changed; until then nothing can be started with it."""
    import asyncio

    from .output import print_json

    result = asyncio.run(_accept_firmware(address, take, who))
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['pen']}: firmware {result['firmware']} is accepted.")


async def _accept_firmware(address: str, take: bool, who: SignIn | None) -> dict[str, Any]:
    from drivers.address import parse_address

    from .pens import seat

    parse_address(address)
    async with seat("accept-firmware") as place:
        await place.sign_in(who)
        pen = await place.open(address, take=take)
        await place.ask("pen.accept_firmware")
        return {"address": pen.address, "pen": f"{pen.model} {pen.serial}", "firmware": pen.firmware}


@click.command(
    cls=Command,
    examples=("devicectl indicate serial:///dev/ttyACM0", "devicectl indicate tcp://127.0.0.1:7001 --json"),
)
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def indicate(address: str, as_json: bool) -> None:
    """Let the pen at ADDRESS blink or buzz, so that a person sees which one it is. Moves nothing."""
    import asyncio

    from .output import print_json

    asyncio.run(_indicate(address))
    if as_json:
        print_json({"address": address, "indicated": True})
    else:
        click.echo(f"{address} shows itself; look for the pen that blinks or buzzes.")


async def _indicate(address: str) -> None:
    from drivers.address import parse_address

    from .pens import demand, seat

    parse_address(address)
    async with seat("indicate") as place:
        demand(await place.reply("pen.indicate", address=address), "indicate")
