"""The tab "As Xero will see it" of an invoice."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from bmsxero.roles import READERS, allow
from finance.models import Invoice
from xero_sync.as_xero import as_xero


@allow(*READERS)
@require_safe
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Invoice.objects.select_related("account"), pk=pk)
    return render(request, "xero_sync/as_xero.html", {"invoice": found, "seen": as_xero(found)})
