from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from xero_simulator import people, settlement
from xero_simulator.models import Contact, Organisation
from xero_simulator.models.contacts import fold, fold_accents
from xero_simulator.pages.shell import PER_PAGE, of_organisation, paged, said, show
from xero_simulator.router import ALIAS


@require_GET
@of_organisation
def contacts(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    term, archived = request.GET.get("q", "").strip(), request.GET.get("archived") == "1"
    rows = organisation.contacts.filter(status="ARCHIVED" if archived else "ACTIVE").order_by("folded_name", "pk")
    if term:
        rows = rows.filter(Q(search_name__contains=fold_accents(term)) | Q(email__icontains=term))
    context = {"page": paged(request, rows), "term": term, "archived": archived}
    return show(request, "contacts", organisation, context)


@require_GET
@of_organisation
def contact(request: HttpRequest, organisation: Organisation, contact_id: uuid.UUID) -> HttpResponse:
    return _contact(request, get_object_or_404(Contact, organisation=organisation, contact_id=contact_id))


class NoForm(forms.Form):
    """A button alone."""


class EditForm(forms.Form):
    name = forms.CharField(max_length=255)
    sales_tax_type = forms.CharField(max_length=50, required=False)
    website = forms.CharField(max_length=255, required=False)


class MergeForm(forms.Form):
    into = forms.CharField(max_length=255)


def _archive(contact: Contact, _: dict[str, Any]) -> str:
    people.archive(contact)
    return "archived"


def _restore(contact: Contact, _: dict[str, Any]) -> str:
    people.restore(contact)
    return "restored"


def _edit(contact: Contact, sent: dict[str, Any]) -> str:
    people.rename(contact, sent["name"])
    people.set_sales_tax(contact, sent["sales_tax_type"])
    people.set_website(contact, sent["website"])
    return "saved"


def _merge(contact: Contact, sent: dict[str, Any]) -> str:
    into = contact.organisation.contacts.filter(folded_name=fold(sent["into"]), status="ACTIVE").first()
    if into is None:
        raise settlement.Refused(f"There is no active contact named {sent['into']}.")
    people.merge(contact, into)
    return "merged"


CONTACT_ACTIONS: dict[str, tuple[type[forms.Form], Callable[[Contact, dict[str, Any]], str]]] = {
    "archive": (NoForm, _archive),
    "restore": (NoForm, _restore),
    "edit": (EditForm, _edit),
    "merge": (MergeForm, _merge),
}


@require_POST
@of_organisation
def contact_action(
    request: HttpRequest, organisation: Organisation, contact_id: uuid.UUID, action: str
) -> HttpResponse:
    rows = Contact.objects.select_related("organisation")
    found = get_object_or_404(rows, organisation=organisation, contact_id=contact_id)
    form_class, act = CONTACT_ACTIONS[action]
    form = form_class(request.POST)
    if not form.is_valid():
        return _contact(request, found, problem="A name is needed, of at most 255 characters.", status=422)
    try:
        with transaction.atomic(using=ALIAS):
            key = act(found, form.cleaned_data)
    except settlement.Refused as refusal:
        found.refresh_from_db()
        return _contact(request, found, problem=str(refusal), status=422)
    return said(key, "contact", organisation, contact_id=contact_id)


def _contact(request: HttpRequest, found: Contact, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "contact": found,
        "addresses": [(kind, [part for part in lines.values() if part]) for kind, lines in found.addresses.items()],
        "phones": [(kind, " ".join(part for part in _dialled(phone) if part)) for kind, phone in found.phones.items()],
        "invoices": found.invoices.exclude(status="DELETED").order_by("-date", "-pk")[:PER_PAGE],
        "sales_taxes": [
            rate
            for rate in found.organisation.tax_rates.filter(status="ACTIVE").order_by("name")
            if "Revenue" in rate.can_apply_to
        ],
        "problem": problem,
    }
    return show(request, "contacts_one", found.organisation, context, status)


def _dialled(phone: dict[str, str]) -> list[str]:
    return [phone.get(name, "") for name in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")]
