"""Dates as people type them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %b %Y", "%d %B %Y")
HINT = "Such as 2026-11-30, t for today, +14 for two weeks on, or 20 for the 20th of this month."
_DAYS = re.compile(r"([+-])\s*(\d{1,4})")
_DAY = re.compile(r"\d{1,2}")


def read_day(text: str, today: date, *, start: date | None = None) -> date:
    """Return the day that `text` means. Days are counted from `start`, or else from today.

    Raises ValueError, with words for the person who typed it.
    """
    typed = text.strip().lower()
    if typed in {"t", "today"}:
        return today
    try:
        if counted := _DAYS.fullmatch(typed):
            days = int(counted[2])
            return (start or today) + timedelta(days=-days if counted[1] == "-" else days)
        if _DAY.fullmatch(typed):
            return today.replace(day=int(typed))
    except (ValueError, OverflowError):
        raise ValueError(f"There is no such day: {text.strip()}.") from None
    for shape in FORMATS:
        try:
            day = datetime.strptime(typed, shape).date()  # noqa: DTZ007 -- a day has no zone
        except ValueError:
            continue
        if day.year < 1900:
            break
        return day
    raise ValueError(f"This is no date. {HINT}")
