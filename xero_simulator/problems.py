"""What the sample invoices of an app run into: an archived contact, a namesake, a number that is taken."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from xero_simulator import clock
from xero_simulator.models import Contact, Invoice, InvoiceLine, Organisation

ARCHIVED = "Marlowe Print Works"
NAMESAKE = "Mr & Mrs Smith"
TAKEN = "INV-90009"


def plant(organisation: Organisation) -> None:
    """Add them where they are missing."""
    _contact(organisation, ARCHIVED, "ARCHIVED")
    _contact(organisation, NAMESAKE, "ACTIVE")
    if not organisation.invoices.filter(number=TAKEN).exists():
        _invoice(organisation)


def _contact(organisation: Organisation, name: str, status: str) -> None:
    if organisation.contacts.filter(name=name).exists():
        return
    contact = Contact(
        organisation=organisation,
        contact_id=uuid.uuid5(organisation.tenant_id, f"contact {name}"),
        status=status,
        is_customer=True,
        updated=clock.now(),
    )
    contact.rename(name)
    contact.save()


def _invoice(organisation: Organisation) -> None:
    contact = organisation.contacts.filter(status="ACTIVE").order_by("pk")[:1].get()
    day, net, tax = clock.today() - dt.timedelta(days=20), Decimal("64.00"), Decimal("0.00")
    invoice = Invoice.objects.create(
        organisation=organisation,
        number=TAKEN,
        contact=contact,
        date=day,
        due_date=day + dt.timedelta(days=30),
        currency_code=organisation.base_currency,
        sub_total=net,
        total_tax=tax,
        total=net,
        amount_due=net,
    )
    InvoiceLine.objects.create(
        invoice=invoice,
        position=0,
        description="Workshop table hire",
        quantity=Decimal(1),
        unit_amount=net,
        line_amount=net,
        tax_amount=tax,
        tax_type="NONE",
        account_code="200",
    )
