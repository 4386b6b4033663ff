"""A look at the connection: eight questions, each with an answer and what mends it.

Runs when somebody presses the button, through the limiter, with no transaction open over a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse

from bmsxero.listing import Tone
from finance.models import Invoice, InvoiceLine, Item
from xero_sync import clock, mirror, organisation, tax_matches
from xero_sync.books import Books, RunOptions
from xero_sync.errors import PermissionMissing, ReconnectNeeded, XeroError
from xero_sync.gateway import Gateway
from xero_sync.kinds.tax_rates import is_usable
from xero_sync.models import HealthCheck, SyncOptions, XeroConnection

#: What we read besides the organisation, its chart and its taxes, and what Xero's pages call it.
READ_LIGHTLY = {
    "Contacts": "contacts",
    "Items": "items",
    "Invoices": "invoices",
    "CreditNotes": "credit notes",
    "Payments": "payments",
}
DEFAULTS = (
    ("sales_account", "Sales"),
    ("purchases_account", "Purchases"),
    ("inventory_account", "Inventory"),
)
#: Beyond it a lease or a token may seem to live longer than it does.
SKEW, MUCH_SKEW = timedelta(seconds=30), timedelta(minutes=5)


@dataclass(frozen=True)
class Tick:
    """One question: its answer in words, and where it is mended."""

    question: str
    tone: Tone
    words: str
    fix_url: str = ""
    fix: str = ""


def run(connection: XeroConnection, user: User) -> HealthCheck:
    """Ask all questions, and keep the answers with their time."""
    gateway = Gateway(connection, background=False)
    ticks = [_readable(gateway, connection)]
    connection.refresh_from_db()
    options = SyncOptions.objects.filter(connection=connection).first()
    books = Books(connection, RunOptions(**options.snapshot()) if options else RunOptions())
    ticks += [
        _currency(connection),
        _defaults(books),
        _taxes(books),
        _untaxed(books),
        _lock_dates(connection, books),
        Tick(
            "Invoice limit of the plan",
            "neutral",
            "Xero's smallest plans approve only so many invoices a month, and don't tell how many are left. "
            "What is above it can still go as Draft.",
            reverse("xero_sync:options"),
            "Default invoice status",
        ),
        _clocks(gateway.answered_at),
    ]
    kept = [[tick.question, tick.tone, tick.words, tick.fix_url, tick.fix] for tick in ticks]
    check, _ = HealthCheck.objects.update_or_create(
        connection=connection, defaults={"results": kept, "checked_at": clock.now(), "checked_by": user}
    )
    return check


def ticks(check: HealthCheck) -> list[Tick]:
    """Return the answers that were kept."""
    return [Tick(*each) for each in check.results]


def _readable(gateway: Gateway, connection: XeroConnection) -> Tick:
    question, reads = "Everything can be read", ["organisation, chart of accounts and tax rates"]
    try:
        organisation.read(gateway)
        organisation.read_currencies(gateway)
        mirror.read(gateway, "account_codes")
        mirror.read(gateway, "tax_rates")
        for endpoint, words in READ_LIGHTLY.items():
            # What changed in this very moment: the cheapest question that needs the permission
            gateway.read(endpoint, {"page": 1, "pageSize": 1}, modified_since=clock.now())
            reads.append(words)
    except PermissionMissing as error:
        return Tick(question, "danger", error.message, reverse("xero_sync:app"), "Permissions")
    except ReconnectNeeded as error:
        return Tick(question, "danger", error.message, reverse("xero_sync:setup"), "Reconnect")
    except XeroError as error:
        words = f"Not all was read: {error.message} Ask again in a while."
        return Tick(question, "warning", words)
    return Tick(question, "success", f"Xero let us read {', '.join(reads)}.")


def _currency(connection: XeroConnection) -> Tick:
    question, base = "Currencies agree", connection.base_currency
    ready = Invoice.objects.filter(status__in=Invoice.EXPORTABLE).exclude(currency="")
    used = set(ready.values_list("currency", flat=True).distinct())
    strange = sorted(used - {base, *connection.currencies})
    if not base:
        return Tick(question, "warning", "The organisation's currency has not been read yet.")
    if strange:
        words = f"{', '.join(strange)} isn't switched on in Xero, and invoices that are ready use it."
        return Tick(question, "danger", words, f"{reverse('finance:invoices')}?currency={strange[0]}", "Invoices")
    return Tick(question, "success", f"The books are in {base}, as invoices without a currency of their own are.")


def _defaults(books: Books) -> Tick:
    question, fix = "Default accounts are there", reverse("xero_sync:options")
    wrong, fine = [], []
    for name, label in DEFAULTS:
        code = getattr(books.options, name)
        if not code:
            if name != "inventory_account" or Item.objects.filter(requires_procurement=True, active=True).exists():
                wrong.append(f"{label}: none is set")
            continue
        account = books.accounts.get(code)
        if account is None:
            wrong.append(f"{label}: {code} isn't in Xero")
        elif account.status != "ACTIVE":
            wrong.append(f"{label}: {code} {account.name} is archived in Xero")
        else:
            fine.append(f"{label} {code} {account.name}")
    if wrong:
        return Tick(question, "danger", f"{'. '.join(wrong)}.", fix, "Options")
    return Tick(question, "success", f"{', '.join(fine)}.")


def _taxes(books: Books) -> Tick:
    question, fix = "Taxes in use are mapped", reverse("xero_sync:tax_mapping")
    used = set(
        InvoiceLine.objects.filter(invoice__status__in=Invoice.EXPORTABLE, taxable=True, tax__isnull=False)
        .values_list("tax_id", flat=True)
        .distinct()
    )
    found = [match for match in tax_matches.matches(books) if match.rate.pk in used]
    open_ = [match.rate.name for match in found if match.badge.tone == "warning"]
    differ = [match.rate.name for match in found if match.differs]
    new = [match.rate.name for match in found if match.remote is None and match.badge.tone != "warning"]
    if open_ or differ:
        words = [
            *([f"Several rates in Xero could be, or none fits: {', '.join(open_)}"] if open_ else []),
            *([f"The rate differs in Xero: {', '.join(differ)}"] if differ else []),
        ]
        return Tick(question, "danger", f"{'. '.join(words)}.", fix, "Tax mapping")
    if new:
        words_new = f"The first export creates in Xero: {', '.join(new)}. Map them, if one there is meant."
        return Tick(question, "warning", words_new, fix, "Tax mapping")
    return Tick(question, "success", f"{len(found)} of {len(found)} that ready invoices use.")


def _untaxed(books: Books) -> Tick:
    question, tax_type = "What isn't taxed has a tax type", books.options.non_taxable_tax_type
    rate = books.rates.get(tax_type)
    if rate is None or not is_usable(rate):
        words = f"{tax_type or 'None'} can't be used on a sale in this organisation."
        return Tick(question, "danger", words, reverse("xero_sync:options"), "Options")
    return Tick(question, "success", f"{rate.name} ({tax_type}).")


def _lock_dates(connection: XeroConnection, books: Books) -> Tick:
    question, lock = "Lock dates", connection.lock_date
    if lock is None:
        return Tick(question, "success", "No period is locked.")
    before = Invoice.objects.filter(status__in=Invoice.EXPORTABLE, date__lte=lock).count()
    words = f"Xero is locked up to {lock.day} {lock:%b %Y}."
    if before and books.options.status != SyncOptions.Status.DRAFT:
        words += f" {before} ready {'invoice is' if before == 1 else 'invoices are'} dated before: send as Draft."
        return Tick(question, "warning", words, reverse("xero_sync:options"), "Options")
    return Tick(question, "success", f"{words} No invoice that is ready runs into it.")


def _clocks(theirs: datetime | None) -> Tick:
    question = "The clocks agree"
    if theirs is None:
        return Tick(question, "neutral", "Xero's answers did not tell the time.")
    skew = abs(clock.now() - theirs)
    seconds = int(skew.total_seconds())
    if skew <= SKEW:
        return Tick(question, "success", "Within half a minute of Xero's.")
    tone: Tone = "danger" if skew > MUCH_SKEW else "warning"
    return Tick(question, tone, f"This machine's clock is {seconds} s off Xero's. Let it be set by a time server.")
