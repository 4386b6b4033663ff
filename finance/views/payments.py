"""Payments: to read, to search, to take away as CSV; to enter by hand, and to take back."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from bmsxero.history import history_of
from bmsxero.roles import READERS, WRITERS, allow
from finance.badges import payment_kind
from finance.balances import around
from finance.forms import PaymentForm
from finance.lists import PAYMENTS
from finance.models import Invoice, Payment
from finance.payments import NotAllowed, take, take_back, why_not_payable, why_not_reversible
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
        "can_take_back": not why_not_reversible(found),
    }

    return render(request, "finance/payment.html", context)


@allow(*WRITERS)
def new_payment(request: HttpRequest) -> HttpResponse:
    """Enter a payment of the invoice that the address names."""
    key = request.GET.get("invoice", "")
    known = key if key.isdecimal() and len(key) < 19 else None
    invoice = get_object_or_404(Invoice.objects.select_related("account"), pk=known)
    if reason := why_not_payable(invoice):
        messages.error(request, f"No payment was entered for invoice {invoice}. {reason}")
        return redirect(invoice)
    form = PaymentForm(
        request.POST or None, initial={"amount": invoice.balance_due, "date": timezone.localdate().isoformat()}
    )
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            payment = take(invoice.pk, amount=asked["amount"], day=asked["date"], reference=asked["reference"])
        except NotAllowed as error:
            form.add_error("amount", str(error))
        else:
            messages.success(
                request, f"The payment is entered. {payment.invoice} is {payment.invoice.get_status_display()}."
            )
            return redirect(payment.invoice)
    context = {"invoice": invoice, "form": form}
    return render(request, "finance/payment_form.html", context, status=400 if form.errors else 200)


@allow(*WRITERS)
@require_POST
def reverse_payment(request: HttpRequest, pk: int) -> HttpResponse:
    payment = get_object_or_404(Payment, pk=pk)
    try:
        take_back(pk)
    except NotAllowed as error:
        messages.error(request, f"The payment was not taken back. {error}")
    else:
        messages.success(request, "The payment is taken back. It stays here for the record, and counts for nothing.")
    return redirect(payment)
