"""Exporting items of all five kinds: accounts with their source, tracking, discounts, codes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm.models import Account
from finance.models import AccountCode, Invoice, InvoiceLine, Item
from tests import records
from tests.xero_sync.driving import check, export, forget, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import fix_rows, jobs
from xero_sync.models import SyncOptions, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
KIND = "items"


def item(name: str = "Backup", kind: str = "service", **fields: Any) -> Item:
    return Item.objects.create(name=name, kind=kind, **({"taxable": False} | fields))


def there(xero: SimulatedXero, code: str) -> dict[str, Any]:
    (found,) = [each for each in xero.read("Items", unitdp="4") if each["Code"] == code]
    return found


def test_all_five_kinds_become_items(connection: XeroConnection, xero: SimulatedXero) -> None:
    item("Router", "product", code="P-1", unit_price=Decimal("120.5"), unit_cost=Decimal(80), description="A router")
    item("Backup", "service", unit_price=Decimal("9.1234"), unit_cost=Decimal(4))
    item("Consulting", "work_type", description="By the hour")
    item("Mileage", "expense_type")
    item("Loyalty", "discount_type", discount_value=Decimal(25))
    assert jobs.results(export(kind=KIND))["created"] == 5
    router = there(xero, "P-1")
    assert (router["Name"], router["Description"]) == ("Router", "A router")
    assert router["SalesDetails"]["UnitPrice"] == Decimal("120.5")
    assert router["PurchaseDetails"]["UnitPrice"] == 80
    assert there(xero, "Backup")["SalesDetails"]["UnitPrice"] == Decimal("9.1234")
    assert there(xero, "Consulting")["Description"] == "By the hour"
    assert there(xero, "Loyalty")["SalesDetails"]["UnitPrice"] == 25


def test_the_items_own_account_comes_before_the_default(connection: XeroConnection, xero: SimulatedXero) -> None:
    own = AccountCode.objects.create(code="260", name="Other Revenue", type="Revenue")
    item("Own", income_account=own)
    item("Default")
    export(kind=KIND)
    default = SyncOptions.objects.get().sales_account
    assert there(xero, "Own")["SalesDetails"]["AccountCode"] == "260"
    assert there(xero, "Default")["SalesDetails"]["AccountCode"] == default


def test_an_own_account_that_xero_lacks_is_never_silent(connection: XeroConnection) -> None:
    item(income_account=AccountCode.objects.create(code="9999", name="New", type="Revenue"))
    row = the_row(check(kind=KIND), "Backup")
    assert (row.outcome, row.reason) == ("fail", "account_not_in_xero")
    assert "Export this code" in row.message


def test_a_product_that_requires_procurement_is_tracked(connection: XeroConnection, xero: SimulatedXero) -> None:
    item("Firewall", "product", code="FW", requires_procurement=True)
    export(kind=KIND)
    made = there(xero, "FW")
    assert made["IsTrackedAsInventory"] is True
    assert made["InventoryAssetAccountCode"] == SyncOptions.objects.get().inventory_account
    assert made["PurchaseDetails"]["COGSAccountCode"] == SyncOptions.objects.get().purchases_account


def test_an_item_of_the_same_code_is_linked_and_left_as_it_is(connection: XeroConnection, xero: SimulatedXero) -> None:
    item("Call-out", code="x-call", unit_price=Decimal(1))
    job = export(kind=KIND)
    assert jobs.results(job)["linked"] == 1
    assert there(xero, "X-CALL")["SalesDetails"]["UnitPrice"] == 145
    assert "What differs is not sent: Name, Sales description, Sales price" in outcome(job)["Call-out"][1]


def test_exporting_a_linked_item_again_sends_what_differs(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = item("Backup", unit_price=Decimal(10))
    export(kind=KIND)
    Item.objects.update(unit_price=Decimal("12.5"), description="Nightly")
    checked = check(kind=KIND)
    assert the_row(checked, "Backup").diff == [
        ["Sales description", "Backup", "Nightly"],
        ["Sales price", "10", "12.5"],
    ]
    assert jobs.results(send(checked))["updated"] == 1
    assert there(xero, "Backup")["SalesDetails"]["UnitPrice"] == Decimal("12.5")
    assert jobs.results(export(kind=KIND))["skipped"] == 1
    assert XeroLink.objects.get(kind=KIND).local_id == made.uuid


def test_an_item_tracked_differently_is_linked_and_its_tracking_stays(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    made = item("Call-out", "product", code="X-CALL", requires_procurement=True)
    export(kind=KIND)
    job = export(kind=KIND)
    assert jobs.results(job)["updated"] == 1
    found = there(xero, "X-CALL")
    assert (found["Name"], found["IsTrackedAsInventory"]) == ("Call-out", False)
    assert jobs.results(export({"ids": [str(made.uuid)]}, KIND))["skipped"] == 1


def test_two_items_cut_to_one_code_ask_and_suggest_another(connection: XeroConnection, xero: SimulatedXero) -> None:
    item("Managed endpoint protection for small", code="")
    item("Managed endpoint protection for large", code="")
    item("Managed endpoint protection for huge", code="")
    job = check(kind=KIND)
    rows = list(job.rows.filter(outcome="decide").order_by("id"))
    assert [row.suggestion for row in rows] == ["Managed endpoint protection-2", "Managed endpoint protection-3"]
    assert len(fix_rows.set_codes(job, {}).touched) == 2
    reasons = set(Item.history.filter(history_type="~").values_list("history_change_reason", flat=True))
    assert reasons == {f"Check of Job {job.number}"}
    job = export(kind=KIND)
    assert jobs.results(job)["created"] == 3
    assert len({each["Code"] for each in xero.read("Items") if each["Name"].startswith("Managed")}) == 3


def test_an_item_without_an_account_says_where_to_set_one(connection: XeroConnection) -> None:
    SyncOptions.objects.update(sales_account="")
    item()
    row = the_row(check(kind=KIND), "Backup")
    assert (row.reason, row.message) == ("account_missing", "“Backup” has no income account and no default is set.")


def test_items_can_be_narrowed_to_some_kinds(connection: XeroConnection) -> None:
    item("Backup", "service")
    item("Mileage", "expense_type")
    job = check({"all": True, "filters": {"kinds": ["expense_type"]}}, KIND)
    assert set(outcome(job)) == {"Mileage"}


# --- tracked items on invoices


def tracked_invoice(number: str, product: Item, quantity: str) -> Invoice:
    customer = Account.objects.filter(name="Acme").first() or records.account()
    made = records.invoice(number, of=customer, status=Invoice.Status.READY)
    made.lines.all().delete()
    InvoiceLine.objects.create(
        invoice=made, position=1, item=product, description="One", quantity=Decimal(quantity), unit_price=Decimal(10),
        taxable=False,
    )  # fmt: skip
    made.recalculate()
    return made


def test_approving_beyond_what_is_on_hand_is_known_at_check(connection: XeroConnection) -> None:
    product = item("Firewall", "product", code="FW", requires_procurement=True)
    tracked_invoice("T-1", product, "1")
    job = check(status="AUTHORISED")
    assert the_row(job, "T-1").reason == "out_of_stock"
    assert the_row(check(status="DRAFT"), "T-1").outcome == "create"


def test_invoices_of_a_job_share_what_is_on_hand(connection: XeroConnection, xero: SimulatedXero) -> None:
    product = item("Firewall", "product", code="FW", requires_procurement=True)
    export(kind=KIND)
    xero.control("stock", items=["FW"], quantity="3")
    for number, quantity in (("T-1", "2"), ("T-2", "2"), ("T-3", "1")):
        tracked_invoice(number, product, quantity)
    forget(KIND)
    job = check(status="AUTHORISED")
    assert {label: the_row(job, label).outcome for label in ("T-1", "T-2", "T-3")} == {
        "T-1": "create",
        "T-2": "fail",
        "T-3": "create",
    }


def test_back_orders_let_xero_sell_what_it_lacks(connection: XeroConnection, xero: SimulatedXero) -> None:
    product = item("Firewall", "product", code="FW", requires_procurement=True)
    tracked_invoice("T-1", product, "1")
    job = export(status="AUTHORISED", allow_backorders=True)
    assert outcome(job)["T-1"][0] == "succeeded"
