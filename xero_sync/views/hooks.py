"""Where Xero's webhooks arrive. The signature is the sign-in: no session, no cookie, no redirect."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from xero_sync import webhooks


@csrf_exempt
@require_POST
def accounting(request: HttpRequest) -> HttpResponse:
    """Answer 401 to whatever Xero did not sign, before any of it is looked at; 200 with nothing in it to the rest.

    Xero's "intent to receive" is passed by this very rule.
    """
    if not settings.XERO_WEBHOOK_KEY:
        return HttpResponse(status=404)
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > webhooks.LARGEST:
        return HttpResponse(status=413)
    if not webhooks.is_genuine(request.body, request.headers.get("x-xero-signature", "")):
        return HttpResponse(status=401)
    webhooks.receive(request.body)
    return HttpResponse()
