"""Customers. An Account pairs with what Xero calls a contact."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from bmsxero.history import Tracked

CURRENCY_LENGTH = 3
#: The parts of an address, as Xero has them: up to four lines.
ADDRESS_PARTS = ("line1", "line2", "line3", "line4", "city", "region", "postcode", "country")


class Record(models.Model):
    """What every record has: a public id that may be shown outside, and its times in UTC."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Account(Record):
    """A customer."""

    name = models.CharField(max_length=255)
    code = models.CharField(max_length=50, blank=True)
    active = models.BooleanField(default=True)
    default_currency = models.CharField(max_length=CURRENCY_LENGTH, blank=True, help_text="Blank: the organisation's.")
    taxable = models.BooleanField(default=True)
    sales_tax = models.ForeignKey(
        "finance.TaxRate", null=True, blank=True, on_delete=models.PROTECT, related_name="accounts"
    )
    tax_number = models.CharField(max_length=50, blank=True)
    history = Tracked()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        indexes: ClassVar = [
            models.Index(Lower("name"), name="account_name_folded"),
            models.Index(fields=["name", "id"]),
            models.Index(fields=["code"]),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="account_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("crm:account", args=[self.pk])

    @property
    def main_site(self) -> Site | None:
        """The site whose billing address goes to Xero. Reads `sites`, so prefetch them in lists."""
        return next((site for site in self.sites.all() if site.is_main), None)


class Site(Record):
    """A place of a customer, with where its bills and its goods go."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sites")
    name = models.CharField(max_length=255)
    is_main = models.BooleanField(default=False)

    billing_line1 = models.CharField(max_length=500, blank=True)
    billing_line2 = models.CharField(max_length=500, blank=True)
    billing_line3 = models.CharField(max_length=500, blank=True)
    billing_line4 = models.CharField(max_length=500, blank=True)
    billing_city = models.CharField(max_length=255, blank=True)
    billing_region = models.CharField(max_length=255, blank=True)
    billing_postcode = models.CharField(max_length=50, blank=True)
    billing_country = models.CharField(max_length=50, blank=True)
    shipping_line1 = models.CharField(max_length=500, blank=True)
    shipping_line2 = models.CharField(max_length=500, blank=True)
    shipping_line3 = models.CharField(max_length=500, blank=True)
    shipping_line4 = models.CharField(max_length=500, blank=True)
    shipping_city = models.CharField(max_length=255, blank=True)
    shipping_region = models.CharField(max_length=255, blank=True)
    shipping_postcode = models.CharField(max_length=50, blank=True)
    shipping_country = models.CharField(max_length=50, blank=True)
    billing_email = models.EmailField(max_length=255, blank=True)
    # Xero keeps country, area and number apart; imported, they stand here in one
    phone = models.CharField(max_length=100, blank=True)
    fax = models.CharField(max_length=100, blank=True)
    history = Tracked()

    class Meta:
        ordering: ClassVar = ["-is_main", "name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account"], condition=Q(is_main=True), name="one_main_site_per_account"),
            models.CheckConstraint(condition=~Q(name=""), name="site_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def billing_lines(self) -> list[str]:
        """The billing address as it is printed, blank parts left out."""
        return self._lines("billing")

    def shipping_lines(self) -> list[str]:
        """The shipping address as it is printed, blank parts left out."""
        return self._lines("shipping")

    def _lines(self, kind: str) -> list[str]:
        *lines, city, region, postcode, country = self.address(kind)
        town = " ".join(part for part in (city, region, postcode) if part)
        return [line for line in (*lines, town, country) if line]

    def address(self, kind: str) -> list[str]:
        """The "billing" or "shipping" address in the order of ADDRESS_PARTS."""
        return [getattr(self, f"{kind}_{part}") for part in ADDRESS_PARTS]
