"""How crm and finance pages learn what their records are in Xero."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import IntegerField, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from xero_sync.models import JobRow, XeroConnection, XeroLink

M = TypeVar("M", bound=Model)

IN_XERO = "in_xero"
NOT_SENT = "not_sent"


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
