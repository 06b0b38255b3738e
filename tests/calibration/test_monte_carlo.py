"""10,000 simulated pens through the product's own evaluation: does U cover, does adjusting help, does the guard hold?

The pens are drawn all at once; every component of the budget comes from the distribution that the budget declares. A
pen's truth is the mean of both directions, and at any one setting that plus the hysteresis that happens to be there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from support.calibration import SOURCES

from devicectl.calibration.budget import Distribution, budget
from devicectl.calibration.correction import Correction, correct, linear, piecewise
from devicectl.calibration.decision import DEPTH_TOLERANCE, Verdict, decide
from devicectl.calibration.fit import fit_line
from devicectl.calibration.quantities import Direction, Evaluation, Measurand, Measured, evaluate

Array = NDArray[np.float64]

PENS = 10_000
SETS = np.array([0.25, 0.50, 1.00, 1.50, 2.00, 2.50])
REPEATS = 3
HYSTERESIS = 0.0328
"""The mean hysteresis of the worked example."""
REPEATABILITY = 0.00577
RESOLUTION = 0.001


@dataclass
class Pens:
    """``truth`` (pens × set-points) is the mean of both directions; ``common`` the error of the instrument and the
    set-up in one calibration."""

    truth: Array
    chance: np.random.Generator

    def common(self) -> Array:
        """What stays the same throughout one calibration of each pen: all Type B components but the resolution."""
        total = np.zeros(len(self.truth))
        for source in SOURCES:
            if source.distribution is Distribution.RECTANGULAR:
                total += self.chance.uniform(-source.value, source.value, len(self.truth))
            elif source.distribution is Distribution.NORMAL:
                total += self.chance.normal(0, source.value, len(self.truth))
        return total

    def evaluations(self) -> Iterator[Evaluation]:
        """Every pen measured once, up and down, and read to the instrument's resolution."""
        shape = (len(self.truth), len(SETS), 2, REPEATS)
        side = np.array([-HYSTERESIS / 2, HYSTERESIS / 2])[None, None, :, None]
        values = self.truth[:, :, None, None] + side + self.common()[:, None, None, None]
        values = values + self.chance.normal(0, REPEATABILITY, shape)
        for pen in (np.round(values / RESOLUTION) * RESOLUTION).tolist():
            yield evaluate(
                Measured(float(set_to), direction, value)
                for set_to, sides in zip(SETS, pen, strict=True)
                for direction, repeats in zip(Direction, sides, strict=True)
                for value in repeats
            )

    def at_one_setting(self) -> Array:
        """The true protrusion of one setting at each set-point, from whichever side it was approached."""
        return self.truth + self.chance.uniform(-HYSTERESIS / 2, HYSTERESIS / 2, self.truth.shape)


def drawn(seed: int, pens: int = PENS) -> Pens:
    """Pens with an error of gain (±8 %), of offset (±0.1 mm) and a bow (up to 0.02 mm)."""
    chance = np.random.default_rng(seed)
    gain = chance.uniform(0.92, 1.08, (pens, 1))
    offset = chance.uniform(-0.1, 0.1, (pens, 1))
    bow = chance.uniform(-0.02, 0.02, (pens, 1)) * (1 - (2 * SETS / SETS[-1] - 1) ** 2)
    return Pens(gain * SETS + offset + bow, chance)


def test_u_covers_the_truth() -> None:
    pens = drawn(1)
    evaluations = list(pens.evaluations())
    means = np.array([[point.mean for point in evaluation.points] for evaluation in evaluations])
    reported = np.array([budget(evaluation, SOURCES).expanded for evaluation in evaluations])
    covered = np.abs(means - pens.at_one_setting()) <= reported[:, None]
    assert 0.95 <= covered.mean() <= 0.985
    for share in covered.mean(axis=0):
        assert 0.95 <= share <= 0.985


@pytest.mark.parametrize(
    ("model", "step", "count"), [("linear", 1, PENS), ("linear", 50, 2000), ("piecewise", 1, 2000)]
)
def test_after_adjustment_pens_are_within_tolerance(model: str, step: int, count: int) -> None:
    pens = drawn(2, count)
    before, after = [], []
    for pen, evaluation in enumerate(pens.evaluations()):
        if model == "linear":
            fit = fit_line(SETS.tolist(), [point.mean for point in evaluation.points])
            table = linear(fit, evaluation)
        else:
            table = piecewise(evaluation)
        commands = []
        for target in SETS:
            got = correct(table, round(target * 1000), least_um=0, step_um=step, limit_um=3000, limit="range")
            assert isinstance(got, Correction)
            commands.append(got.commanded_um / 1000)
        # What the pen does at a commanded value: the truth is known at the set-points and nearly straight between.
        given = np.interp(commands, SETS, pens.truth[pen]) + np.maximum(0, np.array(commands) - SETS[-1])
        after.append(given)
        before.append(pens.truth[pen])
    hysteresis = pens.chance.uniform(-HYSTERESIS / 2, HYSTERESIS / 2, (count, len(SETS)))
    limit = DEPTH_TOLERANCE.error
    share_before = np.mean(np.all(np.abs(np.array(before) + hysteresis - SETS) <= limit, axis=1))
    share_after = np.mean(np.all(np.abs(np.array(after) + hysteresis - SETS) <= limit, axis=1))
    assert share_before < 0.8
    assert share_after >= 0.99


def test_pens_exactly_at_tolerance_seldom_pass() -> None:
    chance = np.random.default_rng(3)
    errors = np.zeros((PENS, len(SETS)))
    worst = chance.integers(0, len(SETS), PENS)
    errors[np.arange(PENS), worst] = DEPTH_TOLERANCE.error * chance.choice([-1, 1], PENS)
    # At tolerance is the protrusion of one setting; the mean of both directions lies off it by the drawn hysteresis.
    drawn_hysteresis = chance.uniform(-HYSTERESIS / 2, HYSTERESIS / 2, PENS)
    errors[np.arange(PENS), worst] -= drawn_hysteresis
    verdicts = [
        decide(evaluation, SOURCES, DEPTH_TOLERANCE, Measurand.STATIC).verdict
        for evaluation in Pens(SETS + errors, chance).evaluations()
    ]
    passed = verdicts.count(Verdict.PASS) / PENS
    assert 0 < passed <= 0.025
    # Without a guard about half of them would have passed.
    unguarded = passed + verdicts.count(Verdict.CONDITIONAL_PASS) / PENS
    assert 0.4 < unguarded < 0.6
