from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.xero_simulator.caller import XeroCaller, invoice, line
from xero_simulator.models import Contact

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def test_every_endpoint_answers_in_its_envelope(xero: XeroCaller) -> None:
    for name in ("Accounts", "Contacts", "CreditNotes", "Currencies", "Invoices", "Items", "Payments", "TaxRates"):
        answer = xero.get(name).json()
        assert answer["Status"] == "OK"
        assert answer["DateTimeUTC"].startswith("/Date(")
        assert isinstance(answer[name], list)


def test_the_organisation_tells_what_apps_need(xero: XeroCaller) -> None:
    xero.control("organisation", period_lock_date="2026-03-31")
    [facts] = xero.get("Organisation").json()["Organisations"]
    assert facts["ShortCode"].startswith("!")
    assert (facts["BaseCurrency"], facts["CountryCode"], facts["Version"]) == ("GBP", "GB", "UK")
    assert facts["PeriodLockDate"] == "/Date(1774915200000+0000)/"
    assert "EndOfYearLockDate" not in facts
    actions = {row["Name"]: row["Status"] for row in xero.get("Organisation/Actions").json()["Actions"]}
    assert actions["CreateApprovedInvoice"] == "ALLOWED"


def test_without_json_wanted_there_is_none(xero: XeroCaller) -> None:
    answer = xero.get("Accounts", Accept="*/*")
    assert answer.status_code == 406
    assert answer["Content-Type"] == "text/xml"


def test_unknown_things_are_not_found(xero: XeroCaller) -> None:
    for path in ("Nothing", "Contacts/00000000-0000-0000-0000-000000000001", "Invoices/NO-1", "Invoices/A/B"):
        assert xero.get(path).status_code == 404


def test_what_an_endpoint_cannot_do_is_refused(xero: XeroCaller) -> None:
    assert xero.put("CreditNotes", {}).status_code == 405
    assert xero.call("DELETE", "Contacts/x").status_code == 405
    assert xero.call("PATCH", "Contacts", {}).status_code == 405


def test_large_answers_come_compressed_if_wanted(xero: XeroCaller) -> None:
    answer = xero.get("Accounts", Accept_Encoding="gzip, br")
    assert answer["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.content))["Status"] == "OK"
    assert "Content-Encoding" not in xero.get("Accounts")


def test_every_answer_carries_a_correlation_id(xero: XeroCaller) -> None:
    assert xero.get("Accounts")["Xero-Correlation-Id"]
    assert xero.get("Accounts", Authorization="")["Xero-Correlation-Id"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Accounts", "Type"),
        ("Accounts", "TaxType"),
        ("Contacts", "Name"),
        ("Contacts", "Addresses"),
        ("Contacts", "ContactPersons"),
        ("Contacts", "DefaultCurrency"),
        ("Contacts", "PaymentTerms"),
        ("Invoices", "Contact"),
        ("Invoices", "LineItems"),
        ("Invoices", "Date"),
        ("Invoices", "CurrencyRate"),
        ("Invoices", "Status"),
        ("Items", "Code"),
        ("Items", "SalesDetails"),
        ("Payments", "Invoice"),
        ("Payments", "Amount"),
        ("TaxRates", "TaxComponents"),
        ("TaxRates", "ReportTaxType"),
    ],
)
def test_no_value_of_a_wrong_kind_breaks_it(xero: XeroCaller, name: str, field: str) -> None:
    whole = {"Contacts": {"Name": "N"}, "Invoices": invoice(), "Items": {"Code": "N"}}.get(name, {"Name": "N"})
    for value in ("x", 7, True, [], {}, ["x"], [[]], [{"Name": 1}], {"x": [1]}, None):
        assert xero.put(name, {**whole, field: value}).status_code in (200, 400), value


# --- paging


def test_pages_are_counted(xero: XeroCaller) -> None:
    answer = xero.get("Contacts?page=2&pageSize=5").json()
    assert answer["pagination"] == {"page": 2, "pageSize": 5, "pageCount": 3, "itemCount": 12}
    assert len(answer["Contacts"]) == 5
    assert xero.get("Contacts?page=9").json()["Contacts"] == []


def test_pages_hold_a_thousand_at_most(xero: XeroCaller) -> None:
    assert xero.get("Contacts?page=1&pageSize=5000").json()["pagination"]["pageSize"] == 1000
    assert xero.get("Contacts?page=1&pageSize=0").json()["pagination"]["pageSize"] == 100
    assert xero.get("Contacts?page=x").status_code == 400


def test_pages_together_hold_everything_once(xero: XeroCaller) -> None:
    ids = [row["ContactID"] for page in (1, 2, 3) for row in xero.all("Contacts", f"page={page}&pageSize=5")]
    assert len(set(ids)) == len(ids) == 12


def test_settings_are_not_paged(xero: XeroCaller) -> None:
    assert "pagination" not in xero.get("Accounts?page=1").json()


def test_invoices_have_lines_only_on_pages(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="A-1")
    assert xero.all("Invoices", "")[0]["LineItems"] == []
    assert len(xero.all("Invoices", "page=1")[0]["LineItems"]) == 1
    assert len(xero.all("Invoices", "Statuses=AUTHORISED")[0]["LineItems"]) == 1
    assert "LineItems" not in xero.all("Invoices", "page=1&summaryOnly=true")[0]
    assert "Payments" not in xero.all("Invoices", "summaryOnly=true")[0]


def test_a_summary_of_contacts_is_short(xero: XeroCaller) -> None:
    assert "Addresses" not in xero.all("Contacts", "summaryOnly=true")[0]
    assert "ContactPersons" not in xero.all("Contacts", "")[0]
    assert "ContactPersons" in xero.all("Contacts", "page=1")[0]


# --- filters


def make_three(xero: XeroCaller) -> None:
    xero.create(
        "Invoices",
        invoice(line(UnitAmount="10"), InvoiceNumber="A-1", Date="2026-10-31", Reference="PO 1"),
        invoice(line(UnitAmount="20"), InvoiceNumber="A-2", Date="2026-11-01", Status="DRAFT"),
        invoice(line(UnitAmount="30"), InvoiceNumber="B-3", Date="2026-11-30", Contact={"Name": "Oxbow Lane Dental"}),
    )


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('Status=="DRAFT"', {"A-2"}),
        ('Status!="DRAFT"', {"A-1", "B-3"}),
        ("Date>=DateTime(2026,11,01) AND Date<DateTime(2026,12,01)", {"A-2", "B-3"}),
        ("Date >= DateTime(2026, 11, 01) && Date < DateTime(2026, 11, 30)", {"A-2"}),
        ('Contact.Name=="oxbow lane dental"', {"B-3"}),
        ("AmountDue>12 AND AmountDue<=24", {"A-2"}),
        ('InvoiceNumber=="A-1" OR InvoiceNumber=="B-3"', {"A-1", "B-3"}),
        ('InvoiceNumber=="A-1" || InvoiceNumber=="B-3"', {"A-1", "B-3"}),
        ('(Status=="DRAFT" OR Status=="AUTHORISED") AND InvoiceNumber.StartsWith("A")', {"A-1", "A-2"}),
        ('Status=="DRAFT" OR Status=="AUTHORISED" AND InvoiceNumber=="A-1"', {"A-1", "A-2"}),
        ('Reference.Contains("po")', {"A-1"}),
        ("Reference!=null", {"A-1"}),
        ('Type=="ACCREC"', {"A-1", "A-2", "B-3"}),
        ('InvoiceID==guid("00000000-0000-0000-0000-000000000000")', set()),
    ],
)
def test_invoices_can_be_filtered(xero: XeroCaller, condition: str, numbers: set[str]) -> None:
    make_three(xero)
    assert {row["InvoiceNumber"] for row in xero.where("Invoices", condition)} == numbers


@pytest.mark.parametrize(
    "condition",
    [
        'Nme=="x"',
        "Status==DRAFT",
        'Status="DRAFT"',
        'Status=="DRAFT" AND',
        '(Status=="DRAFT"',
        'Status=="a"b"',
        'AmountDue=="x"',
        'InvoiceID=="x"',
        "Date>=DateTime(2026,13,01)",
        'Status.Foo("x")',
        "Status==1",
        ";",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(xero: XeroCaller, condition: str) -> None:
    answer = xero.get(f"Invoices?page=1&where={quote(condition)}")
    assert answer.status_code == 400
    assert (answer.json()["ErrorNumber"], answer.json()["Type"]) == (16, "QueryParseException")


def test_payments_have_no_field_called_type(xero: XeroCaller) -> None:
    assert xero.get('Payments?page=1&where=Type%3D%3D"ACCRECPAYMENT"').status_code == 400
    assert xero.get('Payments?page=1&where=PaymentType%3D%3D"ACCRECPAYMENT"').status_code == 200


def test_names_are_compared_without_case_and_accents(xero: XeroCaller) -> None:
    xero.create("Contacts", {"Name": "Café Rouge"}, {"Name": "Cafe Rouge"})
    assert len(xero.where("Contacts", 'Name=="CAFE rouge"')) == 2


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("InvoiceNumbers=A-1,B-3,C-9", {"A-1", "B-3"}),
        ("Statuses=DRAFT,PAID", {"A-2"}),
        ("searchTerm=po", {"A-1"}),
        ("searchTerm=b-", {"B-3"}),
        ("createdByMyApp=true", {"A-1", "A-2", "B-3"}),
        ("IDs=00000000-0000-0000-0000-000000000000", set()),
    ],
)
def test_invoices_can_be_asked_for_by_list(xero: XeroCaller, query: str, numbers: set[str]) -> None:
    make_three(xero)
    assert {row["InvoiceNumber"] for row in xero.all("Invoices", f"page=1&{query}")} == numbers


def test_invoices_of_some_contacts(xero: XeroCaller) -> None:
    make_three(xero)
    [contact] = xero.where("Contacts", 'Name=="Oxbow Lane Dental"')
    [found] = xero.all("Invoices", f"page=1&ContactIDs={contact['ContactID']}")
    assert found["InvoiceNumber"] == "B-3"


def test_archived_contacts_must_be_asked_for(xero: XeroCaller) -> None:
    xero.control("archive-contact", contacts=["Saltwick Ceramics"])
    assert len(xero.all("Contacts")) == 11
    assert len(xero.all("Contacts", "page=1&includeArchived=true")) == 12


def test_contacts_can_be_searched(xero: XeroCaller) -> None:
    assert [row["Name"] for row in xero.all("Contacts", "page=1&searchTerm=saltwick.example")] == ["Saltwick Ceramics"]
    assert [row["Name"] for row in xero.all("Contacts", "page=1&searchTerm=ORLA")] == ["Quillmarsh Veterinary Clinic"]


def test_only_what_changed_since(xero: XeroCaller) -> None:
    changed = xero.organisation.contacts.get(name="Saltwick Ceramics")
    Contact.objects.update(updated=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    Contact.objects.filter(pk=changed.pk).update(updated=dt.datetime(2026, 2, 1, 9, tzinfo=dt.UTC))
    for since, count in (("2026-02-01T09:00:00", 1), ("2026-02-01T09:00:01", 0), ("2026-01-01T00:00:00", 12)):
        rows = xero.get("Contacts?page=1", If_Modified_Since=since).json()["Contacts"]
        assert len(rows) == count
    assert xero.get("Contacts?page=1", If_Modified_Since="yesterday").status_code == 400


def test_tax_rates_do_not_know_when_they_changed(xero: XeroCaller) -> None:
    rows = xero.get("TaxRates", If_Modified_Since="2999-01-01T00:00:00").json()["TaxRates"]
    assert rows


def test_lists_can_be_ordered(xero: XeroCaller) -> None:
    names = [row["Name"] for row in xero.all("Contacts", "page=1&order=Name%20DESC")]
    assert names == sorted(names, reverse=True)
    assert xero.get("Contacts?page=1&order=Shoesize").status_code == 400


def test_more_than_a_hundred_thousand_need_pages(xero: XeroCaller, monkeypatch: Any) -> None:
    monkeypatch.setattr("xero_simulator.api.base.UNPAGED", 5)
    assert xero.get("Contacts").status_code == 400
    assert xero.get("Contacts?page=1").status_code == 200
