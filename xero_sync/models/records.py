"""The mirror: our copy of what Xero holds."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class XeroRecord(models.Model):
    """One record as Xero last told us. `payload` is Xero's JSON with amounts as strings."""

    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    xero_id = models.CharField(max_length=50)
    key = models.CharField(max_length=255, blank=True, help_text="Code, number or tax type: what Xero keeps unique.")
    folded_name = models.CharField(max_length=255, blank=True, help_text="The name without case and outer spaces.")
    status = models.CharField(max_length=20, blank=True)
    date = models.DateField(null=True, blank=True, help_text="Documents and payments only.")
    updated_utc = models.DateTimeField(null=True, blank=True)
    payload = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    seen_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "kind", "key"]),
            models.Index(fields=["tenant_id", "kind", "folded_name"]),
            models.Index(fields=["tenant_id", "kind", "date"]),
            models.Index(fields=["status"]),  # to find the few that are not live any more
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "kind", "xero_id"], name="one_mirror_row_per_xero_record"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key or self.folded_name or self.xero_id}"


class MirrorStamp(models.Model):
    """How fresh the mirror of one kind is, and how its last reading went."""

    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    complete_at = models.DateTimeField(null=True, blank=True, help_text="All up to this time is here.")
    newest_utc = models.DateTimeField(null=True, blank=True, help_text="The latest UpdatedDateUTC that Xero told.")
    # A reading asked for by a page, done by the worker
    wanted_at = models.DateTimeField(null=True, blank=True)
    read_so_far = models.PositiveIntegerField(default=0)
    calls_so_far = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    # One worker at a time does it: see lease.py
    lease_owner = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "kind"], name="one_stamp_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} read {self.complete_at}"
