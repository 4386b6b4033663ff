"""The transaction log tells of every record of a job."""

from __future__ import annotations

import pytest

from tests.xero_sync.pages import make_job, make_rows
from xero_sync import jobs

pytestmark = pytest.mark.django_db


def test_what_a_check_left_out_is_in_the_log_once_the_job_is_sent() -> None:
    job = make_job()
    make_rows(job, outcome="fail", message="This invoice has no lines.", label="INV-1")
    make_rows(job, outcome="decide", message="Two contacts could be Acme.", label="INV-2")
    make_rows(job, outcome="skip", message="Already in Xero in Job 981.", label="INV-3")
    make_rows(job, outcome="create", label="INV-4")
    jobs.send(job)
    told = [(line.record, line.action, line.outcome, line.message) for line in job.log.exclude(record="")]
    assert told == [
        ("INV-1", "Fail", "failed", "This invoice has no lines."),
        ("INV-2", "Fail", "failed", "Two contacts could be Acme."),
        ("INV-3", "Skip", "info", "Already in Xero in Job 981."),
    ]
