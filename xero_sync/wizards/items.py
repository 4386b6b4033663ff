"""Our five kinds of item to Xero's items, and back."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from bmsxero.listing import Column, Decorate, Empty, Grid, Listing
from finance.models import Item
from xero_sync import accounts, selection
from xero_sync.books import Books
from xero_sync.kinds import export_kind, import_kind
from xero_sync.kinds.items import item_code, name_of, suggested_kind
from xero_sync.mirror import amount
from xero_sync.models import Job, XeroConnection, XeroRecord
from xero_sync.wizard_forms import (
    YES,
    OptionsForm,
    RemoteFilter,
    RuleFilter,
    StartForm,
    Words,
    choice_field,
    search_field,
)
from xero_sync.wizards.base import Records, Wizard
from xero_sync.wizards.matches import add_matches, books_of
from xero_sync.wizards.remote import field, lines

kind, remote_kind = export_kind("items"), import_kind("items")
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


# --- import


class RemoteItemFilter(RemoteFilter):
    kind = "items"
    words: ClassVar[Words] = RemoteFilter.words | {"text": "“{}”", "which": "{} ones"}

    text = search_field("Name or code")
    which = choice_field("Which", [("sold", "Sold"), ("bought", "Bought"), ("tracked", "Tracked")])

    field_order = ("text", "which", "modified_since", "since_last")


class DestinationForm(OptionsForm):
    """Which of our five kinds imported items become: for all, or for each. The rows come a page at a time."""

    default = forms.ChoiceField(
        label="They become",
        choices=[("", "What fits: tracked items become products, the others services"), *Item.Kind.choices],
        widget=forms.RadioSelect,
        required=False,
        initial="",
    )
    bring_account_codes = forms.BooleanField(
        label="Bring account codes, too, where they are missing here", required=False
    )
    #: An unticked box says nothing by itself
    asked = forms.CharField(widget=forms.HiddenInput, required=False, initial=YES)

    @classmethod
    def of(cls, options: dict[str, Any]) -> DestinationForm:
        destination = options.get("destination") or {}
        bring = options.get("bring_account_codes", False)
        return cls(initial={"default": destination.get("default", ""), "bring_account_codes": bring, "asked": YES},
                   known=options)  # fmt: skip

    def overrides(self) -> dict[str, Any]:
        if not self.cleaned_data["asked"]:
            return {}
        shown = {name.removeprefix(ROW): value for name, value in self.data.items() if name.startswith(ROW)}
        rows = (self.known.get("destination") or {}).get("rows") or {}
        kept = {key: kind for key, kind in (rows | shown).items() if kind in Item.Kind.values}
        return {
            "destination": {"default": self.cleaned_data["default"], "rows": kept},
            "bring_account_codes": self.cleaned_data["bring_account_codes"],
        }


#: What a row's own choice is called in a form, before its id.
ROW = "row-"


def _price(record: XeroRecord) -> Any:
    price = (record.payload.get("SalesDetails") or {}).get("UnitPrice")
    return amount(price) if price is not None else None


def _is_tracked(record: XeroRecord) -> bool:
    return record.payload.get("IsTrackedAsInventory") in {True, "true"}


_CODE = Column("code", "Code", value=field("Code"), sort=("key",))
_NAME = Column("name", "Name", value=lambda each: name_of(each.payload), sort=("folded_name",))
_TRACKED = Column("tracked", "Tracked", value=_is_tracked, cell="yes_no")
DESTINATIONS = Listing(
    caption="What each item becomes",
    columns=(_CODE, _NAME, _TRACKED, Column("own", "Becomes", cell="xero_sync/wizard/cells/destination.html")),
    empty=Empty("Nothing is selected"),
    sort="code",
)


def destinations(request: HttpRequest, rows: Records, options: dict[str, Any]) -> Grid:
    """Return the chosen items, each with what it becomes."""
    own = (options.get("destination") or {}).get("rows") or {}

    def decorate(records: QuerySet[XeroRecord]) -> list[Any]:
        found: list[Any] = list(records)
        for record in found:
            record.own = own.get(record.xero_id, "")
            record.choices = Item.Kind.choices
            record.suggested = Item.Kind(suggested_kind(record)).label
        return found

    return DESTINATIONS.grid(request, rows, decorate=decorate)


IMPORT = Wizard(
    name="import-items",
    kind="items",
    direction=Job.Direction.IMPORT,
    page="import_items",
    path="finance/xero/import/items/",
    title="Import items",
    noun=("item", "items"),
    steps=("Load", "Select", "Destination", "Check", "Result"),
    key="xero_id",
    matching=lambda filters, tenant_id: selection.matching_remote(remote_kind, filters, tenant_id),
    everything=lambda tenant_id: XeroRecord.objects.filter(tenant_id=tenant_id, kind="items"),
    decorate=lines("items", Item),
    label=lambda record: f"item {field('Code')(record)}",
    options=DestinationForm,
    options_title="What the items become",
    options_grid=destinations,
    reads=remote_kind.mirrors,
    load_label="Load Xero Items",
    reading="items, accounts and tax rates",
    paste_fields=("key", "folded_name"),
    filter=RemoteItemFilter,
    listing=Listing(
        caption="Items in Xero",
        columns=(
            _CODE,
            _NAME,
            Column("price", "Sales price", value=_price, cell="xero_sync/wizard/cells/price.html", align="end"),
            Column("account", "Sales account", value=field("SalesDetails", "AccountCode")),
            Column("tax", "Tax"),
            _TRACKED,
            Column("linked", "Linked to", cell="xero_sync/wizard/cells/linked.html"),
        ),
        empty=Empty("Xero has no items", "Products and services of this organisation show here."),
        sort="code",
    ),
)
