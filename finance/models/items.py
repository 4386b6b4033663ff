"""What is sold: five kinds of record in one table, as all five are items in Xero."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from bmsxero.history import Tracked
from crm.models import Record
from finance.models.account_codes import AccountCode
from finance.models.tax_rates import TaxRate

ZERO_PRICE = Decimal("0.0000")


class Item(Record):
    """A product, service, work type, expense type or discount type. Prices are without tax, four decimals."""

    class Kind(models.TextChoices):
        PRODUCT = "product", "Product"
        SERVICE = "service", "Service"
        WORK_TYPE = "work_type", "Work type"
        EXPENSE_TYPE = "expense_type", "Expense type"
        DISCOUNT_TYPE = "discount_type", "Discount type"

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=255)
    code = models.CharField("number", max_length=50, blank=True, help_text="A product's number; Xero's item code.")
    description = models.TextField(max_length=4000, blank=True)
    unit_price = models.DecimalField(max_digits=15, decimal_places=4, default=ZERO_PRICE)
    unit_cost = models.DecimalField(max_digits=15, decimal_places=4, default=ZERO_PRICE)
    income_account = models.ForeignKey(
        AccountCode, null=True, blank=True, on_delete=models.PROTECT, related_name="income_items"
    )
    expense_account = models.ForeignKey(
        AccountCode, null=True, blank=True, on_delete=models.PROTECT, related_name="expense_items"
    )
    taxable = models.BooleanField(default=True)
    tax = models.ForeignKey(TaxRate, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    requires_procurement = models.BooleanField(default=False, help_text="Products only: Xero tracks the quantity.")
    discount_value = models.DecimalField(max_digits=15, decimal_places=4, default=ZERO_PRICE)
    active = models.BooleanField(default=True)
    history = Tracked()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        indexes: ClassVar = [models.Index(fields=["kind", "name"]), models.Index(fields=["code"])]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="item_has_a_name"),
            models.CheckConstraint(
                condition=Q(requires_procurement=False) | Q(kind="product"), name="only_products_require_procurement"
            ),
            models.CheckConstraint(
                condition=Q(discount_value=0) | Q(kind="discount_type"), name="only_discounts_have_a_discount_value"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse(f"finance_admin:{self.kind}", args=[self.pk])

    @property
    def sales_price(self) -> Decimal:
        """The price in Xero: for a discount type, its value."""
        return self.discount_value if self.kind == self.Kind.DISCOUNT_TYPE else self.unit_price
