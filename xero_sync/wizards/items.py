"""Our five kinds of item to Xero's items, and back."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet

from bmsxero.listing import Column, Decorate, Empty, Listing
from finance.models import Item
from xero_sync import accounts, selection
from xero_sync.books import Books
from xero_sync.kinds import export_kind
from xero_sync.kinds.items import item_code
from xero_sync.models import Job, XeroConnection
from xero_sync.wizard_forms import RuleFilter, StartForm, Words, search_field
from xero_sync.wizards.base import Wizard
from xero_sync.wizards.matches import add_matches, books_of

kind = export_kind("items")
PLURALS = {
    Item.Kind.PRODUCT: "Products",
    Item.Kind.SERVICE: "Services",
    Item.Kind.WORK_TYPE: "Work types",
    Item.Kind.EXPENSE_TYPE: "Expense types",
    Item.Kind.DISCOUNT_TYPE: "Discount types",
}


def _kinds(names: list[str]) -> str:
    return " and ".join(PLURALS[Item.Kind(name)].lower() for name in names)


class TypesForm(StartForm):
    """Which of the five kinds to list: one or several."""

    answers = ("load", "kinds")
    words: ClassVar[Words] = {"kinds": _kinds}

    kinds = forms.MultipleChoiceField(
        label="Which items",
        choices=list(PLURALS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one type.", "invalid_choice": "Choose among these five."},
    )

    @property
    def filters(self) -> dict[str, Any]:
        return {"kinds": sorted(self.cleaned_data["kinds"])}

    @classmethod
    def asked(cls, filters: dict[str, Any]) -> dict[str, Any]:
        return {"kinds": filters.get("kinds") or list(PLURALS)}


class ItemFilter(RuleFilter):
    words: ClassVar[Words] = {"text": "“{}”", "unlinked": "not linked"}

    text = search_field("Name or code")
    unlinked = forms.BooleanField(label="Unlinked only", required=False)


def _lines(connection: XeroConnection) -> Decorate:
    def lines(records: QuerySet[Item]) -> list[Any]:
        found: list[Any] = list(records.select_related("income_account", "expense_account", "tax"))
        books = books_of(connection)
        add_matches(kind, found, books)
        for item in found:
            item.code_to_use = item_code(item, books)
            item.income = _account(accounts.income_account(item, books), books)
            is_bought = item.kind != Item.Kind.DISCOUNT_TYPE
            item.expense = _account(accounts.expense_account(item, books), books) if is_bought else None
        return found

    return lines


def _account(choice: accounts.Choice, books: Books) -> dict[str, str]:
    account = books.accounts.get(choice.code)
    name = f"{choice.code} {account.name}" if account else choice.code or "None"
    return {"name": name, "source": choice.source}


EXPORT = Wizard(
    name="export-items",
    kind="items",
    direction=Job.Direction.EXPORT,
    page="export_items",
    path="finance/xero/export/items/",
    title="Export items",
    noun=("item", "items"),
    steps=("Types", "Select", "Check", "Result"),
    matching=lambda filters, tenant_id: selection.matching(kind, filters, tenant_id),
    everything=lambda _: kind.all_records(),
    decorate=_lines,
    label=lambda item: f"{item.get_kind_display().lower()} {item.name}",
    start=TypesForm,
    compares=("items",),
    paste_fields=("name", "code"),
    filter=ItemFilter,
    listing=Listing(
        caption="Items to export",
        columns=(
            Column("kind", "Type", value=lambda item: item.get_kind_display(), sort=("kind",)),
            Column("name", "Name", cell="xero_sync/wizard/cells/name.html", sort=("name",)),
            Column("code_to_use", "Code to use"),
            Column(
                "price", "Price", value=lambda item: item.sales_price, cell="xero_sync/wizard/cells/price.html",
                align="end",
            ),
            Column("income", "Income account", cell="xero_sync/wizard/cells/account.html"),
            Column("expense", "Expense account", cell="xero_sync/wizard/cells/account.html"),
            Column("tracked", "Tracked", value=lambda item: item.requires_procurement, cell="yes_no"),
            Column("match", "In Xero", cell="xero_sync/wizard/cells/match.html"),
        ),
        empty=Empty("No items of these types", "What is sold shows here: the item becomes an item in Xero."),
        sort="name",
    ),
)  # fmt: skip
