"""Count the workers that die over a job: over its check, or over an import that does not get on.

A batch that is sent, and a look-up, count theirs by row and by request: see recovery.py.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F

from xero_sync import lease
from xero_sync.models import Job

logger = logging.getLogger(__name__)

#: After so many deaths in a row a job is not tried again.
MOST = 3
OVER_A_CHECK = (
    "Three workers in a row died while they checked this, most likely for want of memory. Nothing was changed. "
    "Choose fewer records and check those."
)
OVER_AN_IMPORT = (
    "Three workers in a row died over the same records, most likely for want of memory. "
    "What was imported before stays. Try the rest again, a part at a time."
)


@contextmanager
def counted(job: Job, owner: str) -> Iterator[None]:
    """Count a death of this worker beforehand, and take it back if it lives, whatever else may go wrong.

    One that was frozen takes nothing back: the job is another worker's by then.
    """
    mine = Job.objects.filter(pk=job.pk, lease_owner=owner)
    mine.update(deaths=F("deaths") + 1)
    job.deaths += 1
    try:
        yield
    finally:
        mine.update(deaths=0)


def got_on(job: Job) -> None:
    """Note that something has been done for good: deaths before it had other reasons."""
    if job.deaths > 1:
        _count(job, 1)


def forgive_a_leaving_worker(job: Job) -> None:
    """Who was told to go and is killed because it takes too long has not died of the job."""
    if job.deaths and lease.leaving.is_set():
        _count(job, 0)


def _count(job: Job, number: int) -> None:
    Job.objects.filter(pk=job.pk).update(deaths=number)
    job.deaths = number


def note(job: Job, last: str) -> str:
    """Write down for support that a job is given up, with the last worker that had it. Return the id of that line."""
    error_id = secrets.token_hex(4)
    words = "Job %s: %s workers in a row died over it, the last one %s (machine:process), error %s"
    logger.error(words, job.number, job.deaths, last or "unknown", error_id)
    return error_id
