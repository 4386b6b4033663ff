"""The nameless many that measurements ask for: copied inside the database, a hundred thousand in a second."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.db import connections, models

from xero_simulator import clock
from xero_simulator.models import App, Contact, Invoice, InvoiceLine, Item, Organisation, Payment
from xero_simulator.router import ALIAS

_GUID = "lower(hex(randomblob(16)))"
_DAYS = 365  # measured invoices are spread over this many days


def fill_up(organisation: Organisation, *, contacts: int = 0, items: int = 0, payments: int = 0) -> None:
    """Add so many contacts, items, and paid invoices with a payment each."""
    if contacts:
        _add_contacts(organisation, contacts)
    if items:
        _add_items(organisation, items)
    if payments:
        _add_payments(organisation, payments)
    if contacts or items or payments:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("ANALYZE")  # else SQLite walks the whole organisation where it could use another index


def _add_contacts(organisation: Organisation, count: int) -> None:
    template = Contact(organisation=organisation, addresses={"POBOX": {"City": "Seaford"}}, phones={})
    template.rename("Measured Contact")
    there = organisation.contacts.filter(folded_name__startswith="measured contact ").count()
    _multiply(
        template,
        count,
        contact_id=_GUID,
        name=_numbered("Measured Contact ", there),
        folded_name=_numbered("measured contact ", there),
        search_name=_numbered("measured contact ", there),
        email=f"printf('c%%06d@measured.example', n + {there})",
    )


def _add_items(organisation: Organisation, count: int) -> None:
    there = organisation.items.filter(folded_code__startswith="m-").count()
    template = Item(organisation=organisation, sales_unit_price=Decimal(10), sales_account_code="200")
    _multiply(
        template,
        count,
        item_id=_GUID,
        code=_numbered("M-", there),
        folded_code=_numbered("m-", there),
        name=_numbered("Measured item ", there),
    )


def _add_payments(organisation: Organisation, count: int) -> None:
    """Add invoices that are paid in full, of one line each, over the organisation's contacts in turn."""
    people = organisation.contacts.filter(status="ACTIVE")
    first, many = people.order_by("pk").values_list("pk", flat=True)[0], people.count()
    total = Decimal("100.00")
    spread = f"date('{clock.today() - dt.timedelta(days=_DAYS)}', '+' || (n %% {_DAYS}) || ' days')"
    template = Invoice(
        organisation=organisation,
        contact_id=first,
        status="PAID",
        date=clock.today(),
        currency_code=organisation.base_currency,
        sub_total=total,
        total=total,
        amount_paid=total,
        created_by=App.objects.order_by("pk").first(),
    )
    prefix = f"MP{uuid.uuid4().hex[:4]}-"  # so that it may be filled up a second time
    _multiply(
        template,
        count,
        invoice_id=_GUID,
        number=_numbered(prefix),
        contact_id=f"{first} + n %% {many}",
        date=spread,
        due_date=spread,
        fully_paid_on=spread,
    )
    made = Invoice.objects.filter(organisation=organisation, number__startswith=prefix)
    line = InvoiceLine(
        position=0,
        description="Measured",
        quantity=Decimal(1),
        unit_amount=total,
        line_amount=total,
        tax_type="NONE",
        account_code="200",
    )
    _follow(line, made, line_item_id=_GUID, invoice_id="source.id")
    payment = Payment(
        organisation=organisation,
        account=organisation.accounts.filter(type="BANK").order_by("code")[:1].get(),
        date=clock.today(),
        amount=total,
        bank_amount=total,
        reference="Measured",
    )
    _follow(payment, made, payment_id=_GUID, invoice_id="source.id", date="source.date")
    people.update(is_customer=True)


def _numbered(prefix: str, after: int = 0) -> str:
    return f"printf('{prefix}%%06d', n + {after})"


def _multiply(template: models.Model, count: int, **columns: str) -> None:
    """Save the row `count` times, with these columns as SQL over `n`."""
    numbers = "(WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < %s) "
    _insert(template, columns, f"{numbers} SELECT n FROM counter) AS source", [count])  # noqa: S608 - our own


def _follow(template: models.Model, rows: models.QuerySet[Any], **columns: str) -> None:
    """Save the row once for each of `rows`, with these columns as SQL over `source`."""
    sql, values = rows.query.get_compiler(ALIAS).as_sql()
    _insert(template, columns, f"({sql}) AS source", list(values))


def _insert(template: models.Model, columns: dict[str, str], source: str, parameters: list[Any]) -> None:
    connection = connections[ALIAS]
    fields: list[Any] = [field for field in template._meta.concrete_fields if not field.primary_key]
    values, given = [], []
    for field in fields:
        if field.column in columns:
            values.append(columns[field.column])
            continue
        values.append("%s")
        given.append(field.get_db_prep_save(getattr(template, field.attname), connection))
    names = ", ".join(field.column for field in fields)
    sql = f"INSERT INTO {template._meta.db_table} ({names}) SELECT {', '.join(values)} FROM {source}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given, *parameters])
