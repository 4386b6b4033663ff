"""What is owed, and how payments changed it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.models import Account
from finance import money
from finance.models import Invoice, Payment

_MONEY: DecimalField[Any, Any] = DecimalField(max_digits=14, decimal_places=2)
#: The customer has the invoice and owes its balance.
OWED = (Invoice.Status.SENT, Invoice.Status.PARTLY_PAID)


@dataclass(frozen=True)
class Around:
    """The balance of an invoice before and after one payment, in the invoice's currency."""

    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class CurrencySum:
    """So many invoices of one currency, what they come to, and what is still due of it."""

    currency: str
    number: int
    total: Decimal
    balance_due: Decimal


def owed(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return those of the invoices that a customer still has to pay."""
    return invoices.filter(status__in=OWED, balance_due__gt=0)


def overdue(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return those of the invoices that should have been paid before today."""
    return owed(invoices).filter(due_date__lt=timezone.localdate())


def is_overdue(invoice: Invoice) -> bool:
    """Say of one invoice what `overdue` says of many."""
    return invoice.status in OWED and invoice.balance_due > 0 and invoice.due_date < timezone.localdate()


def around(payment: Payment) -> Around:
    """Return the balance before and after `payment`, counting the live payments in order of date and entry."""
    earlier = Q(date__lt=payment.date) | Q(date=payment.date, pk__lt=payment.pk)
    live = Payment.objects.filter(earlier, invoice=payment.invoice_id, reversed=False)
    before = payment.invoice.total - money.round_half_up(live.aggregate(sum=Sum("amount"))["sum"] or money.ZERO)
    return Around(before, before if payment.reversed else before - payment.amount)


def sums(invoices: QuerySet[Invoice]) -> list[CurrencySum]:
    """Add the invoices up, each currency on its own."""
    rows: Any = invoices.order_by().values_list("currency")
    added = rows.annotate(number=Count("pk"), all=Sum("total"), due=Sum("balance_due")).order_by("currency")
    return [
        CurrencySum(currency, number, money.round_half_up(total), money.round_half_up(due))
        for currency, number, total, due in added
    ]


def with_balances(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Add to each account `balance_due`, what its invoices that aren't void have left, and its `currencies`.

    Where there are several, the balance is a mixture of them, and nothing to show.
    """
    live: Any = Invoice.objects.filter(account=OuterRef("pk")).exclude(status=Invoice.Status.VOID).order_by()
    grouped = live.values("account")  # one row for each account, so that its sum can stand in a subquery
    return accounts.annotate(
        balance_due=Coalesce(
            Subquery(grouped.annotate(due=Sum("balance_due")).values("due")), money.ZERO, output_field=_MONEY
        ),
        currencies=Coalesce(Subquery(grouped.annotate(number=Count("currency", distinct=True)).values("number")), 0),
        balance_currency=Subquery(live.values("currency")[:1]),
    )


def balance_sums(accounts: QuerySet[Account]) -> list[str]:
    """Return what all these accounts owe in words, one line for each currency."""
    live = Invoice.objects.exclude(status=Invoice.Status.VOID).filter(account__in=accounts.order_by().values("pk"))
    return [
        f"Balance due in {one.currency or 'your currency'}: {one.balance_due:,.2f}"
        for one in sums(live)
        if one.balance_due
    ]
