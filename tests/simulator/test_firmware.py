"""The simulated pen at its wire: session, command memory, limits, run, lease, pauses, faults."""

import itertools

import pytest

from drivers.api import EventCode, Fault, PenState, Reason, Result
from drivers.penlink.frame import Decoder, encode
from drivers.penlink.messages import (
    RATE_MASK,
    SCHEMA_HASH,
    Cmd,
    HelloCapabilities,
    HelloCartridge,
    HelloModel,
    HelloRequest,
    HelloSession,
    HelloUnit,
    Lease,
    Opcode,
    Query,
    QueryRequest,
    ReadBackMessage,
    ResultMessage,
    StatusMessage,
    TelemetryMessage,
    VitalsMessage,
)
from simulator.faults import Faults
from simulator.firmware import Firmware
from simulator.physics import Physics
from simulator.profile import Motor, load_profile

from .bench import STATES, Table

# -- session and messages ----------------------------------------------------------------------------------------------


def test_at_boot_one_hello_is_said_and_then_nothing() -> None:
    table = Table(session=False)
    table.go(20_000)
    [page] = table.heard
    assert isinstance(page, HelloSession)
    assert (page.page, page.nonce, page.page_count) == (0, 0, 5)
    assert page.boot_id == table.pen.boot_id
    assert page.boot_id >> 16 == 1
    assert page.schema_hash == SCHEMA_HASH
    assert page.flags & 1


def test_a_session_opens_the_streams_at_their_rates() -> None:
    table = Table()
    table.go(10_000)
    assert len(table.of(TelemetryMessage)) == 500
    assert len(table.of(StatusMessage)) == 50
    assert len(table.of(VitalsMessage)) == 20
    samples = table.of(TelemetryMessage)
    assert [s.counter for s in samples] == list(range(1, 501))
    assert {b.clock - a.clock for a, b in itertools.pairwise(samples)} == {20}


def test_every_page_of_hello_is_given_with_its_nonce() -> None:
    table = Table("vary-150")
    for page in range(7):
        table.say(HelloRequest(page, 100 + page, 1))
    session, model, unit, caps, cartridge = table.heard
    assert isinstance(session, HelloSession)
    assert isinstance(model, HelloModel)
    assert isinstance(unit, HelloUnit)
    assert isinstance(caps, HelloCapabilities)
    assert isinstance(cartridge, HelloCartridge)
    assert [m.nonce for m in (session, model, unit, caps, cartridge)] == [100, 101, 102, 103, 104]
    assert unit.serial == "V150-0001"
    assert (caps.depth_max, caps.depth_step, caps.rate_min, caps.rate_max) == (1500, 100, 100_000, 150_000)
    assert (cartridge.flags, cartridge.needles) == (1, 6)


def test_before_a_session_commands_are_refused_and_leave_no_trace() -> None:
    table = Table(session=False)
    result = table.order(Opcode.SET_DEPTH, 1000)
    assert (result.result, result.reason) == (Result.TEMPORARILY_REJECTED, Reason.NO_SESSION)
    assert table.pen.last_cmd_id == 0
    table.say(QueryRequest(Query.STATUS))
    assert table.state is PenState.IDLE


def test_queries_are_answered_and_change_nothing() -> None:
    table = Table()
    for what in (Query.STATUS, Query.READBACK, Query.VITALS, 99):
        table.say(QueryRequest(what))
    assert [type(m) for m in table.heard] == [StatusMessage, ReadBackMessage, VitalsMessage]


def test_status_follows_each_result_in_the_same_write_and_readback_a_setting() -> None:
    table = Table()
    kinds = {
        Opcode.SET_DEPTH: [ResultMessage, StatusMessage, ReadBackMessage],
        Opcode.SET_RATE: [ResultMessage, StatusMessage, ReadBackMessage],
        Opcode.INDICATE: [ResultMessage, StatusMessage],
        99: [ResultMessage, StatusMessage],
    }
    for opcode, expected in kinds.items():
        table.heard.clear()
        table.writes.clear()
        table.order(opcode, 100_000)
        assert [type(m) for m in table.heard] == expected
        assert len(table.writes) == 1


def test_wrong_versions_crcs_and_directions_are_counted_and_ignored() -> None:
    table = Table()
    good = encode(Cmd(1, Opcode.ARM, 10_000, 500), 1)
    for at in range(1, len(good) - 1):
        table.put(good[:at] + bytes((good[at] ^ 0x10 or 1,)) + good[at + 1 :])
    table.say(StatusMessage(1, 2, 3, 4, 5, 6))
    assert table.pen.state is PenState.IDLE
    assert sum(table.pen.errors.values()) >= 10
    assert table.pen.ignored == 1
    assert table.heard == []


def test_another_protocol_version_answers_hello_only() -> None:
    frames = list[bytes]()
    profile = load_profile("reference")
    pen = Firmware(profile, Physics(profile), Table().nvm, frames.append)
    pen.protocol = 2
    pen.receive(encode(HelloRequest(0, 5, 1), 1) + encode(Cmd(1, Opcode.ARM, 900, 500), 2), 10)
    decoder = Decoder()
    decoder.feed(frames[-1], lambda frame: pytest.fail(str(frame)))
    assert decoder.errors == {"version": 1}
    assert pen.state is PenState.IDLE
    assert not pen.session


# -- command memory ----------------------------------------------------------------------------------------------------


def test_the_same_id_returns_the_stored_result_and_does_nothing() -> None:
    table = Table()
    first = table.order(Opcode.SET_DEPTH, 1000, cmd_id=5)
    again = table.order(Opcode.SET_DEPTH, 2000, cmd_id=5)
    assert again == first
    assert table.pen.depth == 1000
    token = table.order(Opcode.ARM, 500, cmd_id=6)
    assert table.order(Opcode.ARM, 500, cmd_id=6) == token


def test_a_repeated_start_does_not_start_again() -> None:
    table = Table()
    table.start()
    start_id = table.id
    table.accept(Opcode.END)
    table.go(1000)
    end_id = table.id
    assert table.order(Opcode.START, 1, cmd_id=start_id).reason == Reason.STALE_ID
    assert table.order(Opcode.START, 1, cmd_id=end_id).opcode == Opcode.END
    table.go(1000)
    assert not table.body.turning


@pytest.mark.parametrize("stale", [0, 1, 8])
def test_lower_ids_are_refused_and_not_remembered(stale: int) -> None:
    table = Table()
    table.order(Opcode.SET_DEPTH, 1000, cmd_id=9)
    result = table.order(Opcode.SET_DEPTH, 500, cmd_id=stale)
    assert (result.result, result.reason) == (Result.DENIED, Reason.STALE_ID)
    assert table.pen.depth == 1000
    assert table.status.last_cmd_id == 9
    assert table.status.state_result >> 4 == Result.ACCEPTED


def test_id_zero_is_stale_from_the_beginning() -> None:
    table = Table()
    assert table.order(Opcode.SET_DEPTH, 500, cmd_id=0).reason == Reason.STALE_ID


def test_refused_commands_are_remembered_too() -> None:
    table = Table()
    refused = table.order(Opcode.SET_DEPTH, 9999, cmd_id=3)
    assert refused.result == Result.DENIED
    assert table.status.last_cmd_id == 3
    assert table.status.state_result >> 4 == Result.DENIED
    assert table.order(Opcode.SET_DEPTH, 1000, cmd_id=3) == refused


@pytest.mark.parametrize(
    "opcode", [Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.ARM, Opcode.START, Opcode.RESET, Opcode.PARK]
)
def test_late_commands_expire(opcode: Opcode) -> None:
    table = Table()
    table.go(1000)
    clock = table.pen.clock
    for late in (clock - 1, 0, (clock - 100_000) & 0xFFFFFFFF):
        result = table.order(opcode, 0, not_after=late)
        assert (result.result, result.reason) == (Result.DENIED, Reason.EXPIRED)
    assert table.order(opcode, 0, not_after=clock).reason != Reason.EXPIRED


def test_end_never_expires() -> None:
    table = Table()
    table.start()
    table.go(300)
    result = table.order(Opcode.END, 0, not_after=0)
    assert result.result == Result.ACCEPTED
    assert table.state is PenState.IDLE


@pytest.mark.parametrize("opcode", [0, Opcode.CARTRIDGE, 13, 255])
def test_unknown_opcodes_are_unsupported(opcode: int) -> None:
    result = Table().order(opcode)
    assert (result.result, result.reason) == (Result.UNSUPPORTED, Reason.UNKNOWN_OPCODE)


# -- targets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "opcode", "value", "reason"),
    [
        ("reference", Opcode.SET_DEPTH, 2550, Reason.ABOVE_MAXIMUM),
        ("reference", Opcode.SET_DEPTH, 1001, Reason.OFF_STEP),
        ("reference", Opcode.SET_DEPTH, 0xFFFFFFFF, Reason.ABOVE_MAXIMUM),
        ("reference", Opcode.SET_RATE, 49_000, Reason.BELOW_MINIMUM),
        ("reference", Opcode.SET_RATE, 150_001, Reason.ABOVE_MAXIMUM),
        ("reference", Opcode.SET_RATE, 100_500, Reason.OFF_STEP),
        ("fixed-117", Opcode.SET_RATE, 116_000, Reason.BELOW_MINIMUM),
        ("fixed-117", Opcode.SET_RATE, 117_000, Reason.ABOVE_MAXIMUM),
        ("fixed-117", Opcode.SET_DEPTH, 600, Reason.OFF_STEP),
        ("vary-150", Opcode.SET_DEPTH, 1600, Reason.ABOVE_MAXIMUM),
    ],
)
def test_targets_out_of_range_are_denied_with_the_limit(
    profile: str, opcode: Opcode, value: int, reason: Reason
) -> None:
    table = Table(profile)
    before = (table.pen.depth, table.pen.rate)
    result = table.order(opcode, value)
    assert (result.result, result.reason) == (Result.DENIED, reason)
    assert (table.pen.depth, table.pen.rate) == before


def test_targets_are_taken_read_back_and_start_nothing() -> None:
    table = Table()
    table.accept(Opcode.SET_DEPTH, 1250)
    table.accept(Opcode.SET_RATE, 90_000)
    readback = table.of(ReadBackMessage)[-1]
    assert readback == ReadBackMessage(1250, 90_000, 2500, 3000)
    table.go(2000)
    assert not table.body.turning
    assert table.of(TelemetryMessage)[-1].depth == pytest.approx(1250, abs=6)


def test_the_cartridge_limits_the_depth_and_is_asked_again_before_motion() -> None:
    table = Table()
    table.accept(Opcode.SET_DEPTH, 2000)
    short = table.profile.cartridge.model_copy(update={"depth_max_um": 1000, "serial": "SHORT"})
    table.pen.change_cartridge(short, table.now)
    assert table.order(Opcode.SET_DEPTH, 1050).reason == Reason.CARTRIDGE_LIMIT
    assert table.of(ReadBackMessage)[-1].depth_limit == 1000
    assert table.order(Opcode.ARM, 500).reason == Reason.CARTRIDGE_LIMIT
    table.accept(Opcode.SET_DEPTH, 1000)
    table.arm()


def test_both_targets_may_change_while_running() -> None:
    table = Table()
    table.start(depth=500, rate=60_000)
    table.go(400)
    table.accept(Opcode.SET_DEPTH, 1500)
    table.accept(Opcode.SET_RATE, 140_000)
    table.go(1000, renew=True)
    sample = table.of(TelemetryMessage)[-1]
    assert sample.rate_current & RATE_MASK == pytest.approx(140_000, rel=0.01)
    assert sample.depth == pytest.approx(1500, abs=6)


def test_the_session_limit_only_lowers_and_ends_with_the_session() -> None:
    table = Table()
    table.accept(Opcode.SET_DEPTH, 1500)
    assert table.accept(Opcode.LIMIT_DEPTH, 1000).applied == 1000
    assert isinstance(table.heard[-1], ReadBackMessage)
    assert table.heard[-1].depth_limit == 1000
    assert table.accept(Opcode.LIMIT_DEPTH, 2000).applied == 1000
    assert table.order(Opcode.SET_DEPTH, 1050).reason == Reason.SESSION_LIMIT
    assert table.order(Opcode.ARM, 500).reason == Reason.SESSION_LIMIT
    table.start(depth=1000)
    assert table.order(Opcode.LIMIT_DEPTH, 500).reason == Reason.RUNNING
    assert table.accept(Opcode.LIMIT_DEPTH, 1000).applied == 1000
    table.accept(Opcode.END)
    table.say(HelloRequest(0, 1, 1))
    assert table.accept(Opcode.SET_DEPTH, 1500).applied == 1500


# -- arm and start -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "applied"), [(0, 200), (200, 200), (500, 500), (1000, 1000), (99_999, 1000)])
def test_the_lease_is_clamped_to_its_range(asked: int, applied: int) -> None:
    result = Table().accept(Opcode.ARM, asked)
    assert result.applied == applied
    assert result.token


def test_a_token_lives_ten_seconds() -> None:
    table = Table()
    token = table.arm()
    table.go(9_999)
    assert table.pen.state is PenState.ARMED
    table.go(1)
    assert table.state is PenState.IDLE
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED


def test_a_token_serves_once() -> None:
    table = Table()
    token = table.arm()
    table.accept(Opcode.START, token << 16 | 100)
    table.accept(Opcode.END)
    table.go(1000)
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED
    table.arm()
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.BAD_TOKEN


def test_a_wrong_token_disarms() -> None:
    table = Table()
    token = table.arm()
    assert table.order(Opcode.START, (token ^ 1) << 16 | 100).reason == Reason.BAD_TOKEN
    assert table.state is PenState.IDLE
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED
    assert not table.body.turning


def test_start_without_arm_or_without_time_is_refused() -> None:
    table = Table()
    assert table.order(Opcode.START, 0x1234_0064).reason == Reason.NOT_ARMED
    token = table.arm()
    assert table.order(Opcode.START, token << 16).reason == Reason.BAD_PARAMETER
    assert not table.body.turning


def test_arm_is_refused_while_the_needle_runs_down() -> None:
    table = Table()
    table.start()
    table.go(300)
    table.accept(Opcode.END)
    table.go(40)
    assert table.order(Opcode.ARM, 500).reason == Reason.MOVING
    table.go(200)
    table.arm()


def test_arm_and_start_are_refused_while_running() -> None:
    table = Table()
    table.start()
    assert table.order(Opcode.ARM, 500).reason == Reason.RUNNING
    assert table.order(Opcode.START, 0).reason == Reason.RUNNING
    assert table.pen.state is PenState.RUNNING


@pytest.mark.parametrize("state", [PenState.STOPPED, PenState.LEASE_EXPIRED, PenState.FAULT])
@pytest.mark.parametrize(
    "opcode", [Opcode.ARM, Opcode.START, Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.PARK, Opcode.SELF_TEST]
)
def test_a_latched_pen_refuses_all_motion(state: PenState, opcode: Opcode) -> None:
    table = Table()
    table.into(state)
    result = table.order(opcode, 0)
    assert (result.result, result.reason) == (Result.TEMPORARILY_REJECTED, Reason.LATCHED)
    assert table.pen.state is state


def test_no_cartridge_no_battery_used_cartridge_no_arming() -> None:
    table = Table("fixed-117")
    table.pen.change_cartridge(None, table.now)
    assert table.order(Opcode.ARM, 500).reason == Reason.NO_CARTRIDGE
    used = table.profile.cartridge.model_copy(update={"used": True})
    table.pen.change_cartridge(used, table.now)
    assert table.order(Opcode.ARM, 500).reason == Reason.CARTRIDGE_USED
    table.pen.change_cartridge(table.profile.cartridge, table.now)
    table.body.set_faults(Faults(flat_battery=True))
    assert table.order(Opcode.ARM, 500).reason == Reason.BATTERY
    table.body.set_faults(Faults())
    table.arm()


# -- run, lease, pause -------------------------------------------------------------------------------------------------


def test_start_turns_the_motor_and_end_lets_it_run_down() -> None:
    table = Table()
    table.start()
    table.go(400)
    assert table.body.rate > 95_000
    table.accept(Opcode.END)
    assert table.state is PenState.IDLE
    assert not table.body.driven
    table.go(200)
    assert not table.body.turning


@pytest.mark.parametrize("lease", [200, 500, 1000])
def test_the_lease_ends_at_its_very_ms_and_latches(lease: int) -> None:
    table = Table()
    table.start(lease=lease)
    table.go(lease - 1)
    assert table.body.driven
    table.go(1)
    assert not table.body.driven
    assert table.state is PenState.LEASE_EXPIRED
    assert EventCode.LEASE_EXPIRED in table.events()
    table.renew()
    table.go(1000)
    assert table.pen.state is PenState.LEASE_EXPIRED
    assert not table.body.turning


def test_a_renewal_in_time_counts_from_its_arrival() -> None:
    table = Table()
    table.start()
    table.go(499)
    table.renew()
    assert table.pen.state is PenState.RUNNING
    table.say(QueryRequest(Query.STATUS))
    assert table.status.lease_left == 50
    table.go(499)
    assert table.body.driven
    table.go(1)
    assert not table.body.driven


def test_renewals_of_another_boot_and_old_copies_do_nothing() -> None:
    table = Table()
    table.start()
    table.say(Lease(table.pen.boot_id, 10))
    table.go(400)
    table.say(Lease(table.pen.boot_id ^ 1, 11))
    table.say(Lease(table.pen.boot_id, 10))
    table.say(Lease(table.pen.boot_id, 9))
    table.go(100)
    assert table.pen.state is PenState.LEASE_EXPIRED


def test_the_renewal_counter_wraps() -> None:
    table = Table()
    table.start()
    for counter in (0xFFFE, 0xFFFF, 0, 1):
        table.go(400)
        table.say(Lease(table.pen.boot_id, counter))
    assert table.pen.state is PenState.RUNNING


@pytest.mark.parametrize("state", [s for s in STATES if s not in (PenState.RUNNING, PenState.PAUSED, PenState.PARKING)])
def test_renewals_mean_nothing_outside_a_run(state: PenState) -> None:
    table = Table()
    table.into(state)
    for _ in range(20):
        table.renew()
        table.go(1)
    assert table.pen.state is state
    table.say(QueryRequest(Query.STATUS))
    assert table.pen.state is PenState.BOOT or table.status.lease_left == 0


def test_the_run_time_is_kept_by_the_pen_and_does_not_latch() -> None:
    table = Table()
    table.start(run_ms=2000)
    table.go(1900, renew=True)
    table.go(99)
    assert table.body.driven
    table.go(1)
    assert not table.body.driven
    assert table.state is PenState.IDLE
    assert table.events()[-1] == EventCode.RUN_TIME_OVER


def test_the_run_time_is_capped_by_the_profile() -> None:
    table = Table()
    result = table.accept(Opcode.START, table.arm() << 16 | 0xFFFF)
    assert result.applied == table.profile.run_max


def test_pause_by_end_keeps_the_run_and_only_running_time_counts() -> None:
    table = Table()
    table.start(run_ms=2000)
    table.go(1000, renew=True)
    table.accept(Opcode.END, 1)
    assert table.state is PenState.PAUSED
    assert EventCode.PAUSED in table.events()
    table.go(30_000, renew=True)
    assert not table.body.turning
    assert table.pen.state is PenState.PAUSED
    token = table.arm()
    assert table.pen.state is PenState.PAUSED
    assert table.accept(Opcode.START, token << 16 | 1800).applied == 1000
    assert EventCode.RESUMED in table.events()
    table.go(900, renew=True)
    table.go(99)
    assert table.body.driven
    table.go(1)
    assert table.state is PenState.IDLE


def test_a_token_that_runs_out_leaves_the_pause_as_it_was() -> None:
    table = Table()
    table.into(PenState.PAUSED)
    table.go(300, renew=True)
    token = table.arm()
    table.go(10_000, renew=True)
    assert table.pen.state is PenState.PAUSED
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED


def test_a_pause_lasts_a_minute_at_most() -> None:
    table = Table()
    table.into(PenState.PAUSED)
    begin = table.now
    table.go(59_900, renew=True)
    table.renew()
    table.go(begin + 59_999 - table.now)
    assert table.pen.state is PenState.PAUSED
    table.go(1)
    assert table.state is PenState.IDLE
    assert table.events()[-1] == EventCode.PAUSE_OVER


def test_a_pause_needs_its_lease() -> None:
    table = Table()
    table.into(PenState.PAUSED)
    table.go(500)
    assert table.state is PenState.LEASE_EXPIRED


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("argument", [0, 1, 2, 0xFFFFFFFF])
def test_end_is_never_refused_and_never_starts(state: PenState, argument: int) -> None:
    table = Table()
    table.into(state)
    if state is PenState.BOOT:
        return
    turned = table.body.driven
    assert table.order(Opcode.END, argument).result == Result.ACCEPTED
    assert not table.body.driven
    assert table.pen.state in (state, PenState.IDLE, PenState.PAUSED)
    if turned and argument != 1:
        assert table.pen.state is PenState.IDLE


def test_a_new_hello_ends_the_lease_and_latches() -> None:
    table = Table()
    table.start()
    table.go(300)
    table.say(HelloRequest(0, 5, 1))
    assert not table.body.driven
    assert table.pen.state is PenState.LEASE_EXPIRED
    assert EventCode.LEASE_EXPIRED in table.events()


def test_other_pages_end_nothing() -> None:
    table = Table()
    table.start()
    for page in range(1, 5):
        table.say(HelloRequest(page, 5, 1))
    assert table.pen.state is PenState.RUNNING


def test_a_new_hello_disarms() -> None:
    table = Table()
    token = table.arm()
    table.say(HelloRequest(0, 5, 1))
    assert table.order(Opcode.START, token << 16 | 100).reason == Reason.NOT_ARMED


@pytest.mark.parametrize("state", [PenState.RUNNING, PenState.PAUSED, PenState.ARMED, PenState.IDLE])
def test_a_dead_link_ends_the_lease_and_closes_the_session(state: PenState) -> None:
    table = Table()
    table.into(state)
    table.pen.link_down(table.now)
    assert not table.body.driven
    assert table.pen.state is (
        PenState.LEASE_EXPIRED if state in (PenState.RUNNING, PenState.PAUSED) else PenState.IDLE
    )
    table.heard.clear()
    table.go(2000)
    assert table.heard == []


# -- hands -------------------------------------------------------------------------------------------------------------


def test_the_button_pauses_and_resumes_within_a_run() -> None:
    table = Table()
    table.start()
    table.go(300)
    table.pen.press_button(table.now)
    assert table.pen.state is PenState.PAUSED
    table.renew()
    table.go(300)
    assert not table.body.turning
    table.pen.press_button(table.now)
    assert table.pen.state is PenState.RUNNING
    table.go(200)
    assert table.body.turning
    codes = table.events()
    assert codes.count(EventCode.BUTTON_DOWN) == codes.count(EventCode.BUTTON_UP) == 2
    assert EventCode.RESUMED in codes


@pytest.mark.parametrize("state", [s for s in STATES if s not in (PenState.RUNNING, PenState.PAUSED, PenState.PARKING)])
def test_no_hand_starts_a_pen_that_has_no_run(state: PenState) -> None:
    table = Table()
    table.into(state)
    for _ in range(3):
        table.pen.press_button(table.now)
        table.pen.footswitch(True, table.now)
        assert not table.body.driven
        table.pen.footswitch(False, table.now)
    assert table.pen.state is state


def test_the_footswitch_is_held_to_run() -> None:
    table = Table("vary-150")
    table.start(depth=1000)
    table.go(300)
    table.pen.footswitch(False, table.now)
    assert table.pen.state is PenState.PAUSED
    table.renew()
    table.pen.footswitch(True, table.now)
    assert table.pen.state is PenState.RUNNING
    table.pen.footswitch(True, table.now)
    assert table.pen.state is PenState.RUNNING
    table.pen.footswitch(False, table.now)
    assert table.pen.state is PenState.PAUSED
    table.pen.footswitch(False, table.now)
    assert table.pen.state is PenState.PAUSED


def test_pulling_the_cartridge_out_of_a_turning_pen_is_a_fault() -> None:
    table = Table()
    table.start()
    table.go(300)
    table.pen.change_cartridge(None, table.now)
    assert table.pen.state is PenState.FAULT
    assert table.status.faults == 1 << Fault.CARTRIDGE
    assert not table.body.driven
    assert EventCode.CARTRIDGE_CHANGED in table.events()


def test_changing_the_cartridge_disarms() -> None:
    table = Table()
    table.arm()
    table.pen.change_cartridge(table.profile.cartridge, table.now)
    assert table.pen.state is PenState.IDLE


# -- reset, park, self-test --------------------------------------------------------------------------------------------


def test_reset_waits_until_the_needle_is_still() -> None:
    table = Table()
    table.start()
    table.go(400)
    table.stop()
    result = table.order(Opcode.RESET)
    assert (result.result, result.reason) == (Result.TEMPORARILY_REJECTED, Reason.MOVING)
    table.go(300)
    table.accept(Opcode.RESET)
    assert table.state is PenState.IDLE
    table.go(5000)
    assert not table.body.turning


def test_reset_is_no_way_out_of_a_run() -> None:
    table = Table()
    table.start()
    assert table.order(Opcode.RESET).reason == Reason.RUNNING
    assert table.pen.state is PenState.RUNNING


@pytest.mark.parametrize("state", [PenState.IDLE, PenState.ARMED])
def test_reset_of_a_pen_that_is_not_latched_changes_nothing(state: PenState) -> None:
    table = Table()
    table.into(state)
    table.accept(Opcode.RESET)
    assert table.pen.state is state


def test_depth_does_not_move_on_reset() -> None:
    table = Table()
    table.accept(Opcode.SET_DEPTH, 2000)
    table.go(100)
    table.stop()
    at = table.body.depth
    table.go(1000)
    table.accept(Opcode.RESET)
    table.go(1000)
    assert table.body.depth == at
    table.start(depth=2000)
    table.go(1000, renew=True)
    assert table.body.read().depth == pytest.approx(2000, abs=6)


def test_the_self_test_takes_three_seconds_and_blocks_motion() -> None:
    table = Table()
    begun = table.order(Opcode.SELF_TEST)
    assert begun.result == Result.IN_PROGRESS
    assert table.status.state_result >> 4 == Result.IN_PROGRESS
    assert table.order(Opcode.SELF_TEST, cmd_id=begun.cmd_id) == begun
    table.go(2999)
    assert len(table.of(ResultMessage)) == 2
    table.go(1)
    done = table.of(ResultMessage)[-1]
    assert (done.cmd_id, done.result) == (begun.cmd_id, Result.ACCEPTED)
    assert table.status.state_result >> 4 == Result.ACCEPTED
    assert table.order(Opcode.SELF_TEST, cmd_id=begun.cmd_id) == done


def test_motion_is_refused_during_the_self_test() -> None:
    table = Table()
    table.order(Opcode.SELF_TEST)
    for opcode in (Opcode.ARM, Opcode.SET_DEPTH, Opcode.SET_RATE, Opcode.PARK, Opcode.SELF_TEST, Opcode.START):
        assert table.order(opcode, 0).reason == Reason.RUNNING
    table.go(3000)
    assert table.pen.last is not None
    assert table.pen.last.opcode == Opcode.START


def test_a_self_test_can_fail() -> None:
    table = Table()
    table.order(Opcode.SELF_TEST)
    table.pen.change_cartridge(None, table.now)
    table.go(3000)
    done = table.of(ResultMessage)[-1]
    assert (done.result, done.reason) == (Result.FAILED, Reason.NO_CARTRIDGE)


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "bit", "reset"),
    [
        (Faults(stall=True), Fault.STALL, Reason.NONE),
        (Faults(hot=True), Fault.OVERTEMPERATURE, Reason.FAULT),
        (Faults(flat_battery=True), Fault.BATTERY, Reason.BATTERY),
    ],
)
def test_faults_in_a_run_latch_and_stay_until_mended_and_reset(faults: Faults, bit: Fault, reset: Reason) -> None:
    table = Table()
    table.start()
    table.go(500, renew=True)
    table.body.set_faults(faults)
    table.go(600, renew=True)
    assert table.pen.state is PenState.FAULT
    assert table.status.faults == 1 << bit
    assert not table.body.driven
    raised = [e for e in table.heard if getattr(e, "code", None) == EventCode.FAULT_RAISED]
    assert [e.argument for e in raised] == [bit]
    table.go(500)
    assert table.order(Opcode.RESET).reason == reset
    table.body.set_faults(Faults())
    table.go(1_000_000)
    if reset:
        table.accept(Opcode.RESET)
    assert table.state is PenState.IDLE
    assert table.status.faults == 0
    assert EventCode.FAULT_CLEARED in table.events()


def test_a_stuck_depth_drive_is_a_fault_even_at_rest() -> None:
    table = Table()
    table.body.set_faults(Faults(stuck_actuator=True))
    table.accept(Opcode.SET_DEPTH, 1000)
    table.go(400)
    assert table.pen.state is PenState.IDLE
    table.go(300)
    assert table.status.faults == 1 << Fault.DEPTH_ACTUATOR


def test_too_much_current_is_a_fault() -> None:
    profile = load_profile("reference").model_copy(update={"motor": Motor(overcurrent_ma=600)})
    table = Table(profile)
    table.start()
    table.go(500, renew=True)
    table.body.press(3.5)
    table.go(300, renew=True)
    assert table.status.faults == 1 << Fault.OVERCURRENT


def test_a_pen_that_does_not_turn_says_so_in_its_telemetry_only() -> None:
    table = Table()
    table.body.set_faults(Faults(no_start=True))
    table.start()
    table.go(1000, renew=True)
    assert table.pen.state is PenState.RUNNING
    assert all(s.rate_current == 0 for s in table.of(TelemetryMessage))


def test_runaway_is_seen_in_telemetry_and_blocks_reset() -> None:
    table = Table()
    table.start()
    table.go(400)
    table.body.set_faults(Faults(run_away=True))
    table.renew()
    table.accept(Opcode.END)
    table.go(1000)
    sample = table.of(TelemetryMessage)[-1]
    assert sample.rate_current & RATE_MASK > 90_000
    assert sample.flags & 4 == 0
    assert table.order(Opcode.ARM, 500).reason == Reason.MOVING
    table.stop()
    table.go(300)
    assert not table.body.turning


# -- reboot ------------------------------------------------------------------------------------------------------------


def test_a_reboot_forgets_everything_but_counts() -> None:
    table = Table()
    table.start()
    table.go(300)
    before = table.pen.boot_id
    table.heard.clear()
    table.pen.power_on(table.now, 80)
    assert not table.body.driven
    table.say(HelloRequest(0, 3, 1))
    table.go(79)
    assert table.heard == []
    table.go(1)
    [hello] = table.of(HelloSession)
    assert (hello.nonce, hello.clock, hello.last_cmd_id) == (0, 80, 0)
    assert hello.boot_id >> 16 == (before >> 16) + 1
    assert hello.boot_id != before
    assert table.order(Opcode.ARM, 500).reason == Reason.NO_SESSION
    table.go(10_000)
    assert not table.body.turning


def test_renewals_from_before_the_reboot_mean_nothing() -> None:
    table = Table()
    old = table.pen.boot_id
    table.pen.power_on(table.now)
    table.go(1)
    table.say(HelloRequest(0, 3, 1))
    table.id = 0
    table.start()
    for counter in range(6):
        table.go(100)
        table.say(Lease(old, counter))
    assert table.pen.state is PenState.LEASE_EXPIRED


def test_a_caller_that_slept_finds_everything_at_its_own_time() -> None:
    """A computer that was suspended for an hour: the lease ended when it ended, and no burst of samples follows."""
    table = Table()
    table.start()
    table.heard.clear()
    begin = table.pen.clock
    table.sleep(3_600_000)
    expired = next(e for e in table.heard if getattr(e, "code", None) == EventCode.LEASE_EXPIRED)
    assert expired.clock == begin + 500
    assert table.body.still_since is not None
    assert table.body.still_since < begin + 1000
    assert len(table.heard) < 10
    [sample] = table.of(TelemetryMessage)
    assert sample.counter == (table.now - 1) // 20 & 0xFFFF
