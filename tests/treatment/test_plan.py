"""Plan against done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.treatment.plan import DonePass, PlannedZone, next_direction, next_zone, progress
from devicectl.treatment.vocabulary import DIRECTIONS

PLAN = (
    PlannedZone("VTX", 1_500, passes={"horizontal": 2, "vertical": 1}, seconds=60),
    PlannedZone("MID", 1_000),
)


def done(zone, direction, end="ended", ms=10_000):
    return DonePass(zone, direction, end, ms)


def vertex(*passes, **results):
    return progress(PLAN, passes, **results)[0]


def test_an_untouched_plan():
    zones = progress(PLAN, ())
    assert [(each.zone, each.state) for each in zones] == [("VTX", "open"), ("MID", "open")]
    assert next_direction(zones[0]) == "horizontal"
    assert next_direction(zones[1]) is None
    assert next_zone(zones) == "VTX"


def test_directions_follow_each_other_until_the_zone_is_complete():
    passes = [done("VTX", "horizontal")]
    assert next_direction(vertex(*passes)) == "horizontal"
    passes.append(done("VTX", "horizontal", "paused"))
    assert next_direction(vertex(*passes)) == "vertical"
    assert vertex(*passes).state == "begun"
    passes.append(done("VTX", "vertical", "zone_changed"))
    zone = vertex(*passes)
    assert (next_direction(zone), zone.complete, zone.state, zone.over) == (None, True, "done", ())
    assert zone.text() == "3 of 3 passes: horizontal 2 of 2, vertical 1 of 1."
    assert next_zone(progress(PLAN, passes)) == "MID"


@pytest.mark.parametrize("end", ["stopped", "lost", "lease_expired", "interrupted"])
def test_what_was_cut_off_counts_as_time_and_not_as_a_pass(end):
    zone = vertex(done("VTX", "horizontal", end))
    assert (zone.passes_done, zone.parts, zone.duration_ms, zone.state) == (0, 1, 10_000, "begun")
    assert next_direction(zone) == "horizontal"


def test_over_the_plan_by_direction_and_together():
    zone = vertex(*[done("VTX", "horizontal")] * 3)
    assert (zone.over, zone.state) == (("horizontal",), "over")
    assert next_direction(zone) == "vertical"
    assert vertex(*[done("VTX", None)] * 4).over == ("total",)
    assert vertex(done("VTX", "circular")).over == ("circular",)
    # Nothing is over where the plan gives no numbers.
    assert progress(PLAN, [done("MID", "stamp")] * 9)[1].over == ()


def test_passes_without_a_direction_stand_for_those_that_were_next():
    assert next_direction(vertex(done("VTX", None), done("VTX", None))) == "vertical"
    zone = vertex(*[done("VTX", None)] * 3)
    assert (next_direction(zone), zone.complete) == (None, True)
    assert zone.text().endswith("vertical 0 of 1, 3 without direction.")


def test_the_planned_time_is_reached():
    assert not vertex(done("VTX", "horizontal", ms=59_999)).time_reached
    assert vertex(done("VTX", "horizontal", ms=30_000), done("VTX", None, "lost", 30_000)).time_reached
    assert not progress(PLAN, [done("MID", None, ms=10**6)])[1].time_reached


def test_a_result_finishes_a_zone_and_a_skip_leaves_it():
    assert vertex(done("VTX", "horizontal"), finished=["VTX"]).state == "done"
    zones = progress(PLAN, (), finished=["MID"], skipped=["VTX"])
    assert [each.state for each in zones] == ["skipped", "open"], "what was never needled is not done"
    zones = progress(PLAN, (done("MID", "horizontal"),), finished=["MID"], skipped=["VTX"])
    assert [each.state for each in zones] == ["skipped", "done"]
    assert next_zone(zones) is None


def test_zones_outside_of_the_plan_stand_behind_it():
    zones = progress(PLAN, [done("CUS-10", None), done("CUS-2", None), done("FHL", None)])
    assert [each.zone for each in zones] == ["VTX", "MID", "FHL", "CUS-2", "CUS-10"]
    assert zones[2].state == "unplanned"
    assert zones[2].text() == "1 pass done, not in the plan."


ends = st.sampled_from(["ended", "paused", "zone_changed", "stopped", "lost"])
passes = st.lists(
    st.builds(done, st.just("VTX"), st.sampled_from([None, *DIRECTIONS]), ends, st.integers(0, 10**6)), max_size=12
)


@given(st.dictionaries(st.sampled_from(list(DIRECTIONS)), st.integers(1, 5), min_size=1), passes)
def test_whoever_follows_the_next_direction_completes_the_plan_without_going_further_over_it(planned, before):
    plan = [PlannedZone("VTX", passes=planned)]
    made = list(before)
    zone = progress(plan, made)[0]
    over = set(zone.over) - {"total"}
    for _ in range(sum(planned.values()) + 1):
        following = next_direction(zone)
        if following is None:
            break
        made.append(done("VTX", following))
        zone = progress(plan, made)[0]
    assert next_direction(zone) is None
    assert set(zone.over) - {"total"} == over
    assert zone.passes_done + zone.parts == len(made)
    assert zone.duration_ms == sum(each.duration_ms for each in made)
