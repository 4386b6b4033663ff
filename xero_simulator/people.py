"""What people do in Xero with the mouse, for the pages and for scripted tests."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.http import HttpRequest

from xero_simulator import clock, settlement
from xero_simulator.api.base import Call
from xero_simulator.api.contacts import name_taken
from xero_simulator.api.invoice_lines import line_json
from xero_simulator.api.invoices import InvoiceEndpoint
from xero_simulator.models import App, Contact, CreditNote, Invoice, Organisation, Payment
from xero_simulator.settlement import Refused

DAYS_TO_PAY = 30


def approve(invoice: Invoice) -> None:
    """Approve a draft by the rules of the API; raise `Refused` in Xero's words."""
    if invoice.status not in ("DRAFT", "SUBMITTED"):
        raise Refused(settlement.WRONG_STATUS)
    due_date = invoice.due_date or invoice.date + dt.timedelta(days=DAYS_TO_PAY)
    element = {
        "InvoiceID": str(invoice.invoice_id),
        "Status": "AUTHORISED",
        "DueDate": due_date.isoformat(),
        "LineItems": [line_json(line, places=4) for line in invoice.lines.all()],
    }
    request = HttpRequest()
    request.GET["unitdp"] = "4"  # type: ignore[misc]
    call = Call(request, App(), invoice.organisation)
    [outcome] = InvoiceEndpoint().write(call, [element], create_only=False)
    if outcome.errors:
        raise Refused(" ".join(outcome.errors))
    invoice.refresh_from_db()


def customers_pay(organisation: Organisation, count: int = 5) -> list[Payment]:
    """Let customers pay the oldest open invoices: all in full, only the last of them by half."""
    open_ = organisation.invoices.filter(status="AUTHORISED", type="ACCREC", amount_due__gt=0)
    invoices = list(open_.select_related("organisation").order_by("date", "pk")[:count])
    payments = []
    for number, invoice in enumerate(invoices, 1):
        half = number == count and invoice.amount_due >= Decimal("0.02")
        amount = (invoice.amount_due / 2).quantize(Decimal("0.01")) if half else invoice.amount_due
        payments.append(settlement.pay(invoice, amount, reference=f"BACS {invoice.number}"[:255]))
    return payments


def archive(contact: Contact) -> None:
    contact.status, contact.updated = "ARCHIVED", clock.now()
    contact.save()


def restore(contact: Contact) -> None:
    """Make an archived contact active again; raise `Refused` if its name is taken by now."""
    same = Contact.objects.filter(organisation=contact.organisation, folded_name=contact.folded_name, status="ACTIVE")
    if same.exclude(pk=contact.pk).exists():
        raise Refused(name_taken(contact.name))
    contact.status, contact.updated = "ACTIVE", clock.now()
    contact.save()


def rename(contact: Contact, name: str) -> None:
    contact.rename(name)
    contact.updated = clock.now()
    contact.save()


def merge(contact: Contact, into: Contact) -> None:
    """Merge one contact into another: its documents move, and it stays behind archived."""
    contact.invoices.update(contact=into, updated=clock.now())
    contact.merged_to = into
    archive(contact)


def refund(contact: Contact, amount: Decimal) -> Payment:
    """Make a credit note and pay it out: listed among the payments, but money out."""
    organisation = contact.organisation
    note = CreditNote.objects.create(
        organisation=organisation,
        number=f"CN-{CreditNote.objects.filter(organisation=organisation).count() + 1:04}",
        contact=contact,
        status="PAID",
        date=clock.today(),
        currency_code=organisation.base_currency,
        sub_total=amount,
        total=amount,
        updated=clock.now(),
    )
    return Payment.objects.create(
        organisation=organisation,
        credit_note=note,
        account=settlement.bank_account(organisation),
        payment_type="ARCREDITPAYMENT",
        date=clock.today(),
        amount=amount,
        bank_amount=amount,
        reference="Refund",
        updated=clock.now(),
    )


def pay_batch(invoices: list[Invoice], day: dt.date | None = None) -> list[Payment]:
    """Pay several invoices by one deposit."""
    batch = uuid.uuid4()
    return [settlement.pay(each, each.amount_due, date=day, batch_payment_id=batch) for each in invoices]
