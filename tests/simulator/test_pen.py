"""The simulated pen on a loop in virtual time: pace of the wire, faults, truth, hands, cost."""

import asyncio

import pytest

from drivers.api import EventCode, Fault, PenState
from drivers.links.memory import MemoryLink
from drivers.penlink.frame import STOP, Decoder, encode
from drivers.penlink.messages import (
    Cmd,
    EventMessage,
    HelloRequest,
    HelloSession,
    Lease,
    Message,
    Opcode,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
)
from simulator.faults import FaultError, Faults, LinkFaults, parse_faults
from simulator.line import OUT_LIMIT, Line, pieces
from simulator.nvm import Nvm
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual


class Host:
    """The other end of a memory link, with the loop time of everything heard."""

    def __init__(self, pen: SimulatedPen, line: Line | None = None) -> None:
        self.pen = pen
        self.line = pen.line() if line is None else line
        self.link = MemoryLink(self.line)
        self.decoder = Decoder()
        self.heard: list[tuple[float, Message]] = []
        self.lost: list[str] = []
        self.renewals = 0

    async def open(self) -> "Host":
        await self.link.open(self._take, self.lost.append)
        self.say(HelloRequest(0, 1, 1))
        await asyncio.sleep(0.02)
        return self

    def _take(self, data: bytes) -> None:
        now = self.pen.loop.time()
        self.decoder.feed(data, lambda frame: self.heard.append((now, frame.message)))

    def say(self, message: Message) -> None:
        self.link.write(encode(message, 1))

    def order(self, opcode: int, argument: int = 0) -> None:
        firmware = self.pen.firmware
        self.say(Cmd(firmware.last_cmd_id + 1, opcode, firmware.clock + 300, argument))

    def of(self, kind: type) -> list[tuple[float, Message]]:
        return [(at, m) for at, m in self.heard if isinstance(m, kind)]

    async def start(self) -> None:
        self.order(Opcode.ARM, 500)
        await asyncio.sleep(0.05)
        self.order(Opcode.START, self.pen.firmware.token << 16 | 1800)
        await asyncio.sleep(0.05)

    async def hold(self, seconds: float) -> None:
        """Renew the lease for so long."""
        for _ in range(int(seconds * 8)):
            self.renewals += 1
            self.say(Lease(self.pen.firmware.boot_id, self.renewals))
            await asyncio.sleep(0.125)


async def running(pen: SimulatedPen) -> Host:
    host = await Host(pen).open()
    await host.start()
    await host.hold(0.5)
    assert pen.truth.turning
    return host


def test_a_run_over_memory_and_its_end_by_lost_lease() -> None:
    async def main() -> None:
        pen = SimulatedPen(hand=False)
        motion: list[tuple[float, bool]] = []
        pen.on_motion = lambda at, turning: motion.append((at, turning))
        host = await running(pen)
        await host.hold(5)
        last = pen.loop.time() - 0.125
        assert pen.truth.rate_mhz == pytest.approx(50_000)
        await asyncio.sleep(2)
        assert pen.truth.state is PenState.LEASE_EXPIRED
        assert [turning for _, turning in motion] == [True, False]
        assert last + 0.5 < motion[1][0] < last + 0.75
        assert pen.still_since == pytest.approx(motion[1][0])

    run_virtual(main())


def test_motion_is_told_at_the_instant_it_ends() -> None:
    async def main() -> None:
        pen = SimulatedPen(hand=False)
        host = await running(pen)
        ended: list[tuple[float, float]] = []
        pen.on_motion = lambda at, turning: ended.append((at, pen.loop.time()))
        host.link.write_stop(STOP)
        await asyncio.sleep(1)
        [(at, told)] = ended
        assert 0 <= told - at < 0.001

    run_virtual(main())


def test_a_connected_wire_ends_the_lease_and_a_serial_one_does_not() -> None:
    async def main() -> None:
        for connection in (True, False):
            pen = SimulatedPen(hand=False)
            host = await Host(pen, pen.line(connection=connection)).open()
            await host.start()
            await host.link.close()
            assert pen.truth.state is (PenState.LEASE_EXPIRED if connection else PenState.RUNNING)
            await asyncio.sleep(1)
            assert not pen.truth.turning

    run_virtual(main())


def test_an_unplugged_wire_tells_the_host_once() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        host = await running(pen)
        host.line.unplug("somebody fell over the cable")
        await asyncio.sleep(1)
        assert host.lost == ["somebody fell over the cable"]
        assert not pen.truth.turning
        assert not host.line.attached
        again = await Host(pen, host.line).open()
        assert again.of(HelloSession)

    run_virtual(main())


def test_two_hosts_on_one_wire_both_hear_and_both_may_stop() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        host = await running(pen)
        other = Host(pen)
        await other.link.open(other._take, other.lost.append)
        other.link.write_stop(STOP)
        await asyncio.sleep(0.3)
        assert pen.truth.state is PenState.STOPPED
        assert other.of(StatusMessage)
        assert host.of(StatusMessage)

    run_virtual(main())


# -- pace --------------------------------------------------------------------------------------------------------------


def test_bytes_take_their_time_both_ways() -> None:
    """Ten bits a byte at 115,200 Bd: the answer to a setting cannot be there before question and answer have passed."""

    async def main() -> None:
        pen = SimulatedPen()
        host = await Host(pen, pen.line(115_200)).open()
        host.heard.clear()
        await asyncio.sleep(0.005)
        question = encode(Cmd(1, Opcode.SET_DEPTH, pen.firmware.clock + 300, 1000), 1)
        began = pen.loop.time()
        host.link.write(question)
        await asyncio.sleep(0.02)
        byte = 10 / 115_200
        [(result_at, result)] = host.of(ResultMessage)
        [(status_at, status)] = host.of(StatusMessage)
        [(readback_at, readback)] = host.of(ReadBackMessage)
        asked = len(question) * byte
        assert result_at - began == pytest.approx(asked + len(encode(result, 0)) * byte, abs=1e-6)
        assert status_at - result_at == pytest.approx(len(encode(status, 0)) * byte, abs=1e-6)
        assert readback_at - status_at == pytest.approx(len(encode(readback, 0)) * byte, abs=1e-6)

    run_virtual(main())


def test_stop_behind_a_full_buffer_waits_for_it() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        host = await Host(pen, pen.line(115_200)).open()
        host.link.write(b"\x00" * 1152)
        began = pen.loop.time()
        host.link.write_stop(STOP)
        while pen.firmware.state is not PenState.STOPPED:
            await asyncio.sleep(0.001)
        assert pen.loop.time() - began == pytest.approx(0.1, abs=0.003)

    run_virtual(main())


def test_a_full_transmit_buffer_loses_whole_frames() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        host = await Host(pen, Line(pen, 1200)).open()
        await asyncio.sleep(60)
        lost = host.line.lost[1]
        assert lost > OUT_LIMIT
        assert not host.decoder.errors
        assert host.line._from_pen.waiting <= OUT_LIMIT

    run_virtual(main())


def test_pieces_end_at_zeros() -> None:
    assert pieces(b"ab\x00\x00c") == [b"ab\x00", b"\x00", b"c"]
    assert pieces(b"") == []
    assert b"".join(pieces(STOP)) == STOP


# -- faults of the wire ------------------------------------------------------------------------------------------------


def losses(**values: object) -> tuple[int, int, dict[str, int], list[float]]:
    """Samples heard in 20 s, repeats among them, decoder errors, and the age of each sample."""

    async def main() -> tuple[int, int, dict[str, int], list[float]]:
        pen = SimulatedPen(faults=Faults(from_pen=LinkFaults.model_validate(values)), seed=3)
        host = Host(pen)
        await host.link.open(host._take, host.lost.append)
        begin = pen.loop.time()
        host.say(HelloRequest(0, 1, 1))
        await asyncio.sleep(20)
        samples = host.of(TelemetryMessage)
        counters = [m.counter for _, m in samples]
        ages = [at - begin - m.clock / 1000 for at, m in samples]
        assert counters == sorted(counters)
        return len(samples), len(samples) - len(set(counters)), host.decoder.errors, ages

    return run_virtual(main())


def test_a_clean_wire_loses_nothing() -> None:
    heard, repeats, errors, _ = losses()
    assert heard >= 999
    assert (repeats, errors) == (0, {})


def test_drop() -> None:
    heard, repeats, errors, _ = losses(drop=0.2)
    assert 700 < heard < 900
    assert (repeats, errors) == (0, {})


def test_duplicate() -> None:
    heard, repeats, _, _ = losses(duplicate=0.2)
    assert heard - repeats >= 999
    assert 120 < repeats < 280


def test_corrupt() -> None:
    heard, _, errors, _ = losses(corrupt=0.2)
    assert 700 < heard < 900
    assert sum(errors.values()) > 100


def test_split_costs_nothing_but_time() -> None:
    heard, repeats, errors, ages = losses(split=1.0)
    assert heard >= 999
    assert (repeats, errors) == (0, {})
    assert min(ages) >= 0.005 - 0.001


def test_delay_and_jitter_keep_the_order() -> None:
    heard, _, _, ages = losses(delay=0.3, jitter=0.1)
    assert heard > 950
    assert min(ages) >= 0.3 - 0.001
    assert max(ages) < 0.42
    assert max(ages) - min(ages) > 0.05


def test_silence() -> None:
    assert losses(silence=True)[0] == 0


def test_wire_faults_work_towards_the_pen_as_well() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        host = await running(pen)
        pen.set_faults(to_pen__silence=True)
        host.link.write_stop(STOP)
        await asyncio.sleep(0.3)
        assert pen.firmware.state is PenState.RUNNING
        await asyncio.sleep(1)
        assert pen.firmware.state is PenState.LEASE_EXPIRED
        pen.clear_faults()
        host.link.write_stop(STOP)
        await asyncio.sleep(0.01)
        assert pen.firmware.state is PenState.STOPPED

    run_virtual(main())


def test_the_same_seed_meets_the_same_faults() -> None:
    assert losses(drop=0.3, corrupt=0.1, jitter=0.01) == losses(drop=0.3, corrupt=0.1, jitter=0.01)


# -- faults of the pen, hands ------------------------------------------------------------------------------------------


def test_timed_faults_come_and_go() -> None:
    async def main() -> None:
        pen = SimulatedPen(faults=parse_faults(["from_pen.silence@2s+1s", "stall@5s"]), hand=False)
        host = await running(pen)
        begin = 1000.0
        await host.hold(3.5)
        silent = [at for at, _ in host.of(TelemetryMessage) if begin + 2.001 < at < begin + 2.999]
        assert silent == []
        assert host.of(TelemetryMessage)[-1][0] > begin + 3.9
        await host.hold(3)
        assert pen.truth.state is PenState.FAULT
        assert pen.firmware.faults == 1 << Fault.STALL

    run_virtual(main())


def test_a_timed_reboot_happens_once() -> None:
    async def main() -> None:
        pen = SimulatedPen(faults=parse_faults(["reboot@2s", "drop=0.01@4s"]))
        host = await running(pen)
        first = pen.firmware.boot_id
        await asyncio.sleep(8)
        pen.set_faults(lying_rate=True)
        assert pen.firmware.boot_id >> 16 == (first >> 16) + 1
        [(at, page)] = [(at, m) for at, m in host.of(HelloSession) if m.nonce == 0]
        assert at == pytest.approx(1002.08, abs=0.002)
        assert page.boot_id == pen.firmware.boot_id

    run_virtual(main())


def test_reboot_by_hand_and_by_fault() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        await running(pen)
        pen.reboot()
        await asyncio.sleep(0.5)
        assert not pen.truth.turning
        assert pen.truth.state is PenState.IDLE
        pen.set_faults(reboot=True)
        assert not pen.faults.reboot
        await asyncio.sleep(0.5)
        assert pen.firmware.boot_id >> 16 == 3

    run_virtual(main())


def test_nvm_outlasts_the_pen() -> None:
    async def main() -> list[int]:
        nvm = Nvm()
        return [SimulatedPen(nvm=nvm).firmware.boot_id for _ in range(3)]

    ids = run_virtual(main())
    assert [boot >> 16 for boot in ids] == [1, 2, 3]
    assert len({boot & 0xFFFF for boot in ids}) == 3


def test_hands() -> None:
    async def main() -> None:
        pen = SimulatedPen(hand=False)
        host = await running(pen)
        pen.press_button()
        assert pen.truth.state is PenState.PAUSED
        pen.footswitch(True)
        assert pen.truth.state is PenState.RUNNING
        pen.footswitch(False)
        assert pen.truth.state is PenState.PAUSED
        taken = pen.remove_cartridge()
        assert taken is not None
        pen.insert_cartridge()
        assert pen.firmware.cartridge is not None
        assert pen.firmware.cartridge.serial != taken.serial
        pen.insert_cartridge(taken)
        await asyncio.sleep(0.3)
        codes = [m.code for _, m in host.of(EventMessage)]
        assert codes.count(EventCode.CARTRIDGE_CHANGED) == 3
        pen.press(2.0)
        assert pen.truth.contact

    run_virtual(main())


def test_a_cartridge_that_was_run_with_comes_out_used() -> None:
    async def main() -> None:
        pen = SimulatedPen()
        untouched = pen.remove_cartridge()
        assert untouched is not None
        assert not untouched.used
        pen.insert_cartridge(untouched)
        host = await running(pen)
        host.link.write_stop(STOP)
        await asyncio.sleep(1)
        taken = pen.remove_cartridge()
        assert taken is not None
        assert taken.used
        assert taken.serial == untouched.serial

    run_virtual(main())


def test_what_a_model_does_not_have_cannot_be_used() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="no footswitch"):
            SimulatedPen("fixed-117").footswitch(True)
        with pytest.raises(ValueError, match="no button"):
            SimulatedPen("vary-150").press_button()
        with pytest.raises(FaultError, match="no fault"):
            SimulatedPen().set_faults(gremlins=True)

    run_virtual(main())


def test_a_closed_pen_is_gone() -> None:
    async def main() -> None:
        pen = SimulatedPen(faults=parse_faults(["stall@5s"]))
        host = await running(pen)
        pen.close()
        await asyncio.sleep(1)
        assert len(host.lost) == 1
        heard = len(host.heard)
        host.link.write(STOP)
        pen.receive(STOP)
        await asyncio.sleep(10)
        assert len(host.heard) == heard

    run_virtual(main())


def test_a_minute_at_50_hz_loses_no_sample() -> None:
    """Telemetry over a memory link with a decoding host."""

    async def main() -> None:
        pen = SimulatedPen()
        host = await running(pen)
        host.heard.clear()
        await host.hold(60)
        counters = [m.counter for _, m in host.of(TelemetryMessage)]
        assert len(counters) == 3000
        assert counters == list(range(counters[0], counters[0] + 3000))

    run_virtual(main())


def test_two_pens_with_one_seed_are_alike_and_with_two_are_not() -> None:
    def history(seed: int) -> list[tuple[float, Message]]:
        async def main() -> list[tuple[float, Message]]:
            pen = SimulatedPen(seed=seed)
            host = await running(pen)
            await host.hold(10)
            return host.heard

        return run_virtual(main())

    assert history(7) == history(7)
    assert history(7) != history(8)
