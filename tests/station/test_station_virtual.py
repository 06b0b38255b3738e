"""The station with clients, record and simulated pen in virtual time. Numbers C1–C30 are the complaints of users of
comparable programs that the project answers (listed in docs/complaints.md)."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from support.world import ADDRESS, World, refused

from drivers.api import Action, Command, PenState
from drivers.links.memory import MemoryLink
from drivers.penlink.frame import STOP
from drivers.penlink.pen import PenlinkPen
from simulator.pen import SimulatedPen
from simulator.profile import load_profile
from simulator.virtual_time import run_virtual


def scenario(play: Callable[[World], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        world = World(**options)
        try:
            await play(world)
        finally:
            await world.down()

    run_virtual(main())


def test_a_session_on_a_training_client_is_recorded_as_needled() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        for zone in ("FRL", "MID", "VTX"):
            assert (await s.start(zone)).outcome == "confirmed"
            await asyncio.sleep(4)
            assert (await s.ask("run.end")).outcome == "confirmed"
            await asyncio.sleep(1.2)
        await s.ask("session.close")
        passes = w.rows("select zone, strokes, duration_ms, origin, end_reason, kind from passes order by seq")
        assert [p["zone"] for p in passes] == ["FRL", "MID", "VTX"]
        assert all(p["origin"] == "simulated" and p["kind"] == "granted" for p in passes)
        truth = w.sim.truth.strokes
        assert abs(sum(p["strokes"] for p in passes) - truth) < 0.02 * truth + 3
        assert [r["ended_utc_us"] is not None for r in w.rows("select * from sessions")] == [True]

    scenario(play)


def test_c1_an_unanswered_command_is_unknown_then_settled_and_never_called_failed() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__silence=True)
        answer = await s.ask("setpoint", depth_um=800)
        assert answer["depth"].outcome == "unknown"
        assert "fail" not in answer["depth"].text
        w.sim.clear_faults()
        await w.until(lambda: not w.desk.control.lane.unsettled, 5)
        rows = w.rows("select outcome from commands where action = 'set_depth'")
        assert [r["outcome"] for r in rows] == ["confirmed"]

    scenario(play)


def test_c2_a_command_left_open_by_a_crash_is_settled_before_anything_moves() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        intended = w.desk.control.lane
        from devicectl.control.journal import Intent

        intent = Intent(
            w.source.uuid(), intended.pen_id, None, intended.boot_id, w.pen.next_id(), "set_rate", 90_000, 1, 1
        )
        await w.desk.control.journal.intend(intent)
        w.desk.control.adopt_open()
        await asyncio.sleep(0.01)
        assert w.desk.control.lane.unsettled
        reply = await refused_or_reply(s)
        assert "checked" in reply
        await w.until(lambda: not w.desk.control.lane.unsettled, 5)
        rows = w.rows("select outcome from commands where action = 'set_rate'")
        assert [r["outcome"] for r in rows] == ["not_sent"]

    async def refused_or_reply(s: Any) -> str:
        reply = await s.start()
        assert reply.outcome == "not_sent"
        return str(reply.text)

    scenario(play)


def test_c3_settlement_runs_by_itself_after_a_reconnect() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__silence=True)
        answer = await s.ask("setpoint", rate_mhz=90_000)
        assert answer["rate"].outcome == "unknown"
        await w.pen.close()
        w.sim.clear_faults()
        await w.pen.connect()
        await w.until(lambda: not w.desk.control.lane.unsettled, 5)
        assert w.rows("select outcome from commands where action = 'set_rate'")[0]["outcome"] == "confirmed"

    scenario(play)


def test_c5_the_same_command_again_is_sent_again() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        for _ in range(3):
            assert (await s.ask("setpoint", depth_um=800))["depth"].outcome == "confirmed"
        assert len(w.rows("select id from commands where action = 'set_depth'")) == 3

    scenario(play)


def test_c6_a_lost_client_stops_the_pen() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        await s.close()
        w.screens.clear()
        await w.until(lambda: not w.sim.truth.driven, 0.1)
        assert w.sim.truth.state is PenState.STOPPED

    scenario(play)


def test_c6_a_frozen_screen_stops_the_pen_within_400_ms_and_a_tick() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        s.frozen = True
        assert await w.until(lambda: not w.sim.truth.driven, 2) <= 0.65

    scenario(play)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_c7_c8_nothing_moves_on_connect_or_reconnect(seconds: float) -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        w.sim.set_faults(silence=True)
        await asyncio.sleep(seconds)
        w.sim.clear_faults()
        await asyncio.sleep(6)
        assert not w.sim.truth.turning
        assert w.desk.control.latched

    scenario(play)


def test_c9_stop_in_every_state_never_yields_running() -> None:
    async def play(w: World) -> None:
        s = await w.ready()

        async def check() -> None:
            s.client.stop_now("SPACE")
            await asyncio.sleep(1)
            assert not w.sim.truth.turning
            assert w.sim.truth.state is PenState.STOPPED
            assert (await s.ask("pen.reset")).outcome == "confirmed"

        await check()
        await s.start()
        await check()
        await s.start()
        await s.ask("run.pause")
        await asyncio.sleep(1)
        await check()
        s.client.stop_now("SPACE")
        s.client.stop_now("SPACE")
        await check()

    scenario(play)


def test_c10_no_start_without_a_fresh_intent() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("zone.select", zone="VTX")
        sheet = await s.ask("run.preview")
        await asyncio.sleep(0.2)
        assert (await s.ask("run.start", ticket=sheet.ticket)).outcome == "confirmed"
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        assert (await s.ask("run.start", ticket=sheet.ticket)).outcome == "not_sent"
        assert not w.sim.truth.turning

    scenario(play)


def test_c11_stop_works_while_a_long_command_runs() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        w.sim.set_faults(from_pen__delay=0.25)
        answer = asyncio.ensure_future(s.ask("setpoint", depth_um=1200))
        await asyncio.sleep(0.05)
        assert w.desk.control.lane.busy, "the command still waits for its answer"
        began = w.loop.time()
        s.client.stop_now("SPACE")
        await w.until(lambda: not w.sim.truth.driven, 0.1)
        assert w.loop.time() - began <= 0.02
        await answer

    scenario(play)


def test_c12_stop_is_judged_by_physics_not_by_the_pens_word() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        w.sim.set_faults(stop_ignored=True, run_away=True)
        s.client.stop_now("SPACE")
        await w.until(lambda: w.desk.alarms.active("stop-not-still"), 1)
        assert w.sim.truth.turning
        w.sim.clear_faults()
        await w.until(lambda: not w.desk.control.stop_lane.active, 3)
        assert not w.sim.truth.turning

    scenario(play)


def test_c14_every_refusal_has_its_own_sentence() -> None:
    async def play(w: World) -> None:
        s = await w.screen()
        texts = {
            await refused(s.ask("run.preview")),
            await refused(s.ask("pen.open", address="nonsense")),
            await refused(s.ask("pen.open", address="tcp://127.0.0.1:9")),
            await refused(s.ask("no.such")),
        }
        await s.ask("pen.open", address=ADDRESS)
        texts |= {
            await refused(s.ask("run.preview")),
            await refused(s.ask("zone.select", zone="NOSE")),
            await refused(s.ask("session.open", purpose="treatment")),
            await refused(s.ask("session.open", purpose="bench", client="X")),
        }
        assert len(texts) == 8
        assert all(text.endswith((".", "?")) for text in texts)

    scenario(play)


def test_c15_a_late_answer_does_not_answer_the_next_command() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__delay=0.45)
        first = await s.ask("setpoint", depth_um=800)
        assert first["depth"].outcome == "unknown"
        w.sim.clear_faults()
        await w.until(lambda: not w.desk.control.lane.unsettled, 5)
        await asyncio.sleep(0.5)
        second = await s.ask("setpoint", rate_mhz=90_000)
        assert second["rate"].outcome == "confirmed"
        assert w.desk.control.readback.rate_mhz == 90_000
        assert w.pen.statistics.late_answers >= 1

    scenario(play)


def test_c16_nothing_waits_for_ever_when_the_peer_vanishes() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(silence=True)
        began = w.loop.time()
        answer = await s.ask("setpoint", depth_um=800)
        assert answer["depth"].outcome == "unknown"
        assert w.loop.time() - began < 1.0

    scenario(play)


def test_c17_reconnecting_is_endless_and_gentle() -> None:
    async def play(w: World) -> None:
        await w.ready()
        attempts = 0
        make = w.pen._make_link

        def counted() -> Any:
            nonlocal attempts
            attempts += 1
            return make()

        w.pen._make_link = counted
        w.sim.set_faults(silence=True)
        await w.pen.close()
        w.desk.keeper._lost.set()
        await asyncio.sleep(600)
        assert 60 < attempts < 200
        w.sim.clear_faults()
        await w.until(lambda: w.pen.connected, 15)

    scenario(play)


def test_c18_a_pen_can_be_let_go_and_another_taken() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("session.close")
        await s.ask("pen.close")
        assert w.station.desks == []
        other = SimulatedPen("fixed-117", seed=9)
        address = "tcp://127.0.0.1:7002"
        pen = PenlinkPen(address, lambda: MemoryLink(other.line(115_200), address))
        w.station.ports.open_pen = lambda _: pen
        await s.ask("pen.open", address=address)
        assert [str(desk.address) for desk in w.station.desks] == [address]
        await w.until(lambda: w.desk.confirmed_still)
        assert w.desk.control.identity.serial == other.serial != w.sim.serial
        await s.ask("session.open", purpose="bench", client=None)
        await w.until(lambda: s.view.session is not None)
        assert s.view.session.zones == ()
        other.close()

    scenario(play)


def test_c19_an_implausible_sample_is_dropped_and_counted() -> None:
    async def play(w: World) -> None:
        await w.ready()
        before = w.desk.trace.end
        from drivers.penlink.frame import encode
        from drivers.penlink.messages import TelemetryMessage

        session = w.pen._session
        assert session is not None
        message = TelemetryMessage((session._sample_counter or 0) + 1, session.clock_ms + 1, 9_999, 900_000, 0)
        session.feed(encode(message, 1), w.loop.time())
        assert w.pen.statistics.implausible == 1
        assert w.desk.trace.end == before
        assert not w.desk.control.latched

    scenario(play)


def test_c20_two_sessions_on_one_link_share_nothing() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await s.start("VTX")
        await asyncio.sleep(2)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        await s.ask("session.close")
        await s.ask("session.open", purpose="treatment", client="TRAIN-2")
        await asyncio.sleep(0.2)
        view = s.view.session
        assert (view.client, view.passes, view.zones, view.zone) == ("TRAIN-2", 0, (), None)
        assert "No zone" in await refused(s.ask("run.preview"))

    scenario(play)


def test_c21_the_record_cannot_touch_the_link() -> None:
    async def play(w: World) -> None:
        await w.ready()
        before = w.pen.statistics.bytes_out
        future = w.store.submit(lambda connection: (_ for _ in ()).throw(RuntimeError("disk")))
        await asyncio.sleep(0.05)
        assert future.exception() is not None
        assert w.pen.connected
        assert w.pen.statistics.bytes_out == before

    scenario(play)


def test_c23_changed_firmware_is_read_only_until_accepted() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("session.close")
        await s.ask("pen.close")
        newer = load_profile("reference").model_copy(update={"firmware": "1.1.0"})
        w.sim.close()
        w.sim = SimulatedPen(newer, seed=1)
        await s.ask("pen.open", address=ADDRESS)
        await asyncio.sleep(0.5)
        await s.ask("session.open", purpose="bench")
        reply = await s.start()
        assert reply.outcome == "not_sent"
        assert "firmware changed from 1.0.0 to 1.1.0" in reply.text
        await s.ask("pen.accept_firmware")
        assert (await s.start()).outcome == "confirmed"

    scenario(play)


def test_c25_simulated_pens_and_training_clients_only_meet_each_other() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        await asyncio.sleep(0.2)
        assert s.view.pen.simulated
        assert s.view.session.origin == "simulated"
        rows = w.rows("select training from clients")
        assert [r["training"] for r in rows] == [1]
        await s.ask("session.close")
        w.desk.control.identity = replace(w.desk.control.identity, simulated=False)
        assert "with hardware" in await refused(s.ask("session.open", purpose="treatment", client="TRAIN-1"))

    scenario(play)


def test_a_suspended_computer_stops_the_pen_and_drops_control() -> None:
    async def play(w: World) -> None:
        s = await w.ready("treatment", "TRAIN-1")
        assert (await s.start()).outcome == "confirmed"
        await asyncio.sleep(1)
        w.source.suspended_us = 30_000_000
        await w.until(lambda: not w.sim.truth.driven, 1.2)
        assert w.desk.control.latched
        assert w.desk.holder is None
        assert any("suspended" in alarm.text for alarm in w.desk.alarms.standing())
        assert [r["code"] for r in w.rows("select code from events where code = 'clock-broken'")] == ["clock-broken"]
        assert "control" in await refused(s.ask("run.preview"))

    scenario(play)


def test_c26_stop_needs_no_control_and_asks_nothing() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        other = await w.screen("watcher")
        await other.ask("pen.open", address=ADDRESS)
        assert not other.view or not other.view.you_control
        assert "holds control" in await refused(other.ask("run.end"))
        answer = await other.ask("pen.stop", source="watcher")
        assert answer["sent"]
        await w.until(lambda: not w.sim.truth.driven, 0.1)

    scenario(play)


def test_c27_limits_hold_below_every_entry_point() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        assert (await s.ask("setpoint", depth_um=1600))["depth"].outcome == "not_sent"
        assert (await s.ask("setpoint", depth_um=1600, lower=True))[
            "depth"
        ].text == "1.60 mm → 1.50 mm: soft limit 1.50 mm"
        outcome = await w.pen.command(Command(Action.SET_DEPTH, 1600), deadline=0.3)
        assert "limit that this session gave the pen" in outcome.text

    scenario(play)


def test_c30_every_shut_gate_says_why() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.remove_cartridge()
        await asyncio.sleep(0.5)
        reply = await s.start()
        assert reply.outcome == "not_sent"
        assert "cartridge" in reply.text.lower()
        assert not w.sim.truth.turning

    scenario(play)


def test_control_changes_hands_only_while_still() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        other = await w.screen("second")
        await other.ask("pen.open", address=ADDRESS)
        await s.start()
        assert "not confirmed still" in await refused(other.ask("control.take"))
        await s.ask("run.end")
        await asyncio.sleep(1)
        await other.ask("control.take")
        assert "holds control" in await refused(s.ask("run.preview"))

    scenario(play)


def test_a_silent_record_stops_the_pen() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        w.desk.control.journal.silent_for = lambda: 2.5
        assert await w.until(lambda: not w.sim.truth.driven, 2) <= 0.2
        assert any(a.priority.name == "HIGH" for a in w.desk.alarms.standing())

    scenario(play)


def test_a_clock_that_was_set_stops_the_pen_and_drops_control() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1.5)
        w.source.jump_us = 5_000_000
        await w.until(lambda: not w.sim.truth.driven, 2)
        assert w.desk.holder is None
        assert w.desk.alarms.active("clock")

    scenario(play)


def test_heartbeats_count_only_when_both_counters_rise() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        s.frozen = True
        for beat in range(10_000, 10_010):
            s.client.heartbeat(beat, 7)
            await asyncio.sleep(0.1)
        assert not w.sim.truth.driven

    scenario(play)


def test_setpoint_change_while_running_splits_the_pass() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("setpoint", depth_um=1000, rate_mhz=100_000)
        await s.start("VTX")
        await asyncio.sleep(3)
        assert (await s.ask("setpoint", depth_um=1050))["depth"].outcome == "confirmed"
        await asyncio.sleep(3)
        await s.ask("zone.select", zone="MID")
        await asyncio.sleep(3)
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        rows = w.rows("select zone, depth_set_um, opened_clock_ms, ended_clock_ms from passes order by seq")
        assert [(r["zone"], r["depth_set_um"]) for r in rows] == [("VTX", 1000), ("VTX", 1050), ("MID", 1050)]
        assert [r["opened_clock_ms"] for r in rows[1:]] == [r["ended_clock_ms"] for r in rows[:-1]]

    scenario(play)


def test_the_stop_pattern_is_what_goes_out_first() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        sent: list[bytes] = []
        link = w.pen._link
        assert link is not None
        real = link.write_stop
        link.write_stop = lambda data: (sent.append(data), real(data))[1]  # type: ignore[method-assign]
        s.client.stop_now("SPACE")
        assert sent == [STOP]

    scenario(play)


def test_a_stop_is_in_the_record_before_the_pen_is_still_and_completed_after() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.start()
        await asyncio.sleep(1)
        s.client.stop_now("SPACE")
        await asyncio.sleep(0.01)
        assert [(r["still"], r["intent_to_still_us"]) for r in w.rows("select * from stops")] == [(0, None)]
        await w.until(lambda: not w.desk.control.stop_lane.active)
        await asyncio.sleep(0.01)
        rows = w.rows("select * from stops")
        assert [r["still"] for r in rows] == [1]
        assert 50_000 < rows[0]["intent_to_still_us"] < 350_000

    scenario(play)


def test_changed_firmware_takes_no_targets_either() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.desk.control.firmware_problem = lambda: "The firmware changed; check the pen."
        assert (await s.ask("setpoint", depth_um=800))["depth"].outcome == "not_sent"
        assert w.sim.firmware.depth == 0

    scenario(play)


def test_an_alarm_is_in_the_record_when_it_is_raised_seen_and_gone() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.set_faults(from_pen__silence=True)
        await w.until(lambda: w.desk.alarms.active("silent"), 3)
        await s.ask("alarm.acknowledge")
        w.sim.clear_faults()
        await w.until(lambda: not w.desk.alarms.active("silent"), 3)
        await asyncio.sleep(0.01)
        rows = w.rows("select * from alarms where code = 'silent'")
        assert len(rows) == 1
        assert rows[0]["raised_utc_us"] < rows[0]["acknowledged_utc_us"] < rows[0]["cleared_utc_us"]

    scenario(play)


def test_an_overridden_gate_is_written_down_with_its_reason_and_closes_with_the_session() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        w.sim.physics.charge = 0.08
        await w.until(lambda: any(g.name == "battery" and not g.passed for g in w.desk.control.gates()))
        await s.ask("zone.select", zone="VTX")
        sheet = await s.ask("run.preview")
        shut = [g for g in sheet.gates if not g.passed]
        assert [(g.name, g.overridable) for g in shut] == [("battery", True)]
        assert "reason" in await refused(s.ask("gate.override", gate="battery"))
        assert "reason" in await refused(s.ask("gate.override", gate="battery", reason="  x  "))
        assert "cannot be overridden" in await refused(s.ask("gate.override", gate="latch", reason="no patience"))
        await s.ask("gate.override", gate="battery", reason="runs from a supply")
        assert (await s.start()).outcome == "confirmed"
        assert "still" in await refused(s.ask("gate.override", gate="cartridge", reason="cannot be read"))
        await s.ask("run.end")
        await asyncio.sleep(1.5)
        await s.ask("session.close")
        events = w.rows("select text, session_id from events where code = 'gate-overridden'")
        assert [e["text"] for e in events] == ["battery: runs from a supply"]
        assert events[0]["session_id"] is not None
        await s.ask("session.open", purpose="bench", client=None)
        assert not next(g for g in w.desk.control.gates() if g.name == "battery").passed

    scenario(play)


def test_a_plan_limits_depth_in_its_zones() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("session.close")
        assert "no zone" in (await refused(s.ask("session.open", purpose="bench", plan={"NOSE": 500}))).lower()
        twice = await refused(s.ask("session.open", purpose="bench", plan={"VTX": 500, "vtx": 900}))
        assert "VTX twice" in twice
        await s.ask("session.open", purpose="bench", client=None, plan={"vtx": 600})
        await s.ask("zone.select", zone="VTX")
        answer = await s.ask("setpoint", depth_um=1000)
        assert answer["depth"].outcome == "not_sent"
        assert "1.00 mm → 0.60 mm: plan for zone VTX" in answer["depth"].text

    scenario(play)


def test_what_a_client_asked_before_it_was_cut_off_leaves_nothing_that_was_never_awaited() -> None:
    async def play(w: World) -> None:
        screen = await w.screen("cut off")
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            asked = asyncio.ensure_future(screen.ask("pens.list"))
            # The request is taken, its task has not begun, and the client is gone.
            asyncio.get_running_loop().call_soon(screen.client._connection.lost)
            await asyncio.sleep(0.1)
            gc.collect()
        asked.cancel()
        assert not [str(one.message) for one in found]

    scenario(play)


def test_a_pen_that_was_closed_is_remembered_as_it_was_for_3_s() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        (held,) = await s.ask("pens.list")
        assert held.session == w.desk.recording.session_id is not None
        assert held.closed_s is None
        await s.start()
        await asyncio.sleep(0.5)
        s.client.stop_now("SPACE")
        await w.until(lambda: w.desk.confirmed_still)
        await s.ask("pen.close")
        assert await s.ask("pens.list") == []
        await asyncio.sleep(1.0)
        (closed,) = await s.ask("pens.list", closed=True)
        assert closed.motion == "still"
        assert closed.stop_ms is not None
        assert closed.latched
        assert closed.session is None
        assert abs(closed.closed_s - 1.0) < 0.05
        await asyncio.sleep(2.1)
        assert await s.ask("pens.list", closed=True) == []

    scenario(play)


def test_a_pen_that_was_opened_again_is_not_shown_as_closed() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        await s.ask("pen.close")
        await s.ask("pen.open", address=ADDRESS)
        assert [pen.closed_s for pen in await s.ask("pens.list", closed=True)] == [None]

    scenario(play)


def test_when_one_of_two_values_is_refused_nothing_is_sent() -> None:
    async def play(w: World) -> None:
        s = await w.ready()
        held = w.sim.firmware.depth, w.sim.firmware.rate
        for asked, bad in (
            ({"depth_um": 9_000, "rate_mhz": 90_000}, "depth"),
            ({"depth_um": 700, "rate_mhz": 900_000}, "rate"),
        ):
            answer = await s.ask("setpoint", **asked, lower=True)
            assert {name: reply.outcome for name, reply in answer.items()} == {"depth": "not_sent", "rate": "not_sent"}
            other = answer["rate" if bad == "depth" else "depth"]
            assert f"the {bad} was refused" in other.text
            assert "ask for less" in answer[bad].text
        assert (w.sim.firmware.depth, w.sim.firmware.rate) == held
        assert (await s.ask("setpoint", depth_um=9_000))["depth"].outcome == "not_sent"

    scenario(play)


def test_a_stop_across_a_lost_link_is_told_as_seen_again() -> None:
    from devicectl.control.events import StopDone
    from devicectl.station.desk import _TEXTS

    assert _TEXTS[StopDone](StopDone(0.0, "SPACE", 74.4, False)) == "still, 74 ms after STOP"
    assert _TEXTS[StopDone](StopDone(0.0, "SPACE", 10_010.0, False)) == "seen still 10.0 s after STOP"
