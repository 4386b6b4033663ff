"""Pages that look like Xero's, for people: the places that links in the product lead to."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from xero_simulator import clock, people, settlement
from xero_simulator.models import Account, Connection, Contact, Invoice, InvoiceLine, Item, Organisation, Payment
from xero_simulator.models.contacts import fold_accents
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


def _page(request: HttpRequest, rows: QuerySet[Any]) -> Page[Any]:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


# --- organisation


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


# --- invoices


@require_GET
@of_organisation
def invoices(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    status, term = request.GET.get("status", ""), request.GET.get("q", "").strip()
    rows = organisation.invoices.select_related("contact").order_by("-date", "-pk")
    rows = rows.filter(status=status) if status else rows.exclude(status="DELETED")
    if term:
        rows = rows.filter(
            Q(number__icontains=term)
            | Q(reference__icontains=term)
            | Q(contact__search_name__contains=fold_accents(term))
        )
    context = {
        "page": _page(request, rows),
        "status": status,
        "term": term,
        "today": clock.today(),
        "tabs": ["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED"],
    }
    return show(request, "invoices", organisation, context)


class PayForm(forms.Form):
    amount = forms.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal("0.01"))
    date = forms.DateField()
    reference = forms.CharField(max_length=255, required=False)


class CreditForm(forms.Form):
    amount = forms.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal("0.01"))


class PaymentForm(forms.Form):
    payment = forms.UUIDField()


class NoForm(forms.Form):
    """A button alone."""


def _approve(invoice: Invoice, _: dict[str, Any]) -> str:
    people.approve(invoice)
    return "approved"


def _pay(invoice: Invoice, sent: dict[str, Any]) -> str:
    settlement.pay(invoice, sent["amount"], date=sent["date"], reference=sent["reference"])
    return "paid"


def _credit(invoice: Invoice, sent: dict[str, Any]) -> str:
    settlement.credit(invoice, sent["amount"])
    return "credited"


def _void(invoice: Invoice, _: dict[str, Any]) -> str:
    settlement.void(invoice)
    return "voided"


def _remove_payment(invoice: Invoice, sent: dict[str, Any]) -> str:
    payment = get_object_or_404(Payment, invoice=invoice, payment_id=sent["payment"])
    payment.invoice = invoice
    settlement.remove_payment(payment)
    return "removed"


INVOICE_ACTIONS: dict[str, tuple[type[forms.Form], Callable[[Invoice, dict[str, Any]], str]]] = {
    "approve": (NoForm, _approve),
    "pay": (PayForm, _pay),
    "remove-payment": (PaymentForm, _remove_payment),
    "credit": (CreditForm, _credit),
    "void": (NoForm, _void),
}


@require_GET
@of_organisation
def invoice(request: HttpRequest, organisation: Organisation, invoice_id: uuid.UUID) -> HttpResponse:
    return _invoice(request, _find_invoice(organisation, invoice_id))


@require_POST
@of_organisation
def invoice_action(
    request: HttpRequest, organisation: Organisation, invoice_id: uuid.UUID, action: str
) -> HttpResponse:
    found = _find_invoice(organisation, invoice_id)
    form_class, act = INVOICE_ACTIONS[action]
    form = form_class(request.POST)
    if not form.is_valid():
        return _invoice(request, found, problem="Please check the amount and the date.", status=422)
    try:
        key = act(found, form.cleaned_data)
    except settlement.Refused as refusal:
        return _invoice(request, _find_invoice(organisation, invoice_id), problem=str(refusal), status=422)
    return said(key, "invoice", organisation, invoice_id=invoice_id)


def _find_invoice(organisation: Organisation, invoice_id: uuid.UUID) -> Invoice:
    rows = Invoice.objects.select_related("organisation", "contact", "created_by")
    return get_object_or_404(rows, organisation=organisation, invoice_id=invoice_id)


def _invoice(request: HttpRequest, found: Invoice, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "invoice": found,
        "payments": found.payments.order_by("date", "pk"),
        "credits": found.allocations.select_related("credit_note").order_by("pk"),
        "problem": problem,
        "today": clock.today(),
        "can_approve": found.status in ("DRAFT", "SUBMITTED"),
        "can_void": found.status not in ("VOIDED", "DELETED"),
        "overdue": found.status == "AUTHORISED" and found.due_date and found.due_date < clock.today(),
    }
    return show(request, "invoices_one", found.organisation, context, status)


# --- contacts


@require_GET
@of_organisation
def contacts(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    term, archived = request.GET.get("q", "").strip(), request.GET.get("archived") == "1"
    rows = organisation.contacts.filter(status="ARCHIVED" if archived else "ACTIVE").order_by("folded_name", "pk")
    if term:
        rows = rows.filter(Q(search_name__contains=fold_accents(term)) | Q(email__icontains=term))
    context = {"page": _page(request, rows), "term": term, "archived": archived}
    return show(request, "contacts", organisation, context)


@require_GET
@of_organisation
def contact(request: HttpRequest, organisation: Organisation, contact_id: uuid.UUID) -> HttpResponse:
    return _contact(request, get_object_or_404(Contact, organisation=organisation, contact_id=contact_id))


@require_POST
@of_organisation
def contact_status(
    request: HttpRequest, organisation: Organisation, contact_id: uuid.UUID, action: str
) -> HttpResponse:
    found = get_object_or_404(Contact, organisation=organisation, contact_id=contact_id)
    try:
        (people.archive if action == "archive" else people.restore)(found)
    except settlement.Refused as refusal:
        return _contact(request, found, problem=str(refusal), status=422)
    return said(f"{action}d", "contact", organisation, contact_id=contact_id)


def _contact(request: HttpRequest, found: Contact, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "contact": found,
        "addresses": [(kind, [part for part in lines.values() if part]) for kind, lines in found.addresses.items()],
        "phones": [(kind, " ".join(part for part in _dialled(phone) if part)) for kind, phone in found.phones.items()],
        "invoices": found.invoices.exclude(status="DELETED").order_by("-date", "-pk")[:PER_PAGE],
        "problem": problem,
    }
    return show(request, "contacts_one", found.organisation, context, status)


def _dialled(phone: dict[str, str]) -> list[str]:
    return [phone.get(name, "") for name in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")]


# --- settings


@require_GET
@of_organisation
def items(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    return _items(request, organisation)


@require_POST
@of_organisation
def delete_item(request: HttpRequest, organisation: Organisation, item_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(Item, organisation=organisation, item_id=item_id)
    if InvoiceLine.objects.filter(invoice__organisation=organisation, item_code=found.code).exists():
        return _items(request, organisation, problem=f"{found.code} is used on an invoice.", status=422)
    found.delete()
    return said("deleted", "items", organisation)


def _items(request: HttpRequest, organisation: Organisation, *, problem: str = "", status: int = 200) -> HttpResponse:
    term = request.GET.get("q", "").strip()
    rows = organisation.items.order_by("folded_code")
    if term:
        rows = rows.filter(Q(code__icontains=term) | Q(name__icontains=term))
    context = {"page": _page(request, rows), "term": term, "problem": problem}
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
    found.status = "ARCHIVED" if action == "archive" else "ACTIVE"
    found.updated = clock.now()
    found.save()
    return said(f"{action}d", "accounts", organisation)


@require_GET
@of_organisation
def taxes(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    rows = organisation.tax_rates.exclude(status="DELETED").order_by("name")
    return show(request, "taxes", organisation, {"rates": rows})
