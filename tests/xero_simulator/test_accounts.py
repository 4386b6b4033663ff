from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import XeroCaller, connect, messages

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
NEW = {"Code": "201", "Name": "Hosting", "Type": "REVENUE"}


def refused(answer: Any) -> list[str]:
    assert answer.status_code == 400
    [element] = answer.json()["Elements"]
    return messages(element)


def account_id(xero: XeroCaller, code: str) -> str:
    [found] = xero.where("Accounts", f'Code=="{code}"')
    return str(found["AccountID"])


def test_the_chart_is_there(xero: XeroCaller) -> None:
    chart = {row["Code"]: row for row in xero.all("Accounts")}
    assert len(chart) > 55
    assert (chart["200"]["Type"], chart["200"]["Class"], chart["200"]["TaxType"]) == ("REVENUE", "REVENUE", "OUTPUT2")
    assert (chart["610"]["SystemAccount"], chart["630"]["Type"]) == ("DEBTORS", "INVENTORY")
    assert "SystemAccount" not in chart["200"]


def test_an_account_is_made_bare_and_alone(xero: XeroCaller) -> None:
    [made] = xero.put("Accounts", NEW).json()["Accounts"]
    assert (made["Code"], made["Class"], made["Status"], made["TaxType"]) == ("201", "REVENUE", "ACTIVE", "OUTPUT2")
    assert xero.put("Accounts", {"Accounts": [NEW]}).status_code == 400


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Code": ""}, "Account code must be specified."),
        ({"Name": ""}, "Account name must be specified."),
        ({"Type": ""}, "Account type must be specified."),
        ({"Type": "MAGIC"}, "The account Type is not valid."),
        ({"Code": "200"}, "Please enter a unique Code."),
        ({"Name": "sales"}, "Please enter a unique Name."),
        ({"Code": "x" * 11}, "The field Code must be a string with a maximum length of 10."),
        ({"Name": "x" * 151}, "The field Name must be a string with a maximum length of 150."),
        ({"Type": "BANK"}, "Bank account number must be specified."),
        ({"TaxType": "INPUT2"}, "The TaxType code 'INPUT2' cannot be used with account code '201'."),
        ({"TaxType": "NOPE"}, "The TaxType code 'NOPE' cannot be used with account code '201'."),
    ],
)
def test_an_account_is_refused_in_xeros_words(xero: XeroCaller, changed: dict[str, str], message: str) -> None:
    assert refused(xero.put("Accounts", {**NEW, **changed})) == [message]


def test_the_code_of_an_archived_account_stays_taken(xero: XeroCaller) -> None:
    xero.control("archive-account", accounts=["400"])
    assert refused(xero.put("Accounts", {**NEW, "Code": "400"})) == ["Please enter a unique Code."]
    assert xero.where("Accounts", 'Status=="ARCHIVED"')[0]["Code"] == "400"


def test_an_account_can_be_changed_and_archived_but_not_both(xero: XeroCaller) -> None:
    path = f"Accounts/{account_id(xero, '400')}"
    [changed] = xero.post(path, {"Accounts": [{"Name": "Adverts"}]}).json()["Accounts"]
    assert (changed["Code"], changed["Name"]) == ("400", "Adverts")
    both = refused(xero.post(path, {"Name": "Ads", "Status": "ARCHIVED"}))
    assert both == ["Account status cannot be updated with other fields."]
    assert xero.post(path, {"Status": "ARCHIVED"}).json()["Accounts"][0]["Status"] == "ARCHIVED"


def test_system_accounts_stay(xero: XeroCaller) -> None:
    path = f"Accounts/{account_id(xero, '610')}"
    assert refused(xero.post(path, {"Status": "ARCHIVED"})) == ["System accounts cannot be archived."]
    assert refused(xero.call("DELETE", path)) == ["System accounts cannot be deleted."]


def test_the_default_tax_fits_the_type(xero: XeroCaller) -> None:
    [made] = xero.put("Accounts", {"Code": "405", "Name": "Gifts", "Type": "EXPENSE"}).json()["Accounts"]
    assert made["TaxType"] == "INPUT2"
    australian = connect("Acme Pty Ltd")
    [made] = australian.put("Accounts", {"Code": "605", "Name": "Deposits", "Type": "CURRENT"}).json()["Accounts"]
    assert made["TaxType"] == "BASEXCLUDED"


def test_currencies_can_be_added(xero: XeroCaller) -> None:
    assert {row["Code"] for row in xero.all("Currencies")} == {"GBP", "EUR", "USD"}
    assert xero.put("Currencies", {"Code": "JPY"}).status_code == 200
    assert refused(xero.put("Currencies", {"Code": "XXX"})) == ["The currency code 'XXX' is not valid"]
