"""What pages of other apps show of finance: `{% load receivables %}`."""

from __future__ import annotations

from django import template

from bmsxero.listing import Grid
from crm.models import Account
from finance import balances
from finance.lists import INVOICES, PAYMENTS
from finance.models import Invoice, Payment

register = template.Library()

FEW = 10


@register.filter
def overdue(invoice: Invoice) -> bool:
    return balances.is_overdue(invoice)


@register.simple_tag
def account_invoices(account: Account) -> Grid:
    """The latest invoices of an account, for components/_grid.html."""
    rows = Invoice.objects.filter(account=account).select_related("account", "site")
    return INVOICES.without("account", "xero_state").sample(rows, FEW)


@register.simple_tag
def account_payments(account: Account) -> Grid:
    """The latest payments of an account, for components/_grid.html."""
    rows = Payment.objects.filter(account=account).select_related("account", "invoice")
    return PAYMENTS.without("account").sample(rows, FEW)


@register.simple_tag
def account_owes(account: Account) -> list[balances.CurrencySum]:
    """What the account still has to pay, for each currency on its own."""
    return balances.sums(balances.owed(Invoice.objects.filter(account=account)))
