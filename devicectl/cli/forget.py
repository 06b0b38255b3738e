"""``devicectl forget``: the way out of a bond that only one side still knows."""

from __future__ import annotations

import click

from .app import Command
from .radio import ADDRESS, radio_option


@click.command(cls=Command, examples=("devicectl forget ble://F0:50:45:4E:00:01",))
@click.argument("address", type=ADDRESS)
@radio_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forget(address: str, as_json: bool) -> None:
    """Forget the bond with the Bluetooth pen at ADDRESS, so that it can be paired with anew.

    Starts nothing and does not touch the pen: it must not be in use. On macOS the system's settings do this.
    """
    import asyncio

    from drivers.address import parse_address

    from .failures import Failure
    from .output import print_json

    place = parse_address(address)
    if place.scheme != "ble":
        raise Failure(f"{place}: only pens on the air have a bond; there is nothing to forget.", "no-bond")
    from drivers.ble.forget import forget_bond
    from drivers.portlock import lock_port

    lock = lock_port(place, "devicectl forget")
    try:
        asyncio.run(forget_bond(place))
    finally:
        lock.release()
    if as_json:
        print_json({"address": str(place), "forgotten": True})
    else:
        click.echo(f"{place}: its bond is forgotten here; the next command that needs control pairs anew.")
