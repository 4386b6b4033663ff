"""Writing many rows at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bmsxero.bulk import update_each
from finance.models import Invoice
from tests import records

pytestmark = pytest.mark.django_db


def test_each_record_gets_its_own_values_and_nothing_else_changes(django_assert_num_queries: Any) -> None:
    of = records.account("Bolt Ltd")
    first, second = records.invoice("INV-1", of=of), records.invoice("INV-2", of=of)
    first.status, second.status = Invoice.Status.PAID, Invoice.Status.VOID
    first.balance_due = Decimal("1.25")
    first.po_number = "not written"
    with django_assert_num_queries(1):
        update_each([first, second], ["status", "balance_due"])
    kept = Invoice.objects.order_by("number").values_list("status", "balance_due", "po_number")
    assert list(kept) == [("paid", Decimal("1.25"), ""), ("void", second.balance_due, "")]


def test_without_records_there_is_nothing_to_write(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        update_each([], ["status"])
