"""Accounts: who the customers are."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from bmsxero.history import history_of
from bmsxero.listing import Action, Badge, Column, Empty, Listing
from bmsxero.roles import READERS, WRITERS, allow
from bmsxero.xero_state import COLUMNS as XERO_COLUMNS
from bmsxero.xero_state import XeroFilter
from crm.forms import AccountForm, MainSiteForm
from crm.models import Account, Site
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
    empty=Empty(
        "No accounts yet",
        "An account is a customer. Xero calls it a contact.",
        icon="users",
        actions=(Action("New account", reverse_lazy("crm:new_account"), icon="plus", roles=WRITERS),),
    ),
    sort="name",
    filter=AccountFilter,
)


NAMESAKE = "Xero matches contacts by name, so exporting the second one will ask you which contact it is."


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
    past = history_of(request, Account.history.filter(id=pk), Site.history.filter(account=pk))
    return render(request, "crm/account.html", {"account": found, "history": past})


@allow(*WRITERS)
def new_account(request: HttpRequest) -> HttpResponse:
    return _edit(request, Account(), Site(name="Main", is_main=True))


@allow(*WRITERS)
def edit_account(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Account.objects.prefetch_related("sites"), pk=pk)
    return _edit(request, found, found.main_site or Site(name="Main", is_main=True, account=found))


def _edit(request: HttpRequest, account: Account, site: Site) -> HttpResponse:
    title = account.name or "New account"
    form = AccountForm(request.POST or None, instance=account)
    site_form = MainSiteForm(request.POST or None, instance=site, prefix="site")
    if request.method == "POST" and form.is_valid() & site_form.is_valid():
        with transaction.atomic():
            site_form.instance.account = form.save()
            site_form.save()
        messages.success(request, f"{account} is saved.")
        if namesake := form.namesake():
            messages.warning(request, f"Another account is called {namesake}, too. {NAMESAKE}")
        return redirect(account)
    return render(request, "crm/account_form.html", {"title": title, "form": form, "site_form": site_form})
