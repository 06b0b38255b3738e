"""How a result is printed: U to two significant digits, the value to the same place (JCGM 100:2008, 7.2.6; ILAC-P14).

Halves are rounded away from zero (ISO 80000-1:2009, annex B, rule B), as a spreadsheet does, so that a reader who
recomputes a report comes to the same digits. Verdicts are never made from rounded values.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

DIGITS: Final = 2
"""Significant digits of an expanded uncertainty (ILAC-P14:09/2020, 5.3: at most two)."""
DUST: Final = 12
"""Significant digits of a float that mean something here; what is behind them would turn a half into less than one."""


def _exact(value: float) -> Decimal:
    return Decimal(f"{value:.{DUST}g}")


def places(uncertainty: float, digits: int = DIGITS) -> int:
    """Decimal places that give ``uncertainty`` its significant digits; negative where it is rounded to tens or more.

    Raises :class:`ValueError` for 0, which has none.
    """
    if not uncertainty:
        raise ValueError("an uncertainty of 0 has no significant digits")
    wanted = digits - 1 - _exact(uncertainty).adjusted()
    # 0.0996 to two digits is 0.10, not 0.100.
    return digits - 1 - _rounded(uncertainty, wanted).adjusted()


def shown(value: float, to: int, sign: bool = False) -> str:
    """``value`` with ``to`` decimal places and a minus that is one (U+2212); 0 has no sign."""
    rounded = _rounded(value, to)
    text = f"{abs(rounded):f}"
    if not rounded:
        return text
    return ("−" if rounded < 0 else "+" if sign else "") + text


def _rounded(value: float, to: int) -> Decimal:
    exact = _exact(value).quantize(Decimal(1).scaleb(-to), rounding=ROUND_HALF_UP)
    return exact.quantize(Decimal(1)) if to < 0 else exact
