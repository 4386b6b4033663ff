"""Which of Xero's accounts items are booked to, in words, and what Check would have against them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bmsxero.listing import Action
from bmsxero.roles import ADMINS, WRITERS
from finance.models import Item
from xero_sync.accounts import Choice
from xero_sync.books import Books, RunOptions
from xero_sync.kinds.items import ItemExport, account_problems
from xero_sync.models import SyncOptions, XeroConnection

OWN = "the item's own"
FROM_SETUP = "from Setup default"
OWN_FIELDS = {"income account": "income_account", "expense account": "expense_account"}
FLAGS = {
    "account_missing": "None set",
    "account_not_in_xero": "Not in Xero",
    "account_archived": "Archived in Xero",
    "account_wrong_type": "Wrong type",
}
#: What mends it, besides another account for the item.
FIXES = {
    "account_missing": Action("Set the default", "/finance/xero/setup/options/", roles=ADMINS),
    "account_not_in_xero": Action("Export account codes", "/finance/xero/export/chart-of-accounts/", roles=WRITERS),
}
UNCONNECTED = "No account of its own. Once Xero is connected, the default in Setup is used."


@dataclass(frozen=True)
class Effective:
    """The account of one use of an item in Xero, where it comes from, and what is wrong with it."""

    use: str
    account: str = ""
    source: str = ""
    flag: str = ""
    problem: str = ""
    fixes: tuple[Action, ...] = ()

    def __str__(self) -> str:
        told = ", ".join(part for part in (self.account, self.source) if part)
        return f"{told} ({self.flag})" if told and self.flag else told or self.flag


def effective_accounts(items: Iterable[Item]) -> dict[int, list[Effective]]:
    """Return what each item's accounts are in the current organisation, by the item's id.

    The items need their accounts loaded; the number of queries is the same for any number of them.
    """
    books = _books()
    return {item.pk: _with_books(item, books) if books else _without_books(item) for item in items}


def _books() -> Books | None:
    connection = XeroConnection.objects.filter(is_current=True).first()
    if connection is None:
        return None
    saved = SyncOptions.objects.filter(connection=connection).first()
    return Books(connection, RunOptions(**saved.snapshot()) if saved else RunOptions())


def _with_books(item: Item, books: Books) -> list[Effective]:
    return [_effective(item, use, choice, books) for use, choice in ItemExport().account_uses(item, books)]


def _effective(item: Item, use: str, choice: Choice, books: Books) -> Effective:
    remote = books.accounts.get(choice.code)
    # A chart that was never read says nothing about any code
    problems = account_problems(use, choice, item.name, books) if books.accounts or not choice.code else []
    problem = problems[0] if problems else None
    own = getattr(item, OWN_FIELDS.get(use, ""), None)
    return Effective(
        use=use,
        account=f"{choice.code} {remote.name}" if remote else str(own or choice.code),
        source=(OWN if choice.source == OWN else FROM_SETUP) if choice.code else "",
        flag=FLAGS.get(problem.reason, "Problem") if problem else "",
        problem=problem.message if problem else "",
        fixes=(FIXES[problem.reason],) if problem and problem.reason in FIXES else (),
    )


def _without_books(item: Item) -> list[Effective]:
    uses = [("income account", item.income_account)]
    if item.kind != Item.Kind.DISCOUNT_TYPE:
        uses.append(("expense account", item.expense_account))
    return [
        Effective(use, str(own), OWN) if own else Effective(use, flag="None set", problem=UNCONNECTED)
        for use, own in uses
    ]
