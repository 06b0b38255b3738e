"""A pen over Bluetooth Low Energy as a byte pipe: Penlink's frames are put on GATT characteristics and taken off them.

STOP and lease renewals are writes without response and wait for no request. Why things are as they are stands in
docs/decisions/0008-ble-link-and-pairing.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from drivers.api import LinkLost, LinkRefused, NotAPen, NotSent, Outcome, Reason, Rejected, Result
from drivers.link import OnData, OnLost
from drivers.penlink import cobs
from drivers.penlink.frame import STOP
from drivers.penlink.gatt import ACCESS, CARRIES, CHANNELS, PROBE, SERVICE, Characteristic
from drivers.penlink.messages import BY_CLASS, HelloRequest, Lease
from drivers.tap import Tap, Way

from .errors import code_of, hung_up, refusal, sentence, sentence_for, untrusted
from .find import find
from .pairing import PAIR_S, pair
from .radio import PasskeySource, Radio, RadioHold, take_radio
from .requests import REQUEST_S, Gone, Job, Requests

CONNECT_S: Final = 10.0
CLOSE_S: Final = 3.0
ASK_S: Final = 1.0
"""Silence after which STATUS is read: the heartbeat."""
LOST_S: Final = 3.0
"""Silence after which the link counts as lost, whatever the system says: a dead bluetoothd tells nobody."""
COMMAND_WAIT_S: Final = 0.4
"""How long a command may wait for a request in progress. Control takes it for never sent 0.5 s after it was given."""
STOPS_AT_ONCE: Final = 4
STOP_OUT_S: Final = 0.2
"""How long a STOP may take to leave the radio: three of the longest connection intervals."""

_HELLO_REQUEST: Final = BY_CLASS[HelloRequest].code
_LEASE: Final = BY_CLASS[Lease].code
_HEARD: Final = (Characteristic.STATUS, Characteristic.TELEMETRY, Characteristic.LOG)
_STACK_GONE: Final = frozenset({"no-bluetoothd", "no-dbus", "bluetooth-off", "link-lost"})
log = logging.getLogger("devicectl.ble")


@dataclass(slots=True)
class Target:
    """Which pen is meant, for all the links of one pen object.

    ``where`` is a Bluetooth address or an advertised name. A name is looked for once: afterwards ``where`` is the
    address it led to, so that a reconnect never ends at another pen of that name. ``spec`` names the radio, empty for
    the system's own. ``names`` are all that the pen was found to answer to. ``leaving`` is the end of the link before,
    which the next one waits for.
    """

    where: str
    spec: str = ""
    names: frozenset[str] = frozenset()
    leaving: asyncio.Task[None] | None = field(default=None, repr=False)


class BleLink:
    """A :class:`drivers.link.SecuredLink` to the pen of a :class:`Target`.

    ``radio`` is used as it is and left open; without it the radio of ``target.spec`` is taken and given back.
    ``passkey`` is asked when the pen wants one.
    """

    def __init__(
        self, address: str, target: Target, *, radio: Radio | None = None, passkey: PasskeySource | None = None
    ) -> None:
        self.address = address
        self.tap: Tap | None = None
        self.on_refused: Callable[[Outcome], None] = lambda outcome: None
        self._target = target
        self._radio = radio
        self._used: Radio | None = None
        self._passkey = passkey
        self._hold: RadioHold | None = None
        self._client: BleakClient | None = None
        self._chars: dict[Characteristic, BleakGATTCharacteristic] = {}
        self._up = False
        self._secured = False
        self._on_data: OnData | None = None
        self._on_lost: OnLost | None = None
        self._stops: set[asyncio.Task[None]] = set()
        self._lease: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._leased_at = float("-inf")
        self._stopped_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    # -- opening

    async def open(self, on_data: OnData, on_lost: OnLost) -> None:
        """Find the pen, connect, read STATUS, subscribe. Raises :class:`PenError` with the next step.

        Needs no bond and moves nothing.
        """
        self._loop = asyncio.get_running_loop()
        self._requests = Requests(self._job_failed)
        await self._before()
        self._on_data, self._on_lost = on_data, on_lost
        try:
            await self._connect()
            # What the pen does now comes first, before anything is asked of it.
            await self._requests.run(self._read(Characteristic.STATUS))
            for kind in _HEARD:
                await self._requests.run(self._subscribe(kind))
            if self._requests.down:
                raise Gone
        except BaseException as error:
            self._on_data = self._on_lost = None
            await self._left()
            if isinstance(error, Gone):
                raise LinkLost(sentence_for(self.address, "link-lost")) from error
            if not isinstance(error, Exception):
                raise
            raise refusal(self.address, error) from error
        self._up = True
        self._requests.start()
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(ASK_S / 2, self._watch)

    async def _connect(self) -> None:
        radio = self._radio
        if radio is None:
            self._hold = await take_radio(self._target.spec)
            radio = self._hold.radio
        self._used = radio
        device = await find(radio, self._target.where, self.address)
        self._client = client = BleakClient(
            device,
            disconnected_callback=lambda _: self._lose(sentence_for(self.address, "link-lost")),
            timeout=CONNECT_S,
            backend=radio.client,
            **radio.options,
        )
        try:
            async with asyncio.timeout(CONNECT_S + CLOSE_S):
                await client.connect()
        except Exception as error:
            if hung_up(device, error):
                raise LinkRefused(sentence_for(self.address, "hung-up"), "hung-up") from error
            raise
        self._target.names |= {self._target.where, device.address} | ({device.name} if device.name else set())
        self._target.where = device.address
        self._chars = self._resolve(client)

    def _resolve(self, client: BleakClient) -> dict[Characteristic, BleakGATTCharacteristic]:
        service = client.services.get_service(SERVICE)
        found: dict[Characteristic, BleakGATTCharacteristic] = {}
        for kind, access in ACCESS.items():
            char = service.get_characteristic(kind.value) if service is not None else None
            if char is None or not set(access.properties) <= set(char.properties):
                raise NotAPen(
                    f"{self.address}: the pen lacks a part of Penlink over BLE ({kind.name.lower().replace('_', ' ')}); "
                    "update its firmware, or forget it in the system's Bluetooth settings if it was updated just now."
                )
            found[kind] = char
        return found

    # -- single steps, each one or two requests

    async def _read(self, kind: Characteristic) -> None:
        self._value(kind, await self._there().read_gatt_char(self._chars[kind]))

    async def _subscribe(self, kind: Characteristic) -> None:
        await self._there().start_notify(self._chars[kind], lambda _, value: self._value(kind, value))

    async def _write(self, kind: Characteristic, value: bytes, *, response: bool) -> None:
        client, char = self._there(), self._chars[kind]
        if not response and len(value) > char.max_write_without_response_size:
            raise BleakError(f"{len(value)} bytes do not fit a write without response to {kind.name}")
        stop = kind is Characteristic.STOP
        # A request is told of before its answer can come; STOP is first of all sent.
        if self.tap is not None and not stop:
            self.tap.passed(Way.OUT, CHANNELS[kind], value)
        await client.write_gatt_char(char, value, response=response)
        if self.tap is not None and stop:
            self.tap.passed(Way.OUT, CHANNELS[kind], value, True)

    def _there(self) -> BleakClient:
        if self._client is None:
            raise Gone
        return self._client

    async def _hello(self, inner: bytes) -> None:
        await self._write(Characteristic.FEATURES, inner, response=True)
        await self._read(Characteristic.FEATURES)

    async def _command(self, inner: bytes, until: float) -> None:
        if self._loop.time() > until:
            log.warning("%s: a command waited too long and was not sent", self.address)
            return
        if not self._secured:
            # A system that pairs by itself would repeat the command after it: nothing is sent before pairing.
            self.on_refused(NotSent("the pen obeys only a computer that it is paired with; pair first."))
            return
        await self._write(Characteristic.CONTROL_POINT, inner, response=True)

    def _job_failed(self, job: Job, error: Exception) -> None:
        if isinstance(error, Gone):
            job.fail(LinkLost(sentence_for(self.address, "link-lost")))
        else:
            job.fail(error)
        if isinstance(error, Gone | TimeoutError):
            return self._lose(sentence_for(self.address, "link-lost" if isinstance(error, Gone) else "no-answer"))
        if job.kind == "command" and untrusted(error):
            return self._untrusted()
        if job.done is None:
            log.warning("%s: a request failed: %s", self.address, error)
        if code_of(error) in _STACK_GONE:
            self._lose(sentence(self.address, error))

    # -- values from the pen

    def _value(self, kind: Characteristic, value: bytes | bytearray) -> None:
        if self._on_data is not None:
            self._heard_at = self._loop.time()
            if self.tap is not None:
                self.tap.passed(Way.IN, CHANNELS[kind], bytes(value))
            self._on_data(cobs.encode(bytes(value)) + b"\x00")

    def _watch(self) -> None:
        self._timer = self._loop.call_later(ASK_S / 2, self._watch)
        silent = self._loop.time() - self._heard_at
        if silent > LOST_S:
            self._lose(
                f"{self.address}: the pen says nothing for {LOST_S:.0f} s although Bluetooth calls it connected; bring it "
                "near, the link is tried again."
            )
        elif silent > ASK_S and not self._requests.waits("heartbeat"):
            self._requests.put(Job(partial(self._read, Characteristic.STATUS), "heartbeat"))

    # -- bytes to the pen

    def write(self, data: bytes) -> None:
        """Put each frame on its characteristic. Commands go before queries; a lease renewal waits for nothing."""
        if not self._up:
            return
        for piece in data.split(b"\x00"):
            if piece:
                self._put(cobs.decode(piece))

    def _put(self, inner: bytes) -> None:
        kind = inner[1]
        carrier = CARRIES[kind]
        if kind == _LEASE:
            if self._secured and self.idle:
                self._leased_at = self._loop.time()
                self._lease = self._loop.create_task(self._at_once(Characteristic.LEASE, inner))
        elif carrier is Characteristic.CONTROL_POINT:
            until = self._loop.time() + COMMAND_WAIT_S
            self._requests.put(Job(partial(self._command, inner, until), "command", urgent=True))
        elif kind == _HELLO_REQUEST:
            self._requests.put(Job(partial(self._hello, inner)))
        else:
            self._requests.put(Job(partial(self._write, carrier, inner, response=True)))

    async def _at_once(self, kind: Characteristic, value: bytes) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                await self._write(kind, value, response=False)
        except Gone:
            return
        except Exception as error:
            if self._on_lost is not None:
                log.warning("%s: %s could not be written: %s", self.address, kind.name, error)
                self._lose(sentence(self.address, error))

    def write_stop(self, data: bytes) -> bool:
        """Drop a command that waits, and write Stop without response in the next turn of the loop, behind no request."""
        # Possible as soon as the pen's characteristics are known, while the rest of the link is still being made ready.
        if self._client is None or not self._chars or self._requests.down:
            return False
        if self._requests.take("command"):
            self.on_refused(NotSent("nothing was sent: STOP came in between; try again."))
        if len(self._stops) >= STOPS_AT_ONCE:
            return False
        self._stopped_at = self._loop.time()
        task = self._loop.create_task(self._at_once(Characteristic.STOP, data))
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)
        return True

    @property
    def idle(self) -> bool:
        """True when a lease renewal would leave at once; requests in progress do not hold it up."""
        return self._lease is None or self._lease.done()

    # -- being trusted

    @property
    def secured(self) -> bool:
        """True once the pen was seen to accept commands over this connection."""
        return self._secured

    async def secure(self) -> None:
        """Have a bonded, encrypted link: pair if need be, then ask the pen whether it accepts it. Sends no command.

        Raises :class:`PenError` when the pen or the system refuses; reading and STOP go on.
        """
        if self._secured:
            return
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._up or not self._requests.put(Job(self._pair, "pair", True, PAIR_S, done)):
            raise LinkLost(sentence_for(self.address, "link-lost"))
        try:
            await done
        except TimeoutError as error:
            raise LinkRefused(sentence_for(self.address, "pairing-timeout"), "pairing-timeout") from error

    async def _pair(self) -> None:
        async def probe() -> None:
            await self._subscribe(Characteristic.CONTROL_POINT)
            await self._write(Characteristic.CONTROL_POINT, PROBE, response=True)

        if not self._secured:
            assert self._used is not None
            await pair(self.address, self._there(), self._used, self._passkey, probe)
            self._secured = self._up

    def _untrusted(self) -> None:
        """The bond or the encryption is gone: control ends here, and so does a lease that may still run."""
        self._secured = False
        text = sentence_for(self.address, "bond-lost")
        self.on_refused(Rejected(Result.DENIED, Reason.NONE, text.removeprefix(f"{self.address}: ")))
        if self._loop.time() - self._leased_at < LOST_S:
            self.write_stop(STOP)
        self._lose(text)

    # -- the end

    def _lose(self, reason: str) -> None:
        """The connection is gone, or not worth having. Also called for a disconnect of our own: nobody listens then."""
        self._requests.stop()
        on_lost, self._on_lost, self._on_data = self._on_lost, None, None
        if on_lost is None or not self._up:
            return
        self._up = False
        self._target.leaving = self._loop.create_task(self._leave())
        on_lost(reason)

    async def _leave(self) -> None:
        """Disconnect and give the radio back. Every step has its deadline, and nothing is raised."""
        self._up = self._secured = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._requests.stop()
        for job in self._requests.take():
            job.fail(LinkLost(sentence_for(self.address, "link-lost")))
        if self._stops:
            await asyncio.wait(set(self._stops), timeout=CLOSE_S)
        # A disconnect drops what the radio still holds: a STOP that was handed over gets the time to go out.
        await asyncio.sleep(max(0.0, self._stopped_at + STOP_OUT_S - self._loop.time()))
        client, self._client = self._client, None
        if client is not None:
            await self._quietly(client.disconnect())
        await self._requests.finish(CLOSE_S)
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.release()

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await work
        except Exception as error:
            log.debug("%s: disconnecting: %s", self.address, error)

    async def _before(self) -> None:
        """Wait for the end of the link before this one."""
        leaving = self._target.leaving
        if leaving is not None and not leaving.done():
            await asyncio.wait({leaving}, timeout=3 * CLOSE_S)

    async def _left(self) -> None:
        """The end, to its end: a caller that is cancelled must not leave a connection behind."""
        await self._before()
        task = self._target.leaving = self._loop.create_task(self._leave())
        await asyncio.shield(task)

    async def close(self) -> None:
        """Disconnect; ``on_lost`` is not called. Returns when the pen can be connected anew, or after some seconds."""
        self._on_data = self._on_lost = None
        if self._client is not None or self._hold is not None:
            await self._left()
        else:
            await self._before()
