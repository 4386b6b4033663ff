from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from finance.balances import Around, around
from finance.models import Payment
from finance.money import ZERO
from tests.records import account, invoice, payment
from tests.xero_sync.pages import make_job
from xero_sync.models import XeroLink

pytestmark = pytest.mark.django_db
LIST = "/finance/payments/"


def text(response: Any) -> str:
    return response.content.decode()


def references(response: Any) -> list[str]:
    return [row.record.reference for row in response.context["grid"].rows]


@pytest.mark.parametrize("typed", ["acme", "inv-1", "bacs 1"])
def test_a_payment_is_found_by_account_invoice_or_reference(reader: Client, typed: str) -> None:
    payment(invoice("INV-1", of=account("Acme")), "10", reference="BACS 1")
    payment(invoice("INV-2", of=account("Bolt")), "10", reference="BACS 2")
    assert references(reader.get(LIST, {"q": typed})) == ["BACS 1"]


def test_payments_are_listed_by_date_and_source(reader: Client) -> None:
    made = invoice(price="1000")
    for day, source in ((1, "xero"), (2, "manual"), (3, "xero")):
        payment(made, "10", reference=str(day), date=date(2026, 11, day), source=source)
    assert references(reader.get(LIST, {"date_from": "2026-11-02"})) == ["3", "2"]
    assert references(reader.get(LIST, {"date_to": "2026-11-02", "source": "xero"})) == ["1"]


def test_a_payment_says_what_it_did_to_the_balance() -> None:
    made = invoice(price="100", status="sent")
    first, second = payment(made, "30"), payment(made, "20")
    assert around(first) == Around(before=made.total, after=made.total - 30)
    assert around(second) == Around(before=made.total - 30, after=made.total - 50)


def test_an_earlier_date_counts_before_an_earlier_entry() -> None:
    made = invoice(price="100", status="sent")
    late = payment(made, "30", date=date(2026, 11, 20))
    payment(made, "70", date=date(2026, 11, 10))
    assert around(late).after == ZERO


def test_a_reversed_payment_counts_for_nothing_and_stays_visible(reader: Client) -> None:
    made = invoice(price="100", status="sent")
    undone = payment(made, "30", reversed=True)
    after = payment(made, "20")
    assert around(undone).before == around(undone).after == made.total
    assert around(after).before == made.total
    page = text(reader.get(undone.get_absolute_url()))
    assert "This was taken back on" in page
    assert "<s>30.00</s>" in text(reader.get(LIST))


def test_a_credit_is_called_what_it_is(reader: Client) -> None:
    payment(invoice(), "10", kind="credit")
    assert "Credited in Xero" in text(reader.get(LIST))


class TestByHand:
    """Payments that are entered here, and taken back."""

    def test_a_payment_is_entered_and_settles_its_invoice(self, writer: Client) -> None:
        made = invoice(price="100", status="sent")
        form = writer.get(f"/finance/payments/new/?invoice={made.pk}").context["form"]
        assert form.initial["amount"] == 100
        page = writer.post(
            f"/finance/payments/new/?invoice={made.pk}",
            {"amount": "40", "date": "t", "reference": "BACS 7"},
            follow=True,
        )
        assert "Partly Paid" in page.content.decode()
        (paid,) = made.payments.all()
        assert (paid.amount, paid.source, paid.reference, paid.account) == (40, "manual", "BACS 7", made.account)
        made.refresh_from_db()
        assert (made.balance_due, made.status) == (60, "partly_paid")

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ({"amount": "100.01"}, "at most the balance of 100.00"),
            ({"amount": "0"}, "must be above 0"),
            ({"amount": "-1"}, "must be above 0"),
            ({"amount": "1.234"}, "no more than 2 decimal places"),
            ({"amount": "NaN"}, "Enter a number"),
            ({"date": "+1"}, "a day to come"),
            ({"date": "soon"}, "This is no date"),
        ],
    )
    def test_what_cannot_be_is_said_at_the_field(self, writer: Client, typed: dict[str, str], words: str) -> None:
        made = invoice(price="100", status="sent")
        answer = writer.post(
            f"/finance/payments/new/?invoice={made.pk}", {"amount": "40", "date": "t", "reference": "X"} | typed
        )
        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert 'value="X"' in answer.content.decode()
        assert not made.payments.exists()

    @pytest.mark.parametrize("status", ["draft", "void", "paid"])
    def test_an_invoice_that_takes_none_says_so(self, writer: Client, status: str) -> None:
        made = invoice(price="0" if status == "paid" else "100", status=status)
        answer = writer.post(f"/finance/payments/new/?invoice={made.pk}", {"amount": "4", "date": "t"}, follow=True)
        assert "No payment was entered" in answer.content.decode()
        assert not made.payments.exists()

    def test_what_is_in_xero_is_paid_in_xero(self, writer: Client) -> None:
        made = invoice(price="100", status="sent")
        paid = payment(made, "10")
        XeroLink.objects.create(tenant_id="t", kind="invoices", local_id=made.uuid, xero_id="x", matched_by="created")
        answer = writer.get(f"/finance/payments/new/?invoice={made.pk}", follow=True)
        assert "Enter the payment in Xero, and import it." in answer.content.decode()
        answer = writer.post(f"{paid.get_absolute_url()}reverse/", follow=True)
        assert "not taken back" in answer.content.decode()
        paid.refresh_from_db()
        assert not paid.reversed

    def test_a_payment_is_taken_back_once_and_stays(self, writer: Client) -> None:
        paid = payment(invoice(price="100", status="sent"), "100")
        url = f"{paid.get_absolute_url()}reverse/"
        assert "taken back" in writer.post(url, follow=True).content.decode()
        paid.refresh_from_db()
        assert paid.reversed
        assert (paid.invoice.status, paid.invoice.balance_due) == ("sent", 100)
        assert "It was taken back already." in writer.post(url, follow=True).content.decode()

    def test_one_from_xero_is_not_taken_back_here(self, writer: Client) -> None:
        paid = payment(invoice(price="100", status="sent"), "100", source="xero")
        assert "Take back" not in writer.get(paid.get_absolute_url()).content.decode()
        assert "Delete it there" in writer.post(f"{paid.get_absolute_url()}reverse/", follow=True).content.decode()

    @pytest.mark.parametrize("key", ["", "x", "0", "9" * 40])
    def test_an_invoice_that_is_none_is_not_found(self, writer: Client, key: str) -> None:
        assert writer.get(f"/finance/payments/new/?invoice={key}").status_code == 404


def test_payments_are_filtered_by_job_kind_and_reversal(reader: Client) -> None:
    made = invoice(price="100", status="sent")
    job = make_job("completed", kind="payments", direction="import")
    first, second = payment(made, "10"), payment(made, "20", reversed=True)
    credit = payment(made, "5", kind="credit")
    XeroLink.objects.create(
        tenant_id="here", kind="payments", local_id=first.uuid, xero_id="x", matched_by="imported", job=job
    )

    def found(query: str) -> set[Payment]:
        return {row.record for row in reader.get(f"/finance/payments/?{query}").context["grid"].rows}

    assert found(f"job={job.pk}") == {first}
    assert found("kind=credit") == {credit}
    assert found("kind=reversed") == {second}
    assert found("kind=live") == {first, credit}
    assert found("job=x") == set()
