"""What tests of the wizards and job pages share: start a check as the page does, and do a worker's work."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from xero_sync import engine, jobs
from xero_sync.models import Job, JobRow, XeroConnection


def text(response: Any) -> str:
    return response.content.decode()


def use_organisation(**fields: Any) -> XeroConnection:
    """Make a current connection without any Xero behind it."""
    return XeroConnection.objects.create(
        **(
            {"tenant_id": "here", "name": "Acme MSP Ltd", "client_id": "x", "is_current": True, "base_currency": "GBP"}
            | fields
        )
    )


def check(client: Client, ids: list[str], kind: str = "invoices", **posted: Any) -> Job:
    """Start a check of these records, as the wizard's last page does."""
    answer = client.post(f"/finance/xero/check/{kind}/", {"ids": ids, "token": str(uuid4()), **posted})
    assert answer.status_code == 302, answer.content
    number = answer.headers["Location"].strip("/").split("/")[-1]
    return Job.objects.get(pk=number)


def run(job: Job) -> Job:
    """Work on the job as a worker does, until there is nothing left to do for it."""
    for _ in range(10):
        engine.run(job.pk)
        job.refresh_from_db()
        if job.is_ended or job.state == Job.State.CHECKED:
            break
    return job


def make_job(state: str = Job.State.CHECKED, *, connection: XeroConnection | None = None, **fields: Any) -> Job:
    """Make a job as the engine leaves it, without rows."""
    connection = connection or XeroConnection.objects.filter(is_current=True).first() or use_organisation()
    now = timezone.now()
    times = {"checked_at": now, "last_activity": now}
    if state not in {Job.State.CHECKING, Job.State.CHECKED, Job.State.EXPIRED}:
        times |= {"sent_at": now}
    if state in Job.ENDED:
        times |= {"finished_at": now}
    return Job.objects.create(
        **{
            "kind": "invoices",
            "direction": "export",
            "connection": connection,
            "tenant_id": connection.tenant_id,
            "options": {"status": "DRAFT"},
            "state": state,
            "created_as": "finance",
            **times,
            **fields,
        }
    )


def make_rows(job: Job, number: int = 1, **fields: Any) -> list[JobRow]:
    """Add rows to a job and count them."""
    rows = JobRow.objects.bulk_create(
        JobRow(
            **{
                "job": job,
                "tenant_id": job.tenant_id,
                "kind": job.kind,
                "record_key": str(uuid4()),
                "label": f"INV-{job.pk}-{n}",
                "detail": "Acme",
                "amount": Decimal("10.50"),
                "our_total": Decimal("10.50"),
                "currency": "GBP",
                "outcome": "create",
                **fields,
            }
        )
        for n in range(number)
    )
    jobs.recount(job)
    return rows
