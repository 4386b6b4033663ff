"""Make records in one line. Every argument that a test does not care about has a value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from crm.models import Account, Site
from finance.models import AccountCode, Invoice, InvoiceLine, Item, Payment, TaxRate

_numbers = count(1)
DAY = date(2026, 11, 2)


def account(name: str = "Acme", **fields: Any) -> Account:
    return Account.objects.create(name=name, **fields)


def site(of: Account, name: str = "Head office", **fields: Any) -> Site:
    return Site.objects.create(account=of, name=name, **({"is_main": True} | fields))


def invoice(number: str = "", *, of: Account | None = None, price: str = "100", **fields: Any) -> Invoice:
    """Make an invoice of one line, without tax unless `tax` is given."""
    tax: TaxRate | None = fields.pop("tax", None)
    made = Invoice.objects.create(
        number=number or f"INV-{next(_numbers)}",
        account=of or account(),
        **({"date": DAY, "due_date": date(2026, 12, 2)} | fields),
    )
    InvoiceLine.objects.create(invoice=made, position=1, description="Work", unit_price=Decimal(price), tax=tax)
    made.recalculate()
    return made


def payment(of: Invoice, amount: str, *, reversed: bool = False, **fields: Any) -> Payment:  # noqa: A002
    made = Payment.objects.create(
        invoice=of,
        account=of.account,
        amount=Decimal(amount),
        reversed=reversed,
        reversed_at=timezone.now() if reversed else None,
        **({"date": date(2026, 11, 9)} | fields),
    )
    of.settle()
    return made


def tax(name: str = "VAT 20%", rate: str = "20") -> TaxRate:
    return TaxRate.objects.create(name=name, rate=Decimal(rate))


def account_code(code: str = "200", name: str = "Sales", **fields: Any) -> AccountCode:
    return AccountCode.objects.create(code=code, name=name, **({"type": "Sale"} | fields))


def item(name: str = "Laptop", kind: str = "product", **fields: Any) -> Item:
    return Item.objects.create(name=name, kind=kind, **fields)
