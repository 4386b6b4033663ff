"""Who is signed in, with which roles, and what to tell them: one query for all, on every page and every poll."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import F

from bmsxero.roles import know
from xero_sync import notices


class Backend(ModelBackend):
    """Django's own, but for its second query."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the user with the roles known; nobody if the user may no longer sign in."""
        users = User.objects.filter(pk=user_id).annotate(role=F("groups__name"), **notices.for_users())
        found: list[Any] = list(users)
        if not found or not self.user_can_authenticate(found[0]):
            return None
        user: User = found[0]
        know(user, [each.role for each in found if each.role])
        return user
