"""What a change of a tax does to the invoices that have it."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from bmsxero.history import begin, write
from finance.models import Invoice, InvoiceLine, TaxRate
from xero_sync.links import read_only

#: Nobody outside has seen these yet, unless they are in Xero.
OPEN = (Invoice.Status.DRAFT, Invoice.Status.READY)


def open_invoices(rate: TaxRate) -> list[Invoice]:
    """Return the invoices whose totals may follow a new rate. Call it in a transaction: they are locked."""
    found = list(_having(rate).filter(status__in=OPEN).select_for_update())
    kept = read_only(found)
    return [invoice for invoice in found if invoice.uuid not in kept]


def count_fixed_invoices(rate: TaxRate) -> int:
    """Return how many invoices have totals that must stay: a customer or Xero has them."""
    live = _having(rate).exclude(status=Invoice.Status.VOID)
    return live.exclude(status__in=OPEN).count() + len(read_only(live.filter(status__in=OPEN)))


def save(rate: TaxRate, parts: list[tuple[str, Decimal, bool]], *, changes_rate: bool) -> int:
    """Save a tax with its parts, and the totals of open invoices with it. Return how many invoices changed."""
    with transaction.atomic():
        invoices = open_invoices(rate) if changes_rate and rate.pk else []
        begin(invoices)
        is_new = rate.pk is None
        begin([] if is_new else [rate])
        # One entry in the history for the tax and its parts
        rate.skip_history_when_saving = True  # type: ignore[attr-defined]
        rate.save()
        if parts:
            rate.set_components(parts)
        else:
            rate.components.all().delete()
        del rate.skip_history_when_saving  # type: ignore[attr-defined]
        write([rate], created=is_new)
        for invoice in invoices:
            invoice.recalculate()
    return len(invoices)


def _having(rate: TaxRate) -> QuerySet[Invoice]:
    lines = InvoiceLine.objects.filter(tax=rate)
    return Invoice.objects.filter(pk__in=lines.values("invoice"))
