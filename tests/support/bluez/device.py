"""One pen as BlueZ keeps it: being seen, connecting, pairing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from dbus_fast import Variant

from simulator.radio.backend import BumbleClient

from .gatt import Services
from .tree import Refused

if TYPE_CHECKING:
    from .daemon import Bluetoothd

DEVICE: Final = "org.bluez.Device1"
_DEVICE_NAME: Final = "00002a00-0000-1000-8000-00805f9b34fb"
_CONNECT_S: Final = 20.0


class Device:
    """A pen that was seen. ``client`` is the radio's end of it while there is a connection."""

    def __init__(self, daemon: Bluetoothd, path: str, seen: BLEDevice, data: AdvertisementData) -> None:
        self._daemon = daemon
        self.path = path
        self._seen = seen
        self.client: BumbleClient | None = None
        self.services = Services(daemon.tree, path, self._secure)
        self._work: asyncio.Task[None] | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        bonded = Variant("b", self.bonded)
        daemon.tree.add(
            path,
            DEVICE,
            {
                "Address": Variant("s", seen.address),
                "AddressType": Variant("s", "random"),
                "Name": Variant("s", data.local_name or ""),
                "Alias": Variant("s", data.local_name or seen.address.replace(":", "-")),
                "Paired": bonded,
                "Bonded": bonded,
                "Trusted": Variant("b", False),
                "Blocked": Variant("b", False),
                "LegacyPairing": Variant("b", False),
                "Connected": Variant("b", False),
                "UUIDs": Variant("as", data.service_uuids),
                "Adapter": Variant("o", daemon.adapter),
                "ServicesResolved": Variant("b", False),
                **_advertised(data),
            },
        )

    @property
    def bonded(self) -> bool:
        """True while there is a key for this pen."""
        return self._daemon.radio.bonds.find(str(self._seen.details)) is not None

    def _tell(self, **properties: Variant) -> None:
        self._daemon.tree.change(self.path, DEVICE, **properties)

    def heard(self, data: AdvertisementData) -> None:
        """Another advertisement."""
        more = (
            {"Name": Variant("s", data.local_name), "Alias": Variant("s", data.local_name)} if data.local_name else {}
        )
        self._tell(**_advertised(data), **more)

    # -- the connection

    async def call(self, member: str, sender: str) -> None:
        """A method of Device1."""
        if member == "Connect":
            await self._connect()
        elif member == "Disconnect":
            await self._disconnect()
        elif member == "Pair":
            await self._pair(sender)
        elif member == "CancelPairing":
            raise Refused("DoesNotExist", "Does Not Exist")
        else:
            raise Refused("org.freedesktop.DBus.Error.UnknownMethod", f"{member} is not known")

    async def _connect(self) -> None:
        if self.client is not None:
            return
        if self._work is not None:
            raise Refused("InProgress", "In Progress")
        if not self._daemon.powered:
            raise Refused("Failed", "Input/output error")
        self._work = asyncio.create_task(self._establish())
        try:
            await asyncio.wait({self._work})
            if self._work.cancelled():
                raise Refused("Failed", "Operation canceled")
            if (error := self._work.exception()) is not None:
                raise error
        finally:
            self._work = None

    async def _establish(self) -> None:
        client: BumbleClient = BumbleClient(
            self._seen,
            radio=self._daemon.radio,
            auto_pair=False,
            disconnected_callback=lambda: self._ended(client),
            timeout=_CONNECT_S,
        )
        try:
            await client.connect(False, timeout=_CONNECT_S)
        except TimeoutError:
            raise Refused("Failed", "le-connection-abort-by-local") from None
        except BleakError as error:
            if "bond lost" in str(error):
                # The kernel hangs up on a pen that has no key; the caller saw a connection come and go.
                self._tell(Connected=Variant("b", True))
                self._tell(Connected=Variant("b", False))
            raise Refused("Failed", "le-connection-abort-by-local") from None
        self.client = client
        assert client.services is not None
        if (named := client.services.get_characteristic(_DEVICE_NAME)) is not None:
            self._daemon.later(lambda: self._read_name(client, named))
        self._gone = asyncio.get_running_loop().create_future()
        self._tell(Connected=Variant("b", True))
        asyncio.get_running_loop().call_soon(self._resolve, client)

    async def _read_name(self, client: BumbleClient, named: BleakGATTCharacteristic) -> None:
        try:
            name = bytes(await client.read_gatt_char(named)).decode()
        except BleakError:
            return  # the link has ended meanwhile
        self._tell(Name=Variant("s", name), Alias=Variant("s", name))

    def _resolve(self, client: BumbleClient) -> None:
        if client is self.client:
            uuids = self.services.begin(client)
            self._tell(UUIDs=Variant("as", uuids), ServicesResolved=Variant("b", True))

    def _ended(self, client: BumbleClient) -> None:
        if client is not self.client:
            return
        self.client = None
        if not self._gone.done():
            self._gone.set_result(None)
        self.services.end()
        self._tell(ServicesResolved=Variant("b", False), Connected=Variant("b", False))

    async def _disconnect(self) -> None:
        if self._work is not None:
            await self._give_up(self._work)
            return
        client = self.client
        if client is not None:
            await asyncio.wait({self._gone}, timeout=self._daemon.grace_s)
            await client.disconnect()

    async def drop(self) -> None:
        """The end without grace: the adapter is switched off, or the pen is to be forgotten."""
        if self._work is not None:
            await self._give_up(self._work)
        if self.client is not None:
            await self.client.disconnect()

    @staticmethod
    async def _give_up(work: asyncio.Task[None]) -> None:
        work.cancel()
        await asyncio.wait({work})

    # -- pairing

    async def _pair(self, sender: str) -> None:
        if self.bonded:
            raise Refused("AlreadyExists", "Already Exists")
        if self.client is None:
            await self._connect()
        if not await self._bond(sender):
            raise Refused("AuthenticationFailed", "Authentication Failed")

    async def _bond(self, sender: str) -> bool:
        client = self.client
        if client is None:
            return False
        with self._daemon.agents.answering(sender, self.path) as agent:
            if agent is None:
                return False
            try:
                await client.pair()
            except BleakError:
                # Bluetooth asks for pairing that failed to be the end of the connection.
                self._daemon.later(client.disconnect)
                return False
        self._tell(Bonded=Variant("b", True), Paired=Variant("b", True))
        return True

    async def _secure(self) -> bool:
        return self.bonded or await self._bond("")

    async def unbond(self) -> None:
        """Forget the key."""
        await self._daemon.radio.bonds.delete(str(self._seen.details))


def _advertised(data: AdvertisementData) -> dict[str, Variant]:
    makers = {company: Variant("ay", value) for company, value in data.manufacturer_data.items()}
    return {"RSSI": Variant("n", data.rssi), "ManufacturerData": Variant("a{qv}", makers)}
