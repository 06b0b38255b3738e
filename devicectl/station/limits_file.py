"""This station's own limits, from one small file that a person edits."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from devicectl.access.sitting import LOCK_AFTER_S
from devicectl.control.envelope import HARD_DEPTH_UM, SOFT_DEPTH_UM, StationLimits
from devicectl.treatment.zones import UnknownZone, parse_zone

VARIABLE: Final = "DEVICECTL_LIMITS"
DEPTH_MAX_MM: Final = 3.0
"""The greatest protrusion that any pen known to this project claims (makers' pages as of 2026); no file may allow more."""
EXAMPLE: Final = """\
# Limits of this station for devicectl: in mm and Hz; they only ever lower what a pen can do. What is left out keeps
# its default. A station that runs keeps the limits it started with.

# soft_depth_mm = 1.5        # no cleared pen was evaluated above it
# hard_depth_mm = 2.5        # more is refused, not lowered
# operator_depth_mm = 1.2    # what whoever works here may use
# max_rate_hz = 130
# lock_after_min = 5         # minutes without a key, while the pen is still, after which a PIN is asked for

# [zone_depth_mm]
# FHL = 0.5
# VTX = 1.0
"""

_LEAST: Final = 0.001
"""Less would be rounded down to nothing, and nothing is no limit."""

Depth = Annotated[float, Field(strict=True, ge=_LEAST, le=DEPTH_MAX_MM, allow_inf_nan=False)]


class LimitsRefused(Exception):
    """The file cannot be used; the text is one sentence with the next step."""

    code = "bad-limits"


class LimitsFile(BaseModel):
    """The file as it is written: needle protrusion in mm, stroke rate in Hz, minutes until a client locks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    soft_depth_mm: Depth = SOFT_DEPTH_UM / 1000
    hard_depth_mm: Depth = HARD_DEPTH_UM / 1000
    operator_depth_mm: Depth | None = None
    max_rate_hz: Annotated[float, Field(strict=True, ge=_LEAST, le=1000, allow_inf_nan=False)] | None = None
    lock_after_min: Annotated[float, Field(strict=True, ge=0.1, le=60, allow_inf_nan=False)] = LOCK_AFTER_S / 60
    zone_depth_mm: dict[str, Depth] = Field(default_factory=dict)

    @field_validator("zone_depth_mm")
    @classmethod
    def _zones(cls, value: dict[str, float]) -> dict[str, float]:
        known: dict[str, float] = {}
        for text, depth in value.items():
            try:
                code = parse_zone(text).code
            except UnknownZone as error:
                raise ValueError(str(error)) from error
            if code in known:
                raise ValueError(f"zone {code} is named twice")
            known[code] = depth
        return known

    @model_validator(mode="after")
    def _order(self) -> LimitsFile:
        if self.soft_depth_mm > self.hard_depth_mm:
            raise ValueError("soft_depth_mm is above hard_depth_mm")
        return self

    def limits(self) -> StationLimits:
        """In the units of the program, rounded down."""
        return StationLimits(
            soft_depth_um=_milli(self.soft_depth_mm),
            hard_depth_um=_milli(self.hard_depth_mm),
            operator_depth_um=_milli(self.operator_depth_mm) if self.operator_depth_mm is not None else None,
            max_rate_mhz=_milli(self.max_rate_hz) if self.max_rate_hz is not None else None,
            zone_depth_um={code: _milli(depth) for code, depth in self.zone_depth_mm.items()},
        )


def _milli(value: float) -> int:
    # 0.7 * 1000 is 699.99…, which is not what was written.
    return int(value * 1000 + 1e-6)


def limits_path() -> Path:
    """The file's place: ``DEVICECTL_LIMITS``, else ``limits.toml`` in the user's configuration folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("devicectl", appauthor=False) / "limits.toml"


def load_limits(path: Path | None = None) -> StationLimits:
    """The limits in the file, the defaults when there is none. Raises :class:`LimitsRefused`."""
    return load_file(path).limits()


def load_file(path: Path | None = None) -> LimitsFile:
    """The file, the defaults when there is none. Raises :class:`LimitsRefused`.

    A file that cannot be understood is refused whole: falling back to the defaults would allow what somebody forbade.
    """
    path = path or limits_path()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if os.environ.get(VARIABLE):
            raise LimitsRefused(f"{path}: there is no such file; correct {VARIABLE} or unset it.") from None
        return LimitsFile()
    except OSError as error:
        raise LimitsRefused(f"{path}: cannot be read ({error.strerror}); make it readable.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsRefused(f"{path}: not TOML ({error}); correct it, see 'devicectl limits --example'.") from error
    try:
        return LimitsFile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        what = first["msg"].removeprefix("Value error, ")
        raise LimitsRefused(f"{path}: {where}: {what}; correct it, see 'devicectl limits --example'.") from error
