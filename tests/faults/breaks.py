"""The outbox broken on purpose, one guard at a time, in this process only. The checker must notice each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection

from xero_sync import clock, jobs, lease, outbox, recovery
from xero_sync.models import JobRow, XeroRequest

State = JobRow.State


def no_fence() -> None:
    """Send whatever was written down, whoever has the organisation by now, and commit nothing before."""

    def fence(_: Any, batch: Any, request: XeroRequest) -> bool:
        for row in batch.rows:
            row.state = State.SENT
        return True

    outbox._Runner._fence = fence  # type: ignore[method-assign]
    outbox._Runner._renew = lambda _: None  # type: ignore[method-assign]


def no_settle_wait() -> None:
    """Look up at once, while Xero may still be working on the call."""
    recovery.settle_time = lambda: timedelta(0)


def no_open_row_index() -> None:
    """Let two jobs hold the same invoice."""

    def claim_rows(job: Any) -> None:
        job.rows.filter(state=State.PLANNED, outcome__in=jobs.ACTIONABLE).update(state=State.PENDING)

    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS one_open_row_per_record")
    connection.close()
    jobs._claim_rows = claim_rows


def no_lease() -> None:
    """Let everybody work on an organisation at once."""

    def fence(_: Any, batch: Any, request: XeroRequest) -> bool:
        now = clock.now()
        XeroRequest.objects.filter(pk=request.pk).update(
            state=XeroRequest.State.SENT, sent_at=now, lease_until=now + lease.length()
        )
        request.rows.update(state=State.SENT, attempts=jobs.one_more("attempts"))
        request.sent_at = now
        for row in batch.rows:
            row.state = State.SENT
        return True

    lease.take = lambda *_: True
    lease.renew = lambda *_: True
    outbox._Runner._fence = fence  # type: ignore[method-assign]


BREAKS: dict[str, Callable[[], None]] = {
    "fence": no_fence,
    "settle": no_settle_wait,
    "index": no_open_row_index,
    "lease": no_lease,
}


@contextmanager
def mended() -> Iterator[None]:
    """Put back what a break took from the database, once its rows are gone."""
    try:
        yield
    finally:
        JobRow.objects.all().delete()
        constraint = next(each for each in JobRow._meta.constraints if each.name == "one_open_row_per_record")
        with connection.schema_editor() as editor:
            with connection.cursor() as cursor:
                cursor.execute("DROP INDEX IF EXISTS one_open_row_per_record")
            editor.add_constraint(JobRow, constraint)
