"""The chart of accounts on our side. An AccountCode pairs with what Xero calls an account."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse

from bmsxero.history import Tracked
from crm.models import Record

# The names people choose from. Most are also what Xero's pages call its types; the rest are ours alone,
# and become the default on the way to Xero, which Check says.
ACCOUNT_TYPES = [
    "Bank",
    "Cost of Goods Sold",
    "Credit Card",
    "Current Asset",
    "Current Liability",
    "Depreciation",
    "Direct Costs",
    "Equity",
    "Expense",
    "Fixed Asset",
    "Income",
    "Inventory Asset",
    "Liability",
    "Non-current Asset",
    "Non-current Liability",
    "Other income",
    "Overhead",
    "Prepayment",
    "Revenue",
    "Sale",
]
DEFAULT_ACCOUNT_TYPE = "Other income"


class AccountCode(Record):
    """A ledger account."""

    code = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=150)
    description = models.TextField(max_length=4000, blank=True)
    type = models.CharField(
        max_length=50, default=DEFAULT_ACCOUNT_TYPE, choices=[(name, name) for name in ACCOUNT_TYPES]
    )
    active = models.BooleanField(default=True)
    history = Tracked()

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(code=""), name="account_code_has_a_code"),
            models.CheckConstraint(condition=~Q(name=""), name="account_code_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("finance_admin:account_code", args=[self.pk])
