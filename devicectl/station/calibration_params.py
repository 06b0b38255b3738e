"""Parameters of the requests about calibration, checked at the edge."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .params import Name, Params, Secret

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
MeasurandName = Literal["protrusion-static", "protrusion-dynamic", "rate-no-load", "rate-light-load"]
Kind = Literal["linear", "piecewise", "none"]


class PlanCalibration(Params):
    """``plan`` as docs/calibration.md has it; what is left out is filled in from the pen and from defaults."""

    plan: dict[str, Any] = Field(default_factory=dict)


class BeginCalibration(Params):
    """A whole plan."""

    plan: dict[str, Any]


class ResumeCalibration(Params):
    """The id of a calibration that has not ended, or ``last``."""

    calibration: Name = "last"


class NextStep(Params):
    """``reseated``: the cartridge was taken out and seated anew, as the step asked for."""

    reseated: bool = False


class ParkNeedle(Params):
    """``ticket`` of the step's sheet."""

    ticket: Name


class TakeReading(Params):
    """The reading of ``step`` (counts from 0) as it was typed or sent; ``unit`` of a bare number, else that of the measurand.

    ``anyway``: why it is taken although it can hardly be meant.
    """

    step: int = Field(ge=0)
    text: Annotated[str, Field(min_length=1, max_length=40)]
    unit: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    source: Literal["typed", "keyboard", "gauge", "file"] = "typed"
    anyway: Reason | Literal[""] = ""


class AnnulReading(Params):
    """The reading of a step of this round; ``measurand`` None: of the series that is being measured."""

    step: int = Field(ge=0)
    measurand: MeasurandName | None = None
    reason: Reason


class Correction(Params):
    """``linear``: a straight line; ``piecewise``: from set-point to set-point; ``none``: the pen's correction is taken away."""

    kind: Kind = "linear"


class FinishCalibration(Params):
    """The PIN again: it is a signature."""

    pin: Secret


class AbandonCalibration(Params):
    """Why."""

    reason: Reason
