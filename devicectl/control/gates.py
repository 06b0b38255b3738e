"""Named interlocks before START, each with a sentence; the purpose of the session decides which are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from .arrival import Shortfall


class Purpose(StrEnum):
    """What a session is for."""

    BENCH = "bench"
    TREATMENT = "treatment"


@dataclass(frozen=True, slots=True)
class Gate:
    """One interlock's verdict. ``overridable``: somebody may open it with a reason; ``overridden``: somebody has;
    ``waiting``: it is shut and about to open by itself."""

    name: str
    passed: bool
    text: str
    overridable: bool = False
    overridden: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gates look at, all as of one instant. Ages in seconds, battery in percent.

    ``depth_follows``: what starts sets the depth first and waits for it, so that where the needles are now is no matter.
    """

    connected: bool
    serial: str
    simulated: bool
    firmware: str
    firmware_problem: str | None
    latched: bool
    faults: tuple[str, ...]
    still: bool
    unsettled: bool
    cartridge_present: bool
    cartridge_used: bool
    battery_pct: int | None
    sample_age_s: float
    status_age_s: float
    record_problem: str | None
    depth_limit_problem: str | None
    depth_shortfall: Shortfall | None
    depth_follows: bool
    purpose: Purpose | None
    client_training: bool | None
    controller_alive: bool
    overrides: Mapping[str, str] = field(default_factory=dict)
    overridden_about: Mapping[str, str] = field(default_factory=dict)


BATTERY_MIN_PCT: Final = 10
LINK_AGE_MAX_S: Final = 0.3
STATUS_AGE_MAX_S: Final = 1.0


def _gate(name: str, passed: bool, good: str, bad: str) -> Gate:
    return Gate(name, passed, good if passed else bad)


def _identity(f: Facts) -> Gate:
    ok = f.connected and bool(f.serial)
    return _gate("identity", ok, f"pen {f.serial}", "No pen is connected; choose one.")


def _firmware(f: Facts) -> Gate:
    return _gate("firmware", f.firmware_problem is None, f"firmware {f.firmware}", f.firmware_problem or "")


def _latch(f: Facts) -> Gate:
    return _gate("latch", not f.latched, "not latched", "The pen is stopped and latched; reset it first.")


def _faults(f: Facts) -> Gate:
    return _gate("faults", not f.faults, "no faults", f"The pen reports {', '.join(f.faults)}; mend it, then reset.")


def _still(f: Facts) -> Gate:
    return _gate("still", f.still, "confirmed still", "The pen is not confirmed still; wait, or press STOP.")


def _settled(f: Facts) -> Gate:
    return _gate("settled", not f.unsettled, "no open command", "An earlier command is still being checked; wait.")


def _cartridge(f: Facts) -> Gate:
    return _gate("cartridge", f.cartridge_present, "cartridge present", "No cartridge is plugged in; insert one.")


def _battery(f: Facts) -> Gate:
    if f.battery_pct is None:
        return Gate("battery", False, "The battery has not been read yet; wait a second.")
    return _gate(
        "battery",
        f.battery_pct >= BATTERY_MIN_PCT,
        f"battery {f.battery_pct} %",
        f"Battery {f.battery_pct} %, {BATTERY_MIN_PCT} % needed; charge the pen.",
    )


def _link(f: Facts) -> Gate:
    ok = f.sample_age_s <= LINK_AGE_MAX_S and f.status_age_s <= STATUS_AGE_MAX_S
    return _gate("link", ok, "link fresh", "No fresh data from the pen; check the link.")


def _record(f: Facts) -> Gate:
    return _gate("record", f.record_problem is None, "record writable", f.record_problem or "")


def _limits(f: Facts) -> Gate:
    return _gate("limits", f.depth_limit_problem is None, "limits agree", f.depth_limit_problem or "")


def _arrived(f: Facts) -> Gate:
    short = f.depth_shortfall
    if f.depth_follows:
        return Gate("arrived", True, "depth is set first, and waited for")
    if short is None:
        return Gate("arrived", True, "needles at the set depth")
    return Gate("arrived", False, short.text, waiting=short.coming)


def _controller(f: Facts) -> Gate:
    return _gate("control", f.controller_alive, "you hold control", "Nobody's screen is alive; take control first.")


def _session(f: Facts) -> Gate:
    return _gate("session", f.purpose is not None, "session open", "No session is open; open one first.")


def _client(f: Facts) -> Gate:
    if not f.simulated:
        text = "A training client is treated with a simulated pen only; choose another client."
        return _gate("client", f.client_training is False, "client chosen", text)
    return _gate(
        "client", f.client_training is True, "training client", "A simulated pen treats only clients marked training."
    )


def _fresh_cartridge(f: Facts) -> Gate:
    return _gate(
        "cartridge new", not f.cartridge_used, "cartridge unused", "The cartridge was used before; insert a new one."
    )


_COMMON: Final[tuple[Callable[[Facts], Gate], ...]] = (
    _identity,
    _firmware,
    _session,
    _controller,
    _latch,
    _faults,
    _settled,
    _still,
    _cartridge,
    _battery,
    _link,
    _limits,
    _arrived,
    _record,
)
GATES: Final[dict[Purpose, tuple[Callable[[Facts], Gate], ...]]] = {
    Purpose.BENCH: _COMMON,
    Purpose.TREATMENT: (*_COMMON, _client, _fresh_cartridge),
}


OVERRIDABLE: Final[dict[Purpose, frozenset[str]]] = {
    # A bench pen may carry a cartridge that it cannot read, run from a supply, or have a depth sensor that lies.
    Purpose.BENCH: frozenset({"cartridge", "battery", "arrived"}),
    Purpose.TREATMENT: frozenset({"battery"}),
}
"""Gates that a person may open with a reason. What keeps STOP, the link and the record honest is not among them."""


def evaluate(facts: Facts, more: tuple[Gate, ...] = ()) -> tuple[Gate, ...]:
    """Every gate of the session's purpose; without a session those of ``bench``, of which one then fails.

    ``more`` are gates of rooms that control does not know; whether somebody may open them stands in each.
    """
    purpose = facts.purpose or Purpose.BENCH
    gates = (*(gate(facts) for gate in GATES[purpose]), *more)
    if all(gate.passed for gate in gates):
        return gates
    may = OVERRIDABLE[purpose] if facts.purpose is not None else frozenset[str]()
    return tuple(
        _override(gate, facts) if not gate.passed and (gate.overridable or gate.name in may) else gate for gate in gates
    )


def about(gate: Gate) -> str:
    """What a shut gate is about, whatever minutes and percents stand in its sentence."""
    return re.sub(r"[0-9]+([.,][0-9]+)?", "#", gate.text)


def _override(gate: Gate, facts: Facts) -> Gate:
    reason = facts.overrides.get(gate.name)
    # Opened for one reason it does not stand open for another: a pen that was not checked is not one that failed its check.
    if reason is None or facts.overridden_about.get(gate.name) != about(gate):
        return replace(gate, overridable=True)
    # In a treatment the reason may speak of the client: it is sealed in the record, and no view carries it.
    why = "with a reason" if facts.purpose is Purpose.TREATMENT else f"({reason})"
    return Gate(gate.name, True, f"overridden {why}: {gate.text}", overridable=True, overridden=True)
