"""Turns any exception into one sentence, a stable word and an exit code; imported only when something failed."""

from __future__ import annotations

import sys

from .exits import Exit, exit_for


class Failure(Exception):
    """A command cannot go on; the text is one sentence with the next step."""

    def __init__(self, text: str, code: str = "refused-here", number: Exit | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.number = exit_for(code) if number is None else number


_EXPECTED = (
    ("devicectl.station.client_api", "StationError"),
    ("devicectl.records.errors", "RecordError"),
    ("drivers.api", "PenError"),
    ("devicectl.station.limits_file", "LimitsRefused"),
    ("devicectl.bench.capture_file", "CaptureError"),
    ("devicectl.bench.schedule_file", "ScheduleError"),
)
_SIMULATOR = (
    ("simulator.faults", "FaultError", "bad-fault"),
    ("simulator.profile", "ProfileError", "bad-profile"),
    ("simulator.radio.options", "BadRadioOption", "bad-radio"),
    ("simulator.gauge", "GaugeTrouble", "no-pen"),
    ("devicectl.treatment.zones", "UnknownZone", "unknown-zone"),
)


def explain(error: BaseException) -> tuple[str, str, Exit]:
    """Sentence, word and exit code. What was not expected goes into the log, and the sentence names the log."""
    if isinstance(error, Failure):
        return str(error), error.code, error.number
    for module, name in _EXPECTED:
        if _is(error, module, name):
            code = str(getattr(error, "code", "failed"))
            hint = " Name the operator with --operator." if code == "no-operator" else ""
            return f"{error}{hint}", code, exit_for(code)
    for module, name, code in _SIMULATOR:
        if _is(error, module, name):
            return str(error), code, exit_for(code)
    if isinstance(error, PermissionError) and error.errno is None:
        return str(error), "no-permission", Exit.FAILED
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}; check the path and its rights ('devicectl doctor' looks at them)."
        return text, "file-trouble", Exit.FAILED
    return _unexpected(error)


def _is(error: BaseException, module: str, name: str) -> bool:
    """Whether ``error`` is of a class that may not even have been imported."""
    found = sys.modules.get(module)
    return found is not None and isinstance(error, getattr(found, name))


def _unexpected(error: BaseException) -> tuple[str, str, Exit]:
    from devicectl.log import note_crash

    where = note_crash(error)
    what = str(error).splitlines()[0] if str(error) else ""
    words = f"{type(error).__name__}: {what}"[:200] if what else type(error).__name__
    place = f"the details are in {where}" if where else "the log could not be written either"
    return f"this should not have happened ({words}); {place}, please report it.", "internal", Exit.FAILED
