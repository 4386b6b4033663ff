"""What each option would do, shown on an invoice that is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from finance.models import Invoice
from xero_sync.books import Books, RunOptions
from xero_sync.due_dates import RULES, due_date, is_moved
from xero_sync.models import SyncOptions

Number, Status = SyncOptions.InvoiceNumber, SyncOptions.Status

#: Where there is no invoice yet.
MADE_UP = Invoice(pk=5312, number="INV-1042", po_number="PO-7781", date=date(2026, 5, 27), due_date=date(2026, 6, 26))
STATUSES = {
    Status.DRAFT: "nothing posts until someone approves in Xero",
    Status.SUBMITTED: "waits for approval",
    Status.AUTHORISED: "posts to the ledger at once",
}


@dataclass(frozen=True)
class Told:
    """One choice of an option: its name, and what it would do."""

    label: str
    example: str = ""

    def __str__(self) -> str:
        return self.label


def invoice() -> Invoice:
    """Return the most telling of the newest invoices: one that may go to Xero, with a PO number; else a made-up one."""
    newest = Invoice.objects.order_by("-date", "-id")[:50]
    return max(newest, key=lambda each: (each.status in Invoice.EXPORTABLE, bool(each.po_number)), default=MADE_UP)


def numbers(sample: Invoice) -> list[tuple[str, Told]]:
    told = {
        Number.BMS_NUMBER: f"{sample.number} stays {sample.number}",
        Number.XERO_NUMBER: "Xero gives the next number of its own; we write it back here",
        Number.BMS_ID: f"{sample.number} becomes {sample.pk}",
    }
    return [(value, Told(value.label, told[value])) for value in Number]


def due_dates(sample: Invoice) -> list[tuple[str, Told]]:
    return [(rule, Told(rule.label, _worked(sample, rule))) for rule in SyncOptions.DueDate]


def _worked(sample: Invoice, rule: str) -> str:
    sent = in_words(due_date(sample, rule))
    if not is_moved(sample, rule):
        return f"due {sent}"
    return f"{in_words(RULES[rule](sample))} is before the invoice date, so {sent} is sent"


def references(sample: Invoice) -> list[tuple[bool, Told]]:
    number = sample.po_number or MADE_UP.po_number
    return [(True, Told("Yes", f"Reference: {number}")), (False, Told("No", "Reference stays empty"))]


def contacts() -> list[tuple[bool, Told]]:
    return [
        (True, Told("Yes: only link. New contacts are still created.")),
        (False, Told("No: each export also updates e-mail and postal address of the contact.")),
    ]


def statuses() -> list[tuple[str, Told]]:
    return [(status, Told(status.label, STATUSES[status])) for status in Status]


def in_words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def effect(options: RunOptions, books: Books, ready: int) -> list[str]:
    """Return what the next export of invoices would do, sentence by sentence."""
    what = f"{ready:,} invoices are" if ready != 1 else "1 invoice is"
    return [
        f"{what} ready now. Each is created as {Status(options.status).label}: {STATUSES[Status(options.status)]}.",
        {
            Number.BMS_NUMBER: "It keeps its number.",
            Number.XERO_NUMBER: "Xero gives it a number.",
            Number.BMS_ID: "Its number in Xero is its ID here.",
        }[Number(options.invoice_number)]
        + f" Due date: {SyncOptions.DueDate(options.due_date).label}."
        + (" The PO number goes into Reference." if options.po_in_reference else " Reference stays empty."),
        "A customer that Xero does not have is created; "
        + (
            "one that it has is only linked."
            if options.keep_contacts
            else "of one that it has, e-mail and postal address are updated."
        ),
        f"Items without accounts of their own: income goes to {_account(options.sales_account, books)}, expense to "
        f"{_account(options.purchases_account, books)}. Stock of tracked items: "
        f"{_account(options.inventory_account, books)}.",
    ]


def _account(code: str, books: Books) -> str:
    found = books.accounts.get(code)
    return f"{code} {found.name}" if found else code or "no account: Check would stop it"
