from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, connect, invoice, line, messages
from xero_simulator.api.errors import ZERO_ID
from xero_simulator.models import Contact

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def update(xero: XeroCaller, **fields: Any) -> dict[str, Any]:
    answer = xero.post(f"Invoices?{BATCH}", {"Invoices": [fields]})
    assert answer.status_code == 200, answer.content
    [verdict] = answer.json()["Invoices"]
    return dict(verdict)


# --- creating


def test_an_invoice_comes_back_with_xeros_totals(xero: XeroCaller) -> None:
    made = xero.invoice(
        InvoiceNumber="A-1",
        Reference="PO 7",
        Url="https://bms.example/i/1/",
        LineItems=[line(Quantity="3", UnitAmount="33.335"), line(UnitAmount="-10", TaxType="NONE")],
    )
    assert (made["SubTotal"], made["TotalTax"], made["Total"], made["AmountDue"]) == (90.01, 20.0, 110.01, 110.01)
    found = xero.one("Invoices", "A-1")
    assert found["InvoiceID"] == made["InvoiceID"]
    assert (found["Date"], found["DateString"]) == ("/Date(1793491200000+0000)/", "2026-11-01T00:00:00")
    assert (found["Url"], found["Reference"], found["CurrencyCode"]) == ("https://bms.example/i/1/", "PO 7", "GBP")
    assert [row["LineAmount"] for row in found["LineItems"]] == [100.01, -10.0]
    assert found["LineItems"][0]["TaxType"] == "OUTPUT2"  # the account's


def test_unit_amounts_lose_decimals_unless_four_are_asked_for(xero: XeroCaller) -> None:
    [made] = xero.create("Invoices", invoice(line(Quantity="3", UnitAmount="33.335")), query="summarizeErrors=false")
    assert made["SubTotal"] == 100.02
    assert made["LineItems"][0]["UnitAmount"] == 33.34


def test_prices_may_include_tax_or_have_none(xero: XeroCaller) -> None:
    inclusive = xero.invoice(LineAmountTypes="Inclusive", LineItems=[line(UnitAmount="120")])
    assert (inclusive["SubTotal"], inclusive["TotalTax"], inclusive["Total"]) == (100.0, 20.0, 120.0)
    untaxed = xero.invoice(LineAmountTypes="NoTax", LineItems=[line(UnitAmount="120", TaxType="OUTPUT2")])
    assert (untaxed["TotalTax"], untaxed["Total"]) == (0.0, 120.0)
    assert untaxed["LineItems"][0]["TaxType"] == "NONE"


def test_a_tax_amount_overrides_the_rate(xero: XeroCaller) -> None:
    assert xero.invoice(LineItems=[line(TaxAmount="19.99")])["TotalTax"] == 19.99


def test_an_item_fills_what_the_line_leaves_open(xero: XeroCaller) -> None:
    made = xero.invoice(LineItems=[{"ItemCode": "x-call", "Quantity": "2"}])
    [row] = made["LineItems"]
    assert (row["ItemCode"], row["AccountCode"], row["UnitAmount"]) == ("X-CALL", "200", 145.0)
    assert row["Description"] == "Engineer call-out outside business hours"


def test_a_line_may_be_text_alone(xero: XeroCaller) -> None:
    made = xero.invoice(LineItems=[line(), {"Description": "As discussed"}])
    assert (made["Total"], len(made["LineItems"])) == (120.0, 2)


def test_nothing_to_pay_is_paid_at_once(xero: XeroCaller) -> None:
    made = xero.invoice(LineItems=[line(UnitAmount="0")])
    assert (made["Status"], "FullyPaidOnDate" in made) == ("PAID", True)


def test_numbers_are_given_if_none_is_sent(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="INV-0001")
    made = [xero.invoice()["InvoiceNumber"] for _ in range(2)]
    assert made == ["INV-0002", "INV-0003"]


def test_a_draft_may_be_incomplete(xero: XeroCaller) -> None:
    sparse = {"Type": "ACCREC", "Contact": {"Name": "Saltwick Ceramics"}, "LineItems": [{"Description": "Later"}]}
    [made] = xero.create("Invoices", sparse)
    assert (made["StatusAttributeString"], made["Status"]) == ("OK", "DRAFT")


def test_a_draft_loses_an_unknown_account_code_with_a_warning(xero: XeroCaller) -> None:
    [made] = xero.create("Invoices", invoice(line(AccountCode="600"), Status="DRAFT"))
    assert made["StatusAttributeString"] == "WARNING"
    assert messages(made, "Warnings") == [
        "Account code '600' has been removed as it does not match a recognised account."
    ]
    assert "AccountCode" not in xero.one("Invoices", made["InvoiceID"])["LineItems"][0]


def test_sent_to_contact_is_for_approved_invoices(xero: XeroCaller) -> None:
    assert xero.invoice(SentToContact=True)["SentToContact"] is True
    [draft] = xero.create("Invoices", invoice(SentToContact=True, Status="DRAFT"))
    assert messages(draft, "Warnings") == ["Only AUTHORISED invoices may have SentToContact updated."]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Type": "ACCWRECK"}, "Invoice type must be ACCREC or ACCPAY."),
        ({"Contact": None}, "A Contact must be specified for this type of transaction"),
        ({"Contact": {}}, "A Contact must be specified for this type of transaction"),
        ({"Contact": {"ContactNumber": "no"}}, "Contact Name cannot be empty."),
        ({"Contact": {"ContactID": ZERO_ID}}, "The specified contact could not be found."),
        (
            {"Contact": {"Name": "Oxbow Lane Dental"}},
            "The contact with the specified contact details has been archived. "
            "The contact must be un-archived before creating new invoices or credit notes.",
        ),
        ({"Contact": {"Name": "New", "EmailAddress": "x"}}, "Email address must be valid."),
        ({"InvoiceNumber": "TAKEN"}, "Invoice # must be unique."),
        ({"InvoiceNumber": "ä"}, "The InvoiceNumber may hold printable characters of ASCII only."),
        (
            {"InvoiceNumber": "x" * 256},
            "The field InvoiceNumber must be a string with a maximum length of 255.",
        ),
        ({"Reference": "x" * 256}, "The field Reference must be a string with a maximum length of 255."),
        ({"Status": "PAID"}, "Invoice not of valid status for creation"),
        ({"Status": "VOIDED"}, "Invoice not of valid status for creation"),
        ({"LineAmountTypes": "Gross"}, "LineAmountTypes must be Exclusive, Inclusive or NoTax."),
        ({"CurrencyCode": "JPY"}, "Organisation is not subscribed to currency JPY"),
        ({"Date": "tomorrow"}, "Date is not a valid date"),
        ({"DueDate": None}, "The DueDate must be specified for this type of transaction"),
        (
            {"Date": "2026-03-31"},
            "The document date cannot be before the period lock date, currently set at 31 March 2026",
        ),
        (
            {"Date": "2025-12-31", "DueDate": "2026-12-31"},
            "The document date cannot be before the period lock date, currently set at 31 March 2026",
        ),
        ({"Url": "/i/1/"}, "The Url must be an absolute http or https address."),
        ({"Url": "ftp://bms.example/i/1/"}, "The Url must be an absolute http or https address."),
        ({"Url": "https://bms.example/finance/Xero/1/"}, "The Url must not contain the word xero."),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"LineItems": [line(UnitAmount="-1")]}, "The total of this document cannot be negative."),
        ({"LineItems": [line(Description="")]}, "Description must be specified for each line item."),
        (
            {"LineItems": [line(Description="x" * 4001)]},
            "The description of a line item must be no more than 4000 characters.",
        ),
        ({"LineItems": [line(ItemCode="NOPE")]}, "Item code 'NOPE' is not valid"),
        ({"LineItems": [line(AccountCode="")]}, "Account code must be specified"),
        (
            {"LineItems": [line(AccountCode="999")]},
            "Account code '999' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="610", TaxType="NONE")]},
            "Account code '610' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="090", TaxType="NONE")]},
            "Account code '090' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="260")]},
            "Account code '260' has been archived, or has been deleted. Each line item must reference a valid account.",
        ),
        (
            {"LineItems": [line(TaxType="NOPE")]},
            "The TaxType code NOPE does not exist or cannot be used for this type of transaction.",
        ),
        (
            {"LineItems": [line(TaxType="SROUTPUT")]},
            "The TaxType code SROUTPUT does not exist or cannot be used for this type of transaction.",
        ),
        (
            {"LineItems": [line(TaxType="GSTONIMPORTS")]},
            "The TaxType code GSTONIMPORTS does not exist or cannot be used for this type of transaction.",
        ),
        ({"LineItems": [line(TaxType="INPUT2")]}, "The TaxType code 'INPUT2' cannot be used with account code '200'."),
        (
            {"LineItems": [line(LineAmount="99")]},
            "The line total 99.00 does not match the expected line total 100.00",
        ),
        (
            {"LineItems": [line(DiscountRate="5", DiscountAmount="5")]},
            "Only one of DiscountRate and DiscountAmount can be specified.",
        ),
        ({"LineItems": [line(DiscountRate="101")]}, "The discount rate must be between 0 and 100."),
        ({"LineItems": [line(Quantity="many")]}, "Quantity must be a number"),
        (
            {"LineItems": [line(UnitAmount="10000000000")]},
            "The line amount must be no more than 9,999,999,999.99.",
        ),
    ],
)
def test_an_invoice_is_refused_in_xeros_words(xero: XeroCaller, changed: dict[str, Any], message: str) -> None:
    xero.invoice(InvoiceNumber="TAKEN")
    Contact.objects.filter(name="Oxbow Lane Dental").update(status="ARCHIVED")
    xero.control("organisation", period_lock_date="2026-03-31", end_of_year_lock_date="2025-12-31")
    xero.control("archive-account", accounts=["260"])
    [verdict] = xero.create("Invoices", {**invoice(), **changed})
    assert message in messages(verdict)
    assert verdict["StatusAttributeString"] == "ERROR"
    assert verdict["HasErrors"] is True
    assert verdict["InvoiceID"] == ZERO_ID


def test_a_refused_invoice_is_echoed_and_fails_only_itself(xero: XeroCaller) -> None:
    good, bad = xero.create(
        "Invoices", invoice(InvoiceNumber="G-1"), invoice(line(AccountCode="999"), InvoiceNumber="B-1")
    )
    assert (good["StatusAttributeString"], bad["StatusAttributeString"]) == ("OK", "ERROR")
    assert bad["InvoiceNumber"] == "B-1"
    assert bad["Date"] == "/Date(1793491200000+0000)/"
    assert xero.get("Invoices/B-1").status_code == 404


def test_drafts_may_lie_in_a_locked_period(xero: XeroCaller) -> None:
    xero.control("organisation", period_lock_date="2026-12-31")
    [draft] = xero.create("Invoices", invoice(Status="DRAFT"))
    assert draft["StatusAttributeString"] == "OK"


def test_one_number_twice_in_one_call(xero: XeroCaller) -> None:
    first, second = xero.create("Invoices", invoice(InvoiceNumber="T-1"), invoice(InvoiceNumber="T-1"))
    assert first["StatusAttributeString"] == "OK"
    assert messages(second) == ["Invoice # must be unique."]


def test_the_number_of_a_voided_invoice_is_free_unless_set_otherwise(xero: XeroCaller) -> None:
    for stay_used, expected in ((False, "OK"), (True, "ERROR")):
        xero.control("organisation", voided_numbers_stay_used=stay_used)
        number = f"V-{stay_used}"
        voided = xero.invoice(InvoiceNumber=number)
        update(xero, InvoiceID=voided["InvoiceID"], Status="VOIDED")
        [again] = xero.create("Invoices", invoice(InvoiceNumber=number))
        assert again["StatusAttributeString"] == expected
    assert xero.one("Invoices", "V-False")["Status"] == "AUTHORISED"


def test_small_plans_limit_approvals(xero: XeroCaller) -> None:
    xero.control("organisation", approval_limit=1)
    verdicts = xero.create("Invoices", invoice(), invoice(), invoice(Status="DRAFT"))
    assert [messages(verdict) for verdict in verdicts] == [
        [],
        ["You have reached the limit of invoices you can approve"],
        [],
    ]


def test_foreign_currency_gets_the_rate_of_the_day(xero: XeroCaller) -> None:
    made = xero.invoice(CurrencyCode="EUR")
    assert made["CurrencyRate"] == pytest.approx(1.142668)
    assert xero.invoice(CurrencyCode="EUR", CurrencyRate="1.25")["CurrencyRate"] == 1.25


# --- the contact of an invoice


def test_a_contact_is_made_from_its_name(xero: XeroCaller) -> None:
    first, second = xero.create("Invoices", *(invoice(Contact={"Name": "Brand New"}) for _ in range(2)))
    assert first["Contact"]["ContactID"] == second["Contact"]["ContactID"]
    assert len(xero.where("Contacts", 'Name=="Brand New"')) == 1


def test_more_than_an_id_changes_the_contact(xero: XeroCaller) -> None:
    [contact] = xero.create("Contacts", {"Name": "Whole", "ContactPersons": [{"FirstName": "Ann"}]})
    xero.invoice(Contact={"ContactID": contact["ContactID"]})
    assert xero.one("Contacts", contact["ContactID"])["ContactPersons"]
    xero.invoice(Contact={"ContactID": contact["ContactID"], "EmailAddress": "new@whole.example"})
    changed = xero.one("Contacts", contact["ContactID"])
    assert (changed["EmailAddress"], changed["ContactPersons"]) == ("new@whole.example", [])


# --- changing


def test_post_with_a_known_number_changes_that_invoice(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="P-1", Status="DRAFT")
    changed = update(xero, **invoice(InvoiceNumber="P-1", Reference="Overwritten", Status="DRAFT"))
    assert changed["InvoiceID"] == made["InvoiceID"]
    assert xero.one("Invoices", "P-1")["Reference"] == "Overwritten"


def test_put_with_an_id_makes_another_invoice(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="P-1")
    other = xero.invoice(InvoiceID=made["InvoiceID"], InvoiceNumber="P-2")
    assert other["InvoiceID"] != made["InvoiceID"]


def test_lines_with_their_id_are_kept(xero: XeroCaller) -> None:
    made = xero.invoice(Status="DRAFT")
    row = {name: made["LineItems"][0][name] for name in ("LineItemID", "Description", "AccountCode")}
    changed = update(xero, InvoiceID=made["InvoiceID"], LineItems=[line(UnitAmount="50"), {**row, "UnitAmount": "70"}])
    ids = [each["LineItemID"] for each in xero.one("Invoices", made["InvoiceID"])["LineItems"]]
    assert row["LineItemID"] == ids[1] != ids[0]
    assert changed["SubTotal"] == 120.0


def test_one_invoice_can_be_changed_by_its_path(xero: XeroCaller) -> None:
    made = xero.invoice(Status="DRAFT")
    answer = xero.post(f"Invoices/{made['InvoiceID']}", {"Invoices": [{"Status": "AUTHORISED"}]})
    assert answer.json()["Invoices"][0]["Status"] == "AUTHORISED"


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("DRAFT", "SUBMITTED", None),
        ("DRAFT", "AUTHORISED", None),
        ("DRAFT", "DELETED", None),
        ("DRAFT", "VOIDED", "Invoice not of valid status for modification"),
        ("SUBMITTED", "DRAFT", None),
        ("AUTHORISED", "VOIDED", None),
        ("AUTHORISED", "DRAFT", "Invoice not of valid status for modification"),
        ("AUTHORISED", "DELETED", "Invoice not of valid status for modification"),
    ],
)
def test_the_status_moves_as_in_xero(xero: XeroCaller, was: str, becomes: str, message: str | None) -> None:
    made = xero.invoice(Status=was)
    verdict = update(xero, InvoiceID=made["InvoiceID"], Status=becomes)
    assert messages(verdict) == ([message] if message else [])
    assert verdict["InvoiceID"] == made["InvoiceID"]


def test_what_is_gone_cannot_be_changed(xero: XeroCaller) -> None:
    made = xero.invoice()
    update(xero, InvoiceID=made["InvoiceID"], Status="VOIDED")
    verdict = update(xero, InvoiceID=made["InvoiceID"], Reference="x")
    assert messages(verdict) == ["Invoice not of valid status for modification"]
    assert xero.one("Invoices", made["InvoiceID"])["AmountDue"] == 0


def test_a_paid_invoice_lets_little_be_changed(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="L-1")
    xero.control("pay", invoices=["L-1"], amount="20.00")
    refused = update(xero, InvoiceID=made["InvoiceID"], Date="2026-11-02")
    assert messages(refused) == ["This document cannot be edited as it has a payment or credit note allocated to it."]
    assert messages(update(xero, InvoiceID=made["InvoiceID"], Status="VOIDED")) == messages(refused)
    changed = update(xero, InvoiceID=made["InvoiceID"], Reference="Allowed")
    assert (changed["Reference"], changed["AmountPaid"], changed["AmountDue"]) == ("Allowed", 20.0, 100.0)


def test_an_unknown_id_is_not_changed(xero: XeroCaller) -> None:
    verdict = update(xero, InvoiceID="3fd4b3ef-5c5f-4d36-a111-000000000000")
    assert messages(verdict) == ["An existing Invoice with the specified InvoiceID could not be found"]


def test_organisations_keep_their_numbers_apart(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="S-1")
    other = connect("Acme Inc")
    assert other.invoice(InvoiceNumber="S-1", LineItems=[line(TaxType="TAX001")])["TotalTax"] == 8.75
