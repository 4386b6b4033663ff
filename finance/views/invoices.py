"""Invoices: to read, to search, to take away as CSV; and the two steps before an export."""

from __future__ import annotations

from collections.abc import Iterable

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
from finance.balances import sums
from finance.forms import DontSendForm, MarkForm
from finance.lists import INVOICES, PAYMENTS, invoice_sums
from finance.models import Invoice
from finance.views.payments import payments_with_state
from xero_sync.links import annotate_state, failed_in, read_only

#: So many of the chosen invoices are named before they are marked.
TOLD = 10

SELECTION = Selection(
    label=lambda invoice: f"invoice {invoice.number}",
    offered=lambda invoice: bool(statuses.next_steps(invoice)) or invoice.status in Invoice.EXPORTABLE,
)


def _invoices() -> QuerySet[Invoice]:
    return annotate_state(Invoice.objects.select_related("account", "site"), "invoices")


@allow(*READERS)
def invoices(request: HttpRequest) -> HttpResponse:
    rows = _invoices()
    added = sums(INVOICES.matching(request, rows)[0])
    grid = INVOICES.grid(
        request,
        rows,
        selection=SELECTION if who(request.user).writes else None,
        csv_url=reverse("finance:invoices_csv"),
        total=sum(one.number for one in added),
    )
    grid.sums = invoice_sums(added)
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
    return _back(request)


@allow(*WRITERS)
def dont_send(request: HttpRequest) -> HttpResponse:
    """Ask why the ticked invoices, or those that a job failed with, must not go to Xero; then mark them."""
    if request.method == "POST" and "reason" in request.POST:
        form = DontSendForm(request.POST)
        if form.is_valid():
            chosen = form.cleaned_data["ids"]
            done = statuses.mark_dont_send([invoice.pk for invoice in chosen], form.cleaned_data["reason"])
            _tell_kept_here(request, done=done, asked=len(chosen))
            return _back(request)
        return render(request, "finance/dont_send.html", _about(request, form), status=400)
    job = request.GET.get("job", "")
    if job.isdecimal() and len(job) < 16:
        ids = list(Invoice.objects.filter(pk__in=failed_in(int(job)), dont_send="").values_list("pk", flat=True))
    else:
        ids = _keys(request.POST.getlist("ids"))
    if not ids:
        messages.warning(request, "Nothing was marked. Tick at least one invoice first.")
        return _back(request)
    return render(request, "finance/dont_send.html", _about(request, DontSendForm(initial={"ids": ids})))


@allow(*WRITERS)
@require_POST
def send_after_all(request: HttpRequest) -> HttpResponse:
    """Let the ticked invoices go to Xero again."""
    done = statuses.mark_dont_send(_keys(request.POST.getlist("ids")), "")
    if done:
        messages.success(request, f"{done} {'invoice' if done == 1 else 'invoices'} can go to Xero again.")
    else:
        messages.warning(request, "Nothing was changed: none of them was marked “Don't send”.")
    return _back(request)


def _keys(texts: Iterable[str]) -> list[int]:
    """Return the keys among what was posted."""
    return [int(each) for each in texts if each.isdecimal() and len(each) < 19]


def _about(request: HttpRequest, form: DontSendForm) -> dict[str, object]:
    """Return what the page that asks for the reason shows."""
    invoices = Invoice.objects.filter(pk__in=_keys(str(key) for key in form["ids"].value() or []))
    number = invoices.count()
    return {
        "form": form,
        "number": number,
        "some": invoices.select_related("account")[:TOLD],
        "more": max(0, number - TOLD),
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }


def _tell_kept_here(request: HttpRequest, *, done: int, asked: int) -> None:
    if done:
        messages.success(request, f"{done} {'invoice' if done == 1 else 'invoices'} will not be sent to Xero.")
    if left := asked - done:
        messages.warning(request, f"{left} left as before: exported, in a job now, or marked with that reason already.")


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next") or request.GET.get("next", "")
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
