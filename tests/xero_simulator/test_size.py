"""What a call costs must not grow with the books, nor with each element of the call."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.xero_simulator.caller import BATCH, XeroCaller, invoice, line
from xero_simulator import bulk

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def queries_to_read(xero: XeroCaller, path: str) -> int:
    with CaptureQueriesContext(connections["simulator"]) as captured:
        assert xero.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "path", ["Contacts?page=1&pageSize=1000", "Items", "Payments?page=1&pageSize=1000", "Invoices?page=1&pageSize=1000"]
)
def test_reading_ten_times_as_much_costs_no_more_queries(xero: XeroCaller, path: str) -> None:
    bulk.fill_up(xero.organisation, contacts=20, items=20, payments=20)
    few = queries_to_read(xero, path)
    bulk.fill_up(xero.organisation, contacts=200, items=200, payments=200)
    assert queries_to_read(xero, path) == few


def queries_to_create(xero: XeroCaller, prefix: str, count: int) -> int:
    rows = [invoice(line(), line(ItemCode="X-CALL"), InvoiceNumber=f"{prefix}-{n}") for n in range(count)]
    with CaptureQueriesContext(connections["simulator"]) as captured:
        answer = xero.put(f"Invoices?{BATCH}", {"Invoices": rows}, Idempotency_Key=prefix)
    assert {row["StatusAttributeString"] for row in answer.json()["Invoices"]} == {"OK"}
    return len(captured)


def test_creating_fifty_invoices_costs_hardly_more_queries_than_five(xero: XeroCaller) -> None:
    queries_to_create(xero, "W", 1)
    # SQLite takes so many values in one statement: the rows of a large call go in in a few.
    assert queries_to_create(xero, "B", 50) <= queries_to_create(xero, "A", 5) + 3


def test_a_page_far_back_costs_what_the_first_costs(xero: XeroCaller) -> None:
    bulk.fill_up(xero.organisation, contacts=3000)
    first = queries_to_read(xero, "Contacts?page=1&pageSize=100")
    assert queries_to_read(xero, "Contacts?page=30&pageSize=100") == first
