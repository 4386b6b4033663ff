from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, invoice, line, messages
from xero_simulator.api.errors import ZERO_ID

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
TRACKED = {
    "Code": "T-1",
    "InventoryAssetAccountCode": "630",
    "PurchaseDetails": {"COGSAccountCode": "310"},
    "SalesDetails": {"AccountCode": "200"},
}


def test_an_item_comes_back_whole(xero: XeroCaller) -> None:
    sent = {
        "Code": "W-1",
        "Name": "Widget",
        "SalesDetails": {"UnitPrice": "12.3456", "AccountCode": "200", "TaxType": "OUTPUT2"},
    }
    xero.create("Items", sent)
    found = xero.one("Items", "w-1")
    assert found["SalesDetails"] == {"UnitPrice": 12.3456, "AccountCode": "200", "TaxType": "OUTPUT2"}
    assert found["IsTrackedAsInventory"] is False
    assert xero.one("Items", "W-1", "")["SalesDetails"]["UnitPrice"] == 12.35


def test_prices_have_two_decimals_unless_four_are_asked_for(xero: XeroCaller) -> None:
    xero.create("Items", {"Code": "W", "SalesDetails": {"UnitPrice": "0.125"}}, query="summarizeErrors=false")
    assert xero.one("Items", "W")["SalesDetails"]["UnitPrice"] == 0.13


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "Price List Item Code cannot be empty"),
        ({"Code": "x-call"}, "Price List Item with Code 'x-call' already exists"),
        ({"Code": "x" * 31}, "The field Code must be a string with a maximum length of 30."),
        ({"Code": "N", "Name": "x" * 51}, "The field Name must be a string with a maximum length of 50."),
        (
            {"Code": "N", "Description": "x" * 4001},
            "The field Description must be a string with a maximum length of 4000.",
        ),
        (
            {"Code": "N", "SalesDetails": {"AccountCode": "999"}},
            "Account code '999' is not a valid code for this document.",
        ),
        (
            {"Code": "N", "SalesDetails": {"TaxType": "NOPE"}},
            "The TaxType code NOPE does not exist or cannot be used for this type of transaction.",
        ),
        ({"Code": "N", "SalesDetails": {"UnitPrice": "dear"}}, "UnitPrice must be a number"),
        (
            {"Code": "N", "InventoryAssetAccountCode": "630"},
            "InventoryAssetAccountCode and COGSAccountCode must both be specified for a tracked item.",
        ),
        (
            {**TRACKED, "PurchaseDetails": {"COGSAccountCode": "310", "AccountCode": "300"}},
            "PurchaseDetails AccountCode cannot be specified for a tracked item.",
        ),
        (
            {**TRACKED, "InventoryAssetAccountCode": "620"},
            "InventoryAssetAccountCode '620' must be an account of type INVENTORY.",
        ),
        (
            {**TRACKED, "PurchaseDetails": {"COGSAccountCode": "200"}},
            "COGSAccountCode '200' must be an account of type DIRECTCOSTS.",
        ),
    ],
)
def test_an_item_is_refused_in_xeros_words(xero: XeroCaller, item: dict[str, Any], message: str) -> None:
    [verdict] = xero.create("Items", item)
    assert messages(verdict) == [message]
    assert verdict["ItemID"] == ZERO_ID
    assert "HasErrors" not in verdict


def test_post_updates_the_item_that_it_matches(xero: XeroCaller) -> None:
    [made] = xero.create("Items", {"Code": "U-1", "Name": "Old"})
    for element in ({"Code": "u-1", "Name": "New"}, {"ItemID": made["ItemID"], "Code": "U-2"}):
        [verdict] = xero.post(f"Items?{BATCH}", {"Items": [element]}).json()["Items"]
        assert verdict["ItemID"] == made["ItemID"]
    assert xero.one("Items", "U-2")["Name"] == "New"


def test_a_tracked_item_starts_with_nothing_on_hand(xero: XeroCaller) -> None:
    [made] = xero.create("Items", TRACKED)
    assert made["IsTrackedAsInventory"] is True
    assert made["QuantityOnHand"] == 0


def test_tracking_cannot_be_turned_on_later(xero: XeroCaller) -> None:
    xero.create("Items", {"Code": "T-1"})
    [verdict] = xero.post(f"Items?{BATCH}", {"Items": [TRACKED]}).json()["Items"]
    assert messages(verdict) == ["Tracked inventory cannot be turned on or off for an existing item."]


def test_a_used_item_cannot_be_deleted(xero: XeroCaller) -> None:
    xero.invoice(LineItems=[line(ItemCode="X-CALL")])
    assert xero.call("DELETE", "Items/X-CALL").status_code == 400
    assert xero.call("DELETE", "Items/X-SHRED").status_code == 204
    assert xero.get("Items/X-SHRED").status_code == 404


def test_nobody_sells_what_is_not_on_hand(xero: XeroCaller) -> None:
    xero.create("Items", TRACKED)
    sold = invoice(line(ItemCode="T-1", Quantity="2"), InvoiceNumber="S-1")
    [verdict] = xero.create("Invoices", sold)
    assert messages(verdict) == ["The quantity of item 'T-1' exceeds the quantity on hand (0)."]
    [draft] = xero.create("Invoices", {**sold, "Status": "DRAFT"})
    assert draft["StatusAttributeString"] == "OK"
    [back] = xero.create("Invoices", {**sold, "InvoiceNumber": "S-2"}, query=f"{BATCH}&allowBackorders=true")
    assert back["StatusAttributeString"] == "OK"
    item = xero.one("Items", "T-1")
    assert (item["QuantityOnHand"], item["QuantityOnBackOrder"]) == (0, 2)
