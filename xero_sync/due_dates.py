"""The seven rules of Setup > Options for the due date of an exported invoice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from finance.models import Invoice
from xero_sync.models import SyncOptions

Rule = SyncOptions.DueDate


def _after(days: int) -> Callable[[Invoice], date]:
    return lambda invoice: invoice.date + timedelta(days=days)


def _the_20th_next(invoice: Invoice) -> date:
    next_month = invoice.date.replace(day=1) + timedelta(days=31)
    return next_month.replace(day=20)


RULES: dict[str, Callable[[Invoice], date]] = {
    Rule.BMS_DUE_DATE: lambda invoice: invoice.due_date,
    Rule.INVOICE_DATE: lambda invoice: invoice.date,
    Rule.DAYS_7: _after(7),
    Rule.DAYS_14: _after(14),
    Rule.DAYS_30: _after(30),
    Rule.THE_20TH: lambda invoice: invoice.date.replace(day=20),
    Rule.THE_20TH_NEXT: _the_20th_next,
}


def due_date(invoice: Invoice, rule: str) -> date:
    """Return the due date that is sent: what the rule says, but never before the invoice's own date."""
    return max(RULES[rule](invoice), invoice.date)


def is_moved(invoice: Invoice, rule: str) -> bool:
    """Say whether the rule alone would be earlier than the invoice's date, as the 20th of its month can be."""
    return RULES[rule](invoice) < invoice.date
