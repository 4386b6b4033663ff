"""Admin > Finance > Account Codes."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from bmsxero.history import begin, history_of
from bmsxero.listing import Action
from bmsxero.roles import ADMINS, READERS, allow, who
from finance.admin_forms import AccountCodeForm
from finance.admin_lists import ACCOUNT_CODES, xero_actions
from finance.models import AccountCode
from finance.usage import count_account_uses, uses_of_account_code
from finance.views import changes
from xero_sync.links import annotate_state

KIND = "account_codes"
PAGE = "finance_admin:account_code"
RENAMED = "Change it there, too, or items that use it can’t be exported."


def _codes() -> QuerySet[AccountCode]:
    return annotate_state(count_account_uses(AccountCode.objects.all()), KIND)


@allow(*READERS)
def account_codes(request: HttpRequest) -> HttpResponse:
    new = Action("New account code", reverse("finance_admin:new_account_code"), "plus", ADMINS)
    context = {
        "title": "Account Codes",
        "grid": ACCOUNT_CODES.grid(request, _codes(), csv_url=reverse("finance_admin:account_codes_csv")),
        "actions": (new, *xero_actions("chart-of-accounts")),
    }
    return render(request, "finance/admin/list.html", context)


@allow(*READERS)
def account_codes_csv(request: HttpRequest) -> HttpResponseBase:
    return ACCOUNT_CODES.csv(request, _codes(), f"account-codes-{timezone.localdate()}.csv")


@allow(*READERS)
def account_code(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(AccountCode, pk=pk)
    context = {
        "record": found,
        "page": PAGE,
        "edits": who(request.user).administers,
        "list_url": reverse("finance_admin:account_codes"),
        "list_title": "Account Codes",
        "uses": uses_of_account_code(found),
        "history": history_of(request, AccountCode.history.filter(id=found.pk)),
    }
    return render(request, "finance/admin/account_code.html", context)


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def new_account_code(request: HttpRequest) -> HttpResponse:
    return _edit(request, AccountCode())


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def edit_account_code(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(_codes(), pk=pk))


def _edit(request: HttpRequest, code: AccountCode) -> HttpResponse:
    name = str(code) if code.pk else ""
    form = AccountCodeForm(request.POST or None, instance=code)
    if request.method == "POST" and form.is_valid():
        begin([form.instance] if form.instance.pk else [])
        form.save()
        messages.success(request, f"{code} is saved.")
        theirs = getattr(code, "xero_number", "")
        if theirs and theirs != code.code:
            messages.warning(request, f"Xero still calls it {theirs}. {RENAMED}")
        return redirect(code)
    context = {"form": form, "record": code, "name": name, "label": "account code"}
    return render(request, "finance/admin/form.html", context | {"list_url": reverse("finance_admin:account_codes")})


@allow(*ADMINS)
@require_POST
def activate_account_code(request: HttpRequest, pk: int) -> HttpResponse:
    return changes.set_active(request, get_object_or_404(AccountCode, pk=pk))


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def delete_account_code(request: HttpRequest, pk: int) -> HttpResponse:
    return changes.delete(
        request,
        get_object_or_404(AccountCode, pk=pk),
        page=PAGE,
        uses=uses_of_account_code,
        xero_kind=KIND,
        list_url=reverse("finance_admin:account_codes"),
    )
