"""Real pseudo-terminals, real TCP ports, a real process: the pen is reached as any other device."""

import asyncio
import os
import signal
import socket
import sys
import termios
import time
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.api import LinkRefused, PenState
from drivers.penlink.frame import STOP, Decoder, encode
from drivers.penlink.messages import Cmd, HelloRequest, HelloSession, Message, Opcode, ReadBackMessage, StatusMessage
from simulator.announce import announced
from simulator.pen import SimulatedPen
from simulator.pty import PtyPort
from simulator.serve import serve
from simulator.tcp import TcpPort

HELLO = encode(HelloRequest(0, 4, 1), 1)


@contextmanager
def opened(path: str, baud: int = termios.B115200) -> Iterator[int]:
    """The slave as a serial program opens it: raw, its own rate, old input thrown away."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(descriptor)
        attributes = termios.tcgetattr(descriptor)
        attributes[4] = attributes[5] = baud
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        yield descriptor
    finally:
        os.close(descriptor)


async def read(descriptor: int, kind: type, decoder: Decoder, seconds: float = 5) -> Message | None:
    """The next message of ``kind`` from a descriptor, None when none comes in time."""
    found: list[Message] = []
    end = time.monotonic() + seconds
    while not found and time.monotonic() < end:
        await asyncio.sleep(0.001)
        try:
            data = os.read(descriptor, 4096)
        except BlockingIOError:
            continue
        decoder.feed(data, lambda frame: found.append(frame.message) if isinstance(frame.message, kind) else None)
    return found[0] if found else None


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


@pytest.fixture(params=[True, False], ids=["paced", "unpaced"])
async def terminal(request: pytest.FixtureRequest) -> AsyncIterator[tuple[SimulatedPen, PtyPort]]:
    pen = SimulatedPen()
    port = PtyPort(pen, paced=request.param)
    port.open()
    yield pen, port
    port.close()
    pen.close()


async def test_a_pty_answers_and_survives_hosts_that_come_and_go(terminal: tuple[SimulatedPen, PtyPort]) -> None:
    pen, port = terminal
    assert port.address == f"serial://{port.path}"
    for _ in range(4):
        with opened(port.path) as host:
            os.write(host, HELLO)
            assert await read(host, HelloSession, Decoder()) is not None
        await asyncio.sleep(0.03)
    assert pen.firmware.session


async def test_stop_through_a_pty(terminal: tuple[SimulatedPen, PtyPort]) -> None:
    pen, port = terminal
    with opened(port.path) as host:
        for byte in STOP:
            os.write(host, bytes((byte,)))
        status = await read(host, StatusMessage, Decoder())
        assert isinstance(status, StatusMessage)
        assert status.state_result & 15 == PenState.STOPPED
    assert pen.truth.state is PenState.STOPPED


async def test_a_host_that_does_not_read_harms_nobody(terminal: tuple[SimulatedPen, PtyPort]) -> None:
    pen, port = terminal
    with opened(port.path) as host:
        os.write(host, HELLO)
        for number in range(200):
            try:
                os.write(host, encode(Cmd(number + 1, Opcode.SET_DEPTH, 0x7000_0000, 1000), 1))
            except BlockingIOError:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        os.write(host, STOP)
        end = time.monotonic() + 5
        while pen.firmware.state is not PenState.STOPPED and time.monotonic() < end:
            await asyncio.sleep(0.01)
    assert pen.firmware.state is PenState.STOPPED
    with opened(port.path) as host:
        assert await read(host, StatusMessage, Decoder()) is not None


async def test_a_wrong_baud_rate_looks_like_one(terminal: tuple[SimulatedPen, PtyPort]) -> None:
    pen, port = terminal
    with opened(port.path) as host:
        os.write(host, HELLO)
        assert await read(host, HelloSession, Decoder()) is not None
    decoder = Decoder()
    with opened(port.path, termios.B9600) as host:
        await asyncio.sleep(0.03)
        termios.tcflush(host, termios.TCIFLUSH)
        os.write(host, STOP)
        assert await read(host, StatusMessage, decoder, 0.6) is None
        assert sum(decoder.errors.values()) > 0
    assert pen.firmware.state is PenState.IDLE
    with opened(port.path) as host:
        os.write(host, STOP)
        await until(lambda: pen.firmware.state is PenState.STOPPED)
        assert await read(host, StatusMessage, Decoder()) is not None


async def test_a_closed_pty_is_gone_and_closing_twice_is_harmless() -> None:
    pen = SimulatedPen()
    port = PtyPort(pen)
    port.open()
    path = port.path
    with opened(path) as host:
        port.close()
        port.close()
        with pytest.raises(OSError):  # noqa: PT012
            if not os.read(host, 1):
                raise OSError("end of file")
    assert port.address == ""
    pen.close()


async def test_pacing_on_a_real_pty_is_that_of_115200_baud() -> None:
    pen = SimulatedPen()
    port = PtyPort(pen)
    port.open()
    with opened(port.path) as host:
        began = time.monotonic()
        os.write(host, b"\x00" * 2304 + STOP)
        while pen.firmware.state is not PenState.STOPPED:
            await asyncio.sleep(0.001)
        assert 0.19 < time.monotonic() - began < 0.6
    port.close()
    pen.close()


async def test_an_unpaced_pty_answers_within_the_callback() -> None:
    """The pen's side of one setting: read, decoded, done, encoded, written, all before the loop turns."""
    pen = SimulatedPen()
    port = PtyPort(pen, paced=False)
    port.open()
    with opened(port.path) as host:
        os.write(host, HELLO)
        await read(host, HelloSession, Decoder())
        pen.loop.remove_reader(port._master)
        for number in range(300):
            os.write(host, encode(Cmd(number + 1, Opcode.SET_DEPTH, 0x7000_0000, 50 * (number % 20)), 1))
            port._readable()
            assert isinstance(await read(host, ReadBackMessage, Decoder()), ReadBackMessage)
    port.close()
    pen.close()


# -- TCP ---------------------------------------------------------------------------------------------------------------


@contextmanager
def connected(address: str) -> Iterator[int]:
    host, port = address.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.setblocking(False)
        yield connection.fileno()


@pytest.fixture(params=[True, False], ids=["paced", "unpaced"])
async def listener(request: pytest.FixtureRequest) -> AsyncIterator[tuple[SimulatedPen, TcpPort]]:
    pen = SimulatedPen(hand=False)
    port = TcpPort(pen, paced=request.param)
    await port.open()
    yield pen, port
    await port.close()
    pen.close()


async def test_the_first_connection_controls_and_the_next_one_after_it(listener: tuple[SimulatedPen, TcpPort]) -> None:
    pen, port = listener
    for _ in range(3):
        with connected(port.address) as host:
            os.write(host, HELLO)
            assert await read(host, HelloSession, Decoder()) is not None
        await until(lambda: port.control is None)
        assert not pen.firmware.session


async def test_others_may_only_stop(listener: tuple[SimulatedPen, TcpPort]) -> None:
    pen, port = listener
    with connected(port.address) as host, connected(port.address) as other:
        os.write(host, HELLO)
        assert await read(host, HelloSession, Decoder()) is not None
        os.write(other, encode(Cmd(1, Opcode.SET_DEPTH, 0x7000_0000, 1000), 1))
        assert await read(other, Message, Decoder(), 0.2) is None
        assert pen.firmware.last_cmd_id == 0
        os.write(other, STOP[:4])
        await asyncio.sleep(0.02)
        os.write(other, STOP[4:])
        status = await read(other, StatusMessage, Decoder())
        assert isinstance(status, StatusMessage)
        assert status.state_result & 15 == PenState.STOPPED
        assert await read(host, StatusMessage, Decoder()) is not None
    assert pen.firmware.state is PenState.STOPPED


async def test_a_connection_that_breaks_ends_the_lease(listener: tuple[SimulatedPen, TcpPort]) -> None:
    """Complaint 6: the motor does not run on after the host has gone."""
    pen, port = listener
    with connected(port.address) as host:
        os.write(host, HELLO)
        assert await read(host, HelloSession, Decoder()) is not None
        pen.firmware.arm(1000)
        pen.firmware.start(60_000)
        assert pen.truth.turning
    await until(lambda: pen.firmware.state is PenState.LEASE_EXPIRED, 0.9)
    await until(lambda: not pen.truth.turning)


async def test_a_taken_port_is_told(listener: tuple[SimulatedPen, TcpPort]) -> None:
    pen, port = listener
    number = int(port.address.rpartition(":")[2])
    with pytest.raises(LinkRefused, match="choose another port"):
        await TcpPort(pen, port=number).open()
    with pytest.raises(LinkRefused, match="choose another port"):
        await TcpPort(pen, port=70_000).open()


async def test_a_flood_is_held_back_and_stop_behind_it_arrives(listener: tuple[SimulatedPen, TcpPort]) -> None:
    """Nothing is lost and nothing piles up in the simulator: the host's own queue is what fills."""
    pen, port = listener
    with connected(port.address) as host:
        await until(lambda: port.control is not None)
        sent = os.write(host, b"\x01" * 6000 + STOP)
        assert sent == 6000 + len(STOP)
        while pen.firmware.state is not PenState.STOPPED:
            await asyncio.sleep(0.002)
            assert port.control is not None
            assert port.control._line is not None
            assert port.control._line.waiting <= 512
        assert port.control._line.lost == (0, 0)


# -- a process of its own ----------------------------------------------------------------------------------------------

SERVE = """
import asyncio, functools, sys
from simulator.serve import serve
from simulator.faults import parse_faults
emit = functools.partial(print, flush=True)
asyncio.run(serve(sys.argv[1], console=True, emit=emit, faults=parse_faults(sys.argv[2:])))
"""


@pytest.fixture(autouse=True)
def _own_runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICECTL_RUNTIME_DIR", str(tmp_path / "run"))


async def spawn(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()


@pytest.mark.parametrize("kind", ["pty", "tcp"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_served_pen_is_announced_and_ends_on_a_signal(kind: str, number: int) -> None:
    process = await spawn(kind)
    address = await line_of(process)
    [told] = announced()
    assert told.address == address
    assert (told.kind, told.pid, told.serial) == (kind, process.pid, "REF-0000")
    if kind == "pty":
        with opened(address.removeprefix("serial://")) as host:
            os.write(host, STOP)
            assert await read(host, StatusMessage, Decoder()) is not None
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert announced() == []


async def test_a_killed_simulator_is_forgotten() -> None:
    process = await spawn("tcp")
    await line_of(process)
    assert len(announced()) == 1
    process.kill()
    await process.wait()
    assert announced() == []


async def test_the_console_of_a_served_pen() -> None:
    process = await spawn("tcp", "lying_sensor=100")
    await line_of(process)
    assert process.stdin is not None
    process.stdin.write(b"state\nfault gremlins\nquit\n")
    assert (await line_of(process)).startswith("IDLE")
    assert "There is no fault 'gremlins'" in await line_of(process)
    assert await line_of(process) == "bye"
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_served_pen_ends_when_cancelled() -> None:
    said: list[str] = []
    task = asyncio.create_task(serve("tcp", emit=said.append, paced=False))
    while not said:
        await asyncio.sleep(0.01)
    assert [told.address for told in announced()] == said
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert announced() == []
