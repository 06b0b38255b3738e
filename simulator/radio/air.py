"""The air between controllers: connection events, signal strength, range and loss, on the running loop's clock."""

from __future__ import annotations

import asyncio
import functools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.device import Device, DeviceConfiguration
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from .bumble_fixes import FixedController
from .options import INTERVAL
from .quick import QuickHost

SUPERVISION_TIMEOUT: Final = 0.72
WEAK_DBM: Final = -85.0
"""Below this signal packets begin to be lost."""
DEAF_DBM: Final = -95.0
"""At this signal and below nothing gets through."""
PDUS_PER_EVENT: Final = 6
"""Packets that one side can send in one connection event."""
_ESTABLISH_EVENTS: Final = 6
_TIMEOUT: Final = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_EARLY: Final = 1e-6
_WRITE_COMMAND: Final = 0x52
_ATT: Final = b"\x04\x00"


@dataclass
class Reception:
    """How one controller is heard, and hears: dBm, dB/s, chances 0 … 1, seconds."""

    rssi: float = -50.0
    fading: float = 0.0
    since: float = 0.0
    out_of_range: bool = False
    loss: float = 0.0
    delay: float = 0.0
    drop_commands: float = 0.0

    def signal(self, now: float) -> float:
        """dBm at loop time ``now``, never below the -127 that Bluetooth can express."""
        return max(-127.0, self.rssi - self.fading * (now - self.since)) if self.fading else self.rssi

    def heard(self, now: float) -> bool:
        """False when nothing gets through."""
        return not self.out_of_range and self.signal(now) > DEAF_DBM

    def lost(self, now: float) -> float:
        """Chance that one packet does not arrive at first."""
        weak = (WEAK_DBM - self.signal(now)) / (WEAK_DBM - DEAF_DBM)
        return max(self.loss, min(weak, 1.0))


CLEAR: Final = Reception()


class Side:
    """One end of a connection: whom it belongs to, and what waits there to be sent."""

    def __init__(self, controller: FixedController, address: hci.Address) -> None:
        self.controller = controller
        self.address = address
        self.queue: deque[tuple[float, Callable[[], None]]] = deque()
        self.closed = False
        self.other: Side
        self.wire: _Wire


class _Wire:
    """One connection: what either side has to say waits for the next connection event, and for the radio to be heard.

    Order is kept in each direction. The link layer sends again what was not heard, so nothing is lost on the way; what
    is silent for the supervision timeout is ended on both sides.
    """

    def __init__(self, air: Air, central: Side, peripheral: Side) -> None:
        self.sides = (central, peripheral)
        central.other, peripheral.other = peripheral, central
        central.wire = peripheral.wire = self
        self._air = air
        self._loop = asyncio.get_running_loop()
        self._anchor = self._loop.time()
        self._event: asyncio.TimerHandle | None = None
        self._supervision: asyncio.TimerHandle | None = None

    @property
    def heard(self) -> bool:
        now = self._loop.time()
        return all(not side.closed and self._air.reception(side.controller).heard(now) for side in self.sides)

    def send(self, side: Side, delay: float, deliver: Callable[[], None]) -> None:
        side.queue.append((self._loop.time() + delay, deliver))
        self._schedule()

    def _schedule(self) -> None:
        if self._event is not None or self._supervision is not None:
            return
        due = min((side.queue[0][0] for side in self.sides if side.queue), default=None)
        if due is None:
            return
        interval, at = self._air.interval, max(due, self._loop.time())
        if interval:
            at = self._anchor + (int((at - self._anchor + _EARLY) / interval) + 1) * interval
        self._event = self._loop.call_at(at, self._on_event)

    def _on_event(self) -> None:
        self._event = None
        now = self._loop.time()
        counts = [len(side.queue) for side in self.sides]
        for side, count in zip(self.sides, counts, strict=True):
            lost = max(self._air.reception(one.controller).lost(now) for one in self.sides)
            for _ in range(min(count, PDUS_PER_EVENT)):
                if not side.queue or side.queue[0][0] > now + _EARLY or (lost and self._air.random.random() < lost):
                    break
                _, deliver = side.queue.popleft()
                if not side.other.closed:
                    deliver()
        self._schedule()

    def look(self) -> None:
        """Reception has changed: watch a silent link, or go on with one that is heard again."""
        if self.heard:
            if self._supervision is not None:
                self._supervision.cancel()
                self._supervision = None
            self._schedule()
        elif self._supervision is None:
            self._supervision = self._loop.call_later(self._air.supervision_timeout, self.end)
            if self._event is not None:
                self._event.cancel()
                self._event = None

    def end(self, reason: int = _TIMEOUT) -> None:
        """End the connection on every side that still has it."""
        for handle in (self._event, self._supervision):
            if handle is not None:
                handle.cancel()
        for side in self.sides:
            connection = side.controller.le_connections.get(side.other.address)
            if connection is not None and not side.closed:
                side.controller.on_le_disconnected(connection, reason)
            side.queue.clear()

    def closed(self) -> None:
        """One side has ended: it has said so (then that is on its way), or it is gone."""
        if all(side.closed for side in self.sides):
            self.end()
        elif not any(side.closed and side.queue for side in self.sides):
            self.look()


class Air(LocalLink):
    """Everything that is on the air together; must be made while a loop runs.

    Args:
        interval: connection interval in s, 0.0075 … 4; 0 for no air time at all (for measurements). May be changed.
        supervision_timeout: s of silence after which a connection is ended. May be changed.
        seed: decides which packets are lost.

    ``drop`` is asked for each packet of data (name of the sending controller, L2CAP PDU): True loses it for good.
    """

    def __init__(
        self, *, interval: float = INTERVAL, supervision_timeout: float = SUPERVISION_TIMEOUT, seed: int = 0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.interval = interval
        self.supervision_timeout = supervision_timeout
        self.random = random.Random(f"air {seed}")
        self.drop: Callable[[str, bytes], bool] | None = None
        self.hosts = 0
        self._loop = asyncio.get_running_loop()
        self._sides: dict[Controller, dict[hci.Address, Side]] = {}
        self._receptions: dict[Controller, Reception] = {}

    # -- who is there ----------------------------------------------------------------------------------------------

    def controller(self, name: str, **options: Any) -> FixedController:
        """A new controller on this air, to be given a host; ``options`` are those of Bumble's controller."""
        controller = FixedController(name, link=self, **options)
        self._sides[controller] = {}
        return controller

    def device(self, name: str, address: str, title: str | None = None, **options: Any) -> Device:
        """A controller with a host of this process on it; ``title`` is the name that the device gives itself."""
        controller = self.controller(name, **options)
        host = QuickHost(controller, AsyncPipeSink(controller))
        return Device(config=DeviceConfiguration(name=title or name, address=hci.Address(address)), host=host)

    def unplug(self, controller: Controller) -> None:
        """Take a controller away from one moment to the next; those connected to it learn by their timeout."""
        controller.host = None
        self.fall_silent(controller)
        controller.le_legacy_advertiser.stop()
        self.controllers.discard(controller)
        self._sides.pop(controller, None)
        self._receptions.pop(controller, None)

    def fall_silent(self, controller: Controller, reason: int = hci.HCI_ErrorCode.HARDWARE_FAILURE_ERROR) -> None:
        """End every connection of ``controller`` on its side only, as a loss of power does."""
        for side in list(self._sides.get(controller, {}).values()):
            side.queue.clear()
            connection = controller.le_connections.get(side.other.address)
            if connection is not None:
                controller.on_le_disconnected(connection, reason)

    def cut(self, controller: Controller, reason: int = _TIMEOUT) -> None:
        """End every connection of ``controller`` on both sides at once."""
        for side in list(self._sides.get(controller, {}).values()):
            side.wire.end(reason)

    def side(self, controller: Controller, peer: hci.Address) -> Side | None:
        """This controller's end of its connection to ``peer``."""
        return self._sides.get(controller, {}).get(peer)

    def closed(self, controller: Controller, peer: hci.Address) -> None:
        """A controller has no connection to ``peer`` any more."""
        side = self._sides.get(controller, {}).pop(peer, None)
        if side is not None:
            side.closed = True
            side.wire.closed()

    # -- how it is heard -------------------------------------------------------------------------------------------

    def reception(self, controller: Controller) -> Reception:
        """How ``controller`` is heard now."""
        return self._receptions.get(controller, CLEAR)

    def receive(self, controller: Controller, reception: Reception) -> None:
        """Change how ``controller`` is heard; fading begins now."""
        now = self._loop.time()
        before = self.reception(controller)
        same = (reception.rssi, reception.fading) == (before.rssi, before.fading)
        reception.since = before.since if same else now
        self._receptions[controller] = reception
        self._look(controller)
        if reception.fading and reception.signal(now) > DEAF_DBM:
            deaf = reception.since + (reception.rssi - DEAF_DBM) / reception.fading
            self._loop.call_at(deaf + _EARLY, self._look, controller)

    def _look(self, controller: Controller) -> None:
        for side in list(self._sides.get(controller, {}).values()):
            side.wire.look()

    def rssi(self, one: Controller, other: Controller) -> float:
        """dBm of the signal between two controllers."""
        known = [self._receptions[end] for end in (one, other) if end in self._receptions] or [CLEAR]
        return min(end.signal(self._loop.time()) for end in known)

    def waiting(self, controller: Controller) -> int:
        """Packets of ``controller`` that have not got through yet."""
        return sum(len(side.queue) for side in self._sides.get(controller, {}).values())

    def _arrives(self, one: Controller, other: Controller) -> bool:
        """Whether an advertisement gets through; nobody sends it again."""
        now = self._loop.time()
        ends = (self.reception(one), self.reception(other))
        lost = max(end.lost(now) for end in ends)
        return all(end.heard(now) for end in ends) and not (lost and self.random.random() < lost)

    # -- what LocalLink is asked by controllers --------------------------------------------------------------------

    def send_advertising_pdu(self, sender_controller: Controller, packet: Any) -> None:
        """An advertisement to all who listen, or the answer to one that makes a connection."""
        if isinstance(packet, ll.ConnectInd):
            self._connect(sender_controller, packet)
            return
        for controller in self._sides:
            listens = controller.le_scan_enable or controller.pending_le_connection is not None
            if controller is not sender_controller and listens and self._arrives(sender_controller, controller):
                self._loop.call_soon(controller.hear, sender_controller, packet)  # type: ignore[attr-defined]

    def _connect(self, central: Controller, packet: ll.ConnectInd) -> None:
        for controller in self._sides:
            advertiser = controller.le_legacy_advertiser
            if advertiser.enabled and advertiser.address == packet.advertiser_address:
                one = Side(central, packet.initiator_address)  # type: ignore[arg-type]
                two = Side(controller, packet.advertiser_address)  # type: ignore[arg-type]
                wire = _Wire(self, one, two)
                self._sides[central][two.address], self._sides[controller][one.address] = one, two
                controller.on_le_connect_ind(packet)
                wire.look()
                return
        self._loop.call_later(self.interval * _ESTABLISH_EVENTS, self._not_established, central, packet)

    def _not_established(self, central: Controller, packet: ll.ConnectInd) -> None:
        connection = central.le_connections.get(packet.advertiser_address)
        if connection is not None and self.side(central, packet.advertiser_address) is None:
            central.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,  # noqa: ARG002
        data: bytes,
    ) -> None:
        """Data of a connection; it arrives with the address that the connection was made with."""
        side = self.side(sender_controller, destination_address)
        if side is None:
            return
        there = self.reception(side.other.controller)
        lost = self.drop is not None and self.drop(sender_controller.name, data)
        if not lost and there.drop_commands and data[2:4] == _ATT and data[4] == _WRITE_COMMAND:
            lost = self.random.random() < there.drop_commands
        if lost:
            side.controller.completed(destination_address)
            return
        delay = max(there.delay, self.reception(sender_controller).delay)
        side.wire.send(side, delay, functools.partial(self._deliver, side, data))

    @staticmethod
    def _deliver(side: Side, data: bytes) -> None:
        """Data has arrived, and its sender knows."""
        side.other.controller.on_link_acl_data(side.address, PhysicalTransport.LE, data)
        side.controller.completed(side.other.address)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """A message between the controllers of a connection, in its turn among the data."""
        for sides in self._sides.values():
            side = sides.get(receiver_address)
            if side is not None and side.address == sender_address:
                deliver = functools.partial(side.other.controller.on_ll_control_pdu, sender_address, packet)
                side.wire.send(side, 0.0, deliver)
                return
