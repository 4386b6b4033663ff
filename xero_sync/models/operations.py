"""What keeps the product running by itself: schedules, hints from Xero, signs of life, mail that went out."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from xero_sync.models.connection import XeroConnection


class Schedule(models.Model):
    """A job that starts by itself, because a person said so: which, how often, and under whose name."""

    class Task(models.TextChoices):
        IMPORT_PAYMENTS = "import_payments", "Import payments"
        EXPORT_INVOICES = "export_invoices", "Export invoices"

    class Unit(models.TextChoices):
        MINUTES = "minutes", "minutes"
        HOURS = "hours", "hours"
        DAILY = "daily", "once a day"

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="schedules")
    task = models.CharField(max_length=20, choices=Task)
    is_on = models.BooleanField(default=False)
    unit = models.CharField(max_length=10, choices=Unit, default=Unit.MINUTES)
    every = models.PositiveSmallIntegerField(default=15)
    at = models.TimeField(null=True, blank=True, help_text="Time of day, in the installation's time zone.")
    runs_as = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    next_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="When it last started a job.")
    note = models.CharField(max_length=300, blank=True, help_text="Why it did nothing the last time, in plain words.")
    note_at = models.DateTimeField(null=True, blank=True)
    updated = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "task"], name="one_schedule_per_task"),
            models.CheckConstraint(condition=Q(every__gte=1), name="schedule_has_an_interval"),
        ]
        indexes: ClassVar = [models.Index(fields=["is_on", "next_at"])]

    def __str__(self) -> str:
        return f"{self.get_task_display()} for {self.connection}"


class WebhookEvent(models.Model):
    """One thing that Xero told us has changed. A hint only: what is true is read from Xero."""

    sha256 = models.CharField(max_length=64, unique=True, help_text="Of what the event says: Xero repeats events.")
    tenant_id = models.CharField(max_length=50)
    category = models.CharField(max_length=30)
    event_type = models.CharField(max_length=30)
    resource_id = models.CharField(max_length=50)
    happened = models.CharField(max_length=40, help_text="As Xero writes it.")
    received_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["received_at"])]

    def __str__(self) -> str:
        return f"{self.category} {self.event_type} {self.resource_id}"


class Pulse(models.Model):
    """That something happened: how often so far, and when last. Any process can read it."""

    name = models.CharField(max_length=60, unique=True)
    last_at = models.DateTimeField()
    times = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.name} {self.last_at}"


class Alert(models.Model):
    """Something that finance admins are told once by e-mail."""

    key = models.CharField(max_length=150, unique=True, help_text="What makes two alerts the same.")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["sent_at"])]

    def __str__(self) -> str:
        return self.subject
