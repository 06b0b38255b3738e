"""bleak on the virtual radio: a scanner and a client for ``BleakScanner(backend=…)`` and ``BleakClient(backend=…)``.

They take the radio as the keyword argument ``radio`` (:attr:`~simulator.radio.host.VirtualRadio.options`). As on
BlueZ, a protected characteristic makes the client pair by itself, the disconnected callback is called for our own
disconnect too, and a bond that one side has lost ends the connection. What a person may have to act on is told in
:class:`bleak.exc.BleakError` as ``pairing failed: REASON`` and ``bond lost: REASON``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci, smp
from bumble.core import AdvertisingData as Ad
from bumble.device import Advertisement, Connection, Device, Peer

from .bumble_fixes import LinkGone, whole
from .host import MTU

if TYPE_CHECKING:
    from .host import VirtualRadio

T = TypeVar("T")
_PAIR_S: Final = 30.0
_BUFFERED: Final = 48
_SECURITY: Final = (att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR, att.ATT_INSUFFICIENT_ENCRYPTION_ERROR)
_UUID_LISTS: Final = (
    (Ad.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
    (Ad.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
    (Ad.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
    (Ad.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
)


def _uuid(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-") if len(uuid.uuid_bytes) != 2 else uuid.to_hex_str())


def _read(found: Advertisement) -> AdvertisementData:
    """An advertisement and its scan response in bleak's form."""
    data = found.data
    uuids = [
        _uuid(core.UUID.from_bytes(held[at : at + size]))
        for kind, size in _UUID_LISTS
        for held in data.get_all(kind, raw=True)
        for at in range(0, len(held), size)
    ]
    name = data.get(Ad.COMPLETE_LOCAL_NAME, raw=True) or data.get(Ad.SHORTENED_LOCAL_NAME, raw=True)
    makers = data.get_all(Ad.MANUFACTURER_SPECIFIC_DATA, raw=True)
    return AdvertisementData(
        local_name=name.decode("utf-8", "replace") if name else None,
        manufacturer_data={int.from_bytes(one[:2], "little"): bytes(one[2:]) for one in makers},
        service_data={},
        service_uuids=list(dict.fromkeys(uuids)),
        tx_power=None,
        rssi=found.rssi,
        platform_data=(found,),
    )


class BumbleScanner(BaseBleakScanner):
    """Scans on a :class:`~simulator.radio.host.VirtualRadio`."""

    def __init__(
        self,
        detection_callback: Any,
        service_uuids: Any,
        scanning_mode: str = "active",
        *,
        radio: VirtualRadio,
        **_: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._radio = radio
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        """Begin. Raises :class:`BleakError` when the radio has gone."""
        _present(self._radio)
        self.seen_devices = {}
        self._radio.device.on(Device.EVENT_ADVERTISEMENT, self._seen)
        await self._radio.scan(True, self._active)

    async def stop(self) -> None:
        """End; devices seen so far stay known."""
        self._radio.device.remove_listener(Device.EVENT_ADVERTISEMENT, self._seen)
        await self._radio.scan(False, self._active)

    def _seen(self, found: Advertisement) -> None:
        data = _read(found)
        if self.is_allowed_uuid(data.service_uuids):
            address = found.address.to_string(with_type_qualifier=False)
            device = self.create_or_update_device(address, address, data.local_name, found.address, data)
            self.call_detection_callbacks(device, data)


def _present(radio: VirtualRadio) -> None:
    if radio.gone.done():
        raise BleakError(f"no radio: {radio.gone.result()}")


class BumbleClient(BaseBleakClient):
    """One connection over a :class:`~simulator.radio.host.VirtualRadio`."""

    def __init__(self, target: BLEDevice | str, *, radio: VirtualRadio, auto_pair: bool = True, **options: Any) -> None:
        options.pop("services", None)
        super().__init__(target, **options)
        self._radio = radio
        self._auto_pair = auto_pair
        known = isinstance(target, BLEDevice)
        self._peer_address: hci.Address | None = target.details if known else None  # type: ignore[union-attr]
        self._name: str | None = target.name if known else None  # type: ignore[union-attr]
        self._connection: Connection | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """Advertised name, else the address."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU in bytes."""
        return self._connection.att_mtu if self._connection is not None else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """True from a successful :meth:`connect` to the end of the connection."""
        return self._connection is not None

    # -- connect and disconnect ------------------------------------------------------------------------------------

    async def connect(self, pair: bool, **options: Any) -> None:
        """Connect, encrypt if bonded, exchange the MTU, discover. Raises ``TimeoutError`` and :class:`BleakError`."""
        if self.is_connected:
            raise BleakError("Client is already connected")
        _present(self._radio)
        try:
            async with asyncio.timeout(options.get("timeout", self._timeout)):
                await self._open(await self._find())
                connection = self._connection
                if connection is None:
                    raise BleakError("disconnected")
                if self._radio.bonds.find(str(connection.peer_address)) is not None:
                    await self._encrypt(connection)
                elif pair:
                    await self.pair()
                self._peer = Peer(connection)
                await self._ask(self._peer.request_mtu(MTU))
                await self._ask(self._peer.discover_all())  # type: ignore[no-untyped-call]
                self.services = self._map_services()
        except BaseException:
            await self.disconnect()
            raise

    async def _find(self) -> hci.Address:
        """As BlueZ, this radio connects to what a scan has seen."""
        if self._peer_address is None:
            seen: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

            def look(device: BLEDevice, _: AdvertisementData) -> None:
                if device.address.upper() == self.address.upper() and not seen.done():
                    seen.set_result(device)

            scanner = BumbleScanner(look, None, radio=self._radio)
            scanner.register_detection_callback(look)
            await scanner.start()
            try:
                device = await asyncio.wait_for(seen, self._timeout * 0.9)
            except TimeoutError:
                raise BleakDeviceNotFoundError(self.address, f"Device {self.address} was not found.") from None
            finally:
                await scanner.stop()
            self._peer_address, self._name = device.details, device.name
        assert self._peer_address is not None
        return self._peer_address

    async def _open(self, address: hci.Address) -> None:
        """One attempt at a time: a controller has room for one."""
        device = self._radio.device
        async with self._radio.connecting:
            job = asyncio.ensure_future(device.connect(address, timeout=None))
            try:
                either: set[asyncio.Future[Any]] = {job, self._radio.gone}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                _present(self._radio)
                connection = job.result()
            except asyncio.CancelledError:
                await self._call_off(job)
                raise
            except core.BaseBumbleError as error:
                raise BleakError(f"connecting failed: {error}") from error
        self._gone = asyncio.get_running_loop().create_future()
        self._connection = connection
        connection.on(connection.EVENT_DISCONNECTION, lambda _: self._ended(connection))

    async def _call_off(self, job: asyncio.Future[Connection]) -> None:
        """Leave no half-made connection in the controller."""
        if not job.done():
            try:
                await self._radio.device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
            except hci.HCI_Error:
                pass  # it was made in this very moment
        await asyncio.wait([job], timeout=1.0)
        if job.done() and not job.cancelled() and job.exception() is None:
            await job.result().disconnect()
        job.cancel()

    def _map_services(self) -> BleakGATTServiceCollection:
        out = BleakGATTServiceCollection()
        for service in self._peer.services:
            one = BleakGATTService(service, service.handle, _uuid(service.uuid))
            out.add_service(one)
            for held in service.characteristics:
                held.descriptors_discovered = True
                properties = sorted(gatt_char_props_to_strs(held.properties))
                characteristic = BleakGATTCharacteristic(
                    held, held.handle, _uuid(held.uuid), properties, lambda: self.mtu_size - 3, one
                )
                out.add_characteristic(characteristic)
                for descriptor in held.descriptors:
                    out.add_descriptor(
                        BleakGATTDescriptor(descriptor, descriptor.handle, _uuid(descriptor.type), characteristic)
                    )
        return out

    def _ended(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connection = self.services = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if self._disconnected_callback:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        """End the connection; nothing happens when there is none."""
        connection = self._connection
        if connection is not None:
            try:
                await self._ask(connection.disconnect())
            except BleakError:
                pass  # it has ended by itself meanwhile

    # -- requests --------------------------------------------------------------------------------------------------

    async def _ask(self, request: Coroutine[Any, Any, T]) -> T:
        """One procedure with bleak's errors, never left half way and never longer than the connection."""
        gone = self._gone
        if self._connection is None or gone is None:
            request.close()
            raise BleakError("Not connected")
        try:
            return await whole(request, gone)
        except LinkGone:
            raise BleakError("disconnected") from None
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except core.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error

    async def _secure(self, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """As :meth:`_ask`; when the pen asks for security, pair and try once more."""
        try:
            return await self._ask(request())
        except BleakGATTProtocolError as error:
            if not self._auto_pair or error.args[0] not in _SECURITY:
                raise
        await self.pair()
        return await self._ask(request())

    async def _encrypt(self, connection: Connection) -> None:
        try:
            await self._ask(connection.encrypt())
        except BleakError as error:
            cause = error.__cause__
            if isinstance(cause, hci.HCI_Error):
                raise BleakError(f"bond lost: {hci.HCI_ErrorCode(cause.error_code or 0).name}") from error
            raise

    async def pair(self, *_: Any, **__: Any) -> None:
        """Bond with the pen; returns at once when that is done. Raises :class:`BleakError`."""
        connection = self._connection
        if connection is None:
            raise BleakError("Not connected")
        if connection.is_encrypted and self._radio.bonds.find(str(connection.peer_address)) is not None:
            return
        try:
            async with asyncio.timeout(_PAIR_S):  # Bumble has no time limit of its own
                await self._ask(connection.pair())
        except TimeoutError:
            raise BleakError("pairing failed: TIMEOUT") from None
        except BleakError as error:
            cause = error.__cause__
            if isinstance(cause, core.ProtocolError) and cause.error_namespace == "smp":
                raise BleakError(f"pairing failed: {smp.ErrorCode(cause.error_code or 0).name}") from error
            raise

    async def unpair(self) -> None:
        """Forget the bond on this side, and disconnect."""
        known = str(self._peer_address) if self._peer_address is not None else self.address.upper()
        await self._radio.bonds.delete(known)
        await self.disconnect()

    # -- GATT ------------------------------------------------------------------------------------------------------

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_: Any) -> bytearray:
        """The whole value, however long."""
        return bytearray(await self._secure(characteristic.obj.read_value))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_: Any) -> bytearray:
        """The whole value."""
        return bytearray(await self._secure(descriptor.obj.read_value))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
        """Write; without response it is only handed to the radio. Raises :class:`BleakError` when it does not fit."""
        value = bytes(data)
        if response:
            await self._secure(lambda: characteristic.obj.write_value(value, True))
            return
        connection = self._connection
        if connection is None:
            raise BleakError("Not connected")
        if len(value) > self.mtu_size - 3:
            raise BleakError(f"{len(value)} bytes do not fit a write command at MTU {self.mtu_size}")
        await characteristic.obj.write_value(value, False)
        queue = self._radio.device.host.get_data_packet_queue(connection.handle)
        if queue is not None and queue.pending > _BUFFERED:
            await self._ask(queue.drain(connection.handle))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Write with response."""
        await self._secure(lambda: descriptor.obj.write_value(bytes(data), True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **_: Any
    ) -> None:
        """Subscribe; an exception of ``callback`` goes to the loop's handler."""
        loop = asyncio.get_running_loop()

        def take(data: bytes) -> None:
            try:
                callback(bytearray(data))
            except Exception as error:
                loop.call_exception_handler({"message": "a notification's callback failed", "exception": error})

        await self._secure(lambda: characteristic.obj.subscribe(take))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        await self._ask(characteristic.obj.unsubscribe())
