"""Payments on their way from the simulated Xero to our invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finance.models import Invoice, Payment
from tests import records
from tests.xero_sync.driving import (
    check_payments,
    check_these_payments,
    export,
    import_payments,
    outcome,
    send,
    states,
    the_row,
)
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import XeroConnection, XeroRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(connection: XeroConnection) -> Invoice:
    """An invoice of 100.00 that is in Xero, approved."""
    made = records.invoice("INV-1", of=records.account("Bolt Ltd"), po_number="PO-77", status=Invoice.Status.SENT)
    export(status="AUTHORISED")
    return made


def standing(invoice: Invoice) -> tuple[str, Decimal]:
    invoice.refresh_from_db()
    return invoice.get_status_display(), invoice.balance_due


def pay(xero: SimulatedXero, amount: str, **more: Any) -> str:
    answer = xero.control("pay", invoices=["INV-1"], amount=amount, **more)
    return str(answer["payments"][0]["payment_id"])


def test_a_part_payment_and_the_rest_settle_the_invoice(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00", reference="BACS 1")
    job = import_payments()
    assert outcome(job) == {"INV-1": ("succeeded", "INV-1 is now Partly Paid, 60.00 due.")}
    assert standing(invoice) == ("Partly Paid", Decimal("60.00"))
    pay(xero, "60.00")
    import_payments()
    assert standing(invoice) == ("Paid", Decimal("0.00"))
    first = Payment.objects.order_by("id")[0]
    assert (first.reference, first.source, first.account.name) == ("BACS 1", "xero", "Bolt Ltd")


def test_importing_twice_changes_nothing(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00")
    import_payments()
    again = import_payments()
    assert jobs.results(again)["skipped"] == 1
    assert standing(invoice) == ("Partly Paid", Decimal("60.00"))
    assert Payment.objects.count() == 1


def test_two_imports_checked_at_once_record_a_payment_once(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00")
    first, second = check_payments(), check_payments()
    send(first)
    send(second)
    assert Payment.objects.count() == 1
    assert outcome(second) == {"INV-1": ("skipped", f"Already imported in Job {first.number}.")}


def test_a_payment_deleted_in_xero_is_taken_back_once(invoice: Invoice, xero: SimulatedXero) -> None:
    payment = pay(xero, "40.00")
    import_payments()
    xero.control("delete-payment", payments=[payment])
    # A date filter that excludes it does not hide the deletion
    job = import_payments(date_from="2031-01-01")
    assert jobs.results(job)["also"] == {"payments": 1}
    assert standing(invoice) == ("Sent", Decimal("100.00"))
    assert Payment.objects.get().reversed
    assert jobs.results(import_payments())["also"] == {}
    assert standing(invoice) == ("Sent", Decimal("100.00"))


def test_a_payment_of_somebody_elses_invoice_fails_when_chosen_and_is_skipped_otherwise(
    invoice: Invoice, xero: SimulatedXero
) -> None:
    invoice.number = "INV-1 here"
    invoice.save()
    from xero_sync.models import XeroLink

    payment = pay(xero, "40.00")
    XeroLink.objects.filter(kind="invoices").delete()
    job = send(check_these_payments(payment))
    words = "This payment is for INV-1, which was not exported from here, so it can't be recorded."
    assert outcome(job) == {"INV-1": ("failed", words)}
    assert job.state == "completed_with_failures"
    assert jobs.results(import_payments()) | {"job": 0} == jobs.results(import_payments()) | {"job": 0}
    assert states(import_payments()) == {"INV-1": "skipped"}


def test_a_credit_note_settles_without_a_payment(invoice: Invoice, xero: SimulatedXero) -> None:
    xero.control("credit", invoices=["INV-1"], amount="30.00")
    job = import_payments()
    assert jobs.results(job)["also"] == {"credits": 1}
    assert standing(invoice) == ("Partly Paid", Decimal("70.00"))
    assert Payment.objects.get().get_kind_display() == "Credited in Xero"
    xero.control("credit", invoices=["INV-1"], amount="70.00")
    import_payments()
    assert standing(invoice) == ("Paid", Decimal("0.00"))
    assert Payment.objects.filter(reversed=False).get().amount == Decimal("100.00")


def test_an_invoice_voided_in_xero_becomes_void_here(invoice: Invoice, xero: SimulatedXero) -> None:
    xero.control("void", invoices=["INV-1"])
    job = import_payments()
    assert jobs.results(job)["also"] == {"voids": 1}
    assert standing(invoice)[0] == "Void"


def test_a_payment_above_the_balance_is_refused(invoice: Invoice, xero: SimulatedXero) -> None:
    records.payment(invoice, "80.00")
    pay(xero, "40.00")
    job = import_payments()
    assert outcome(job) == {"INV-1": ("failed", "Payment 40.00 is more than the 20.00 owed on INV-1.")}
    assert standing(invoice) == ("Partly Paid", Decimal("20.00"))


@pytest.mark.parametrize("amount", ["0", "-5.00", "1.005"])
def test_an_amount_that_cannot_be_paid_is_refused(invoice: Invoice, xero: SimulatedXero, amount: str) -> None:
    pay(xero, "40.00")
    job = check_payments()
    record = XeroRecord.objects.get(kind="payments", payload__Invoice__InvoiceNumber="INV-1")
    record.payload["Amount"] = amount
    record.save()
    send(job)
    assert states(job) == {"INV-1": "failed"}
    assert standing(invoice) == ("Sent", Decimal("100.00"))


def test_a_payment_in_another_currency_is_refused(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00")
    Invoice.objects.update(currency="EUR")
    job = import_payments()
    assert outcome(job) == {"INV-1": ("failed", "The payment is in GBP, the invoice in EUR.")}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"number": "INV-1"}, 1),
        ({"number": "INV-2"}, 0),
        ({"reference": "po-77"}, 1),
        ({"reference": "BACS"}, 1),
        ({"contact": "BOLT"}, 1),
        ({"contact": "Nut"}, 0),
        ({"date_from": "2026-11-05", "date_to": "2026-11-05"}, 1),
        ({"date_from": "2026-11-06"}, 0),
        ({"date_to": "2026-11-04"}, 0),
    ],
)
def test_the_filters_choose_payments(
    invoice: Invoice, xero: SimulatedXero, filters: dict[str, str], found: int
) -> None:
    pay(xero, "40.00", date="2026-11-05", reference="BACS 9")
    ours = check_payments(**filters).rows.filter(requested=True, label="INV-1")
    assert ours.count() == found


def test_the_check_shows_the_balance_before_and_after(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00", date="2026-11-05")
    pay(xero, "60.00", date="2026-11-06")
    diffs = [row.diff for row in check_payments().rows.filter(label="INV-1").order_by("id")]
    assert diffs == [[["Balance due", "100.00", "60.00"]], [["Balance due", "60.00", "0.00"]]]


def test_a_refund_of_a_credit_is_never_income(invoice: Invoice, xero: SimulatedXero) -> None:
    xero.control("refund", contacts=["Bolt Ltd"], amount="25.00")
    job = import_payments()
    assert not job.rows.filter(amount=Decimal("25.00")).exists()


def test_a_line_of_the_log_tells_what_became_of_each_payment(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00")
    job = import_payments()
    line = job.log.get(step="import", row=the_row(job, "INV-1"))
    assert (line.record, line.action, line.outcome) == ("INV-1", "Created", "ok")
    assert line.message == "INV-1 is now Partly Paid, 60.00 due."


def test_what_an_import_takes_back_or_voids_stands_in_the_history(invoice: Invoice, xero: SimulatedXero) -> None:
    payment = pay(xero, "10")
    import_payments()
    xero.control("delete-payment", payments=[payment])
    xero.control("void", invoices=["INV-1"])
    job = import_payments()
    reason = f"Job {job.number}"
    ours = invoice.payments.get()
    assert [row.reversed for row in ours.history.filter(history_change_reason=reason)] == [True]
    assert invoice.history.filter(history_change_reason=reason).latest().status == "void"
