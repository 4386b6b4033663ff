"""Setup > Tax mapping: admins set it, everybody may read it."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from bmsxero.roles import EVERYONE, allow, who
from finance.models import TaxRate
from xero_sync import standing, tax_matches
from xero_sync.books import Books, RunOptions
from xero_sync.standing import Standing
from xero_sync.views.people import only_admins

logger = logging.getLogger(__name__)

PAGE = "xero_sync/setup/taxes.html"


@allow(*EVERYONE)
@require_http_methods(["GET", "POST"])
def tax_mapping(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        only_admins(request)
    now = standing.of(request)
    books = Books(now.connection, RunOptions()) if now.connection else None
    if now.connection is None or books is None or not books.rates:
        return render(request, "xero_sync/setup/nothing_read.html", {"tab": "taxes", "standing": now})
    if request.method == "POST":
        chosen = _chosen(request.POST)
        refused = tax_matches.refusals(books, chosen)
        if not refused:
            return _save(request, books, chosen)
        messages.error(request, "Nothing was saved: what is marked below can't be chosen.")
        return render(request, PAGE, _context(request, now, books, refused, chosen), status=400)
    return render(request, PAGE, _context(request, now, books))


def _context(request: HttpRequest, now: Standing, books: Books, *form: dict[int, str]) -> dict[str, Any]:
    options = getattr(now.connection, "options", None)
    return {
        "tab": "taxes",
        "standing": now,
        "matches": tax_matches.matches(books, *form),
        "untaxed": tax_matches.untaxed(books, options.non_taxable_tax_type if options else "", books.country),
        "admins": [] if who(request.user).administers else standing.admins(),
    }


def _save(request: HttpRequest, books: Books, chosen: dict[int, str]) -> HttpResponse:
    if number := tax_matches.save(books.tenant_id, chosen):
        logger.info("%s mapped taxes of %s: %s", request.user.get_username(), books.tenant_id, chosen)
        messages.success(request, f"{number} tax {'rate is' if number == 1 else 'rates are'} mapped as you chose.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("xero_sync:tax_mapping")


def _chosen(form: QueryDict) -> dict[int, str]:
    ours = TaxRate.objects.filter(active=True).values_list("pk", flat=True)
    return {pk: str(form[name]) for pk in ours if (name := f"rate-{pk}") in form}
