"""What every page knows."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from bmsxero import __version__
from bmsxero.navigation import menu
from bmsxero.roles import who
from xero_sync import notices, standing
from xero_sync.credentials import is_simulated


def site(request: HttpRequest) -> dict[str, object]:
    known = {"simulator": is_simulated(), "version": __version__}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return known
    me = who(user)

    def badge() -> standing.TopBadge:
        return standing.top_badge(standing.of(request))

    return known | {
        "who": me,
        "menu": menu(me, request.path),
        "notice": notices.of(user, request.path),
        "xero_badge": SimpleLazyObject(badge),
    }
