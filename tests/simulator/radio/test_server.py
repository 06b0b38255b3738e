"""The radio in a process of its own: found by its second line, shared by hosts, and a host that is killed lets the pen go."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from bumble import hci
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.transport import open_transport
from support.air import Hand

from drivers.address import parse_address
from drivers.api import LinkRefused
from drivers.ble.forget import forget_bond
from drivers.penlink.gatt import BATTERY, BATTERY_LEVEL, SERVICE, Characteristic
from simulator.announce import announced
from simulator.radio.host import VirtualRadio, open_radio

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 30.0
CLIENT = """
import asyncio, sys
from bleak import BleakClient, BleakScanner
from simulator.radio.host import open_radio

async def main():
    radio = await open_radio(sys.argv[1])
    device = await BleakScanner.find_device_by_address(sys.argv[2], 20, backend=radio.scanner, **radio.options)
    async with BleakClient(device, backend=radio.client, **radio.options):
        print("connected", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _own_runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path / "run"))


class Pen:
    """``devicectl simulate ble`` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-P", "-m", "devicectl", "simulate", "ble", "--console", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT
        )
        self.address, self.radio = self.line(), self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, text: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> int:
        self.process.terminate()
        number = self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return number


@pytest.fixture
def pen() -> Iterator[Pen]:
    one = Pen("--interval", "7.5")
    yield one
    one.end()


@asynccontextmanager
async def radio_to(pen: Pen, options: str = "") -> AsyncIterator[VirtualRadio]:
    radio = await open_radio(pen.radio + options)
    try:
        yield radio
    finally:
        await radio.close()


async def find(radio: VirtualRadio, timeout: float = PATIENCE) -> BLEDevice | None:
    return await BleakScanner.find_device_by_filter(
        lambda _, data: SERVICE in data.service_uuids, timeout, backend=radio.scanner, **radio.options
    )


async def connected(radio: VirtualRadio, gone: asyncio.Event | None = None) -> BleakClient:
    device = await find(radio)
    assert device is not None
    callback = None if gone is None else (lambda _: gone.set())
    client = BleakClient(device, callback, backend=radio.client, **radio.options)
    await client.connect()
    return client


def client_of(pen: Pen) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLIENT, pen.radio, pen.address.removeprefix("ble://")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_both_lines_and_the_announcement_tell_where_it_is(pen: Pen) -> None:
    assert pen.address.startswith("ble://")
    assert pen.radio.startswith("tcp-client:127.0.0.1:")
    (told,) = announced()
    assert (told.address, told.radio, told.kind, told.pid) == (pen.address, pen.radio, "ble", pen.process.pid)


def test_json_says_it_on_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "devicectl", "simulate", "ble", "--json", "--socket", str(tmp_path / "hci")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["radio"], told["pid"]) == (f"unix:{tmp_path / 'hci'}", process.pid)
        assert os.stat(tmp_path / "hci").st_mode & 0o777 == 0o600
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert not (tmp_path / "hci").exists()


def test_a_place_in_use_is_refused_and_one_left_behind_is_taken(tmp_path: Path) -> None:
    place = str(tmp_path / "hci")
    first = Pen("--socket", place)
    command = [sys.executable, "-P", "-m", "devicectl", "simulate", "ble", "--socket", place]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False)
    assert done.returncode == 3
    assert "choose another place" in done.stderr
    first.process.kill()
    first.end()
    second = Pen("--socket", place)
    assert second.radio == f"unix:{place}"
    assert second.end() == 0


@pytest.mark.parametrize("place", ["tcp", "unix"])
async def test_driven_from_another_process(place: str, tmp_path: Path) -> None:
    pen = await asyncio.to_thread(Pen, *(("--socket", str(tmp_path / "hci")) if place == "unix" else ()))
    try:
        async with radio_to(pen) as radio:
            hand = Hand(await connected(radio))
            await hand.subscribe()
            await hand.page()
            await hand.client.pair()
            await hand.start(lease=1000)
            # On a machine that stands still for a second the lease is over by now.
            assert (await asyncio.to_thread(pen.do, "state")).split()[0] in ("RUNNING", "LEASE_EXPIRED")
            await hand.client.write_gatt_char(Characteristic.STOP.value, b"!", response=True)
            assert "STOPPED" in await asyncio.to_thread(pen.do, "state")
            await hand.client.disconnect()
    finally:
        assert await asyncio.to_thread(pen.end) == 0
    assert announced() == []


async def test_a_host_that_is_killed_lets_the_pen_go(pen: Pen) -> None:
    with client_of(pen) as client:
        assert client.stdout is not None
        assert await asyncio.to_thread(client.stdout.readline) == "connected\n"
        async with radio_to(pen) as radio:
            assert await find(radio, 1.0) is None, "a connected pen is not on the air"
            client.send_signal(signal.SIGKILL)
            assert await find(radio) is not None


async def test_a_simulator_that_is_killed_ends_the_connection(pen: Pen) -> None:
    gone = asyncio.Event()
    async with radio_to(pen) as radio:
        client = await connected(radio, gone)
        pen.process.kill()
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        assert not client.is_connected
        with pytest.raises(BleakError, match="no radio: the process that simulates the radio has ended"):
            await client.connect()
        with pytest.raises(BleakError, match="no radio"):
            await find(radio)


async def test_two_hosts_on_one_radio(pen: Pen) -> None:
    async with radio_to(pen) as first, radio_to(pen) as second:
        client = await connected(first)
        assert await find(second, 0.5) is None
        assert 0 < (await client.read_gatt_char(BATTERY_LEVEL))[0] <= 100
        await client.disconnect()
        other = await connected(second)
        await other.disconnect()


async def test_a_bond_in_a_file_is_there_the_next_time(pen: Pen, tmp_path: Path) -> None:
    options = f",bonds={tmp_path / 'bonds.json'}"
    for bonded in (False, True):
        async with radio_to(pen, options) as radio:
            assert bool(radio.bonds.held) is bonded
            hand = Hand(await connected(radio))
            await hand.page()
            if not bonded:
                await hand.client.pair()
            await hand.renew()  # needs encryption, which a bonded connection has from the start
            await hand.client.disconnect()
    assert os.stat(tmp_path / "bonds.json").st_mode & 0o777 == 0o600


async def test_a_bond_is_forgotten_by_its_address_alone(pen: Pen, tmp_path: Path) -> None:
    """The pen need not be in reach, and another process may do it: that is what ``devicectl forget`` is for."""
    options = f",bonds={tmp_path / 'bonds.json'}"
    async with radio_to(pen, options) as radio:
        client = await connected(radio)
        await client.pair()
        await client.disconnect()
    address = f"{pen.address.lower()}?radio={pen.radio}{options}".replace("ble:", "BLE:", 1)
    await forget_bond(parse_address(address))
    async with radio_to(pen, options) as radio:
        assert not radio.bonds.held


async def test_any_host_that_speaks_hci_can_use_it(pen: Pen) -> None:
    """Bumble's own host and transport stand for it: what a kernel does with an adapter on a serial line."""
    async with await open_transport(pen.radio) as transport:
        address = hci.Address("C0:00:00:00:00:42")
        device = Device.with_hci("stock", address, transport.source, transport.sink)
        await device.power_on()
        connection = await device.connect(hci.Address(pen.address.removeprefix("ble://")))
        peer = Peer(connection)
        await peer.discover_services()
        (battery,) = [one for one in peer.services if one.uuid == UUID(BATTERY)]
        (level,) = await battery.discover_characteristics()
        assert 0 < (await level.read_value())[0] <= 100
        await connection.disconnect()


async def test_garbage_on_the_socket_does_not_disturb(pen: Pen) -> None:
    _, _, port = pen.radio.rpartition(":")
    async with radio_to(pen) as radio:
        client = await connected(radio)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
        try:
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b"", "who does not speak HCI is dropped"
        except ConnectionError:
            pass
        writer.close()
        await client.read_gatt_char(BATTERY_LEVEL)
        await client.disconnect()


@pytest.mark.parametrize("spec", ["tcp-client:127.0.0.1:1", "tcp-client:nowhere", "unix:/nonexistent/hci"])
async def test_no_radio_there(spec: str) -> None:
    with pytest.raises(LinkRefused, match="devicectl simulate ble"):
        await open_radio(spec)


async def test_an_unknown_option_is_named() -> None:
    with pytest.raises(LinkRefused, match="colour is no option"):
        await open_radio("tcp-client:127.0.0.1:1,colour=red")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--address", "00:11:22:33:44:55"), "F0:50:45:4E:00:01"),
        (("--name", "x" * 30), "29 bytes"),
        (("--interval", "3"), "7.5"),
        (("--fault", "radio.gremlins"), "radio.out_of_range"),
    ],
)
def test_nonsense_is_told_in_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-P", "-m", "devicectl", "simulate", "ble", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
