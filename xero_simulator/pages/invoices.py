from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from xero_simulator import clock, people, settlement
from xero_simulator.models import Invoice, Organisation, Payment
from xero_simulator.models.contacts import fold_accents
from xero_simulator.pages.shell import of_organisation, paged, said, show


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
        "page": paged(request, rows),
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


class EditForm(forms.Form):
    reference = forms.CharField(max_length=255, required=False)
    due_date = forms.DateField()


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


def _edit(invoice: Invoice, sent: dict[str, Any]) -> str:
    people.edit(invoice, {"Reference": sent["reference"], "DueDate": sent["due_date"].isoformat()})
    return "saved"


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
    "edit": (EditForm, _edit),
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
