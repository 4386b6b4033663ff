"""Shuts the simulated Xero's door from the moment on that real credentials are saved."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse

from xero_sync import credentials


class SimulatorGate:
    """Answers 404 below /sim/xero/ where this installation is an app at Xero itself. Asks no database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/sim/xero/") and not credentials.is_simulated():
            raise Http404
        return self.get_response(request)
