"""The serial ports of this machine and what the drivers say about them. Reads what the system knows; opens nothing."""

from __future__ import annotations

from dataclasses import dataclass

from serial.tools import list_ports

from drivers.address import Address
from drivers.driver import PortFacts, PortMatch, installed_drivers
from drivers.portlock import holdings


@dataclass(frozen=True, slots=True)
class Found:
    """One port. ``held`` names who holds it, empty when free."""

    address: str
    description: str
    matched: bool
    why: str
    held: str


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
