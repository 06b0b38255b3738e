"""Certified values of the NIST Statistical Reference Datasets (StRD), linear regression: nine digits and more."""

import math
import subprocess
import sys

import pytest

from devicectl.calibration.fit import Fit, NoFit, fit_line, fit_quadratic, fit_through_origin

NORRIS = (
    (0.1, 0.2), (338.8, 337.4), (118.1, 118.2), (888.0, 884.6), (9.2, 10.1), (228.1, 226.5), (668.5, 666.3),
    (998.5, 996.3), (449.1, 448.6), (778.9, 777.0), (559.2, 558.2), (0.3, 0.4), (0.1, 0.6), (778.1, 775.5),
    (668.8, 666.9), (339.3, 338.0), (448.9, 447.5), (10.8, 11.6), (557.7, 556.0), (228.3, 228.1), (998.0, 995.8),
    (888.8, 887.6), (119.6, 120.2), (0.3, 0.3), (0.6, 0.3), (557.6, 556.8), (339.3, 339.1), (888.0, 887.2),
    (998.5, 999.0), (778.9, 779.0), (10.2, 11.1), (117.6, 118.3), (228.9, 229.2), (668.4, 669.1), (449.2, 448.9),
    (0.2, 0.5),
)  # fmt: skip
PONTIUS_Y = (
    .11019, .21956, .32949, .43899, .54803, .65694, .76562, .87487, .98292, 1.09146, 1.20001, 1.30822, 1.41599, 1.52399,
    1.63194, 1.73947, 1.84646, 1.95392, 2.06128, 2.16844, .11052, .22018, .32939, .43886, .54798, .65739, .76596, .87474,
    .98300, 1.09150, 1.20004, 1.30818, 1.41613, 1.52408, 1.63159, 1.73965, 1.84696, 1.95445, 2.06177, 2.16829,
)  # fmt: skip
PONTIUS_X = tuple(float(150_000 * step) for step in range(1, 21)) * 2


def digits(value: float, certified: float) -> float:
    """Common significant digits (NIST's LRE)."""
    return 15.0 if value == certified else -math.log10(abs(value - certified) / abs(certified))


def agrees(fit: Fit, coefficients: tuple[float, ...], errors: tuple[float, ...], residual_s: float, r2: float) -> float:
    pairs = [
        *zip(fit.coefficients, coefficients, strict=True),
        *zip(fit.errors, errors, strict=True),
        (fit.residual_s, residual_s),
        (fit.r2, r2),
    ]
    return min(digits(value, certified) for value, certified in pairs)


def test_norris() -> None:
    fit = fit_line([x for _, x in NORRIS], [y for y, _ in NORRIS])
    certified = (
        (-0.262323073774029, 1.00211681802045),
        (0.232818234301152, 0.429796848199937e-3),
        0.884796396144373,
        0.999993745883712,
    )
    assert agrees(fit, *certified) >= 9
    assert fit.dof == 34
    assert (fit.offset, fit.gain, fit.offset_error, fit.gain_error) == fit.coefficients + fit.errors


def test_noint1() -> None:
    fit = fit_through_origin([float(x) for x in range(60, 71)], [float(y) for y in range(130, 141)])
    assert agrees(fit, (2.07438016528926,), (0.0165289256198347,), 3.56753034006338, 0.999365492298663) >= 9
    assert (fit.offset, fit.dof) == (0.0, 10)


def test_noint2() -> None:
    fit = fit_through_origin([4.0, 5.0, 6.0], [3.0, 4.0, 4.0])
    assert agrees(fit, (0.727272727272727,), (0.0420827318078432,), 0.369274472937998, 0.993348115299335) >= 9


def test_pontius() -> None:
    fit = fit_quadratic(PONTIUS_X, PONTIUS_Y)
    certified = (
        (0.673565789473684e-3, 0.732059160401003e-6, -0.316081871345029e-14),
        (0.107938612033077e-3, 0.157817399981659e-9, 0.486652849992036e-16),
        0.205177424076185e-3,
        0.999999900178537,
    )
    assert agrees(fit, *certified) >= 9
    assert fit(1_500_000.0) == pytest.approx(1.0915, abs=5e-4)


def test_too_few_set_points_are_a_sentence() -> None:
    with pytest.raises(NoFit, match="measure at more set-points"):
        fit_line([1.0, 1.0, 1.0], [0.9, 1.0, 1.1])
    with pytest.raises(NoFit, match="measure at more set-points"):
        fit_line([1.0, 2.0], [0.9, 1.9])
    with pytest.raises(NoFit, match="above 0"):
        fit_through_origin([0.0, 0.0], [0.1, 0.2])


def test_numpy_is_loaded_by_a_fit_and_by_nothing_else() -> None:
    """A tenth of a second of import must not stand on the way of a command or of the loop that drives a pen."""
    rooms = "budget binding chart correction decision fit interval plan quantities readings run"
    code = (
        "import sys, devicectl.cli.app, devicectl.station.station\n"
        f"from devicectl.calibration import {', '.join(rooms.split())}\n"
        "assert 'numpy' not in sys.modules\n"
        "fit.fit_line([1.0, 2.0, 3.0], [1.0, 2.0, 3.1])\n"
        "assert 'numpy' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
