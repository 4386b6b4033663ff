"""What every page knows."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from bmsxero import __version__
from bmsxero.navigation import menu
from bmsxero.roles import who
from xero_sync.credentials import is_simulated
from xero_sync.standing import top_badge


def site(request: HttpRequest) -> dict[str, object]:
    known = {"simulator": is_simulated(), "version": __version__}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return known
    me = who(user)
    return known | {"who": me, "menu": menu(me, request.path), "xero_badge": SimpleLazyObject(top_badge)}
