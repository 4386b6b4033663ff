"""What the pages say of an item's accounts and code is what Check finds and Xero gets."""

from __future__ import annotations

from typing import Any

import pytest

from finance.models import Item
from tests.records import account_code, item
from tests.xero_sync.driving import check, export, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.item_codes import code_clash
from xero_sync.links import annotate_state, effective_accounts
from xero_sync.models import SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db


def told(made: Item) -> dict[str, Any]:
    return {each.use: each for each in effective_accounts([made])[made.pk]}


def test_xero_gets_the_accounts_that_the_pages_tell(connection: XeroConnection, xero: SimulatedXero) -> None:
    made = item("Own", "service", taxable=False, income_account=account_code("260", "Other Revenue"))
    accounts = told(made)
    assert str(accounts["income account"]) == "260 Other Revenue, the item's own"
    assert accounts["expense account"].source == "from Setup default"
    export(kind="items")
    (there,) = (each for each in xero.read("Items") if each["Code"] == "Own")
    assert accounts["income account"].account.startswith(there["SalesDetails"]["AccountCode"])
    assert accounts["expense account"].account.startswith(there["PurchaseDetails"]["AccountCode"])


@pytest.mark.parametrize(
    ("code", "default", "flag"),
    [("9999", "200", "Not in Xero"), ("", "", "None set"), ("610", "200", "Wrong type"), ("260", "200", "")],
)
def test_a_flag_is_what_check_says(connection: XeroConnection, code: str, default: str, flag: str) -> None:
    SyncOptions.objects.update(sales_account=default)
    made = item("Thing", "service", taxable=False, income_account=account_code(code, "Mine") if code else None)
    row = the_row(check(kind="items"), "Thing")
    income = told(made)["income account"]
    assert income.flag == flag
    assert (row.outcome == "fail") == bool(flag)
    assert not flag or row.message == income.problem


def test_a_clash_of_codes_is_what_check_finds(connection: XeroConnection) -> None:
    first = item("First", code="A-1", taxable=False)
    second = item("Second", code="a-1", taxable=False)
    clash = code_clash(annotate_state(Item.objects.filter(pk=second.pk), "items").get())
    assert clash is not None
    assert (clash.other, clash.free) == (first, "a-1-2")
    assert {row.outcome for row in check(kind="items").rows.all()} == {"create", "decide"}
    Item.objects.filter(pk=second.pk).update(code=clash.free)
    assert {row.outcome for row in check(kind="items").rows.all()} == {"create"}
