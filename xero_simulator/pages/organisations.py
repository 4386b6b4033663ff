from __future__ import annotations

import uuid
from decimal import Decimal

from django import forms
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from xero_simulator import people
from xero_simulator.models import Connection, Organisation
from xero_simulator.pages.shell import of_organisation, said, show


class LockForm(forms.Form):
    period_lock_date = forms.DateField(required=False, label="Stop all users from changes up to")
    end_of_year_lock_date = forms.DateField(required=False, label="Stop everybody, advisers too, up to")


@require_GET
def organisations(request: HttpRequest) -> HttpResponse:
    rows = Organisation.objects.order_by("pk")
    return render(request, "xero_simulator/organisations.html", {"organisations": rows})


@require_GET
@of_organisation
def overview(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    return _overview(request, organisation, LockForm(initial=vars(organisation)))


def _overview(request: HttpRequest, organisation: Organisation, form: LockForm, status: int = 200) -> HttpResponse:
    by_status = {
        row["status"]: row
        for row in organisation.invoices.values("status").annotate(count=Count("pk"), due=Sum("amount_due"))
    }
    context = {
        "statuses": [
            by_status.get(name, {"status": name, "count": 0, "due": Decimal(0)})
            for name in ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID")
        ],
        "lock_form": form,
        "connections": Connection.objects.filter(organisation=organisation).select_related("app"),
    }
    return show(request, "overview", organisation, context, status)


@require_POST
@of_organisation
def lock(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = LockForm(request.POST)
    if not form.is_valid():
        return _overview(request, organisation, form, 422)
    for name, day in form.cleaned_data.items():
        setattr(organisation, name, day)
    organisation.save()
    return said("locked", "overview", organisation)


@require_POST
@of_organisation
def customers_pay(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    payments = people.customers_pay(organisation)
    return said("customers_paid" if payments else "nothing_to_pay", "overview", organisation)


@require_POST
@of_organisation
def disconnect(request: HttpRequest, organisation: Organisation, connection_id: uuid.UUID) -> HttpResponse:
    Connection.objects.filter(organisation=organisation, connection_id=connection_id).delete()
    return said("disconnected", "overview", organisation)
