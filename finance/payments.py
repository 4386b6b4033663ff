"""Payments that are entered here: taken, and taken back. Each with its invoice locked, so that no balance is lost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from bmsxero import history
from finance.models import Invoice, Payment
from finance.statuses import why_no_payments
from xero_sync.links import why_read_only


class NotAllowed(Exception):
    """Nothing was recorded. The words say why, for the person who tried."""


def why_not_payable(invoice: Invoice) -> str:
    """Return why nobody may enter a payment of this invoice here, in plain words; blank where they may."""
    if why_read_only(invoice):
        return "It is in Xero, or on its way there. Enter the payment in Xero, and import it."
    return why_no_payments(invoice)


def why_not_reversible(payment: Payment) -> str:
    """Return why a payment may not be taken back here, in plain words; blank where it may."""
    if payment.reversed:
        return "It was taken back already."
    if payment.source != Payment.Source.MANUAL:
        return "It comes from Xero. Delete it there, and import payments."
    if why_read_only(payment.invoice):
        return "Its invoice is in Xero, or on its way there, so its payments stay as they are."
    return ""


def take(invoice_id: int, *, amount: Decimal, day: date, reference: str) -> Payment:
    """Record a payment of at most the balance, in the invoice's currency, and settle the invoice."""
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        if reason := why_not_payable(invoice):
            raise NotAllowed(reason)
        if not 0 < amount <= invoice.balance_due:
            raise NotAllowed(f"The amount must be above 0 and at most the balance of {invoice.balance_due:,.2f}.")
        payment = Payment.objects.create(
            account_id=invoice.account_id,
            invoice=invoice,
            date=day,
            reference=reference,
            amount=amount,
            source=Payment.Source.MANUAL,
        )
        invoice.settle()
    return payment


def take_back(payment_id: int) -> Payment:
    """Reverse a payment that was entered here, and settle its invoice. It stays for the record."""
    with transaction.atomic():
        found = Payment.objects.select_related("invoice").get(pk=payment_id)
        invoice = Invoice.objects.select_for_update().get(pk=found.invoice_id)
        payment = Payment.objects.select_for_update().get(pk=payment_id)
        payment.invoice = invoice
        if reason := why_not_reversible(payment):
            raise NotAllowed(reason)
        history.begin([payment])
        payment.reversed, payment.reversed_at = True, timezone.now()
        payment.save(update_fields=["reversed", "reversed_at", "updated"])
        invoice.settle()
    return payment
