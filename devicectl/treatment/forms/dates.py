"""Days and moments as a person types them; what could be read in two ways is refused with the format named."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal

from .words import BadEntry, clean, quoted

Side = Literal["past", "future", "any"]

_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})")
_OTHER: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_AGO: Final = re.compile(r"([0-9]{1,4}) ?(min|minutes?|h|hours?) ago")
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})[T ]+([0-9:]{4,8})(?:\.[0-9]{1,6})?(?: ?(Z|[+\-−][0-9]{2}:?[0-9]{2}))?"
)
_DAYS: Final = {"today": 0, "yesterday": -1, "tomorrow": 1}
_EARLIEST: Final = 1900
_LATEST: Final = 2199
_SLACK: Final = timedelta(seconds=60)
"""How far ahead of this computer's clock a moment may be that has to be past."""


def read_day(label: str, raw: object, now: datetime, side: Side = "any", *, month_end: bool = False) -> date:
    """A day; ``side`` says where it may lie, today always included. Raises :class:`BadEntry`.

    ``month_end`` takes a year and month too, as on packages, and means the last day of it.
    """
    today = now.date()
    text = clean(label, raw, most=40).casefold() if isinstance(raw, str) else ""
    if isinstance(raw, date):
        text = raw.strftime("%Y-%m-%d") if not isinstance(raw, datetime) else raw.date().isoformat()
    day = today + timedelta(days=_DAYS[text]) if text in _DAYS else _day(label, text, month_end)
    if side == "past" and day > today:
        raise BadEntry(f"{label} cannot be in the future: {day.isoformat()} is after today.")
    if side == "future" and day < today:
        raise BadEntry(f"{label} cannot be in the past: {day.isoformat()} is before today.")
    return day


def _day(label: str, text: str, month_end: bool) -> date:
    example = "2026-11-25" if not month_end else "2026-11-25 or 2026-11"
    if found := _ISO.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif month_end and (found := _MONTH.fullmatch(text)):
        year, month = int(found[1]), int(found[2])
        day = calendar.monthrange(year, month)[1] if _EARLIEST <= year <= _LATEST and 1 <= month <= 12 else 0
    elif found := _OTHER.fullmatch(text):
        first, second, year = (int(part) for part in found.groups())
        if first <= 12 and second <= 12 and first != second:
            raise BadEntry(
                f"{label}: {quoted(text)} can be read in two ways; write year-month-day, such as 2026-11-25."
            )
        day, month = (second, first) if second > 12 else (first, second)
    else:
        raise BadEntry(f"{label} must be a date written year-month-day, such as {example}.")
    if not _EARLIEST <= year <= _LATEST:
        raise BadEntry(f"{label} must lie in the years {_EARLIEST} to {_LATEST}.")
    try:
        return date(year, month, day)
    except ValueError:
        raise BadEntry(f"{label}: there is no day {quoted(text)}; write year-month-day, such as {example}.") from None


def read_moment(label: str, raw: object, now: datetime, side: Side = "past") -> int:
    """A moment in µs UTC, to the second; without a day it is today, without an offset the time of this place.

    Raises :class:`BadEntry`.
    """
    text = clean(label, raw, most=40) if isinstance(raw, str) else ""
    moment = _moment(label, text, now).replace(microsecond=0)
    if side == "past" and moment > now + _SLACK:
        raise BadEntry(f"{label} cannot be in the future.")
    if side == "future" and moment < now - _SLACK:
        raise BadEntry(f"{label} cannot be in the past.")
    return int((moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def _moment(label: str, text: str, now: datetime) -> datetime:
    word = text.casefold()
    if word == "now":
        return now
    if found := _AGO.fullmatch(word):
        minutes = int(found[1]) * (60 if found[2].startswith("h") else 1)
        return now - timedelta(minutes=minutes)
    if _CLOCK.fullmatch(text):
        return _at(label, now.date(), text, now.tzinfo)
    if found := _MOMENT.fullmatch(text):
        zone = now.tzinfo if found[3] is None else _offset(label, found[3])
        return _at(label, _day(label, found[1], month_end=False), found[2], zone)
    raise BadEntry(f"{label} must be a time such as 14:30, or 2026-11-25 14:30, or now.")


def _at(label: str, day: date, text: str, zone: tzinfo | None) -> datetime:
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        raise BadEntry(f"{label}: there is no time {quoted(text)}; write it such as 14:30.")
    return datetime(day.year, day.month, day.day, int(found[1]), int(found[2]), int(found[3] or 0), tzinfo=zone or UTC)


def _offset(label: str, text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise BadEntry(f"{label}: there is no offset {quoted(text)}; write it such as +01:00.")
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(ahead if text[0] == "+" else -ahead)


def show_moment(utc_us: int, zone: tzinfo = UTC) -> str:
    """A moment with its offset, as it may be typed again."""
    at = datetime.fromtimestamp(utc_us // 1_000_000, tz=zone)
    clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
    offset = at.strftime("%z")
    return f"{at:%Y-%m-%d} {clock} {offset[:3]}:{offset[3:5]}"
