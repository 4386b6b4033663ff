"""What a change of a tax does to the invoices that have it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from bmsxero.history import begin
from finance.models import Invoice, InvoiceLine, TaxRate
from xero_sync.links import annotate_state

#: Nobody outside has seen these yet.
OPEN = (Invoice.Status.DRAFT, Invoice.Status.READY)
NOT_IN_XERO = ("not_sent", "failed")


def open_invoices(rate: TaxRate) -> QuerySet[Invoice]:
    """Return the invoices whose totals may follow a new rate."""
    return _with_state(rate).filter(status__in=OPEN, xero_state__in=NOT_IN_XERO)


def fixed_invoices(rate: TaxRate) -> QuerySet[Invoice]:
    """Return the invoices whose totals must stay: a customer or Xero has them."""
    rows = _with_state(rate).exclude(status=Invoice.Status.VOID)
    return rows.exclude(Q(status__in=OPEN) & Q(xero_state__in=NOT_IN_XERO))


def save(rate: TaxRate, parts: list[tuple[str, Decimal, bool]], *, changes_rate: bool) -> int:
    """Save a tax with its parts, and the totals of open invoices with it. Return how many invoices changed."""
    with transaction.atomic():
        invoices = _locked(rate) if changes_rate and rate.pk else []
        begin(invoices)
        begin([rate] if rate.pk else [])
        rate.save()
        if parts:
            rate.set_components(parts)
        else:
            rate.components.all().delete()
        for invoice in invoices:
            invoice.recalculate()
    return len(invoices)


def _locked(rate: TaxRate) -> list[Invoice]:
    return list(open_invoices(rate).select_for_update(of=("self",)))


def _with_state(rate: TaxRate) -> QuerySet[Any]:
    lines = InvoiceLine.objects.filter(tax=rate)
    return annotate_state(Invoice.objects.filter(pk__in=lines.values("invoice")), "invoices")
