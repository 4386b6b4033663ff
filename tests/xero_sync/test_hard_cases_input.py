"""Records that few people have and somebody always has: odd numbers, long texts, quotes, twins, cents."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance.models import Invoice, InvoiceLine, Item, TaxRate
from tests import records
from tests.xero_sync.driving import check, export, outcome, send, states, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, jobs
from xero_sync.models import MirrorStamp, TaxMapping, XeroConnection, XeroRequest

pytestmark = pytest.mark.django_db
READY = Invoice.Status.READY
NUMBERS = [
    "INV,1", "INV/1", "INV 1", "INV'1", 'INV"1', 'INV,"1', "INV%2C1", "INV+1", "INV&1=2", "INV#1", "INV?1", "A" * 255,
    "INV;1", "INV\\1", " INV-1", "INV-1 ", '"', ",", "<b>1</b>",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settle_time(settings: Any) -> None:
    settings.XERO_SETTLE_SECONDS = 0


@pytest.mark.parametrize("number", NUMBERS)
def test_an_odd_number_is_checked_sent_and_found_again(
    connection: XeroConnection, xero: SimulatedXero, number: str
) -> None:
    records.invoice(number, status=READY)
    xero.fault("error_500_after", method="PUT", endpoint="Invoices")
    job = export()
    assert states(job) == {number: "succeeded"}, outcome(job)
    assert job.rows.get(kind="invoices").how == "adopted"
    assert [each["number"] for each in xero.invoices()] == [number]


def test_forty_numbers_of_255_characters_are_looked_up(connection: XeroConnection, xero: SimulatedXero) -> None:
    account = records.account("Bolt Ltd")
    for n in range(40):
        records.invoice(f"{n:03}" + "N" * 252, of=account, status=READY)
    xero.fault("error_500_half", method="PUT", endpoint="Invoices")
    job = export()
    assert set(states(job).values()) == {"succeeded"}
    assert len(xero.invoices()) == 40


@pytest.mark.parametrize("number", ["INV-1\n", "INV\t1", "Rechnung-Ä", "\x01"])
def test_a_number_that_xero_does_not_take_is_told_before_sending(connection: XeroConnection, number: str) -> None:
    records.invoice(number, status=READY)
    assert check().rows.get(kind="invoices").reason == "bad_number"


def test_a_thousand_lines_of_long_texts_are_sent_in_bodies_that_xero_takes(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    account = records.account("Bolt Ltd")
    for n in range(3):
        made = records.invoice(f"INV-{n}", of=account, status=READY)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(invoice=made, position=p, description="é" * 1000 + "🧾", unit_price=Decimal("0.01"))
            for p in range(2, 1001)
        )
        made.recalculate()
    job = export()
    assert set(states(job).values()) == {"succeeded"}, outcome(job)
    bodies = [len(bytes(each.body)) for each in XeroRequest.objects.filter(kind="invoices")]
    assert len(bodies) == 3
    assert max(bodies) < 3_000_000


def test_a_text_of_4000_characters_arrives_and_of_4001_is_told(connection: XeroConnection) -> None:
    account = records.account("Bolt Ltd")
    for name, length in (("FITS", 4000), ("LONG", 4001)):
        records.invoice(name, of=account, status=READY).lines.update(description="🧾" * length)
    job = export()
    assert states(job) == {"FITS": "succeeded", "LONG": "failed"}


@pytest.mark.parametrize(
    ("quantity", "price", "discount"),
    [
        ("3", "33.3350", "0"),
        ("1", "0.0050", "0"),
        ("2", "50", "100"),
        ("1.5", "19.9999", "12.3456"),
        ("7", "0.0001", "0"),
    ],
)
@pytest.mark.parametrize("rate", ["0", "8.25"])
def test_the_cents_are_xeros(
    connection: XeroConnection, xero: SimulatedXero, quantity: str, price: str, discount: str, rate: str
) -> None:
    tax = records.tax("Levy", rate) if rate != "0" else None
    made = records.invoice("INV-1", status=READY, tax=tax)
    made.lines.update(
        quantity=Decimal(quantity), unit_price=Decimal(price), discount_percent=Decimal(discount), taxable=bool(tax)
    )
    made.recalculate()
    job = export()
    assert states(job) == {"INV-1": "succeeded"}, outcome(job)
    assert the_row(job, "INV-1").warning == ""
    assert Decimal(xero.invoices()[0]["total"]) == made.total


def test_a_negative_total_is_told_before_sending(connection: XeroConnection) -> None:
    records.invoice("INV-1", price="-5", status=READY)
    assert the_row(check(), "INV-1").reason == "negative_total"


def test_items_whose_codes_differ_in_case_only_ask(connection: XeroConnection) -> None:
    made = records.invoice("INV-1", status=READY)
    one, two = (Item.objects.create(kind="product", name=f"Cable {code}", code=code) for code in ("ab", "AB"))
    made.lines.update(item=one)
    InvoiceLine.objects.create(invoice=made, position=2, item=two, unit_price=Decimal(1))
    made.recalculate()
    assert the_row(check(), "INV-1").reason == "collision"


def test_an_item_that_differs_in_case_from_one_of_ours_in_xero_is_not_shared(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    account = records.account("Bolt Ltd")
    made = records.invoice("INV-1", of=account, status=READY)
    made.lines.update(item=Item.objects.create(kind="product", name="Cable", code="ab"))
    export()
    late = records.invoice("INV-2", of=account, status=READY)
    late.lines.update(item=Item.objects.create(kind="product", name="Wire", code="AB"))
    job = export()
    assert the_row(job, "INV-2").reason == "code_collision"


def test_a_tax_group_whose_name_has_another_rate_in_xero_asks(connection: XeroConnection, xero: SimulatedXero) -> None:
    group = TaxRate.objects.create(name="City group", rate=0)
    group.set_components([("State", Decimal("5"), False), ("City", Decimal("2.77"), True)])
    account = records.account("Bolt Ltd")
    records.invoice("INV-1", of=account, status=READY, tax=group)
    assert states(export()) == {"INV-1": "succeeded"}
    TaxMapping.objects.all().delete()
    group.set_components([("State", Decimal("6"), False), ("City", Decimal("2.77"), True)])
    records.invoice("INV-2", of=account, status=READY, tax=group)
    MirrorStamp.objects.update(complete_at=clock.now() - timedelta(hours=1))
    assert the_row(check(), "INV-2").reason == "tax_name_taken"


@pytest.mark.parametrize(
    "name", ['The "Best" Ltd', "O'Hara, Sons & Co / 2", "Müller 🧾", "A" * 255, "%20 + Co", "{{7*7}}"]
)
def test_an_odd_contact_name_is_adopted_after_a_lost_answer(
    connection: XeroConnection, xero: SimulatedXero, name: str
) -> None:
    records.invoice("INV-1", status=READY, of=records.account(name))
    xero.fault("error_500_after", method="PUT", endpoint="Contacts")
    job = export()
    assert states(job) == {"INV-1": "succeeded"}, outcome(job)
    assert [each["name"] for each in xero.books()["contacts"]].count(name) == 1


def test_an_archived_twin_does_not_hide_the_active_contact(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.invoice("INV-1", status=READY, of=records.account("Bolt Ltd"))
    export()
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    from crm.models import Account
    from xero_sync.models import XeroLink

    XeroLink.objects.filter(kind="contacts").delete()
    Account.objects.all().update(name="Bolt (old)")
    MirrorStamp.objects.update(complete_at=clock.now() - timedelta(hours=1))
    records.invoice("INV-2", status=READY, of=records.account("Bolt Ltd"))
    job = export({"ids": [str(Invoice.objects.get(number="INV-2").uuid)]})
    assert the_row(job, "INV-2").state == "failed"
    assert "archived" in the_row(job, "INV-2").message


def test_a_tax_mapping_that_was_cleared_after_the_check_sends_nothing_without_tax(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    tax = records.tax("Levy", "8.25")
    account = records.account("Bolt Ltd")
    records.invoice("INV-1", of=account, status=READY, tax=tax)
    export()
    records.invoice("INV-2", of=account, status=READY, tax=tax)
    job = check()
    TaxMapping.objects.all().delete()
    send(job)
    assert states(job) == {"INV-2": "skipped"}
    assert the_row(job, "INV-2").reason == "changed"
    assert len(xero.invoices()) == 1


def test_a_contact_that_was_unlinked_after_the_check_sends_nothing_without_contact(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    from xero_sync.models import XeroLink

    account = records.account("Bolt Ltd")
    records.invoice("INV-1", of=account, status=READY)
    export()
    records.invoice("INV-2", of=account, status=READY)
    job = check()
    XeroLink.objects.filter(kind="contacts").delete()
    send(job)
    assert the_row(job, "INV-2").reason == "changed"
    assert jobs.results(job)["failed"] == 0
