"""Setup > Options and the tax mapping, per organisation."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from finance.models import TaxRate
from xero_sync.models.connection import XeroConnection


class SyncOptions(models.Model):
    """What the Options tab holds. A job works with the snapshot taken when it was checked."""

    class InvoiceNumber(models.TextChoices):
        BMS_NUMBER = "bms_number", "BMS invoice number"
        XERO_NUMBER = "xero_number", "Xero invoice numbers"
        BMS_ID = "bms_id", "BMS ID"

    class DueDate(models.TextChoices):
        BMS_DUE_DATE = "bms_due_date", "BMS due date"
        INVOICE_DATE = "invoice_date", "BMS invoice generated date"
        DAYS_7 = "days_7", "7 days from the BMS invoice date"
        DAYS_14 = "days_14", "14 days from the BMS invoice date"
        DAYS_30 = "days_30", "30 days from the BMS invoice date"
        THE_20TH = "the_20th", "20th of the invoice month"
        THE_20TH_NEXT = "the_20th_next", "20th of the month following the invoice month"

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        SUBMITTED = "SUBMITTED", "Submitted"
        AUTHORISED = "AUTHORISED", "Authorised"

    connection = models.OneToOneField(XeroConnection, on_delete=models.CASCADE, related_name="options")
    sales_account = models.CharField(max_length=10, blank=True)
    purchases_account = models.CharField(max_length=10, blank=True)
    inventory_account = models.CharField(max_length=10, blank=True)
    suggested = models.BooleanField(default=True, help_text="The accounts were chosen by us and not looked at yet.")
    invoice_number = models.CharField(max_length=20, choices=InvoiceNumber, default=InvoiceNumber.BMS_NUMBER)
    due_date = models.CharField(max_length=20, choices=DueDate, default=DueDate.BMS_DUE_DATE)
    po_in_reference = models.BooleanField(default=True)
    keep_contacts = models.BooleanField(default=True, help_text="Don't update existing Xero contacts.")
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    non_taxable_tax_type = models.CharField(max_length=50, default="NONE")
    updated = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    #: What a job freezes, and what "options for this run" may override.
    SNAPSHOT: ClassVar = (
        "sales_account",
        "purchases_account",
        "inventory_account",
        "invoice_number",
        "due_date",
        "po_in_reference",
        "keep_contacts",
        "status",
        "non_taxable_tax_type",
    )

    class Meta:
        verbose_name_plural = "sync options"

    def __str__(self) -> str:
        return f"Options of {self.connection}"

    @classmethod
    def of(cls, connection: XeroConnection) -> SyncOptions:
        """Return what is set for an organisation; our defaults, saved nowhere, where nothing is."""
        return getattr(connection, "options", None) or cls(connection=connection)

    def snapshot(self, **overrides: Any) -> dict[str, Any]:
        """Return the options as plain data, with this run's own choices put over them."""
        return {name: getattr(self, name) for name in self.SNAPSHOT} | overrides


class TaxMapping(models.Model):
    """Which Xero tax type stands for one of our rates. Several of ours may share one of theirs."""

    tenant_id = models.CharField(max_length=50)
    tax_rate = models.ForeignKey(TaxRate, on_delete=models.CASCADE, related_name="+")
    tax_type = models.CharField(max_length=50)
    matched_by = models.CharField(max_length=50, blank=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "tax_rate"], name="one_tax_type_per_rate"),
        ]

    def __str__(self) -> str:
        return f"{self.tax_rate} = {self.tax_type}"
