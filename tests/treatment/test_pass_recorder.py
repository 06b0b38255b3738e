"""Passes as they are cut from telemetry."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicectl.records.evidence import GAP_MS, from_blocks
from devicectl.records.telemetry_block import decode, encode
from devicectl.treatment.pass_events import BlockSealed, BlockUpdated, CloseReason, PassClosed, PassKind, PassOpened
from devicectl.treatment.pass_recorder import PassRecorder
from devicectl.treatment.zones import parse_zone
from drivers.api import Gap, Telemetry, Vitals
from drivers.motor import STILL_MA, STILL_MHZ, TURNING_MHZ

VTX, MID = parse_zone("VTX"), parse_zone("MID")


class Bench:
    """A recorder, a pen at 50 Hz, and everything the recorder told."""

    def __init__(self, *, contact: bool | None = True, needles: int = 14) -> None:
        numbers = itertools.count(1)
        self.told: list = []
        self.recorder = PassRecorder(self.told.append, lambda: UUID(int=next(numbers)), needles=needles)
        self.now, self.clock, self.counter, self.contact = 100.0, 5_000, 0, contact
        self.current = 250

    def grant(self, zone=VTX, depth=1_000, rate=100_000) -> None:
        self.recorder.zone(zone, depth, rate, self.now)
        self.recorder.run(True, self.now)

    def turn(
        self, seconds: float, rate: int = 100_000, depth: int = 1_000, step_ms: int = 20, *, driving: bool | None = None
    ) -> None:
        """``driving`` None: driven, with current, while it turns."""
        driven = rate > 0 if driving is None else driving
        for _ in range(round(seconds * 1_000 / step_ms)):
            self.counter += 1
            self.now += step_ms / 1_000
            self.clock += step_ms
            sample = Telemetry(
                self.now, self.counter, self.clock, depth, rate, self.current * driven, self.contact, driving=driven
            )
            self.recorder.telemetry(sample)

    def still(self, seconds: float = 0.5) -> None:
        self.turn(seconds, rate=0)

    def of(self, kind) -> list:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def closed(self) -> list[PassClosed]:
        return self.of(PassClosed)


def test_a_pass_from_start_to_end():
    bench = Bench()
    bench.recorder.vitals(Vitals(0, 0, 3_100, 3_900, 80, 0))
    bench.grant()
    bench.still()
    bench.turn(5)
    progress = bench.recorder.current()
    assert progress is not None
    assert (progress.zone, progress.duration_ms, progress.contact_ms, progress.inferred) == (VTX, 4_980, 4_980, False)
    bench.recorder.run(False, bench.now, CloseReason.ENDED)
    bench.still()
    (opened,) = bench.of(PassOpened)
    assert (opened.seq, opened.kind, opened.depth_um, opened.rate_mhz) == (1, PassKind.GRANTED, 1_000, 100_000)
    (done,) = bench.closed
    assert done.reason is CloseReason.ENDED
    figures = done.figures
    assert figures.duration_ms == 5_000
    assert figures.strokes == pytest.approx(499, abs=1)
    assert figures.contact_ms == 5_000
    assert figures.contact_kind == "measured"
    assert done.density_cm2 == pytest.approx(499 * 14 / 50, abs=1)
    assert (figures.depth_min_um, figures.depth_mean_um, figures.depth_max_um) == (1_000, 1_000, 1_000)
    assert bench.recorder.current() is None
    totals = bench.recorder.totals["VTX"]
    assert (totals.passes, totals.duration_ms, totals.density_cm2) == (1, 5_000, done.density_cm2)
    assert isinstance(bench.told[-2], BlockSealed)
    assert bench.told[-2].columns.battery_mv[0] == 3_900


def test_the_open_block_is_told_each_second_and_sealed_after_ten():
    bench = Bench()
    bench.grant()
    bench.turn(25)
    assert len(bench.of(BlockUpdated)) == pytest.approx(23, abs=1)
    assert [block.seq for block in bench.of(BlockSealed)] == [0, 1]
    assert [block.columns.clock_ms[-1] - block.columns.clock_ms[0] for block in bench.of(BlockSealed)] == [10_000] * 2
    # At most one second of telemetry is not handed out at any moment.
    bench.turn(0.98)
    last = bench.of(BlockUpdated)[-1]
    assert bench.clock - last.columns.clock_ms[-1] <= 1_000


def test_a_zone_changed_while_turning_cuts_there():
    bench = Bench()
    bench.grant()
    bench.turn(3)
    at = bench.clock
    bench.recorder.zone(MID, 1_000, 100_000, bench.now)
    bench.turn(2)
    bench.recorder.run(False, bench.now, CloseReason.STOPPED)
    bench.still()
    first, second = bench.closed
    assert (first.zone, first.reason, first.clock_ms) == (VTX, CloseReason.ZONE_CHANGED, at)
    assert (second.zone, second.reason) == (MID, CloseReason.STOPPED)
    assert second.figures.segments[0].from_clock_ms == at
    assert first.figures.duration_ms + second.figures.duration_ms == 4_980 + 20
    assert [event.seq for event in bench.of(PassOpened)] == [1, 2]


def test_another_setpoint_is_another_pass():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.recorder.zone(VTX, 1_250, 100_000, bench.now)
    bench.recorder.zone(VTX, 1_250, 100_000, bench.now)
    bench.turn(1)
    assert [done.reason for done in bench.closed] == [CloseReason.ENDED]
    assert bench.of(PassOpened)[1].depth_um == 1_250


def test_a_gap_is_unknown_and_nothing_is_interpolated_across_it():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.clock += 500
    bench.now += 0.5
    bench.turn(1)
    bench.recorder.gap(Gap(bench.now, 3))
    bench.clock += 60
    bench.turn(1)
    bench.recorder.run(False, bench.now)
    bench.still()
    (done,) = bench.closed
    assert [segment.kind for segment in done.figures.segments] == [
        "measured",
        "unknown",
        "measured",
        "unknown",
        "measured",
    ]
    assert done.figures.unknown_ms == 520 + 80
    assert done.lost_samples == 3
    assert done.figures.strokes == pytest.approx((done.figures.duration_ms - 600) / 10, abs=1.5)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (None, CloseReason.PAUSED),
        (CloseReason.LEASE_EXPIRED, CloseReason.LEASE_EXPIRED),
        (CloseReason.STOPPED, CloseReason.STOPPED),
    ],
)
def test_a_pass_that_ends_by_itself_waits_a_moment_for_the_reason(told, reason):
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.still(0.1)
    assert bench.closed == []
    if told is not None:
        bench.recorder.ending(told)
    else:
        bench.still(0.4)
    assert [done.reason for done in bench.closed] == [reason]
    assert bench.closed[0].figures.duration_ms == 1_000


def test_the_reason_is_not_waited_for_in_silence():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.still(0.02)
    bench.recorder.tick(bench.now + 0.2)
    assert bench.closed == []
    bench.recorder.tick(bench.now + 0.31)
    assert bench.closed[0].reason is CloseReason.PAUSED


def test_a_pause_and_its_resumption_are_two_passes_of_one_run():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.still(1)
    bench.turn(1)
    bench.recorder.run(False, bench.now)
    bench.still()
    assert [(done.kind, done.reason) for done in bench.closed] == [
        (PassKind.GRANTED, CloseReason.PAUSED),
        (PassKind.GRANTED, CloseReason.ENDED),
    ]


def test_silence_hands_the_open_block_out():
    bench = Bench()
    bench.grant()
    bench.turn(0.5)
    bench.recorder.tick(bench.now + 0.5)
    assert bench.of(BlockUpdated) == []
    bench.recorder.tick(bench.now + 1.0)
    bench.recorder.tick(bench.now + 2.0)
    assert len(bench.of(BlockUpdated)) == 1


@pytest.mark.parametrize(("how", "reason"), [("lost", CloseReason.LOST), ("rebooted", CloseReason.INTERRUPTED)])
def test_a_pass_ends_with_its_last_sample_when_the_pen_is_gone(how, reason):
    bench = Bench()
    bench.grant()
    bench.turn(2)
    last = bench.clock
    getattr(bench.recorder, how)(bench.now + 3)
    (done,) = bench.closed
    assert (done.reason, done.clock_ms) == (reason, last)
    bench.clock = 10  # a new boot begins at nought
    bench.recorder.run(False, bench.now, CloseReason.LOST)
    bench.now += 5
    bench.turn(1)
    assert bench.of(PassOpened)[-1].kind is PassKind.UNCOMMANDED


def test_motion_without_a_run_is_an_uncommanded_pass():
    bench = Bench()
    bench.recorder.zone(VTX, 1_000, 100_000, bench.now)
    bench.turn(1)
    bench.recorder.run(True, bench.now)
    bench.still()
    (done,) = bench.closed
    assert done.kind is PassKind.UNCOMMANDED
    assert bench.recorder.totals == {}


def test_a_needle_on_its_way_to_a_dead_centre_is_no_pass():
    bench = Bench()
    bench.recorder.parking(True, bench.now)
    bench.turn(0.5, rate=2_000)
    bench.recorder.parking(False, bench.now)
    bench.turn(0.1, rate=2_000)
    bench.still(2)
    assert not bench.told
    bench.turn(0.5, rate=2_000)
    assert [opened.kind for opened in bench.of(PassOpened)] == [PassKind.UNCOMMANDED]


def test_current_that_lasts_is_motion_whatever_rate_and_drive_flag_say():
    bench = Bench()
    bench.still()
    for clock in range(0, 1_000, 20):
        at = bench.clock + clock
        bench.recorder.telemetry(Telemetry(bench.now + clock / 1000, clock, at, 1_000, 0, 250, True, driving=False))
    (opened,) = bench.of(PassOpened)
    assert opened.kind is PassKind.UNCOMMANDED


def test_a_needle_that_turns_faster_than_parking_is_an_uncommanded_pass():
    bench = Bench()
    bench.recorder.parking(True, bench.now)
    bench.turn(0.5, rate=TURNING_MHZ + 1)
    assert [opened.kind for opened in bench.of(PassOpened)] == [PassKind.UNCOMMANDED]


def test_a_run_that_follows_parking_is_recorded_from_its_first_sample():
    bench = Bench()
    bench.recorder.parking(True, bench.now)
    bench.recorder.parking(False, bench.now)
    bench.grant()
    bench.turn(0.1, rate=2_000)
    assert [opened.kind for opened in bench.of(PassOpened)] == [PassKind.GRANTED]


def test_motion_that_outlasts_its_run_becomes_uncommanded():
    bench = Bench()
    bench.grant()
    bench.turn(2)
    bench.recorder.run(False, bench.now, CloseReason.STOPPED)
    bench.turn(3)
    bench.still()
    first, second = bench.closed
    assert (first.kind, first.reason) == (PassKind.GRANTED, CloseReason.STOPPED)
    assert second.kind is PassKind.UNCOMMANDED
    assert first.clock_ms == second.figures.segments[0].from_clock_ms


def test_motion_that_control_disowns_is_another_pass_from_there_on():
    bench = Bench()
    bench.grant()
    bench.turn(2)
    bench.recorder.run(False, bench.now)
    bench.turn(0.3)
    at = bench.clock
    bench.recorder.uncommanded()
    bench.recorder.uncommanded()
    bench.turn(0.2)
    bench.still()
    first, second = bench.closed
    assert (first.kind, first.clock_ms) == (PassKind.GRANTED, at)
    assert (second.kind, second.figures.segments[0].from_clock_ms) == (PassKind.UNCOMMANDED, at)


def test_a_rate_of_0_does_not_end_a_pass_while_the_motor_has_current():
    """A rate sensor that fails must not make needling vanish from the record, nor may it be called measured."""
    bench = Bench()
    bench.grant()
    bench.turn(2)
    failed = bench.clock
    bench.turn(4, rate=0, driving=True)
    bench.recorder.run(False, bench.now)
    bench.still()
    (done,) = bench.closed
    assert (done.kind, done.reason, done.figures.duration_ms) == (PassKind.GRANTED, CloseReason.ENDED, 6_000)
    first, second = done.figures.segments
    assert (first.kind, first.contact, first.to_clock_ms) == ("measured", True, failed)
    assert (second.kind, second.contact, second.to_clock_ms) == ("unknown", None, done.clock_ms)
    assert done.figures.strokes == pytest.approx(198, abs=1)
    assert done.figures.contact_ms == 1_980


def test_a_motor_with_current_is_a_pass_though_its_rate_was_never_seen():
    bench = Bench()
    bench.grant()
    bench.turn(3, rate=0, driving=True)
    bench.recorder.run(False, bench.now)
    bench.still()
    (done,) = bench.closed
    assert (done.figures.contact_kind, done.figures.strokes, done.figures.contact_ms) == ("unknown", 0, 0)
    assert [segment.kind for segment in done.figures.segments] == ["unknown"]
    assert done.figures.duration_ms == 3_000


def test_a_motor_that_comes_up_to_speed_contradicts_nothing():
    bench = Bench()
    bench.grant()
    bench.turn(0.02, rate=0, driving=True)
    for rate in range(20_000, 100_000, 20_000):
        bench.turn(0.02, rate=rate)
    bench.turn(1)
    bench.recorder.run(False, bench.now)
    bench.still()
    assert [segment.kind for segment in bench.closed[0].figures.segments] == ["measured"]


def test_running_down_is_not_uncommanded():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    bench.recorder.run(False, bench.now)
    for rate in range(100_000, 0, -5_000):
        bench.turn(0.04, rate=rate, driving=False)
    bench.still()
    assert [done.kind for done in bench.closed] == [PassKind.GRANTED]


def test_contact_is_inferred_from_the_current_and_marked_so():
    bench = Bench(contact=None)
    bench.grant()
    bench.current = 120
    bench.turn(2)
    bench.current = 260
    bench.turn(3)
    bench.current = 120
    bench.turn(1)
    progress = bench.recorder.current()
    assert progress is not None
    assert progress.inferred
    bench.recorder.run(False, bench.now)
    bench.still()
    (done,) = bench.closed
    assert done.figures.contact_kind == "inferred"
    assert done.figures.contact_ms == pytest.approx(3_000, abs=250)
    assert done.figures.segments[0].kind == "unknown"
    assert {segment.kind for segment in done.figures.segments[1:]} == {"inferred"}
    assert bench.recorder.totals["VTX"].inferred


def test_a_told_unloaded_current_serves_from_the_first_stroke():
    bench = Bench(contact=None)
    bench.recorder.contact.unloaded(100_000, 120)
    bench.grant()
    bench.current = 260
    bench.turn(2)
    bench.recorder.run(False, bench.now)
    bench.still()
    assert bench.closed[0].figures.contact_ms > 1_500


def test_a_sample_that_comes_twice_counts_once():
    bench = Bench()
    bench.grant()
    bench.turn(1)
    again = Telemetry(bench.now, 1, bench.clock - 20, 9_000, 100_000, 250, True, True)
    bench.recorder.telemetry(again)
    bench.recorder.telemetry(again._replace(clock_ms=bench.clock))
    bench.recorder.close(bench.now)
    assert bench.closed[0].figures.depth_max_um == 1_000
    assert bench.closed[0].reason is CloseReason.INTERRUPTED


STEP = st.one_of(
    st.tuples(
        st.just("burst"),
        st.integers(2, 700),
        st.sampled_from([10, 20, 40, GAP_MS, GAP_MS + 1]),
        st.integers(TURNING_MHZ + 1, 150_000),
        st.sampled_from([None, False, True]),
    ),
    st.tuples(
        st.just("sample"),
        st.integers(1, 400),
        st.sampled_from([0, STILL_MHZ, 3_000, TURNING_MHZ, TURNING_MHZ + 1, 100_000, 150_000]),
        st.sampled_from([None, False, True]),
        st.integers(0, 2_500),
        st.sampled_from([0, STILL_MA, 200]),
    ),
    st.tuples(st.just("gap"), st.integers(1, 50)),
    st.tuples(st.just("zone"), st.sampled_from([VTX, MID, None]), st.sampled_from([500, 1_000])),
    st.tuples(st.just("run"), st.booleans(), st.sampled_from(list(CloseReason))),
    st.tuples(st.just("lost")),
    st.tuples(st.just("reboot")),
    st.tuples(st.just("tick"), st.floats(0, 3)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_segments_partition_every_pass_and_strokes_are_the_integral(steps):
    bench = Bench()
    recorder = bench.recorder
    samples: dict[int, list[tuple[int, int, int, bool]]] = {}
    boot = after_gap = 0
    homes: dict[UUID, int] = {}
    for step in steps:
        match step:
            case ("sample", elapsed, rate, contact, depth, current):
                bench.clock += elapsed
                bench.now += elapsed / 1_000
                samples.setdefault(boot, []).append((bench.clock, rate, current, bool(after_gap)))
                after_gap = 0
                recorder.telemetry(Telemetry(bench.now, 0, bench.clock, depth, rate, current, contact, True))
            case ("burst", count, elapsed, rate, contact):
                for number in range(count):
                    bench.clock += elapsed
                    bench.now += elapsed / 1_000
                    current = 200 + 40 * (number // 50 % 3)
                    samples.setdefault(boot, []).append((bench.clock, rate + number, current, bool(after_gap)))
                    after_gap = 0
                    recorder.telemetry(
                        Telemetry(bench.now, 0, bench.clock, number, rate + number, current, contact, True)
                    )
                progress = recorder.current()
                assert progress is not None
                assert progress.contact_ms <= progress.duration_ms
            case ("gap", missing):
                after_gap = 1
                recorder.gap(Gap(bench.now, missing))
            case ("zone", zone, depth):
                recorder.zone(zone, depth, 100_000, bench.now)
            case ("run", granted, reason):
                recorder.run(granted, bench.now, reason)
            case ("lost",):
                recorder.lost(bench.now)
                boot, after_gap = boot + 1, 0
            case ("reboot",):
                recorder.rebooted(bench.now)
                boot, after_gap, bench.clock = boot + 1, 0, 0
            case ("tick", later):
                bench.now += later
                recorder.tick(bench.now)
        for event in bench.told[len(homes) :]:
            if isinstance(event, PassOpened):
                homes.setdefault(event.id, boot)
    recorder.close(bench.now)
    assert recorder.current() is None
    opened = {event.id: event for event in bench.of(PassOpened)}
    assert [event.seq for event in opened.values()] == list(range(1, len(opened) + 1))
    assert [done.id for done in bench.closed] == list(opened)
    ends: dict[int, int] = {}
    for done in bench.closed:
        start, end, figures = opened[done.id].clock_ms, done.clock_ms, done.figures
        clock = start
        for segment in figures.segments:
            assert segment.from_clock_ms == clock
            assert segment.to_clock_ms > clock
            assert (segment.kind == "unknown") == (segment.contact is None)
            clock = segment.to_clock_ms
        assert clock == end == start + figures.duration_ms
        for one, other in itertools.pairwise(figures.segments):
            assert (one.kind, one.contact) != (other.kind, other.contact)
        assert figures.unknown_ms == sum(s.to_clock_ms - s.from_clock_ms for s in figures.segments if s.contact is None)
        assert figures.contact_ms == sum(s.to_clock_ms - s.from_clock_ms for s in figures.segments if s.contact)
        assert 0 <= figures.contact_ms <= figures.duration_ms - figures.unknown_ms
        assert 0 <= figures.contact_strokes <= figures.strokes
        assert done.density_cm2 >= 0
        assert done.lost_samples >= 0
        blocks = [block for block in bench.of(BlockSealed) if block.pass_id == done.id]
        assert [block.seq for block in blocks] == list(range(len(blocks)))
        again = from_blocks([decode(encode(block.columns)) for block in blocks])
        assert again is not None
        assert again.figures() == figures
        home = homes[done.id]
        mine = [row for row in samples[home] if start <= row[0] <= end]
        integral, doubt = 0, False
        for (c0, r0, *_), (c1, r1, current, gap) in itertools.pairwise(mine):
            contradicted = r1 <= STILL_MHZ and current > STILL_MA
            unknown = contradicted or doubt or c1 - c0 > GAP_MS or gap
            integral += 0 if unknown else (r0 + r1) * (c1 - c0)
            doubt = contradicted
        assert figures.strokes == (integral + 1_000_000) // 2_000_000
        assert len(mine) == figures.samples
        # No stretch of the pen's time is counted in two passes.
        assert start >= ends.get(home, 0)
        ends[home] = end
