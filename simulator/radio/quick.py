"""The short way for data between host and controller: Bumble's, without formatting each packet for a log nobody reads.

Everything but data goes Bumble's own way. A packet is completed when the other side has it, as on a real chip; Bumble's
controller says so at once, and a host that waits for it before it disconnects would wait for nothing.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final

from bumble import hci
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.host import Host

_ACL: Final = hci.HCI_ACL_DATA_PACKET
_HEADER: Final = struct.Struct("<BHH")
_LENGTH: Final = struct.Struct("<H")
_COMPLETED: Final = struct.Struct("<BBBBHH")
_COMPLETED_HEAD: Final = bytes((hci.HCI_EVENT_PACKET, hci.HCI_NUMBER_OF_COMPLETED_PACKETS_EVENT, 5, 1))
_L2CAP_HEADER: Final = 4
_NOTIFICATION: Final = b"\x04\x00\x1b"
"""Channel of ATT and opcode of a notification, as they stand behind the length."""
_FIRST: Final = 2
_CONTINUED: Final = 1


def _whole(packet: bytes) -> bytes | None:
    """The L2CAP PDU of a packet that holds all of it; None for parts."""
    flag = packet[2] >> 4 & 3
    if flag == _CONTINUED or len(packet) < _HEADER.size + _L2CAP_HEADER:
        return None
    data = packet[_HEADER.size :]
    return data if _LENGTH.unpack_from(data)[0] + _L2CAP_HEADER == len(data) else None


class QuickController(Controller):
    """The controller's end."""

    def on_packet(self, packet: bytes) -> None:
        """From the host."""
        if packet[0] != _ACL:
            super().on_packet(packet)
            return
        handle = _LENGTH.unpack_from(packet, 1)[0] & 0xFFF
        connection = self.find_le_connection_by_handle(handle)
        if connection is None:
            return
        pdu = _whole(packet)
        if pdu is not None:
            connection.on_acl_pdu(pdu)
            return
        connection.assembler.feed_packet(hci.HCI_AclDataPacket.from_bytes(packet))
        if connection.assembler.current_data is not None:
            self.completed(connection.peer_address)

    def completed(self, peer: hci.Address) -> None:
        """One packet to ``peer`` has left the controller's memory."""
        connection = self.le_connections.get(peer)
        if connection is not None:
            self._to_host(_COMPLETED.pack(*_COMPLETED_HEAD, connection.handle, 1))

    def on_link_acl_data(self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes) -> None:  # noqa: ARG002
        """From the air."""
        connection = self.le_connections.get(sender_address)
        if connection is not None:
            self._to_host(_HEADER.pack(_ACL, connection.handle | _FIRST << 12, len(data)) + data)

    def _to_host(self, packet: bytes) -> None:
        if self.host is not None:
            asyncio.get_running_loop().call_soon(self.host.on_packet, packet)


class QuickHost(Host):
    """The host's end.

    ``notified`` takes what is the bulk of the traffic, notifications: connection handle, attribute handle, value.
    """

    notified: Callable[[int, int, bytes], None] | None = None

    def on_packet(self, packet: bytes) -> None:
        """From the controller."""
        if not self.ready:
            super().on_packet(packet)
        elif packet[0] == _ACL:
            connection = self.connections.get(_LENGTH.unpack_from(packet, 1)[0] & 0xFFF)
            if connection is None:
                return
            pdu = _whole(packet)
            if pdu is not None and self.notified is not None and pdu[2:5] == _NOTIFICATION and len(pdu) >= 7:
                self.notified(connection.handle, pdu[5] | pdu[6] << 8, pdu[7:])
            elif pdu is not None:
                connection.on_acl_pdu(pdu)
            else:
                connection.on_hci_acl_data_packet(hci.HCI_AclDataPacket.from_bytes(packet))
        elif packet[:4] == _COMPLETED_HEAD:
            handle, count = struct.unpack_from("<HH", packet, 4)
            queue = self.get_data_packet_queue(handle)
            if queue is not None:
                queue.on_packets_completed(count, handle)
        else:
            super().on_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """To the controller."""
        if self.hci_sink is not None:
            self.hci_sink.on_packet(bytes(packet))
