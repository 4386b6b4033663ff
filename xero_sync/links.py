"""How crm and finance pages learn what their records are in Xero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db.models import Case, Exists, F, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from crm.models import Record
from finance.models import Invoice, TaxRate
from xero_sync.effective import effective_accounts
from xero_sync.mirror import MISSING
from xero_sync.models import JobRow, TaxMapping, XeroConnection, XeroLink, XeroRecord

__all__ = [
    "DONT_SEND",
    "IN_XERO",
    "NOT_SENT",
    "annotate_state",
    "annotate_tax_type",
    "effective_accounts",
    "forget",
    "job_holding",
    "read_only",
    "why_read_only",
]

M = TypeVar("M", bound=Model)

IN_XERO = "in_xero"
NOT_SENT = "not_sent"
DONT_SEND = "dont_send"


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


def failed_in(job: int) -> QuerySet[JobRow, int | None]:
    """Return the ids of the invoices that Job# `job` failed with, for `pk__in`."""
    rows = JobRow.objects.filter(job_id=job, kind="invoices", requested=True, state=JobRow.State.FAILED)
    return rows.values_list("record_id", flat=True)


def may_be_sent(rows: QuerySet[JobRow]) -> QuerySet[JobRow]:
    """Leave out the rows of invoices that are to stay here: what came of them needs nobody."""
    kept_here = Invoice.objects.exclude(dont_send="").values("pk")
    return rows.exclude(kind="invoices", record_id__in=kept_here)


def annotate_state(queryset: QuerySet[M], kind: str) -> QuerySet[M]:
    """Add to each record `xero_id`, `xero_number`, `xero_job` and `xero_state`, in the same query.

    For filters, since `xero_state` is told record by record: `xero_linked`, and `xero_otherwise`, the state where it
    isn't.

    The state is "in_xero", "dont_send", "not_sent", or where a job has the record in hand or failed with it, the
    state of the job's row: "pending", "sent", "unknown", "failed" … It speaks of the current organisation.
    """
    tenant = XeroConnection.objects.filter(is_current=True).values("tenant_id")[:1]
    links = XeroLink.objects.filter(tenant_id=Subquery(tenant), kind=kind, local_id=OuterRef("uuid"))
    rows = JobRow.objects.filter(
        tenant_id=Subquery(tenant), kind=kind, record_id=OuterRef("pk"), requested=True
    ).exclude(state__in=(JobRow.State.PLANNED, JobRow.State.SKIPPED))
    told: QuerySet[M] = queryset.annotate(
        xero_id=Subquery(links.values("xero_id")[:1]),
        xero_number=Subquery(links.values("xero_number")[:1]),
        xero_job=Subquery(links.values("job_id")[:1], output_field=IntegerField()),
        xero_linked=Exists(links),
        xero_otherwise=Coalesce(
            *_kept_here(queryset.model), Subquery(rows.order_by("-id").values("state")[:1]), Value(NOT_SENT)
        ),
    ).annotate(xero_state=Case(When(xero_linked=True, then=Value(IN_XERO)), default=F("xero_otherwise")))
    return told


def _kept_here(model: type[Model]) -> tuple[Case, ...]:
    """Invoices can be marked so that they stay here; a job that failed with one before is old news then."""
    return (Case(When(~Q(dont_send=""), then=Value(DONT_SEND))),) if model is Invoice else ()


def annotate_tax_type(queryset: QuerySet[TaxRate]) -> QuerySet[TaxRate]:
    """Add to each tax `xero_tax_type` and `xero_tax_name`: the rate of the current organisation that stands for it."""
    tenant = XeroConnection.objects.filter(is_current=True).values("tenant_id")[:1]
    mappings = TaxMapping.objects.filter(tenant_id=Subquery(tenant), tax_rate=OuterRef("pk"))
    rates = XeroRecord.objects.filter(
        tenant_id=Subquery(tenant), kind="tax_rates", xero_id=OuterRef("xero_tax_type")
    ).exclude(status=MISSING)
    return queryset.annotate(
        xero_tax_type=Subquery(mappings.values("tax_type")[:1]),
    ).annotate(xero_tax_name=Subquery(rates.annotate(remote_name=KT("payload__Name")).values("remote_name")[:1]))


def job_holding(record: Record, kind: str) -> int | None:
    """Return the number of the job that has the record in hand, in whatever organisation."""
    rows = JobRow.objects.filter(kind=kind, record_key=str(record.uuid), state__in=JobRow.HELD)
    return rows.order_by("-pk").values_list("job_id", flat=True).first()


def forget(record: Record, kind: str) -> None:
    """Take off the links of a record that is deleted, so that Xero's own can be imported or linked anew."""
    XeroLink.objects.filter(kind=kind, local_id=record.uuid).delete()
