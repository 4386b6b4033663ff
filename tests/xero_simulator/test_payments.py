from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.xero_simulator.caller import XeroCaller, messages
from xero_simulator import settlement
from xero_simulator.models import Invoice, Payment

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def pay(xero: XeroCaller, **changed: Any) -> dict[str, Any]:
    payment = {
        "Invoice": {"InvoiceNumber": "P-1"},
        "Account": {"Code": "090"},
        "Date": "2026-11-20",
        "Amount": "20.00",
        **changed,
    }
    [verdict] = xero.create("Payments", payment)
    return verdict


def test_a_payment_lowers_what_is_due(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="P-1")
    paid = pay(xero, Reference="BACS 1")
    found = xero.one("Invoices", "P-1")
    assert (found["AmountDue"], found["AmountPaid"], found["Status"]) == (100.0, 20.0, "AUTHORISED")
    assert [row["PaymentID"] for row in found["Payments"]] == [paid["PaymentID"]]
    [listed] = xero.where("Payments", 'PaymentType=="ACCRECPAYMENT" AND Status=="AUTHORISED"')
    assert listed["Invoice"]["InvoiceID"] == made["InvoiceID"]
    assert listed["Invoice"]["Contact"]["Name"] == "Saltwick Ceramics"
    assert (listed["Amount"], listed["Reference"], listed["Account"]["Code"]) == (20.0, "BACS 1", "090")
    assert "Total" not in listed["Invoice"]


def test_the_last_payment_makes_it_paid(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="P-1")
    pay(xero, Amount="120.00")
    found = xero.one("Invoices", "P-1")
    assert (found["Status"], found["FullyPaidOnDate"]) == ("PAID", "/Date(1795132800000+0000)/")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Amount": "120.01"}, "Payment amount exceeds the amount outstanding on this document"),
        ({"Amount": "0"}, "Payment amount must be greater than zero"),
        ({"Invoice": {"InvoiceNumber": "D-1"}}, "Payments can only be made against Authorised documents"),
        ({"Invoice": {"InvoiceNumber": "none"}}, "Invoice could not be found"),
        ({"Account": {"Code": "200"}}, "The account type selected is not valid for a payment"),
        ({"Amount": "x"}, "The Amount or the Date of the payment is not valid"),
    ],
)
def test_a_payment_is_refused_in_xeros_words(xero: XeroCaller, changed: dict[str, Any], message: str) -> None:
    xero.invoice(InvoiceNumber="P-1")
    xero.invoice(InvoiceNumber="D-1", Status="DRAFT")
    verdict = pay(xero, **changed)
    assert messages(verdict) == [message]
    assert verdict["HasValidationErrors"] is True


def test_a_payment_can_only_be_deleted_and_stays_listed(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="P-1")
    made = pay(xero, Amount="120.00")
    path = f"Payments/{made['PaymentID']}"
    refused = xero.post(path, {"Payments": [{"Status": "DELETED", "Amount": 1}]})
    assert messages(refused.json()["Elements"][0]) == ["Only Status accepted for updates"]
    [deleted] = xero.post(path, {"Payments": [{"Status": "DELETED"}]}).json()["Payments"]
    assert deleted["Status"] == "DELETED"
    assert deleted["UpdatedDateUTC"] >= made["UpdatedDateUTC"]
    found = xero.one("Invoices", "P-1")
    assert (found["Status"], found["AmountDue"], found["Payments"]) == ("AUTHORISED", 120.0, [])
    assert [row["Status"] for row in xero.all("Payments")] == ["DELETED"]


def test_a_batch_deposit_is_a_payment_per_invoice(xero: XeroCaller) -> None:
    for number in ("B-1", "B-2"):
        xero.invoice(InvoiceNumber=number)
    xero.control("pay", invoices=["B-1", "B-2"], batch=True)
    first, second = xero.all("Payments")
    assert first["BatchPaymentID"] == second["BatchPaymentID"]
    assert first["BatchPayment"]["IsReconciled"] == "false"  # text, as Xero sends it
    refused = xero.post(f"Payments/{first['PaymentID']}", {"Payments": [{"Status": "DELETED"}]})
    assert refused.status_code == 400


def test_a_credit_note_settles_without_a_payment(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="C-1")
    xero.control("credit", invoices=["C-1"], amount="120.00")
    found = xero.one("Invoices", "C-1")
    assert (found["Status"], found["AmountCredited"], found["AmountPaid"]) == ("PAID", 120.0, 0.0)
    assert found["CreditNotes"][0]["AppliedAmount"] == 120.0
    [note] = xero.all("CreditNotes")
    assert note["Allocations"][0]["Invoice"]["InvoiceID"] == made["InvoiceID"]
    assert xero.all("Payments") == []


def test_a_refund_is_listed_but_is_money_out(xero: XeroCaller) -> None:
    xero.control("refund", contacts=["Saltwick Ceramics"], amount="12.50")
    [refund] = xero.all("Payments")
    assert refund["PaymentType"] == "ARCREDITPAYMENT"
    assert refund["Invoice"]["Type"] == "ACCRECCREDIT"
    assert xero.where("Payments", 'PaymentType=="ACCRECPAYMENT"') == []


def test_payments_of_one_invoice(xero: XeroCaller) -> None:
    made = xero.invoice(InvoiceNumber="P-1")
    xero.invoice(InvoiceNumber="P-2")
    pay(xero)
    pay(xero, Invoice={"InvoiceNumber": "P-2"})
    assert len(xero.where("Payments", f'Invoice.InvoiceId==guid("{made["InvoiceID"]}")')) == 1
    assert len(xero.where("Payments", "Date>=DateTime(2026,11,20) AND Date<DateTime(2026,11,21)")) == 2


def test_payments_of_foreign_invoices_are_in_their_currency(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="P-1", CurrencyCode="EUR", CurrencyRate="1.25")
    made = pay(xero, Amount="25.00")
    assert (made["Amount"], made["BankAmount"], made["CurrencyRate"]) == (25.0, 20.0, 1.25)


def test_a_thousand_payments_fit_on_a_page(xero: XeroCaller) -> None:
    own = {"organisation": xero.organisation, "date": dt.date(2026, 11, 1)}
    contact = xero.organisation.contacts.first()
    invoices = [Invoice(**own, contact=contact, number=f"M-{n}", currency_code="GBP") for n in range(1001)]
    Invoice.objects.bulk_create(invoices)
    account = settlement.bank_account(xero.organisation)
    Payment.objects.bulk_create(Payment(**own, invoice=invoice, account=account) for invoice in invoices)
    assert len(xero.all("Payments", "page=1&pageSize=1000")) == 1000
    assert len(xero.all("Invoices", "page=1&pageSize=1000")) == 1000
