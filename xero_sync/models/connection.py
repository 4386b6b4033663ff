"""A connected Xero organisation: who it is, the tokens, the limiter's row and the runner's lease."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import Q

from xero_sync.encryption import EncryptedTextField


class XeroConnection(models.Model):
    """One Xero organisation that we are, or were, connected to. Times are UTC.

    Jobs, links and the mirror carry the tenant id rather than this row: coming back to an organisation
    after a disconnect finds its links again.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", "Connected"
        RECONNECT = "reconnect", "Reconnect needed"
        DISCONNECTED = "disconnected", "Disconnected"

    tenant_id = models.CharField(max_length=50, unique=True)
    xero_connection_id = models.CharField(max_length=50, blank=True)
    client_id = models.CharField(max_length=100, help_text="The app it was made with; another app must reconnect.")
    state = models.CharField(max_length=20, choices=State, default=State.CONNECTED)
    state_reason = models.TextField(blank=True)
    is_current = models.BooleanField(default=False, help_text="The organisation that the pages work with.")

    # What Xero says of the organisation
    name = models.CharField(max_length=255)
    legal_name = models.CharField(max_length=255, blank=True)
    short_code = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=10, blank=True)
    version = models.CharField(max_length=20, blank=True, help_text="Xero's edition: AU, NZ, UK, US, GLOBAL …")
    base_currency = models.CharField(max_length=3, blank=True)
    currencies = models.JSONField(default=list)
    sales_tax_basis = models.CharField(max_length=50, blank=True)
    timezone = models.CharField(max_length=100, blank=True)
    is_demo_company = models.BooleanField(default=False)
    period_lock_date = models.DateField(null=True, blank=True)
    end_of_year_lock_date = models.DateField(null=True, blank=True)
    organisation_read_at = models.DateTimeField(null=True, blank=True)

    # Tokens. Only oauth.py reads them.
    access_token = EncryptedTextField(row="tenant_id", blank=True, default="")
    refresh_token = EncryptedTextField(row="tenant_id", blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    scopes = models.TextField(blank=True)
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    connected_at = models.DateTimeField(auto_now_add=True)

    # The limiter's row: see limiter.py
    recent_calls = models.JSONField(default=list, editable=False)
    hourly_calls = models.JSONField(
        default=dict, null=True, editable=False, help_text="By hour, the last day's: 2026-11-26T10."
    )
    in_flight = models.JSONField(default=dict, editable=False)
    blocked_until = models.DateTimeField(null=True, blank=True, editable=False)
    blocked_why = models.CharField(max_length=20, blank=True, editable=False)
    background_blocked_until = models.DateTimeField(null=True, blank=True, editable=False)
    troubles = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Writes in a row that got no answer: see outbox.py."
    )
    day_remaining = models.PositiveIntegerField(null=True, blank=True, editable=False)

    # One runner at a time per organisation: see lease.py
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="one_current_connection"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_connected(self) -> bool:
        return self.state == self.State.CONNECTED

    @property
    def lock_date(self) -> date | None:
        """Xero refuses documents dated on or before it: the later of its two lock dates."""
        dates = [day for day in (self.period_lock_date, self.end_of_year_lock_date) if day]
        return max(dates, default=None)

    def app_url(self, path: str) -> str:
        """Return the address of a page in Xero, such as "invoicing/view/<id>"."""
        # A short code starts with "!"
        from xero_sync import credentials  # reads a model

        return f"{credentials.address('XERO_APP_URL')}/{quote(self.short_code, safe='')}/{path}"
