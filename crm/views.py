"""Accounts: who the customers are."""

from __future__ import annotations

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from bmsxero.listing import Badge, Column, Empty, Listing
from bmsxero.roles import READERS, allow
from bmsxero.xero_state import COLUMNS as XERO_COLUMNS
from bmsxero.xero_state import XeroFilter
from crm.models import Account
from xero_sync.links import annotate_state


class AccountFilter(XeroFilter):
    q = forms.CharField(label="Name or code", required=False, max_length=200, widget=forms.SearchInput)
    active = forms.ChoiceField(
        label="State", required=False, choices=[("", "All"), ("yes", "Active"), ("no", "Inactive")]
    )

    field_order = ("q", "active", "xero")

    def narrow(self, rows: QuerySet[Account]) -> QuerySet[Account]:
        rows = super().narrow(rows)
        if text := self.cleaned_data["q"].strip():
            rows = rows.filter(Q(name__icontains=text) | Q(code__icontains=text))
        if wanted := self.cleaned_data["active"]:
            rows = rows.filter(active=wanted == "yes")
        return rows


def _state(account: Account) -> Badge | str:
    return "Active" if account.active else Badge("Inactive")


ACCOUNTS = Listing(
    caption="Accounts",
    columns=(
        Column("name", "Name", cell="link", sort=("name",)),
        Column("code", "Code", sort=("code",)),
        Column("active", "State", value=_state, cell="badge"),
        Column("default_currency", "Currency"),
        Column("taxable", "Taxable", cell="yes_no"),
        Column("sales_tax", "Sales tax"),
        *XERO_COLUMNS,
    ),
    empty=Empty("No accounts yet", "Import your contacts from Xero, or add an account here.", icon="users"),
    sort="name",
    filter=AccountFilter,
)


def _accounts() -> QuerySet[Account]:
    return annotate_state(Account.objects.select_related("sales_tax"), "contacts")


@allow(*READERS)
def accounts(request: HttpRequest) -> HttpResponse:
    rows = _accounts()
    grid = ACCOUNTS.grid(request, rows, csv_url=reverse("crm:accounts_csv"))
    return render(request, "crm/accounts.html", {"grid": grid})


@allow(*READERS)
def accounts_csv(request: HttpRequest) -> HttpResponseBase:
    return ACCOUNTS.csv(request, _accounts(), f"accounts-{timezone.localdate()}.csv")


@allow(*READERS)
def account(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_accounts().prefetch_related("sites"), pk=pk)
    return render(request, "crm/account.html", {"account": found})
