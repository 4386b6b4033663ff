"""What belongs together: our records and Xero's."""

from __future__ import annotations

import uuid
from typing import ClassVar
from uuid import UUID, uuid5

from django.conf import settings
from django.db import models
from django.db.models import Q


class XeroLink(models.Model):
    """One of our records and the Xero record that it is. Written in the transaction that marks its row succeeded."""

    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    local_id = models.UUIDField()
    xero_id = models.CharField(max_length=50)
    xero_number = models.CharField(max_length=255, blank=True)
    matched_by = models.CharField(max_length=50, help_text="How we know: created, saved number, same name …")
    job = models.ForeignKey("xero_sync.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    sent = models.JSONField(default=dict, help_text="What was sent, for later drift checks.")
    created = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "kind", "local_id"], name="one_link_per_record"),
            models.UniqueConstraint(fields=["tenant_id", "kind", "xero_id"], name="one_link_per_xero_record"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["kind", "local_id"]),
            models.Index(fields=["tenant_id", "last_seen", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.local_id} = {self.xero_id}"


class DeepLink(models.Model):
    """The address that an exported invoice carries back to us. It belongs to the export, not to the invoice:
    after a reset the next export gets a new one, so that the old document in Xero is never taken for the new.

    It is not drawn by lot: a database that was put back from a backup makes the same one again, and so knows what it
    had sent after the backup.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    local_id = models.UUIDField()
    created = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_xero_id = models.CharField(max_length=50, blank=True, help_text="Never adopted again.")
    released_number = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Our number of the record at that time."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "local_id"],
                condition=Q(released_at__isnull=True),
                name="one_live_deep_link_per_record",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @staticmethod
    def uuid_of(tenant_id: str, kind: str, local_id: UUID, resets: int) -> UUID:
        """Return the address of a record's next export, after so many resets."""
        return uuid5(local_id, f"{tenant_id}/{kind}/{resets}")


class LinkEvent(models.Model):
    """What a person did to a link. Only ever added: it outlives the link."""

    class Action(models.TextChoices):
        LINKED = "linked", "Linked by hand"
        UNLINKED = "unlinked", "Unlinked"
        RESET = "reset", "Reset"  #: an exported invoice was released
        CHECKED = "checked", "Looked up in Xero"

    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20)
    local_id = models.UUIDField()
    xero_id = models.CharField(max_length=50)
    xero_number = models.CharField(max_length=255, blank=True)
    action = models.CharField(max_length=10, choices=Action)
    message = models.TextField(blank=True, help_text="Why, or what was found.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    time = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["kind", "local_id"])]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.kind} {self.local_id}"
