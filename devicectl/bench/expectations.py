"""What a schedule says that must happen, as the program checks it: short phrases over one run.

``alarm CODE``, ``state NAME`` (the pen was in it), ``heard up|lost|rebooted``, ``ends still|running|connected``, ``record
gap|unknown|inferred|lost|…`` (a pass with lost samples, a kind of segment, or an end reason), ``counted NAME`` (one of the
link's statistics is not 0), ``refused`` (a command was not confirmed). ``not`` before any of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from drivers.api import LinkStatistics, PenState

from .oracle import Oracle

_HEARD: Final = ("up", "lost", "rebooted")
_ENDS: Final = ("still", "running", "connected")


def problem(phrase: str) -> str | None:
    """Why a phrase cannot be checked, in a few words; None when it can."""
    words = phrase.removeprefix("not ").split()
    if words == ["refused"]:
        return None
    if len(words) != 2:
        return "is no expectation, as 'alarm lease' or 'not state RUNNING' is"
    kind, what = words
    known: dict[str, Any] = {
        "alarm": None,
        "state": [state.name for state in PenState],
        "heard": _HEARD,
        "ends": _ENDS,
        "record": None,
        "counted": [field.name for field in dataclasses.fields(LinkStatistics)],
    }
    if kind not in known:
        return f"begins with none of {', '.join(known)}"
    if known[kind] is not None and what not in known[kind]:
        return f"knows only {', '.join(known[kind])} after {kind}"
    return None


def unmet(phrases: tuple[str, ...], oracle: Oracle) -> list[str]:
    """Those that did not come true in the run that ``oracle`` has watched."""
    return [phrase for phrase in phrases if not _true(phrase, oracle)]


def _true(phrase: str, oracle: Oracle) -> bool:
    if phrase.startswith("not "):
        return not _true(phrase.removeprefix("not "), oracle)
    kind, _, what = phrase.partition(" ")
    return _CHECKS[kind](oracle, what)


def _alarm(oracle: Oracle, what: str) -> bool:
    return bool(oracle.stack.rows("select 1 from alarms where code = :code limit 1", code=what))


def _record(oracle: Oracle, what: str) -> bool:
    rows = oracle.stack.rows
    if what == "gap":
        return bool(rows("select 1 from passes where lost_samples > 0 limit 1"))
    if what in ("unknown", "inferred", "measured"):
        return bool(rows("select 1 from pass_segments where kind = :kind limit 1", kind=what))
    return bool(rows("select 1 from passes where end_reason = :why or kind = :why limit 1", why=what))


def _ends(oracle: Oracle, what: str) -> bool:
    truth = oracle.seat.sim.truth
    if what == "connected":
        return oracle.seat.pen.connected
    return truth.turning if what == "running" else not truth.turning


def _refused(oracle: Oracle, _: str) -> bool:
    return bool(oracle.stack.rows("select 1 from commands where outcome <> 'confirmed' limit 1"))


_CHECKS: Final[dict[str, Callable[[Oracle, str], bool]]] = {
    "alarm": _alarm,
    "state": lambda oracle, what: what in oracle.states,
    "heard": lambda oracle, what: what in oracle.heard,
    "ends": _ends,
    "record": _record,
    "counted": lambda oracle, what: bool(oracle.counted(what)),
    "refused": _refused,
}
