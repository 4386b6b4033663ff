"""Writing many rows at once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from bmsxero.bulk import insert_each, update_each
from finance.models import Invoice
from tests import records
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink

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


def test_values_of_any_sort_come_back_as_they_were_written() -> None:
    """Most go to the database as they are; what a field makes of its own is still asked for."""
    connection = XeroConnection.objects.create(tenant_id="t")
    job = Job.objects.create(connection=connection, tenant_id="t", kind="items", direction="export")
    made = JobRow(
        job=job, record_key="k", label="L", requested=False, stage=3, state=JobRow.State.FAILED,
        amount=Decimal("1.50"), needs=[["items", "1"]], deaths=2,
    )  # fmt: skip
    insert_each([made])
    row = JobRow.objects.get()
    assert (row.requested, row.stage, row.state, row.amount, row.needs, row.deaths) == (
        False, 3, "failed", Decimal("1.50"), [["items", "1"]], 2,
    )  # fmt: skip
    assert row.updated is not None
    row.updated = datetime(2026, 11, 2, 9, 30, 0, 123456, tzinfo=UTC)
    row.message = ""
    update_each([row], ["updated", "message", "request"])
    row.refresh_from_db()
    assert (row.updated, row.message, row.request_id) == (datetime(2026, 11, 2, 9, 30, 0, 123456, tzinfo=UTC), "", None)


def test_records_inserted_together_share_the_moment_that_django_fills_in() -> None:
    insert_each([link("a", "A"), link("b", "B")])
    first, second = XeroLink.objects.order_by("xero_id")
    assert first.created == second.created
