"""What a driver package registers: a name, the addresses it opens, and which ports look like its pens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from drivers.address import Address
from drivers.api import API_VERSION, Pen, PenError

GROUP = "devicectl.drivers"


@dataclass(frozen=True, slots=True)
class PortFacts:
    """What the system says about a serial port without opening it."""

    device: str
    description: str
    vid: int | None
    pid: int | None
    product: str
    serial: str


@dataclass(frozen=True, slots=True)
class PortMatch:
    """Whether a driver takes a port for one of its pens, and why or why not."""

    matched: bool
    why: str


@dataclass(frozen=True, slots=True)
class Driver:
    """One kind of pen. ``open`` makes a pen object and touches nothing; ``match`` judges a port unopened."""

    name: str
    api: int
    schemes: frozenset[str]
    open: Callable[[Address], Pen]
    match: Callable[[PortFacts], PortMatch]


class NoDriver(PenError):
    """No installed driver takes this address."""

    code = "no-driver"


def installed_drivers() -> list[Driver]:
    """Every registered driver of this interface version, ours first. One that cannot be loaded is skipped."""
    found: list[Driver] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name != "penlink", p.name)):
        try:
            driver = point.load()
        except Exception:  # a third party's broken package must not take ours down
            continue
        if isinstance(driver, Driver) and driver.api == API_VERSION:
            found.append(driver)
    return found


def open_pen(address: Address) -> Pen:
    """A pen object for an address, by the first driver that takes its scheme. Raises :class:`NoDriver`."""
    for driver in installed_drivers():
        if address.scheme in driver.schemes:
            return driver.open(address)
    raise NoDriver(f"{address}: no installed driver opens {address.scheme}:// addresses; see 'devicectl doctor'.")
