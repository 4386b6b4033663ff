"""The app at Xero that this installation is, where the environment does not say; and what a look at it found."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from xero_sync.encryption import EncryptedTextField
from xero_sync.models.connection import XeroConnection


class AppCredentials(models.Model):
    """Client id and secret as an admin entered them, and which permissions are asked for. One row at most."""

    class ScopeSet(models.TextChoices):
        GRANULAR = "granular", "For apps made on or after 2 March 2026"
        BROAD = "broad", "For older apps"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    client_id = models.CharField(max_length=100, blank=True)
    client_secret = EncryptedTextField(row="id", blank=True, default="")
    scope_set = models.CharField(max_length=10, choices=ScopeSet, default=ScopeSet.GRANULAR)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When Xero last said that it knows them.")
    updated = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name_plural = "app credentials"
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="one_app_per_installation")]

    def __str__(self) -> str:
        return f"App {self.client_id}" if self.client_id else "No app of its own"


class HealthCheck(models.Model):
    """What the last look at a connection found: one result for each question, with its time."""

    connection = models.OneToOneField(XeroConnection, on_delete=models.CASCADE, related_name="health")
    results = models.JSONField(default=list, help_text="[question, tone, words, fix]: see health.py.")
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"Health of {self.connection}"
