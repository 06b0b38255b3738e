"""What happens in a soak when no schedule says it: people at work and trouble around them, drawn from a seed."""

from __future__ import annotations

import random
from typing import Any, Final

from simulator.schedule import Entry, Schedule

ZONES: Final = ("FHL", "FRL", "FRR", "MID", "PAL", "VTX", "OCC", "CUS-1")
DEPTHS_MM: Final = (0.5, 0.75, 1.0, 1.25, 1.5, 1.55, 3.0)
RATES_HZ: Final = (60.0, 80.0, 100.0, 120.0, 150.0, 151.0)
_Drawn = tuple[str, Any, tuple[float, float] | None]

DURING: Final[tuple[tuple[int, tuple[_Drawn, ...]], ...]] = (
    (6, (("client.depth", DEPTHS_MM, None), ("client.rate", RATES_HZ, None), ("client.start", ZONES, None))),
    (3, (("client.pause", None, None), ("hand.button", None, None), ("hand.footswitch", None, (0.3, 2.0)))),
    (2, (("client.onlooker", None, None), ("client.lock", None, None), ("client.hasty", ZONES, None))),
    (2, (("client.reset", None, None), ("hand.press", (0.0, 0.6, 1.4), (0.5, 3.0)))),
    (
        5,
        (
            ("to_pen.drop", (0.1, 0.2, 0.4), (0.3, 3.0)),
            ("from_pen.drop", (0.1, 0.2, 0.4), (0.3, 3.0)),
            ("to_pen.delay", (0.05, 0.15, 0.4), (0.3, 2.0)),
            ("from_pen.delay", (0.05, 0.15, 0.4), (0.3, 2.0)),
            ("jitter", (0.05,), (0.5, 3.0)),
            ("duplicate", (0.3,), (0.5, 3.0)),
            ("corrupt", (0.1, 0.2), (0.3, 3.0)),
            ("split", (0.8,), (0.5, 3.0)),
            ("reorder", (0.02,), (0.5, 2.0)),
            ("to_pen.pressure", (4000,), (0.5, 2.0)),
            ("from_pen.queue", (64, 256), (0.3, 2.0)),
        ),
    ),
    (
        3,
        (
            ("silence", None, (0.15, 3.0)),
            ("to_pen.silence", None, (0.15, 3.0)),
            ("from_pen.silence", None, (0.15, 3.0)),
            ("reboot", None, None),
            ("brown_out", None, (0.5, 3.0)),
            ("nvm_damage", None, None),
            ("forget_limit", None, None),
            ("clock_drift", (-0.01, 0.01), (5.0, 20.0)),
        ),
    ),
    (
        2,
        (
            ("stall", None, (0.2, 2.0)),
            ("no_start", None, (0.5, 3.0)),
            ("stuck_actuator", None, (0.3, 3.0)),
            ("lying_rate", None, (0.5, 4.0)),
            ("lying_sensor", (-400, 400), (0.5, 4.0)),
            ("frozen_sensor", None, (0.5, 4.0)),
            ("flat_battery", None, (0.5, 3.0)),
            ("hand.cartridge", None, (0.05, 1.0)),
        ),
    ),
    (2, (("disk.locked", None, (0.3, 6.0)), ("disk.silent", None, (0.3, 6.0)))),
    (1, (("clock.set", (-3.0, 0.5, 3.0, 3600.0), None), ("clock.suspend", (0.5, 3.0, 60.0), None))),
)
"""What can happen while a pen works: how often, and among what; each with the values and the seconds it takes."""

RADIO: Final[tuple[_Drawn, ...]] = (
    ("radio.out_of_range", None, (0.2, 3.0)),
    ("radio.loss", (0.2, 0.3), (0.5, 3.0)),
    ("radio.delay", (0.05, 0.15), (0.3, 2.0)),
    ("radio.drop_commands", (0.4,), (0.3, 2.0)),
    ("radio.drop_notifications", (0.3,), (0.3, 2.0)),
    ("radio.fading", (30.0,), (0.5, 3.0)),
    ("radio.cut", None, None),
    ("radio.forget", None, None),
    ("radio.mtu", (23,), (5.0, 20.0)),
)

_TALK: Final[tuple[_Drawn, ...]] = (
    ("client.depth", DEPTHS_MM[:5], None),
    ("client.rate", RATES_HZ[:5], None),
    ("client.depth", DEPTHS_MM[:5], None),
    ("client.rate", RATES_HZ[:5], None),
)
CONVERSATIONS: Final[tuple[tuple[_Drawn, ...], ...]] = (
    (("from_pen.delay", (0.4,), (2.0, 2.5)), ("to_pen.drop", (0.4,), (2.0, 2.5)), *_TALK),
    (("to_pen.delay", (0.35, 0.45), (1.0, 2.0)), *_TALK),
    (("duplicate", (0.8,), (2.0, 2.5)), *_TALK),
)
"""Commands that are lost while answers come late, that come late themselves, or that come twice."""
CONVERSATION_SHARE: Final = 0.08
HASTY_SHARE: Final = 0.06

ENDINGS: Final[tuple[tuple[int, _Drawn], ...]] = (
    (10, ("client.end", None, None)),
    (4, ("client.stop", None, None)),
    (1, ("station.stop", None, None)),
    (2, ("client.freeze", None, (0.6, 2.0))),
    (2, ("client.gone", None, None)),
    (1, ("client.away", None, (0.5, 3.0))),
    (1, ("station.kill", None, None)),
)


def draw(seed: int, seconds: float, *, pen: int = 0, on_air: bool = False, trouble: bool = True) -> list[Entry]:
    """What happens at one pen within ``seconds``; without ``trouble`` only what people do right."""
    dice = random.Random(f"script {seed} {pen}")
    entries: list[Entry] = []
    at = dice.uniform(0.1, 0.5)

    def add(drawn: _Drawn) -> None:
        name, values, lasts = drawn
        entries.append(
            Entry(
                name=name,
                value=dice.choice(values) if values is not None else None,
                at=round(at, 3),
                lasts=round(dice.uniform(*lasts), 3) if lasts is not None else None,
                pen=pen,
            )
        )

    weights = [weight for weight, _ in DURING]
    while at < seconds:
        add(("client.hasty" if trouble and dice.random() < HASTY_SHARE else "client.start", ZONES, None))
        at += dice.choice((0.3, 1.0, 2.5, 6.0))
        for _ in range(dice.choice((0, 1, 1, 2, 2, 3)) if trouble else 1):
            if trouble and dice.random() < CONVERSATION_SHARE:
                for drawn in dice.choice(CONVERSATIONS):
                    add(drawn)
                    at += 0.05
                at += 2.5
            group = dice.choices(DURING, weights)[0][1] if trouble else DURING[0][1]
            if on_air and dice.random() < 0.2:
                group = RADIO
            add(dice.choice(group))
            at += dice.choice((0.05, 0.3, 1.0, 2.5, 5.0))
        endings = ENDINGS if trouble else ENDINGS[:1]
        add(dice.choices([ending for _, ending in endings], [weight for weight, _ in endings])[0])
        at += dice.choice((0.6, 1.0, 1.5))
        if dice.random() < 0.8:
            add(("client.recover", None, None))
            at += 2.0
    return [entry for entry in entries if float(entry.at) < seconds]  # type: ignore[arg-type]


def scripted(seed: int, seconds: float, pens: int, *, on_air: bool = False, trouble: bool = True) -> Schedule:
    """One schedule for all pens."""
    entries = [entry for pen in range(pens) for entry in draw(seed, seconds, pen=pen, on_air=on_air, trouble=trouble)]
    entries.sort(key=lambda entry: float(entry.at))  # type: ignore[arg-type]
    return Schedule(about=f"drawn from seed {seed}", seed=seed, seconds=seconds, people=False, faults=tuple(entries))
