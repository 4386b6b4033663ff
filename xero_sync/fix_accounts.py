"""Accounts, mended on the page of a check: those of items, the defaults, and codes that Xero lacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from bmsxero.history import because
from bmsxero.listing import Action
from finance.models import AccountCode, InvoiceLine, Item
from xero_sync import accounts, jobs
from xero_sync.accounts import Choice
from xero_sync.books import Books, Remote, RunOptions
from xero_sync.kinds.items import account_problems
from xero_sync.mending import Mended, NotMended, many
from xero_sync.models import Job, JobRow, SyncOptions

REASONS = ("account_missing", "account_not_in_xero", "account_archived", "account_wrong_type")
MOST_ITEMS = 500


@dataclass(frozen=True)
class AccountFix:
    """Items that lack a usable account for one use, and the account codes that would do."""

    use: str
    field: str
    items: list[Item]
    codes: list[AccountCode]

    @property
    def names(self) -> str:
        """Return the first of the items by name."""
        first = ", ".join(f"“{item.name}”" for item in self.items[:5])
        return f"{first} and {len(self.items) - 5} more" if len(self.items) > 5 else first


@dataclass(frozen=True)
class DefaultFix:
    """A default account of Setup that can't be used, and Xero's accounts that would do."""

    name: str
    label: str
    why: str
    codes: list[Remote]


@dataclass(frozen=True)
class Accounts:
    """What about accounts can be mended."""

    items: list[AccountFix]
    defaults: list[DefaultFix]
    missing: Action | None

    def __bool__(self) -> bool:
        return bool(self.items or self.defaults or self.missing)


NONE = Accounts([], [], None)

#: Field of an item, how its account is found, and the types that Xero takes there.
_USES = {
    "income_account": ("income account", accounts.income_account, accounts.SALES),
    "expense_account": ("expense account", accounts.expense_account, accounts.PURCHASES),
}
#: Field of the options, what people call it, what it is used for, and the types that Xero takes there.
_DEFAULTS: dict[str, tuple[str, str, Collection[str]]] = {
    "sales_account": ("default sales account", "income account", accounts.SALES),
    "purchases_account": ("default purchases account", "expense account", accounts.PURCHASES),
    "inventory_account": ("default inventory account", "inventory account", accounts.INVENTORY),
}


def offered(job: Job) -> Accounts:
    """Return what about accounts is to be chosen, in a fixed number of queries."""
    failing = job.rows.filter(outcome=JobRow.Outcome.FAIL, reason__in=REASONS)
    sold, kept = _items(_on_invoices(failing) | _themselves(failing)), _items(_themselves(failing))
    books = Books(job.connection, RunOptions(**jobs.renewed_options(job)))
    codes = list(AccountCode.objects.filter(active=True))
    bare = InvoiceLine.objects.filter(item=None, invoice_id__in=failing.filter(kind="invoices").values("record_id"))
    return Accounts(
        items=[
            account
            for field, items in (("income_account", sold), ("expense_account", kept))
            if (account := _account_fix(field, items, codes, books))
        ],
        defaults=[
            default
            for name, is_used in (
                ("sales_account", any(item.income_account is None for item in sold) or bare.exists()),
                ("purchases_account", any(item.expense_account is None and _is_bought(item) for item in kept)),
                ("inventory_account", any(item.requires_procurement for item in kept)),
            )
            if is_used and (default := _default_fix(name, books))
        ],
        missing=_missing(sold, books),
    )


def _themselves(failing: Any) -> Q:
    return Q(pk__in=failing.filter(kind="items").values("record_id"))


def _on_invoices(failing: Any) -> Q:
    return Q(lines__invoice_id__in=failing.filter(kind="invoices").values("record_id"))


def _items(wanted: Q) -> list[Item]:
    items = Item.objects.filter(wanted).select_related("income_account", "expense_account")
    return list(items.order_by("name", "pk").distinct()[:MOST_ITEMS])


def _is_bought(item: Item) -> bool:
    return item.kind != Item.Kind.DISCOUNT_TYPE


def _account_fix(field: str, items: list[Item], codes: list[AccountCode], books: Books) -> AccountFix | None:
    use, choice_of, types = _USES[field]
    bad = [
        item
        for item in items
        if field == "income_account" or _is_bought(item)
        if account_problems(use, choice_of(item, books), item.name, books)
    ]
    usable = {account.key for account in accounts.pickable(books.accounts.values(), types)}
    fitting = [code for code in codes if code.code in usable]
    return AccountFix(use, field, bad, fitting) if bad else None


def _default_fix(name: str, books: Books) -> DefaultFix | None:
    label, use, types = _DEFAULTS[name]
    code = getattr(books.options, name)
    problems = account_problems(use, Choice(code, "default in Setup"), label, books)
    if not problems:
        return None
    why = f"{code} can't be used as the {label}." if code else f"No {label} is set."
    return DefaultFix(name, label, why, accounts.pickable(books.accounts.values(), types))


def _missing(items: list[Item], books: Books) -> Action | None:
    """Return the way to export account codes that items use and Xero lacks."""
    codes: dict[int, str] = {}
    for item in items:
        for code in (item.income_account, item.expense_account):
            if code and code.code not in books.accounts:
                codes[code.pk] = code.code
    if not codes:
        return None
    label = f"Export account {'code' if len(codes) == 1 else 'codes'} {', '.join(list(codes.values())[:5])}"
    query = urlencode({"ids": ",".join(map(str, codes))})
    return Action(label, f"{reverse('xero_sync:export_chart_of_accounts')}?{query}")


def set_account(job: Job, field: str, account_id: str) -> Mended:
    """Give the items of an account fix an account. Raises NotMended if it is none that would do."""
    fix = next((each for each in offered(job).items if each.field == field), None)
    code = next((each for each in fix.codes if str(each.pk) == account_id), None) if fix else None
    if fix is None or code is None:
        raise NotMended
    with transaction.atomic(), because(f"Check of Job {job.number}"):
        for item in Item.objects.select_for_update().filter(pk__in=[each.pk for each in fix.items]):
            setattr(item, field, code)
            item.save(update_fields=[field, "updated"])
    touched = frozenset(("items", str(item.uuid)) for item in fix.items)
    return Mended(f"{code} is the {fix.use} of {many(len(fix.items), 'item')} now.", touched)


def set_default(job: Job, name: str, code: str, user: User) -> Mended:
    """Make an account of Xero's a default in Setup. Raises NotMended if it is none that would do."""
    fix = next((each for each in offered(job).defaults if each.name == name), None)
    account = next((each for each in fix.codes if each.key == code), None) if fix else None
    if fix is None or account is None:
        raise NotMended
    with transaction.atomic():
        options = SyncOptions.objects.select_for_update().get(connection=job.connection)
        setattr(options, name, account.key)
        options.updated_by = user
        options.save(update_fields=[name, "updated_by", "updated"])
    # What a changed default touches is found by comparing the options
    return Mended(f"{account.key} {account.name} is the {fix.label} now.", frozenset())
