"""The lists of Admin > Finance: their columns and filters."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse_lazy

from bmsxero.listing import Action, Badge, Column, Empty, Filter, Listing
from bmsxero.roles import ADMINS, WRITERS
from bmsxero.xero_state import COLUMNS as XERO_COLUMNS
from bmsxero.xero_state import XeroFilter
from finance.item_kinds import ItemKind
from finance.models import ACCOUNT_TYPES, AccountCode, Item, TaxRate
from finance.usage import number_of, with_account

IMPORT, EXPORT = "/finance/xero/import/{}/", "/finance/xero/export/{}/"
ACTIVE = [("", "All"), ("yes", "Active"), ("no", "Inactive")]


def xero_actions(what: str) -> tuple[Action, ...]:
    """Return the buttons to the wizards; one whose page does not exist is not shown."""
    return (
        Action("Import from Xero", IMPORT.format(what), icon="download", roles=WRITERS),
        Action("Export to Xero", EXPORT.format(what), icon="upload", roles=WRITERS),
    )


def active_badge(record: Any) -> Badge | str:
    return "Active" if record.active else Badge("Inactive")


def _active() -> forms.ChoiceField:
    return forms.ChoiceField(label="State", required=False, choices=ACTIVE)


def _search(label: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200, widget=forms.SearchInput)


def _narrow(rows: QuerySet[Any], asked: dict[str, Any], *searched: str) -> QuerySet[Any]:
    if text := asked["q"].strip():
        found = Q()
        for name in searched:
            found |= Q(**{f"{name}__icontains": text})
        rows = rows.filter(found)
    if wanted := asked.get("active"):
        rows = rows.filter(active=wanted == "yes")
    return rows


class AccountCodeFilter(XeroFilter):
    q = _search("Code, name or description")
    type = forms.ChoiceField(
        label="Type", required=False, choices=[("", "All"), *((name, name) for name in ACCOUNT_TYPES)]
    )
    active = _active()
    field_order = ("q", "type", "active", "xero")

    def narrow(self, rows: QuerySet[AccountCode]) -> QuerySet[AccountCode]:
        rows = _narrow(super().narrow(rows), self.cleaned_data, "code", "name", "description")
        return rows.filter(type=self.cleaned_data["type"]) if self.cleaned_data["type"] else rows


ACCOUNT_CODES = Listing(
    caption="Account codes",
    columns=(
        Column("code", "Code", cell="link", sort=("code",)),
        Column("name", "Name", sort=("name",)),
        Column("description", "Description", cell="finance/cells/words.html"),
        Column("type", "Type", sort=("type", "code")),
        Column("active", "State", value=active_badge, cell="badge"),
        Column("used_by", "Used by", cell="finance/cells/items.html", sort=("used_by",), align="end"),
        *XERO_COLUMNS,
    ),
    empty=Empty(
        "No account codes yet",
        "Import your chart of accounts from Xero, or add the codes you need.",
        icon="book",
        actions=(
            Action("Import from Xero", IMPORT.format("chart-of-accounts"), icon="download", roles=WRITERS),
            Action("New account code", reverse_lazy("finance_admin:new_account_code"), icon="plus", roles=ADMINS),
        ),
    ),
    sort="code",
    filter=AccountCodeFilter,
)


class ItemFilter(XeroFilter):
    q = _search("Name, code or description")
    active = _active()
    account = forms.ModelChoiceField(
        AccountCode.objects.all(), label="Account code", required=False, widget=forms.HiddenInput
    )
    tax = forms.ModelChoiceField(TaxRate.objects.all(), label="Tax", required=False, widget=forms.HiddenInput)
    field_order = ("q", "active", "xero")

    def narrow(self, rows: QuerySet[Item]) -> QuerySet[Item]:
        asked = self.cleaned_data
        rows = _narrow(super().narrow(rows), asked, "name", "code", "description")
        if asked["account"]:
            rows = with_account(rows, asked["account"])
        return rows.filter(tax=asked["tax"]) if asked["tax"] else rows


def _price(name: str, label: str, *, screen: bool = True) -> Column:
    return Column(name, label, cell="number", align="end", sort=(name,), screen=screen)


def _account(name: str, label: str, *, screen: bool) -> Column:
    return Column(name, label, cell="record", sort=(f"{name}__code",), screen=screen)


@cache
def items_listing(kind: ItemKind) -> Listing:
    """Return how one kind of item is listed: the columns that it has."""
    columns = {
        "description": Column(
            "description", "Description", cell="finance/cells/words.html", screen="unit_price" not in kind.fields
        ),
        "discount_value": _price("discount_value", "Value"),
        "unit_price": _price("unit_price", "Unit price"),
        "unit_cost": _price("unit_cost", "Unit cost"),
        "requires_procurement": Column("requires_procurement", "Requires procurement", screen=False),
    }
    own = [column for name, column in columns.items() if name in kind.fields]
    if kind.kind == Item.Kind.DISCOUNT_TYPE:
        own.insert(1, Column("discount_type", "Type", value=lambda _: "Amount"))
    return Listing(
        caption=kind.plural,
        columns=(
            Column("name", "Name", cell="link", sort=("name",)),
            Column("code", kind.code_label, sort=("code",)),
            *own,
            _account("income_account", "Income account", screen=True),
            *([_account("expense_account", "Expense account", screen=True)] if kind.bought else []),
            Column("taxable", "Taxable", cell="yes_no"),
            Column("tax", "Tax", screen=False),
            Column("active", "State", value=active_badge, cell="badge"),
            *XERO_COLUMNS,
        ),
        empty=Empty(
            f"No {kind.plural.lower()} yet",
            kind.meaning,
            icon=kind.icon,
            actions=(
                Action(
                    f"New {kind.label.lower()}", reverse_lazy(f"finance_admin:{kind.kind}_new"), "plus", roles=WRITERS
                ),
                Action("Import items from Xero", IMPORT.format("items"), icon="download", roles=WRITERS),
            ),
        ),
        sort="name",
        filter=ItemFilter,
    )


class BillingFilter(Filter):
    q = _search("Name or code")
    active = _active()
    blanks = forms.BooleanField(label="Only show blanks", required=False)

    def narrow(self, rows: QuerySet[Item]) -> QuerySet[Item]:
        rows = _narrow(rows, self.cleaned_data, "name", "code")
        if self.cleaned_data["blanks"]:
            rows = rows.filter(Q(income_account=None) | (Q(expense_account=None) & ~Q(kind=Item.Kind.DISCOUNT_TYPE)))
        return rows


@cache
def billing_listing(kind: ItemKind) -> Listing:
    """Return the grid of one tab of Billing. Its rows carry `cells` and `effective`: see billing.py."""

    def typed(name: str, label: str) -> Column:
        return Column(
            name,
            label,
            value=lambda item: item.cells[name],
            cell="finance/cells/account_input.html",
            sort=(f"{name}__code",),
        )

    return Listing(
        caption=f"Accounts of {kind.plural.lower()}",
        columns=(
            Column("name", "Item", cell="link", sort=("name",)),
            typed("income_account", "Income account"),
            *([typed("expense_account", "Expense account")] if kind.bought else []),
            Column(
                "effective",
                "Effective in Xero",
                value=lambda item: "; ".join(f"{each.use}: {each}" for each in item.effective),
                cell="finance/cells/effective.html",
            ),
        ),
        empty=Empty(
            f"No {kind.plural.lower()} yet",
            "Their accounts are set here once there are some.",
            icon=kind.icon,
            actions=(
                Action(
                    f"New {kind.label.lower()}", reverse_lazy(f"finance_admin:{kind.kind}_new"), "plus", roles=WRITERS
                ),
                Action("Import items from Xero", IMPORT.format("items"), icon="download", roles=WRITERS),
            ),
        ),
        sort="name",
        filter=BillingFilter,
    )


class TaxFilter(Filter):
    q = _search("Name")
    active = _active()
    mapped = forms.ChoiceField(
        label="Xero", required=False, choices=[("", "All"), ("yes", "Mapped"), ("no", "Not mapped")]
    )

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = _narrow(rows, self.cleaned_data, "name")
        if wanted := self.cleaned_data["mapped"]:
            rows = rows.filter(xero_tax_type__isnull=wanted == "no")
        return rows


def tax_uses(rate: Any) -> str:
    """Say who has a tax, in words; the row comes from `count_tax_uses`."""
    uses = (
        (rate.line_count, "invoice line", "invoice lines"),
        (rate.item_count, "item", "items"),
        (rate.account_count, "account", "accounts"),
    )
    return ", ".join(number_of(*use) for use in uses if use[0])


def tax_in_xero(rate: Any) -> str:
    return rate.xero_tax_name or rate.xero_tax_type or ""


def _parts(rate: TaxRate) -> str:
    return " + ".join(str(part) for part in rate.components.all())


TAXES = Listing(
    caption="Taxes",
    columns=(
        Column("name", "Name", cell="link", sort=("name",)),
        Column("rate", "Rate", cell="finance/cells/percent.html", align="end", sort=("rate", "name")),
        Column("components", "Parts", value=_parts, cell="finance/cells/parts.html"),
        Column("mapped", "In Xero", value=tax_in_xero, cell="finance/cells/mapped.html"),
        Column("uses", "Used by", value=tax_uses, cell="finance/cells/words.html"),
        Column("active", "State", value=active_badge, cell="badge"),
        Column("note", "Note", screen=False),
    ),
    empty=Empty(
        "No taxes yet",
        "A tax has a rate. A tax group has parts, such as a state and a city tax, and a rate that they make together.",
        icon="percentage",
        actions=(Action("New tax", reverse_lazy("finance_admin:new_tax"), icon="plus", roles=ADMINS),),
    ),
    sort="name",
    filter=TaxFilter,
)
