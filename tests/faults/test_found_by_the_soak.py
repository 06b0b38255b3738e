"""What schedules and soak have found, held apart from them."""

from __future__ import annotations

from devicectl.bench.soak import Plan, quiet, run
from devicectl.control.arrival import PATIENCE_S, Arrival
from devicectl.records.evidence import Evidence
from devicectl.records.telemetry_block import FLAG_DOUBTED, FLAG_DRIVING
from drivers.api import LinkStatistics
from drivers.penlink.frame import encode
from drivers.penlink.messages import FLAG_SIMULATED, PAGE_COUNT, SCHEMA_HASH, HelloSession, Page
from drivers.penlink.session import HostSession
from simulator.schedule import Entry, Schedule


def hello(nonce: int, clock: int) -> bytes:
    page = HelloSession(
        page=Page.SESSION, nonce=nonce, page_count=PAGE_COUNT, boot_id=65_536, clock=clock, last_cmd_id=0,
        schema_hash=SCHEMA_HASH, flags=FLAG_SIMULATED, frame_max=64,
    )  # fmt: skip
    return encode(page, 1)


def test_a_restart_with_the_boot_number_of_before_is_a_restart() -> None:
    """A pen whose memory is worn out counts its boots anew."""
    heard: list[object] = []
    session = HostSession(heard.append, lambda m: None, lambda m: None, lambda m: None, LinkStatistics())
    session.feed(hello(5, 9_000), 1.0)
    session.established = True
    session.feed(hello(0, 80), 2.0)
    assert [type(item).__name__ for item in heard] == ["Rebooted"]


def test_needles_that_only_pass_the_target_have_not_arrived() -> None:
    arrival = Arrival()
    arrival.expect(500, 0.0)
    found = [arrival.sample(400 + n * 50, n * 0.02) for n in range(12)]
    found += [arrival.sample(950, 0.24 + n * 0.02) for n in range(120)]
    assert [one for one in found if one] == ["late"]
    assert 0.24 + (len(found) - 12) * 0.02 > PATIENCE_S


def test_doubted_samples_are_unknown_and_bring_no_strokes() -> None:
    evidence = Evidence(0, 1000, 100_000, 200, 1, FLAG_DRIVING)
    for clock in range(20, 2020, 20):
        doubted = FLAG_DOUBTED if clock > 1000 else 0
        evidence.feed(clock, 1000, 100_000, 200, 1, FLAG_DRIVING | doubted)
    figures = evidence.figures()
    assert figures.strokes == 100
    assert [(one.kind, one.from_clock_ms, one.to_clock_ms) for one in figures.segments] == [
        ("measured", 0, 1000),
        ("unknown", 1000, 2000),
    ]


def test_a_command_of_before_a_restart_is_settled_although_the_boot_number_is_the_same() -> None:
    """Seed 7: its memory destroyed, the pen came back with the number of before, and the command stayed open for a minute."""
    schedule = Schedule(
        people=False,
        seconds=46.0,
        faults=(
            Entry(name="client.start", value="VTX", at=40.2),
            Entry(name="nvm_damage", at=41.9),
            Entry(name="from_pen.silence", at=42.0, lasts=0.1),
            Entry(name="client.end", at=42.02),
            Entry(name="reboot", at=42.05),
        ),
    )
    with quiet():
        result = run(Plan(1, schedule.seconds, schedule=schedule, purpose="bench", profile="reference"))
    assert [entry.name for entry in result.played] == [entry.name for entry in schedule.faults]
    assert result.violations == []
