from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, invoice, messages
from xero_simulator.api.errors import ZERO_ID

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def test_a_contact_comes_back_whole(xero: XeroCaller) -> None:
    sent = {
        "Name": "  Bolt   Ltd ",
        "AccountNumber": "B-1",
        "EmailAddress": "pay@bolt.example",
        "Addresses": [{"AddressType": "POBOX", "AddressLine1": "1 High St", "City": "Leeds"}],
        "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "555"}],
    }
    [made] = xero.create("Contacts", sent)
    found = xero.one("Contacts", made["ContactID"])
    assert found["Name"] == "Bolt Ltd"
    assert found["AccountNumber"] == "B-1"
    assert found["ContactStatus"] == "ACTIVE"
    assert {part["AddressType"]: part["City"] for part in found["Addresses"]} == {"STREET": "", "POBOX": "Leeds"}
    assert len(found["Phones"]) == 4
    assert made["HasValidationErrors"] is False


@pytest.mark.parametrize(
    ("contact", "message"),
    [
        ({}, "Contact Name cannot be empty."),
        ({"Name": " "}, "Contact Name cannot be empty."),
        ({"Name": "a <b>"}, "The contact name cannot contain the characters < or >."),
        ({"Name": "x" * 256}, "The field Name must be a string with a maximum length of 255."),
        (
            {"Name": "SALTWICK  ceramics"},
            "The contact name SALTWICK  ceramics is already assigned to another contact. "
            "The contact name must be unique across all active contacts.",
        ),
        (
            {"Name": "New", "ContactNumber": "n-1"},
            "The contact number n-1 is already assigned to another contact. "
            "The contact number must be unique across all contacts.",
        ),
        ({"Name": "New", "EmailAddress": "a@b"}, "Email address must be valid."),
        ({"Name": "New", "EmailAddress": "a@b.co, c@d.co"}, "Email address must be valid."),
        ({"Name": "New", "ContactPersons": [{"EmailAddress": "x"}]}, "Email address must be valid."),
        (
            {"Name": "New", "AccountNumber": "x" * 51},
            "The field AccountNumber must be a string with a maximum length of 50.",
        ),
        (
            {"Name": "New", "Addresses": [{"AddressType": "POBOX", "City": "x" * 256}]},
            "The field City must be a string with a maximum length of 255.",
        ),
        ({"Name": "New", "Addresses": [{"AddressType": "DELIVERY"}]}, "The AddressType is not valid."),
        (
            {"Name": "New", "Addresses": [{"AddressType": "POBOX", "Country": "UK 2"}]},
            "The Country of an address may hold letters and spaces only.",
        ),
        ({"Name": "New", "Phones": [{"PhoneType": "PAGER"}]}, "The PhoneType is not valid."),
        ({"Name": "New", "ContactPersons": [{}] * 6}, "A contact may have at most 5 contact persons."),
        ({"Name": "New", "DefaultCurrency": "JPY"}, "Organisation is not subscribed to currency JPY"),
        (
            {"Name": "New", "AccountsReceivableTaxType": "NOPE"},
            "The TaxType code NOPE does not exist or cannot be used for this type of transaction.",
        ),
    ],
)
def test_a_contact_is_refused_in_xeros_words(xero: XeroCaller, contact: dict[str, Any], message: str) -> None:
    xero.create("Contacts", {"Name": "Numbered", "ContactNumber": "n-1"})
    [verdict] = xero.create("Contacts", contact)
    assert messages(verdict) == [message]
    assert verdict["StatusAttributeString"] == "ERROR"
    assert verdict["HasValidationErrors"] is True
    assert verdict["ContactID"] == ZERO_ID


def test_two_of_one_name_in_one_call_make_one_contact(xero: XeroCaller) -> None:
    first, second = xero.create("Contacts", {"Name": "Twin"}, {"Name": "twin"})
    assert first["StatusAttributeString"] == "OK"
    assert "already assigned" in messages(second)[0]


def test_answers_come_in_another_order(xero: XeroCaller) -> None:
    answer = xero.put(f"Contacts?{BATCH}", {"Contacts": [{"Name": "First"}, {"Name": "Second"}]}).json()
    assert [row["Name"] for row in answer["Contacts"]] == ["Second", "First"]


def test_by_default_one_error_hides_what_was_saved(xero: XeroCaller) -> None:
    answer = xero.put("Contacts", {"Contacts": [{"Name": "Good"}, {"Name": "Bad", "EmailAddress": "x"}]})
    assert answer.status_code == 400
    error = answer.json()
    assert (error["ErrorNumber"], error["Type"]) == (10, "ValidationException")
    assert error["Message"] == "A validation exception occurred"
    assert [element["Name"] for element in error["Elements"]] == ["Bad"]
    assert len(xero.where("Contacts", 'Name=="Good"')) == 1


def test_one_contact_may_be_sent_bare(xero: XeroCaller) -> None:
    assert xero.put("Contacts", {"Name": "Bare"}).json()["Contacts"][0]["Name"] == "Bare"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"Contacts": [1]}', b'{"Name": "a\\u0000b"}', b'{"Name": "a\x00b"}'])
def test_a_body_that_cannot_be_read_is_refused(xero: XeroCaller, body: bytes) -> None:
    answer = xero.put("Contacts", body)
    assert answer.status_code == 400
    assert answer.json()["Type"] == "PostDataInvalidException"


def test_a_body_may_be_three_and_a_half_megabytes(xero: XeroCaller) -> None:
    assert xero.put("Contacts", b" " * 3_500_001).status_code == 413


# --- updates


def test_post_overwrites_the_contact_that_it_matches(xero: XeroCaller) -> None:
    [made] = xero.create("Contacts", {"Name": "Match", "ContactNumber": "m-1", "EmailAddress": "a@b.co"})
    by_id = {"ContactID": made["ContactID"], "FirstName": "Ann"}
    by_number = {"ContactNumber": "m-1", "Name": "Renamed"}
    by_name = {"Name": "RENAMED", "LastName": "Bee"}
    for element in (by_id, by_number, by_name):
        answer = xero.post(f"Contacts?{BATCH}", {"Contacts": [element]}).json()["Contacts"][0]
        assert answer["ContactID"] == made["ContactID"]
    found = xero.one("Contacts", made["ContactID"])
    assert (found["Name"], found["FirstName"], found["LastName"]) == ("RENAMED", "Ann", "Bee")
    assert found["EmailAddress"] == "a@b.co"


def test_addresses_merge_by_type_and_persons_are_replaced(xero: XeroCaller) -> None:
    persons = [{"FirstName": "Ann"}, {"FirstName": "Bob"}]
    address = {"AddressType": "STREET", "City": "York"}
    [made] = xero.create("Contacts", {"Name": "Parts", "Addresses": [address], "ContactPersons": persons})
    change = {"Addresses": [{"AddressType": "POBOX", "City": "Hull"}], "ContactPersons": [{"FirstName": "Cy"}]}
    xero.post(f"Contacts/{made['ContactID']}", {"Contacts": [change]})
    found = xero.one("Contacts", made["ContactID"])
    assert [part["City"] for part in found["Addresses"]] == ["York", "Hull"]
    assert found["ContactPersons"] == [{"FirstName": "Cy"}]


def test_an_unknown_id_is_not_created(xero: XeroCaller) -> None:
    element = {"ContactID": "3fd4b3ef-5c5f-4d36-a111-000000000000", "Name": "Ghost"}
    [verdict] = xero.post(f"Contacts?{BATCH}", {"Contacts": [element]}).json()["Contacts"]
    assert messages(verdict) == ["An existing Contact with the specified ContactID could not be found"]


def test_the_name_of_an_archived_contact_is_free(xero: XeroCaller) -> None:
    [made] = xero.create("Contacts", {"Name": "Gone", "ContactNumber": "g-1"})
    archive = {"ContactID": made["ContactID"], "ContactStatus": "ARCHIVED"}
    assert xero.post("Contacts", {"Contacts": [archive]}).json()["Contacts"][0]["ContactStatus"] == "ARCHIVED"
    [again] = xero.create("Contacts", {"Name": "Gone"})
    assert again["StatusAttributeString"] == "OK"
    [number] = xero.create("Contacts", {"Name": "Other", "ContactNumber": "g-1"})
    assert "contact number" in messages(number)[0]
    restore = {"ContactID": made["ContactID"], "ContactStatus": "ACTIVE"}
    [verdict] = xero.post(f"Contacts?{BATCH}", {"Contacts": [restore]}).json()["Contacts"]
    assert "contact name" in messages(verdict)[0]


def test_a_merged_contact_names_the_one_it_became(xero: XeroCaller) -> None:
    xero.control("merge-contact", contacts=["Saltwick Ceramics"], into="Oxbow Lane Dental")
    [kept] = xero.where("Contacts", 'Name=="Oxbow Lane Dental"')
    [gone] = xero.all("Contacts", "page=1&includeArchived=true&searchTerm=Saltwick")
    assert (gone["ContactStatus"], gone["MergedToContactID"]) == ("ARCHIVED", kept["ContactID"])


def test_a_contact_becomes_a_customer_with_its_first_invoice(xero: XeroCaller) -> None:
    [before] = xero.where("Contacts", 'Name=="Saltwick Ceramics"')
    xero.create("Invoices", invoice(DueDate="2020-01-01"))
    after = xero.one("Contacts", before["ContactID"])
    assert (before["IsCustomer"], after["IsCustomer"]) == (False, True)
    assert after["UpdatedDateUTC"] == before["UpdatedDateUTC"]
    assert after["Balances"]["AccountsReceivable"] == {"Outstanding": 120.0, "Overdue": 120.0}


def test_a_contact_can_be_found_by_its_number(xero: XeroCaller) -> None:
    xero.create("Contacts", {"Name": "Found", "ContactNumber": "f-1"})
    assert xero.one("Contacts", "f-1")["Name"] == "Found"
