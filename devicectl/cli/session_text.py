"""A session as it is printed: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from devicectl.records.reader import PassSummary, SessionDetail, SessionSummary

DEPTH_OFF_UM: Final = 150
"""As `devicectl.control.arrival.TOLERANCE_UM`: the depth tolerance of one cleared pen's scale (FDA K180778)."""


def session_row(one: SessionSummary) -> dict[str, Any]:
    """A session as JSON; times as ISO 8601 in UTC."""
    return {
        "id": str(one.id),
        "purpose": one.purpose,
        "origin": one.origin,
        "client": one.client,
        "pen": one.pen,
        "opened": _iso(one.opened_utc_us),
        "ended": _iso(one.ended_utc_us),
        "end_reason": one.end_reason,
        "passes": one.passes,
        "strokes": one.strokes,
        "contact_ms": one.contact_ms,
    }


def _iso(utc_us: int | None) -> str | None:
    import datetime

    if utc_us is None:
        return None
    return datetime.datetime.fromtimestamp(utc_us / 1e6, datetime.UTC).isoformat(timespec="milliseconds")


def pass_rows(passes: Sequence[PassSummary]) -> list[dict[str, Any]]:
    """Passes as JSON; units in the names."""
    import dataclasses

    return [
        {**{k: v for k, v in dataclasses.asdict(one).items() if k != "segments"}, "id": str(one.id)}
        | {"segments": [segment._asdict() for segment in one.segments]}
        for one in passes
    ]


def pass_table(passes: Sequence[PassSummary]) -> None:
    """Passes as a table for people."""
    from .output import hz, mm, print_table, seconds

    by = ("by",) if any(one.operator for one in passes) else ()
    print_table(
        ("pass", "zone", "mm set/mean", "rate Hz", "time s", "contact s", "strokes", "≈ punct/cm²", "end", *by),
        [
            (
                str(one.seq),
                (one.zone or "–") + ("" if one.kind == "granted" else " (uncommanded)"),
                f"{mm(one.depth_set_um)} {mm(one.depth_mean_um)}",
                hz(one.rate_set_mhz),
                seconds(one.duration_ms),
                seconds(one.contact_ms) + (" inferred" if one.contact_kind == "inferred" else ""),
                _at_least(one, one.strokes),
                _at_least(one, one.density_cm2),
                (one.end_reason or "open").replace("_", " "),
                *((one.operator or "–",) if by else ()),
            )
            for one in passes
        ],
        "r.rrrrrr..",
    )
    unknown = sum(one.unknown_ms or 0 for one in passes)
    if unknown:
        click.echo(f"≥ during {seconds(unknown)} s strokes and contact are unknown; they are not counted.")

    held = sorted({one.calibration_id.hex[-8:] for one in passes if one.calibration_id is not None})
    if held:
        without = sum(one.calibration_id is None for one in passes)
        click.echo(f"calibration {', '.join(held)}" + (f"; {without} passes without one" if without else ""))

    off = [one for one in passes if _is_off(one)]
    if off:
        numbers = ", ".join(str(one.seq) for one in off)
        click.echo(
            f"On average the measured depth was more than {mm(DEPTH_OFF_UM)} mm off what was set in pass {numbers}: a short "
            "pass may have begun before the needles arrived; else check cartridge and calibration."
        )


def _is_off(one: PassSummary) -> bool:
    if one.depth_set_um is None or one.depth_mean_um is None:
        return False
    return abs(one.depth_mean_um - one.depth_set_um) > DEPTH_OFF_UM


def _at_least(one: PassSummary, figure: int | None) -> str:
    """A sum that leaves out what is unknown says so."""
    if figure is None:
        return "–"
    return f"≥ {figure}" if one.unknown_ms else str(figure)


ABOUT_STOP: Final = {
    "stop-read-late": "read late",
    "stop-direct": "straight to the pen",
    "stop-elsewhere": "at the pen",
}
"""Events without which the times of the stops above them would say too much, in words; they stand right below them."""
_ELSEWHERE: Final = frozenset({*ABOUT_STOP, "run-over", "pass-operator"})
"""Events that stand below the stops, or that the table of passes tells already; --json has them all."""


def show_detail(detail: SessionDetail) -> None:
    """A session for people."""
    from .output import badge, print_table, utc_text

    one = detail.session
    click.echo(f"session {one.id}{badge(one.origin)}")
    click.echo(f"{one.purpose}, client {one.client or 'none'}, pen {one.pen}")
    click.echo(
        f"opened {utc_text(one.opened_utc_us)}, {one.end_reason or 'open'} {utc_text(one.ended_utc_us)}".rstrip()
    )
    click.echo()
    if detail.passes:
        pass_table(detail.passes)
    else:
        click.echo("No pass was recorded.")
    if detail.stops:
        click.echo()
        print_table(
            ("STOP at", "source", "still after ms"),
            [
                (utc_text(s.at_utc_us), s.source, _ms(s.intent_to_still_us))
                for s in sorted(detail.stops, key=lambda s: s.at_utc_us)
            ],
            "..r",
        )
    about = sorted((e for e in detail.events if e.code in ABOUT_STOP), key=lambda e: e.at_utc_us)
    if about:
        click.echo()
        print_table(
            ("about STOP at", "what", "text"), [(utc_text(e.at_utc_us), ABOUT_STOP[e.code], e.text) for e in about]
        )
    if detail.alarms:
        click.echo()
        print_table(
            ("alarm at", "priority", "text"), [(utc_text(a.raised_utc_us), a.priority, a.text) for a in detail.alarms]
        )
    told = [e for e in detail.events if e.code not in _ELSEWHERE and not e.code.startswith("pen-")]
    if told:
        click.echo()
        print_table(
            ("event at", "what", "text"),
            [(utc_text(e.at_utc_us), e.code.replace("-", " "), e.text) for e in told],
        )


def _ms(us: int | None) -> str:
    return "not seen" if us is None else f"{us / 1000:.0f}"
