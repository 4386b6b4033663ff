from __future__ import annotations

from datetime import date

import pytest

from finance.dates import read_day

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("t", TODAY),
        (" T ", TODAY),
        ("+14", date(2026, 12, 10)),
        ("-1", date(2026, 11, 25)),
        ("20", date(2026, 11, 20)),
        ("1/12/2026", date(2026, 12, 1)),
        ("1 Dec 2026", date(2026, 12, 1)),
    ],
)
def test_days_can_be_typed_in_short(typed: str, day: date) -> None:
    assert read_day(typed, TODAY) == day


def test_days_count_from_another_day_where_one_is_given() -> None:
    assert read_day("+30", TODAY, start=date(2026, 1, 1)) == date(2026, 1, 31)


@pytest.mark.parametrize("typed", ["", "soon", "31.", "2026-02-30", "0001-01-01", "20261", "+99999"])
def test_what_is_no_day_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        read_day(typed, TODAY)


def test_a_day_that_this_month_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="no such day"):
        read_day("31", TODAY)
