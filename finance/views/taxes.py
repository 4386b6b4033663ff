"""Admin > Finance > Taxes: taxes, and groups of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from bmsxero.history import history_of
from bmsxero.listing import Action
from bmsxero.roles import ADMINS, READERS, allow, who
from finance import tax_changes
from finance.admin_forms import Part, PartFormSet, TaxForm, settle_rate
from finance.admin_lists import TAXES
from finance.models import TaxRate
from finance.usage import count_tax_uses, number_of, uses_of_tax
from finance.views import changes
from xero_sync.links import annotate_tax_type

KIND = "tax_rates"
PAGE = "finance_admin:tax"


def _taxes() -> QuerySet[TaxRate]:
    return annotate_tax_type(count_tax_uses(TaxRate.objects.prefetch_related("components")))


@allow(*READERS)
def taxes(request: HttpRequest) -> HttpResponse:
    context = {
        "title": "Taxes",
        "grid": TAXES.grid(request, _taxes(), csv_url=reverse("finance_admin:taxes_csv")),
        "actions": (
            Action("New tax", reverse("finance_admin:new_tax"), "plus", ADMINS),
            Action("Tax mapping", "/finance/xero/setup/taxes/", "link", ADMINS),
        ),
    }
    return render(request, "finance/admin/list.html", context)


@allow(*READERS)
def taxes_csv(request: HttpRequest) -> HttpResponseBase:
    return TAXES.csv(request, _taxes(), f"taxes-{timezone.localdate()}.csv")


@allow(*READERS)
def tax(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_taxes(), pk=pk)
    context = {
        "record": found,
        "page": PAGE,
        "edits": who(request.user).administers,
        "list_url": reverse("finance_admin:taxes"),
        "list_title": "Taxes",
        "uses": uses_of_tax(found),
        "history": history_of(request, TaxRate.history.filter(id=found.pk)),
    }
    return render(request, "finance/admin/tax.html", context)


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def new_tax(request: HttpRequest) -> HttpResponse:
    return _edit(request, TaxRate())


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def edit_tax(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(TaxRate, pk=pk))


def _edit(request: HttpRequest, rate: TaxRate) -> HttpResponse:
    name, before = rate.name, rate.rate
    parts = [
        {"name": part.name, "rate": part.rate, "compound": part.compound}
        for part in (rate.components.all() if rate.pk else ())
    ]
    form = TaxForm(request.POST or None, instance=rate, is_group=bool(parts))
    formset: Any = PartFormSet(request.POST or None, initial=parts, prefix="parts")
    if request.method == "POST" and form.is_valid() & formset.is_valid():
        settled = settle_rate(form, formset.parts())
        if settled is not None and _may_change(form, before, settled):
            return _save(request, form, formset.parts(), settled, changes_rate=settled != before)
    context = {
        "form": form,
        "formset": formset,
        "record": rate,
        "name": name,
        "label": "tax",
        "list_url": reverse("finance_admin:taxes"),
    }
    return render(request, "finance/admin/tax_form.html", context)


def _may_change(form: TaxForm, before: Decimal | None, after: Decimal) -> bool:
    """Say whether the rate may become `after`, and put the reason at the field where it may not."""
    rate = form.instance
    fixed = tax_changes.count_fixed_invoices(rate) if rate.pk and before != after else 0
    if fixed:
        have = (
            "invoice that was sent or is in Xero has" if fixed == 1 else "invoices that were sent or are in Xero have"
        )
        form.add_error(
            "rate",
            f"{fixed:,} {have} this tax, so it stays at {before:f} %. "
            "Make a new tax for the new rate, and deactivate this one.",
        )
    return not fixed


def _save(request: HttpRequest, form: TaxForm, parts: list[Part], rate: Decimal, *, changes_rate: bool) -> HttpResponse:
    tax: TaxRate = form.instance
    tax.rate = rate
    invoices = tax_changes.save(tax, parts, changes_rate=changes_rate)
    messages.success(request, f"{tax} is saved.")
    if invoices:
        words = number_of(invoices, "invoice that nobody has seen yet was", "invoices that nobody has seen yet were")
        messages.info(request, f"{words} reckoned anew with {tax.rate.normalize():f} %.")
    return redirect(tax)


@allow(*ADMINS)
@require_POST
def activate_tax(request: HttpRequest, pk: int) -> HttpResponse:
    return changes.set_active(request, get_object_or_404(TaxRate, pk=pk))


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def delete_tax(request: HttpRequest, pk: int) -> HttpResponse:
    return changes.delete(
        request,
        get_object_or_404(TaxRate, pk=pk),
        page=PAGE,
        uses=uses_of_tax,
        xero_kind=KIND,
        list_url=reverse("finance_admin:taxes"),
    )
