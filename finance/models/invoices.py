"""Sales invoices and their lines. Prices are without tax."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q, Sum
from django.urls import reverse
from django.utils.functional import cached_property

from bmsxero import history
from bmsxero.history import Tracked
from crm.models import CURRENCY_LENGTH, Account, Record, Site
from finance import money
from finance.line_history import line_differences, line_texts
from finance.models.items import Item
from finance.models.tax_rates import TaxRate


class InvoiceAsItWas(models.Model):
    """What the history of an invoice keeps besides its own fields: the lines, as they read."""

    lines_then = models.JSONField(default=list)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.complete([self])
        super().save(*args, **kwargs)

    @staticmethod
    def complete(rows: Sequence[Any]) -> None:
        """Give the rows the lines that their invoices have now."""
        texts = line_texts([row.id for row in rows])
        for row in rows:
            row.lines_then = texts.get(row.id, [])

    def differences(self, before: InvoiceAsItWas) -> list[str]:
        """Say how the lines changed since `before`, each change a sentence."""
        return list(line_differences(before.lines_then, self.lines_then))


class Invoice(Record):
    """A sales invoice. Amounts are in its currency (blank: the organisation's), two decimals.

    `subtotal`, `total_tax`, `total` and `balance_due` are stored for lists and filters, and only ever written
    by `recalculate` and `settle`.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        READY = "ready", "Ready to Send"
        SENT = "sent", "Sent"
        PARTLY_PAID = "partly_paid", "Partly Paid"
        PAID = "paid", "Paid"
        VOID = "void", "Void"

    #: Only these may go to Xero.
    EXPORTABLE: ClassVar = (Status.READY, Status.SENT)

    number = models.CharField(max_length=255, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices")
    po_number = models.CharField("PO number", max_length=255, blank=True)
    date = models.DateField()
    due_date = models.DateField()
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    currency = models.CharField(max_length=CURRENCY_LENGTH, blank=True, help_text="Blank: the organisation's.")
    subtotal = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    total_tax = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    total = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    balance_due = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    dont_send = models.CharField(
        "don't send",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Why it must never go to Xero; blank: it may.",
    )
    ready_at = models.DateTimeField("ready since", null=True, blank=True, help_text="When it became Ready to Send.")
    history = Tracked(bases=(InvoiceAsItWas,))

    class Meta:
        ordering: ClassVar = ["-date", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["-date", "-id"]),
            models.Index(fields=["status", "due_date"]),
            models.Index(fields=["account", "-date"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(number=""), name="invoice_has_a_number"),
            # to less than a cent: SQLite adds decimals as binary fractions
            models.CheckConstraint(
                condition=Q(
                    total__gt=F("subtotal") + F("total_tax") - Decimal("0.005"),
                    total__lt=F("subtotal") + F("total_tax") + Decimal("0.005"),
                ),
                name="invoice_total_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("finance:invoice", args=[self.pk])

    @cached_property
    def all_lines(self) -> list[InvoiceLine]:
        """The lines in order, read once: for whoever asks for them often and changes none."""
        return list(self.lines.all())

    def recalculate(self) -> None:
        """Set the totals from the lines, and the balance with them."""
        result = money.totals((line.amount, line.rate) for line in self.lines.select_related("tax"))
        self.subtotal, self.total_tax, self.total = result.subtotal, result.tax, result.total
        self.balance_due = self.total - self.settled()
        self.save(update_fields=["subtotal", "total_tax", "total", "balance_due", "updated"])

    def settled(self) -> Decimal:
        """What live payments and credits have taken off the total."""
        return self.all_settled([self.pk]).get(self.pk, money.ZERO)

    @classmethod
    def all_settled(cls, ids: Iterable[int]) -> dict[int, Decimal]:
        """Return the same of several invoices, by their ids; those without any payment are left out."""
        paid = cls._default_manager.filter(pk__in=ids, payments__reversed=False).order_by()
        sums = paid.values_list("pk").annotate(Sum("payments__amount"))
        return {pk: money.round_half_up(total) for pk, total in sums}  # SQLite adds decimals as binary fractions

    def settle(self) -> None:
        """Set balance and status from the live payments and credits. Call it with the row locked.

        The balance is computed anew from the payments, never by subtracting, so that repeating it is harmless.
        """
        history.begin([self])
        self.stand(self.settled())
        self.save(update_fields=["balance_due", "status", "updated"])

    def stand(self, settled: Decimal) -> None:
        """Set balance and status as so much of the total is settled, without saving."""
        self.balance_due = self.total - settled
        if self.status in {self.Status.SENT, self.Status.READY, self.Status.PARTLY_PAID, self.Status.PAID}:
            if self.balance_due <= 0 and (settled or self.status == self.Status.PAID):
                self.status = self.Status.PAID
            elif settled:
                self.status = self.Status.PARTLY_PAID
            elif self.status != self.Status.READY:
                self.status = self.Status.SENT


class InvoiceLine(models.Model):
    """A line. Without an item it is booked to the default sales account."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item = models.ForeignKey(Item, null=True, blank=True, on_delete=models.PROTECT, related_name="lines")
    description = models.TextField(max_length=4000, blank=True)
    quantity = models.DecimalField(max_digits=13, decimal_places=4, default=Decimal(1))
    unit_price = models.DecimalField(max_digits=15, decimal_places=4)
    discount_percent = models.DecimalField(max_digits=7, decimal_places=4, default=Decimal(0))
    taxable = models.BooleanField(default=True)
    tax = models.ForeignKey(TaxRate, null=True, blank=True, on_delete=models.PROTECT, related_name="lines")

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "position"], name="one_invoice_line_per_position"),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0) & Q(discount_percent__lte=100),
                name="line_discount_between_0_and_100",
            ),
        ]

    def __str__(self) -> str:
        return self.description or str(self.item or "")

    @property
    def amount(self) -> Decimal:
        """The line without tax, two decimals."""
        return money.line_amount(self.quantity, self.unit_price, self.discount_percent)

    @property
    def rate(self) -> Decimal:
        """The tax of the line in per cent; 0 where it is not taxable."""
        return self.tax.rate if self.taxable and self.tax else money.ZERO

    @property
    def tax_amount(self) -> Decimal:
        """The tax of the line, two decimals."""
        return money.tax_amount(self.amount, self.rate)

    @property
    def total(self) -> Decimal:
        """The line with tax."""
        return self.amount + self.tax_amount
