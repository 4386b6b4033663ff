"""Which of Xero's accounts may be used for what, and which one an item uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finance.models import AccountCode, Item
    from xero_sync.books import Books, Remote

#: Xero's types and what its pages call them.
TYPES = {
    "BANK": "Bank",
    "CURRENT": "Current Asset",
    "CURRLIAB": "Current Liability",
    "DEPRECIATN": "Depreciation",
    "DIRECTCOSTS": "Direct Costs",
    "EQUITY": "Equity",
    "EXPENSE": "Expense",
    "FIXED": "Fixed Asset",
    "INVENTORY": "Inventory Asset",
    "LIABILITY": "Liability",
    "NONCURRENT": "Non-current Asset",
    "OTHERINCOME": "Other Income",
    "OVERHEADS": "Overhead",
    "PREPAYMENT": "Prepayment",
    "REVENUE": "Revenue",
    "SALES": "Sale",
    "TERMLIAB": "Non-current Liability",
}
#: What each default may be, by Xero's types.
SALES = ("REVENUE", "SALES", "OTHERINCOME")
PURCHASES = ("EXPENSE", "OVERHEADS", "DIRECTCOSTS")
INVENTORY = ("INVENTORY",)
COST_OF_SALES = ("DIRECTCOSTS", "EXPENSE")
#: Never on a line of a sales invoice.
NOT_ON_INVOICES = {"BANK"}
NOT_ON_INVOICES_SYSTEM = {"DEBTORS", "CREDITORS", "GST"}


@dataclass(frozen=True)
class Choice:
    """The account of one use, and where it came from: the item itself, or Setup > Options."""

    code: str
    source: str


def pickable(accounts: Iterable[Remote], types: Collection[str]) -> list[Remote]:
    """Return the accounts that a pick-list offers: active, of these types, not run by Xero itself."""
    return sorted(
        (
            account
            for account in accounts
            if account.status == "ACTIVE" and account.payload.get("Type") in types and not _system(account.payload)
        ),
        key=lambda account: account.key,
    )


def suggest(accounts: list[Remote]) -> dict[str, str]:
    """Return the best default accounts of a chart. People change their charts, so go by type before number."""
    return {
        "sales_account": _best(pickable(accounts, ("REVENUE", "SALES")), named="sales", coded="200"),
        "purchases_account": _best(
            pickable(accounts, ("DIRECTCOSTS",)) or pickable(accounts, PURCHASES), named="purchases", coded="300"
        ),
        "inventory_account": _best(pickable(accounts, INVENTORY), named="inventory", coded="630"),
    }


def income_account(item: Item | None, books: Books) -> Choice:
    """Return the account that sales of an item are booked to."""
    return _own_or(item.income_account if item else None, books.options.sales_account)


def expense_account(item: Item, books: Books) -> Choice:
    """Return the account that purchases of an item are booked to; for a tracked one, its cost of sales."""
    return _own_or(item.expense_account, books.options.purchases_account)


def _own_or(own: AccountCode | None, default: str) -> Choice:
    return Choice(own.code, "the item's own") if own else Choice(default, "default in Setup")


def _best(accounts: list[Remote], *, named: str, coded: str) -> str:
    for test in (
        lambda account: account.key == coded,
        lambda account: str(account.payload.get("Name")).casefold() == named,
    ):
        if found := next((account for account in accounts if test(account)), None):
            return found.key
    return accounts[0].key if accounts else ""


def _system(account: dict[str, Any]) -> str:
    return str(account.get("SystemAccount") or "")


def blocked_on_invoices(account: Remote) -> bool:
    """Say whether Xero refuses this account on a line of a sales invoice."""
    return account.payload.get("Type") in NOT_ON_INVOICES or _system(account.payload) in NOT_ON_INVOICES_SYSTEM
