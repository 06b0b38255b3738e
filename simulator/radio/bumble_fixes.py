"""What Bumble 0.0.236 does otherwise than a Bluetooth controller or host would, put right in this one place.

Each has a test in ``tests/simulator/radio/test_bumble_fixes.py`` that fails when Bumble mends it. Not here, because our
own code goes around them: the source address of ACL data and the lack of air time (:mod:`.air`), notifications that
queue without bound and exceptions that vanish in ``notify_subscribers`` (:mod:`.pen` sends by itself).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bumble import att, hci, ll, smp
from bumble.controller import Connection as LinkConnection
from bumble.controller import Controller
from bumble.device import Connection, Device
from bumble.gatt import CharacteristicValue
from bumble.keys import PairingKeys

from .quick import QuickController

if TYPE_CHECKING:
    from .air import Air

# It logs what any radio meets, with a traceback on standard error, and formats every packet for a log nobody reads.
logging.getLogger("bumble").setLevel(logging.CRITICAL)

T = TypeVar("T")

ACL_BYTES: Final = 251
"""Longest packet between host and controller. Bumble's own 27 cuts each value into pieces and costs four times the time."""
UNITS_PER_S: Final = 800
"""Connection intervals are told in 1.25 ms."""


class LinkGone(Exception):
    """The connection ended while something was asked of the other side."""


async def whole(request: Coroutine[Any, Any, T], gone: asyncio.Future[Any]) -> T:
    """Run one ATT or SMP procedure to its end even if the caller is cancelled, and no longer than the connection.

    A request that Bumble's client is made to abandon leaves its answer to the next one; on a link loss Bumble cancels
    the caller, and lets who waited for his turn wait 30 s. Raises :class:`LinkGone`.
    """
    job = asyncio.ensure_future(request)
    job.add_done_callback(_taken)
    try:
        await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        gone.add_done_callback(lambda _: job.cancel())
        raise
    if job.done() and not job.cancelled():
        return job.result()
    job.cancel()
    raise LinkGone


def _taken(job: asyncio.Future[Any]) -> None:
    if not job.cancelled():
        job.exception()


def honest_about_mitm(device: Device, keys_of: Callable[[str], PairingKeys | None]) -> None:
    """Let ``connection.authenticated`` be true for a key made with a passkey only: Bumble says so of any encryption.

    ``keys_of`` gives the stored keys of a peer by its address.
    """

    def connected(connection: Connection) -> None:
        def paired(keys: PairingKeys | None) -> None:
            connection.authenticated = bool(keys and keys.ltk and keys.ltk.authenticated)

        def encrypted() -> None:
            paired(keys_of(str(connection.peer_address)))

        connection.on(connection.EVENT_PAIRING, paired)
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, encrypted)

    device.on(Device.EVENT_CONNECTION, connected)


def pair_again(device: Device) -> None:
    """Let a second pairing on one connection begin anew: Bumble hands it to the first one's session, which is over."""
    manager = device.smp_manager
    take = manager.on_smp_pdu

    def on_smp_pdu(connection: Connection, pdu: bytes) -> None:
        if pdu[:1] == bytes((smp.CommandCode.PAIRING_REQUEST,)) and (old := manager.sessions.get(connection.handle)):
            old.on_disconnection(0)
        take(connection, pdu)

    manager.on_smp_pdu = on_smp_pdu  # type: ignore[method-assign]


class Passkey(int):
    """A passkey that is there: Bumble takes 000000 for none."""

    def __bool__(self) -> bool:
        return True


Reader = Callable[[Connection], bytes] | Callable[[Connection], Awaitable[bytes]]


def value(
    read: Reader | None = None,
    write: Callable[[Connection, bytes], None] | None = None,
) -> CharacteristicValue[bytes]:
    """A value that refuses what it does not offer. Bumble does not answer such a request at all."""

    def not_readable(_: Connection) -> bytes:
        raise att.ATT_Error(att.ATT_READ_NOT_PERMITTED_ERROR)

    def not_writable(_: Connection, __: bytes) -> None:
        raise att.ATT_Error(att.ATT_WRITE_NOT_PERMITTED_ERROR)

    return CharacteristicValue(read=read or not_readable, write=write or not_writable)


class FixedController(QuickController):
    """A Bluetooth 4.2 controller on an :class:`~simulator.radio.air.Air`.

    * It does not claim extended advertising and LL privacy: with them Linux waits for events that Bumble never sends.
    * A cancelled connection attempt ends, instead of coming true when the pen advertises again.
    * A scan response is the advertiser's own, and only for those who ask; signal strength is the air's.
    * Interval and supervision timeout are told as they are.
    * A reset ends what was going on.
    """

    link: Air
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
        | hci.LeFeatureMask.LL_PRIVACY
    )
    le_acl_data_packet_length = ACL_BYTES

    def hear(self, advertiser: Controller, pdu: ll.AdvInd) -> None:
        """An advertisement has arrived."""
        if self.le_scan_enable:
            rssi = round(self.link.rssi(self, advertiser))
            self._report(pdu.advertiser_address, 0x00, pdu.data, rssi)
            if self.le_scan_type == 1:
                self._report(pdu.advertiser_address, 0x04, advertiser.le_legacy_advertiser.scan_response_data, rssi)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, address: hci.Address, kind: int, data: bytes, rssi: int) -> None:
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind, address_type=address.address_type, address=address, data=data, rssi=rssi
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Fall silent: whoever was connected learns by its timeout."""
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.le_legacy_advertiser.stop()
        self.link.fall_silent(self)
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """End the attempt, and say so to the host as a connection that failed."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        failed = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, failed)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_read_rssi_command(self, command: hci.HCI_Read_RSSI_Command) -> hci.HCI_Read_RSSI_ReturnParameters:
        """Signal strength of a connection; Bumble lists this command and does not have it."""
        connection = self.find_le_connection_by_handle(command.handle)
        side = self.link.side(self, connection.peer_address) if connection else None
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS if side else hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            handle=command.handle,
            rssi=round(self.link.rssi(self, side.other.controller)) if side else 127,
        )

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Bumble takes the interval, which comes in 0.625 ms, for milliseconds."""
        answer = super().on_hci_le_set_advertising_parameters_command(command)
        self.le_legacy_advertiser.advertising_interval_min = max(20, round(command.advertising_interval_min * 0.625))
        return answer

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """To the host; the parameters of a connection are those of the air, whatever was asked for."""
        kinds = (hci.HCI_LE_Connection_Complete_Event, hci.HCI_LE_Connection_Update_Complete_Event)
        if isinstance(packet, kinds) and packet.status == hci.HCI_ErrorCode.SUCCESS:
            packet.connection_interval = max(6, round(self.link.interval * UNITS_PER_S))
            packet.supervision_timeout = round(self.link.supervision_timeout * 100)
        super().send_hci_packet(packet)

    def on_le_disconnected(self, connection: LinkConnection, reason: int) -> None:
        """Tell host and air; a second end of the same connection is none."""
        if self.le_connections.get(connection.peer_address) is connection:
            super().on_le_disconnected(connection, reason)
            self.link.closed(self, connection.peer_address)
