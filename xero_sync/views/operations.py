"""For machines that watch this one: is it ready, and how does it do?"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from xero_sync import engine, metrics, pulse

#: A proxy's mark: such a request comes from elsewhere, whatever its address says.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether database, broker and sweep are there: 200, or 503 and which is not.

    For monitors and deploys. A proxy had better ask /healthz: without broker or sweep the pages still work.
    """
    found = _database_and_sweep() | {"broker": "ok" if engine.broker_answers() else "away"}
    return JsonResponse(found, status=200 if set(found.values()) == {"ok"} else 503)


def _database_and_sweep() -> dict[str, str]:
    try:
        sweep = pulse.last(pulse.SWEEP)
        late = pulse.is_late(sweep)
    except DatabaseError:
        return {"database": "away", "sweep": "unknown"}
    return {"database": "ok", "sweep": ("late" if sweep else "none yet") if late else "ok"}


@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever has the token; without one set, this very machine."""
    if not _may_scrape(request):
        return HttpResponse("METRICS_TOKEN is needed as a bearer token.\n", status=403, content_type="text/plain")
    return HttpResponse(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())
    is_here = request.META.get("REMOTE_ADDR", "") in {"127.0.0.1", "::1"}
    return is_here and not any(name in request.headers for name in FORWARDED)
