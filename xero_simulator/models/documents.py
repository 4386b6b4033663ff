"""Invoices and what settles them."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q

from xero_simulator import clock
from xero_simulator.models.contacts import Contact
from xero_simulator.models.identity import App
from xero_simulator.models.organisations import Account, Organisation

ZERO = Decimal("0.00")


def money() -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(max_digits=14, decimal_places=2, default=ZERO)


class Invoice(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="invoices")
    invoice_id = models.UUIDField(default=uuid.uuid4, unique=True)
    type = models.CharField(max_length=10, default="ACCREC")
    number = models.CharField(max_length=255, blank=True)
    reference = models.CharField(max_length=255, blank=True)
    contact = models.ForeignKey(Contact, models.PROTECT, db_index=False, related_name="invoices")
    status = models.CharField(max_length=10, default="DRAFT")
    date = models.DateField()
    due_date = models.DateField(null=True)
    line_amount_types = models.CharField(max_length=10, default="Exclusive")
    currency_code = models.CharField(max_length=3)
    currency_rate = models.DecimalField(max_digits=18, decimal_places=6, default=Decimal(1))
    sub_total = money()
    total_tax = money()
    total = money()
    amount_due = money()
    amount_paid = money()
    amount_credited = money()
    fully_paid_on = models.DateField(null=True)
    url = models.TextField(blank=True)
    sent_to_contact = models.BooleanField(default=False)
    created_by = models.ForeignKey(App, models.SET_NULL, null=True)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["organisation", "updated", "id", "status"], name="invoices_by_update"),
            models.Index(fields=["organisation", "number"], name="invoices_by_number"),
            models.Index(fields=["organisation", "date"], name="invoices_by_date"),
            models.Index(fields=["contact", "status", "due_date", "amount_due"], name="invoices_by_contact"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "number"],
                condition=Q(type="ACCREC") & ~Q(number="") & ~Q(status__in=["DELETED", "VOIDED"]),
                name="one_live_invoice_per_number",
            )
        ]

    def __str__(self) -> str:
        return self.number or str(self.invoice_id)


class InvoiceLine(models.Model):
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    line_item_id = models.UUIDField(default=uuid.uuid4)
    position = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    quantity = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    unit_amount = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    discount_rate = models.DecimalField(max_digits=9, decimal_places=4, null=True)
    discount_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    line_amount = money()
    tax_amount = money()
    tax_type = models.CharField(max_length=50, blank=True)
    account_code = models.CharField(max_length=10, blank=True)
    item_code = models.CharField(max_length=30, blank=True)
    tracking = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.description


class CreditNote(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="credit_notes")
    credit_note_id = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.CharField(max_length=255)
    reference = models.CharField(max_length=255, blank=True)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="credit_notes")
    status = models.CharField(max_length=10, default="AUTHORISED")
    date = models.DateField()
    currency_code = models.CharField(max_length=3)
    sub_total = money()
    total_tax = money()
    total = money()
    remaining_credit = money()
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["organisation", "updated", "id"], name="credit_notes_by_update")]

    def __str__(self) -> str:
        return self.number


class Allocation(models.Model):
    """A part of a credit note, set against one invoice."""

    allocation_id = models.UUIDField(default=uuid.uuid4, unique=True)
    credit_note = models.ForeignKey(CreditNote, models.CASCADE, related_name="allocations")
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="allocations")
    amount = money()
    date = models.DateField()

    def __str__(self) -> str:
        return f"{self.credit_note} → {self.invoice}: {self.amount}"


class Payment(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="payments")
    payment_id = models.UUIDField(default=uuid.uuid4, unique=True)
    payment_type = models.CharField(max_length=30, default="ACCRECPAYMENT")
    status = models.CharField(max_length=10, default="AUTHORISED")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="payments")
    # A refund has a credit note in place of an invoice: money out, never income.
    credit_note = models.ForeignKey(CreditNote, models.PROTECT, null=True, related_name="payments")
    account = models.ForeignKey(Account, models.PROTECT)
    date = models.DateField()
    amount = money()
    bank_amount = money()
    currency_rate = models.DecimalField(max_digits=18, decimal_places=6, default=Decimal(1))
    reference = models.CharField(max_length=255, blank=True)
    is_reconciled = models.BooleanField(default=False)
    batch_payment_id = models.UUIDField(null=True)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["organisation", "updated", "id", "status"], name="payments_by_update"),
            models.Index(fields=["organisation", "date"], name="payments_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.amount}"
