"""What the simulator remembers about its callers: repeated writes, a ledger of them, and faults to come."""

from __future__ import annotations

from django.db import models

from xero_simulator import clock
from xero_simulator.models.identity import App


class IdempotentAnswer(models.Model):
    """The first answer to an Idempotency-Key, committed together with what the call did."""

    app = models.ForeignKey(App, models.CASCADE)
    key = models.CharField(max_length=128)
    fingerprint = models.CharField(max_length=64)
    first_seen = models.DateTimeField(default=clock.now)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    headers = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key


class Write(models.Model):
    """One PUT, POST or DELETE that reached the accounting API, with its effect."""

    method = models.CharField(max_length=6)
    path = models.TextField()
    tenant_id = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(default=clock.now)  # when the effect was there for others to see
    elements = models.PositiveIntegerField(default=0)  # that were sent
    status = models.PositiveSmallIntegerField()
    created_ids = models.JSONField(default=list)
    updated_ids = models.JSONField(default=list)
    replayed = models.BooleanField(default=False)
    fault = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"


class Fault(models.Model):
    """Something to go wrong: with the nth call from now that matches, and the `times - 1` after it."""

    what = models.CharField(max_length=40)
    method = models.CharField(max_length=6, blank=True)  # blank: any
    endpoint = models.CharField(max_length=40, blank=True)  # e.g. Invoices; blank: any
    nth = models.PositiveIntegerField(default=1)
    times = models.PositiveIntegerField(default=1)
    settings = models.JSONField(default=dict)  # e.g. seconds, retry_after
    for_seconds = models.PositiveIntegerField(default=0)  # strikes all calls for so long, in place of `times`
    until = models.DateTimeField(null=True)
    seen = models.PositiveIntegerField(default=0)
    fired = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.what} at {self.method or 'any'} {self.endpoint or 'endpoint'} #{self.nth}"
