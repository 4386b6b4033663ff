"""What tests of the wizards and job pages share: start a check as the page does, and do a worker's work."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.test import Client

from xero_sync import engine
from xero_sync.models import Job, XeroConnection


def text(response: Any) -> str:
    return response.content.decode()


def use_organisation(**fields: Any) -> XeroConnection:
    """Make a current connection without any Xero behind it."""
    return XeroConnection.objects.create(
        **({"tenant_id": "here", "name": "Acme MSP Ltd", "client_id": "x", "is_current": True} | fields)
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
