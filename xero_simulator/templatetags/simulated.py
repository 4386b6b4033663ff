from __future__ import annotations

from decimal import Decimal

from django import template

register = template.Library()

# How Xero's screens name a status; overdue is decided by the page.
STATUS_NAMES = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting Approval",
    "AUTHORISED": "Awaiting Payment",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


@register.filter
def amount(value: Decimal | None) -> str:
    return "" if value is None else f"{value:,.2f}"


@register.filter
def plain(value: Decimal | None) -> str:
    """Show a quantity or a rate without zeros at its end."""
    return "" if value is None else f"{value.normalize():f}"


@register.filter
def price(value: Decimal | None) -> str:
    """Show a unit price with two decimals, and more only where it has more."""
    if value is None:
        return ""
    return f"{value:,.2f}" if value == value.quantize(Decimal("0.01")) else f"{value.normalize():,f}"


@register.filter
def status_name(status: str) -> str:
    return STATUS_NAMES.get(status, status.title())
