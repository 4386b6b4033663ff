"""What people do in Xero with the mouse, for the pages and for scripted tests."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from xero_simulator import clock, settlement
from xero_simulator.api.base import Call
from xero_simulator.api.contacts import name_taken
from xero_simulator.api.invoice_lines import line_json
from xero_simulator.api.invoices import InvoiceEndpoint
from xero_simulator.api.items import IN_USE, in_use
from xero_simulator.models import Account, App, Contact, CreditNote, Invoice, Item, Organisation, Payment
from xero_simulator.models.contacts import fold
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
    _write_invoice(invoice, element)


def _write_invoice(invoice: Invoice, element: dict[str, Any]) -> None:
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


def edit(invoice: Invoice, changes: dict[str, Any]) -> None:
    """Change an invoice in Xero by the rules of the API; raise `Refused` in its words."""
    element = {"InvoiceID": str(invoice.invoice_id), **changes}
    _write_invoice(invoice, element)


def archive(contact: Contact) -> None:
    contact.status, contact.updated = "ARCHIVED", clock.now()
    contact.save()


def restore(contact: Contact) -> None:
    """Make an archived contact active again; raise `Refused` if its name is taken by now."""
    if contact.status != "ARCHIVED" or contact.merged_to_id:
        raise Refused("Only archived contacts can be restored, and not those merged into another.")
    same = Contact.objects.filter(organisation=contact.organisation, folded_name=contact.folded_name, status="ACTIVE")
    if same.exclude(pk=contact.pk).exists():
        raise Refused(name_taken(contact.name))
    contact.status, contact.updated = "ACTIVE", clock.now()
    contact.save()


def rename(contact: Contact, name: str) -> None:
    """Give the contact another name; raise `Refused` if an active one has it."""
    same = contact.organisation.contacts.filter(folded_name=fold(name), status="ACTIVE").exclude(pk=contact.pk)
    if contact.status == "ACTIVE" and same.exists():
        raise Refused(name_taken(name))
    contact.rename(" ".join(name.split()))
    contact.updated = clock.now()
    contact.save()


def set_sales_tax(contact: Contact, tax_type: str) -> None:
    """Set the contact's default sales tax; blank is the account's own."""
    if tax_type and not contact.organisation.tax_rates.filter(tax_type=tax_type, status="ACTIVE").exists():
        raise Refused(f"The TaxType code {tax_type} does not exist or cannot be used for this type of transaction.")
    contact.sales_tax_type, contact.updated = tax_type, clock.now()
    contact.save()


def set_website(contact: Contact, website: str) -> None:
    """Set the website as a person may, also in a form that blocks every later update by the API."""
    contact.website, contact.updated = website, clock.now()
    contact.save()


def request_erasure(contact: Contact) -> None:
    contact.status, contact.updated = "GDPRREQUEST", clock.now()
    contact.save()


def merge(contact: Contact, into: Contact) -> None:
    """Merge one contact into another: its documents move, and it stays behind archived."""
    if contact == into:
        raise Refused("A contact cannot be merged into itself.")
    if contact.status != "ACTIVE" or into.status != "ACTIVE":
        raise Refused("Only active contacts can be merged.")
    now = clock.now()
    contact.invoices.update(contact=into, updated=now)
    contact.credit_notes.update(contact=into, updated=now)
    into.is_customer |= contact.is_customer
    into.is_supplier |= contact.is_supplier
    into.save()
    contact.merged_to = into
    archive(contact)


def rename_item(item: Item, code: str, name: str) -> None:
    same = Item.objects.filter(organisation=item.organisation, folded_code=code.casefold()).exclude(pk=item.pk)
    if same.exists():
        raise Refused(f"Price List Item with Code '{code}' already exists")
    item.code, item.folded_code, item.name, item.updated = code, code.casefold(), name, clock.now()
    item.save()


def delete_item(item: Item) -> None:
    if in_use(item):
        raise Refused(IN_USE)
    item.delete()


def adjust_stock(item: Item, quantity: Decimal) -> None:
    """Set the quantity on hand, as an adjustment in Xero does; UpdatedDateUTC stays (an assumption)."""
    if not item.is_tracked:
        raise Refused(f"{item.code} is not tracked.")
    item.quantity_on_hand = quantity
    item.save()


def set_account_status(account: Account, status: str) -> None:
    if account.system_account and status == "ARCHIVED":
        raise Refused("System accounts cannot be archived.")
    account.status, account.updated = status, clock.now()
    account.save()


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
