"""Where account codes, items and taxes are used: what stands in the way of deleting them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from crm.models import Account
from finance.item_kinds import ITEM_KINDS
from finance.models import AccountCode, Invoice, InvoiceLine, Item, TaxRate

FEW = 5


@dataclass(frozen=True)
class Use:
    """One way in which a record is used: how often, the first few of those that use it, and where all are listed."""

    words: str
    records: tuple[Any, ...] = ()
    more: int = 0
    url: str = ""


def uses_of_account_code(code: AccountCode) -> list[Use]:
    """Return which items have this code as their income or expense account."""
    return _by_kind(with_account(Item.objects.all(), code), account=code.pk)


def uses_of_item(item: Item) -> list[Use]:
    """Return which invoices have a line with this item."""
    return _lines(InvoiceLine.objects.filter(item=item))


def uses_of_tax(rate: TaxRate) -> list[Use]:
    """Return which accounts, items and invoices have this tax."""
    accounts = Account.objects.filter(sales_tax=rate)
    return [
        *_records(accounts.order_by("name"), "account", "accounts"),
        *_by_kind(Item.objects.filter(tax=rate), tax=rate.pk),
        *_lines(InvoiceLine.objects.filter(tax=rate)),
    ]


def with_account(items: QuerySet[Item], code: AccountCode) -> QuerySet[Item]:
    """Return the items that have this code as one of their accounts."""
    return items.filter(Q(income_account=code) | Q(expense_account=code))


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """Return how many of `rows`, which refer to the outer row, there are: for `annotate`."""
    number = rows.order_by().annotate(every=Value(1)).values("every").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def count_account_uses(codes: QuerySet[AccountCode]) -> QuerySet[AccountCode]:
    """Add to each code `used_by`, the number of items that have it."""
    items = Item.objects.filter(Q(income_account=OuterRef("pk")) | Q(expense_account=OuterRef("pk")))
    return codes.annotate(used_by=count_of(items))


def count_tax_uses(rates: QuerySet[TaxRate]) -> QuerySet[TaxRate]:
    """Add to each tax how many accounts, items and invoice lines have it."""
    return rates.annotate(
        account_count=count_of(Account.objects.filter(sales_tax=OuterRef("pk"))),
        item_count=count_of(Item.objects.filter(tax=OuterRef("pk"))),
        line_count=count_of(InvoiceLine.objects.filter(tax=OuterRef("pk"))),
    )


def _by_kind(items: QuerySet[Item], **query: int) -> list[Use]:
    counts = dict(items.order_by().values_list("kind").annotate(number=Count("pk")))
    return [
        Use(
            number_of(counts[kind.kind], kind.label.lower(), kind.plural.lower()),
            url=f"{kind.list_url}?{urlencode(query)}",
        )
        for kind in ITEM_KINDS
        if kind.kind in counts
    ]


def _lines(lines: QuerySet[InvoiceLine]) -> list[Use]:
    number = lines.count()
    if not number:
        return []
    invoices = Invoice.objects.filter(pk__in=lines.values("invoice"))
    return [
        Use(
            number_of(number, "invoice line", "invoice lines"),
            *_few(invoices.order_by("-date", "-pk"), invoices.count()),
        )
    ]


def _records(rows: QuerySet[Any], one: str, many: str) -> Iterable[Use]:
    if number := rows.count():
        yield Use(number_of(number, one, many), *_few(rows, number))


def _few(rows: QuerySet[Any], number: int) -> tuple[tuple[Model, ...], int]:
    return tuple(rows[:FEW]), max(number - FEW, 0)


def number_of(number: int, one: str, many: str) -> str:
    """Return a number with its noun: "1 item", "2,000 items"."""
    return f"{number:,} {one if number == 1 else many}"
