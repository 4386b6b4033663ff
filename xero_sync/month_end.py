"""The checklist of a month end: nothing unsent, nothing failed, payments brought back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.urls import reverse

from bmsxero.listing import Badge
from bmsxero.roles import Who
from bmsxero.templatetags.bms import count
from xero_sync import clock, jobs
from xero_sync.links import may_be_sent
from xero_sync.models import Job, JobRow, XeroConnection
from xero_sync.navigating import opens

#: Payments read longer ago may lack today's.
FRESH = timedelta(days=1)
DONE, OPEN, LATER = Badge("Done", "success"), Badge("To do", "warning"), Badge("Not connected")


@dataclass(frozen=True)
class Item:
    """One line: what is to be true, how it stands, and where it is done."""

    title: str
    words: str
    url: str
    state: Badge


def checklist(connection: XeroConnection | None, who: Who, unsent: int) -> list[Item]:
    """Return the lines, in the order in which a month end is done; so many invoices wait for Xero. Two queries."""
    failed = _failed(connection) if connection else 0
    paid = jobs.last_ended(connection, "payments", Job.Direction.IMPORT) if connection else None
    fresh = bool(paid and paid.finished_at and paid.finished_at > clock.now() - FRESH)
    return [
        Item(
            "Every invoice that is ready is in Xero",
            f"{count(unsent)} not in Xero" if unsent else "None is left",
            opens("xero_sync:export_invoices", who) or reverse("finance:invoices"),
            OPEN if unsent else DONE,
        ),
        Item(
            "Nothing failed",
            f"{count(failed)} failed or in doubt" if failed else "Nothing is in doubt",
            f"{reverse('finance:invoices')}?{urlencode({'xero': 'trouble'})}",
            OPEN if failed else DONE,
        ),
        Item(
            "Payments are brought back",
            _when(paid),
            opens("xero_sync:import_payments", who) or reverse("finance:payments"),
            DONE if fresh else LATER if connection is None else OPEN,
        ),
    ]


def _failed(connection: XeroConnection) -> int:
    """Count the invoices whose newest row in a job was no success, but for those that are to stay here."""
    rows = JobRow.objects.filter(
        tenant_id=connection.tenant_id, kind="invoices", job__kind="invoices", requested=True
    ).exclude(state__in=(JobRow.State.PLANNED, JobRow.State.SKIPPED))
    later = rows.filter(record_key=OuterRef("record_key"), pk__gt=OuterRef("pk"))
    trouble = (JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW)
    return may_be_sent(rows.filter(~Exists(later), state__in=trouble)).count()


def _when(job: Job | None) -> str:
    if job is None or job.finished_at is None:
        return "Never imported"
    return f"Last imported {job.finished_at.day} {job.finished_at:%b %Y}"
