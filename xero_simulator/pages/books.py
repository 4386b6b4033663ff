"""Items, the chart of accounts and the tax rates."""

from __future__ import annotations

import uuid

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xero_simulator import people, settlement
from xero_simulator.models import Account, Item, Organisation
from xero_simulator.pages.shell import of_organisation, paged, said, show


@require_GET
@of_organisation
def items(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    return _items(request, organisation)


@require_POST
@of_organisation
def delete_item(request: HttpRequest, organisation: Organisation, item_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(Item, organisation=organisation, item_id=item_id)
    try:
        people.delete_item(found)
    except settlement.Refused as refusal:
        return _items(request, organisation, problem=str(refusal), status=422)
    return said("deleted", "items", organisation)


class ItemForm(forms.Form):
    code = forms.CharField(max_length=30)
    name = forms.CharField(max_length=50, required=False)


@require_http_methods(["GET", "POST"])
@of_organisation
def item(request: HttpRequest, organisation: Organisation, item_id: uuid.UUID) -> HttpResponse:
    """Show one item, and rename it."""
    found = get_object_or_404(Item, organisation=organisation, item_id=item_id)
    form = ItemForm(
        request.POST if request.method == "POST" else None, initial={"code": found.code, "name": found.name}
    )
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            people.rename_item(found, form.cleaned_data["code"], form.cleaned_data["name"])
        except settlement.Refused as refusal:
            problem = str(refusal)
        else:
            return said("saved", "item", organisation, item_id=item_id)
    context = {"item": found, "form": form, "problem": problem}
    return show(request, "items_one", organisation, context, 422 if form.errors or problem else 200)


def _items(request: HttpRequest, organisation: Organisation, *, problem: str = "", status: int = 200) -> HttpResponse:
    term = request.GET.get("q", "").strip()
    rows = organisation.items.order_by("folded_code")
    if term:
        rows = rows.filter(Q(code__icontains=term) | Q(name__icontains=term))
    context = {"page": paged(request, rows), "term": term, "problem": problem}
    return show(request, "items", organisation, context, status)


@require_GET
@of_organisation
def accounts(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    archived = request.GET.get("archived") == "1"
    rows = organisation.accounts.filter(status="ARCHIVED" if archived else "ACTIVE").order_by("code", "name")
    return show(request, "accounts", organisation, {"accounts": rows, "archived": archived})


@require_POST
@of_organisation
def account_status(
    request: HttpRequest,
    organisation: Organisation,
    account_id: uuid.UUID,
    action: str,
) -> HttpResponse:
    found = get_object_or_404(Account, organisation=organisation, account_id=account_id, system_account="")
    people.set_account_status(found, "ARCHIVED" if action == "archive" else "ACTIVE")
    return said(f"{action}d", "accounts", organisation)


@require_GET
@of_organisation
def taxes(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    rows = organisation.tax_rates.exclude(status="DELETED").order_by("name")
    return show(request, "taxes", organisation, {"rates": rows})
