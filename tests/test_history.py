"""What was changed, by whom and when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from bmsxero import history
from bmsxero.history import PAGE_SIZE, Change, Entry, history_of
from crm.models import Account, Site
from finance.models import Invoice, InvoiceLine, Item, TaxRate
from tests.records import account, invoice, payment, site, tax

pytestmark = pytest.mark.django_db


def told(record: Any, *others: Any, page: str = "1") -> list[Entry]:
    request = RequestFactory().get("/", {history.PAGE: page})
    return history_of(request, type(record).history.filter(id=record.pk), *others).entries


def test_a_change_says_before_and_after_in_words() -> None:
    vat = tax()
    item = Item.objects.create(kind=Item.Kind.SERVICE, name="Care", unit_price=Decimal("10"))
    item.kind, item.tax, item.unit_price, item.active = Item.Kind.PRODUCT, vat, Decimal("10.5"), False
    item.save()
    newest, first = told(item)
    assert first.what == "Created"
    assert newest.changes == [
        Change("Kind", "Service", "Product"),
        Change("Unit price", "10", "10.50"),
        Change("Tax", "nothing", "VAT 20%"),
        Change("Active", "Yes", "No"),
    ]


def test_money_has_two_decimals_and_dates_are_words() -> None:
    made = invoice(price="1234.5", due_date=date(2026, 12, 2))
    made.due_date = date(2027, 1, 5)
    made.save()
    assert Change("Due date", "2 Dec 2026", "5 Jan 2027") in told(made)[0].changes
    assert Change("Total", "0.00", "1,234.50") in told(made)[1].changes


def test_it_says_who_did_it(writer: Client) -> None:
    found = account("Acme")
    writer.post(f"/crm/accounts/{found.pk}/edit/", {"name": "Acme Ltd", "site-name": "Main", "active": "on"})
    entry = told(found)[0]
    assert entry.who == "finance user"
    assert Change("Name", "Acme", "Acme Ltd") in entry.changes


def test_a_full_name_goes_before_the_user_name(rf: RequestFactory) -> None:
    found = account("Acme")
    found._history_user = User.objects.create_user("ann", first_name="Ann", last_name="Lee")  # type: ignore[attr-defined]
    found.active = False
    found.save()
    assert told(found)[0].who == "Ann Lee"


def test_a_job_is_named_where_no_person_did_it() -> None:
    found = account("Acme")
    with history.because("Job 12"):
        found.name = "Acme Ltd"
        found.save()
    assert told(found)[0].who == "Job 12"
    found.save()
    found.name = "Other"
    found.save()
    assert told(found)[0].who == "BMS Finance"


def test_a_record_made_in_bulk_is_noted_as_it_was_before_its_first_change() -> None:
    (found,) = Account.objects.bulk_create([Account(name="Acme")])
    assert told(found) == []
    found.name = "Acme Ltd"
    history.begin([found])
    found.save()
    newest, first = told(found)
    assert first.what == "Recorded as it was"
    assert newest.changes == [Change("Name", "Acme", "Acme Ltd")]


def test_what_is_saved_without_a_change_is_not_told() -> None:
    found = account("Acme")
    found.save()
    assert [entry.what for entry in told(found)] == ["Created"]


def test_lines_are_told_as_sentences() -> None:
    made = invoice(price="100")
    InvoiceLine.objects.filter(invoice=made).update(quantity=Decimal("2.5"))
    InvoiceLine.objects.create(invoice=made, position=2, description="Travel", unit_price=Decimal("40"))
    made.recalculate()
    assert told(made)[0].notes == ["Line 1: quantity 1 → 2.50", "Line 2 added: Travel, 1 × 40.00"]
    made.lines.filter(position=1).delete()
    made.recalculate()
    assert told(made)[0].notes == ["Line 1 removed: Work, 2.50 × 100.00"]


def test_a_payment_shows_in_the_history_of_its_invoice() -> None:
    made = invoice(price="100", status="sent")
    payment(made, "40")
    changes = told(made)[0].changes
    assert Change("Status", "Sent", "Partly Paid") in changes
    assert Change("Balance due", "100.00", "60.00") in changes


def test_marked_invoices_say_so() -> None:
    from finance import statuses

    (made,) = Invoice.objects.bulk_create(
        [Invoice(number="B-1", account=account(), date=date(2026, 11, 2), due_date=date(2026, 12, 2))]
    )
    statuses.mark([made.pk], Invoice.Status.READY)
    made.refresh_from_db()
    assert made.ready_at is not None
    assert Change("Status", "Draft", "Ready to Send") in told(made)[0].changes


def test_what_belongs_to_a_record_is_told_with_it() -> None:
    of = account("Acme")
    place = site(of, "Depot")
    place.phone = "123"
    place.save()
    entries = told(of, Site.history.filter(account=of))
    assert [entry.what for entry in entries] == ["Changed: site Depot", "Created: site Depot", "Created"]


def test_a_record_that_is_gone_is_told_as_such() -> None:
    vat = TaxRate.objects.create(name="Old", rate=Decimal(5))
    of = account("Acme", sales_tax=vat)
    of.sales_tax = None
    of.save()
    vat.delete()
    assert told(of)[0].changes == [Change("Sales tax", "one that is gone", "nothing")]


def test_pages_cost_the_same_at_any_length(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    of = account("Acme")
    site(of)

    def rename(times: int) -> None:
        for number in range(times):
            of.name, of.sales_tax = f"Acme {number}", tax(f"Tax {TaxRate.objects.count()}")
            of.save()

    def read() -> list[Entry]:
        return told(of, Site.history.filter(account=of))

    rename(2)
    with django_assert_num_queries(6):
        read()
    rename(PAGE_SIZE + 5)
    with django_assert_num_queries(5):  # the sites' part is on the second page
        assert len(read()) == PAGE_SIZE
    assert told(of, Site.history.filter(account=of), page="2")[-1].what == "Created"
