"""Payments, credits and voids that come in an awkward order, or all at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finance.models import Invoice, Payment
from tests import records
from tests.xero_sync.driving import check_payments, check_these_payments, export, import_payments, outcome, send, states
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(connection: XeroConnection) -> Invoice:
    """An invoice of 100.00 that is in Xero, approved."""
    made = records.invoice("INV-1", of=records.account("Bolt Ltd"), status=Invoice.Status.SENT)
    export(status="AUTHORISED")
    return made


def standing(invoice: Invoice) -> tuple[str, Decimal]:
    invoice.refresh_from_db()
    return invoice.get_status_display(), invoice.balance_due


def pay(xero: SimulatedXero, amount: str, **more: Any) -> str:
    answer = xero.control("pay", invoices=["INV-1"], amount=amount, **more)
    return str(answer["payments"][0]["payment_id"])


def test_a_payment_replaced_by_another_is_taken_back_before_the_new_one_counts(
    invoice: Invoice, xero: SimulatedXero
) -> None:
    first = pay(xero, "100.00")
    import_payments()
    xero.control("delete-payment", payments=[first])
    pay(xero, "100.00")
    job = import_payments()
    assert job.state == "completed", outcome(job)
    assert standing(invoice) == ("Paid", Decimal("0.00"))
    assert Payment.objects.filter(reversed=False).count() == 1


def test_a_credit_while_a_payment_waits_to_be_imported_settles_the_rest(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "40.00")
    job = check_payments()
    xero.control("credit", invoices=["INV-1"], amount="60.00")
    send(job)
    assert standing(invoice) == ("Partly Paid", Decimal("60.00"))
    import_payments()
    assert standing(invoice) == ("Paid", Decimal("0.00"))


def test_more_than_is_owed_is_refused_and_the_balance_stays(invoice: Invoice, xero: SimulatedXero) -> None:
    pay(xero, "60.00")
    job = check_payments()
    records.payment(invoice, "50.00")
    send(job)
    assert set(states(job).values()) == {"failed"}
    assert standing(invoice) == ("Partly Paid", Decimal("50.00"))


def test_a_payment_deleted_between_check_and_import_is_not_recorded(invoice: Invoice, xero: SimulatedXero) -> None:
    payment = pay(xero, "60.00")
    job = check_payments()
    xero.control("delete-payment", payments=[payment])
    check_payments()
    send(job)
    assert set(states(job).values()) == {"skipped"}
    assert standing(invoice) == ("Sent", Decimal("100.00"))


def test_an_invoice_that_was_credited_and_then_voided_in_xero_is_void_here(
    invoice: Invoice, xero: SimulatedXero
) -> None:
    xero.control("credit", invoices=["INV-1"], amount="40.00")
    import_payments()
    assert standing(invoice) == ("Partly Paid", Decimal("60.00"))
    _as_xero_tells(invoice, Status="VOIDED", AmountCredited="0.00")
    job = send(jobs_of_what_we_have())
    assert job.state == "completed", outcome(job)
    assert standing(invoice) == ("Void", Decimal("100.00"))


def _as_xero_tells(invoice: Invoice, **fields: str) -> None:
    from xero_sync.models import XeroRecord

    row = XeroRecord.objects.get(kind="invoices", payload__InvoiceNumber=invoice.number)
    row.payload |= fields
    row.status = fields.get("Status", row.status)
    row.save()


def jobs_of_what_we_have() -> Any:
    """Check an import without reading Xero again."""
    from xero_sync import engine

    job = jobs.start_check("payments", "import", {"all": True}, user=None)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == "checked", job.problem
    return job


def test_a_payment_of_an_invoice_in_the_organisations_currency_needs_none_here(
    invoice: Invoice, xero: SimulatedXero, connection: XeroConnection
) -> None:
    assert invoice.currency == ""
    assert connection.base_currency
    pay(xero, "33.33")
    pay(xero, "33.33")
    pay(xero, "33.34")
    job = import_payments()
    assert set(states(job).values()) == {"succeeded"}
    assert standing(invoice) == ("Paid", Decimal("0.00"))


def test_many_small_payments_leave_no_fraction(invoice: Invoice, xero: SimulatedXero) -> None:
    for _ in range(10):
        pay(xero, "0.10")
    import_payments()
    assert standing(invoice) == ("Partly Paid", Decimal("99.00"))


def test_a_payment_ticked_twice_is_recorded_once(invoice: Invoice, xero: SimulatedXero) -> None:
    payment = pay(xero, "10.00")
    job = send(check_these_payments(payment, payment))
    assert states(job) == {"INV-1": "succeeded"}
    assert Payment.objects.count() == 1


def test_a_retry_of_a_refused_payment_records_it_when_there_is_room(invoice: Invoice, xero: SimulatedXero) -> None:
    from xero_sync import engine

    pay(xero, "60.00")
    mine = records.payment(invoice, "50.00")
    job = import_payments()
    assert set(states(job).values()) == {"failed"}
    Payment.objects.filter(pk=mine.pk).update(reversed=True, reversed_at=mine.created)
    invoice.settle()
    again = jobs.retry(job, user=None)
    engine.run(again.pk)
    again.refresh_from_db()
    send(again)
    assert set(states(again).values()) == {"succeeded"}, outcome(again)
    assert standing(invoice) == ("Partly Paid", Decimal("40.00"))


def test_a_credit_that_finds_no_room_is_a_failure_of_the_job(invoice: Invoice, xero: SimulatedXero) -> None:
    records.payment(invoice, "80.00")
    xero.control("credit", invoices=["INV-1"], amount="40.00")
    job = import_payments()
    assert job.state == "completed_with_failures"
    assert standing(invoice) == ("Partly Paid", Decimal("20.00"))
