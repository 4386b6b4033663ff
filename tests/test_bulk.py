"""Writing many rows at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from bmsxero.bulk import insert_each, update_each
from finance.models import Invoice
from tests import records
from xero_sync.models import XeroLink

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


def link(xero_id: str, number: str, local_id: UUID | None = None) -> XeroLink:
    return XeroLink(
        tenant_id="t", kind="items", local_id=local_id or uuid4(), xero_id=xero_id, xero_number=number,
        matched_by="created", sent={"price": "1.50"},
    )  # fmt: skip


def numbers() -> dict[str, str]:
    return dict(XeroLink.objects.values_list("xero_id", "xero_number"))


def test_records_are_inserted_with_what_django_fills_in(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        insert_each([link("a", "A"), link("b", "B")])
    made = XeroLink.objects.get(xero_id="a")
    assert (made.sent, made.job, made.created is not None) == ({"price": "1.50"}, None, True)
    assert numbers() == {"a": "A", "b": "B"}


def test_what_is_there_can_be_left_alone() -> None:
    insert_each([link("a", "A")])
    insert_each([link("a", "other"), link("b", "B")], unless_there=True)
    assert numbers() == {"a": "A", "b": "B"}


def test_what_is_there_can_be_written_over_in_part() -> None:
    insert_each([link("a", "A")])
    kept = XeroLink.objects.get().local_id
    insert_each([link("a", "new")], unique=["tenant_id", "kind", "xero_id"], update=["xero_number"])
    assert (XeroLink.objects.get().xero_number, XeroLink.objects.get().local_id) == ("new", kept)


def test_what_is_there_is_an_error_otherwise() -> None:
    insert_each([link("a", "A")])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_each([link("a", "A")])
