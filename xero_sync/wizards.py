"""What the wizards choose from: their lists, their rules, and the sums of what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse

from bmsxero.listing import Badge, Column, Empty, Listing, Selection
from bmsxero.templatetags.bms import count, money
from finance.money import round_half_up
from xero_sync import drafts, mirror
from xero_sync.drafts import Rule
from xero_sync.kinds import export_kind
from xero_sync.kinds.payments import Ledger, PaymentImport
from xero_sync.models import Job, XeroConnection, XeroRecord
from xero_sync.wizard_forms import InvoiceFilter, LoadForm, PaymentFilter

payments = PaymentImport()
Records = QuerySet[Any]


@dataclass(frozen=True)
class CurrencySum:
    """So many records of one currency (blank: the organisation's), and what they come to."""

    currency: str
    number: int
    amount: Decimal


def add_up(rows: Records, currency: str, amount: str) -> list[CurrencySum]:
    """Add up the field `amount` of all the rows, each currency on its own."""
    groups: Any = rows.order_by().values(currency).annotate(number=Count("pk"), amount=Sum(amount))
    return [
        CurrencySum(group[currency] or "", group["number"], round_half_up(group["amount"] or Decimal(0)))
        for group in groups.order_by(currency)
    ]


@dataclass(frozen=True)
class Wizard:
    """One wizard: what it lists, and how its selection is read. `key` is the field that a rule's ids are of."""

    kind: str
    direction: str
    page: str
    noun: tuple[str, str]
    listing: Listing
    key: str
    candidates: Callable[[dict[str, str], str], Records]
    everything: Callable[[str], Records]
    filters: Callable[[QueryDict], dict[str, str] | None]
    add_up: Callable[[Records], list[CurrencySum]]
    label: Callable[[Any], str]

    @property
    def url(self) -> str:
        return reverse(f"xero_sync:{self.page}")

    def words(self, number: int) -> str:
        """Return a number of records in words: "1 invoice"."""
        return f"{count(number)} {self.noun[number != 1]}"

    def chosen(self, rule: Rule, tenant_id: str) -> Records:
        """Return the records that a rule chooses: those that the job will have rows for."""
        if rule.get("all"):
            matching = self.candidates(rule.get("filters") or {}, tenant_id)
            left_out = rule.get("except") or []
            return matching.exclude(**{f"{self.key}__in": left_out}) if left_out else matching
        return self.everything(tenant_id).filter(**{f"{self.key}__in": rule.get("ids") or []})

    def selection(self, rule: Rule) -> Selection:
        """Return the boxes of the grid, ticked as the rule says."""
        is_chosen = drafts.is_chosen(rule)

        def key(record: Any) -> str:
            return str(getattr(record, self.key))

        return Selection(key=key, label=self.label, chosen=lambda record: is_chosen(key(record)))


@dataclass(frozen=True)
class Bar:
    """What is chosen, in words, and what may be pressed."""

    count: int
    words: str
    sums: list[str]
    matching: int
    is_all: bool
    #: All that matched some other filter is chosen; the boxes of this one mean nothing then
    is_other: bool
    offer: str


def bar(wizard: Wizard, rule: Rule, filters: dict[str, str], connection: XeroConnection) -> Bar:
    """Count and add up what is chosen, over all pages."""
    totals = _named(wizard.add_up(wizard.chosen(rule, connection.tenant_id)), connection.base_currency)
    number = sum(total.number for total in totals)
    matching = wizard.candidates(filters, connection.tenant_id).count()
    is_all = bool(rule.get("all"))
    return Bar(
        count=number,
        words=_rule_words(wizard, rule, number),
        sums=[money(total.amount, total.currency) for total in totals],
        matching=matching,
        is_all=is_all,
        is_other=is_all and (rule.get("filters") or {}) != filters,
        offer=f"Select all {wizard.words(matching)} that match" if filters else f"Select all {wizard.words(matching)}",
    )


def _named(totals: Iterable[CurrencySum], base_currency: str) -> list[CurrencySum]:
    """Give sums in the organisation's own currency its name, and add them to those that have it already."""
    found: dict[str, tuple[int, Decimal]] = {}
    for total in totals:
        currency = total.currency or base_currency
        number, amount = found.get(currency, (0, Decimal(0)))
        found[currency] = number + total.number, amount + total.amount
    return [CurrencySum(currency, number, amount) for currency, (number, amount) in sorted(found.items())]


def _rule_words(wizard: Wizard, rule: Rule, number: int) -> str:
    words = f"{wizard.words(number)} selected"
    if not rule.get("all"):
        return words
    left_out = len(rule.get("except") or [])
    told = filter_words(rule.get("filters") or {})
    which = f"all that match {told}" if told else "all"
    return f"{words} ({which} except {count(left_out)})" if left_out else f"{words} ({which})"


_FILTER_WORDS = {
    "customer": "customer “{}”",
    "site": "site “{}”",
    "number": "number “{}”",
    "reference": "reference “{}”",
    "contact": "contact “{}”",
    "due_from": "due from {}",
    "due_to": "due to {}",
    "date_from": "paid from {}",
    "date_to": "paid to {}",
}


def filter_words(filters: dict[str, str]) -> str:
    """Say what a rule's filters ask for."""
    return ", ".join(_FILTER_WORDS[name].format(value) for name, value in filters.items() if name in _FILTER_WORDS)


# --- invoices


def _invoice_filters(asked: QueryDict) -> dict[str, str] | None:
    load, narrow = LoadForm(asked), InvoiceFilter(asked)
    return load.filters | narrow.filters if load.is_valid() and narrow.is_valid() else None


INVOICES = Wizard(
    kind="invoices",
    direction=Job.Direction.EXPORT,
    page="export_invoices",
    noun=("invoice", "invoices"),
    key="uuid",
    candidates=lambda filters, tenant_id: export_kind("invoices").candidates(filters, tenant_id),
    everything=lambda _: export_kind("invoices").all_records(),
    filters=_invoice_filters,
    add_up=lambda rows: add_up(rows, "currency", "total"),
    label=lambda invoice: f"invoice {invoice.number}",
    listing=Listing(
        caption="Invoices to export",
        columns=(
            Column("number", "No.", cell="link", sort=("number",)),
            Column("account", "Account", cell="record", sort=("account__name",)),
            Column("site", "Site", sort=("site__name",)),
            Column("date", "Date", cell="day", sort=("date",)),
            Column("due_date", "Due", cell="day", sort=("due_date",)),
            Column("total", "Total", cell="money", align="end", sort=("total",)),
            Column("total_tax", "Tax", cell="money", align="end", sort=("total_tax",)),
            Column("po_number", "PO"),
        ),
        empty=Empty(
            "No invoice can be exported",
            "Invoices show here when they are Ready to Send or Sent, and not in Xero yet. "
            "Type a number below to see why one is missing.",
            icon="file-invoice",
        ),
        sort="date",
        filter=InvoiceFilter,
    ),
)


# --- payments


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


NEW, KNOWN = Badge("New", "info"), "Already imported"
FOREIGN = Badge("Not an invoice from here", "warning")


def payment_lines(connection: XeroConnection) -> Callable[[QuerySet[XeroRecord]], list[PaymentLine]]:
    """Return what turns Xero's payments into lines: a fixed number of queries for a page."""

    def lines(records: QuerySet[XeroRecord]) -> list[PaymentLine]:
        found = list(records)
        ledgers = payments.ledgers({each.key for each in found}, connection.tenant_id, connection.base_currency)
        known = payments.known([each.xero_id for each in found], connection.tenant_id)
        return [_payment_line(each, ledgers.get(each.key), each.xero_id in known, connection) for each in found]

    return lines


def _payment_line(
    record: XeroRecord,
    ledger: Ledger | None,
    known: bool,
    connection: XeroConnection,
) -> PaymentLine:
    document = record.payload.get("Invoice") or {}
    state = Badge(KNOWN, "success") if known else NEW if ledger else FOREIGN
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
        state=state,
    )


def _payment_filters(asked: QueryDict) -> dict[str, str] | None:
    form = PaymentFilter(asked)
    return form.filters if form.is_valid() else None


def _payment_sums(rows: QuerySet[XeroRecord]) -> list[CurrencySum]:
    # Amounts stand in Xero's own JSON, as text
    amount = Cast(KT("payload__Amount"), DecimalField(max_digits=16, decimal_places=4))
    named = rows.annotate(currency=KT("payload__Invoice__CurrencyCode"), paid=amount)
    return add_up(named, "currency", "paid")


PAYMENTS = Wizard(
    kind="payments",
    direction=Job.Direction.IMPORT,
    page="import_payments",
    noun=("payment", "payments"),
    key="xero_id",
    candidates=payments.candidates,
    everything=lambda tenant_id: XeroRecord.objects.filter(tenant_id=tenant_id, kind="payments"),
    filters=_payment_filters,
    add_up=_payment_sums,
    label=lambda line: f"payment of {line.amount} for {line.number or 'an invoice without a number'}",
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
        filter=PaymentFilter,
    ),
)
WIZARDS = {wizard.kind: wizard for wizard in (INVOICES, PAYMENTS)}
