"""The table of the monitor as text and ink: pure functions of rows, for any width."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from devicectl.bench.monitor import FAULT, GONE, LATCHED, NO_LINK, OK, STALE, Row, summary
from tui import text
from tui.theme import ALARMS, BADGE, BRIGHT, CHIP, DIM, KEYCAP, TEXT, Ink
from tui.widgets.line_board import Row as Line
from tui.widgets.line_board import spread, width_of

GAP: Final = 1
TWO_PANELS: Final = 162
"""From this width on two tables stand side by side when one is too short for all pens."""


class Column(NamedTuple):
    """One column. ``sort`` is its name in the orders of the monitor; ``wide``: only where there is room for it."""

    head: str
    width: int
    sort: str
    right: bool
    wide: bool
    cell: Callable[[Row], str]


def _percent(row: Row) -> str:
    return "--" if row.battery_pct is None else f"{row.battery_pct} %"


def _age(row: Row) -> str:
    if row.gone_s is not None:
        return text.clock(row.gone_s)
    return text.age(row.age_s)


COLUMNS: Final = (
    Column("PEN", 10, "pen", False, False, lambda row: row.name),
    Column("MODEL", 16, "", False, True, lambda row: row.model),
    Column("ADDRESS", 17, "address", False, False, lambda row: row.address.partition("://")[2]),
    Column("STATE", 16, "worst", False, False, lambda row: row.state),
    Column("mm", 5, "depth", True, False, lambda row: text.mm(row.depth_um)),
    Column("Hz", 6, "rate", True, False, lambda row: text.hz(row.rate_mhz)),
    Column("A", 5, "", True, True, lambda row: text.amps(row.current_ma)),
    Column("°C", 5, "temp", True, False, lambda row: text.celsius(row.temperature_cc)),
    Column("BATTERY", 7, "", True, True, _percent),
    Column("AGE", 6, "age", True, False, _age),
    Column("/s", 4, "", True, True, lambda row: "--" if row.rate_hz is None else f"{row.rate_hz:.0f}"),
    Column("LOST", 6, "loss", True, False, lambda row: text.share(row.loss) if row.lost else "0"),
)
"""From the left. Every one that is not ``wide`` fits into 80 cells."""


def columns(width: int) -> tuple[Column, ...]:
    """Those that fit into ``width`` cells; what is left goes to the state."""
    found = tuple(column for column in COLUMNS if not column.wide)
    for column in (column for column in COLUMNS if column.wide):
        more = tuple(one for one in COLUMNS if one in found or one is column)
        if _needs(more) <= width:
            found = more
    room = width - _needs(found)
    return tuple(one._replace(width=one.width + max(0, room)) if one.head == "STATE" else one for one in found)


def _needs(found: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in found) + 1


def ink_of(row: Row) -> Ink:
    """By the trouble: alarm colours are for what is wrong with a pen, and the state says it in words too."""
    if row.trouble in (FAULT, NO_LINK, STALE):
        return ALARMS["high"].plain
    if row.trouble > LATCHED and row.trouble != GONE:
        return ALARMS["medium"].plain
    return DIM if row.trouble == GONE else BRIGHT if row.turning else TEXT


def head_line(width: int, sort: str) -> Line:
    """Heads of the columns; the one that the order goes by is lit."""
    parts: list[tuple[str, Ink]] = [(" ", DIM)]
    for column in columns(width):
        lit = column.sort == sort
        word = text.cut(column.head, column.width)
        parts += [(word, CHIP if lit else DIM), (" " * (column.width - len(word) + GAP), DIM)]
        if column.right:
            parts[-2:] = [(" " * (column.width - len(word)), DIM), (word, CHIP if lit else DIM), (" " * GAP, DIM)]
    return tuple(parts)


def row_line(row: Row, width: int) -> Line:
    """One pen."""
    mark = "▶" if row.turning else "!" if row.trouble > OK else " "
    parts: list[tuple[str, Ink]] = [(mark, ink_of(row))]
    old = row.trouble in (STALE, NO_LINK, GONE)
    for column in columns(width):
        words = text.cut(column.cell(row), column.width)
        words = words.rjust(column.width) if column.right else words.ljust(column.width)
        # What is old must not look like what is now.
        ink = ink_of(row) if column.head in ("PEN", "STATE") else DIM if old else TEXT
        parts.append((words + " " * GAP, ink))
    return tuple(parts)


def table(rows: Sequence[Row], width: int, height: int, top: int, sort: str) -> list[Line]:
    """Heads and the rows from ``top`` on in ``height`` lines."""
    panels = 2 if width >= TWO_PANELS and len(rows) > height - 1 else 1
    each = (width - 2 * (panels - 1)) // panels
    body = max(0, height - 1)
    shown = rows[top : top + panels * body]
    lines: list[Line] = []
    for index in range(-1, body):
        line: Line = ()
        for panel in range(panels):
            place = panel * body + index
            if panel and (line or index < 0):
                line = (*line, (" " * (panel * (each + 2) - width_of(line)), DIM))
            if index < 0:
                line = (*line, *head_line(each, sort))
            elif place < len(shown):
                line = (*line, *row_line(shown[place], each))
        lines.append(line)
    return lines


def seen_at_once(rows: Sequence[Row], width: int, height: int) -> int:
    """How many rows a table of this size shows."""
    body = max(1, height - 1)
    return body * 2 if width >= TWO_PANELS and len(rows) > body else body


def title_line(rows: Sequence[Row], width: int, now: float, localtime: Callable[[float], time.struct_time]) -> Line:
    """What screen this is, how many pens do what, the time."""
    told = summary(rows)
    left: list[tuple[str, Ink]] = [(" monitor ", CHIP)]
    if told["simulated"]:
        words = "SIMULATED" if told["simulated"] == told["pens"] else f"{told['simulated']} SIMULATED"
        left.append((f" ▚▚ {words} ▞▞ ", BADGE))
    left += [(f" {told['pens']} pens", BRIGHT), (f"  {told['turning']} turning", TEXT)]
    if told["gone"]:
        left.append((f"  {told['gone']} gone", TEXT))
    clock = time.strftime("%H:%M:%S", localtime(now))
    return spread(width, tuple(left), ((f" {clock} ", DIM),))


def trouble_line(rows: Sequence[Row], width: int) -> Line:
    """The pens that need a look, the worst first, in words."""
    bad = sorted((row for row in rows if row.trouble > OK), key=lambda row: -row.trouble)
    if not bad:
        return ((" no pen needs a look" if rows else " no pens: devicectl simulate fleet starts some", DIM),)
    worst = bad[0].trouble
    look = ALARMS["high" if worst in (FAULT, NO_LINK, STALE) else "medium" if worst > LATCHED else "low"]
    count = f"{len(bad)} {'pen needs' if len(bad) == 1 else 'pens need'} a look: "
    words = text.cut(count + "; ".join(f"{row.name} {row.state}" for row in bad[:20]), width - len(look.mark) - 3)
    return ((f" {look.mark} {words} ", look.banner if worst != GONE else DIM),)


def key_line(width: int, sort: str, show: str, text_filter: str, place: str) -> Line:
    """Keys, and what is in force."""
    parts: list[tuple[str, Ink]] = [(" ", DIM)]
    for key, words in (
        ("s", f"by {sort}"),
        ("f", f"show {show}"),
        ("PgUp PgDn", place),
        ("c", "clear gone"),
        ("q", "leave"),
    ):
        parts += [(key, KEYCAP), (f" {words}   ", DIM)]
    if text_filter:
        parts.append((f"only '{text_filter}'", TEXT))
    while width_of(tuple(parts)) > width and len(parts) > 2:
        del parts[-2:]
    return tuple(parts)
