"""Payments: to read, to search, to take away as CSV."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from bmsxero.history import history_of
from bmsxero.roles import READERS, allow
from finance.badges import payment_kind
from finance.balances import around
from finance.lists import PAYMENTS
from finance.models import Payment
from xero_sync.links import annotate_state


def payments_with_state() -> QuerySet[Payment]:
    """Return all payments, each with its Xero state."""
    return annotate_state(Payment.objects.select_related("account", "invoice"), "payments")


@allow(*READERS)
def payments(request: HttpRequest) -> HttpResponse:
    rows = payments_with_state()
    grid = PAYMENTS.grid(request, rows, csv_url=reverse("finance:payments_csv"))
    return render(request, "finance/payments.html", {"grid": grid})


@allow(*READERS)
def payments_csv(request: HttpRequest) -> HttpResponseBase:
    return PAYMENTS.csv(request, payments_with_state(), f"payments-{timezone.localdate()}.csv")


@allow(*READERS)
def payment(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(payments_with_state(), pk=pk)
    context = {
        "payment": found,
        "badge": payment_kind(found),
        "around": around(found),
        "history": history_of(request, Payment.history.filter(id=pk)),
    }

    return render(request, "finance/payment.html", context)
