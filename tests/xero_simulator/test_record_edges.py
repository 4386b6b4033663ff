"""Accounts, items and contacts where their rules end, and what people do to them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from tests.xero_simulator.caller import BATCH, XeroCaller, invoice, line, messages
from xero_simulator.controls import CONTROLS
from xero_simulator.models import Account, Contact, Invoice, Item, Payment

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
BANK = {"Name": "Reserve", "Type": "BANK", "BankAccountNumber": "123"}
SALTWICK = "Saltwick Ceramics"


def said(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    return messages(answer.json()["Elements"][0])


def refused(what: str, **body: Any) -> str:
    answer = Client().post(f"/sim/xero/control/{what}", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content
    return str(answer.json()["error"])


def contact_id(xero: XeroCaller, name: str = SALTWICK) -> str:
    return str(xero.organisation.contacts.get(name=name).contact_id)


def update(xero: XeroCaller, **fields: Any) -> dict[str, Any]:
    element = {"ContactID": contact_id(xero), **fields}
    [verdict] = xero.post(f"Contacts?{BATCH}", {"Contacts": [element]}).json()["Contacts"]
    return dict(verdict)


# --- accounts


def test_a_bank_account_needs_its_number_and_no_code(xero: XeroCaller) -> None:
    assert said(xero.put("Accounts", {**BANK, "BankAccountNumber": ""})) == ["Bank account number must be specified."]
    assert said(xero.put("Accounts", {**BANK, "Description": "x"})) == ["A bank account cannot have a Description."]
    assert said(xero.put("Accounts", {**BANK, "BankAccountType": "PAYPAL"})) == ["The BankAccountType is not valid."]
    assert said(xero.put("Accounts", {**BANK, "CurrencyCode": "JPY"})) == [
        "Organisation is not subscribed to currency JPY"
    ]
    [made] = xero.put("Accounts", {**BANK, "BankAccountType": "CREDITCARD", "CurrencyCode": "EUR"}).json()["Accounts"]
    assert "Code" not in made
    assert (made["BankAccountType"], made["CurrencyCode"]) == ("CREDITCARD", "EUR")


def test_an_archived_account_keeps_its_code_and_name(xero: XeroCaller) -> None:
    xero.control("archive-account", accounts=["200"])
    assert said(xero.put("Accounts", {"Code": "200", "Name": "New", "Type": "SALES"})) == [
        "Please enter a unique Code."
    ]
    assert said(xero.put("Accounts", {"Code": "201", "Name": "sales", "Type": "SALES"})) == [
        "Please enter a unique Name."
    ]


def test_what_is_in_use_or_the_systems_is_not_deleted(xero: XeroCaller) -> None:
    chart = {row["Code"]: row["AccountID"] for row in xero.all("Accounts")}
    xero.invoice(LineItems=[line(AccountCode="260")])
    assert "in use" in said(xero.call("DELETE", f"Accounts/{chart['260']}"))[0]
    assert "in use" in said(xero.call("DELETE", f"Accounts/{chart['200']}"))[0]  # by items
    assert said(xero.call("DELETE", f"Accounts/{chart['610']}")) == ["System accounts cannot be deleted."]
    answer = xero.call("DELETE", f"Accounts/{chart['408']}")
    assert (answer.status_code, answer.json()["Accounts"][0]["Status"]) == (200, "DELETED")
    assert xero.put("Accounts", {"Code": "408", "Name": "Cleaning", "Type": "EXPENSE"}).status_code == 200


def test_types_of_bank_accounts_stay(xero: XeroCaller) -> None:
    chart = {row["Code"]: row["AccountID"] for row in xero.all("Accounts")}
    assert said(xero.post(f"Accounts/{chart['090']}", {"Type": "CURRENT"})) == [
        "The Type of a bank account cannot be changed."
    ]
    assert said(xero.post(f"Accounts/{chart['260']}", {"Type": "BANK", "BankAccountNumber": "1"})) == [
        "The Type of an account cannot be changed to BANK."
    ]


def test_people_archive_no_system_accounts(xero: XeroCaller) -> None:
    assert refused("archive-account", accounts=["610"]) == "System accounts cannot be archived."


# --- items


def test_what_is_not_sold_loses_what_was_for_selling(xero: XeroCaller) -> None:
    xero.create("Items", {"Code": "U", "Description": "Out", "PurchaseDescription": "In",
                          "SalesDetails": {"UnitPrice": 5}, "PurchaseDetails": {"UnitPrice": 4}})  # fmt: skip
    [changed] = xero.post(f"Items?{BATCH}", {"Items": [{"Code": "u", "IsSold": False}]}).json()["Items"]
    assert (changed["SalesDetails"], changed.get("Description")) == ({}, None)
    assert (changed["PurchaseDetails"], changed["PurchaseDescription"]) == ({"UnitPrice": 4}, "In")


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"AccountCode": "610"}, "Account code '610' is not a valid code for this document."),
        ({"AccountCode": "090"}, "Account code '090' is not a valid code for this document."),
        ({"AccountCode": "999"}, "Account code '999' is not a valid code for this document."),
        ({"AccountCode": "260"}, "Account code '260' has been archived, or has been deleted. "
                                 "Each line item must reference a valid account."),
        ({"AccountCode": "200", "TaxType": "INPUT2"},
         "The TaxType code 'INPUT2' cannot be used with account code '200'."),
        ({"TaxType": "GSTONIMPORTS"},
         "The TaxType code GSTONIMPORTS does not exist or cannot be used for this type of transaction."),
    ],
)  # fmt: skip
def test_an_item_needs_accounts_and_taxes_that_fit(xero: XeroCaller, details: dict[str, str], message: str) -> None:
    xero.control("archive-account", accounts=["260"])
    [verdict] = xero.create("Items", {"Code": "N", "SalesDetails": details})
    assert messages(verdict) == [message]


def test_two_items_of_one_call_may_not_share_a_code(xero: XeroCaller) -> None:
    first, second = xero.create("Items", {"Code": "Twin"}, {"Code": "TWIN"})
    assert first["StatusAttributeString"] == "OK"
    assert messages(second) == ["Price List Item with Code 'TWIN' already exists"]


def test_stock_is_sold_down_to_nothing(xero: XeroCaller) -> None:
    sales, purchase = {"AccountCode": "200", "UnitPrice": 9}, {"COGSAccountCode": "310"}
    tracked = {"Code": "T", "InventoryAssetAccountCode": "630", "PurchaseDetails": purchase, "SalesDetails": sales}
    xero.create("Items", tracked)
    assert refused("stock", items=["X-CALL"], quantity=3) == "X-CALL is not tracked."
    xero.control("stock", items=["t"], quantity="3")
    two = invoice(line(ItemCode="T", Quantity=2))
    first, second = xero.create("Invoices", {**two, "InvoiceNumber": "S1"}, {**two, "InvoiceNumber": "S2"})
    assert first["StatusAttributeString"] == "OK"
    assert messages(second) == ["The quantity of item 'T' exceeds the quantity on hand (1)."]
    assert xero.one("Items", "T")["QuantityOnHand"] == 1
    xero.control("void", invoices=["S1"])
    assert xero.one("Items", "T")["QuantityOnHand"] == 3


def test_people_rename_and_delete_items(xero: XeroCaller) -> None:
    xero.invoice(LineItems=[line(ItemCode="X-CALL")])
    assert "has been used" in refused("delete-item", items=["X-CALL"])
    assert "already exists" in refused("rename-item", items=["X-CALL"], code="x-crate")
    before = xero.one("Items", "X-CALL")
    assert xero.control("rename-item", items=["x-call"], code="X-NEW", name="Call")["code"] == "X-NEW"
    after = xero.one("Items", "X-NEW")
    assert (after["ItemID"], after["Name"]) == (before["ItemID"], "Call")
    assert xero.get("Items/X-CALL").status_code == 404


# --- contacts


def test_many_contacts_are_archived_in_one_call(xero: XeroCaller) -> None:
    rows = xero.all("Contacts")
    changes = [{"ContactID": row["ContactID"], "ContactStatus": "ARCHIVED"} for row in rows[:7]]
    verdicts = xero.post(f"Contacts?{BATCH}", {"Contacts": changes}).json()["Contacts"]
    assert {row["ContactStatus"] for row in verdicts} == {"ARCHIVED"}
    assert len(xero.all("Contacts")) == len(rows) - 7
    assert len(xero.all("Contacts", "page=1&includeArchived=true")) == len(rows)
    assert xero.one("Contacts", rows[0]["ContactID"])["ContactStatus"] == "ARCHIVED"


def test_a_merged_contact_leads_to_the_other(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="M-1")
    old, into = contact_id(xero), contact_id(xero, "Oxbow Lane Dental")
    xero.control("merge-contact", contacts=[SALTWICK], into="Oxbow Lane Dental")
    one = xero.one("Contacts", old)
    assert (one["ContactStatus"], one["MergedToContactID"]) == ("ARCHIVED", into)
    [paged] = [row for row in xero.all("Contacts", "page=1&includeArchived=true") if row["ContactID"] == old]
    assert paged["MergedToContactID"] == into
    [plain] = [row for row in xero.all("Contacts", "includeArchived=true") if row["ContactID"] == old]
    assert "MergedToContactID" not in plain
    assert xero.one("Invoices", made["InvoiceID"])["Contact"]["ContactID"] == into
    assert xero.one("Contacts", into)["IsCustomer"] is True
    [verdict] = xero.create("Invoices", invoice(Contact={"ContactID": old}))
    assert "has been archived" in messages(verdict)[0]
    assert "Only active contacts" in refused("merge-contact", contacts=[SALTWICK], into="Ferncombe Cider Press")
    assert "not those merged" in refused("archive-contact", contacts=[old], restore=True)


def test_a_contact_under_erasure_is_left_alone(xero: XeroCaller) -> None:
    xero.control("erase-contact", contacts=[SALTWICK])
    assert xero.one("Contacts", contact_id(xero))["ContactStatus"] == "GDPRREQUEST"
    assert SALTWICK not in [row["Name"] for row in xero.all("Contacts")]
    assert "GDPR" in messages(update(xero, EmailAddress="a@b.example"))[0]
    [verdict] = xero.create("Invoices", invoice(Contact={"ContactID": contact_id(xero)}))
    assert messages(verdict)


def test_an_archived_contact_may_refuse_changes(xero: XeroCaller) -> None:
    xero.control("archive-contact", contacts=[SALTWICK])
    assert update(xero, AccountNumber="1")["StatusAttributeString"] == "OK"
    xero.control("limits", refuse_archived_updates=True, refuse_restore=True)
    assert "has been archived" in messages(update(xero, AccountNumber="2"))[0]
    assert "has been archived" in messages(update(xero, ContactStatus="ACTIVE"))[0]
    CONTROLS.refuse_restore = False
    assert update(xero, ContactStatus="ACTIVE")["ContactStatus"] == "ACTIVE"


def test_the_name_of_an_archived_contact_is_free(xero: XeroCaller) -> None:
    xero.control("archive-contact", contacts=[SALTWICK])
    [made] = xero.create("Contacts", {"Name": "saltwick  ceramics"})
    assert made["StatusAttributeString"] == "OK"
    old = Contact.objects.get(organisation=xero.organisation, name=SALTWICK)
    assert "already assigned" in refused("archive-contact", contacts=[str(old.contact_id)], restore=True)


def test_numbers_stay_taken_when_archived(xero: XeroCaller) -> None:
    update(xero, ContactNumber="n-1", ContactStatus="ARCHIVED")
    [verdict] = xero.create("Contacts", {"Name": "Other", "ContactNumber": "n-1"})
    assert "contact number n-1 is already assigned" in messages(verdict)[0]


def test_addresses_and_phones_merge_by_type(xero: XeroCaller) -> None:
    lines = {f"AddressLine{n}": f"Line {n}" for n in (1, 2, 3, 4)}
    update(xero, Addresses=[{"AddressType": "STREET", **lines, "City": "Deal"}])
    after = update(xero, Addresses=[{"AddressType": "POBOX", "AddressLine1": "PO 1"}],
                   Phones=[{"PhoneType": "FAX", "PhoneNumber": "9"}])  # fmt: skip
    addresses = {part["AddressType"]: part for part in after["Addresses"]}
    assert lines.items() <= addresses["STREET"].items()
    assert (addresses["POBOX"]["AddressLine1"], addresses["POBOX"]["City"]) == ("PO 1", "")
    phones = {part["PhoneType"]: part["PhoneNumber"] for part in after["Phones"]}
    assert (phones["FAX"], phones["DEFAULT"], len(phones)) == ("9", "555 0100", 4)


def test_a_bad_website_blocks_every_update(xero: XeroCaller) -> None:
    xero.control("edit-contact", contacts=[SALTWICK], website="saltwick.example")
    assert messages(update(xero, AccountNumber="1")) == ["Website must be valid."]
    xero.control("edit-contact", contacts=[SALTWICK], website="https://saltwick.example")
    assert update(xero, AccountNumber="1")["Website"] == "https://saltwick.example"


def test_people_rename_and_set_the_tax_of_contacts(xero: XeroCaller) -> None:
    assert "already assigned" in refused("rename-contact", contacts=[SALTWICK], name="oxbow lane dental")
    assert "NOWHERE does not exist" in refused("edit-contact", contacts=[SALTWICK], sales_tax_type="NOWHERE")
    xero.control("edit-contact", contacts=[SALTWICK], sales_tax_type="ZERORATEDOUTPUT")
    assert xero.one("Contacts", contact_id(xero))["AccountsReceivableTaxType"] == "ZERORATEDOUTPUT"


# --- reading what has changed


def test_only_what_has_changed_is_read(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="I-1")
    xero.control("pay", invoices=["I-1"], amount="20.00")
    since = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
    early = since - dt.timedelta(microseconds=1)
    rows: list[tuple[str, Any]] = [
        ("Contacts", Contact), ("Items", Item), ("Accounts", Account), ("Invoices", Invoice), ("Payments", Payment),
    ]  # fmt: skip
    for name, model in rows:
        mine = model.objects.filter(organisation=xero.organisation)
        mine.update(updated=early)
        query = f"{name}?page=1" if name not in ("Items", "Accounts") else name
        header = {"If_Modified_Since": "2030-01-01T12:00:00"}
        assert xero.get(query, **header).json()[name] == [], name
        model.objects.filter(pk=mine.order_by("pk")[0].pk).update(updated=since)
        assert len(xero.get(query, **header).json()[name]) == 1, name
        CONTROLS.modified_since_exclusive = True
        assert xero.get(query, **header).json()[name] == [], name
        CONTROLS.modified_since_exclusive = False


@pytest.mark.parametrize(
    "text", ["2026-11-20T09:00:00+00:00", "2026-11-20T09:00:00.5", "Fri, 20 Nov 2026 09:00:00 GMT", "2026-11-20"]
)
def test_other_forms_of_a_date_are_refused(xero: XeroCaller, text: str) -> None:
    assert xero.get("Items", If_Modified_Since=text).status_code == 400


# --- pages


def press(url: str, **form: str) -> str:
    return Client().post(url, form, follow=True).content.decode()


def test_people_edit_and_merge_on_the_contact_page(xero: XeroCaller) -> None:
    url = f"/sim/xero/app/{xero.organisation.short_code}/contacts/contact/{contact_id(xero)}"
    page = press(f"{url}/edit", name="Saltwick Glass", sales_tax_type="NONE", website="")
    assert "Saved." in page
    assert "Saltwick Glass" in page
    assert "already assigned" in press(f"{url}/edit", name="Oxbow Lane Dental")
    assert "A name is needed" in press(f"{url}/edit", name="")
    assert "There is no active contact" in press(f"{url}/merge", into="Nobody")
    page = press(f"{url}/merge", into="oxbow lane dental")
    assert "Merged into" in page
    assert "Restore" not in page


def test_people_rename_on_the_item_page(xero: XeroCaller) -> None:
    item = xero.organisation.items.get(code="X-CALL")
    url = f"/sim/xero/app/{xero.organisation.short_code}/items/{item.item_id}"
    assert 'value="X-CALL"' in Client().get(url).content.decode()
    assert "already exists" in press(url, code="X-CRATE", name="")
    assert "Saved." in press(url, code="X-TEL", name="Call")
    item.refresh_from_db()
    assert (item.code, item.name) == ("X-TEL", "Call")


def test_people_edit_an_invoice_also_when_part_paid(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="E-1")
    xero.control("pay", invoices=["E-1"], amount="20.00")
    url = f"/sim/xero/app/{xero.organisation.short_code}/invoicing/view/{made['InvoiceID']}/edit"
    assert "Saved." in press(url, reference="Changed", due_date="2026-12-24")
    one = xero.one("Invoices", made["InvoiceID"])
    assert (one["Reference"], one["DueDateString"]) == ("Changed", "2026-12-24T00:00:00")
    assert "payment or credit note" in refused("edit-invoice", invoices=["E-1"], changes={"LineItems": [line()]})
