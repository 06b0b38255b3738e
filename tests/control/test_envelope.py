"""Limits as pure functions: whatever is asked, what is applied lies within every one of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devicectl.control.envelope import DEPTH_LIMITERS, Bound, Context, Refused, StationLimits, bound_depth
from drivers.api import Capabilities, Cartridge
from drivers.correction import CorrectionTable, Knot

DEPTHS = st.integers(0, 3200)
SOME = st.none() | DEPTHS.filter(bool)


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    least = draw(st.sampled_from((0, 250, 300)))
    step = draw(st.sampled_from((0, 1, 50, 250)))
    caps = Capabilities(
        least, draw(st.integers(500, 3000)), step, 1, 2, 1, 100, 1000, 1000, 1000, 50, True, True, True, 0
    )
    limits = StationLimits(
        soft_depth_um=draw(st.integers(300, 3000)),
        hard_depth_um=draw(st.integers(300, 3000)),
        operator_depth_um=draw(SOME),
        zone_depth_um=draw(st.dictionaries(st.sampled_from(("VTX", "FHL")), DEPTHS)),
    )
    cartridge = Cartridge(True, "R12", depth_max_um=draw(DEPTHS))
    plan = draw(st.dictionaries(st.sampled_from(("VTX", "FHL")), DEPTHS))
    return Context(caps, cartridge, limits, draw(st.sampled_from((None, "VTX"))), draw(SOME), plan)


@given(contexts(), DEPTHS)
def test_what_is_applied_passes_every_limiter_and_is_never_more_than_asked(context: Context, asked: int) -> None:
    bound = bound_depth(asked, context)
    if isinstance(bound, Refused):
        return
    assert bound.applied <= asked
    for limit, why in DEPTH_LIMITERS:
        assert limit(bound.applied, context) == bound.applied, why(context)
    assert bound.applied <= min(context.limits.hard_depth_um, context.capabilities.depth_max_um)
    caps = context.capabilities
    assert bound.applied >= caps.depth_min_um
    assert not (bound.applied - caps.depth_min_um) % (caps.depth_step_um or 1)
    assert bool(bound.reasons) == bound.lowered


@given(contexts(), DEPTHS)
def test_what_needs_no_lowering_is_found_without_asking_each_limiter(context: Context, asked: int) -> None:
    quick = bound_depth(asked, context)
    object.__setattr__(context, "depth_free_um", -1)
    assert quick == bound_depth(asked, context)


@given(contexts(), DEPTHS)
def test_what_was_applied_is_applied_again_as_it_is(context: Context, asked: int) -> None:
    first = bound_depth(asked, context)
    if isinstance(first, Bound):
        assert bound_depth(first.applied, context) == Bound(first.applied, first.applied)


def test_steps_are_counted_from_the_pens_least_depth_as_the_pen_does() -> None:
    caps = Capabilities(300, 2500, 250, 1, 2, 1, 100, 1000, 1000, 1000, 50, True, True, True, 0)
    context = Context(caps, Cartridge(True), StationLimits(), None)
    assert bound_depth(1000, context) == Bound(1000, 800, ("1.00 mm → 0.80 mm: step of 0.25 mm",))
    assert isinstance(bound_depth(299, context), Refused)


def test_the_hard_limit_holds_for_what_a_correction_commands() -> None:
    caps = Capabilities(0, 2500, 50, 50_000, 150_000, 1_000, 200, 1_000, 300_000, 60_000, 50, True, True, True, 1_500)
    limits = StationLimits(soft_depth_um=2500)
    short = CorrectionTable((Knot(0, 0), Knot(2500, 2375)))
    free, held = (
        Context(caps, Cartridge(True), limits, None),
        Context(caps, Cartridge(True), limits, None, correction=short),
    )
    assert bound_depth(2500, free) == Bound(2500, 2500)
    refused = bound_depth(2400, held)
    assert isinstance(refused, Refused)
    assert refused.text == (
        "Depth 2.40 mm would be commanded as 2.53 mm by the pen's correction, above the hard limit 2.50 mm; ask for less."
    )
    assert bound_depth(2350, held) == Bound(2350, 2350)
