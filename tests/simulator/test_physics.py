"""The body of the simulated pen against what the formulas of a motor, a screw, a cell and a hand say."""

import math

import pytest

from simulator.faults import Faults
from simulator.physics import Physics
from simulator.profile import Actuator, Motor, load_profile

PROFILE = load_profile("reference")
MOTOR = PROFILE.motor


def body(*, hand: bool = False, seed: int = 0) -> Physics:
    return Physics(PROFILE, hand=hand, seed=seed)


def test_run_up_is_first_order() -> None:
    pen = body()
    pen.drive(100_000)
    pen.advance(MOTOR.run_up_ms)
    assert pen.rate == pytest.approx(100_000 * (1 - math.exp(-1)))
    pen.advance(5000)
    assert pen.rate == pytest.approx(100_000)


@pytest.mark.parametrize("step", [1, 7, 20, 333, 10_000])
def test_the_size_of_a_step_changes_nothing(step: int) -> None:
    one, other = body(hand=True), body(hand=True)
    for pen in (one, other):
        pen.drive(120_000)
        pen.move_depth(1500)
    one.advance(10_000)
    for at in range(step, 10_000 + step, step):
        other.advance(min(at, 10_000))
    assert other.rate == pytest.approx(one.rate)
    assert other.strokes == pytest.approx(one.strokes)
    assert other.depth == pytest.approx(one.depth)
    assert other.charge == pytest.approx(one.charge)
    assert other.temperature == pytest.approx(one.temperature, abs=0.2)
    assert other.contact == one.contact


def test_run_down_ends_at_a_time_that_can_be_foretold() -> None:
    pen = body()
    told: list[tuple[float, bool]] = []
    pen.on_motion = lambda ms, turning: told.append((ms, turning))
    pen.advance(100)
    pen.drive(100_000)
    pen.advance(5000)
    pen.drive(0)
    end = 5000 + MOTOR.run_down_ms * math.log((100_000 + MOTOR.friction_mhz) / MOTOR.friction_mhz)
    assert pen.next_change == pytest.approx(end)
    pen.advance(end - 0.01)
    assert pen.turning
    assert pen.still_since is None
    pen.advance(end + 1)
    assert (pen.rate, pen.turning) == (0.0, False)
    assert pen.still_since == pytest.approx(end)
    assert told == [(100, True), (pytest.approx(end), False)]
    strokes = pen.strokes
    pen.advance(1e7)
    assert pen.strokes == strokes


def test_strokes_are_the_integral_of_the_rate() -> None:
    pen, summed = body(), 0.0
    pen.drive(100_000)
    for ms in range(1, 4001):
        if ms == 2000:
            pen.drive(0)
        before = pen.rate
        pen.advance(ms)
        summed += (before + pen.rate) / 2 * 1e-6
    assert pen.strokes == pytest.approx(summed, rel=1e-3)


def test_contact_takes_speed_and_current() -> None:
    pen = body()
    pen.drive(100_000)
    pen.advance(2000)
    free = pen.current()
    pen.press(1.0)
    pen.advance(4000)
    assert pen.rate == pytest.approx(100_000 * (1 - MOTOR.droop))
    assert pen.current() == pytest.approx(free + MOTOR.load_ma, abs=10)
    assert pen.read().contact
    pen.press(0)
    pen.advance(6000)
    assert pen.rate == pytest.approx(100_000)
    assert not pen.read().contact


@pytest.mark.parametrize("jam", ["load", "fault"])
def test_a_jam_stops_the_needle_at_full_current(jam: str) -> None:
    pen = body()
    pen.drive(100_000)
    pen.advance(2000)
    if jam == "load":
        pen.press(MOTOR.stall_load)
    else:
        pen.set_faults(Faults(stall=True))
    pen.advance(2400)
    assert not pen.turning
    assert pen.current() == MOTOR.stall_ma
    pen.press(0)
    pen.set_faults(Faults())
    pen.advance(4000)
    assert pen.rate == pytest.approx(100_000)


def test_heat_is_first_order_in_the_square_of_the_current() -> None:
    pen = body()
    pen.set_faults(Faults(stall=True))
    pen.drive(100_000)
    pen.advance(PROFILE.heat.time_constant_s * 1000)
    rise = PROFILE.heat.rise_per_a2 * (MOTOR.stall_ma / 1000) ** 2
    assert pen.temperature == pytest.approx(PROFILE.heat.ambient + rise * (1 - math.exp(-1)), rel=1e-3)
    pen.drive(0)
    pen.advance(1e7)
    assert pen.temperature == pytest.approx(PROFILE.heat.ambient, abs=0.01)


def test_battery_sags_under_load_and_empties() -> None:
    pen = body()
    rest, charge = pen.battery_mv(), pen.charge
    pen.drive(100_000)
    pen.advance(2000)
    assert pen.battery_mv() < rest - 20
    pen.advance(3_600_000)
    used = (pen.current() + 25) / PROFILE.battery.capacity_mah
    assert charge - pen.charge == pytest.approx(used, rel=0.02)
    pen.advance(1e9)
    assert pen.charge == 0


def test_a_tired_battery_cannot_hold_the_fastest_rate() -> None:
    pen = body()
    pen.set_faults(Faults(flat_battery=True))
    pen.drive(150_000)
    pen.advance(3000)
    assert 100_000 < pen.rate < 140_000
    pen.drive(0)
    pen.set_faults(Faults())
    assert pen.charge == PROFILE.battery.charge


def test_depth_slews_and_the_true_one_differs_by_gain_offset_and_backlash() -> None:
    pen, actuator = body(), PROFILE.actuator
    pen.move_depth(1000)
    pen.advance(200)
    assert pen.read().depth == pytest.approx(500, abs=actuator.backlash_um / 2 + 1)
    assert pen.depth_moving
    pen.advance(1000)
    assert not pen.depth_moving
    from_below = pen.depth
    assert from_below == pytest.approx((1000 - actuator.backlash_um / 2) * actuator.gain + actuator.offset_um)
    pen.move_depth(2000)
    pen.advance(2000)
    pen.move_depth(1000)
    pen.advance(3000)
    assert pen.depth - from_below == pytest.approx(actuator.backlash_um * actuator.gain)


def test_a_halted_depth_drive_stays_where_it_is() -> None:
    pen = body()
    pen.move_depth(2000)
    pen.advance(100)
    pen.halt_depth()
    at = pen.depth
    pen.advance(5000)
    assert pen.depth == at


def test_the_hand_is_on_the_skin_for_85_percent_and_only_while_turning() -> None:
    shares = []
    for seed in range(3):
        pen, on = body(hand=True, seed=seed), 0
        pen.drive(100_000)
        for ms in range(20, 400_000, 20):
            pen.advance(ms)
            on += pen.contact
        shares.append(on / 20_000)
        pen.drive(0)
        assert not pen.contact
        pen.advance(500_000)
        assert not pen.contact
    assert all(0.8 < share < 0.9 for share in shares)
    assert len(set(shares)) == 3


def test_the_same_seed_gives_the_same_hand() -> None:
    one, other = body(hand=True, seed=5), body(hand=True, seed=5)
    for pen in (one, other):
        pen.drive(100_000)
    for ms in range(0, 60_000, 50):
        one.advance(ms)
        other.advance(ms)
        assert one.read() == other.read()


def test_runaway_ignores_the_drive_and_stop_cuts_it() -> None:
    pen = body()
    pen.set_faults(Faults(run_away=True))
    pen.drive(100_000)
    pen.advance(1000)
    pen.drive(0)
    pen.advance(5000)
    assert pen.turning
    assert pen.driven
    pen.cut()
    pen.advance(6000)
    assert not pen.turning


def test_with_stop_ignored_only_mending_it_helps() -> None:
    pen = body()
    pen.set_faults(Faults(run_away=True, stop_ignored=True))
    pen.drive(100_000)
    pen.advance(1000)
    pen.cut()
    pen.advance(5000)
    assert pen.turning
    pen.set_faults(Faults())
    pen.advance(6000)
    assert not pen.turning


def test_a_motor_that_does_not_start_draws_nothing() -> None:
    pen = body()
    pen.set_faults(Faults(no_start=True))
    pen.drive(100_000)
    pen.advance(1000)
    assert (pen.rate, pen.current(), pen.turning) == (0, 0, False)


def test_sensors_lie_as_told() -> None:
    pen = body()
    pen.drive(100_000)
    pen.move_depth(1000)
    pen.advance(2000)
    pen.set_faults(Faults(lying_rate=True, lying_sensor=-400))
    lie = pen.read()
    assert (lie.rate, lie.depth) == (0, pytest.approx(600, abs=5))
    assert lie.current > 100
    pen.set_faults(Faults(frozen_sensor=True))
    frozen = pen.read()
    pen.drive(0)
    pen.advance(9000)
    assert pen.read() == frozen
    pen.set_faults(Faults())
    assert pen.read().rate == 0


def test_a_stuck_depth_drive_does_not_move() -> None:
    pen = body()
    pen.set_faults(Faults(stuck_actuator=True))
    pen.move_depth(1000)
    pen.advance(3000)
    assert pen.read().depth == 0
    assert pen.depth_stuck


@pytest.mark.parametrize("bottom", [True, False])
@pytest.mark.parametrize("ran_ms", [900, 1000, 1001, 1013])
def test_parking_turns_forward_slowly_and_by_less_than_a_stroke(bottom: bool, ran_ms: int) -> None:
    pen = body()
    pen.drive(100_000)
    pen.advance(ran_ms)
    pen.drive(0)
    pen.advance(2000)
    before = pen.strokes
    pen.park(bottom=bottom)
    while pen.parking:
        pen.advance(pen.now + 1.0)
        assert pen.rate <= 5000
    assert 0 <= pen.strokes - before < 1
    assert pen.strokes % 1 == (0.5 if bottom else 0.0)
    assert not pen.driven
    assert not pen.turning
    assert pen.tip == (pytest.approx(pen.depth) if bottom else pytest.approx(pen.depth - 3000))
    there = pen.strokes
    pen.park(bottom=bottom)
    assert not pen.parking
    assert pen.strokes == there


def test_a_jam_a_dead_motor_and_a_cut_end_parking_on_the_way() -> None:
    for fault in (Faults(stall=True), Faults(no_start=True)):
        pen = body()
        pen.set_faults(fault)
        pen.park(bottom=True)
        pen.advance(pen.now + 1000.0)
        assert pen.parking
        assert pen.strokes == 0
        pen.cut()
        assert not pen.parking
    pen = body()
    pen.park(bottom=True)
    pen.advance(pen.now + 100.0)
    pen.cut()
    pen.advance(pen.now + 1000.0)
    assert 0.1 < pen.strokes < 0.4
    assert not pen.driven
    assert not pen.turning


def test_errors_that_a_calibration_would_find() -> None:
    actuator = {"gain": 0.97, "offset_um": -15.0, "bow_um": 20.0, "backlash_um": 30.0, "drift_um_per_million": 100.0}
    profile = load_profile("reference").model_copy(
        update={"actuator": Actuator(**actuator), "motor": Motor(clock_gain=0.95)}
    )
    pen = Physics(profile, hand=False)
    pen.move_depth(1250)
    pen.advance(2000)
    up = pen.depth
    assert up == pytest.approx(0.97 * (1250 - 15) - 15 + 20, abs=0.1)
    pen.move_depth(1400)
    pen.advance(3000)
    pen.move_depth(1250)
    pen.advance(4000)
    assert pen.depth - up == pytest.approx(0.97 * 30, abs=0.5)
    pen.strokes += 1_000_000
    assert pen.depth - up == pytest.approx(0.97 * 30 + 100, abs=0.5)
    pen.drive(100_000)
    pen.advance(6000)
    assert pen.rate == pytest.approx(95_000, abs=10)
    assert pen.read().rate == pytest.approx(100_000, abs=400)
