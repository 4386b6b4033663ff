"""The one clock. Several machines may share the database, so leases and limits go by the database's time."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Return the time in UTC: PostgreSQL's, or with SQLite, which one machine has to itself, our own."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (time,) = cursor.fetchone()
    return time.astimezone(UTC)  # type: ignore[no-any-return]


def milliseconds(time: datetime) -> int:
    """Return `time` as whole milliseconds since 1970, for columns that hold many times."""
    return int(time.timestamp() * 1000)
