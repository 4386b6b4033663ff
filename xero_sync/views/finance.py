"""Finance > Overview: what waits for Xero, and what a month end asks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from bmsxero.roles import READERS, allow, who
from finance.tiles import tiles
from xero_sync import clock, month_end, pictures, standing


@allow(*READERS)
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    now = standing.of(request)
    waiting = pictures.waiting(now.connection)
    context = {
        "standing": now,
        "plot": pictures.unexported(waiting),
        "as_of": clock.now(),
        "checklist": month_end.checklist(now.connection, who(request.user), waiting.total),
        "tiles": tiles(),
    }
    return render(request, "xero_sync/finance_overview.html", context)
