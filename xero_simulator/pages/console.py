"""The console: what people do in Xero, what goes wrong there, and what has been counted. No part of Xero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from xero_simulator import clock, faults, people, restart, seed, settlement
from xero_simulator.controls import CONTROLS, SETTLE_SECONDS
from xero_simulator.fault_kinds import KINDS
from xero_simulator.limits import LIMITER
from xero_simulator.models import AccessToken, Connection, Contact, Fault, Invoice, Organisation, Write
from xero_simulator.pages.console_forms import (
    FaultForm,
    NewForm,
    NoForm,
    RandomForm,
    RecordForm,
    RegionForm,
    SettingsForm,
)
from xero_simulator.pages.organisations import LockForm
from xero_simulator.random_faults import RANDOM_FAULTS
from xero_simulator.router import ALIAS

RECENT = 8  # invoices, contacts and writes shown
SAID = {
    "paid": "Paid.",
    "customers_paid": "Customers have paid.",
    "nothing_to_pay": "There is no open invoice to pay.",
    "edited": "Edited: the reference says so.",
    "voided": "Voided.",
    "archived": "Archived.",
    "locked": "Lock dates saved.",
    "disconnected": "The app is disconnected: its next call gets 403.",
    "expired": "The access token has expired: the next call gets 401, and renewing helps.",
    "revoked": "All tokens are revoked: only connecting again helps.",
    "ordered": "The fault is on order.",
    "cleared": "No fault is on order any more, and none comes by chance.",
    "random": "From now on calls fail by chance.",
    "set": "Saved.",
    "made": "The organisation is there.",
    "reset": "Everything has started over. Connect the app again.",
}


def _pay(organisation: Organisation, sent: dict[str, Any]) -> str:
    invoice = _invoice(organisation, sent)
    settlement.pay(invoice, invoice.amount_due)
    return "paid"


def _edit(organisation: Organisation, sent: dict[str, Any]) -> str:
    invoice = _invoice(organisation, sent)
    due = (invoice.due_date or invoice.date) + dt.timedelta(days=7)
    reference = f"{invoice.reference.removesuffix(_EDITED)[:200]}{_EDITED}"
    people.edit(invoice, {"Reference": reference, "DueDate": due.isoformat()})
    return "edited"


_EDITED = " (edited in Xero)"


def _void(organisation: Organisation, sent: dict[str, Any]) -> str:
    settlement.void(_invoice(organisation, sent))
    return "voided"


def _invoice(organisation: Organisation, sent: dict[str, Any]) -> Invoice:
    rows = Invoice.objects.select_related("organisation")
    return get_object_or_404(rows, organisation=organisation, invoice_id=sent["record"])


def _archive(organisation: Organisation, sent: dict[str, Any]) -> str:
    people.archive(get_object_or_404(Contact, organisation=organisation, contact_id=sent["record"]))
    return "archived"


def _customers_pay(organisation: Organisation, _: dict[str, Any]) -> str:
    return "customers_paid" if people.customers_pay(organisation) else "nothing_to_pay"


def _lock(organisation: Organisation, sent: dict[str, Any]) -> str:
    organisation.period_lock_date = sent["period_lock_date"]
    organisation.end_of_year_lock_date = sent["end_of_year_lock_date"]
    organisation.save()
    return "locked"


def _disconnect(organisation: Organisation, _: dict[str, Any]) -> str:
    Connection.objects.filter(organisation=organisation).delete()
    return "disconnected"


def _expire(_: Organisation, __: dict[str, Any]) -> str:
    AccessToken.objects.update(expires_at=clock.now())
    return "expired"


def _revoke(_: Organisation, __: dict[str, Any]) -> str:
    faults.end_tokens(seed.register_app())
    return "revoked"


def _order(_: Organisation, sent: dict[str, Any]) -> str:
    try:
        faults.order({name: value for name, value in sent.items() if value not in (None, "")})
    except ValueError as error:
        raise settlement.Refused(str(error)) from error
    return "ordered"


def _clear(_: Organisation, __: dict[str, Any]) -> str:
    Fault.objects.all().delete()
    RANDOM_FAULTS.stop()
    return "cleared"


def _random(_: Organisation, sent: dict[str, Any]) -> str:
    # Nobody at a console wants to wait half a minute for each lost answer.
    RANDOM_FAULTS.start(sent["percent"], seed=sent["seed"], settings={"seconds": 5, "commit_after": 10})
    return "random"


def _set(_: Organisation, sent: dict[str, Any]) -> str:
    grace = 0 if sent["strict_rotation"] else type(CONTROLS)().refresh_grace_seconds
    CONTROLS.change({name: sent[name] for name in ("limits", "gzip", "latency_ms")} | {"refresh_grace_seconds": grace})
    CONTROLS.settle_in(sent["settle_seconds"])
    return "set"


def _make(_: Organisation, sent: dict[str, Any]) -> str:
    if Organisation.objects.filter(name=sent["name"]).exists():
        raise settlement.Refused("There is an organisation of that name already.")
    seed.make_organisation(seed.Spec(sent["name"], sent["region"]))
    return "made"


def _reset(_: Organisation, sent: dict[str, Any]) -> str:
    restart.start_over(restart.standard(sent["region"]))
    return "reset"


ACTIONS: dict[str, tuple[type[forms.Form], Callable[[Organisation, dict[str, Any]], str]]] = {
    "pay": (RecordForm, _pay),
    "edit": (RecordForm, _edit),
    "void": (RecordForm, _void),
    "archive": (RecordForm, _archive),
    "customers-pay": (NoForm, _customers_pay),
    "lock": (LockForm, _lock),
    "disconnect": (NoForm, _disconnect),
    "expire": (NoForm, _expire),
    "revoke": (NoForm, _revoke),
    "fault": (FaultForm, _order),
    "clear": (NoForm, _clear),
    "random": (RandomForm, _random),
    "settings": (SettingsForm, _set),
    "make": (NewForm, _make),
    "reset": (RegionForm, _reset),
}


@require_GET
def console(request: HttpRequest) -> HttpResponse:
    return _console(request, _chosen(request.GET.get("organisation", "")))


@require_POST
def act(request: HttpRequest, action: str) -> HttpResponse:
    """Do what a button says, and show the console again."""
    with transaction.atomic(using=ALIAS):
        organisation = _chosen(request.POST.get("organisation", ""))
        form_class, do = ACTIONS[action]
        form = form_class(request.POST)
        if organisation is None and action != "reset":
            return _console(request, None, problem="There is no organisation. Reset makes some.", status=422)
        if not form.is_valid():
            return _console(request, organisation, wrong={action: form}, problem=PLEASE_CHECK, status=422)
        try:
            with transaction.atomic(using=ALIAS):
                said = do(organisation or Organisation(), form.cleaned_data)
        except settlement.Refused as refusal:
            return _console(request, organisation, problem=str(refusal), status=422)
    stays = {"organisation": organisation.short_code} if organisation and action != "reset" else {}
    told = {"said": said, **stays}
    return HttpResponseRedirect(f"{reverse('xero_simulator:console')}?{urlencode(told)}")


PLEASE_CHECK = "Please check what is marked below."


def _chosen(short_code: str) -> Organisation | None:
    rows = Organisation.objects.order_by("pk")
    return rows.filter(short_code=short_code).first() or rows.first()


def _console(
    request: HttpRequest,
    organisation: Organisation | None,
    *,
    wrong: dict[str, forms.Form] | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    grace = CONTROLS.refresh_grace_seconds
    settings = {
        **vars(CONTROLS),
        "strict_rotation": grace == 0,
        "settle_seconds": max(1, SETTLE_SECONDS * 100 // CONTROLS.clock_scale),
    }
    shown: dict[str, forms.Form] = {
        "lock": LockForm(initial=vars(organisation) if organisation else None),
        "fault": FaultForm(),
        "random": RandomForm(),
        "settings": SettingsForm(initial=settings),
        "make": NewForm(),
        "reset": RegionForm(initial={"region": organisation.version if organisation else "UK"}),
        **(wrong or {}),
    }
    context = {
        "forms": shown,
        **_books(organisation),
        "organisation": organisation,
        "organisations": Organisation.objects.order_by("pk"),
        "said": SAID.get(request.GET.get("said", "")) if request.method == "GET" else None,
        "problem": problem,
        "faults": _faults(),
        "chance": RANDOM_FAULTS.report(),
        "controls": CONTROLS,
        "counts": LIMITER.report(),
        "writes": Write.objects.order_by("-pk")[:RECENT],
    }
    return render(request, "xero_simulator/console.html", context, status=status)


def _books(organisation: Organisation | None) -> dict[str, Any]:
    if organisation is None:
        return {}
    live = organisation.invoices.exclude(status__in=("DELETED", "VOIDED")).select_related("contact")
    return {
        "invoices": live.order_by("-updated", "-pk")[:RECENT],
        "contacts": organisation.contacts.filter(status="ACTIVE").order_by("-updated", "-pk")[:RECENT],
        "connected": Connection.objects.filter(organisation=organisation).exists(),
    }


def _is_over(fault: Fault) -> bool:
    if fault.for_seconds:
        return bool(fault.until and fault.until <= clock.now())
    return fault.fired >= fault.times


def _faults() -> list[dict[str, Any]]:
    words = {kind.name: kind.words for kind in KINDS}
    return [
        {
            "words": words.get(fault.what, fault.what),
            "where": fault.endpoint or "anywhere",
            "method": fault.method or "any call",
            "fault": fault,
            "over": _is_over(fault),
        }
        for fault in Fault.objects.order_by("pk")
    ]
