"""Importing Xero's items as products, services, work types, expense types and discount types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finance.models import AccountCode, Item
from tests import records
from tests.xero_sync.driving import bring, check_import, checked, export, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import SyncOptions, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
KIND = "items"

ROUTER = {
    "Code": "RT-1",
    "Name": "Router",
    "Description": "A router",
    "SalesDetails": {"UnitPrice": "120.1234", "AccountCode": "200", "TaxType": "OUTPUT2"},
    "PurchaseDetails": {"UnitPrice": "80.5", "AccountCode": "300"},
}


def only(text: str = "rt-1", **filters: Any) -> dict[str, Any]:
    return {"all": True, "filters": {"text": text, **filters}}


def to(kind: str, **rows: str) -> dict[str, Any]:
    return {"default": kind, "rows": rows}


@pytest.mark.parametrize(
    ("kind", "fields", "who", "dropped"),
    [
        ("product", {"unit_price": Decimal("120.1234"), "unit_cost": Decimal("80.5")}, "", ""),
        ("service", {"unit_price": Decimal("120.1234"), "unit_cost": Decimal("80.5")}, "", ""),
        ("work_type", {"unit_price": 0}, "A work type", "sales price 120.1234, purchase price 80.5"),
        ("expense_type", {"unit_price": 0}, "An expense type", "sales price 120.1234, purchase price 80.5"),
        ("discount_type", {"discount_value": Decimal("120.1234")}, "A discount type", "purchase price 80.5"),
    ],
)  # fmt: skip
def test_an_item_becomes_what_was_chosen(
    connection: XeroConnection, xero: SimulatedXero, kind: str, fields: dict[str, Any], who: str, dropped: str
) -> None:
    for code in ("200", "300"):
        AccountCode.objects.create(code=code, name=code)
    xero.write("Items", ROUTER)
    checked = check_import(KIND, only(), destination=to(kind))
    assert the_row(checked, "Router").warning == (f"{who} has no place for: {dropped}." if dropped else "")
    assert jobs.results(send(checked))["created"] == 1
    made = Item.objects.get()
    assert (made.kind, made.name, made.code, made.description) == (kind, "Router", "RT-1", "A router")
    assert {name: getattr(made, name) for name in fields} == fields
    assert made.income_account is not None
    assert made.expense_account is not None
    assert (made.income_account.code, made.expense_account.code) == ("200", "300")
    assert made.taxable
    assert made.tax is not None
    assert made.tax.rate == 20


def test_the_destination_can_be_chosen_per_row(connection: XeroConnection, xero: SimulatedXero) -> None:
    (router,) = xero.write("Items", ROUTER)
    xero.write("Items", {**ROUTER, "Code": "RT-2", "Name": "Router care"})
    bring(KIND, only("rt-"), destination=to("service", **{router["ItemID"]: "product"}))
    assert dict(Item.objects.values_list("name", "kind")) == {"Router": "product", "Router care": "service"}


def test_without_a_name_the_code_is_taken(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Items", {"Code": "RT-1"})
    checked = check_import(KIND, only(), destination=to("service"))
    assert "It has no name in Xero, so its code is taken." in the_row(checked, "RT-1").message
    send(checked)
    assert Item.objects.get().name == "RT-1"


@pytest.mark.parametrize("tax_type", [None, "NONE"])
def test_without_a_sales_tax_it_is_not_taxable(
    connection: XeroConnection, xero: SimulatedXero, tax_type: str | None
) -> None:
    details = {"UnitPrice": "1", **({"TaxType": tax_type} if tax_type else {})}
    xero.write("Items", {"Code": "RT-1", "Name": "Router", "SalesDetails": details})
    bring(KIND, only(), destination=to("service"))
    made = Item.objects.get()
    assert (made.taxable, made.tax) == (False, None)


def test_a_tracked_item_is_a_product_that_requires_procurement(connection: XeroConnection, xero: SimulatedXero) -> None:
    AccountCode.objects.create(code="300", name="Purchases")
    xero.write(
        "Items",
        {
            "Code": "RT-1",
            "Name": "Router",
            "InventoryAssetAccountCode": "630",
            "PurchaseDetails": {"COGSAccountCode": "300"},
        },
    )
    bring(KIND, only())
    made = Item.objects.get()
    assert (made.kind, made.requires_procurement) == ("product", True)
    assert made.expense_account is not None
    assert made.expense_account.code == "300"


def test_an_unknown_account_code_is_left_blank_and_said(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Items", ROUTER)
    checked = check_import(KIND, only(), destination=to("service"))
    words = "Left blank, as it isn't here: account code 200, 300. Import it, or let it come along."
    assert the_row(checked, "Router").warning == words
    send(checked)
    assert Item.objects.get().income_account is None


def test_account_codes_come_along_when_asked_for(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Items", ROUTER)
    job = bring(KIND, only(), destination=to("service"), bring_account_codes=True)
    assert jobs.results(job)["also"] == {"account_codes": 2, "tax_rates": 1}
    made = Item.objects.get()
    assert made.income_account is not None
    assert made.income_account.name == "Sales"
    assert XeroLink.objects.filter(kind="account_codes").count() == 2


def test_a_saved_link_updates_what_xero_changed(connection: XeroConnection, xero: SimulatedXero) -> None:
    (there,) = xero.write("Items", {**ROUTER, "SalesDetails": {"UnitPrice": "1"}, "PurchaseDetails": {}})
    bring(KIND, only(), destination=to("work_type"))
    Item.objects.update(unit_cost=Decimal(7))
    xero.write("Items", {"ItemID": there["ItemID"], **ROUTER, "Name": "Big router"}, method="POST")
    checked = check_import(KIND, only(), destination=to("product"), bring_account_codes=True)
    assert the_row(checked, "Big router").diff == [
        ["Name", "Router", "Big router"],
        ["Income account", "", "200 Sales"],
        ["Expense account", "", "300 Purchases"],
        ["Taxable", "No", "Yes"],
        ["Tax", "", "20% (VAT on Income)"],
    ]
    assert jobs.results(send(checked))["updated"] == 1
    made = Item.objects.get()
    # what kind it is here, and what that kind has no place for, stays
    assert (made.kind, made.name, made.unit_price, made.unit_cost) == ("work_type", "Big router", 0, Decimal(7))
    assert jobs.results(bring(KIND, only()))["skipped"] == 1


def test_an_item_of_the_same_code_is_linked_and_left_as_it_is(connection: XeroConnection, xero: SimulatedXero) -> None:
    ours = Item.objects.create(kind="service", name="Our router", code="rt-1")
    xero.write("Items", ROUTER)
    job = bring(KIND, only(), destination=to("product"))
    assert (jobs.results(job)["linked"], Item.objects.get().name) == (1, "Our router")
    assert XeroLink.objects.get(kind=KIND).local_id == ours.uuid


def test_what_was_exported_is_not_imported_as_new_and_the_other_way_round(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    Item.objects.create(kind="service", name="Backup", taxable=False)
    export(kind=KIND)
    number = len(xero.books()["items"])
    bring(KIND, destination=to("service"))
    assert Item.objects.count() == number
    SyncOptions.objects.update(sales_account="200")
    assert jobs.results(export(kind=KIND))["created"] == 0
    assert len(xero.books()["items"]) == number


def test_items_can_be_narrowed_to_tracked_ones(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.write("Items", ROUTER)
    assert outcome(check_import(KIND, only("", which="tracked"))) == {}
    assert "Router" in outcome(check_import(KIND, only("", which="sold")))


def test_an_item_that_xero_has_deleted_is_not_imported(connection: XeroConnection, xero: SimulatedXero) -> None:
    (there,) = xero.write("Items", {"Code": "gone", "Name": "Gone"})
    check_import("items")
    XeroRecord.objects.filter(xero_id=there["ItemID"]).update(status="MISSING")
    job = checked(jobs.start_check("items", "import", {"ids": [there["ItemID"]]}, user=None))
    assert outcome(job) == {"Gone": ("planned", "Xero does not have it any more.")}
    send(job)
    assert not Item.objects.filter(name="Gone").exists()


def test_an_item_of_a_name_of_any_letters_is_recognised(connection: XeroConnection, xero: SimulatedXero) -> None:
    ours = records.item("Straßenmessung", code="Maß-1")
    xero.write("Items", {"Code": "Maß-1", "Name": "Straßenmessung"})
    bring("items")
    assert XeroLink.objects.get(kind="items", local_id=ours.uuid)


def linked_and_taxed_since(xero: SimulatedXero) -> Item:
    """Return an item that is linked, and was given a tax in Xero after that."""
    made = Item.objects.create(kind="service", code="RT-1", name="Router", taxable=False)
    (there,) = xero.write("Items", {"Code": "RT-1", "Name": "Router", "SalesDetails": {"UnitPrice": "1"}})
    bring(KIND, only())
    sales = {"UnitPrice": "1", "TaxType": "OUTPUT2"}
    xero.write("Items", {"ItemID": there["ItemID"], "Code": "RT-1", "SalesDetails": sales}, method="POST")
    return made


def test_a_linked_item_gets_a_tax_that_has_another_name_here(connection: XeroConnection, xero: SimulatedXero) -> None:
    """Check shows our tax, to which Xero's will be linked by then, not Xero's name of it."""
    made = linked_and_taxed_since(xero)
    ours = records.tax("Our VAT", "20")
    job = check_import(KIND, only())
    assert ["Tax", "", "Our VAT"] in the_row(job, "Router").diff
    assert outcome(send(job))["Router"][0] == "succeeded"
    made.refresh_from_db()
    assert made.tax == ours


def test_a_linked_item_gets_a_tax_whose_name_is_taken_here(connection: XeroConnection, xero: SimulatedXero) -> None:
    linked_and_taxed_since(xero)
    records.tax("20% (VAT on Income)", "17.5")
    job = check_import(KIND, only())
    assert ["Tax", "", "20% (VAT on Income) (20 %, OUTPUT2)"] in the_row(job, "Router").diff
    assert outcome(send(job))["Router"][0] == "succeeded"


@pytest.mark.parametrize("ours", [{"name": " Big  router"}, {"name": "R", "code": "RT-1 "}])
def test_spaces_that_do_not_count_hide_no_item(
    connection: XeroConnection, xero: SimulatedXero, ours: dict[str, str]
) -> None:
    made = Item.objects.create(kind="service", **ours)
    xero.write("Items", ROUTER | {"Name": "Big router"})
    bring(KIND, only())
    assert XeroLink.objects.get(kind=KIND).local_id == made.uuid
