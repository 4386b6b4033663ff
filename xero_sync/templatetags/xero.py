"""What crm, finance and home pages show of Xero: `{% load xero %}`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from django import template

from bmsxero.listing import Badge
from bmsxero.roles import Who
from bmsxero.xero_state import BADGES, NOT_SENT
from finance.models import Invoice, Payment
from xero_sync import attention
from xero_sync.models import JobRow, XeroConnection, XeroLink

register = template.Library()


@dataclass(frozen=True)
class InXero:
    """What one of our records is in the current organisation."""

    badge: Badge
    organisation: str
    number: str = ""
    matched_by: str = ""
    url: str = ""
    job: int | None = None
    message: str = ""
    can_send: bool = False
    token: UUID | None = None


@register.simple_tag
def invoice_in_xero(invoice: Invoice) -> InXero | None:
    """Return what an invoice is in Xero; nothing where none was ever connected."""
    connection = XeroConnection.objects.filter(is_current=True).first()
    if connection is None:
        return None
    ours = {"tenant_id": connection.tenant_id, "kind": "invoices"}
    rows = JobRow.objects.filter(**ours, record_id=invoice.pk, requested=True).exclude(
        state__in=(JobRow.State.PLANNED, JobRow.State.SKIPPED)
    )
    row = rows.select_related("job__connection").order_by("-pk").first()
    if link := XeroLink.objects.filter(**ours, local_id=invoice.uuid).first():
        return _linked(connection, link, row)
    return InXero(
        badge=BADGES.get(row.state, Badge(NOT_SENT)) if row else Badge(NOT_SENT),
        organisation=connection.name,
        job=row.job_id if row else None,
        message=row.message if row and row.state in {JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW} else "",
        can_send=invoice.status in Invoice.EXPORTABLE and (row is None or row.state not in JobRow.HELD),
        token=uuid4(),
    )


def _linked(connection: XeroConnection, link: XeroLink, row: JobRow | None) -> InXero:
    warning = row.warning if row and row.job_id == link.job_id else ""
    badge = Badge("In Xero, with warning", "warning") if warning else BADGES["in_xero"]
    return InXero(
        badge=badge,
        organisation=connection.name,
        number=link.xero_number,
        matched_by=link.matched_by,
        url=connection.app_url(f"invoicing/view/{link.xero_id}"),
        job=link.job_id,
        message=warning,
    )


@register.simple_tag
def payment_in_xero(payment: Payment) -> XeroLink | None:
    """Return what a payment was imported from; nothing where it was entered here."""
    return XeroLink.objects.filter(kind="payments", local_id=payment.uuid).first()


@register.simple_tag
def tasks_for(who: Who) -> list[attention.Task]:
    """Return what waits for a person with these roles."""
    return attention.tasks(who)
