"""The lists of invoices and payments: their columns and filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse_lazy
from django.utils import timezone

from bmsxero.listing import Action, Column, Empty, Filter, Listing
from bmsxero.roles import WRITERS
from bmsxero.templatetags.bms import count, money
from bmsxero.xero_state import COLUMNS as XERO_COLUMNS
from bmsxero.xero_state import XeroFilter, not_in_xero
from crm.models import Account
from finance import ages
from finance.badges import invoice_badge, payment_kind
from finance.balances import CurrencySum, overdue, owed
from finance.models import Invoice, Payment
from xero_sync.links import linked_by, touched_by


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _date(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=DateInput())


def _account() -> forms.ModelChoiceField[Account]:
    return forms.ModelChoiceField(Account.objects.all(), label="Account", required=False, widget=forms.HiddenInput)


def _job() -> forms.IntegerField:
    return forms.IntegerField(
        label="Job#",
        required=False,
        min_value=1,
        max_value=10**15,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )


#: Filters by status that look at the balance, too.
BY_BALANCE: dict[str, Callable[[QuerySet[Invoice]], QuerySet[Invoice]]] = {"unpaid": owed, "overdue": overdue}
STATUSES = [("", "All"), *Invoice.Status.choices, ("unpaid", "Unpaid"), ("overdue", "Overdue")]


AGES = [("", "Any time"), ("7", "Over 7 days"), ("14", "Over 14 days"), ("30", "Over 30 days"), ("60", "Over 60 days")]


class InvoiceFilter(XeroFilter):
    q = forms.CharField(label="No., account or PO", required=False, max_length=200, widget=forms.SearchInput)
    status = forms.ChoiceField(label="Status", required=False, choices=STATUSES)
    due_from = _date("Due from")
    due_to = _date("Due to")
    age = forms.ChoiceField(label="Ready since", required=False, choices=AGES)
    currency = forms.CharField(label="Currency", required=False, max_length=3)
    site = forms.CharField(label="Site", required=False, max_length=200)
    job = _job()
    account = _account()
    unsent = forms.ChoiceField(
        label="Not in Xero, ready for",
        required=False,
        choices=[("", "")] + [(age.name, age.label) for age in ages.AGES],
        widget=forms.HiddenInput,
    )
    field_order = ("q", "status", "xero")

    def narrow(self, rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
        rows = super().narrow(rows)
        asked = self.cleaned_data
        if text := asked["q"].strip():
            found = Q(number__icontains=text) | Q(account__name__icontains=text) | Q(po_number__icontains=text)
            rows = rows.filter(found)
        if asked["job"]:
            rows = rows.filter(pk__in=touched_by(asked["job"], "invoices"))
        if asked["site"].strip():
            rows = rows.filter(site__name__icontains=asked["site"].strip())
        if asked["age"]:
            rows = rows.filter(ready_at__lt=timezone.now() - timedelta(days=int(asked["age"])))
        if age := next((each for each in ages.AGES if each.name == asked["unsent"]), None):
            ready = rows.filter(age.q(timezone.now()), status__in=Invoice.EXPORTABLE, dont_send="")
            rows = not_in_xero(ready)
        if asked["currency"].strip():
            rows = rows.filter(currency=asked["currency"].strip().upper())
        if asked["status"] in BY_BALANCE:
            rows = BY_BALANCE[asked["status"]](rows)
        exact = {
            "status": asked["status"] if asked["status"] in Invoice.Status.values else "",
            "due_date__gte": asked["due_from"],
            "due_date__lte": asked["due_to"],
            "account": asked["account"],
        }
        return rows.filter(**{name: value for name, value in exact.items() if value})


class PaymentFilter(Filter):
    q = forms.CharField(label="Account, invoice or reference", required=False, max_length=200, widget=forms.SearchInput)
    date_from = _date("From")
    date_to = _date("To")
    source = forms.ChoiceField(label="Source", required=False, choices=[("", "All"), *Payment.Source.choices])
    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "All"), *Payment.Kind.choices, ("live", "Not reversed"), ("reversed", "Reversed")],
    )
    job = _job()
    account = _account()

    def narrow(self, rows: QuerySet[Payment]) -> QuerySet[Payment]:
        asked = self.cleaned_data
        if text := asked["q"].strip():
            found = Q(account__name__icontains=text) | Q(invoice__number__icontains=text) | Q(reference__icontains=text)
            rows = rows.filter(found)
        exact = {
            "date__gte": asked["date_from"],
            "date__lte": asked["date_to"],
            "source": asked["source"],
            "account": asked["account"],
            "kind": asked["kind"] if asked["kind"] in Payment.Kind.values else "",
        }
        if asked["kind"] in {"live", "reversed"}:
            rows = rows.filter(reversed=asked["kind"] == "reversed")
        if asked["job"]:
            rows = rows.filter(uuid__in=linked_by(asked["job"], "payments"))
        return rows.filter(**{name: value for name, value in exact.items() if value})


INVOICES = Listing(
    caption="Invoices",
    columns=(
        Column("number", "No.", cell="link", sort=("number",)),
        Column("account", "Account", cell="record", sort=("account__name",)),
        Column("site", "Site", screen=False),
        Column("date", "Date", cell="day", sort=("date",)),
        Column("due_date", "Due", cell="finance/cells/due.html", sort=("due_date",)),
        Column("status", "Status", value=invoice_badge, cell="badge", sort=("status",)),
        *XERO_COLUMNS,
        Column("currency", "Currency", screen=False),
        Column("total", "Total", cell="money", align="end", sort=("total",)),
        Column("balance_due", "Balance due", cell="money", align="end", sort=("balance_due",)),
        Column("ready_at", "Ready since", screen=False),
        Column("po_number", "PO no.", screen=False),
        Column("dont_send", "Don't send", screen=False),
    ),
    empty=Empty(
        "No invoices yet",
        "Invoices are listed here, with what is still to be paid.",
        icon="file-invoice",
        actions=(Action("Write one", reverse_lazy("finance:new_invoice"), icon="plus", roles=WRITERS),),
    ),
    sort="-date",
    filter=InvoiceFilter,
)
PAYMENTS = Listing(
    caption="Payments",
    columns=(
        Column("date", "Date", cell="finance/cells/day_link.html", sort=("date",)),
        Column("account", "Account", cell="record", sort=("account__name",)),
        Column("invoice", "Invoice", cell="record", sort=("invoice__number",)),
        Column("reference", "Reference"),
        Column("source", "Source", value=lambda payment: payment.get_source_display()),
        Column("kind", "Kind", value=payment_kind, cell="badge"),
        Column("currency", "Currency", value=lambda payment: payment.invoice.currency, screen=False),
        Column("amount", "Amount", cell="finance/cells/payment_amount.html", sort=("amount",), align="end"),
    ),
    empty=Empty(
        "No payments yet",
        "Payments appear here when they are imported from Xero.",
        icon="cash",
        actions=(Action("See invoices", reverse_lazy("finance:invoices"), icon="file-invoice"),),
    ),
    sort="-date",
    filter=PaymentFilter,
)


def invoice_sums(added: list[CurrencySum]) -> list[str]:
    """Return total and balance of what was added up in words, one line for each currency."""
    return [
        f"{count(one.number)} in {one.currency or 'your currency'}: "
        f"total {money(one.total)}, balance due {money(one.balance_due)}"
        for one in added
    ]
