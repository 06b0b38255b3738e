"""What a calibration holds for, and why it does not hold for what is here now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Binding:
    """A calibration and all it hangs on. ``table_key`` is that of the correction held by the pen, 0 for none;
    ``content`` the hash of readings, budget and verdict (:func:`content_hash`)."""

    calibration: str
    pen_serial: str
    cartridge_type: str
    firmware: str
    method: str
    technician: str
    issued: date
    expires: date
    table_key: int
    content: str

    def hash(self) -> str:
        """SHA-256 over all of it: what a report prints and a check compares."""
        return content_hash(asdict(self))


@dataclass(frozen=True, slots=True)
class Present:
    """The pen that is connected now, what is plugged in, and the day. ``table_key`` as the pen reads it back, 0 for
    none, None when it has not been read."""

    pen_serial: str
    cartridge_type: str
    firmware: str
    table_key: int | None
    today: date


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of ``content`` as canonical JSON: sorted keys, no spaces, UTF-8, dates as text, no NaN."""
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a calibration")


def why_invalid(binding: Binding | None, present: Present, recorded_hash: str | None = None) -> tuple[str, ...]:
    """Every reason why this calibration does not hold for what is present; empty when it does.

    ``recorded_hash`` is the hash that was written with it, None when there is nothing to compare.
    """
    if binding is None:
        return ("This pen has no calibration for what is plugged in; calibrate it.",)
    reasons = []
    if recorded_hash is not None and recorded_hash != binding.hash():
        reasons.append("The record of this calibration was changed after it was signed; calibrate again.")
    changed = (
        ("pen", binding.pen_serial, present.pen_serial),
        ("cartridge type", binding.cartridge_type, present.cartridge_type),
        ("firmware", binding.firmware, present.firmware),
    )
    for name, then, now in changed:
        if then != now:
            reasons.append(f"The calibration is for {name} {then} and this is {now or 'unknown'}; calibrate again.")
    if present.today > binding.expires:
        reasons.append(f"The calibration was valid until {binding.expires.isoformat()}; calibrate again.")
    if present.today < binding.issued:
        reasons.append(f"The calibration is from {binding.issued.isoformat()}, after today; set this computer's clock.")
    if present.table_key is None:
        reasons.append("The pen's correction has not been read back yet; wait a second.")
    elif present.table_key != binding.table_key:
        reasons.append(
            "The pen holds another correction than the calibration wrote; write it again or calibrate again."
        )
    return tuple(reasons)
