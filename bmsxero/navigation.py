"""The menu, in the vendor's order. An entry shows where its page exists and the user's role opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import Resolver404, resolve

from bmsxero.roles import Who, roles_of


def is_simulated() -> bool:
    """Say whether the simulated Xero is in use, and so has a console to show."""
    from xero_sync import credentials  # its models need pieces that need this menu

    return credentials.is_simulated()


@dataclass(frozen=True)
class Entry:
    label: str
    path: str
    icon: str
    shown: Callable[[], bool] = lambda: True
    #: Whether it says so while nobody has tried it with this organisation
    wants_trial: bool = False


@dataclass(frozen=True)
class Link:
    """An entry as it is shown: `current` is "page" on its own page, "true" on one below it."""

    entry: Entry
    current: str


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("", (Entry("Home", "/", "home"),)),
    ("CRM", (Entry("Accounts", "/crm/accounts/", "users"),)),
    (
        "Finance",
        (
            Entry("Overview", "/finance/", "table"),
            Entry("Invoices", "/finance/invoices/", "file-invoice"),
            Entry("Payments", "/finance/payments/", "cash"),
            Entry("Jobs", "/finance/jobs/", "list-check"),
        ),
    ),
    (
        "Xero",
        (
            Entry("Overview", "/finance/xero/", "plug-connected"),
            Entry("Setup", "/finance/xero/setup/", "settings"),
            Entry("Import", "/finance/xero/import/", "download"),
            Entry("Export", "/finance/xero/export/", "upload"),
            Entry("Export invoices", "/finance/xero/export-invoices/", "file-invoice", wants_trial=True),
            Entry("Import payments", "/finance/xero/import-payments/", "cash"),
            Entry("Links", "/finance/xero/links/", "link"),
            Entry("Simulator", "/finance/xero/simulator/", "flask", shown=is_simulated),
        ),
    ),
    (
        "Admin",
        (
            Entry("Account Codes", "/admin/finance/account-codes/", "book"),
            Entry("Billing", "/admin/finance/billing/", "table"),
            Entry("Products", "/admin/finance/products/", "package"),
            Entry("Services", "/admin/finance/services/", "refresh"),
            Entry("Work Types", "/admin/finance/work-types/", "tool"),
            Entry("Expense Types", "/admin/finance/expense-types/", "receipt"),
            Entry("Discount Types", "/admin/finance/discount-types/", "discount"),
            Entry("Taxes", "/admin/finance/taxes/", "percentage"),
        ),
    ),
)


def menu(who: Who, path: str) -> list[tuple[str, list[Link]]]:
    """Return the sections with the entries that `who` may open, the one of `path` marked."""
    current = _current(path)
    sections = [
        (title, [Link(entry, _mark(entry, current, path)) for entry in entries if _shows(entry, who)])
        for title, entries in MENU
    ]
    return [(title, links) for title, links in sections if links]


def _shows(entry: Entry, who: Who) -> bool:
    return entry.shown() and opens(entry.path, who)


def _entries() -> Iterator[Entry]:
    for _, entries in MENU:
        yield from entries


def _current(path: str) -> str:
    """Return the path of the entry that `path` belongs to: the longest that it starts with."""
    return max((entry.path for entry in _entries() if path.startswith(entry.path)), key=len, default="")


def _mark(entry: Entry, current: str, path: str) -> str:
    if entry.path == path:
        return "page"
    return "true" if entry.path == current and current != "/" else ""


def opens(path: str, who: Who) -> bool:
    """Say whether there is a page at `path`, and `who` may open it."""
    try:
        view = resolve(path.partition("?")[0]).func
    except Resolver404:
        return False
    return who.any_of(roles_of(view))
