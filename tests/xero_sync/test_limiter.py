"""At most so many calls in any rolling minute, at most so many at once, and Xero's own word above ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from xero_sync import clock, limiter
from xero_sync.errors import Throttled
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOLD = timedelta(seconds=30)


@pytest.fixture
def row() -> XeroConnection:
    return XeroConnection.objects.create(tenant_id="t", name="Acme", client_id="x")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the time: `at(seconds)` after the start."""

    def move(seconds: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: START + timedelta(seconds=seconds))

    move(0)
    return move


def call(
    row: XeroConnection, *, background: bool = True, headers: dict[str, str] | None = None, status: int = 200
) -> None:
    slot = limiter.acquire(row.pk, hold=HOLD, background=background)
    limiter.release(row.pk, slot, headers or {}, status)


def test_no_rolling_minute_has_more_than_58_calls(row: XeroConnection, at: Any) -> None:
    made: list[int] = []
    for second in range(200):
        at(second)
        for _ in range(3):
            try:
                call(row)
            except Throttled:
                break
            made.append(second)
    busiest = max(sum(1 for each in made if start <= each < start + 60) for start in range(140))
    assert busiest == 58


def test_a_full_minute_says_when_it_makes_sense_to_try_again(row: XeroConnection, at: Any) -> None:
    for _ in range(58):
        call(row)
    at(10)
    with pytest.raises(Throttled) as caught:
        call(row)
    assert (caught.value.why, caught.value.until) == ("minute", START + timedelta(seconds=60))


def test_background_work_leaves_two_of_five_slots_to_people(row: XeroConnection, at: Any) -> None:
    for _ in range(3):
        limiter.acquire(row.pk, hold=HOLD, background=True)
    with pytest.raises(Throttled) as caught:
        limiter.acquire(row.pk, hold=HOLD, background=True)
    assert caught.value.why == "concurrent"
    for _ in range(2):
        limiter.acquire(row.pk, hold=HOLD, background=False)
    with pytest.raises(Throttled):
        limiter.acquire(row.pk, hold=HOLD, background=False)


def test_a_slot_whose_process_died_comes_back_by_itself(row: XeroConnection, at: Any) -> None:
    for _ in range(3):
        limiter.acquire(row.pk, hold=HOLD, background=True)
    at(31)
    limiter.acquire(row.pk, hold=HOLD, background=True)


def test_where_xero_has_counted_more_than_we_have_its_count_holds(row: XeroConnection, at: Any) -> None:
    call(row, headers={"x-minlimit-remaining": "1"})
    with pytest.raises(Throttled):
        call(row)


def test_the_last_calls_of_the_day_are_for_people(row: XeroConnection, at: Any) -> None:
    call(row, headers={"x-daylimit-remaining": "49"})
    with pytest.raises(Throttled) as caught:
        call(row, background=True)
    assert caught.value.why == "day"
    call(row, background=False)
    at(3601)
    call(row, background=True, headers={"x-daylimit-remaining": "4999"})
    call(row, background=True)


@pytest.mark.parametrize(
    ("headers", "why", "seconds"),
    [
        ({"retry-after": "37"}, "minute", 37),
        ({"retry-after": "37", "x-rate-limit-problem": "Minute"}, "minute", 37),
        ({}, "minute", 60),
        ({"retry-after": "soon"}, "minute", 60),
        ({"retry-after": "-5"}, "minute", 60),
        ({"retry-after": "999999999999"}, "minute", 900),
        ({"retry-after": "3600", "x-rate-limit-problem": "day"}, "day", 3600),
        ({"retry-after": "86400", "x-rate-limit-problem": "day"}, "day", 86400),
        ({"x-rate-limit-problem": "concurrent"}, "concurrent", 1),
        ({"retry-after": "12", "x-rate-limit-problem": "appminute"}, "minute", 12),
    ],
)
def test_a_429_is_obeyed_within_bounds(
    row: XeroConnection, at: Any, headers: dict[str, str], why: str, seconds: int
) -> None:
    call(row, headers=headers, status=429)
    with pytest.raises(Throttled) as caught:
        call(row)
    assert (caught.value.why, caught.value.until) == (why, START + timedelta(seconds=seconds))
    at(seconds)
    call(row)


def test_calls_are_counted_by_the_hour_for_a_day(row: XeroConnection, at: Any) -> None:
    for hour in (0, 0, 1, 25):
        at(hour * 3600)
        call(row)
    row.refresh_from_db()
    hours = limiter.calls_by_hour(row, clock.now())
    assert len(hours) == 24
    assert hours[-1] == (START + timedelta(hours=25), 1)
    assert sum(number for _, number in hours) == 1, "the other hours are more than a day ago"
    assert len(row.hourly_calls) == 1
