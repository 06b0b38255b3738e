"""Least squares over NumPy, the only module of the product that imports it.

NumPy alone is enough: a fit with its standard errors is one QR decomposition; SciPy and statsmodels would add import
time and size and bring nothing that is used. NumPy is imported when a fit is asked for (about 0.1 s), so never call
this from the loop that drives a pen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


class NoFit(ValueError):
    """The points do not determine the model; the text is one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Fit:
    """y = Σ coefficient · x^power, by ordinary least squares.

    ``errors`` are the standard errors of the coefficients; ``residual_s`` has ``dof`` degrees of freedom. ``r2`` of a
    model without offset is taken about 0, as NIST does; it is no criterion of anything here.
    """

    powers: tuple[int, ...]
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    residual_s: float
    r2: float
    dof: int

    def _of(self, power: int, values: Sequence[float]) -> float:
        return values[self.powers.index(power)] if power in self.powers else 0.0

    @property
    def offset(self) -> float:
        """Value at 0; 0 for a model without offset."""
        return self._of(0, self.coefficients)

    @property
    def gain(self) -> float:
        """Coefficient of x."""
        return self._of(1, self.coefficients)

    @property
    def offset_error(self) -> float:
        """Standard error of the offset."""
        return self._of(0, self.errors)

    @property
    def gain_error(self) -> float:
        """Standard error of the gain."""
        return self._of(1, self.errors)

    def __call__(self, x: float) -> float:
        """The model at ``x``."""
        return sum(c * x**power for c, power in zip(self.coefficients, self.powers, strict=True))


def fit_line(x: Sequence[float], y: Sequence[float]) -> Fit:
    """y = a + b·x. Raises :class:`NoFit`."""
    return _fit(x, y, (0, 1))


def fit_through_origin(x: Sequence[float], y: Sequence[float]) -> Fit:
    """y = b·x: a stroke rate, whose only error is that of the pen's clock. Raises :class:`NoFit`."""
    return _fit(x, y, (1,))


def fit_quadratic(x: Sequence[float], y: Sequence[float]) -> Fit:
    """y = a + b·x + c·x²: shows whether a straight line is enough. Raises :class:`NoFit`."""
    return _fit(x, y, (0, 1, 2))


def _fit(x: Sequence[float], y: Sequence[float], powers: tuple[int, ...]) -> Fit:
    import numpy as np

    dof = len(x) - len(powers)
    if dof < 1 or len(set(x)) < len(powers):
        raise NoFit("There are too few different set-points for a fit; measure at more set-points.")
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    design = np.column_stack([xs**power for power in powers])
    # Columns of very different size (1 and x²) would cost digits.
    scale = np.linalg.norm(design, axis=0)
    if not np.all(scale > 0):
        raise NoFit("All set-points are 0; measure at set-points above 0.")
    q, r = np.linalg.qr(design / scale)
    coefficients = np.linalg.solve(r, q.T @ ys)
    residuals = ys - (design / scale) @ coefficients
    squares = math.fsum(residuals**2)
    total = math.fsum((ys - math.fsum(ys) / len(ys)) ** 2 if 0 in powers else ys**2)
    variance = squares / dof
    inverse = np.linalg.solve(r, np.eye(len(powers)))
    errors = np.sqrt(variance * np.sum(inverse**2, axis=1)) / scale
    return Fit(
        powers,
        tuple(map(float, coefficients / scale)),
        tuple(map(float, errors)),
        math.sqrt(variance),
        1 - squares / total if total else 1.0,
        dof,
    )
