"""The serial ports of this machine and what the drivers say about them, and who is heard on the air.

Reads what the system knows and listens; opens nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from serial.tools import list_ports

from drivers.address import Address
from drivers.driver import PortFacts, PortMatch, installed_drivers
from drivers.portlock import holdings

if TYPE_CHECKING:
    from drivers.ble.find import Seen


@dataclass(frozen=True, slots=True)
class Found:
    """One port, or one device on the air. ``held`` names who holds it, empty when free.

    ``rssi`` is the strength in dBm with which it was heard, ``simulated`` what it advertises about itself.
    """

    address: str
    description: str
    matched: bool
    why: str
    held: str
    rssi: int | None = None
    simulated: bool = False


def scan_ports() -> list[Found]:
    """Every serial port with the verdict of the drivers, matched ones first."""
    held = {h.address.split("?")[0]: h.owner for h in holdings()}
    drivers = installed_drivers()
    found: list[Found] = []
    for port in list_ports.comports():
        facts = PortFacts(
            port.device, port.description or "", port.vid, port.pid, port.product or "", port.serial_number or ""
        )
        verdicts = [driver.match(facts) for driver in drivers if "serial" in driver.schemes]
        verdict = next((v for v in verdicts if v.matched), verdicts[0] if verdicts else PortMatch(False, "no driver"))
        address = Address("serial", port.device)
        found.append(Found(str(address), facts.description, verdict.matched, verdict.why, held.get(str(address), "")))
    return sorted(found, key=lambda f: (not f.matched, f.address))


async def hears(radio: str = "") -> None:
    """Listen for a moment, to know whether that is possible. Raises :class:`drivers.api.PenError` when it is not."""
    await _listen(radio, 0.1)


async def scan_air(radio: str = "") -> list[Found]:
    """Everything that advertises on the radio of this spec, empty for the computer's own: pens first, strong ones first.

    Takes about 2 s. Raises :class:`drivers.api.PenError` when there is nothing to listen with.
    """
    options = {"radio": radio} if radio else {}
    found = []
    for one in await _listen(radio, None):
        address = str(Address("ble", one.address.upper(), options))
        simulated = one.advertised is not None and one.advertised.simulated
        found.append(Found(address, one.name, one.matched, one.why, "", one.rssi, simulated))
    return found


async def _listen(radio: str, seconds: float | None) -> list[Seen]:
    # Bluetooth is loaded by those who use it only, and beside the loop, on which a pen may be running.
    await asyncio.to_thread(import_module, "drivers.ble.find")
    from drivers.ble.errors import refusal
    from drivers.ble.find import SCAN_S, scan
    from drivers.ble.radio import take_radio

    hold = await take_radio(radio)
    try:
        return await scan(hold.radio, SCAN_S if seconds is None else seconds)
    except Exception as error:
        raise refusal("Bluetooth", error) from error
    finally:
        await hold.release()
