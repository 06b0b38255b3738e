"""SerialLink on real pseudo-terminals and real sockets, where mocks would prove nothing."""

import asyncio
import errno
import fcntl
import os
import resource
import socket
import struct
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.address import parse_address
from drivers.api import Action, Command, Confirmed, LinkRefused, Lost, PenInput, Unknown
from drivers.driver import open_pen
from drivers.links.serial import KERNEL_BYTES, PortSettings, SerialLink, explain_refusal, refusal_code
from drivers.penlink.frame import STOP
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort
from simulator.tcp import TcpPort


class Host:
    """A link and what it told."""

    def __init__(self, url: str, settings: PortSettings | None = None, kind: type[SerialLink] = SerialLink) -> None:
        self.link = kind(f"test:{url}", url, settings)
        self.data = bytearray()
        self.lost: list[str] = []

    async def open(self) -> SerialLink:
        await self.link.open(self.data.extend, self.lost.append)
        return self.link

    async def has(self, wanted: bytes, seconds: float = 2.0) -> None:
        async with asyncio.timeout(seconds):
            while bytes(self.data) != wanted:
                await asyncio.sleep(0.001)

    async def is_lost(self, seconds: float = 2.0) -> str:
        async with asyncio.timeout(seconds):
            while not self.lost:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        [reason] = self.lost
        return reason


def fill(fd: int) -> None:
    """Write until the system takes no more."""
    for _ in range(10_000):
        try:
            os.write(fd, b"\x55" * 1024)
        except BlockingIOError:
            return
    raise AssertionError("it takes whatever one writes")


class Terminal:
    """The pen's end of a PTY, read and written by hand."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)

    def read(self) -> bytes:
        out = b""
        while True:
            try:
                out += os.read(self.master, 65_536)
            except BlockingIOError:
                return out

    async def gets(self, wanted: bytes, seconds: float = 2.0) -> None:
        out = b""
        async with asyncio.timeout(seconds):
            while len(out) < len(wanted):
                out += self.read()
                await asyncio.sleep(0.001)
        assert out == wanted

    def vanish(self) -> None:
        for name in ("master", "slave"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.vanish()


@asynccontextmanager
async def responsive(limit: float = 0.25) -> AsyncIterator[list[float]]:
    """Fails when the loop was held up for longer than ``limit`` seconds, or used the processor nearly all the time."""
    delays: list[float] = []
    loop = asyncio.get_running_loop()

    async def beat() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            delays.append(loop.time() - before - 0.005)

    task = loop.create_task(beat())
    begin, used = loop.time(), resource.getrusage(resource.RUSAGE_SELF)
    try:
        yield delays
    finally:
        task.cancel()
    after = resource.getrusage(resource.RUSAGE_SELF)
    busy = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    assert max(delays) < limit
    if loop.time() - begin > 0.4:
        assert busy < 0.7 * (loop.time() - begin)


# -- serial ------------------------------------------------------------------------------------------------------------


async def test_data_goes_both_ways_and_all_256_values(terminal: Terminal) -> None:
    host = Host(terminal.path)
    link = await host.open()
    assert link.idle
    everything = bytes(range(256)) * 4
    link.write(everything[:100])
    link.write(everything[100:])
    await terminal.gets(everything)
    assert link.idle
    os.write(terminal.master, everything)
    await host.has(everything)
    await link.close()
    await link.close()
    assert not host.lost


@pytest.mark.parametrize("settings", [PortSettings(dtr=False, rts=False), PortSettings(9600, True, True)])
async def test_control_lines_that_a_port_does_not_have_are_no_error(terminal: Terminal, settings: PortSettings) -> None:
    host = Host(terminal.path, settings)
    link = await host.open()
    link.write(b"x")
    await terminal.gets(b"x")
    assert termios.tcgetattr(terminal.slave)[4] == (termios.B9600 if settings.baud == 9600 else termios.B115200)
    await link.close()


async def test_a_vanished_end_is_told_once_with_the_next_step(terminal: Terminal) -> None:
    host = Host(terminal.path)
    link = await host.open()
    terminal.vanish()
    reason = await host.is_lost()
    assert reason.startswith(f"test:{terminal.path}" if terminal.path else "test:")
    assert reason.endswith((".", "again."))
    assert "plug" in reason
    link.write(b"x")
    assert not link.write_stop(STOP)
    await link.close()
    await link.close()
    assert len(host.lost) == 1


async def test_a_stuck_pen_holds_up_nobody_and_stop_gets_through(terminal: Terminal) -> None:
    host = Host(terminal.path)
    link = await host.open()
    async with responsive():
        link.write(b"\x55" * 1_000_000)
        await asyncio.sleep(1.0)
        assert not link.idle
        # Fill what the system takes, as a host without any care would have done.
        fd = os.open(terminal.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        fill(fd)
        os.close(fd)
        assert link.write_stop(STOP)
        assert link.idle
        await asyncio.sleep(0.5)
    assert terminal.read().endswith(STOP)
    link.write(b"again")
    await terminal.gets(b"again")
    await link.close()
    assert not host.lost


async def test_stop_drops_what_we_queued_and_goes_before_it(terminal: Terminal) -> None:
    host = Host(terminal.path, kind=Uart)
    link = await host.open()
    link.write(b"\x55" * 5000)
    assert link.write_stop(STOP)
    assert link.idle
    await asyncio.sleep(0.1)
    assert terminal.read() == b"\x55" * KERNEL_BYTES + STOP
    await link.close()


class Uart(SerialLink):
    """Linux does not tell how much of a PTY is unread, a UART does: counted here."""

    given = taken = 0

    def write(self, data: bytes) -> None:
        self.given += len(data)
        super().write(data)

    def _kernel_bytes(self) -> int:
        return self.given - len(self._out) - self.taken


async def test_at_most_64_bytes_wait_in_the_system(terminal: Terminal) -> None:
    """Where the system reports them; then a STOP waits 5.6 ms at 115,200 Bd."""
    host = Host(terminal.path, kind=Uart)
    link = await host.open()
    assert isinstance(link, Uart)
    sent = bytes(n % 255 + 1 for n in range(3000))
    got = bytearray()
    async with responsive():
        for at in range(0, len(sent), 60):
            link.write(sent[at : at + 60])
            assert link._kernel_bytes() <= KERNEL_BYTES
        async with asyncio.timeout(10):
            while len(got) < len(sent):
                await asyncio.sleep(0.003)
                assert link._kernel_bytes() <= KERNEL_BYTES
                got += terminal.read()
                link.taken = len(got)
    assert got == sent
    await link.close()


async def test_the_systems_own_count_is_used() -> None:
    pen = Terminal()
    host = Host(pen.path)
    link = await host.open()
    assert isinstance(link._kernel_bytes(), int)
    await link.close()
    assert link._kernel_bytes() == 0
    pen.vanish()


# -- refusals ----------------------------------------------------------------------------------------------------------


async def refused(url: str) -> tuple[str, str]:
    host = Host(url)
    with pytest.raises(LinkRefused) as error:
        await host.open()
    text = str(error.value)
    assert text.startswith(f"test:{url}: ")
    assert text.endswith(".")
    assert "\n" not in text
    await host.link.close()
    host.link.write(b"x")
    assert not host.link.write_stop(STOP)
    assert not host.lost
    return error.value.code, text


async def test_no_such_port(tmp_path: Path) -> None:
    code, text = await refused(str(tmp_path / "ttyACM9"))
    assert code == "no-such-port"
    assert "there is no such port; plug the pen in" in text


async def test_not_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in ("/dev/null", str(tmp_path / "file")):
        _, text = await refused(path)
        assert "this is not a serial device; run 'devicectl scan'" in text


async def test_a_folder_is_no_port(tmp_path: Path) -> None:
    _, text = await refused(str(tmp_path))
    assert "check the address with 'devicectl scan'" in text


async def test_a_port_that_is_held(terminal: Terminal) -> None:
    first = await Host(terminal.path).open()
    code, text = await refused(terminal.path)
    assert code == "port-busy"
    assert "held by another program" in text
    await first.close()
    second = await Host(terminal.path).open()
    await second.close()


async def test_a_port_held_by_a_plain_lock(terminal: Terminal) -> None:
    fd = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert (await refused(terminal.path))[0] == "port-busy"
    os.close(fd)


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
async def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "tty"
    path.touch(mode=0)
    code, text = await refused(str(path))
    assert code == "no-permission"
    assert "dialout" in text


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (PermissionError(errno.EACCES, "no"), "no-permission", "often dialout"),
        (OSError(errno.EBUSY, "busy"), "port-busy", "held by another program"),
        (OSError(errno.ENXIO, "gone"), "no-such-port", "plug the pen in"),
        (ValueError("what?"), "bad-address", "not an address that can be opened (what?)"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "no"), "refused", "nothing listens there"),
        (termios.error(25, "no tty"), "refused", "not a serial device"),
        (OSError("odd"), "refused", "cannot be opened (odd)"),
    ],
)
def test_every_cause_has_its_own_sentence(error: Exception, code: str, says: str) -> None:
    assert refusal_code(error) == code
    assert says in explain_refusal("serial:///dev/x", error)
    outer = RuntimeError("wrapped")
    outer.__cause__ = error
    assert refusal_code(outer) == (code if code != "bad-address" else "refused")


# -- TCP ---------------------------------------------------------------------------------------------------------------


class Listener:
    """A TCP server of one connection, read by hand."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self.server.getsockname()[1]}"
        self.peer: socket.socket | None = None

    def accept(self) -> socket.socket:
        self.peer, _ = self.server.accept()
        self.peer.setblocking(False)
        return self.peer

    def close(self) -> None:
        self.server.close()
        if self.peer is not None:
            self.peer.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


async def got(peer: socket.socket, size: int) -> bytes:
    out = b""
    async with asyncio.timeout(5):
        while len(out) < size:
            out += await asyncio.get_running_loop().sock_recv(peer, 65_536)
    return out


async def test_tcp_both_ways_without_delay(listener: Listener) -> None:
    host = Host(listener.url)
    link = await host.open()
    peer = listener.accept()
    everything = bytes(range(256)) * 40
    link.write(everything)
    assert await got(peer, len(everything)) == everything
    peer.send(everything[:1000])
    await host.has(everything[:1000])
    assert link._port.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    link.write_stop(STOP)
    begin = asyncio.get_running_loop().time()
    await link.close()
    await link.close()
    assert asyncio.get_running_loop().time() - begin < 0.1
    assert await got(peer, len(STOP)) == STOP
    assert await got(peer, 0) == b""
    assert not host.lost


async def test_tcp_the_other_end_closes(listener: Listener) -> None:
    host = Host(listener.url)
    link = await host.open()
    listener.accept().close()
    assert "the other end closed the connection" in await host.is_lost()
    assert not link.write_stop(STOP)
    await link.close()


async def test_tcp_the_other_end_resets(listener: Listener) -> None:
    host = Host(listener.url)
    link = await host.open()
    peer = listener.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    assert "the link broke" in await host.is_lost()
    await link.close()


async def test_tcp_a_peer_that_does_not_read_holds_up_nobody(listener: Listener) -> None:
    host = Host(listener.url)
    link = await host.open()
    peer = listener.accept()
    async with responsive():
        for _ in range(100):
            link.write(b"\x55" * 100_000)
            await asyncio.sleep(0.005)
        assert not link.idle
        link.write_stop(STOP)  # whether it went is told by the result: a socket's buffer cannot be flushed
        assert link.idle
        await asyncio.sleep(0.3)
    while await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), 5):
        if link.write_stop(STOP):
            break
    assert not host.lost
    await link.close()


async def test_tcp_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code, text = await refused(f"socket://127.0.0.1:{port}")
    assert code == "refused"
    assert "nothing listens there; start the simulated pen" in text


# -- a pen at the end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pty", "tcp"])
async def test_a_pen_end_to_end_by_its_address(kind: str) -> None:
    sim = SimulatedPen(seed=5, hand=False)
    port: PtyPort | TcpPort = PtyPort(sim) if kind == "pty" else TcpPort(sim)
    address = port.open() if isinstance(port, PtyPort) else await port.open()
    pen = open_pen(parse_address(address))
    inputs: list[PenInput] = []
    pen.subscribe(inputs.append)
    up = await pen.connect()
    assert up.identity.serial == sim.serial
    assert await pen.command(Command(Action.SET_DEPTH, 1000), deadline=1) == Confirmed(1000)
    armed = await pen.command(Command(Action.ARM, 1000), deadline=1)
    assert isinstance(armed, Confirmed)
    assert isinstance(await pen.command(Command(Action.START, 60_000, armed.token), deadline=1), Confirmed)
    assert sim.truth.driven
    begin = sim.loop.time()
    assert pen.stop()
    while sim.truth.driven:
        assert sim.loop.time() - begin < 0.5
        await asyncio.sleep(0.001)
    waiting = asyncio.create_task(pen.command(Command(Action.RESET), deadline=30))
    if isinstance(port, PtyPort):
        port.close()
    else:
        await port.close()
    outcome = await asyncio.wait_for(waiting, 5)
    # The answer may have been quicker than the end of the port; then the loss comes a moment later.
    assert not isinstance(outcome, Unknown) or "the link was lost" in outcome.text
    async with asyncio.timeout(5):
        while not any(isinstance(item, Lost) for item in inputs):
            await asyncio.sleep(0.01)
    assert not pen.connected
    await pen.close()
    sim.close()
