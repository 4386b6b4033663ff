"""What customers paid, and what was credited to them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from bmsxero.history import Tracked
from crm.models import Account, Record
from finance.models.invoices import Invoice


class Payment(Record):
    """Money that came in for one invoice, in its currency, two decimals.

    A payment is never edited. What is undone in Xero is marked `reversed` here and stays visible.
    """

    class Kind(models.TextChoices):
        PAYMENT = "payment", "Payment"
        CREDIT = "credit", "Credited in Xero"  # a credit note, overpayment or prepayment was applied

    class Source(models.TextChoices):
        XERO = "xero", "Xero"
        MANUAL = "manual", "Entered here"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    date = models.DateField()
    reference = models.CharField(max_length=255, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PAYMENT)
    source = models.CharField(max_length=10, choices=Source, default=Source.MANUAL)
    reversed = models.BooleanField(default=False)
    reversed_at = models.DateTimeField(null=True, blank=True)
    history = Tracked()

    class Meta:
        ordering: ClassVar = ["-date", "-id"]
        indexes: ClassVar = [models.Index(fields=["-date", "-id"]), models.Index(fields=["invoice", "reversed"])]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_is_positive"),
            models.CheckConstraint(
                condition=Q(reversed=False) | Q(reversed_at__isnull=False), name="reversed_payment_says_when"
            ),
            # Xero tells the sum that was credited to an invoice, so there is one live row of it
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(kind="credit", reversed=False), name="one_live_credit_per_invoice"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.invoice_id}"

    def get_absolute_url(self) -> str:
        return reverse("finance:payment", args=[self.pk])
