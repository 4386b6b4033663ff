"""Admin > Finance > Billing: the income and expense accounts of items, many at once."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from bmsxero.listing import Selection
from bmsxero.roles import ADMINS, READERS, allow, only, who
from finance.admin_lists import billing_listing
from finance.billing import LABELS, Chart, Entry, cells_of, save, uses
from finance.item_kinds import BILLING_TABS, ItemKind
from finance.models import Item
from finance.usage import number_of
from xero_sync.links import effective_accounts


def _items(kind: ItemKind) -> QuerySet[Item]:
    return Item.objects.filter(kind=kind.kind).select_related("income_account", "expense_account")


@allow(*READERS)
@require_http_methods(["GET", "POST"])
def billing(request: HttpRequest, kind: ItemKind) -> HttpResponse:
    entry = None
    if request.method == "POST":
        only(request, *ADMINS)
        matching, _ = billing_listing(kind).matching(request, _items(kind))
        entry = save(kind, request.POST, request.POST.getlist("ids"), matching)
        if entry.is_good:
            return _saved(request, entry, kind)
    return render(request, "finance/admin/billing.html", _page(request, kind, entry), status=400 if entry else 200)


def _page(request: HttpRequest, kind: ItemKind, entry: Entry | None) -> dict[str, object]:
    edits = who(request.user).any_of(ADMINS)
    ticked = entry.ticked if entry else set()
    chosen = Selection(label=lambda item: item.name, chosen=lambda item: item.pk in ticked)
    grid = billing_listing(kind).grid(
        request,
        _items(kind),
        decorate=_decorate(kind, entry),
        selection=chosen if edits else None,
        csv_url=kind.url("billing_csv"),
    )
    return {
        "kind": kind,
        "tabs": [(each, each.url("billing")) for each in BILLING_TABS],
        "grid": grid,
        "entry": entry,
        "edits": edits,
        "codes": Chart().active if edits else [],
        "choices": [(use, LABELS[use]) for use in uses(kind)],
        "typed": request.POST,
    }


def _decorate(kind: ItemKind, entry: Entry | None) -> Callable[[QuerySet[Item]], list[Item]]:
    def decorate(rows: QuerySet[Item]) -> list[Item]:
        items = list(rows)
        effective = effective_accounts(items)
        for item in items:
            item.cells = cells_of(item, kind, entry)  # type: ignore[attr-defined]
            item.effective = effective[item.pk]  # type: ignore[attr-defined]
        return items

    return decorate


def _saved(request: HttpRequest, entry: Entry, kind: ItemKind) -> HttpResponse:
    if entry.saved:
        words = number_of(entry.saved, f"{kind.label.lower()} is", f"{kind.plural.lower()} are")
        messages.success(request, f"{words} saved.")
    else:
        messages.info(request, "Nothing had changed.")
    return redirect(request.get_full_path())


@allow(*READERS)
def billing_csv(request: HttpRequest, kind: ItemKind) -> HttpResponseBase:
    name = f"billing-{kind.slug}-{timezone.localdate()}.csv"
    return billing_listing(kind).csv(request, _items(kind), name, decorate=_decorate(kind, None))
