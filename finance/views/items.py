"""Admin > Finance > Products, Services, Work Types, Expense Types, Discount Types: one set of pages for the five."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from bmsxero.history import begin, history_of
from bmsxero.listing import Action
from bmsxero.roles import READERS, WRITERS, allow, who
from finance.admin_forms import ItemForm
from finance.admin_lists import items_listing, xero_actions
from finance.item_kinds import ItemKind
from finance.models import Item
from finance.usage import uses_of_item
from finance.views import changes
from xero_sync.links import annotate_state, effective_accounts

KIND = "items"


def _items(kind: ItemKind) -> QuerySet[Item]:
    rows = Item.objects.filter(kind=kind.kind).select_related("income_account", "expense_account", "tax")
    return annotate_state(rows, KIND)


@allow(*READERS)
def items(request: HttpRequest, kind: ItemKind) -> HttpResponse:
    context = {
        "title": kind.plural,
        "grid": items_listing(kind).grid(request, _items(kind), csv_url=kind.url("csv")),
        "actions": (Action(f"New {kind.label.lower()}", kind.url("new"), "plus", WRITERS), *xero_actions(KIND)),
    }
    return render(request, "finance/admin/list.html", context)


@allow(*READERS)
def items_csv(request: HttpRequest, kind: ItemKind) -> HttpResponseBase:
    return items_listing(kind).csv(request, _items(kind), f"{kind.slug}-{timezone.localdate()}.csv")


@allow(*READERS)
def item(request: HttpRequest, kind: ItemKind, pk: int) -> HttpResponse:
    found = get_object_or_404(_items(kind), pk=pk)
    context = {
        "record": found,
        "kind": kind,
        "page": kind.page,
        "edits": who(request.user).writes,
        "list_url": kind.list_url,
        "list_title": kind.plural,
        "billing_url": kind.url("billing"),
        "uses": uses_of_item(found),
        "history": history_of(request, Item.history.filter(id=found.pk)),
        "effective": effective_accounts([found])[found.pk],
    }
    return render(request, "finance/admin/item.html", context)


@allow(*WRITERS)
@require_http_methods(["GET", "POST"])
def new_item(request: HttpRequest, kind: ItemKind) -> HttpResponse:
    return _edit(request, kind, Item(kind=kind.kind))


@allow(*WRITERS)
@require_http_methods(["GET", "POST"])
def edit_item(request: HttpRequest, kind: ItemKind, pk: int) -> HttpResponse:
    return _edit(request, kind, get_object_or_404(_items(kind), pk=pk))


def _edit(request: HttpRequest, kind: ItemKind, item: Item) -> HttpResponse:
    name = item.name
    # A suggested code comes with the link that offers it
    suggested = {"code": request.GET["code"][:30]} if request.GET.get("code") else None
    form = ItemForm(request.POST or None, instance=item, kind=kind, initial=suggested)
    if request.method == "POST" and form.is_valid():
        begin([form.instance] if form.instance.pk else [])
        form.save()
        messages.success(request, f"{item} is saved.")
        return redirect(item)
    context = {"form": form, "record": item, "name": name, "label": kind.label.lower(), "list_url": kind.list_url}
    return render(request, "finance/admin/form.html", context)


@allow(*WRITERS)
@require_POST
def activate_item(request: HttpRequest, kind: ItemKind, pk: int) -> HttpResponse:
    return changes.set_active(request, get_object_or_404(Item, kind=kind.kind, pk=pk))


@allow(*WRITERS)
@require_http_methods(["GET", "POST"])
def delete_item(request: HttpRequest, kind: ItemKind, pk: int) -> HttpResponse:
    found = get_object_or_404(Item, kind=kind.kind, pk=pk)
    return changes.delete(request, found, page=kind.page, uses=uses_of_item, xero_kind=KIND, list_url=kind.list_url)
