from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from finance.models import Invoice
from tests.records import account, invoice, payment, site, tax
from tests.xero_sync.pages import make_job, make_rows, use_organisation

pytestmark = pytest.mark.django_db
LIST = "/finance/invoices/"
MARK = "/finance/invoices/mark/"


def text(response: Any) -> str:
    return response.content.decode()


def numbers(response: Any) -> list[str]:
    return [row.record.number for row in response.context["grid"].rows]


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


class TestList:
    @pytest.mark.parametrize("typed", ["inv-7", "bolt", "po-9"])
    def test_an_invoice_is_found_by_number_account_or_po(self, reader: Client, typed: str) -> None:
        invoice("INV-7", of=account("Bolt Logistics"), po_number="PO-9")
        invoice("INV-8")
        assert numbers(reader.get(LIST, {"q": typed})) == ["INV-7"]

    def test_due_dates_count_both_ends(self, reader: Client) -> None:
        for day in (1, 2, 3, 4):
            invoice(f"INV-{day}", due_date=date(2026, 12, day))
        asked = {"due_from": "2026-12-02", "due_to": "2026-12-03", "sort": "number"}
        assert numbers(reader.get(LIST, asked)) == ["INV-2", "INV-3"]

    def test_unpaid_means_sent_with_a_balance(self, reader: Client) -> None:
        invoice("DRAFT")
        invoice("SENT", status="sent")
        payment(invoice("PART", status="sent"), "1")
        payment(invoice("PAID", status="sent"), "100")
        assert sorted(numbers(reader.get(LIST, {"status": "unpaid"}))) == ["PART", "SENT"]

    def test_overdue_starts_the_day_after_the_due_date(self, reader: Client) -> None:
        today = timezone.localdate()
        invoice("TODAY", status="sent", due_date=today)
        invoice("YESTERDAY", status="sent", due_date=today - timedelta(days=1))
        answer = reader.get(LIST, {"status": "overdue"})
        assert numbers(answer) == ["YESTERDAY"]
        assert '<span class="late">overdue</span>' in text(answer)

    def test_all_matching_invoices_are_added_up_in_each_currency(self, reader: Client) -> None:
        for _ in range(30):
            invoice(price="1000.10")
        invoice(price="5", currency="EUR")
        page = text(reader.get(LIST, {"rows": "25"}))
        assert "30 in your currency: total 30,003.00, balance due 30,003.00" in page
        assert "1 in EUR: total 5.00, balance due 5.00" in page

    def test_csv_has_plain_decimals_and_dates(self, reader: Client) -> None:
        invoice("INV-1", price="1234.5", currency="EUR")
        body = b"".join(reader.get("/finance/invoices.csv").streaming_content).decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(body))
        assert (row["Total"], row["Currency"], row["Date"], row["Status"]) == ("1234.50", "EUR", "2026-11-02", "Draft")

    def test_csv_of_many_rows_is_read_in_batches(self, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bmsxero.listing.BATCH", 3)
        for number in range(8):
            invoice(f"INV-{number}")
        answer = reader.get("/finance/invoices.csv?sort=number")
        lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
        assert [line.split(",")[0] for line in lines[1:]] == [f"INV-{number}" for number in range(8)]


class TestOneInvoice:
    def test_it_shows_lines_totals_and_balance(self, reader: Client) -> None:
        of = account("Acme")
        made = invoice("INV-1", of=of, site=site(of), price="88.20", tax=tax(), status="sent")
        payment(made, "5.84", reference="BACS 1")
        page = text(reader.get(made.get_absolute_url()))
        for shown in ("Head office", "88.20", "17.64", "105.84", "100.00", "BACS 1", "Partly Paid", "VAT 20%"):
            assert shown in page, shown

    def test_the_number_of_queries_does_not_grow_with_lines_and_payments(
        self, reader: Client, django_assert_max_num_queries: Any
    ) -> None:
        made = invoice(price="1000", status="sent", tax=tax())
        for _ in range(20):
            payment(made, "1")
        with django_assert_max_num_queries(20):
            reader.get(made.get_absolute_url())

    def test_a_viewer_has_no_buttons(self, reader: Client, writer: Client) -> None:
        made = invoice(status="draft")
        assert "Mark Ready to Send" not in text(reader.get(made.get_absolute_url()))
        assert "Mark Ready to Send" in text(writer.get(made.get_absolute_url()))


class TestMark:
    def test_a_draft_becomes_ready_and_then_sent(self, writer: Client) -> None:
        made = invoice(status="draft")
        for status in ("ready", "sent"):
            writer.post(MARK, {"ids": made.pk, "status": status})
            made.refresh_from_db()
            assert made.status == status

    def test_several_are_marked_at_once_and_counted(self, writer: Client) -> None:
        ids = [invoice(status=status).pk for status in ("draft", "draft", "paid")]
        answer = writer.post(MARK, {"ids": ids, "status": "ready"})
        assert Invoice.objects.filter(status="ready").count() == 2
        assert told(answer) == [
            "2 invoices are now Ready to Send.",
            "1 left as before: only an invoice in Draft can become Ready to Send.",
        ]

    def test_a_draft_is_not_sent_in_one_step(self, writer: Client) -> None:
        made = invoice(status="draft")
        writer.post(MARK, {"ids": made.pk, "status": "sent"})
        made.refresh_from_db()
        assert made.status == "draft"

    @pytest.mark.parametrize("status", ["paid", "void", "draft", ""])
    def test_no_other_status_is_set_by_hand(self, writer: Client, status: str) -> None:
        made = invoice(status="ready")
        writer.post(MARK, {"ids": made.pk, "status": status})
        made.refresh_from_db()
        assert made.status == "ready"

    def test_nothing_ticked_says_so(self, writer: Client) -> None:
        assert told(writer.post(MARK, {"status": "ready"})) == ["Nothing was marked. Tick at least one invoice first."]

    def test_it_comes_back_to_the_list_with_its_filters_but_to_no_other_site(self, writer: Client) -> None:
        made = invoice(status="draft")
        back = writer.post(MARK, {"ids": made.pk, "status": "ready", "next": "/finance/invoices/?q=x"})
        assert back.headers["Location"] == "/finance/invoices/?q=x"
        away = writer.post(MARK, {"ids": made.pk, "status": "ready", "next": "https://elsewhere.test/"})
        assert away.headers["Location"] == LIST


def test_invoices_are_filtered_by_site_currency_age_and_job(reader: Client) -> None:
    of = account()
    old = invoice("OLD", of=of, site=site(of, "Depot North"), ready_at=timezone.now() - timedelta(days=20))
    new = invoice("NEW", of=of, currency="EUR", ready_at=timezone.now())
    job = make_job("completed")
    make_rows(job, record_id=new.pk, record_key=str(new.uuid), state="failed")

    def found(query: str) -> set[str]:
        return {row.record.number for row in reader.get(f"/finance/invoices/?{query}").context["grid"].rows}

    assert found("site=depot") == {"OLD"}
    assert found("currency=eur") == {"NEW"}
    assert found("age=14") == {"OLD"}
    assert found("age=30") == set()
    assert found(f"job={job.pk}") == {"NEW"}
    assert found("age=x") == set()
    assert old.ready_at is not None


def test_ticked_invoices_go_to_the_export_wizard(writer: Client) -> None:
    use_organisation()
    made = invoice("INV-1", status="sent")
    assert 'formaction="/finance/xero/export-invoices/"' in text(writer.get("/finance/invoices/"))
    answer = writer.post("/finance/xero/export-invoices/", {"ids": [made.pk]}, follow=True)
    assert "1 invoice selected" in text(answer)
