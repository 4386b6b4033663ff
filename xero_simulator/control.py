"""The control API: what tests and benchmarks ask of the simulator. No part of Xero.

Everything takes and answers JSON. Where an organisation is meant, `organisation` is its name, tenant id or
short code; without it, the first one. Invoices, contacts and payments are named by id, number or name.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from xero_simulator import clock, faults, people, seed, settlement, tokens
from xero_simulator.api import wire
from xero_simulator.api.base import uuid_or_none
from xero_simulator.books import CURRENCIES
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.models import (
    AccessToken,
    App,
    Connection,
    Contact,
    Currency,
    Fault,
    Invoice,
    Item,
    Organisation,
    Payment,
    RefreshToken,
    Write,
)
from xero_simulator.router import ALIAS

Json = dict[str, Any]
SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments"
)


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


# --- the whole simulator


@control("POST")
def reset(sent: Json) -> Json:
    """Start over: empty books, the standard organisations or those given, limits as wanted."""
    seed.empty()
    CONTROLS.reset()
    LIMITER.reset()
    CONTROLS.change({name: sent[name] for name in ("limits", "latency_ms") if name in sent})
    app = seed.register_app()
    specs = [_spec(each) for each in sent["organisations"]] if "organisations" in sent else seed.STANDARD
    made = [seed.make_organisation(spec) for spec in specs]
    return {
        "organisations": [_organisation_json(each) for each in made],
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "redirect_uris": app.redirect_uris,
    }


def _spec(sent: Json) -> seed.Spec:
    return seed.Spec(**{**sent, "currencies": tuple(sent.get("currencies", ()))})


@control("POST")
def redirect_uris(sent: Json) -> Json:
    app = App.objects.get(client_id=sent["client_id"]) if "client_id" in sent else seed.register_app()
    if sent["redirect_uri"] not in app.redirect_uris:
        app.redirect_uris.append(sent["redirect_uri"])
        app.save()
    return {"redirect_uris": app.redirect_uris}


@control("POST")
def clock_(sent: Json) -> Json:
    CONTROLS.clock_offset += int(sent.pop("advance_seconds", 0))
    CONTROLS.change(sent)
    return {"now": clock.now().isoformat(), "clock_offset": CONTROLS.clock_offset}


@control("POST")
def limits(sent: Json) -> Json:
    CONTROLS.change(sent)
    return vars(CONTROLS)


@control("POST")
def order_faults(sent: Json) -> Json:
    """Add faults to those on order; `clear` forgets the earlier ones first."""
    if sent.get("clear"):
        Fault.objects.all().delete()
    for each in sent.get("faults", []):
        if each["what"] not in faults.KNOWN:
            raise ControlError(f"Known faults: {', '.join(sorted(faults.KNOWN))}")
        named = {name: each.pop(name) for name in ("what", "method", "endpoint", "nth", "times") if name in each}
        Fault.objects.create(**named, settings=each)
    return {"faults": list(Fault.objects.order_by("pk").values())}


@control("GET")
def ledger(sent: Json) -> Json:
    """Return every write with its effect, and how the calls came in."""
    rows = Write.objects.filter(pk__gt=int(sent.get("after", 0))).order_by("pk").values()
    return {
        **LIMITER.report(),
        "writes": [{**row, "received_at": row["received_at"].isoformat()} for row in rows],
    }


@control("GET")
def calls(_: Json) -> Json:
    """Return how the calls came in, without the writes."""
    return LIMITER.report()


@control("POST")
def clear_ledger(_: Json) -> Json:
    Write.objects.all().delete()
    LIMITER.reset()
    return {}


@control("POST")
def token(sent: Json) -> Json:
    """Connect an organisation without a browser and return the token set."""
    app, organisation = seed.register_app(), _organisation(sent)
    code = tokens.allow(app, organisation, sent.get("scope", SCOPES).split(), redirect_uri="about:blank")
    answer = tokens.issue(app, code.scopes, code.authentication_event_id)
    return {**answer, "tenant_id": str(organisation.tenant_id)}


@control("POST")
def expire_tokens(sent: Json) -> Json:
    """End access tokens (they expire) and, if asked, refresh tokens (invalid_grant)."""
    gone = {"access": AccessToken.objects.update(expires_at=clock.now())}
    if sent.get("refresh"):
        gone["refresh"] = RefreshToken.objects.update(expires_at=clock.now())
    return gone


@control("POST")
def disconnect(sent: Json) -> Json:
    """Disconnect the app as a person does under Settings > Connected apps."""
    gone, _ = Connection.objects.filter(organisation=_organisation(sent)).delete()
    return {"disconnected": gone}


# --- one organisation


@control("POST")
def organisation(sent: Json) -> Json:
    found = _organisation(sent)
    for code in sent.get("currencies", []):
        Currency.objects.get_or_create(
            organisation=found, code=code, defaults={"description": CURRENCIES.get(code, code)}
        )
    for name in ("period_lock_date", "end_of_year_lock_date"):
        if name in sent:
            setattr(found, name, _day(sent[name]))
    for name in ("plan", "edition", "approval_limit", "voided_numbers_stay_used"):
        if name in sent:
            setattr(found, name, sent[name])
    found.save()
    return _organisation_json(found)


@control("GET")
def organisations(_: Json) -> Json:
    return {"organisations": [_organisation_json(each) for each in Organisation.objects.order_by("pk")]}


@control("GET")
def books(sent: Json) -> Json:
    """Return what the organisation holds, for a checker: free of limits and not counted as calls."""
    found = _organisation(sent)
    columns: dict[str, tuple[type[Model], list[str]]] = {
        "invoices": (
            Invoice,
            ["invoice_id", "number", "reference", "url", "status", "currency_code", "total", "total_tax",
             "amount_due", "amount_paid", "amount_credited", "contact__contact_id", "contact__name"],
        ),
        "contacts": (Contact, ["contact_id", "name", "status", "contact_number", "account_number", "email"]),
        "items": (Item, ["item_id", "code", "name", "quantity_on_hand"]),
        "payments": (
            Payment,
            ["payment_id", "payment_type", "status", "date", "amount", "reference", "invoice__invoice_id",
             "invoice__number"],
        ),
    }  # fmt: skip
    return {
        name: list(model._default_manager.filter(organisation=found).order_by("pk").values(*names))
        for name, (model, names) in columns.items()
    }


# --- people


@control("POST")
def approve(sent: Json) -> Json:
    invoices = _invoices(sent)
    for invoice in invoices:
        people.approve(invoice)
    return {"invoices": [_invoice_json(invoice) for invoice in invoices]}


@control("POST")
def pay(sent: Json) -> Json:
    """Pay the invoices given, each in full or by `amount`; or `count` of the oldest open ones."""
    if "count" in sent:
        return {"payments": [_payment_json(row) for row in people.customers_pay(_organisation(sent), sent["count"])]}
    invoices, day = _invoices(sent), _day(sent.get("date"))
    if sent.get("batch"):
        payments = people.pay_batch(invoices, day)
    else:
        payments = [
            settlement.pay(
                invoice,
                Decimal(str(sent.get("amount", invoice.amount_due))),
                date=day,
                reference=sent.get("reference", ""),
            )
            for invoice in invoices
        ]
    return {"payments": [_payment_json(row) for row in payments]}


@control("POST")
def delete_payment(sent: Json) -> Json:
    ids = filter(None, map(uuid_or_none, sent["payments"]))
    rows = list(Payment.objects.filter(payment_id__in=ids).select_related("invoice__organisation"))
    for row in rows:
        settlement.remove_payment(row)
    return {"payments": [_payment_json(row) for row in rows]}


@control("POST")
def credit(sent: Json) -> Json:
    notes = [
        settlement.credit(invoice, Decimal(str(sent.get("amount", invoice.amount_due))), date=_day(sent.get("date")))
        for invoice in _invoices(sent)
    ]
    return {"credit_notes": [{"credit_note_id": str(n.credit_note_id), "number": n.number} for n in notes]}


@control("POST")
def refund(sent: Json) -> Json:
    [contact] = _contacts(sent)
    return {"payments": [_payment_json(people.refund(contact, Decimal(str(sent["amount"]))))]}


@control("POST")
def void(sent: Json) -> Json:
    invoices = _invoices(sent)
    for invoice in invoices:
        settlement.void(invoice)
    return {"invoices": [_invoice_json(invoice) for invoice in invoices]}


@control("POST")
def archive_contact(sent: Json) -> Json:
    contacts = _contacts(sent)
    for contact in contacts:
        (people.restore if sent.get("restore") else people.archive)(contact)
    return {"contacts": [_contact_json(contact) for contact in contacts]}


@control("POST")
def rename_contact(sent: Json) -> Json:
    [contact] = _contacts(sent)
    people.rename(contact, sent["name"])
    return {"contacts": [_contact_json(contact)]}


@control("POST")
def merge_contact(sent: Json) -> Json:
    [contact] = _contacts(sent)
    [into] = _contacts({**sent, "contacts": [sent["into"]]})
    people.merge(contact, into)
    return {"contacts": [_contact_json(contact), _contact_json(into)]}


@control("POST")
def delete_item(sent: Json) -> Json:
    codes = [code.casefold() for code in sent["items"]]
    gone, _ = Item.objects.filter(organisation=_organisation(sent), folded_code__in=codes).delete()
    return {"deleted": gone}


@control("POST")
def archive_account(sent: Json) -> Json:
    """Archive the accounts with these codes; `restore` brings them back."""
    status = "ACTIVE" if sent.get("restore") else "ARCHIVED"
    rows = _organisation(sent).accounts.filter(code__in=sent["accounts"])
    return {"changed": rows.update(status=status, updated=clock.now())}


# --- finding and showing


def _organisation(sent: Json) -> Organisation:
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


def _invoices(sent: Json) -> list[Invoice]:
    rows = Invoice.objects.filter(organisation=_organisation(sent)).select_related("organisation", "contact")
    return _named(rows, sent["invoices"], "invoice_id", "number")


def _contacts(sent: Json) -> list[Contact]:
    rows = Contact.objects.filter(organisation=_organisation(sent)).select_related("organisation")
    return _named(rows, sent["contacts"], "contact_id", "name", "contact_number")


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _organisation_json(row: Organisation) -> Json:
    return {
        "name": row.name,
        "tenant_id": str(row.tenant_id),
        "short_code": row.short_code,
        "country": row.country_code,
        "base_currency": row.base_currency,
        "currencies": sorted(row.currencies.values_list("code", flat=True)),
        "period_lock_date": row.period_lock_date,
        "end_of_year_lock_date": row.end_of_year_lock_date,
        "plan": row.plan,
        "edition": row.edition,
        "approval_limit": row.approval_limit,
        "voided_numbers_stay_used": row.voided_numbers_stay_used,
    }


def _invoice_json(row: Invoice) -> Json:
    return {
        "invoice_id": str(row.invoice_id),
        "number": row.number,
        "status": row.status,
        "total": row.total,
        "amount_due": row.amount_due,
    }


def _payment_json(row: Payment) -> Json:
    return {
        "payment_id": str(row.payment_id),
        "invoice_id": str(row.invoice.invoice_id) if row.invoice else None,
        "invoice_number": row.invoice.number if row.invoice else None,
        "amount": row.amount,
        "date": row.date,
        "status": row.status,
        "batch_payment_id": row.batch_payment_id,
    }


def _contact_json(row: Contact) -> Json:
    return {"contact_id": str(row.contact_id), "name": row.name, "status": row.status}
