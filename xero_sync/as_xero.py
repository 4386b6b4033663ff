"""An invoice as Xero will see it: what the export would send, mapped and reckoned, without asking Xero anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from finance.models import Invoice
from xero_sync import accounts
from xero_sync.books import Books, RunOptions
from xero_sync.kinds.invoices import STATES, InvoiceExport, line_tax_type
from xero_sync.models import SyncOptions, XeroConnection


@dataclass(frozen=True)
class AsLine:
    """One line of the document. The unit amount has up to four decimals, in the invoice's currency."""

    item_code: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    discount: Decimal | None
    account: str
    account_source: str
    tax: str
    amount: Decimal


@dataclass(frozen=True)
class AsXero:
    """The document, and what stands against it. Both totals are in the invoice's currency, with tax."""

    organisation: str
    linked_as: str
    number: str
    contact: str
    date: dt.date
    due_date: dt.date
    reference: str
    currency: str
    status: str
    lines: list[AsLine]
    total: Decimal
    our_total: Decimal
    problems: list[str]
    warnings: list[str]

    @property
    def difference(self) -> Decimal:
        return self.total - self.our_total


def as_xero(invoice: Invoice) -> AsXero | None:
    """Return the document that an export with the saved options would make of it; nothing while not connected."""
    connection = XeroConnection.objects.filter(is_current=True).first()
    if connection is None:
        return None
    saved = SyncOptions.objects.filter(connection=connection).first()
    books = Books(connection, RunOptions(**saved.snapshot()) if saved else RunOptions())
    kind = InvoiceExport()
    (record,) = kind.load([invoice.uuid])
    lines = record.all_lines
    books.learn_links(kind.name, [record.uuid])
    books.learn_elsewhere(kind.name, [record.uuid])
    books.learn_links("contacts", [record.account.uuid])
    books.learn_links("items", {line.item.uuid for line in lines if line.item}, may_vanish=True)
    # Looking makes no deep link yet; the export will
    books.deep_links[record.uuid] = record.uuid
    sent = kind.to_xero(record, books)
    link, contact = books.link(kind.name, record.uuid), books.linked_remote("contacts", record.account.uuid)
    return AsXero(
        organisation=connection.name,
        linked_as=link.xero_number if link else "",
        number=sent.invoice_number or "Xero’s own next number",
        contact=contact.name if contact else f"{record.account.name} (found by name, or created)",
        date=sent.date,
        due_date=sent.due_date,
        reference=sent.reference or "",
        currency=record.currency or books.base_currency,
        status=STATES.get(sent.status, sent.status),
        lines=[
            AsLine(
                item_code=each.item_code or "",
                description=each.description,
                quantity=each.quantity,
                unit_amount=each.unit_amount,
                discount=each.discount_rate,
                account=_account(each.account_code, books),
                account_source=accounts.income_account(line.item, books).source,
                tax=_tax(line_tax_type(line, books), line.tax.name if line.taxable and line.tax else "", books),
                amount=line.amount,
            )
            for each, line in zip(sent.line_items, lines, strict=True)
        ],
        total=kind.expected_total(record, books) or Decimal(0),
        our_total=record.total,
        problems=[] if link else list(dict.fromkeys(each.message for each in kind.problems(record, books))),
        warnings=kind.warnings(record, books),
    )


def _account(code: str | None, books: Books) -> str:
    if not code:
        return "none"
    known = books.accounts.get(code)
    return f"{code} {known.name}" if known else f"{code} (not in Xero)"


def _tax(tax_type: str, ours: str, books: Books) -> str:
    if not tax_type:
        return f"{ours} (matched, or created)"
    known = books.rates.get(tax_type)
    return f"{known.name} ({tax_type})" if known else tax_type
