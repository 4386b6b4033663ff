from __future__ import annotations

import unicodedata
import uuid

from django.db import models

from xero_simulator import clock
from xero_simulator.models.organisations import Organisation


def fold(text: str) -> str:
    """Return what Xero compares when it asks whether two names are the same."""
    return " ".join(text.split()).casefold()


def fold_accents(text: str) -> str:
    """Return what Xero compares in a where-filter, which also overlooks accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", fold(text)) if not unicodedata.combining(c))


class Contact(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, db_index=False, related_name="contacts")
    contact_id = models.UUIDField(default=uuid.uuid4, unique=True)
    status = models.CharField(max_length=12, default="ACTIVE")
    name = models.CharField(max_length=255)
    folded_name = models.CharField(max_length=600)
    search_name = models.CharField(max_length=600)
    contact_number = models.CharField(max_length=50, blank=True)
    account_number = models.CharField(max_length=50, blank=True)
    first_name = models.CharField(max_length=255, blank=True)
    last_name = models.CharField(max_length=255, blank=True)
    email = models.CharField(max_length=255, blank=True)
    company_number = models.CharField(max_length=50, blank=True)
    tax_number = models.CharField(max_length=50, blank=True)
    website = models.CharField(max_length=255, blank=True)  # people set it; the API only reads it
    default_currency = models.CharField(max_length=3, blank=True)
    sales_tax_type = models.CharField(max_length=50, blank=True)
    purchases_tax_type = models.CharField(max_length=50, blank=True)
    addresses = models.JSONField(default=dict)  # by AddressType
    phones = models.JSONField(default=dict)  # by PhoneType
    persons = models.JSONField(default=list)
    payment_terms = models.JSONField(default=dict)
    is_customer = models.BooleanField(default=False)
    is_supplier = models.BooleanField(default=False)
    merged_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    updated = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            # Everything that a list skips over or counts, so that page 1000 costs what page 1 costs.
            models.Index(fields=["organisation", "updated", "id", "status"], name="contacts_by_update"),
            models.Index(fields=["organisation", "folded_name"], name="contacts_by_name"),
            models.Index(fields=["organisation", "search_name"], name="contacts_by_search_name"),
            models.Index(fields=["organisation", "contact_number"], name="contacts_by_number"),
            models.Index(fields=["organisation", "account_number"], name="contacts_by_account_number"),
            models.Index(fields=["organisation", "email"], name="contacts_by_email"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "folded_name"],
                condition=models.Q(status="ACTIVE"),
                name="one_active_contact_per_name",
            ),
            models.UniqueConstraint(
                fields=["organisation", "contact_number"],
                condition=~models.Q(contact_number=""),
                name="one_contact_per_number",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def rename(self, name: str) -> None:
        self.name, self.folded_name, self.search_name = name, fold(name), fold_accents(name)
