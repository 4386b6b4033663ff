"""Django's own admin: to look at what the engine keeps. Nothing can be changed here, and no secret is shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from xero_sync import models
from xero_sync.encryption import EncryptedTextField


class Readable(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read only: links and rows that were changed by hand would lie to the engine."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.model._meta.fields if isinstance(field, EncryptedTextField)]


@admin.register(models.XeroConnection)
class ConnectionAdmin(Readable):
    list_display = ("name", "tenant_id", "state", "is_current", "connected_by", "refreshed_at", "day_remaining")
    list_select_related = ("connected_by",)


@admin.register(models.SyncOptions)
class OptionsAdmin(Readable):
    list_display = ("connection", "status", "invoice_number", "due_date", "suggested", "updated_by", "updated")
    list_select_related = ("connection", "updated_by")


@admin.register(models.TaxMapping)
class TaxMappingAdmin(Readable):
    list_display = ("tax_rate", "tax_type", "matched_by", "tenant_id", "updated")
    list_select_related = ("tax_rate",)


@admin.register(models.Job)
class JobAdmin(Readable):
    list_display = ("number", "direction", "kind", "state", "created_as", "created", "sent_at", "finished_at", "calls")
    list_filter = ("state", "direction", "kind")
    raw_id_fields = ("retry_of",)


@admin.register(models.JobRow)
class JobRowAdmin(Readable):
    list_display = ("label", "kind", "job", "outcome", "state", "reason", "xero_number")
    list_filter = ("state", "kind")
    list_select_related = ("job",)
    search_fields = ("label", "record_key", "xero_id")


@admin.register(models.LogLine)
class LogLineAdmin(Readable):
    list_display = ("time", "job", "step", "record", "action", "outcome", "message")
    list_filter = ("step", "outcome")
    list_select_related = ("job",)
    search_fields = ("record", "correlation_id")


@admin.register(models.XeroRequest)
class RequestAdmin(Readable):
    list_display = ("id", "job", "method", "path", "state", "created", "sent_at", "http_status")
    list_select_related = ("job",)


@admin.register(models.XeroLink)
class LinkAdmin(Readable):
    list_display = ("kind", "local_id", "xero_number", "xero_id", "matched_by", "job", "last_seen")
    list_filter = ("kind",)
    list_select_related = ("job",)
    search_fields = ("local_id", "xero_id", "xero_number")


@admin.register(models.DeepLink)
class DeepLinkAdmin(Readable):
    list_display = ("kind", "local_id", "tenant_id", "released_at")
    search_fields = ("local_id",)


@admin.register(models.XeroRecord)
class RecordAdmin(Readable):
    list_display = ("kind", "key", "folded_name", "status", "updated_utc", "seen_at")
    list_filter = ("kind", "status")
    search_fields = ("xero_id", "key", "folded_name")


@admin.register(models.MirrorStamp)
class StampAdmin(Readable):
    list_display = ("tenant_id", "kind", "complete_at", "newest_utc", "wanted_at", "error")


@admin.register(models.Schedule)
class ScheduleAdmin(Readable):
    list_display = ("task", "connection", "is_on", "unit", "every", "at", "runs_as", "next_at", "note")
    list_select_related = ("connection", "runs_as")


@admin.register(models.WebhookEvent)
class WebhookEventAdmin(Readable):
    list_display = ("received_at", "category", "event_type", "resource_id", "happened", "tenant_id")
    list_filter = ("category",)


@admin.register(models.Alert)
class AlertAdmin(Readable):
    list_display = ("created", "subject", "sent_at")


@admin.register(models.Pulse)
class PulseAdmin(Readable):
    list_display = ("name", "last_at", "times")
