"""What a person has chosen in a wizard so far."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Draft(models.Model):
    """A selection in the making. Its id stands in the wizard's address, so that Back and refresh lose nothing.

    `rule` is what a job will store (see selection.py): ids, or everything that matches except some.
    `options` are what was answered for this run so far.
    """

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant_id = models.CharField(max_length=50)
    kind = models.CharField(max_length=20, help_text="The name of the wizard.")
    rule = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "created"])]

    def __str__(self) -> str:
        return f"{self.kind} chosen by {self.user_id}"
