from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from finance.balances import Around, around
from finance.money import ZERO
from tests.records import account, invoice, payment

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
    assert "This was undone in Xero" in page
    assert "<s>30.00</s>" in text(reader.get(LIST))


def test_a_credit_is_called_what_it_is(reader: Client) -> None:
    payment(invoice(), "10", kind="credit")
    assert "Credited in Xero" in text(reader.get(LIST))
