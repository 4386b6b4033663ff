"""The outbox: every HTTP write to Xero, committed before it is made."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from xero_sync.models.jobs import Job


class XeroRequest(models.Model):
    """One HTTP write. Its id is the Idempotency-Key, `body` the exact bytes; both are committed before the call."""

    class State(models.TextChoices):
        READY = "ready", "Ready"  #: written down, not sent
        SENT = "sent", "Sent"  #: on the wire, or its process died
        UNKNOWN = "unknown", "Unknown"  #: no usable answer: look up at `due_at`
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="requests")
    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=300, help_text="Below the API's address, with its query.")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    has_key = models.BooleanField(default=True, help_text="Updates carry no Idempotency-Key.")
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    correlation_id = models.CharField(max_length=100, blank=True)
    answer = models.TextField(blank=True, help_text="Xero's answer, shortened, without secrets.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Look-ups so far.")
    deaths = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Workers in a row that died over looking it up."
    )

    class Meta:
        ordering: ClassVar = ["created"]
        indexes: ClassVar = [models.Index(fields=["state", "due_at"]), models.Index(fields=["job", "state"])]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.id}"
