"""What changes what is owed on an invoice: approval, payments, credits, voiding."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db.models import F, Sum

from xero_simulator import clock
from xero_simulator.models import Account, Allocation, CreditNote, Invoice, Item, Organisation, Payment

ZERO = Decimal("0.00")
OVERPAID = "Payment amount exceeds the amount outstanding on this document"
NOT_AUTHORISED = "Payments can only be made against Authorised documents"
SETTLED = "This document cannot be edited as it has a payment or credit note allocated to it."
WRONG_STATUS = "Invoice not of valid status for modification"


class Refused(Exception):
    """Xero refuses the change; the text is its own."""


def locked(organisation: Organisation, day: dt.date) -> str:
    """Return Xero's complaint if the day lies in a locked period, else nothing."""
    for kind, lock in (
        ("period lock date", organisation.period_lock_date),
        ("end of year lock date", organisation.end_of_year_lock_date),
    ):
        if lock and day <= lock:
            return f"The document date cannot be before the {kind}, currently set at {lock:%-d %B %Y}"
    return ""


def authorise(invoice: Invoice) -> None:
    """Make the invoice count; nothing to pay means paid."""
    invoice.status = "AUTHORISED"
    settle(invoice, invoice.date)


def settle(invoice: Invoice, day: dt.date) -> None:
    """Set what is due, and the status that follows from it, on an approved invoice that is not saved yet."""
    invoice.amount_due = invoice.total - invoice.amount_paid - invoice.amount_credited
    paid = invoice.amount_due == 0
    invoice.status = "PAID" if paid else "AUTHORISED"
    invoice.fully_paid_on = day if paid else None


def recount(invoice: Invoice, day: dt.date) -> None:
    """Add up the payments and credits of an approved invoice again, and save it."""
    paid = invoice.payments.filter(status="AUTHORISED").aggregate(sum=Sum("amount"))["sum"]
    credited = invoice.allocations.aggregate(sum=Sum("amount"))["sum"]
    invoice.amount_paid, invoice.amount_credited = paid or ZERO, credited or ZERO
    settle(invoice, day)
    invoice.updated = clock.now()
    invoice.save()


def pay(
    invoice: Invoice,
    amount: Decimal,
    *,
    date: dt.date | None = None,
    reference: str = "",
    account: Account | None = None,
    batch_payment_id: uuid.UUID | None = None,
) -> Payment:
    """Record a payment of one invoice; raise `Refused` in Xero's words."""
    day = date or clock.today()
    if invoice.status != "AUTHORISED":
        raise Refused(NOT_AUTHORISED)
    if amount <= 0:
        raise Refused("Payment amount must be greater than zero")
    if amount > invoice.amount_due:
        raise Refused(OVERPAID)
    if complaint := locked(invoice.organisation, day):
        raise Refused(complaint)
    payment = Payment.objects.create(
        organisation=invoice.organisation,
        invoice=invoice,
        account=account or bank_account(invoice.organisation),
        date=day,
        amount=amount,
        bank_amount=(amount / invoice.currency_rate).quantize(Decimal("0.01")),
        currency_rate=invoice.currency_rate,
        reference=reference,
        batch_payment_id=batch_payment_id,
        updated=clock.now(),
    )
    recount(invoice, day)
    return payment


def remove_payment(payment: Payment) -> None:
    """Payments are never changed, only removed; they stay listed as DELETED."""
    if payment.status == "DELETED":
        raise Refused("Payment not of valid status for modification")
    if payment.batch_payment_id:
        raise Refused("This payment is part of a batch and can only be deleted with the batch.")
    payment.status, payment.updated = "DELETED", clock.now()
    payment.save()
    if payment.invoice:
        recount(payment.invoice, payment.date)


def credit(invoice: Invoice, amount: Decimal, *, date: dt.date | None = None, reference: str = "") -> CreditNote:
    """Make a credit note over the amount and set all of it against the invoice: no payment arises."""
    day = date or clock.today()
    if invoice.status != "AUTHORISED":
        raise Refused("Credit notes can only be allocated to Authorised documents")
    if not 0 < amount <= invoice.amount_due:
        raise Refused("Credit amount exceeds the amount outstanding on this document")
    number = CreditNote.objects.filter(organisation=invoice.organisation).count() + 1
    note = CreditNote.objects.create(
        organisation=invoice.organisation,
        number=f"CN-{number:04}",
        reference=reference,
        contact=invoice.contact,
        status="PAID",
        date=day,
        currency_code=invoice.currency_code,
        sub_total=amount,
        total=amount,
        remaining_credit=ZERO,
        updated=clock.now(),
    )
    Allocation.objects.create(credit_note=note, invoice=invoice, amount=amount, date=day)
    recount(invoice, day)
    return note


def void(invoice: Invoice) -> None:
    """Delete a draft, void an approved invoice; raise `Refused` if something is allocated to it."""
    if invoice.status in ("DRAFT", "SUBMITTED"):
        invoice.status = "DELETED"
    elif invoice.amount_paid or invoice.amount_credited:
        raise Refused(SETTLED)
    elif invoice.status in ("AUTHORISED", "PAID"):
        move_stock(invoice, back=True)
        invoice.status = "VOIDED"
    else:
        raise Refused(WRONG_STATUS)
    invoice.amount_due, invoice.fully_paid_on, invoice.updated = ZERO, None, clock.now()
    invoice.save()


def move_stock(invoice: Invoice, *, back: bool = False) -> None:
    """Take what an approved invoice sells out of the tracked items, or put it back."""
    for line in invoice.lines.exclude(item_code=""):
        quantity = line.quantity or ZERO
        Item.objects.filter(organisation=invoice.organisation, folded_code=line.item_code.casefold()).exclude(
            inventory_account_code=""
        ).update(quantity_on_hand=F("quantity_on_hand") + (quantity if back else -quantity))


def bank_account(organisation: Organisation) -> Account:
    return Account.objects.filter(organisation=organisation, type="BANK", status="ACTIVE").order_by("code")[:1].get()
