"""What a hostile reading of the station found: each test fails without its mend."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.world import ADDRESS, World, refused

from devicectl.control.events import StopRequested
from devicectl.records.errors import DatabaseLocked
from devicectl.station import stop_line
from devicectl.station.paths import STOP_ACK, STOP_NAK
from devicectl.station.stop_line import StopLine
from drivers.api import PenError, PenState, Up
from drivers.links.memory import MemoryLink
from simulator.pen import SimulatedPen
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def explode(*_: object) -> None:
    raise RuntimeError("broken")


# -- STOP reaches every pen, and says so only when it did


def test_a_pen_whose_stop_fails_keeps_no_other_from_its_stop() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()

        class Broken:
            address = "broken"
            stop = staticmethod(explode)

        class Held:
            desk = Broken()

        held = w.station._held
        w.station._held = {"broken": Held(), **held}  # type: ignore[dict-item]
        assert w.station.stop_all("test") is False
        w.station._held = held
        await w.until(lambda: not w.sim.truth.driven, 0.1)

    scenario(play)


def test_a_pen_that_is_being_let_go_still_gets_its_stop() -> None:
    """A record that cannot be written holds the end up for seconds, in which the pen may do anything."""

    async def play(w: World) -> None:
        s = await w.ready()
        desk = w.desk
        desk.recording._outbox._submit = lambda job: w.loop.create_future()
        closing = asyncio.ensure_future(s.ask("pen.close"))
        await asyncio.sleep(0.5)
        assert not closing.done()
        assert w.sim.firmware.state is PenState.IDLE
        assert w.station.pressed("test") is True
        await w.until(lambda: w.sim.firmware.state is PenState.STOPPED, 0.1)
        await closing
        assert w.station.pressed("test") is True

    scenario(play)


def test_a_client_that_goes_while_its_pen_is_let_go_leaves_no_pen_behind() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        released: list[bool] = []

        class Lock:
            def release(self, *, used: bool = True) -> None:
                released.append(used)

            def note(self) -> None:
                pass

        w.station._held[ADDRESS].port = Lock()
        w.desk.recording._outbox._submit = lambda job: w.loop.create_future()
        closing = asyncio.ensure_future(s.ask("pen.close"))
        await asyncio.sleep(0.5)
        await s.close()
        closing.cancel()
        await asyncio.sleep(0.5)
        assert w.station.pressed("test") is True
        await w.until(lambda: w.sim.firmware.state is PenState.STOPPED, 0.1)
        await w.until(lambda: bool(released), 10)
        assert not w.pen.connected

    scenario(play)


def test_a_stop_after_the_end_of_control_is_sent_and_not_repeated_for_ever() -> None:
    async def play(w: World) -> None:
        await w.ready()
        desk = w.desk
        await desk.control.close()
        assert desk.stop("test") is True
        await w.until(lambda: w.sim.firmware.state is PenState.STOPPED, 0.1)
        await asyncio.sleep(1)
        assert not desk.alarms.active("stop-not-still")

    scenario(play)


def test_a_stop_is_answered_though_what_was_left_behind_cannot_be_reached() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        w.station.ports.stop_left = explode
        # Whoever pressed tries those ports itself.
        assert w.station.pressed("test") is False
        await w.until(lambda: not w.sim.truth.driven, 0.1)

    scenario(play)


def test_a_computer_that_slept_stops_every_pen_whatever_one_of_them_does() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()

        class Broken:
            address = "broken"
            stop = staticmethod(explode)

        class Held:
            desk = Broken()

        held = w.station._held
        w.station._held = {"broken": Held(), **held}  # type: ignore[dict-item]
        w.source.jump_us = 5_000_000
        await w.until(lambda: not w.sim.truth.driven, 1.1)
        w.station._held = held

    scenario(play)


def test_a_stop_is_written_down_though_the_record_does_not_know_the_pen_yet() -> None:
    async def play(w: World) -> None:
        await w.ready()
        w.desk.recording.binding.pen_id = None
        w.station.pressed("test")
        await w.until(lambda: bool(w.rows("select * from stops")), 1)
        [row] = w.rows("select source, pen_id, still from stops")
        assert (row["source"], row["pen_id"]) == ("test", None)
        await w.until(lambda: w.rows("select still from stops") == [{"still": 1}], 2)

    scenario(play)


def test_a_recording_that_fails_stops_the_pen_and_is_told() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        w.desk.recording._recorder.telemetry = explode
        await w.until(lambda: not w.sim.truth.driven, 0.1)
        assert w.desk.alarms.active("record")

    scenario(play)


def test_an_alarm_that_cannot_be_recorded_does_not_keep_the_stop_back() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        events: list[Any] = []
        w.desk.control.listen(events.append)
        w.desk.recording.alarm = explode
        w.source.jump_us = 5_000_000
        await w.until(lambda: not w.sim.truth.driven, 2)
        assert any(type(e) is StopRequested for e in events)

    scenario(play)


def answering(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(1)
    return server


@pytest.mark.parametrize(("answer", "direct"), [(STOP_ACK, 0), (STOP_NAK, 1), (b"", 1)])
def test_a_stop_that_no_link_took_is_written_straight_to_the_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, direct: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(stop_line, "stop_directly", lambda *_: calls.append(1) or [])
    with contextlib.closing(answering(tmp_path / "s")) as server:
        line = StopLine(tmp_path / "s")
        peer, _ = server.accept()
        with contextlib.closing(peer):
            line.press("SPACE")
            assert peer.recv(1) == b" "
            peer.sendall(answer)
            line._pressed.put(None)
            line._thread.join(5)
        line.close()
    assert len(calls) == direct


def test_a_late_answer_is_not_taken_for_that_to_the_next_press(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(stop_line, "stop_directly", lambda *_: calls.append(1) or [])
    monkeypatch.setattr(stop_line, "ANSWER_S", 0.05)
    with contextlib.closing(answering(tmp_path / "s")) as server:
        line = StopLine(tmp_path / "s")
        peer, _ = server.accept()
        with contextlib.closing(peer):
            line.press("SPACE")
            while not calls:
                pass
            peer.sendall(STOP_ACK)
            line.press("SPACE")
            line._pressed.put(None)
            line._thread.join(5)
        line.close()
    assert len(calls) == 2


def test_trouble_in_the_watching_thread_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next press needs its way past the station as much as this one."""
    calls: list[int] = []

    def trouble(*_: object) -> list[Any]:
        calls.append(1)
        raise OSError("the runtime folder cannot be read")

    monkeypatch.setattr(stop_line, "stop_directly", trouble)
    line = StopLine(tmp_path / "nobody")
    line.press("SPACE")
    line.press("SPACE")
    line._pressed.put(None)
    line._thread.join(30)
    line.close()
    assert len(calls) == 2


def test_a_press_right_before_the_end_has_its_way_past_the_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    pressed = threading.Event()

    def slow(*_: object) -> list[Any]:
        calls.append(1)
        assert pressed.wait(30)
        return []

    monkeypatch.setattr(stop_line, "stop_directly", slow)
    monkeypatch.setattr(stop_line, "ANSWER_S", 0.0)
    line = StopLine(tmp_path / "nobody")
    line.press("SPACE")
    while not calls:
        pass
    line.press("SPACE")
    line.close()
    pressed.set()
    line._thread.join(30)
    assert len(calls) == 2


def test_pressing_does_not_wait_for_a_station_that_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key held down fills the connection to a hung station; the thread that reads the keys must not stand still."""
    monkeypatch.setattr(stop_line, "stop_directly", lambda *_: [])
    with contextlib.closing(answering(tmp_path / "s")):
        line = StopLine(tmp_path / "s")

        def hold() -> None:
            for _ in range(600):
                line.press("SPACE")

        holding = threading.Thread(target=hold, daemon=True)
        holding.start()
        holding.join(40)
        pressing = holding.is_alive()
        line.close()
        assert not pressing


# -- who and what a row belongs to


def test_another_pen_at_the_same_port_ends_the_session() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        other = SimulatedPen("reference", seed=2)
        w.pen._make_link = lambda: MemoryLink(other.line(115_200), ADDRESS)
        first = w.desk.control.identity.serial
        for line in tuple(w.sim._lines):
            line.unplug("pulled out")
        await w.until(lambda: w.pen.connected, 5)
        await asyncio.sleep(1)
        assert w.desk.control.identity.serial != first
        assert w.desk.recording.session_view() is None
        assert "session" in (await refused(s.ask("run.preview"))).lower() or w.desk.control.zone is None
        [session] = w.rows(
            "select s.ended_utc_us, p.serial from sessions s join pens p on p.id = s.pen_id where s.client_id is not null"
        )
        assert session["ended_utc_us"] is not None
        assert session["serial"] == first
        other.close()

    scenario(play)


def test_a_session_that_was_being_opened_for_one_pen_is_not_the_next_ones() -> None:
    async def play(w: World) -> None:
        s = await w.screen()
        await s.ask("pen.open", address=ADDRESS)
        await w.until(lambda: w.desk.confirmed_still)
        recording, first = w.desk.recording, w.desk.recording.binding.pen_id
        submit = recording._submit

        def slowly(job: Any) -> asyncio.Future[Any]:
            async def later() -> Any:
                await asyncio.sleep(3)
                return await submit(job)

            return asyncio.ensure_future(later())

        recording._submit = slowly
        opening = asyncio.ensure_future(s.ask("session.open", purpose="bench", client=None))
        await asyncio.sleep(0.1)
        other = SimulatedPen("reference", seed=2)
        w.pen._make_link = lambda: MemoryLink(other.line(115_200), ADDRESS)
        for line in tuple(w.sim._lines):
            line.unplug("pulled out")
        await w.until(lambda: recording.binding.known and recording.binding.pen_id != first, 2.5)
        assert "again" in await refused(opening)
        assert recording.session_view() is None
        assert w.desk.control.purpose is None
        [session] = w.rows("select ended_utc_us, pen_id from sessions")
        assert session["ended_utc_us"] is not None
        other.close()

    scenario(play)


def test_passes_belong_to_the_cartridge_that_is_plugged_in() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        w.sim.remove_cartridge()
        await asyncio.sleep(0.5)
        w.sim.insert_cartridge()
        await w.until(lambda: all(g.passed for g in w.desk.control.gates()), 3)
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        rows = w.rows("select c.serial from passes p join cartridges c on c.id = p.cartridge_id order by p.seq")
        assert len({row["serial"] for row in rows}) == len(rows) == 2

    scenario(play)


def test_a_session_closed_while_the_motor_runs_down_leaves_no_uncommanded_pass() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        assert (await s.ask("run.end")).outcome == "confirmed"
        await s.ask("session.close")
        await asyncio.sleep(1.5)
        assert [r["kind"] for r in w.rows("select kind from passes")] == ["granted"]

    scenario(play)


def test_no_run_while_the_record_does_not_know_what_has_just_connected() -> None:
    """A pen that was given new firmware while the record stumbled must not run unchecked."""

    async def play(w: World) -> None:
        s = await w.ready()
        submit = w.store.submit
        w.store.submit = lambda job: submit(lambda connection: explode())  # type: ignore[method-assign]
        w.desk.recording.pen_up(
            type("Up", (), {"identity": w.desk.control.identity, "cartridge": w.desk.control.cartridge})()
        )
        await asyncio.sleep(0.1)
        w.store.submit = submit  # type: ignore[method-assign]
        w.desk.recording.health.failure = None
        assert (await s.start()).outcome == "not_sent"
        await w.until(lambda: w.desk.recording.problem() is None, 5)

    scenario(play)


# -- locks, disk, end


def test_an_address_that_nobody_opens_leaves_no_lock_behind() -> None:
    async def play(w: World) -> None:
        held: list[str] = []

        class Lock:
            def __init__(self, address: Any) -> None:
                held.append(str(address))

            def release(self, *, used: bool = True) -> None:
                held.clear()

        w.station.ports.lock_port = Lock
        s = await w.screen()
        await refused(s.ask("pen.open", address="tcp://127.0.0.1:9"))
        assert held == []

    scenario(play)


@pytest.mark.parametrize("silent", [True, False])
def test_a_port_where_no_pen_answered_was_not_used(silent: bool) -> None:
    """What a killed station left there stays, because its pen may still turn though it does not answer."""

    async def play(w: World) -> None:
        released: list[bool] = []

        class Lock:
            def release(self, *, used: bool = True) -> None:
                released.append(used)

            def note(self) -> None:
                pass

        w.station.ports.lock_port = lambda address: Lock()
        s = await w.screen()
        if silent:
            w.sim.set_faults(None, silence=True)
            await refused(s.ask("pen.open", address=ADDRESS, wait_s=2.0))
        else:
            await s.ask("pen.open", address=ADDRESS)
            await w.station.close_desk(w.desk, "done with")
        assert released == [not silent]

    scenario(play)


def test_a_pen_that_another_station_holds_is_refused_in_a_sentence() -> None:
    async def play(w: World) -> None:
        def held(address: Any, serial: str) -> None:
            raise PenError(f"{address}: {serial} is held by another station.", "port-busy")

        w.station.ports.lock_serial = held
        s = await w.screen()
        assert "held by another station" in await refused(s.ask("pen.open", address=ADDRESS))
        assert not w.pen.connected

    scenario(play)


def test_a_station_that_ends_takes_nothing_but_stop() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.station.closing = True
        assert "ending" in await refused(s.ask("run.preview"))
        assert (await s.ask("pen.stop"))["sent"]

    scenario(play)


def test_the_disk_is_never_asked_on_the_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import threading

    from devicectl.records.store import Store
    from devicectl.station import recording

    asked: list[str] = []

    async def main() -> None:
        monkeypatch.setattr(recording, "TICK_S", 0.02)
        store = Store.open(tmp_path / "r.db")
        free = store.free_bytes
        monkeypatch.setattr(store, "free_bytes", lambda: asked.append(threading.current_thread().name) or free())
        world = World(store=store)
        s = await world.screen()
        await s.ask("pen.open", address=ADDRESS)
        await asyncio.sleep(0.2)
        await world.down()

    asyncio.run(main())
    assert asked
    assert threading.main_thread().name not in asked


def test_going_back_to_an_older_firmware_is_a_change_too() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        recording, up = w.desk.recording, w.desk.control

        def connect(firmware: str) -> None:
            identity = replace(up.identity, firmware=firmware)
            up.identity = identity
            recording.pen_up(Up(w.loop.time(), identity, up.capabilities, up.cartridge))

        first = up.identity.firmware
        assert recording.firmware_problem() is None
        connect("9.9.9")
        await asyncio.sleep(0.1)
        assert f"changed from {first}" in recording.firmware_problem()
        connect(first)
        await asyncio.sleep(0.1)
        assert recording.firmware_problem() is None
        connect("9.9.9")
        await asyncio.sleep(0.1)
        await s.ask("pen.accept_firmware")
        connect("9.9.9")
        await asyncio.sleep(0.1)
        assert recording.firmware_problem() is None
        connect(first)
        await asyncio.sleep(0.1)
        assert "changed from 9.9.9" in recording.firmware_problem()

    scenario(play)


def test_a_cartridge_that_cannot_be_read_is_not_taken_for_the_one_before() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        assert w.desk.recording.binding.cartridge_id is not None

        async def silent() -> Any:
            raise PenError("no answer")

        w.pen.refresh_cartridge = silent  # type: ignore[method-assign]
        w.sim.remove_cartridge()
        w.sim.insert_cartridge()
        await w.until(lambda: not w.desk.control.cartridge.present)
        await asyncio.sleep(0.5)
        await s.ask("gate.override", gate="cartridge", reason="cannot be read")
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        assert w.rows("select cartridge_id from passes") == [{"cartridge_id": None}]

    scenario(play)


def test_an_older_answer_does_not_say_which_cartridge_is_there() -> None:
    async def play(w: World) -> None:
        await w.ready()
        control, real = w.desk.control, w.pen.refresh_cartridge
        answers: list[asyncio.Future[Any]] = []

        async def asked() -> Any:
            answers.append(w.loop.create_future())
            return await answers[-1]

        before = control.cartridge
        w.pen.refresh_cartridge = asked  # type: ignore[method-assign]
        w.sim.remove_cartridge()
        await w.until(lambda: len(answers) == 1)
        w.sim.insert_cartridge()
        await w.until(lambda: len(answers) == 2)
        answers[0].set_result(before)
        await asyncio.sleep(0.1)
        assert not control.cartridge.present
        answers[1].set_result(await real())
        await asyncio.sleep(0.1)
        assert control.cartridge.present
        assert control.cartridge != before

    scenario(play)


def test_firmware_that_was_accepted_for_one_pen_is_not_trusted_in_the_next() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        recording, control = w.desk.recording, w.desk.control
        first = control.identity

        async def connect(**changes: str) -> None:
            control.identity = replace(first, **changes)
            recording.pen_up(Up(w.loop.time(), control.identity, control.capabilities, control.cartridge))
            await asyncio.sleep(0.1)

        await connect(serial="OTHER")
        await connect(firmware="9.9.9")
        assert recording.firmware_problem() is not None
        submit = recording.binding._submit

        def slowly(job: Any) -> asyncio.Future[Any]:
            async def later() -> Any:
                await asyncio.sleep(1)
                return await submit(job)

            return asyncio.ensure_future(later())

        recording.binding._submit = slowly
        accepting = asyncio.ensure_future(s.ask("pen.accept_firmware"))
        await asyncio.sleep(0.1)
        recording.binding._submit = submit
        await connect(serial="OTHER", firmware="8.8.8")
        await accepting
        assert "8.8.8" in recording.firmware_problem()

    scenario(play)


def test_firmware_cannot_be_accepted_without_the_record() -> None:
    async def play(w: World) -> None:
        s = await w.ready()

        def locked(connection: Any) -> None:
            raise DatabaseLocked("Another program is writing.")

        submit, binding = w.store.submit, w.desk.recording.binding
        w.store.submit = lambda job: submit(locked)  # type: ignore[method-assign]
        assert "Another program is writing" in await refused(s.ask("pen.accept_firmware"))
        w.store.submit = submit  # type: ignore[method-assign]
        binding.pen_id = None
        assert "does not know this pen" in await refused(s.ask("pen.accept_firmware"))

    scenario(play)


def test_a_session_does_not_go_on_with_other_firmware() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.start()
        await asyncio.sleep(1)
        w.sim.firmware.profile = w.sim.profile.model_copy(update={"firmware": "2.0.0"})
        w.sim.reboot()
        await w.until(lambda: w.desk.recording.session_view() is None, 5)
        await asyncio.sleep(2)
        assert [r["text"] for r in w.rows("select text from events where code = 'session-interrupted'")] == [
            "the pen's firmware changed"
        ]
        assert not w.rows("select text from alarms where code = 'record'")
        # The session and its pass belong to the pen as it was; what comes now belongs to the pen as it is.
        (session,) = w.rows("select p.firmware from sessions s join pens p on p.id = s.pen_id")
        assert session["firmware"] == "1.0.0"
        await s.ask("pen.accept_firmware")
        await s.ask("pen.reset")
        w.sim.insert_cartridge()
        await asyncio.sleep(1)
        await s.ask("session.open", purpose="treatment", client="TRAIN-1")
        await w.prepare(s)
        await w.until(lambda: all(g.passed for g in w.desk.control.gates()), 5)
        assert (await s.start()).outcome == "confirmed"

    scenario(play)
