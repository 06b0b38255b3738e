"""Plays one schedule once and says what came of it."""

from __future__ import annotations

from typing import Any

from simulator.schedule import Schedule

from .soak import LinkKind, quiet, rehearsal, run


def rehearse(schedule: Schedule, link: LinkKind = "memory", seed: int | None = None) -> dict[str, Any]:
    """``played``: rows of seconds, name, value and duration; ``expect`` and ``unmet`` phrases; ``violations`` as texts."""
    with quiet():
        result = run(rehearsal(schedule, link, seed), stop_at_first=False)
    return {
        "about": schedule.about,
        "must": schedule.must,
        "seed": result.plan.seed,
        "link": link,
        "played": [(entry.at, entry.name, entry.amount, entry.lasts) for entry in result.played],
        "expect": list(schedule.expect),
        "unmet": result.unmet,
        "violations": [f"{one.rule}: {one.text}" for one in result.violations],
    }
