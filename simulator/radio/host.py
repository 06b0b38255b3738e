"""A host on the virtual radio: the radio that bleak is given, in this process or over a socket to another one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bumble import core, hci
from bumble.device import Device, DeviceConfiguration
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import PacketParser

from drivers.api import LinkRefused

from .air import Air
from .bonds import BondFile
from .bumble_fixes import FixedController, Passkey, honest_about_mitm
from .quick import QuickHost

if TYPE_CHECKING:
    from .backend import BumbleClient, BumbleScanner

MTU: Final = 517
_OPEN_S: Final = 5.0
AskPasskey = Callable[[], Awaitable[int | None]]


class _Delegate(PairingDelegate):
    """A host with a keyboard: it types what the pen shows, and pairs without a question with a pen that shows nothing."""

    def __init__(self, radio: VirtualRadio) -> None:
        super().__init__(self.KEYBOARD_INPUT_ONLY)
        self._radio = radio

    async def get_number(self) -> int | None:
        ask = self._radio.ask_passkey
        number = await ask() if ask is not None else None
        return Passkey(number) if number is not None else None


class VirtualRadio:
    """One host with its bonds; satisfies ``drivers.ble.radio.Radio``.

    ``ask_passkey`` gives the six digits that a pen shows, or None to give up; without it pairing with a passkey fails.
    ``gone`` is done when the radio has gone away under its users, with a sentence.
    """

    def __init__(self, device: Device, bonds: BondFile, close: Callable[[], None]) -> None:
        from .backend import BumbleClient, BumbleScanner

        self.device = device
        self.bonds = bonds.bonds
        self.ask_passkey: AskPasskey | None = None
        self.scanner: type[BumbleScanner] = BumbleScanner
        self.client: type[BumbleClient] = BumbleClient
        self.options: Mapping[str, Any] = {"radio": self}
        self.connecting = asyncio.Lock()
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._close = close
        self._scans = 0
        device.keystore = self.bonds
        device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=True, bonding=True, delegate=_Delegate(self)
        )
        honest_about_mitm(device, self.bonds.find)
        if isinstance(device.host, QuickHost):
            device.host.notified = self._notified

    @classmethod
    async def on(cls, air: Air, address: str | None = None, bonds: Path | None = None) -> VirtualRadio:
        """A host in this process. ``bonds`` is a JSON file that holds its address and bonds, None for memory."""
        air.hosts += 1
        file = BondFile(bonds, address or f"C0:00:00:00:00:{air.hosts:02X}")
        device = air.device(f"host {air.hosts}", file.address)
        controller: FixedController = device.host.controller.sink  # type: ignore[union-attr]
        radio = cls(device, file, lambda: air.unplug(controller))
        await device.power_on()
        return radio

    def _notified(self, handle: int, attribute: int, value: bytes) -> None:
        connection = self.device.connections.get(handle)
        if connection is not None and connection.gatt_client is not None:
            for subscriber in tuple(connection.gatt_client.notification_subscribers.get(attribute, ())):
                if callable(subscriber):
                    subscriber(value)

    async def scan(self, on: bool, active: bool) -> None:
        """Count who scans; the first one begins, the last one ends it."""
        self._scans += 1 if on else -1
        if on and self._scans == 1:
            await self.device.start_scanning(active=active, filter_duplicates=False)
        elif not on and self._scans == 0 and not self.gone.done():
            await self.device.stop_scanning()

    def lose(self, reason: str) -> None:
        """The adapter is no longer there: every connection ends now."""
        if self.gone.done():
            return
        self.gone.set_result(reason)
        host = self.device.host
        host.on_transport_lost()  # type: ignore[no-untyped-call]
        for handle in tuple(host.connections):
            host.on_hci_disconnection_complete_event(
                hci.HCI_Disconnection_Complete_Event(
                    status=hci.HCI_SUCCESS,
                    connection_handle=handle,
                    reason=hci.HCI_ErrorCode.HARDWARE_FAILURE_ERROR,
                )
            )

    async def close(self) -> None:
        """Disconnect from every pen and let the adapter go; safe to call twice."""
        if not self.gone.done():
            for connection in list(self.device.connections.values()):
                try:
                    async with asyncio.timeout(1.0):
                        await connection.disconnect()
                except (TimeoutError, core.BaseBumbleError, asyncio.CancelledError):
                    pass  # the link may end by itself meanwhile
        self.lose("the radio was closed")
        self._close()


class _Socket(asyncio.Protocol):
    """HCI over a stream: both a packet source and a packet sink of Bumble's."""

    def __init__(self) -> None:
        self.parser = PacketParser()
        self.terminated: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_lost: Callable[[], None] = lambda: None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def set_packet_sink(self, sink: Any) -> None:
        self.parser.set_packet_sink(sink)

    def on_packet(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except core.InvalidPacketError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self.on_lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_radio(spec: str) -> VirtualRadio:
    """The radio of a simulator in another process: ``tcp-client:127.0.0.1:9300`` or ``unix:/path``.

    Options follow after commas: ``bonds=FILE`` (JSON; in memory otherwise), ``address=C0:…``, ``passkey=123456``.
    Raises :class:`drivers.api.LinkRefused` with what to do.
    """
    scheme, _, rest = spec.partition(":")
    where, *pairs = rest.split(",")
    options = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    if unknown := set(options) - {"bonds", "address", "passkey"}:
        raise LinkRefused(f"{spec!r}: {sorted(unknown)[0]} is no option of a radio; known are bonds, address, passkey.")
    wire = await _connect(spec, scheme, where)
    try:
        own = options.get("address") or _own_address()
        file = BondFile(Path(options["bonds"]) if options.get("bonds") else None, own)
        host = QuickHost(wire, wire)
        device = Device(config=DeviceConfiguration(name="host", address=hci.Address(file.address)), host=host)
        radio = VirtualRadio(device, file, wire.close)
        wire.on_lost = lambda: radio.lose("the process that simulates the radio has ended")
        if options.get("passkey"):
            number = int(options["passkey"])

            async def known() -> int:
                return number

            radio.ask_passkey = known
        async with asyncio.timeout(_OPEN_S):
            await device.power_on()
    except asyncio.CancelledError:
        wire.close()
        raise
    except (TimeoutError, OSError, ValueError, core.BaseBumbleError) as error:
        wire.close()
        raise LinkRefused(
            f"The radio {spec} does not answer as one ({str(error) or 'no answer'}); check its address."
        ) from error
    return radio


def _own_address() -> str:
    number = secrets.randbits(46) | 3 << 46
    return ":".join(f"{byte:02X}" for byte in number.to_bytes(6, "big"))


async def _connect(spec: str, scheme: str, where: str) -> _Socket:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_OPEN_S):
            if scheme == "unix":
                _, wire = await loop.create_unix_connection(_Socket, where)
            else:
                name, _, port = where.rpartition(":")
                _, wire = await loop.create_connection(_Socket, name or "127.0.0.1", int(port))
    except (OSError, TimeoutError, ValueError, OverflowError) as error:
        raise LinkRefused(
            f"There is no radio at {spec} ({getattr(error, 'strerror', None) or str(error) or 'no answer'}); "
            "start one with 'devicectl simulate ble' and use the address on its second line.",
            "radio-absent",
        ) from error
    return wire
