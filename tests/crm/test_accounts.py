from __future__ import annotations

import csv
import io
from typing import Any, ClassVar

import pytest
from django.test import Client

from crm.models import Account
from tests.records import account, invoice, payment, site, tax
from tests.xero_sync.pages import make_job
from xero_sync.models import XeroLink

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return response.content.decode()


def names(response: Any) -> list[str]:
    return [row.record.name for row in response.context["grid"].rows]


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_accounts_are_found_by_a_part_of_the_name_or_code(reader: Client) -> None:
    account("Bolt", code="B-1")
    account("Acme", code="A-1")
    assert names(reader.get("/crm/accounts/?q=OLT")) == ["Bolt"]
    assert names(reader.get("/crm/accounts/?q=a-1")) == ["Acme"]


def test_inactive_accounts_can_be_listed_alone(reader: Client) -> None:
    account("Bolt", active=False)
    account("Acme")
    assert names(reader.get("/crm/accounts/?active=no")) == ["Bolt"]
    assert names(reader.get("/crm/accounts/?active=yes")) == ["Acme"]


def test_csv_holds_all_that_match_and_not_only_the_page(reader: Client) -> None:
    for number in range(60):
        account(f"Acme {number:02}", sales_tax=None)
    account("Bolt")
    rows = rows_of(reader.get("/crm/accounts.csv?q=acme&rows=25"))
    assert len(rows) == 60
    assert rows[0]["Name"] == "Acme 00"


def test_csv_defuses_a_name_that_a_spreadsheet_would_run(reader: Client) -> None:
    account("=HYPERLINK(1)", sales_tax=tax())
    (row,) = rows_of(reader.get("/crm/accounts.csv"))
    assert row["Name"] == "'=HYPERLINK(1)"
    assert row["Sales tax"] == "VAT 20%"


class TestOneAccount:
    def test_it_shows_sites_with_their_addresses(self, reader: Client) -> None:
        made = account("Acme")
        site(made, billing_line1="1 Mill Lane", billing_city="Leeds", billing_email="pay@acme.test")
        site(made, "Depot", is_main=False)
        page = text(reader.get(made.get_absolute_url()))
        assert "1 Mill Lane" in page
        assert "pay@acme.test" in page
        assert page.count("Main site") == 1
        assert "Depot" in page

    def test_it_adds_up_what_the_customer_owes_in_each_currency(self, reader: Client) -> None:
        made = account("Acme")
        payment(invoice(of=made, status="sent", price="100"), "40")
        invoice(of=made, status="sent", price="70", currency="EUR")
        invoice(of=made, status="draft", price="5000")
        page = text(reader.get(made.get_absolute_url()))
        assert "<strong>60.00</strong>, <strong>EUR\N{NO-BREAK SPACE}70.00</strong>" in page

    def test_its_lists_lead_to_all_invoices_and_payments_of_the_account(self, reader: Client) -> None:
        made = account("Acme")
        invoice("INV-1", of=made)
        invoice("INV-2")
        link = f"/finance/invoices/?account={made.pk}"
        assert f'href="{link}"' in text(reader.get(made.get_absolute_url()))
        listed = reader.get(link)
        assert [row.record.number for row in listed.context["grid"].rows] == ["INV-1"]
        assert "Account: <strong>Acme</strong>" in text(listed)

    def test_an_account_without_anything_is_still_a_page(self, reader: Client) -> None:
        assert "None yet." in text(reader.get(account().get_absolute_url()))


class TestEdit:
    FILLED: ClassVar = {"name": "Bolt", "active": "on", "taxable": "on", "site-name": "Main"}

    def test_an_account_is_added_with_its_main_site(self, writer: Client) -> None:
        answer = writer.post("/crm/accounts/new/", self.FILLED | {"site-billing_city": "Leeds"})
        made = Account.objects.get()
        assert answer.headers["Location"] == made.get_absolute_url()
        assert made.main_site is not None
        assert made.main_site.billing_lines() == ["Leeds"]

    def test_editing_keeps_the_sites_an_account_has(self, writer: Client) -> None:
        made = account("Bolt")
        main, depot = site(made), site(made, "Depot", is_main=False)
        writer.post(f"/crm/accounts/{made.pk}/edit/", self.FILLED | {"name": "Bolt Ltd", "site-name": "Works"})
        made.refresh_from_db()
        assert made.name == "Bolt Ltd"
        assert {one.pk: one.name for one in made.sites.all()} == {main.pk: "Works", depot.pk: "Depot"}

    def test_a_name_that_another_account_has_is_saved_with_a_warning(self, writer: Client) -> None:
        account(" bolt ".strip())
        page = text(writer.post("/crm/accounts/new/", self.FILLED, follow=True))
        assert "Another account is called bolt, too." in page
        assert Account.objects.count() == 2

    def test_errors_are_summed_up_and_lead_to_their_fields(self, writer: Client) -> None:
        page = text(writer.post("/crm/accounts/new/", {"default_currency": "pounds"}))
        assert "<title>Error: New account" in page
        assert '<a href="#id_name">Name: This field is required.</a>' in page
        assert '<a href="#id_site-name">Site name: This field is required.</a>' in page
        assert not Account.objects.exists()

    def test_a_currency_is_three_capital_letters(self, writer: Client) -> None:
        assert "Three capital letters" in text(
            writer.post("/crm/accounts/new/", self.FILLED | {"default_currency": "gbp"})
        )


class TestBalance:
    """What accounts owe: the balances of all their invoices that aren't void."""

    def test_it_is_shown_sorted_by_and_added_up(self, reader: Client) -> None:
        acme, bolt = account("Acme"), account("Bolt")
        account("Idle")
        payment(invoice(of=acme, price="100", status="sent"), "30")
        invoice(of=acme, price="5", status="void")
        invoice(of=bolt, price="500", status="ready")
        page = reader.get("/crm/accounts/?sort=-balance_due")
        assert [(row.record.name, row.record.balance_due) for row in page.context["grid"].rows] == [
            ("Bolt", 500), ("Acme", 70), ("Idle", 0)
        ]  # fmt: skip
        assert page.context["grid"].sums == ["Balance due in your currency: 570.00"]
        assert reader.get("/crm/accounts/?q=acme").context["grid"].sums == ["Balance due in your currency: 70.00"]

    def test_several_currencies_are_not_added_up(self, reader: Client) -> None:
        acme = account("Acme")
        invoice(of=acme, price="100", currency="EUR", status="sent")
        page = reader.get("/crm/accounts/")
        assert "EUR\xa0100.00" in text(page)
        invoice(of=acme, price="50", currency="USD", status="sent")
        page = reader.get("/crm/accounts/")
        assert ">2 currencies</a>" in text(page)
        assert page.context["grid"].sums == ["Balance due in EUR: 100.00", "Balance due in USD: 50.00"]

    def test_the_number_of_queries_is_the_same_for_ten_times_the_accounts(
        self, writer: Client, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(3):
            invoice(of=account(f"A{number}"), status="sent")
        writer.get("/crm/accounts/")
        with django_assert_max_num_queries(12) as first:
            writer.get("/crm/accounts/")
        for number in range(30):
            invoice(of=account(f"B{number}"), status="sent")
        with django_assert_max_num_queries(12) as second:
            writer.get("/crm/accounts/")
        assert len(first.captured_queries) == len(second.captured_queries)


def test_accounts_are_listed_by_the_job_that_made_them(reader: Client) -> None:
    acme = account("Acme")
    account("Bolt")
    job = make_job("completed", kind="contacts", direction="import")
    XeroLink.objects.create(
        tenant_id="here", kind="contacts", local_id=acme.uuid, xero_id="x", matched_by="imported", job=job
    )
    assert names(reader.get(f"/crm/accounts/?job={job.pk}")) == ["Acme"]
    assert names(reader.get("/crm/accounts/?job=0")) == []


def test_ticked_accounts_go_to_the_export_wizard(writer: Client, reader: Client) -> None:
    account("Acme")
    page = text(writer.get("/crm/accounts/"))
    assert 'action="/finance/xero/export/accounts/"' in page
    assert "Export to Xero" in page
    assert "Export to Xero" not in text(reader.get("/crm/accounts/"))
