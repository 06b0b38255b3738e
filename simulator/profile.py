"""What a simulated pen is made of, as data: ``profiles/*.json``, one file per pen."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FOLDER: Final = Path(__file__).with_name("profiles")
_STRICT: Final = ConfigDict(frozen=True, extra="forbid")


class ProfileError(ValueError):
    """A profile is unknown or its file is wrong; the message is one sentence."""


class Motor(BaseModel):
    """The stroke motor. Time constants in ms, currents in mA; loads are relative to a usual skin contact (1.0)."""

    model_config = _STRICT

    run_up_ms: float = Field(80.0, gt=0, description="time constant while driven")
    run_down_ms: float = Field(45.0, gt=0, description="time constant after the drive is cut")
    friction_mhz: float = Field(8000.0, gt=0, description="dry friction as the speed it would undershoot to")
    droop: float = Field(0.03, ge=0, lt=1, description="relative loss of speed at load 1.0")
    idle_ma: float = Field(60.0, ge=0)
    speed_ma: float = Field(1.2, ge=0, description="mA per Hz of stroke rate")
    load_ma: float = Field(140.0, ge=0, description="mA at load 1.0")
    inrush_ma: float = Field(450.0, ge=0, description="mA on top at standstill under drive")
    stall_ma: float = Field(1400.0, gt=0)
    stall_load: float = Field(4.0, gt=0, description="load at which it stalls")
    overcurrent_ma: float = Field(1600.0, gt=0)
    clock_gain: float = Field(
        1.0, gt=0, description="true rate over what the pen measures: what a tachometer would find"
    )


class Actuator(BaseModel):
    """The depth drive. ``gain`` and ``offset_um`` are what a calibration would find: the sensor sits before them."""

    model_config = _STRICT

    slew_um_s: float = Field(2500.0, gt=0)
    backlash_um: float = Field(8.0, ge=0)
    gain: float = Field(1.02, gt=0)
    offset_um: float = 15.0
    bow_um: float = Field(0.0, description="deviation from the straight line in the middle of the range")
    drift_um_per_million: float = Field(0.0, description="µm by which a million strokes shift it")


class Battery(BaseModel):
    """One Li-ion cell."""

    model_config = _STRICT

    capacity_mah: float = Field(800.0, gt=0)
    resistance_mohm: float = Field(180.0, ge=0)
    charge: float = Field(0.92, gt=0, le=1, description="state of charge at the beginning")


class Heat(BaseModel):
    """First-order warming of the motor. Temperatures in °C."""

    model_config = _STRICT

    ambient: float = 23.0
    rise_per_a2: float = Field(140.0, ge=0, description="steady rise in K per A² of motor current")
    time_constant_s: float = Field(240.0, gt=0)
    limit: float = 60.0


class CartridgeData(BaseModel):
    """What the chip of the cartridge says. ``expiry`` is yyyymmdd as a number, 0 unknown."""

    model_config = _STRICT

    type: str = Field(max_length=12)
    needles: int = Field(ge=1, le=255)
    serial: str = Field("", max_length=12)
    lot: str = Field("", max_length=12)
    expiry: int = Field(20301231, ge=0)
    depth_max_um: int = Field(0, ge=0, le=5000)
    used: bool = False


class Profile(BaseModel):
    """One model of pen. Depth in µm, rate in mHz, times in ms."""

    model_config = _STRICT

    name: str
    source: str = Field(description="where the figures come from")
    manufacturer: str = Field("devicectl", max_length=24)
    model: str = Field(max_length=24)
    model_id: int = Field(0, ge=0, le=0xFFFF, description="as advertised over the air; 0 unknown")
    serial_prefix: str = Field(max_length=10)
    firmware: str = Field("1.0.0", max_length=16)
    hardware: str = Field("sim", max_length=16)
    depth_min: int = Field(ge=0)
    depth_max: int = Field(le=5000)
    depth_step: int = Field(gt=0)
    depth_evaluated: int = Field(ge=0)
    rate_min: int = Field(gt=0)
    rate_max: int = Field(le=300_000)
    rate_step: int = Field(ge=0, description="0 for a fixed-rate pen")
    lease_min: int = Field(200, ge=50)
    lease_max: int = Field(1000, le=65535)
    run_max: int = Field(300_000, ge=1000)
    pause_max: int = Field(60_000, ge=0)
    telemetry_hz: int = Field(50, ge=1, le=200)
    contact_sensor: bool = True
    button: bool = True
    footswitch: bool = True
    parks: bool = True
    corrects: bool = Field(True, description="keeps a correction table")
    refuse_used: bool = Field(False, description="the pen itself refuses a cartridge marked used")
    cartridge: CartridgeData
    motor: Motor = Motor()
    actuator: Actuator = Actuator()
    battery: Battery = Battery()
    heat: Heat = Heat()

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        if self.depth_min >= self.depth_max or self.rate_min > self.rate_max or self.lease_min > self.lease_max:
            raise ValueError("a minimum lies above its maximum")
        if (self.depth_max - self.depth_min) % self.depth_step:
            raise ValueError("depth_max is not a whole number of steps above depth_min")
        if (self.rate_step == 0) != (self.rate_min == self.rate_max):
            raise ValueError("rate_step is 0 exactly for a fixed-rate pen")
        if self.rate_step and (self.rate_max - self.rate_min) % self.rate_step:
            raise ValueError("rate_max is not a whole number of steps above rate_min")
        return self


def profile_names() -> list[str]:
    """Names of the profiles that come with the program, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@functools.cache
def load_profile(name: str) -> Profile:
    """A shipped profile by name. Raises :class:`ProfileError`."""
    if name not in profile_names():
        raise ProfileError(f"There is no simulated pen {name!r}; known are {', '.join(profile_names())}.")
    try:
        return Profile.model_validate_json((FOLDER / f"{name}.json").read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ProfileError(f"Profile {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
