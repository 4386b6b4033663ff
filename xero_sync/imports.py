"""Import: plan what comes from Xero, then apply it. Each record, its link and its outcome are one transaction.

Nothing foreign is changed, so a killed import is simply repeated: what was applied is found applied. Records
(contacts, items, the chart) are record_imports.py's, payments payment_imports.py's; what both share is here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from xero_sync import check, clock, deaths, jobs, lease, mirror, organisation, outbox, payment_imports, record_imports
from xero_sync.gateway import Gateway
from xero_sync.kinds import import_kind
from xero_sync.models import Job, JobRow

State = JobRow.State

PAYMENTS = payment_imports.payments.name
#: So many rows are fetched at once, and records applied in one transaction.
CHUNK = 200


def mirrors(kind: str) -> tuple[str, ...]:
    """Return which parts of our copy of Xero an import of this kind reads."""
    return payment_imports.payments.mirrors if kind == PAYMENTS else import_kind(kind).mirrors


def plan(job: Job, keep_alive: Callable[[], None]) -> None:
    """Make the rows of an import and say what would happen to each. Raises any of errors.py."""
    gateway = Gateway(job.connection, background=job.schedule_id is not None)
    gateway.keep_alive = keep_alive
    age = timedelta(0) if job.selection.get("fresh") else check.CHECK_AGE
    organisation.ensure(gateway, check.SEND_AGE)
    for name in mirrors(job.kind):
        mirror.ensure(gateway, name, age)
    keep_alive()
    job.connection.refresh_from_db()
    (payment_imports if job.kind == PAYMENTS else record_imports).plan(job, keep_alive)
    check.done(job, gateway)


def run(job: Job, owner: str) -> bool:
    """Apply the pending rows of an import for a slice, and finish where none is left. The caller holds the job's lease.

    Return whether it was handed back with rows left: they say where the next run goes on, nothing else is remembered.
    """
    slice_end = time.monotonic() + outbox.SLICE.total_seconds()
    now = clock.now()
    takable = Job.objects.filter(pk=job.pk, state__in=Job.OPEN).exclude(state=Job.State.STOPPING)
    takable.update(state=Job.State.RUNNING, wait_until=None, wait_why="", last_activity=now)
    Job.objects.filter(pk=job.pk, started_at=None).update(started_at=now)
    for rows in _pending(job):
        if not lease.renew(job, owner):
            return False
        if lease.leaving.is_set():
            return _hand_back(job)
        if Job.objects.filter(pk=job.pk, state=Job.State.STOPPING).exists():
            break
        (payment_imports if job.kind == PAYMENTS else record_imports).apply(job, rows)
        deaths.got_on(job)
        jobs.recount_now_and_then(job)
        if time.monotonic() >= slice_end and job.rows.filter(state=State.PENDING).exists():
            return _hand_back(job)
    job.rows.filter(state=State.PENDING).update(
        state=State.SKIPPED, reason="stopped", message="Not imported: the job was stopped."
    )
    jobs.finish(job)
    return False


def _hand_back(job: Job) -> bool:
    jobs.recount(job)
    jobs.note_served(job)
    return True


def _pending(job: Job) -> Iterator[list[JobRow]]:
    """Yield what is left to do, in the order of dependence, kind by kind."""
    last = (-1, -1)
    while True:
        rows = list(job.rows.filter(state=State.PENDING).order_by("stage", "id")[:CHUNK])
        if not rows or (rows[0].stage, rows[0].pk) == last:
            return
        last = (rows[0].stage, rows[0].pk)
        yield [row for row in rows if (row.stage, row.kind) == (rows[0].stage, rows[0].kind)]
