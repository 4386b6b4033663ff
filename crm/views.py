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
from django.views.decorators.http import require_POST

from bmsxero import history
from bmsxero.history import history_of
from bmsxero.listing import Action, Badge, Column, Empty, Listing, Selection
from bmsxero.roles import READERS, WRITERS, allow, who
from bmsxero.xero_state import COLUMNS as XERO_COLUMNS
from bmsxero.xero_state import XeroFilter
from crm import sites
from crm.forms import AccountForm, SiteForm
from crm.models import Account, Site
from finance.balances import balance_sums, with_balances
from xero_sync.links import annotate_state, linked_by


class AccountFilter(XeroFilter):
    q = forms.CharField(label="Name or code", required=False, max_length=200, widget=forms.SearchInput)
    active = forms.ChoiceField(
        label="State", required=False, choices=[("", "All"), ("yes", "Active"), ("no", "Inactive")]
    )

    job = forms.IntegerField(
        label="Created by Job#",
        required=False,
        min_value=1,
        max_value=10**15,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )

    field_order = ("q", "active", "xero", "job")

    def narrow(self, rows: QuerySet[Account]) -> QuerySet[Account]:
        rows = super().narrow(rows)
        if text := self.cleaned_data["q"].strip():
            rows = rows.filter(Q(name__icontains=text) | Q(code__icontains=text))
        if wanted := self.cleaned_data["active"]:
            rows = rows.filter(active=wanted == "yes")
        if job := self.cleaned_data["job"]:
            rows = rows.filter(uuid__in=linked_by(job, "contacts"))
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
        Column("balance_due", "Balance due", cell="crm/cells/balance.html", sort=("balance_due",), align="end"),
        Column("currencies", "Currencies of the balance", screen=False),
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


SELECTION = Selection(label=lambda account: f"account {account.name}")


def _accounts() -> QuerySet[Account]:
    return with_balances(annotate_state(Account.objects.select_related("sales_tax"), "contacts"))


@allow(*READERS)
def accounts(request: HttpRequest) -> HttpResponse:
    rows = _accounts()
    selection = SELECTION if who(request.user).writes else None
    grid = ACCOUNTS.grid(request, rows, selection=selection, csv_url=reverse("crm:accounts_csv"))
    grid.sums = balance_sums(ACCOUNTS.matching(request, rows)[0])
    return render(request, "crm/accounts.html", {"grid": grid})


@allow(*READERS)
def accounts_csv(request: HttpRequest) -> HttpResponseBase:
    return ACCOUNTS.csv(request, _accounts(), f"accounts-{timezone.localdate()}.csv")


@allow(*READERS)
def account(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_accounts().prefetch_related("sites"), pk=pk)
    context = {
        "account": found,
        "namesake": Account.objects.filter(name__iexact=found.name).exclude(pk=pk).first(),
        "history": history_of(request, Account.history.filter(id=pk), Site.history.filter(account=pk)),
    }
    return render(request, "crm/account.html", context)


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
    site_form = SiteForm(request.POST or None, instance=site, prefix="site")
    if request.method == "POST" and form.is_valid() & site_form.is_valid():
        with transaction.atomic():
            history.begin([account] if account.pk else [])
            history.begin([site] if site.pk else [])
            site_form.instance.account = form.save()
            site_form.save()
        messages.success(request, f"{account} is saved.")
        if namesake := form.namesake():
            messages.warning(request, f"Another account is called {namesake}, too. {NAMESAKE}")
        return redirect(account)
    return render(request, "crm/account_form.html", {"title": title, "form": form, "site_form": site_form})


@allow(*WRITERS)
@require_POST
def set_active(request: HttpRequest, pk: int) -> HttpResponse:
    wanted = request.POST.get("active") == "yes"
    with transaction.atomic():
        found = get_object_or_404(Account.objects.select_for_update(), pk=pk)
        if found.active != wanted:
            history.begin([found])
            found.active = wanted
            found.save(update_fields=["active", "updated"])
    messages.success(request, f"{found} is {'active' if wanted else 'inactive'} now.")
    return redirect(found)


# --- sites


@allow(*WRITERS)
def new_site(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Account.objects.prefetch_related("sites"), pk=pk)
    return _edit_site(request, Site(account=found, is_main=found.main_site is None))


@allow(*WRITERS)
def edit_site(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit_site(request, get_object_or_404(Site.objects.select_related("account"), pk=pk))


def _edit_site(request: HttpRequest, site: Site) -> HttpResponse:
    title = site.name
    form = SiteForm(request.POST or None, instance=site)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            history.begin([site] if site.pk else [])
            form.save()
        messages.success(request, f"The site {site} is saved.")
        return redirect(f"{site.account.get_absolute_url()}#sites")
    context = {"form": form, "account": site.account, "title": title}
    return render(request, "crm/site_form.html", context, status=400 if form.errors else 200)


@allow(*WRITERS)
@require_POST
def make_main(request: HttpRequest, pk: int) -> HttpResponse:
    site = get_object_or_404(Site.objects.select_related("account"), pk=pk)
    sites.make_main(site)
    messages.success(request, f"{site} is the main site now. Its billing address goes to Xero.")
    return redirect(f"{site.account.get_absolute_url()}#sites")


@allow(*WRITERS)
@require_POST
def delete_site(request: HttpRequest, pk: int) -> HttpResponse:
    with transaction.atomic():
        site = get_object_or_404(Site.objects.select_for_update(of=("self",)).select_related("account"), pk=pk)
        reason = sites.why_not_delete(site)
        if not reason:
            site.delete()
    if reason:
        messages.error(request, f"The site {site} was not deleted. {reason}")
    else:
        messages.success(request, f"The site {site} is deleted.")
    return redirect(f"{site.account.get_absolute_url()}#sites")
