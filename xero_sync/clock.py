"""The one clock. Several machines may share the database, so leases and limits go by the database's time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

#: When this thread last asked the database: our monotonic clock then, and the answer.
_asked = threading.local()
ONE_SECOND_NS = 1_000_000_000


def now() -> datetime:
    """Return the time in UTC: PostgreSQL's, or with SQLite, which one machine has to itself, our own."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (told,) = cursor.fetchone()
    return told.astimezone(UTC)  # type: ignore[no-any-return]


def stamp() -> datetime:
    """Return the time for writing down what happened: that of `now`, asked once a second and counted on from there.

    For log lines and the like, which come by the hundred. What decides who may act goes by `now`.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    ticks = time.monotonic_ns()
    asked = getattr(_asked, "last", None)
    if asked is None or ticks - asked[0] > ONE_SECOND_NS:
        asked = _asked.last = (ticks, now())
    return asked[1] + timedelta(microseconds=(ticks - asked[0]) // 1000)


def milliseconds(moment: datetime) -> int:
    """Return `moment` as whole milliseconds since 1970, for columns that hold many times."""
    return int(moment.timestamp() * 1000)
