"""The control API: what tests and benchmarks ask of the simulator. No part of Xero.

Everything takes and answers JSON. Where an organisation is meant, `organisation` is its name, tenant id or
short code; without it, the first one. Invoices, contacts and payments are named by id, number or name.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable
from decimal import InvalidOperation
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from xero_simulator import settlement
from xero_simulator.api import wire
from xero_simulator.api.base import uuid_or_none
from xero_simulator.models import Contact, Invoice, Organisation, Payment
from xero_simulator.router import ALIAS

Json = dict[str, Any]


class ControlError(Exception):
    """The request cannot be carried out; the text says why."""


def control(method: str) -> Callable[[Callable[[Json], Json]], Callable[..., HttpResponse]]:
    """Make a view of a function that takes the request's JSON (or query) and returns the answer's."""

    def decorate(action: Callable[[Json], Json]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @functools.wraps(action)
        def view(request: HttpRequest) -> HttpResponse:
            if request.method != method:
                return _json({"error": f"Use {method}"}, 405)
            try:
                if method == "GET":
                    return _json(action(request.GET.dict()))
                with transaction.atomic(using=ALIAS):
                    return _json(action(json.loads(request.body or b"{}")))
            except (ControlError, settlement.Refused) as error:
                return _json({"error": str(error)}, 400)
            except (ValueError, TypeError, KeyError, InvalidOperation, FieldError, ValidationError) as error:
                return _json({"error": f"{type(error).__name__}: {error}"}, 400)

        return view

    return decorate


def _json(payload: Json, status: int = 200) -> HttpResponse:
    return HttpResponse(wire.dumps(payload), status=status, content_type="application/json")


def organisation_meant(sent: Json) -> Organisation:
    rows = Organisation.objects.order_by("pk")
    if wanted := sent.get("organisation"):
        tenant = uuid_or_none(wanted)
        rows = rows.filter(Q(tenant_id=tenant) if tenant else Q(name=wanted) | Q(short_code=wanted))
    if (found := rows.first()) is None:
        raise ControlError("No such organisation")
    return found


def _named(rows: QuerySet[Any], names: list[str], id_column: str, *columns: str) -> list[Any]:
    """Return the one row that each name or id means, in the order given."""
    found = []
    for name in names:
        wanted = Q(**{id_column: uuid_or_none(name)}) if uuid_or_none(name) else Q()
        if not uuid_or_none(name):
            for column in columns:
                wanted |= Q(**{column: name})
        # The latest: a number or a name may have been used before.
        row = rows.filter(wanted).order_by("-pk").first()
        if row is None:
            raise ControlError(f"'{name}' is not known")
        found.append(row)
    return found


def invoices_meant(sent: Json) -> list[Invoice]:
    rows = Invoice.objects.filter(organisation=organisation_meant(sent)).select_related("organisation", "contact")
    return _named(rows, sent["invoices"], "invoice_id", "number")


def contacts_meant(sent: Json) -> list[Contact]:
    rows = Contact.objects.filter(organisation=organisation_meant(sent)).select_related("organisation")
    return _named(rows, sent["contacts"], "contact_id", "name", "contact_number")


def parse_day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def organisation_json(row: Organisation) -> Json:
    return {
        "name": row.name,
        "tenant_id": str(row.tenant_id),
        "short_code": row.short_code,
        "country": row.country_code,
        "version": row.version,
        "multicurrency": row.multicurrency,
        "base_currency": row.base_currency,
        "currencies": sorted(row.currencies.values_list("code", flat=True)),
        "period_lock_date": row.period_lock_date,
        "end_of_year_lock_date": row.end_of_year_lock_date,
        "plan": row.plan,
        "edition": row.edition,
        "approval_limit": row.approval_limit,
        "voided_numbers_stay_used": row.voided_numbers_stay_used,
    }


def invoice_json(row: Invoice) -> Json:
    return {
        "invoice_id": str(row.invoice_id),
        "number": row.number,
        "status": row.status,
        "total": row.total,
        "amount_due": row.amount_due,
    }


def payment_json(row: Payment) -> Json:
    return {
        "payment_id": str(row.payment_id),
        "invoice_id": str(row.invoice.invoice_id) if row.invoice else None,
        "invoice_number": row.invoice.number if row.invoice else None,
        "amount": row.amount,
        "date": row.date,
        "status": row.status,
        "batch_payment_id": row.batch_payment_id,
    }


def contact_json(row: Contact) -> Json:
    return {"contact_id": str(row.contact_id), "name": row.name, "status": row.status}
