from __future__ import annotations

from datetime import date

import pytest

from finance import sample_data
from finance.models import Invoice
from xero_sync import check, engine, jobs
from xero_sync.models import Job, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db


def export(selection=None, **overrides) -> Job:
    job = jobs.start_check("invoices", Job.Direction.EXPORT, selection or {"all": True}, user=None, overrides=overrides)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CHECKED, job.problem
    jobs.send(job)
    for _ in range(10):
        engine.run(job.pk)
        job.refresh_from_db()
        if job.is_ended:
            break
    return job


def test_a_dozen_invoices_reach_xero_with_what_they_need(connection: XeroConnection, today: date, xero) -> None:
    sample_data.create(sample_data.Size(5, 6, 12), today=today)
    job = export()
    assert jobs.results(job) == {
        "job": job.number,
        "state": "completed",
        "created": 12,
        "updated": 0,
        "linked": 0,
        "skipped": 0,
        "warnings": 0,
        "failed": 0,
        "unknown": 0,
        "also": {"tax_rates": 1, "contacts": 5, "items": 6},
    }, [(row.label, row.message) for row in job.rows.exclude(state="succeeded")[:5]]
    assert XeroLink.objects.filter(kind="invoices").count() == 12
    assert not [row for row in job.rows.filter(kind="invoices") if row.xero_total != row.our_total]
    assert check.expected_calls(job) == 3
    assert Invoice.objects.filter(status="draft").count() == 0
