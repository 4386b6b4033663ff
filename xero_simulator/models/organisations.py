"""An organisation and its settings: currencies, chart of accounts, tax rates, items."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db import models

from xero_simulator import clock


class Organisation(models.Model):
    tenant_id = models.UUIDField(default=uuid.uuid4, unique=True)
    name = models.CharField(max_length=255)
    short_code = models.CharField(max_length=10, unique=True)  # begins with "!"
    version = models.CharField(max_length=20)  # AU, NZ, UK, US or GLOBAL
    country_code = models.CharField(max_length=2)
    base_currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=50)
    is_demo_company = models.BooleanField(default=False)
    multicurrency = models.BooleanField(default=False)  # else no currency can be added to the base one
    plan = models.CharField(max_length=20, default="PREMIUM")  # Xero calls it Class
    edition = models.CharField(max_length=20, default="BUSINESS")
    tax_number = models.CharField(max_length=50, blank=True)
    period_lock_date = models.DateField(null=True, blank=True)
    end_of_year_lock_date = models.DateField(null=True, blank=True)
    next_invoice_number = models.PositiveIntegerField(default=1)
    approval_limit = models.PositiveIntegerField(null=True, blank=True)  # small plans: approvals a month
    # Not documented: whether a voided invoice gives its number back. Deleting always does.
    voided_numbers_stay_used = models.BooleanField(default=False)
    created = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name

    @property
    def lock_date(self) -> dt.date | None:
        return max(filter(None, (self.period_lock_date, self.end_of_year_lock_date)), default=None)


class Currency(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="currencies")
    code = models.CharField(max_length=3)
    description = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "code"], name="one_row_per_currency")]

    def __str__(self) -> str:
        return self.code


class Account(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="accounts")
    account_id = models.UUIDField(default=uuid.uuid4, unique=True)
    code = models.CharField(max_length=10, blank=True)
    name = models.CharField(max_length=150)
    type = models.CharField(max_length=30)
    tax_type = models.CharField(max_length=50)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, default="ACTIVE")
    system_account = models.CharField(max_length=30, blank=True)
    enable_payments = models.BooleanField(default=False)
    show_in_expense_claims = models.BooleanField(default=False)
    bank_account_number = models.CharField(max_length=50, blank=True)
    bank_account_type = models.CharField(max_length=12, blank=True)
    currency_code = models.CharField(max_length=3, blank=True)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["organisation", "updated"], name="accounts_by_update")]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "code"], condition=~models.Q(code=""), name="one_account_per_code"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class TaxRate(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="tax_rates")
    name = models.CharField(max_length=100)
    tax_type = models.CharField(max_length=50)
    report_tax_type = models.CharField(max_length=50, blank=True)
    components = models.JSONField(default=list)  # Name, Rate (text), IsCompound, IsNonRecoverable
    display_rate = models.DecimalField(max_digits=9, decimal_places=4)
    effective_rate = models.DecimalField(max_digits=9, decimal_places=4)
    can_apply_to = models.JSONField(default=list)  # of: Assets, Equity, Expenses, Liabilities, Revenue
    status = models.CharField(max_length=10, default="ACTIVE")
    is_system = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "tax_type"], name="one_rate_per_tax_type")]

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="items")
    item_id = models.UUIDField(default=uuid.uuid4, unique=True)
    code = models.CharField(max_length=30)
    folded_code = models.CharField(max_length=60)
    name = models.CharField(max_length=50, blank=True)
    description = models.TextField(blank=True)
    purchase_description = models.TextField(blank=True)
    is_sold = models.BooleanField(default=True)
    is_purchased = models.BooleanField(default=True)
    sales_unit_price = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    sales_account_code = models.CharField(max_length=10, blank=True)
    sales_tax_type = models.CharField(max_length=50, blank=True)
    purchase_unit_price = models.DecimalField(max_digits=15, decimal_places=4, null=True)
    purchase_account_code = models.CharField(max_length=10, blank=True)
    purchase_tax_type = models.CharField(max_length=50, blank=True)
    cogs_account_code = models.CharField(max_length=10, blank=True)
    inventory_account_code = models.CharField(max_length=10, blank=True)
    quantity_on_hand = models.DecimalField(max_digits=15, decimal_places=4, default=Decimal(0))
    total_cost_pool = models.DecimalField(max_digits=15, decimal_places=2, default=Decimal(0))
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["organisation", "updated"], name="items_by_update")]
        constraints = [models.UniqueConstraint(fields=["organisation", "folded_code"], name="one_item_per_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def is_tracked(self) -> bool:
        return bool(self.inventory_account_code and self.cogs_account_code)
