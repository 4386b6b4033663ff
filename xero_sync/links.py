"""How crm and finance pages learn what their records are in Xero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db.models import IntegerField, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from finance.models import Invoice
from xero_sync.models import JobRow, XeroConnection, XeroLink

M = TypeVar("M", bound=Model)

IN_XERO = "in_xero"
NOT_SENT = "not_sent"


def why_read_only(invoice: Invoice) -> str:
    """Return why this invoice may not be changed here, in plain words; blank where it may.

    Once it is in Xero, whichever organisation that was, or on its way there, Xero's copy is the one that counts.
    """
    return read_only([invoice]).get(invoice.uuid, "")


def read_only(invoices: Iterable[Invoice]) -> dict[UUID, str]:
    """Return those of the invoices that may not be changed, by uuid, each with the reason: see `why_read_only`."""
    wanted = [invoice.uuid for invoice in invoices]
    held = JobRow.objects.filter(
        kind="invoices", record_key__in=[str(each) for each in wanted], requested=True, state__in=JobRow.HELD
    ).values_list("record_key", "job_id")
    why = {UUID(key): f"Job {job} has this invoice in hand: read-only until it is done." for key, job in held}
    links = list(XeroLink.objects.filter(kind="invoices", local_id__in=wanted))
    names = dict(XeroConnection.objects.values_list("tenant_id", "name")) if links else {}
    for link in links:
        job = f" in Job {link.job_id}" if link.job_id else ""
        where = names.get(link.tenant_id) or "Xero"
        why[link.local_id] = f"Exported: read-only until Reset. It went to {where}{job}."
    return why


def linked_by(job: int, kind: str) -> QuerySet[XeroLink, UUID]:
    """Return the uuids of the records that Job# `job` linked: what it imported or exported, for `uuid__in`."""
    return XeroLink.objects.filter(job_id=job, kind=kind).values_list("local_id", flat=True)


def touched_by(job: int, kind: str) -> QuerySet[JobRow, int | None]:
    """Return the ids of the records that Job# `job` had rows for, whatever came of them, for `pk__in`.

    A job that imports payments has the invoices in hand that they are for.
    """
    kinds = {"invoices": ("invoices", "payments", "credits", "voids")}.get(kind, (kind,))
    return JobRow.objects.filter(job_id=job, kind__in=kinds, record_id__isnull=False).values_list(
        "record_id", flat=True
    )


def annotate_state(queryset: QuerySet[M], kind: str) -> QuerySet[M]:
    """Add to each record `xero_id`, `xero_number`, `xero_job` and `xero_state`, in the same query.

    The state is "in_xero", "not_sent", or where a job has the record in hand or failed with it, the state of the
    job's row: "pending", "sent", "unknown", "failed" … It speaks of the current organisation.
    """
    tenant = XeroConnection.objects.filter(is_current=True).values("tenant_id")[:1]
    links = XeroLink.objects.filter(tenant_id=Subquery(tenant), kind=kind, local_id=OuterRef("uuid"))
    rows = JobRow.objects.filter(
        tenant_id=Subquery(tenant), kind=kind, record_id=OuterRef("pk"), requested=True
    ).exclude(state__in=(JobRow.State.PLANNED, JobRow.State.SKIPPED))
    return queryset.annotate(
        xero_id=Subquery(links.values("xero_id")[:1]),
        xero_number=Subquery(links.values("xero_number")[:1]),
        xero_job=Subquery(links.values("job_id")[:1], output_field=IntegerField()),
        xero_state=Coalesce(
            Subquery(links.values_list(Value(IN_XERO))[:1]),
            Subquery(rows.order_by("-id").values("state")[:1]),
            Value(NOT_SENT),
        ),
    )  # type: ignore[return-value]
