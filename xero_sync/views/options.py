"""Setup > Options: admins set them, everybody may read them."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from bmsxero.roles import EVERYONE, allow, who
from xero_sync import accounts, examples, organisation, standing
from xero_sync.books import Books, RunOptions
from xero_sync.forms import OptionsForm
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.models import SyncOptions, XeroConnection
from xero_sync.views.people import only_admins

logger = logging.getLogger(__name__)


@allow(*EVERYONE)
@require_http_methods(["GET", "POST"])
def options(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        only_admins(request)
    now = standing.of(request)
    books = Books(now.connection, RunOptions()) if now.connection else None
    if now.connection is None or books is None or not books.accounts:
        return render(request, "xero_sync/setup/nothing_read.html", {"tab": "options", "standing": now})
    saved = SyncOptions.objects.filter(connection=now.connection).first()
    shown = saved if saved and "suggested" not in request.GET else suggestions(now.connection, books, saved)
    form = OptionsForm(request.POST or None, instance=shown, books=books)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "xero_sync/setup/_effect.html", {"effect": _effect(form, books)})
    if request.method == "POST" and form.is_valid():
        return _save(request, form)
    context = {
        "tab": "options",
        "standing": now,
        "form": form,
        "saved": saved,
        "unsaved_suggestions": shown is not saved,
        "effect": _effect(form, books),
        "admins": [] if who(request.user).administers else standing.admins(),
    }
    return render(request, "xero_sync/setup/options.html", context)


def suggestions(connection: XeroConnection, books: Books, saved: SyncOptions | None) -> SyncOptions:
    """Return what we would choose, saved nowhere."""
    return SyncOptions(
        pk=saved.pk if saved else None,
        connection=connection,
        suggested=True,
        non_taxable_tax_type=organisation.non_taxable(connection.version),
        **accounts.suggest(list(books.accounts.values())),
    )


def _save(request: HttpRequest, form: OptionsForm) -> HttpResponse:
    chosen: SyncOptions = form.save(commit=False)
    chosen.suggested = False
    chosen.updated_by = request.user  # type: ignore[assignment]
    chosen.save()
    logger.info("%s changed options of %s: %s", request.user.get_username(), chosen.connection, form.changed_data)
    messages.success(request, "Options saved. They apply from the next check on; jobs checked before keep theirs.")
    return redirect("xero_sync:options")


def _effect(form: OptionsForm, books: Books) -> list[str]:
    """Return what the options in the form would do; what can't be saved yet counts as it was."""
    values = form.instance.snapshot()
    if form.is_bound:
        form.is_valid()
        values |= form.cleaned_data
    ready = InvoiceExport().candidates({}, books.tenant_id).count()
    return examples.effect(RunOptions(**values), books, ready)
