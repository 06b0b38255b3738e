"""Looking for pens on the air: who advertises, what they say about themselves, and which one an address means.

A pen is known by its service UUID and its manufacturer data, never by its name alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bleak import BleakAdapter
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from drivers.address import BadAddress, is_bluetooth, parse_address
from drivers.api import LinkRefused, NotAPen, WrongProtocol
from drivers.penlink.gatt import COMPANY, SERVICE, Advertised
from drivers.penlink.messages import PROTOCOL
from drivers.portlock import PortHeld, holdings

from .ear import listening
from .errors import sentence_for
from .radio import Radio

SCAN_S: Final = 2.0
FIND_S: Final = 6.0
NAMESAKE_S: Final = 1.0
"""How long a second pen of the same name is waited for; pens advertise several times a second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One device on the air. ``rssi`` in dBm; ``advertised`` is None for what is no pen; ``why`` gives the reason."""

    address: str
    name: str
    rssi: int
    advertised: Advertised | None
    matched: bool
    why: str
    device: BLEDevice


def judge(device: BLEDevice, data: AdvertisementData) -> Seen:
    """What an advertisement makes of a device."""
    services = [uuid.lower() for uuid in data.service_uuids]
    raw = data.manufacturer_data.get(COMPANY)
    advertised = Advertised.unpack(raw) if raw is not None else None
    name = data.local_name or device.name or ""
    if SERVICE not in services:
        why = f"it advertises {len(services)} services, the Penlink service is not among them"
        advertised = None
    elif advertised is None:
        why = "it advertises the Penlink service but no model id, so it is not taken for a pen"
    elif advertised.protocol != PROTOCOL:
        why = f"it speaks version {advertised.protocol} of Penlink, this program {PROTOCOL}; update one of them"
    else:
        why = f"it advertises the Penlink service and model {advertised.model_id:#06x}"
        return Seen(device.address, name, data.rssi, advertised, True, why, device)
    return Seen(device.address, name, data.rssi, advertised, False, why, device)


def _join(before: Seen | None, now: Seen) -> Seen:
    """What one device said over several advertisements: name and services may come in different packets."""
    if before is None or now.matched or not before.matched:
        if before is not None and not now.name:
            return Seen(now.address, before.name, now.rssi, now.advertised, now.matched, now.why, now.device)
        return now
    return Seen(before.address, now.name or before.name, now.rssi, before.advertised, True, before.why, now.device)


async def _listen(radio: Radio, seconds: float, enough: Callable[[dict[str, Seen]], float | None]) -> dict[str, Seen]:
    """Scan for ``seconds`` at most. ``enough`` is asked after each advertisement how many seconds more are needed."""
    loop = asyncio.get_running_loop()
    seen: dict[str, Seen] = {}
    end = loop.time() + seconds
    news = asyncio.Event()

    def heard(device: BLEDevice, data: AdvertisementData) -> None:
        nonlocal end
        seen[device.address] = _join(seen.get(device.address), judge(device, data))
        more = enough(seen)
        if more is not None:
            end = min(end, loop.time() + more)
            news.set()

    async with listening(radio, heard):
        while (left := end - loop.time()) > 0:
            news.clear()
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                break
    return seen


async def scan(radio: Radio, seconds: float = SCAN_S) -> list[Seen]:
    """Everything that advertises within ``seconds``, pens first, the strongest first. Raises what bleak raises."""
    seen = await _listen(radio, seconds, lambda _: None)
    return sorted(seen.values(), key=lambda one: (not one.matched, -one.rssi, one.address))


async def find(radio: Radio, where: str, address: str, seconds: float = FIND_S) -> BLEDevice:
    """The pen that ``where``, a Bluetooth address or an advertised name, means; ``address`` is for the sentences.

    Raises :class:`LinkRefused` when it is not on the air or when two pens have that name, :class:`NotAPen` when what is
    at the address is no pen, :class:`PortHeld` when a program here holds it by another name, and what bleak raises.
    """
    if is_bluetooth(where):
        return await _find_address(radio, where, address, seconds)
    found_at: float | None = None
    loop = asyncio.get_running_loop()

    def namesakes(seen: dict[str, Seen]) -> float | None:
        nonlocal found_at
        if found_at is None and any(one.matched and one.name == where for one in seen.values()):
            found_at = loop.time()
            return NAMESAKE_S
        return None

    seen = await _listen(radio, seconds, namesakes)
    named = [one for one in seen.values() if one.name == where]
    pens = [one for one in named if one.matched]
    if len(pens) > 1:
        addresses = ", ".join(f"ble://{one.address}" for one in sorted(pens, key=lambda one: one.address))
        raise LinkRefused(
            f"{address}: {len(pens)} pens have this name; choose one by its address: {addresses}.", "same-name"
        )
    if pens:
        return pens[0].device
    if named:
        raise _no_pen(address, named[0])
    return await _connected(radio, where, address)


async def _find_address(radio: Radio, where: str, address: str, seconds: float) -> BLEDevice:
    key = where.upper()

    def there(seen: dict[str, Seen]) -> float | None:
        one = next((one for one in seen.values() if one.address.upper() == key), None)
        return None if one is None else 0.0 if one.matched else NAMESAKE_S

    seen = await _listen(radio, seconds, there)
    one = next((one for one in seen.values() if one.address.upper() == key), None)
    if one is None:
        return await _connected(radio, where, address)
    if not one.matched:
        raise _no_pen(address, one)
    return one.device


def _no_pen(address: str, one: Seen) -> NotAPen | WrongProtocol:
    text = f"{address}: what is there is no pen for this program: {one.why}; run 'devicectl scan --explain'."
    return NotAPen(text) if one.advertised is None else WrongProtocol(text)


async def _connected(radio: Radio, where: str, address: str) -> BLEDevice:
    """A pen that the system still holds for a program that crashed does not advertise, but the system knows it."""
    device = await in_use(radio, where, address)
    if device is None:
        raise LinkRefused(sentence_for(address, "pen-not-found"), "pen-not-found")
    return device


async def in_use(radio: Radio, where: str, address: str) -> BLEDevice | None:
    """The pen that the system is connected to and that ``where`` means, None when there is none or nobody can tell.

    Raises :class:`PortHeld` when a program here holds it by another address than ``address``. The system shares one
    connection between programs: HELLO of the second would end the run of the first, and its end the link.
    """
    if radio.scanner is not None:
        return None
    try:
        async with asyncio.timeout(2.0):
            devices = await (await BleakAdapter.get()).get_connected_devices([SERVICE])
    except Exception:  # the platform cannot tell; then nothing is known but that nobody was heard
        return None
    device = next((one for one in devices if where.upper() == one.address.upper() or where == one.name), None)
    if device is not None:
        for holding in await asyncio.to_thread(holdings):
            if holding.address != address and _means(holding.address, device):
                raise PortHeld(
                    f"{address}: {holding.owner} (process {holding.pid}) holds this pen as {holding.address}; 'devicectl "
                    "stop' still stops it, close that program to use it."
                )
    return device


def _means(text: str, device: BLEDevice) -> bool:
    try:
        held = parse_address(text)
    except BadAddress:
        return False
    own = held.scheme == "ble" and "radio" not in held.options
    return own and held.where in (device.address.upper(), device.name)
