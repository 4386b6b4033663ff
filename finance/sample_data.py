"""Sample records of any size, the same for the same seed: for trying the product out, tests and benchmarks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle

from django.db import transaction

from crm.models import Account, Site
from finance import money
from finance.models import Invoice, InvoiceLine, Item, Payment, TaxRate

LINES_PER_INVOICE = 5
_FIRST = ["Alder", "Birch", "Cedar", "Dale", "Elm", "Fern", "Grove", "Hazel", "Ivy", "Juniper", "Kestrel", "Larch"]
_SECOND = ["Dental", "Legal", "Motors", "Bakery", "Schools", "Clinic", "Logistics", "Design", "Foods", "Housing"]
_TOWNS = ["Leeds", "York", "Bristol", "Cardiff", "Derby", "Exeter", "Falkirk", "Glasgow", "Hull", "Ipswich"]
_STREETS = ["Mill Lane", "High Street", "Station Road", "Church Walk", "Park Row"]
_ITEMS = {
    Item.Kind.PRODUCT: ["Laptop", "Dock", "Firewall", "Switch", "Headset", "Monitor"],
    Item.Kind.SERVICE: ["Managed backup", "Managed desktop", "E-mail security", "Patch management"],
    Item.Kind.WORK_TYPE: ["Remote support", "On-site visit", "Project work", "Out-of-hours support"],
    Item.Kind.EXPENSE_TYPE: ["Mileage", "Parking", "Courier"],
}


@dataclass(frozen=True)
class Size:
    """How many of each to make."""

    accounts: int
    items: int
    invoices: int


def create(size: Size, *, seed: int = 1, today: date) -> None:
    """Add accounts with their main sites, items without accounts of their own, and invoices that can all be sent.

    What is there already stays; numbers and names go on after it. One transaction.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    with transaction.atomic():
        tax, _ = TaxRate.objects.get_or_create(name="VAT 20%", defaults={"rate": Decimal(20)})
        accounts = _accounts(size.accounts, tax, chance)
        items = _items(size.items, tax, chance)
        if accounts and items:
            _invoices(size.invoices, accounts, items, chance, today)


def create_past(number: int, *, seed: int = 1, today: date) -> None:
    """Add invoices of the last year that are over and done with: paid, partly paid, void, and some drafts.

    They never go to Xero, so that what can be exported stays what was made for it. One transaction.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    with transaction.atomic():
        accounts, items = list(Account.objects.order_by("pk")), list(Item.objects.order_by("pk"))
        before = Invoice.objects.count()
        _invoices(number, accounts, items, chance, today)
        invoices = list(Invoice.objects.order_by("pk")[before:])
        payments = [each for invoice in invoices for each in _over_and_done(invoice, chance, today)]
        Invoice.objects.bulk_update(invoices, ["date", "due_date", "status", "balance_due", "ready_at"], batch_size=200)
        Payment.objects.bulk_create(payments, batch_size=500)


def _over_and_done(invoice: Invoice, chance: random.Random, today: date) -> Iterator[Payment]:
    """Put an invoice into the past, and yield what was paid for it."""
    invoice.date = today - timedelta(days=chance.randint(30, 390))
    invoice.due_date = invoice.date + timedelta(days=30)
    invoice.status = chance.choices(
        (Invoice.Status.PAID, Invoice.Status.PARTLY_PAID, Invoice.Status.VOID, Invoice.Status.DRAFT), (86, 6, 4, 4)
    )[0]
    invoice.ready_at = None if invoice.status == Invoice.Status.DRAFT else invoice.ready_at
    if invoice.status not in {Invoice.Status.PAID, Invoice.Status.PARTLY_PAID}:
        return
    paid = invoice.total
    if invoice.status == Invoice.Status.PARTLY_PAID:
        paid = money.round_half_up(paid / 2)
    invoice.balance_due = invoice.total - paid
    day = min(today, invoice.date + timedelta(days=chance.randint(10, 60)))
    yield Payment(account_id=invoice.account_id, invoice=invoice, date=day, reference="BACS", amount=paid)


def _accounts(number: int, tax: TaxRate, chance: random.Random) -> list[Account]:
    start = Account.objects.count()
    accounts = Account.objects.bulk_create(
        (
            Account(name=_company(start + n), code=f"C{start + n + 1:05}", taxable=True, sales_tax=tax)
            for n in range(number)
        ),
        batch_size=500,
    )
    Site.objects.bulk_create((_site(account, chance) for account in accounts), batch_size=500)
    return accounts


def _company(n: int) -> str:
    first, second = _FIRST[n % len(_FIRST)], _SECOND[(n // len(_FIRST)) % len(_SECOND)]
    series = n // (len(_FIRST) * len(_SECOND))
    return f"{first} {second} {series + 1} Ltd" if series else f"{first} {second} Ltd"


def _site(account: Account, chance: random.Random) -> Site:
    town, street = chance.choice(_TOWNS), f"{chance.randint(1, 200)} {chance.choice(_STREETS)}"
    postcode = f"{town[:2].upper()}{chance.randint(1, 20)} {chance.randint(1, 9)}AB"
    return Site(
        account=account,
        name="Head office",
        is_main=True,
        billing_line1=street,
        billing_city=town,
        billing_postcode=postcode,
        billing_country="United Kingdom",
        shipping_line1=street,
        shipping_city=town,
        shipping_postcode=postcode,
        shipping_country="United Kingdom",
        billing_email=f"accounts@{account.code.lower()}.example",
        phone=f"01632 96{chance.randint(0, 9999):04}",
    )


def _items(number: int, tax: TaxRate, chance: random.Random) -> list[Item]:
    start = Item.objects.count()
    kinds = cycle(_ITEMS)
    return Item.objects.bulk_create(
        (_item(start + n, kind, tax, chance) for n, kind in zip(range(number), kinds, strict=False)), batch_size=500
    )


def _item(n: int, kind: Item.Kind, tax: TaxRate, chance: random.Random) -> Item:
    names = _ITEMS[kind]
    name = f"{names[(n // len(_ITEMS)) % len(names)]} {n + 1}"
    cost = Decimal(chance.randint(500, 50_000)) / 100
    return Item(
        kind=kind,
        name=name,
        code=f"P-{n + 1:05}" if kind == Item.Kind.PRODUCT else "",
        description=f"{name}, as agreed",
        unit_cost=cost,
        unit_price=money.round_half_up(cost * Decimal("1.335"), money.UNIT_PRICE_STEP),
        taxable=kind != Item.Kind.EXPENSE_TYPE,
        tax=tax if kind != Item.Kind.EXPENSE_TYPE else None,
    )


def _invoices(number: int, accounts: list[Account], items: list[Item], chance: random.Random, today: date) -> None:
    start = Invoice.objects.count()
    sites = {site.account_id: site for site in Site.objects.filter(account__in=[each.pk for each in accounts])}
    shelf = cycle(items)
    for first in range(0, number, 500):
        invoices, lines = [], []
        for n in range(first, min(first + 500, number)):
            account = accounts[n % len(accounts)]
            invoice = _invoice(start + n, account, sites[account.pk], chance, today)
            own = list(_lines(invoice, shelf, chance))
            result = money.totals((line.amount, line.rate) for line in own)
            invoice.subtotal, invoice.total_tax, invoice.total = result.subtotal, result.tax, result.total
            invoice.balance_due = invoice.total
            invoices.append(invoice)
            lines += own
        Invoice.objects.bulk_create(invoices, batch_size=500)
        InvoiceLine.objects.bulk_create(lines, batch_size=500)


def _invoice(n: int, account: Account, site: Site, chance: random.Random, today: date) -> Invoice:
    day = today - timedelta(days=chance.randint(0, 25))
    return Invoice(
        number=f"INV-{n + 1:05}",
        account=account,
        site=site,
        po_number=f"PO-{chance.randint(1000, 9999)}" if n % 3 == 0 else "",
        date=day,
        due_date=day + timedelta(days=30),
        status=Invoice.Status.SENT if n % 4 == 0 else Invoice.Status.READY,
        ready_at=datetime.combine(day, time(9), tzinfo=UTC),
    )


def _lines(invoice: Invoice, shelf: Iterator[Item], chance: random.Random) -> Iterator[InvoiceLine]:
    for position in range(LINES_PER_INVOICE):
        item = next(shelf)
        yield InvoiceLine(
            invoice=invoice,
            position=position,
            item=item,
            description=item.description,
            quantity=Decimal(chance.randint(1, 40)) / 4,
            unit_price=item.unit_price,
            discount_percent=Decimal(10) if chance.random() < 0.1 else Decimal(0),
            taxable=item.taxable,
            tax=item.tax,
        )
