"""Who may act on a page that everybody may read."""

from __future__ import annotations

from django.http import HttpRequest

from bmsxero.roles import ADMINS, MissingRole, who


def only_admins(request: HttpRequest) -> None:
    """Refuse those who may look but not act."""
    if not who(request.user).any_of(ADMINS):
        raise MissingRole(ADMINS)
