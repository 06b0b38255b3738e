"""A simulated pen on the air: advertising, the Penlink service, bonds and pairing."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Final

from bumble import att, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic as Attribute
from bumble.gatt import Service
from bumble.pairing import PairingConfig, PairingDelegate

from drivers.penlink import cobs
from drivers.penlink.frame import STOP
from drivers.penlink.gatt import (
    BATTERY,
    BATTERY_LEVEL,
    CARRIES,
    COMPANY,
    DEVICE_INFORMATION,
    SERVICE,
    Advertised,
    Characteristic,
)
from drivers.penlink.messages import PROTOCOL
from simulator.faults import QUIET, RadioFaults
from simulator.line import Line
from simulator.pen import SimulatedPen

from .air import Air, Reception
from .bonds import Bonds
from .bumble_fixes import FixedController, Passkey, Reader, honest_about_mitm, pair_again, value
from .options import PLAIN, RadioOptions, random_static

BONDS: Final = 4
TX_BUFFERS: Final = 16
"""Packets that the pen's radio holds; a notification that finds no room is lost, as on a real chip."""
SILENCED_LOOK_S: Final = 0.02
"""How often a question to a silenced pen is looked at again."""
_SIMULATED: Final = 1
_NOTIFY: Final = 0x1B
_INDICATE: Final = 0x1D
_TYPE_AT: Final = 1
_NOT_HERE: Final = 0x80
"""First application error of ATT: this message does not belong on this characteristic."""
_DIS: Final = {"manufacturer": 0x2A29, "model": 0x2A24, "serial": 0x2A25, "firmware": 0x2A26, "hardware": 0x2A27}
_SOFTWARE: Final = 0x2A28
_PNP_ID: Final = 0x2A50

_P, _MAY = Attribute.Properties, Attribute.Permissions
_HOW: Final = {
    Characteristic.FEATURES: _P.READ | _P.WRITE,
    Characteristic.CONTROL_POINT: _P.WRITE | _P.INDICATE,
    Characteristic.STOP: _P.WRITE | _P.WRITE_WITHOUT_RESPONSE,
    Characteristic.STATUS: _P.READ | _P.NOTIFY,
    Characteristic.TELEMETRY: _P.NOTIFY,
    Characteristic.LEASE: _P.WRITE_WITHOUT_RESPONSE,
    Characteristic.LOG: _P.NOTIFY,
}
_PROTECTED: Final = (Characteristic.CONTROL_POINT, Characteristic.LEASE)


class _Answer(PairingDelegate):
    """What the pen answers to who wants to pair."""

    def __init__(self, pen: RadioPen, connection: Connection) -> None:
        display = pen.options.pairing == "passkey"
        super().__init__(self.DISPLAY_OUTPUT_ONLY if display else self.NO_OUTPUT_NO_INPUT)
        self._pen = pen
        self._peer = str(connection.peer_address)

    async def accept(self) -> bool:
        faults = self._pen.faults
        refused = self._pen.options.pairing == "refuse" or faults.refuse_pairing
        return not refused and not faults.bonded_elsewhere

    async def generate_passkey(self) -> int:
        return Passkey(self._pen.options.passkey)


class RadioPen:
    """Puts a simulated pen on the air; :meth:`start` first, :meth:`close` at the end.

    ``lost`` counts notifications that were never sent, ``connection`` is the host's. Bonds are those of the pen's
    non-volatile memory, at most four. The pen does not own the :class:`~simulator.pen.SimulatedPen`.
    """

    def __init__(self, air: Air, pen: SimulatedPen, options: RadioOptions = PLAIN) -> None:
        self.air = air
        self.pen = pen
        self.options = options
        self.address = options.address or random_static(f"pen {pen.serial}")
        self.name = options.name or f"{pen.profile.model} {pen.serial}"
        self.faults: RadioFaults = QUIET
        self.connection: Connection | None = None
        self.lost = 0
        self.bonds = Bonds(pen.nvm.bonds, pen.nvm.save, BONDS)
        self.device = air.device(f"pen {pen.serial}", self.address, self.name)
        self.controller: FixedController = self.device.host.controller.sink  # type: ignore[union-attr]
        self._random = random.Random(f"radio {pen.seed}")
        self._line: Line | None = None
        self._partial = b""
        self._hello = b""
        self._held: list[bytes] = []
        self._charge = -1
        self._stranger: Device | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._attributes: dict[Characteristic, Attribute[bytes]] = {}
        self._build()

    # -- how it is built -------------------------------------------------------------------------------------------

    def _build(self) -> None:
        device = self.device
        device.keystore = self.bonds
        device.irk = self._random.randbytes(16)
        device.pairing_config_factory = self._pairing
        device.gatt_server.max_mtu = self.options.mtu
        honest_about_mitm(device, self.bonds.find)
        pair_again(device)
        device.on(Device.EVENT_CONNECTION, self._connected)
        level = value(self._read_battery)
        self._battery: Attribute[bytes] = Attribute(UUID(BATTERY_LEVEL), _P.READ | _P.NOTIFY, _MAY.READABLE, level)
        service = [self._attribute(one) for one in Characteristic]
        device.add_services(
            [
                Service(UUID(DEVICE_INFORMATION), self._information()),
                Service(UUID(BATTERY), [self._battery]),
                Service(UUID(SERVICE), service),
            ]
        )

    def _information(self) -> list[Attribute[bytes]]:
        profile = self.pen.profile
        texts = {_DIS[name]: str(getattr(profile, name)) for name in ("manufacturer", "model", "firmware", "hardware")}
        texts |= {_DIS["serial"]: self.pen.serial, _SOFTWARE: "simulated"}
        values = {number: text.encode() for number, text in texts.items()}
        values[_PNP_ID] = struct.pack("<BHHH", 1, COMPANY, profile.model_id, 1)
        return [
            Attribute(UUID.from_16_bits(number), _P.READ, _MAY.READABLE, value(lambda _, data=data: data))
            for number, data in values.items()
        ]

    def _attribute(self, which: Characteristic) -> Attribute[bytes]:
        readers: dict[Characteristic, Reader] = {
            Characteristic.FEATURES: self._read_features,
            Characteristic.STATUS: self._read_status,
        }
        writable = _HOW[which] & (_P.WRITE | _P.WRITE_WITHOUT_RESPONSE)

        def write(_: Connection, data: bytes) -> None:
            self._written(which, data)

        may = _MAY.READABLE | _MAY.WRITEABLE
        if which in _PROTECTED:
            may |= _MAY.WRITE_REQUIRES_ENCRYPTION
            if self.options.pairing == "passkey":
                may |= _MAY.WRITE_REQUIRES_AUTHENTICATION
        held = value(readers.get(which), write if writable else None)
        made = self._attributes[which] = Attribute(UUID(which.value), _HOW[which], may, held)
        return made

    def _pairing(self, connection: Connection) -> PairingConfig:
        mitm = self.options.pairing == "passkey"
        return PairingConfig(sc=True, mitm=mitm, bonding=True, delegate=_Answer(self, connection))

    # -- on the air ------------------------------------------------------------------------------------------------

    async def start(self) -> RadioPen:
        """Switch the radio on and advertise."""
        await self.device.power_on()
        await self._advertise()
        self.pen.attach_radio(self)
        return self

    async def _advertise(self) -> None:
        advertised = Advertised(PROTOCOL, self.pen.profile.model_id, _SIMULATED)
        interval = self.options.advertising_ms
        await self.device.start_advertising(
            auto_restart=True,
            advertising_data=bytes(
                AdvertisingData(
                    [
                        (AdvertisingData.FLAGS, b"\x06"),
                        (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, UUID(SERVICE).to_bytes()),
                        (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, struct.pack("<H", COMPANY) + advertised.pack()),
                    ]
                )
            ),
            scan_response_data=bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()[:29])])),
            advertising_interval_min=interval,
            advertising_interval_max=interval,
        )

    async def close(self) -> None:
        """Switch the radio off from one moment to the next; a host learns by its supervision timeout."""
        self._let_go()
        self._disconnected()
        self.air.unplug(self.controller)

    # -- what can be wrong -----------------------------------------------------------------------------------------

    def set_faults(self, faults: RadioFaults) -> None:
        """Take over what is wrong from now on."""
        self.faults = faults
        self.device.gatt_server.max_mtu = min(self.options.mtu, faults.mtu)
        self.air.receive(
            self.controller,
            Reception(
                rssi=faults.rssi,
                fading=faults.fading,
                out_of_range=faults.out_of_range,
                loss=faults.loss,
                delay=faults.delay,
                drop_commands=faults.drop_commands,
            ),
        )
        if faults.grabbed and self._stranger is None:
            self._stranger = self.air.device("stranger", random_static(f"stranger {self.address}"))
            self._begin(self._grab(self._stranger))
        elif not faults.grabbed and self._stranger is not None:
            self._let_go()

    def happen(self, moment: str) -> None:
        """A reboot, a broken connection, lost bonds."""
        if moment == "radio.forget":
            # Who deletes a bond ends the connection that was encrypted with it, as Bluetooth stacks do.
            self.bonds.forget_all()
            self.air.cut(self.controller, hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)
        elif moment == "radio.cut":
            self.air.cut(self.controller)
        elif moment == "reboot":
            self._disconnected()
            self.air.fall_silent(self.controller)

    async def _grab(self, stranger: Device) -> None:
        """Another host throws ours out and stays connected."""
        await stranger.power_on()
        if self.connection is not None:
            await self.connection.disconnect()
        await stranger.connect(hci.Address(self.address), timeout=None)

    def _let_go(self) -> None:
        stranger, self._stranger = self._stranger, None
        for job in tuple(self._jobs):
            job.cancel()
        if stranger is not None:
            controller = stranger.host.controller.sink  # type: ignore[union-attr]
            self.air.cut(controller)
            self.air.unplug(controller)

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._jobs.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            job.exception()

    # -- a host comes and goes -------------------------------------------------------------------------------------

    def _connected(self, connection: Connection) -> None:
        self.connection = connection
        connection.on(connection.EVENT_DISCONNECTION, lambda _: self._disconnected(connection))
        self._partial, self._held = b"", []
        self._line = self.pen.line(connection=True)
        self._line.attach(self._transmit, self._hang_up)

    def _disconnected(self, connection: Connection | None = None) -> None:
        if connection is not None and connection is not self.connection:
            return
        line, self._line, self.connection = self._line, None, None
        if line is not None:
            line.detach()

    def _hang_up(self, _: str) -> None:
        self.air.cut(self.controller)

    # -- from the host ---------------------------------------------------------------------------------------------

    def _written(self, which: Characteristic, data: bytes) -> None:
        if which is Characteristic.STOP:
            if not data:
                raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR)
            said = STOP
        elif len(data) <= _TYPE_AT or CARRIES.get(data[_TYPE_AT]) is not which:
            raise att.ATT_Error(_NOT_HERE)
        else:
            said = cobs.encode(data) + b"\x00"
        if self._line is not None:
            self._line.receive(said)

    def _read_features(self, _: Connection) -> bytes:
        return self._hello

    async def _read_status(self, connection: Connection) -> bytes:
        """STATUS of this instant; a pen that is silenced answers this question no more than any other."""
        while self._silenced and self.connection is connection:
            await asyncio.sleep(SILENCED_LOOK_S)
        return cobs.decode(self.pen.status()[:-1])

    @property
    def _silenced(self) -> bool:
        faults = self.pen.faults
        return faults.to_pen.silence or faults.from_pen.silence

    def _read_battery(self, _: Connection) -> bytes:
        return bytes((self._percent(),))

    def _percent(self) -> int:
        return max(0, min(100, round(self.pen.truth.battery)))

    # -- to the host -----------------------------------------------------------------------------------------------

    def _transmit(self, data: bytes) -> None:
        """Frames from the pen, each to its characteristic; a frame may come in parts."""
        *frames, self._partial = (self._partial + data).split(b"\x00")
        for frame in frames:
            try:
                inner = cobs.decode(frame)
            except cobs.CobsError:
                continue  # bent by a fault of the line
            which = CARRIES.get(inner[_TYPE_AT]) if len(inner) > _TYPE_AT else None
            if which is Characteristic.FEATURES:
                self._hello = inner
            elif which is Characteristic.CONTROL_POINT:
                self._indicate(inner)
            elif which is not None:
                self._notify(self._attributes[which], inner)
                if which is Characteristic.TELEMETRY:
                    self._look_at_battery()

    def _look_at_battery(self) -> None:
        charge = int(self.pen.physics.charge * 100 + 0.5)
        if charge != self._charge:
            self._charge = charge
            self._notify(self._battery, bytes((charge,)))

    def _subscribed(self, attribute: Attribute[bytes], bit: int) -> bool:
        connection = self.connection
        if connection is None:
            return False
        told = self.device.gatt_server.subscribers.get(connection, {}).get(attribute.handle)
        return bool(told and told[0] & bit)

    def _notify(self, attribute: Attribute[bytes], data: bytes) -> None:
        if not self._subscribed(attribute, 1):
            return
        dropped = self.faults.drop_notifications
        if self.air.waiting(self.controller) >= TX_BUFFERS or (dropped and self._random.random() < dropped):
            self.lost += 1
            return
        self._send(_NOTIFY, attribute, data)

    def _indicate(self, data: bytes) -> None:
        """One at a time: the next waits until the host has confirmed the one before."""
        attribute, server, connection = (
            self._attributes[Characteristic.CONTROL_POINT],
            self.device.gatt_server,
            self.connection,
        )
        if connection is None or not self._subscribed(attribute, 2):
            return
        if server.pending_confirmations[connection] is not None:
            self._held.append(data)
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        server.pending_confirmations[connection] = confirmed
        confirmed.add_done_callback(lambda _: self._confirmed(connection))
        self._send(_INDICATE, attribute, data)

    def _confirmed(self, connection: Connection) -> None:
        if connection is self.connection:
            self.device.gatt_server.pending_confirmations[connection] = None
            if self._held:
                self._indicate(self._held.pop(0))

    def _send(self, opcode: int, attribute: Attribute[bytes], data: bytes) -> None:
        connection = self.connection
        if connection is not None:
            # What is longer than the host's MTU is cut off, as any GATT server does.
            pdu = struct.pack("<BH", opcode, attribute.handle) + data[: connection.att_mtu - 3]
            self.device.send_l2cap_pdu(connection.handle, att.ATT_CID, pdu)
