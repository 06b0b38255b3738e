"""Runs of a soak in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from devicectl.bench.soak import Plan, Result, quiet, run

Told = Callable[[int], None]


def run_one(plan: Plan, told: Told | None = None) -> Result:
    """One run; ``told`` hears by how many model seconds it went on."""
    done = 0

    def tick(seconds: float) -> None:
        nonlocal done
        if told is not None and int(seconds) > done:
            told(int(seconds) - done)
            done = int(seconds)

    with quiet():
        result = run(plan, tick=tick)
    if told is not None:
        told(round(plan.seconds) - done)
    return result


def run_jobs(plans: Sequence[Plan], jobs: int, told: Told | None) -> list[Result]:
    """All of them in ``jobs`` processes, in their order."""
    found: dict[int, Result] = {}
    # Fresh processes: nothing of this one's loop, signals or imports goes with them.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(run_one, plan): number for number, plan in enumerate(plans)}
        for future in as_completed(waiting):
            number = waiting[future]
            found[number] = future.result()
            if told is not None:
                told(round(plans[number].seconds))
    return [found[number] for number in range(len(plans))]
