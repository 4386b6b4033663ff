"""The wizard that imports payments: filter, load, select, check, import."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance import sample_data
from finance.models import Invoice, Payment
from tests.records import account, invoice
from tests.xero_sync.driving import export
from tests.xero_sync.pages import check, run, text, use_organisation
from xero_sync import mirror
from xero_sync.models import Job, MirrorStamp, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
WIZARD = "/finance/xero/import-payments/"
LOAD = f"{WIZARD}load/"
KINDS = ("payments", "invoices")
SELECT = "/finance/xero/select/payments/"


def loaded(connection: XeroConnection) -> None:
    """Make the copy look read two minutes ago."""
    then = timezone.now() - timedelta(minutes=2)
    for kind in KINDS:
        MirrorStamp.objects.update_or_create(
            tenant_id=connection.tenant_id, kind=kind, defaults={"complete_at": then, "wanted_at": then}
        )


def paid(number: str, amount: str = "10.00", *, of: Invoice | None = None, **payload: Any) -> XeroRecord:
    """Make a payment of Xero's in our copy; of one of our invoices, or of somebody else's."""
    document = str(uuid4())
    if of:
        link, _ = XeroLink.objects.get_or_create(
            tenant_id="here", kind="invoices", local_id=of.uuid, defaults={"xero_id": document}
        )
        document = link.xero_id
    day = payload.pop("day", date(2026, 11, 10))
    contact = payload.pop("contact", "Acme")
    return XeroRecord.objects.create(
        tenant_id="here",
        kind="payments",
        xero_id=str(uuid4()),
        key=document,
        folded_name=contact.casefold(),
        date=day,
        status="AUTHORISED",
        seen_at=timezone.now(),
        payload={
            "Amount": amount,
            "Status": "AUTHORISED",
            "Invoice": {"InvoiceNumber": number, "CurrencyCode": "GBP", "Contact": {"Name": contact}},
            **payload,
        },
    )


def opened(client: Client, **asked: Any) -> Any:
    """Open the list, as the page does once all is read."""
    return client.get(WIZARD, {"draft": str(uuid4()), **asked}, follow=True)


def shown(page: Any) -> list[str]:
    return [row.record.number for row in page.context["grid"].rows]


class TestLoad:
    def test_nothing_is_listed_before_it_was_read(self, writer: Client) -> None:
        use_organisation()
        page = opened(writer)
        assert "Load Xero payments" in text(page)
        assert "grid" not in page.context

    def test_loading_asks_a_worker_and_shows_how_far_it_is(self, writer: Client) -> None:
        use_organisation()
        page = writer.post(LOAD, {"number": "INV-1"}, follow=True)
        assert page.wsgi_request.GET.dict().keys() == {"number", "draft"}
        assert "Reading payments and invoices from Xero." in text(page)
        MirrorStamp.objects.filter(kind="payments").update(read_so_far=1200, calls_so_far=2)
        assert "Loaded 1,200 so far · 2 calls" in text(writer.get(f"{WIZARD}progress/"))

    def test_a_worker_that_does_not_come_is_told(self, writer: Client) -> None:
        use_organisation()
        writer.post(LOAD)
        MirrorStamp.objects.update(wanted_at=timezone.now() - timedelta(seconds=20))
        assert "No worker has taken this up yet" in text(writer.get(WIZARD))

    def test_the_page_comes_anew_when_all_is_read(self, writer: Client) -> None:
        loaded(use_organisation())
        answer = writer.get(f"{WIZARD}progress/")
        assert (answer.status_code, answer.headers["HX-Refresh"]) == (286, "true")

    def test_a_failed_reading_keeps_what_was_read(self, writer: Client) -> None:
        loaded(use_organisation())
        paid("INV-1")
        MirrorStamp.objects.filter(kind="payments").update(error="Xero can't be reached.", wanted_at=timezone.now())
        page = opened(writer)
        assert "Reading again failed: Xero can&#x27;t be reached." in text(page)
        assert shown(page) == ["INV-1"]

    def test_the_age_of_the_copy_is_told(self, writer: Client) -> None:
        loaded(use_organisation())
        page = text(opened(writer))
        assert "Read from Xero 2\N{NO-BREAK SPACE}minutes ago ·" in page
        assert "Read again" in page

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_dates_the_wrong_way_round_are_told_at_the_field(self, writer: Client, method: str) -> None:
        loaded(use_organisation())
        asked = {"date_from": "2026-11-30", "date_to": "2026-11-01"}
        page = getattr(writer, method)(WIZARD if method == "get" else LOAD, asked)
        assert page.status_code == 400
        assert "1 November 2026 is before 30 November 2026. Swap the two dates." in text(page)
        assert 'value="2026-11-30"' in text(page)
        assert not MirrorStamp.objects.filter(wanted_at__gt=timezone.now() - timedelta(minutes=1)).exists()


class TestSelect:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        made = use_organisation()
        loaded(made)
        return made

    def test_each_payment_tells_what_it_is_here(self, writer: Client) -> None:
        ours = invoice("INV-1", price="100", status="sent")
        paid("INV-1", "40.00", of=ours)
        done = paid("INV-1", "30.00", of=ours)
        paid("X-9", "5.00")
        known = Payment.objects.create(account=ours.account, invoice=ours, date=date(2026, 11, 1), amount=Decimal(30))
        XeroLink.objects.create(tenant_id="here", kind="payments", local_id=known.uuid, xero_id=done.xero_id)
        ours.settle()
        rows = [row.record for row in opened(writer, sort="date").context["grid"].rows]
        assert [(row.number, row.amount, row.balance, row.state.label) for row in rows] == [
            ("INV-1", Decimal("40.00"), Decimal(70), "New"),
            ("INV-1", Decimal("30.00"), Decimal(70), "Already imported"),
            ("X-9", Decimal("5.00"), None, "Not an invoice from here"),
        ]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"date_from": "2026-11-10", "date_to": "2026-11-10"}, ["A"]),
            ({"number": "b"}, ["B"]),
            ({"reference": "bacs"}, ["B"]),
            ({"contact": "bolt"}, ["C"]),
        ],
    )
    def test_payments_are_found_by(self, writer: Client, asked: dict[str, str], found: list[str]) -> None:
        paid("A")
        paid("B", day=date(2026, 11, 11), Reference="BACS 12")
        paid("C", day=date(2026, 11, 12), contact="Bolt Ltd")
        assert shown(opened(writer, **asked)) == found

    def test_all_matching_payments_are_added_up(self, writer: Client) -> None:
        for number in range(30):
            paid(f"A-{number}", "10.10")
        page = opened(writer, rows="25")
        keys = [row.choice.key for row in page.context["grid"].rows]
        here = page.wsgi_request.GET.urlencode()
        page = writer.post(SELECT, {"here": here, "do": "all"}, follow=True)
        assert page.context["bar"].words == "30 payments selected (all)"
        page = writer.post(SELECT, {"here": here, "shown": keys, "ids": keys[1:]}, follow=True)
        assert page.context["bar"].sums == ["GBP\N{NO-BREAK SPACE}292.90"]

    def test_check_takes_the_ticks_of_the_page_along(self, writer: Client) -> None:
        first, second = paid("A"), paid("B")
        here = opened(writer).wsgi_request.GET.urlencode()
        form = {"here": here, "shown": [first.xero_id, second.xero_id], "ids": [first.xero_id], "token": str(uuid4())}
        writer.post("/finance/xero/check/payments/", form)
        job = Job.objects.get()
        assert (job.kind, job.direction, job.selection["ids"]) == ("payments", "import", [first.xero_id])

    def test_back_from_check_finds_the_ticks_again(self, writer: Client) -> None:
        first, second = paid("A-1"), paid("A-2")
        here = opened(writer, number="A").wsgi_request.GET.urlencode()
        form = {"here": here, "shown": [first.xero_id, second.xero_id], "ids": [first.xero_id], "token": str(uuid4())}
        job = Job.objects.get(pk=writer.post("/finance/xero/check/payments/", form).url.strip("/").split("/")[-1])
        Job.objects.filter(pk=job.pk).update(state=Job.State.CHECKED, checked_at=timezone.now())
        back = writer.get(f"/finance/jobs/{job.number}/").context["wizard_url"]
        rows = writer.get(back).context["grid"].rows
        assert {row.record.number: row.choice.chosen for row in rows} == {"A-1": True, "A-2": False}

    def test_names_stay_text(self, writer: Client) -> None:
        paid("<b>1</b>", contact="<img src=x onerror=alert(1)>{{7*7}}", Reference="<i>r</i>")
        page = text(opened(writer))
        for tag in ("<img src=x", "<b>1", "<i>r"):
            assert tag not in page

    def test_the_grid_costs_the_same_for_any_number_of_rows(self, writer: Client) -> None:
        ours = account()

        def cost(number: int) -> int:
            for _ in range(number):
                paid("INV", of=invoice(of=ours, status="sent"))
            query = opened(writer).wsgi_request.GET.urlencode()
            with CaptureQueriesContext(database) as caught:
                writer.get(f"{WIZARD}?{query}&rows=100")
            return len(caught)

        few = cost(10)
        assert cost(90) == few
        assert few <= 16  # with PostgreSQL one is for its clock


def test_what_a_customer_pays_in_xero_settles_the_invoice_here(
    connection: XeroConnection, xero: Any, writer: Client, today: date
) -> None:
    sample_data.create(sample_data.Size(2, 2, 2), today=today)
    export(status="AUTHORISED")
    first, second = Invoice.objects.order_by("pk")
    xero.control("pay", invoices=[first.number])
    writer.post(LOAD)
    for kind in KINDS:
        mirror.read_wanted(connection.pk, kind)
    page = opened(writer)
    (row,) = page.context["grid"].rows
    assert (row.record.number, row.record.state.label) == (first.number, "New")
    job = run(check(writer, [row.choice.key], "payments"))
    page = text(writer.get(f"/finance/jobs/{job.number}/"))
    assert f"This will import 1 payment ({first.total:,.2f} GBP) from Acme MSP Ltd." in page
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    page = text(writer.get(f"/finance/jobs/{job.number}/"))
    assert "1 payment: 1 imported, 0 failed, 0 unknown." in page
    assert f"/finance/payments/{Payment.objects.get().pk}/" in page
    first.refresh_from_db()
    assert (first.status, first.balance_due) == ("paid", 0)
    assert second.payments.count() == 0


def test_a_payment_that_xero_deleted_is_told_at_check_and_taken_back(
    connection: XeroConnection, xero: Any, writer: Client, today: date
) -> None:
    sample_data.create(sample_data.Size(1, 1, 2), today=today)
    export(status="AUTHORISED")
    first, second = Invoice.objects.order_by("pk")
    gone = xero.control("pay", invoices=[first.number])["payments"][0]["payment_id"]
    for kind in KINDS:
        mirror.want(connection.tenant_id, kind)
        mirror.read_wanted(connection.pk, kind)
    job = run(check(writer, [gone], "payments"))
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    xero.control("delete-payment", payments=[gone])
    xero.control("pay", invoices=[second.number])
    for kind in KINDS:
        mirror.want(connection.tenant_id, kind)
        mirror.read_wanted(connection.pk, kind)
    new = XeroRecord.objects.filter(kind="payments").exclude(status="DELETED").get()
    job = run(check(writer, [new.xero_id], "payments"))
    assert "It also takes back 1 payment that was deleted in Xero." in text(writer.get(f"/finance/jobs/{job.number}/"))
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    first.refresh_from_db()
    assert first.balance_due == first.total
