"""Invoices: to read, to search, to take away as CSV; and the two steps before an export."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from bmsxero.history import history_of
from bmsxero.listing import Selection
from bmsxero.roles import READERS, WRITERS, allow, who
from finance import statuses
from finance.badges import invoice_badge
from finance.forms import MarkForm
from finance.lists import INVOICES, PAYMENTS, invoice_sums
from finance.models import Invoice
from finance.views.payments import payments_with_state
from xero_sync.links import annotate_state, read_only

SELECTION = Selection(
    label=lambda invoice: f"invoice {invoice.number}",
    offered=lambda invoice: bool(statuses.next_steps(invoice)) or invoice.status in Invoice.EXPORTABLE,
)


def _invoices() -> QuerySet[Invoice]:
    return annotate_state(Invoice.objects.select_related("account", "site"), "invoices")


@allow(*READERS)
def invoices(request: HttpRequest) -> HttpResponse:
    rows = _invoices()
    grid = INVOICES.grid(
        request,
        rows,
        selection=SELECTION if who(request.user).writes else None,
        csv_url=reverse("finance:invoices_csv"),
    )
    grid.sums = invoice_sums(INVOICES.matching(request, rows)[0])
    return render(request, "finance/invoices.html", {"grid": grid})


@allow(*READERS)
def invoices_csv(request: HttpRequest) -> HttpResponseBase:
    return INVOICES.csv(request, _invoices(), f"invoices-{timezone.localdate()}.csv")


@allow(*WRITERS)
@require_POST
def mark_invoices(request: HttpRequest) -> HttpResponse:
    form = MarkForm(request.POST)
    if form.is_valid():
        chosen = list(form.cleaned_data["ids"])
        status, kept = form.cleaned_data["status"], len(read_only(chosen))
        done = statuses.mark([invoice.pk for invoice in chosen], status)
        if kept:
            messages.warning(request, f"{kept} left as before: exported, or in a job now, so read-only until Reset.")
        _tell(request, status, done=done, asked=len(chosen) - kept)
    else:
        messages.warning(request, "Nothing was marked. Tick at least one invoice first.")
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if safe else "finance:invoices")


def _tell(request: HttpRequest, status: str, *, done: int, asked: int) -> None:
    label = Invoice.Status(status).label
    if done:
        messages.success(request, f"{done} {'invoice is' if done == 1 else 'invoices are'} now {label}.")
    if left := asked - done:
        sources = " or ".join(Invoice.Status(source).label for source in statuses.STEPS[status])
        messages.warning(request, f"{left} left as before: only an invoice in {sources} can become {label}.")


@allow(*READERS)
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_invoices(), pk=pk)
    can = statuses.allowed(found)
    context = {
        "invoice": found,
        "badge": invoice_badge(found),
        "lines": found.lines.select_related("item", "tax"),
        "payments": PAYMENTS.without("account", "invoice").sample(payments_with_state().filter(invoice=found), 50),
        "history": history_of(request, Invoice.history.filter(id=pk)),
        "steps": [(status, Invoice.Status(status).label) for status in can.steps],
        "can": can,
    }
    return render(request, "finance/invoice.html", context)


@allow(*READERS)
def print_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the invoice as it goes on paper: no menu, the address of its site, what was paid."""
    found = get_object_or_404(
        Invoice.objects.select_related("account", "site").prefetch_related("account__sites"), pk=pk
    )
    place = found.site or found.account.main_site
    context = {
        "invoice": found,
        "address": place.billing_lines() if place else [],
        "lines": found.lines.select_related("item", "tax"),
        "paid": found.payments.filter(reversed=False).order_by("date", "pk"),
    }
    return render(request, "finance/print.html", context)
