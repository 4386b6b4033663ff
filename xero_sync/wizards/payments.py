"""Import payments."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from bmsxero.listing import Badge, Column, Decorate, Empty, Listing
from xero_sync import mirror, selection
from xero_sync.kinds.payments import Ledger, PaymentImport
from xero_sync.models import Job, XeroConnection, XeroRecord
from xero_sync.wizard_forms import PaymentFilter
from xero_sync.wizards.base import CurrencySum, Wizard, add_up

kind = PaymentImport()
NEW, KNOWN = Badge("New", "info"), Badge("Already imported", "success")
FOREIGN = Badge("Not an invoice from here", "warning")


@dataclass(frozen=True)
class PaymentLine:
    """A payment of Xero's as the grid shows it, and what it would do here."""

    pk: int
    xero_id: str
    date: Any
    contact: str
    number: str
    reference: str
    amount: Decimal
    currency: str
    ledger: Ledger | None
    state: Badge

    @property
    def balance(self) -> Decimal | None:
        return self.ledger.balance if self.ledger else None


def payment_lines(connection: XeroConnection) -> Decorate:
    """Return what turns Xero's payments into lines: a fixed number of queries for a page."""

    def lines(records: QuerySet[XeroRecord]) -> list[PaymentLine]:
        found = list(records)
        ledgers = kind.ledgers({each.key for each in found}, connection.tenant_id, connection.base_currency)
        known = kind.known([each.xero_id for each in found], connection.tenant_id)
        return [_payment_line(each, ledgers.get(each.key), each.xero_id in known, connection) for each in found]

    return lines


def _payment_line(record: XeroRecord, ledger: Ledger | None, known: bool, connection: XeroConnection) -> PaymentLine:
    document = record.payload.get("Invoice") or {}
    return PaymentLine(
        pk=record.pk,
        xero_id=record.xero_id,
        date=record.date,
        contact=str((document.get("Contact") or {}).get("Name") or ""),
        number=ledger.number if ledger else str(document.get("InvoiceNumber") or ""),
        reference=str(record.payload.get("Reference") or ""),
        amount=mirror.amount(record.payload.get("Amount")),
        currency=str(document.get("CurrencyCode") or connection.base_currency),
        ledger=ledger,
        state=KNOWN if known else NEW if ledger else FOREIGN,
    )


def _sums(rows: QuerySet[XeroRecord]) -> list[CurrencySum]:
    # Amounts stand in Xero's own JSON, as text
    amount = Cast(KT("payload__Amount"), DecimalField(max_digits=16, decimal_places=4))
    named = rows.annotate(currency=KT("payload__Invoice__CurrencyCode"), paid=amount)
    return add_up(named, "currency", "paid")


IMPORT = Wizard(
    name="payments",
    kind="payments",
    direction=Job.Direction.IMPORT,
    page="import_payments",
    path="finance/xero/import-payments/",
    title="Import payments",
    noun=("payment", "payments"),
    steps=("Load", "Select", "Check", "Result"),
    key="xero_id",
    matching=lambda filters, tenant_id: selection.matching_remote(kind, filters, tenant_id),
    everything=lambda tenant_id: XeroRecord.objects.filter(tenant_id=tenant_id, kind="payments"),
    decorate=payment_lines,
    add_up=_sums,
    label=lambda line: f"payment of {line.amount} for {line.number or 'an invoice without a number'}",
    reads=("payments", "invoices"),
    load_label="Load Xero payments",
    reading="payments and invoices",
    filter=PaymentFilter,
    listing=Listing(
        caption="Payments in Xero",
        columns=(
            Column("date", "Date", cell="day", sort=("date",)),
            Column("contact", "Contact", sort=("folded_name",)),
            Column("number", "Invoice no.", cell="xero_sync/wizard/cells/payment_invoice.html"),
            Column("reference", "Reference"),
            Column("amount", "Amount", cell="money", align="end"),
            Column("balance", "Invoice balance here", cell="money", align="end"),
            Column("state", "State", cell="badge"),
        ),
        empty=Empty(
            "Xero has no payments yet",
            "Payments that your customers make on invoices in Xero show here once they are loaded.",
            icon="cash",
        ),
        sort="-date",
    ),
)
