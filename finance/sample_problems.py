"""Invoices of the sample installation that each have one thing wrong: what there is to see and mend at Check.

The simulated Xero is given its side of them by `seed_simulator --problems`; the names must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db import transaction

from crm.models import Account, Site
from finance import money
from finance.models import AccountCode, Invoice, InvoiceLine, Item, TaxRate


@dataclass(frozen=True)
class Problem:
    """One invoice: its number and customer, what is wrong, and how it is made so."""

    number: str
    customer: str
    words: str
    price: str = "120.00"
    item: Callable[[TaxRate], Item] | None = None
    currency: str = ""
    lines: int = 1
    cents_off: int = 0


def _hire(tax: TaxRate) -> Item:
    code, _ = AccountCode.objects.get_or_create(code="4010", defaults={"name": "Hire income", "type": "Revenue"})
    return Item.objects.get_or_create(
        kind=Item.Kind.SERVICE, name="Crate hire, weekly", defaults={"income_account": code, "tax": tax}
    )[0]


def _courier(tax: TaxRate) -> Item:
    code, _ = AccountCode.objects.get_or_create(code="425", defaults={"name": "Freight & Courier", "type": "Expense"})
    return Item.objects.get_or_create(
        kind=Item.Kind.EXPENSE_TYPE, name="Same-day courier", defaults={"income_account": code, "tax": tax}
    )[0]


def _long_code(tax: TaxRate) -> Item:
    return Item.objects.get_or_create(
        kind=Item.Kind.PRODUCT,
        name="Rack, 42 units",
        defaults={"code": "RACK-42U-BLACK-GLASS-DOOR-800X1000", "tax": tax},
    )[0]


PROBLEMS = (
    Problem("INV-90001", "Marlowe Print Works", "Its customer is archived in Xero."),
    Problem("INV-90002", "Mr & Mrs Smith", "The first of two customers of one name: this one goes."),
    Problem("INV-90003", "Mr & Mrs Smith", "The second: which of the two is it in Xero?"),
    Problem("INV-90004", "Harbour Trust", "Its item's account code 4010 isn't in Xero.", item=_hire),
    Problem("INV-90005", "Harbour Trust", "Xero refuses its tax on 425, which Check can't know.", item=_courier),
    Problem(
        "INV-90006", "Pinfold Nurseries", "The number of its item has 34 characters; Xero allows 30.", item=_long_code
    ),
    Problem("INV-90007", "Montcalm Outfitters", "Canadian dollars aren't switched on in Xero.", currency="CAD"),
    # Three taxes of 2.004 make 6.00 when each is rounded, as Xero does, and 6.01 when their sum is
    Problem(
        "INV-90008", "Pinfold Nurseries", "A cent more than Xero makes of it.", price="10.02", lines=3, cents_off=1
    ),
    Problem("INV-90009", "Harbour Trust", "Its number is taken in Xero, for another customer."),
)


def plant(*, today: date) -> None:
    """Add the invoices with problems, once. One transaction."""
    with transaction.atomic():
        tax, _ = TaxRate.objects.get_or_create(name="VAT 20%", defaults={"rate": Decimal(20)})
        if Invoice.objects.filter(number=PROBLEMS[0].number).exists():
            return
        smiths = 0
        for problem in PROBLEMS:
            smiths += problem.customer == "Mr & Mrs Smith"
            _invoice(problem, _customer(problem.customer, smiths, tax), tax, today)


def _customer(name: str, which: int, tax: TaxRate) -> Account:
    """Return the customer of that name; of the two Smiths, the one whose turn it is."""
    code = f"SMITH-{which}" if name == "Mr & Mrs Smith" else name.split(maxsplit=1)[0].upper()
    account, made = Account.objects.get_or_create(code=code, defaults={"name": name, "taxable": True, "sales_tax": tax})
    if made:
        Site.objects.create(
            account=account,
            name="Head office",
            is_main=True,
            billing_line1=f"{10 + which} Quay Street",
            billing_city="Bristol",
            billing_postcode="BR1 4AB",
            billing_country="United Kingdom",
            billing_email=f"accounts@{code.lower()}.example",
        )
    return account


def _invoice(problem: Problem, account: Account, tax: TaxRate, today: date) -> None:
    day = today - timedelta(days=9)
    invoice = Invoice.objects.create(
        number=problem.number,
        account=account,
        site=account.main_site,
        date=day,
        due_date=day + timedelta(days=30),
        status=Invoice.Status.READY,
        currency=problem.currency,
        ready_at=datetime.combine(day, time(9), tzinfo=UTC),
    )
    item = problem.item(tax) if problem.item else None
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=position,
            item=item,
            description=item.name if item else "Remote support, as agreed",
            unit_price=Decimal(problem.price),
            tax=tax,
        )
        for position in range(problem.lines)
    )
    invoice.recalculate()
    if problem.cents_off:
        off = problem.cents_off * money.CENT
        Invoice.objects.filter(pk=invoice.pk).update(
            total_tax=invoice.total_tax + off, total=invoice.total + off, balance_due=invoice.balance_due + off
        )
