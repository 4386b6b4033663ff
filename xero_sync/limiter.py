"""How many calls an organisation may get: an exact rolling minute, calls in flight, the day's budget.

All of it is one row per organisation, so that any number of processes share it, with Redis or without.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from xero_sync import clock
from xero_sync.errors import Throttled
from xero_sync.models import XeroConnection

MINUTE = timedelta(seconds=60)
HOUR = timedelta(hours=1)
DAY_HOURS = 24
SPARE_CALLS = 2  # our clock and Xero's differ a little
IN_FLIGHT = 5  # Xero's own limit
DAY_RESERVE = 50  # the day's last calls are for people; background work stops here
DAY_PAUSE = timedelta(hours=1)
DEFAULT_PAUSE = timedelta(seconds=60)
LONGEST_MINUTE_PAUSE = timedelta(minutes=15)
LONGEST_DAY_PAUSE = timedelta(hours=26)
CONCURRENT_PAUSE = timedelta(seconds=1)


def acquire(connection_id: int, *, hold: timedelta, background: bool) -> str:
    """Take a slot for one call and return its id. A slot whose process died expires after `hold`.

    Background work leaves two of the five slots, and the last calls of the day, to people.
    Raises Throttled with the time at which trying again makes sense.
    """
    with transaction.atomic():
        row = _locked(connection_id)
        now = clock.now()
        if row.blocked_until and row.blocked_until > now:
            raise Throttled(row.blocked_until, row.blocked_why)
        if background and row.background_blocked_until and row.background_blocked_until > now:
            raise Throttled(row.background_blocked_until, "day")
        recent = _within_a_minute(row.recent_calls, now)
        if len(recent) >= _per_minute():
            raise Throttled(datetime.fromtimestamp(recent[0] / 1000, UTC) + MINUTE, "minute")
        flying = _still_flying(row.in_flight, now)
        if len(flying) >= (settings.XERO_PARALLEL if background else IN_FLIGHT):
            raise Throttled(now + CONCURRENT_PAUSE, "concurrent")
        slot = uuid.uuid4().hex
        row.recent_calls = [*recent, clock.milliseconds(now)]
        row.hourly_calls = _counted(row.hourly_calls or {}, now)
        row.in_flight = flying | {slot: clock.milliseconds(now + hold)}
        row.save(update_fields=["recent_calls", "hourly_calls", "in_flight"])
    return slot


def release(connection_id: int, slot: str, headers: Mapping[str, str], status: int | None) -> None:
    """Give the slot back, and believe what Xero's headers say of the limits: they overrule our own count."""
    with transaction.atomic():
        row = _locked(connection_id)
        now = clock.now()
        row.in_flight.pop(slot, None)
        if status != 429:  # that one says itself how long to wait
            _believe_the_minute(row, _number(headers, "x-minlimit-remaining"), now)
        if (day := _number(headers, "x-daylimit-remaining")) is not None:
            row.day_remaining = day
            row.background_blocked_until = now + DAY_PAUSE if day < DAY_RESERVE else None
        if status == 429:
            row.blocked_until, row.blocked_why = pause(headers, now)
        row.save(
            update_fields=[
                "recent_calls", "in_flight", "day_remaining",
                "background_blocked_until", "blocked_until", "blocked_why",
            ]
        )  # fmt: skip


def pause(headers: Mapping[str, str], now: datetime) -> tuple[datetime, str]:
    """Return until when, and why, a 429 asks us to wait. Xero's wait is bounded: it may be missing or absurd."""
    problem = headers.get("x-rate-limit-problem", "minute").lower()
    if problem == "concurrent":
        return now + CONCURRENT_PAUSE, "concurrent"
    why, longest = ("day", LONGEST_DAY_PAUSE) if problem == "day" else ("minute", LONGEST_MINUTE_PAUSE)
    seconds = _number(headers, "retry-after")
    asked = DEFAULT_PAUSE if seconds is None else timedelta(seconds=min(seconds, 10**6))
    return now + min(asked, longest), why


def calls_within_a_minute(row: XeroConnection, now: datetime) -> int:
    """Return how many calls count against the minute now."""
    return len(_within_a_minute(row.recent_calls, now))


def calls_by_hour(row: XeroConnection, now: datetime) -> list[tuple[datetime, int]]:
    """Return the last 24 hours, the one that runs as the last, each with our calls in it."""
    first = now.replace(minute=0, second=0, microsecond=0) - (DAY_HOURS - 1) * HOUR
    hours = [first + number * HOUR for number in range(DAY_HOURS)]
    return [(hour, (row.hourly_calls or {}).get(_hour(hour), 0)) for hour in hours]


def _counted(calls: dict[str, int], now: datetime) -> dict[str, int]:
    """Count one call more; hours older than a day are forgotten."""
    oldest, this = _hour(now - DAY_HOURS * HOUR), _hour(now)
    return {hour: number for hour, number in calls.items() if hour > oldest} | {this: calls.get(this, 0) + 1}


def _hour(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H}"


def _believe_the_minute(row: XeroConnection, remaining: int | None, now: datetime) -> None:
    """Where Xero has counted more calls than we have, somebody else uses the same app: count those, too."""
    recent = _within_a_minute(row.recent_calls, now)
    if remaining is not None:
        unseen = settings.XERO_MINUTE_LIMIT - remaining - len(recent)
        recent += [clock.milliseconds(now)] * max(0, unseen)
    row.recent_calls = recent


def _per_minute() -> int:
    return max(1, int(settings.XERO_MINUTE_LIMIT) - SPARE_CALLS)


def _locked(connection_id: int) -> XeroConnection:
    return XeroConnection.objects.select_for_update().get(pk=connection_id)


def _within_a_minute(calls: list[int], now: datetime) -> list[int]:
    oldest = clock.milliseconds(now - MINUTE)
    return [call for call in calls if call > oldest]


def _still_flying(slots: dict[str, int], now: datetime) -> dict[str, int]:
    return {slot: until for slot, until in slots.items() if until > clock.milliseconds(now)}


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "").strip()
    return int(value) if value.isdecimal() else None


def left_this_minute(row: XeroConnection, now: datetime) -> int:
    """Return how many calls are left of the rolling minute, without taking one."""
    return max(0, _per_minute() - len(_within_a_minute(row.recent_calls, now)))
