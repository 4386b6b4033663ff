"""What all pages have in common: the organisation they are of, and what is said after a button."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from xero_simulator.models import Organisation
from xero_simulator.router import ALIAS

PER_PAGE = 50
# What a page says after a button has been pressed; the address carries the key.
SAID = {
    "approved": "Invoice approved.",
    "paid": "Payment recorded.",
    "removed": "Payment removed.",
    "credited": "Credit note added and set against this invoice.",
    "voided": "Invoice voided.",
    "deleted": "Deleted.",
    "archived": "Archived.",
    "restored": "Restored.",
    "saved": "Saved.",
    "merged": "Merged: its invoices are with the other contact now.",
    "locked": "Lock dates saved.",
    "disconnected": "App disconnected.",
    "customers_paid": "Customers have paid.",
    "nothing_to_pay": "There is no open invoice to pay.",
}
View = Callable[..., HttpResponse]


def of_organisation(view: View) -> View:
    """Give the view the organisation that the address names by its short code."""

    @functools.wraps(view)
    def found(request: HttpRequest, short_code: str, **rest: Any) -> HttpResponse:
        organisation = get_object_or_404(Organisation, short_code=short_code)
        # SQLite's transactions take the write lock at once, which somebody who only looks must not wait for.
        with transaction.atomic(using=ALIAS) if request.method == "POST" else nullcontext():
            return view(request, organisation, **rest)

    return found


def show(
    request: HttpRequest, name: str, organisation: Organisation, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    said = SAID.get(request.GET.get("said", "")) if request.method == "GET" else None
    shared = {"organisation": organisation, "said": said, "section": name.partition("_")[0]}
    return render(request, f"xero_simulator/{name}.html", {**shared, **context}, status=status)


def said(key: str, view: str, organisation: Organisation, **rest: Any) -> HttpResponse:
    response: HttpResponse = redirect(f"xero_simulator:{view}", short_code=organisation.short_code, **rest)
    response["Location"] += f"?said={key}"
    return response


def paged(request: HttpRequest, rows: QuerySet[Any]) -> Page[Any]:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
